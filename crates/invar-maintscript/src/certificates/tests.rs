use invar_tree::{Digest, MemoryTree, Origin, Sink as _};

use super::*;
use crate::output::{Change, NewEntry};

const SPACES: &[u8] = include_bytes!("../../tests/fixtures/spaces.crt");
const FOLDED: &[u8] = include_bytes!("../../tests/fixtures/folded.crt");
const TYPES: &[u8] = include_bytes!("../../tests/fixtures/types.crt");
const SETS: &[u8] = include_bytes!("../../tests/fixtures/sets.crt");

/// An image with these files and the package's program.
fn image(files: &[(&str, &[u8])]) -> MemoryTree {
    let mut tree = MemoryTree::new(Origin::Source);
    for &(path, bytes) in [(PROGRAM, b"".as_slice())].iter().chain(files) {
        tree.file(known(path), Mode::FILE, Owner::ROOT, &mut &*bytes).unwrap();
    }
    tree
}

/// What the handler makes of the image: each link, and each file with its digest.
fn configure(tree: &MemoryTree) -> Vec<String> {
    let mut output = Output::new("certificates");
    handler(&View::new(tree), &mut output).unwrap();
    let line = |(path, change): (ImagePath, Change)| match change {
        Change::Remove => format!("- {path}"),
        Change::Make { made: NewEntry::Directory, mode, .. } => format!("{path} {mode}"),
        Change::Make { made: NewEntry::Symlink(target), .. } => format!("{path} -> {target}"),
        Change::Make { made: NewEntry::File(bytes), .. } => format!("{path} {}", Digest::of(&bytes)),
    };
    output.into_parts().1.into_iter().map(line).collect()
}

#[test]
fn subjects_have_the_numbers_of_openssl() {
    // As `openssl x509 -noout -subject_hash` prints them.
    let check = |text, expected| {
        let certificates = pem::certificates(text);
        assert_eq!(certificates.len(), 1);
        assert_eq!(
            subject::hash(&certificates[0]).map(|hash| format!("{hash:08x}")).as_deref(),
            Some(expected)
        );
    };
    check(SPACES, "6f1aaa12");
    check(FOLDED, "6f1aaa12");
    check(TYPES, "4f5fdc86");
    check(SETS, "47ba4b52");
}

#[test]
fn a_fresh_installation_trusts_all() {
    let without_end = SPACES.trim_ascii_end();
    let both = [SPACES, SETS].concat();
    let tree = image(&[
        ("usr/share/ca-certificates/mozilla/b.crt", FOLDED),
        ("usr/share/ca-certificates/mozilla/A (1), b.crt", without_end),
        ("usr/share/ca-certificates/mozilla/README", b"no certificate"),
        ("usr/share/ca-certificates/own/types.crt", TYPES),
        ("usr/local/share/ca-certificates/both.crt", &both),
        ("usr/local/share/ca-certificates/c.crt", FOLDED),
        ("usr/local/share/ca-certificates/junk.crt", b"junk"),
        // Put there by a package, without the list.
        ("etc/ssl/certs/sets.CER", SETS),
    ]);
    // If a digest changes and that is intended, say so below "Output digests" in the changelog.
    assert_eq!(
        configure(&tree),
        [
            "/etc/ca-certificates.conf sha256:aca2dfe75f7cfa7221641822e5e70e8fd61787d1c02c8039d68c5ed8fc940057",
            "/etc/ssl/certs/47ba4b52.0 -> sets.CER",
            "/etc/ssl/certs/4f5fdc86.0 -> types.pem",
            "/etc/ssl/certs/6f1aaa12.0 -> A_=1=__b.pem",
            "/etc/ssl/certs/6f1aaa12.1 -> b.pem",
            "/etc/ssl/certs/A_=1=__b.pem -> /usr/share/ca-certificates/mozilla/A (1), b.crt",
            "/etc/ssl/certs/b.pem -> /usr/share/ca-certificates/mozilla/b.crt",
            "/etc/ssl/certs/both.pem -> /usr/local/share/ca-certificates/both.crt",
            "/etc/ssl/certs/c.pem -> /usr/local/share/ca-certificates/c.crt",
            "/etc/ssl/certs/ca-certificates.crt sha256:0ba93092a37c80c08836b2ae17ae0356367ee92aeb15c0cb6e69288a4d2b8b86",
            "/etc/ssl/certs/junk.pem -> /usr/local/share/ca-certificates/junk.crt",
            "/etc/ssl/certs/types.pem -> /usr/share/ca-certificates/own/types.crt",
        ]
    );
}

#[test]
fn a_list_that_is_there_decides() {
    let tree = image(&[
        (
            "etc/ca-certificates.conf",
            b"# comment\n\n!mozilla/b.crt\n mozilla/a.crt \n../../../etc/passwd\ngone.crt\n",
        ),
        ("usr/share/ca-certificates/mozilla/a.crt", TYPES),
        ("usr/share/ca-certificates/mozilla/b.crt", SETS),
    ]);
    let made = configure(&tree);
    assert_eq!(made[0], "/etc/ssl/certs/4f5fdc86.0 -> a.pem");
    assert_eq!(made[1], "/etc/ssl/certs/a.pem -> /usr/share/ca-certificates/mozilla/a.crt");
    assert_eq!(made[3], "/usr/local/share/ca-certificates 0755");
    assert_eq!(made.len(), 4);
}

#[test]
fn an_image_without_the_package_is_left_alone() {
    assert_eq!(configure(&MemoryTree::new(Origin::Source)), Vec::<String>::new());
}

/// Cut anywhere and with any byte changed, a certificate has a number or none, but is never a reason to stop.
#[test]
fn damaged_certificates_are_harmless() {
    let whole = pem::certificates(SETS).remove(0);
    for length in 0..whole.len() {
        assert_eq!(subject::certificate(&whole[..length]), None);
        subject::hash(&whole[..length]);
    }
    for place in 0..whole.len() {
        for value in [0, 0x0c, 0x1c, 0x1e, 0x1f, 0x30, 0x7f, 0x80, 0x84, 0xff] {
            let mut bytes = whole.clone();
            bytes[place] = value;
            subject::certificate(&bytes);
            subject::hash(&bytes);
        }
    }
}
