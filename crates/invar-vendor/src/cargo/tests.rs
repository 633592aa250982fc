use invar_tree::Machine;

use super::*;
use crate::{Registries, Target, read_lock, urls};

const SUM: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const COMMIT: &str = "da39a3ee5e6b4b0d3255bfef95601890afd80709";
const TARGET: Target = Target { machine: Machine::X86_64 };

fn lock(version: u64, source: &str, rest: &str) -> String {
    format!(
        "version = {version}\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"{source}\"\n{rest}"
    )
}

#[test]
fn sources_are_told_apart() {
    #[track_caller]
    fn check(text: &str, expected: LockedFileSource, reference: Option<(&'static str, &str)>) {
        let all = read_lock(Ecosystem::Cargo, text, &TARGET).unwrap();
        assert_eq!(all.len(), 1, "{text}");
        assert_eq!(all[0].source, expected, "{text}");
        let reference = reference.map(|(kind, value)| (kind, value.to_owned()));
        assert_eq!(all[0].detail, Detail::Cargo { reference }, "{text}");
    }
    let sum = format!("checksum = \"{SUM}\"");
    for index in ["registry+https://mirror.example/index", "sparse+https://mirror.example/index/"] {
        for version in [3, 4] {
            check(&lock(version, index, &sum), LockedFileSource::Registry { index: index.into() }, None);
        }
    }
    let git = |query: &str| format!("git+https://mirror.example/a{query}#{COMMIT}");
    let source = || LockedFileSource::Git { url: "https://mirror.example/a".into(), commit: COMMIT.into() };
    check(&lock(4, &git(""), ""), source(), None);
    check(&lock(4, &git("?rev=abc"), ""), source(), Some(("rev", "abc")));
    check(&lock(4, &git("?tag=v1%2F2+x%2B"), ""), source(), Some(("tag", "v1/2 x+")));
    check(&lock(3, &git("?branch=feature/a%2B"), ""), source(), Some(("branch", "feature/a%2B")));
}

#[test]
fn what_is_local_needs_nothing() {
    let text = "version = 4\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\ndependencies = [\"b\"]\n";
    assert_eq!(read_lock(Ecosystem::Cargo, text, &TARGET).unwrap(), []);
    assert_eq!(read_lock(Ecosystem::Cargo, "version = 4", &TARGET).unwrap(), []);
}

#[test]
fn addresses_need_the_template_of_their_registry() {
    let default = "registry+https://github.com/rust-lang/mirror.example-index";
    let other = "sparse+https://other.example/index/";
    let of = |index: &str| {
        let text = lock(4, index, &format!("checksum = \"{SUM}\""));
        read_lock(Ecosystem::Cargo, &text, &TARGET).unwrap().remove(0)
    };
    let mut registries = Registries::default();
    assert!(urls(&of(default), &registries).is_empty());
    registries.cargo = Some("https://mirror.example/api".into());
    assert_eq!(urls(&of(default), &registries), ["https://mirror.example/api/a/1.0.0/download"]);
    assert!(urls(&of(other), &registries).is_empty());
    registries.cargo_others.insert(other.into(), "https://other.example/{sha256-checksum}".into());
    assert_eq!(urls(&of(other), &registries), [format!("https://other.example/{SUM}")]);
}

#[test]
fn what_cannot_be_used_is_refused_by_name() {
    #[track_caller]
    fn check(text: &str, expected: EntryFault) {
        match read_lock(Ecosystem::Cargo, text, &TARGET) {
            Err(VendorError::Entry { entry, fault, .. }) => {
                assert_eq!((entry, fault), ("a 1.0.0".into(), expected))
            }
            other => panic!("{text}: {other:?}"),
        }
    }
    let index = "sparse+https://mirror.example/";
    check(&lock(4, index, ""), EntryFault::NoChecksum);
    check(&lock(4, index, "checksum = \"cafe\""), EntryFault::NoChecksum);
    for source in [
        "local+file:///x",
        "registry+ftp://mirror.example",
        "sparse+",
        "git+https://mirror.example/a",
        "git+https://mirror.example/a#main",
        "git+https://mirror.example/a?rev=%zz#da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "git+https://mirror.example/a?rev=%0a#da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "git+https://mirror.example/a?path=x#da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "git+https://mirror.example/a?rev=%+1#da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "git+#da39a3ee5e6b4b0d3255bfef95601890afd80709",
    ] {
        check(
            &lock(4, source, &format!("checksum = \"{SUM}\"")),
            EntryFault::Source { source_: source.into() },
        );
    }
}

#[test]
fn names_and_versions_cannot_climb() {
    let text = lock(4, "sparse+https://mirror.example/", &format!("checksum = \"{SUM}\""));
    for (from, to) in [("\"a\"", "\"../a\""), ("\"a\"", "\"\""), ("1.0.0", "1/../../x"), ("1.0.0", "")] {
        let error = read_lock(Ecosystem::Cargo, &text.replacen(from, to, 1), &TARGET).unwrap_err();
        let is_right = matches!(
            error,
            VendorError::Entry { fault: EntryFault::Name { .. } | EntryFault::Version { .. }, .. }
        );
        assert!(is_right, "{error}");
    }
}

#[test]
fn other_versions_of_the_lock_are_refused() {
    for version in [1, 5] {
        let error = read_lock(Ecosystem::Cargo, &format!("version = {version}"), &TARGET).unwrap_err();
        assert!(matches!(error, VendorError::Version { found, .. } if found == version));
    }
    for text in ["version = \"x\"", "package = 1", "= ="] {
        assert!(matches!(read_lock(Ecosystem::Cargo, text, &TARGET), Err(VendorError::Toml(_))), "{text}");
    }
}
