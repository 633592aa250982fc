use invar_tree::Machine;
use proptest::prelude::*;

use super::*;
use crate::{Target, ecosystem_of, read_lock};

const ONE: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const TWO: &str = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";
const TARGET: Target = Target { machine: Machine::X86_64 };

/// What the file needs, each as `name version hashes marker`.
fn summary(text: &str) -> Vec<String> {
    let all = read_lock(Ecosystem::Pip, text, &TARGET).unwrap();
    let line = |needed: &LockedFile| {
        let hashes: Vec<String> = needed.any_of.iter().map(|digest| digest.hex()[..2].to_owned()).collect();
        let marker = needed.marker.as_deref().unwrap_or("-");
        format!("{} {} {} {marker}", needed.name, needed.version, hashes.join(","))
    };
    all.iter().map(line).collect()
}

#[test]
fn lines_are_read_as_pip_reads_them() {
    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        assert_eq!(summary(text), expected, "{text}");
    }
    check(&format!("a==1 --hash=sha256:{ONE}"), &["a 1 e3 -"]);
    check(
        &format!("a==1 \\\n    --hash=sha256:{ONE} \\\r\n    --hash=sha256:{TWO}\n    # via b\n"),
        &["a 1 2d,e3 -"],
    );
    check(&format!("# head\n\na == 1 --hash sha256:{ONE} # tail\n"), &["a 1 e3 -"]);
    check(&format!("a[x,y]===1.0+local --hash='sha256:{ONE}'"), &["a 1.0+local e3 -"]);
    check(&format!("a==1 ; python_version < '3.9' --hash=sha256:{ONE}"), &["a 1 e3 python_version < '3.9'"]);
    check(&format!("a==1 --hash=sha512:00 --hash=sha256:{ONE} --hash=sha256:{ONE}"), &["a 1 e3 -"]);
    check(&format!("a==1 --hash=sha256:{ONE}\na==1 --hash=sha256:{TWO}"), &["a 1 2d,e3 -"]);
    check(
        &format!(
            "--index-url https://index.example/\n-c limits.txt\n--no-binary :all:\na==1 --hash=sha256:{ONE}"
        ),
        &["a 1 e3 -"],
    );
    check("-r requirements-base.txt\n--requirement=../requirements.txt\n--require-hashes\n", &[]);
    check("", &[]);
    check("\\", &[]);
}

#[test]
fn what_cannot_be_used_is_refused_by_name() {
    #[track_caller]
    fn check(line: &str, expected: EntryFault) {
        match read_lock(Ecosystem::Pip, line, &TARGET) {
            Err(VendorError::Entry { entry, fault, .. }) => {
                assert_eq!((entry.as_str(), fault), (line, expected))
            }
            other => panic!("{line}: {other:?}"),
        }
    }
    check("a==1", EntryFault::NoHash);
    check("a==1 --hash=sha256:cafe", EntryFault::NoHash);
    check("a==1 --hash=sha512:cafe", EntryFault::NoHash);
    check("a==1 --hash", EntryFault::NoHash);
    for line in ["a", "a>=1", "a==1.*", "a==1,!=2", "a~=1", "a!==1"] {
        check(line, EntryFault::NotPinned);
    }
    for line in
        ["a @ https://mirror.example/a.whl", "./a", "https://mirror.example/a.whl", "-e .", "--editable=."]
    {
        check(line, EntryFault::Direct);
    }
    check("../a==1", EntryFault::Direct);
    check("a/b==1", EntryFault::Name { name: "a/b".into() });
    check("a==../1", EntryFault::Version { version: "../1".into() });
    check("a==", EntryFault::Version { version: String::new() });
    check("-r base.in", EntryFault::Include { file: "base.in".into() });
    check("-rbase.in", EntryFault::Include { file: "base.in".into() });
    check("--requirement base.in", EntryFault::Include { file: "base.in".into() });
}

#[test]
fn a_lock_is_recognised_by_its_name() {
    #[track_caller]
    fn check(name: &str, text: &str, expected: Option<Ecosystem>) {
        assert_eq!(ecosystem_of(name, text), expected, "{name}");
    }
    let hash = "a==1 --hash=sha256:00";
    check("package-lock.json", "", Some(Ecosystem::Npm));
    check("front/npm-shrinkwrap.json", "", Some(Ecosystem::Npm));
    check("Cargo.lock", "", Some(Ecosystem::Cargo));
    check("requirements.txt", hash, Some(Ecosystem::Pip));
    check("deploy/requirements-web.txt", hash, Some(Ecosystem::Pip));
    check("requirements.txt", "a==1", None);
    check("requirements.in", hash, None);
    check("cargo.lock", "", None);
    check("", "", None);
}

proptest! {
    #[test]
    fn no_text_is_a_panic(text in "[a=#\\\\ \n-;@1.r]{0,40}|\\PC{0,40}") {
        for ecosystem in [Ecosystem::Pip, Ecosystem::Cargo, Ecosystem::Npm] {
            let _ = read_lock(ecosystem, &text, &TARGET);
        }
    }

    #[test]
    fn comments_and_line_ends_do_not_matter(comment in "[ a-z=-]{0,12}", crlf: bool) {
        let end = if crlf { "\r\n" } else { "\n" };
        let text = format!("# {comment}{end}a==1 \\{end}  --hash=sha256:{ONE} # {comment}{end}");
        prop_assert_eq!(summary(&text), ["a 1 e3 -"]);
    }
}
