use invar_tree::Machine;

use super::*;
use crate::read_lock;

const SHA1: &str = "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=";
const TARGET: Target = Target { machine: Machine::X86_64 };

fn lock(packages: &str) -> String {
    format!("{{\"lockfileVersion\":3,\"packages\":{{\"\":{{\"name\":\"x\"}},{packages}}}}}")
}

fn entry(fields: &str) -> String {
    lock(&format!("\"node_modules/a\":{{\"version\":\"1.0.0\",{fields}}}"))
}

/// What the lock needs, each as `name version source`.
fn summary(text: &str) -> Vec<String> {
    let source = |needed: &LockedFile| match &needed.source {
        LockedFileSource::Url(url) => url.clone(),
        _ => "registry".to_owned(),
    };
    let all = read_lock(Ecosystem::Npm, text, &TARGET).unwrap();
    all.iter().map(|needed| format!("{} {} {}", needed.name, needed.version, source(needed))).collect()
}

#[test]
fn every_kind_of_entry_is_understood() {
    #[track_caller]
    fn check(packages: &str, expected: &[&str]) {
        assert_eq!(summary(&lock(packages)), expected, "{packages}");
    }
    let file = format!("\"version\":\"1.0.0\",\"integrity\":\"{SHA1}\"");
    check(&format!("\"node_modules/a\":{{{file}}}"), &["a 1.0.0 registry"]);
    check(&format!("\"packages/w/node_modules/@s/b\":{{{file}}}"), &["@s/b 1.0.0 registry"]);
    check(&format!("\"node_modules/alias\":{{\"name\":\"real\",{file}}}"), &["real 1.0.0 registry"]);
    check(
        &format!("\"node_modules/a\":{{\"resolved\":\"https://mirror.example/a.tgz#part\",{file}}}"),
        &["a 1.0.0 https://mirror.example/a.tgz"],
    );
    // The same package in two places is one file.
    check(
        &format!("\"node_modules/a\":{{{file}}},\"node_modules/b/node_modules/a\":{{{file}}}"),
        &["a 1.0.0 registry"],
    );
    // Without a file of their own.
    check("\"packages/w\":{\"version\":\"1.0.0\"}", &[]);
    check("\"node_modules/w\":{\"resolved\":\"packages/w\",\"link\":true}", &[]);
    check("\"node_modules/a/node_modules/b\":{\"version\":\"1.0.0\",\"inBundle\":true}", &[]);
    check("\"node_modules/a\":{\"version\":\"1.0.0\",\"resolved\":\"file:a.tgz\"}", &[]);
}

#[test]
fn optional_packages_for_other_machines_are_left_out() {
    #[track_caller]
    fn check(limits: &str, fits: [bool; 2]) {
        let text = entry(&format!("\"integrity\":\"{SHA1}\",\"optional\":true,{limits}"));
        for (machine, fits) in [Machine::X86_64, Machine::Aarch64].into_iter().zip(fits) {
            let all = read_lock(Ecosystem::Npm, &text, &Target { machine }).unwrap();
            assert_eq!(!all.is_empty(), fits, "{limits} on {machine}");
        }
    }
    check("\"os\":[\"linux\"]", [true, true]);
    check("\"os\":\"linux\"", [true, true]);
    check("\"os\":[\"darwin\",\"linux\"]", [true, true]);
    check("\"os\":[\"darwin\"]", [false, false]);
    check("\"os\":[\"!win32\"]", [true, true]);
    check("\"os\":[\"!linux\"]", [false, false]);
    check("\"os\":[\"any\"]", [true, true]);
    check("\"os\":[]", [true, true]);
    check("\"cpu\":[\"x64\"]", [true, false]);
    check("\"cpu\":[\"arm64\"]", [false, true]);
    check("\"cpu\":[\"ia32\"]", [false, false]);
    check("\"libc\":[\"glibc\"]", [true, true]);
    check("\"libc\":[\"musl\"]", [false, false]);
}

#[test]
fn a_required_package_is_needed_whatever_it_says() {
    // npm refuses to install it, and says so better than a missing file would.
    let text = entry(&format!("\"integrity\":\"{SHA1}\",\"os\":[\"darwin\"]"));
    assert_eq!(summary(&text), ["a 1.0.0 registry"]);
}

#[test]
fn required_in_one_place_is_required() {
    let file = format!("\"version\":\"1.0.0\",\"integrity\":\"{SHA1}\"");
    let optional = format!("\"node_modules/b/node_modules/a\":{{{file},\"optional\":true}}");
    let all = read_lock(Ecosystem::Npm, &lock(&optional), &TARGET).unwrap();
    assert!(all[0].optional);
    let both = format!("{optional},\"node_modules/a\":{{{file}}}");
    let all = read_lock(Ecosystem::Npm, &lock(&both), &TARGET).unwrap();
    assert_eq!(all.len(), 1);
    assert!(!all[0].optional);
}

#[test]
fn digests_of_unknown_algorithms_are_passed_over() {
    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let found = integrity(text);
        let found: Vec<String> = found.into_iter().flatten().map(|check| check.integrity()).collect();
        assert_eq!(found, expected, "{text}");
    }
    check(SHA1, &[SHA1]);
    check(&format!("  md5-abc {SHA1}?note sha384-x \n {SHA1}"), &[SHA1]);
    check("sha512-short sha1", &[]);
    check("", &[]);
}

#[test]
fn the_configured_registry_is_asked_first() {
    #[track_caller]
    fn check(fields: &str, registry: Option<&str>, expected: &[&str]) {
        let all =
            read_lock(Ecosystem::Npm, &entry(&format!("\"integrity\":\"{SHA1}\"{fields}")), &TARGET).unwrap();
        let registries = Registries { npm: registry.map(str::to_owned), ..Registries::default() };
        assert_eq!(crate::urls(&all[0], &registries), expected);
    }
    let mirror = Some("https://mirror.example/npm/");
    check("", None, &[]);
    check("", mirror, &["https://mirror.example/npm/a/-/a-1.0.0.tgz"]);
    let own = ",\"resolved\":\"https://npm.example/a/-/a-1.0.0.tgz\"";
    check(own, None, &["https://npm.example/a/-/a-1.0.0.tgz"]);
    check(
        own,
        mirror,
        &["https://mirror.example/npm/a/-/a-1.0.0.tgz", "https://npm.example/a/-/a-1.0.0.tgz"],
    );
    check(",\"resolved\":\"https://files.example/a.tgz\"", mirror, &["https://files.example/a.tgz"]);
}

#[test]
fn what_cannot_be_used_is_refused_by_name() {
    #[track_caller]
    fn check(packages: &str, entry: &str, expected: EntryFault) {
        match read_lock(Ecosystem::Npm, &lock(packages), &TARGET) {
            Err(VendorError::Entry { ecosystem: Ecosystem::Npm, entry: found, fault }) => {
                assert_eq!((found.as_str(), fault), (entry, expected));
            }
            other => panic!("{other:?}"),
        }
    }
    let fields = |fields: &str| format!("\"node_modules/a\":{{{fields}}}");
    let with_version = |rest: &str| fields(&format!("\"version\":\"1.0.0\",{rest}"));
    let a = "node_modules/a";
    check(&with_version("\"dev\":true"), a, EntryFault::NoIntegrity);
    check(&with_version("\"integrity\":\"md5-x\""), a, EntryFault::Integrity { text: "md5-x".into() });
    check(
        &with_version("\"integrity\":7"),
        a,
        EntryFault::Field { field: "integrity", expected: "a string" },
    );
    check(
        &with_version("\"link\":\"yes\""),
        a,
        EntryFault::Field { field: "link", expected: "true or false" },
    );
    let list = EntryFault::Field { field: "os", expected: "a string or an array of strings" };
    check(&with_version("\"optional\":true,\"os\":[1]"), a, list.clone());
    check(&with_version("\"optional\":true,\"os\":{}"), a, list);
    for resolved in ["git+ssh://git@mirror.example/a.git#cafe", "github:a/b", "git://mirror.example/a"] {
        let fault = EntryFault::Git { resolved: resolved.into() };
        check(&with_version(&format!("\"resolved\":\"{resolved}\"")), a, fault);
    }
    for url in ["ftp://mirror.example/a.tgz", "https:///a", "javascript:x", "https://a b"] {
        let fault = EntryFault::Address { url: url.into() };
        check(&with_version(&format!("\"resolved\":\"{url}\"")), a, fault);
    }
    check(&fields("\"dev\":true"), a, EntryFault::Version { version: String::new() });
    for version in ["", "../1", "1/2", "v1", "1 2"] {
        let fault = EntryFault::Version { version: version.into() };
        check(&fields(&format!("\"version\":\"{version}\"")), a, fault);
    }
    for name in ["..", "a/b", "@a", "@a/../b", "@a/b/c", ".hidden", "a%2fb", "", "a b", "@/a", "é"] {
        let key = format!("node_modules/{name}");
        let fault = EntryFault::Name { name: name.into() };
        check(&format!("\"{key}\":{{\"version\":\"1.0.0\",\"integrity\":\"{SHA1}\"}}"), &key, fault);
    }
}

#[test]
fn other_versions_of_the_lock_say_what_to_do() {
    for (text, version) in [("{}", 0), ("{\"lockfileVersion\":1}", 1), ("{\"lockfileVersion\":4}", 4)] {
        let error = read_lock(Ecosystem::Npm, text, &TARGET).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "the npm lock has version {version}, but only versions 2 and 3 are supported: run `npm install \
                 --package-lock-only` with npm 7 or later to rewrite it"
            )
        );
    }
    for text in ["", "{\"packages\":[]}", "{\"lockfileVersion\":3,\"packages\":{\"a\":1}}"] {
        assert!(matches!(read_lock(Ecosystem::Npm, text, &TARGET), Err(VendorError::Json(_))), "{text}");
    }
}

#[test]
fn a_lock_has_an_end() {
    let entries: Vec<String> = (0..=MAX_ENTRIES).map(|number| format!("\"p{number}\":{{}}")).collect();
    let error = read_lock(Ecosystem::Npm, &lock(&entries.join(",")), &TARGET).unwrap_err();
    assert!(matches!(error, VendorError::TooMany { limit: MAX_ENTRIES, .. }));
}
