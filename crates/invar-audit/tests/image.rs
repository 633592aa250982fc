//! Images: bases, times, bytecode, caches, identity.
use std::collections::BTreeMap;

use invar_audit::{ImageFacts, ImageFile, audit_image};

const CREATED: i64 = 1_700_000_000;

fn image(labels: &[(&str, &str)], files: &[(&str, i64, &[u8])]) -> ImageFacts {
    let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let file = |(path, modified, start): &(&str, i64, &[u8])| {
        let file = ImageFile { modified: *modified, size: start.len() as u64, start: start.to_vec() };
        ((*path).to_owned(), file)
    };
    ImageFacts { labels, created: Some(CREATED), files: files.iter().map(file).collect::<BTreeMap<_, _>>() }
}

#[track_caller]
fn check(facts: &ImageFacts, expected: &[&str]) {
    let report = audit_image("x", facts);
    assert_eq!(
        report.findings.iter().map(|finding| finding.rule.name()).collect::<Vec<_>>(),
        expected,
        "{report:?}"
    );
}

const BASE: (&str, &str) = ("org.opencontainers.image.base.name", "debian:13");
const DIGEST: (&str, &str) = ("org.opencontainers.image.base.digest", "sha256:00");

#[test]
fn bases() {
    let old: [(&str, i64, &[u8]); 2] = [("a", 1, b"x"), ("b", 2, b"x")];
    check(&image(&[], &old), &["image-base-unknown"]);
    check(&image(&[BASE], &old), &["image-base-not-pinned"]);
    check(&image(&[BASE, DIGEST], &old), &[]);
    check(&image(&[("org.opencontainers.image.base.name", "scratch")], &old), &[]);
    check(&image(&[], &[("a", 1, b"x"), ("b", 1, b"x")]), &[]);
}

#[test]
fn times() {
    let labels = [BASE, DIGEST];
    check(&image(&labels, &[("a", CREATED + 1, b"x"), ("b", 1, b"x")]), &["image-file-times"]);
    check(&image(&labels, &[("a", CREATED - 5, b"x"), ("b", CREATED - 9, b"x")]), &["image-file-times"]);
    check(&image(&labels, &[("a", CREATED - 90_000, b"x"), ("b", CREATED - 99_000, b"x")]), &[]);
    check(&image(&labels, &[("a", CREATED, b"x"), ("b", CREATED, b"x")]), &[]);
    let without = ImageFacts { created: None, ..image(&labels, &[("a", CREATED + 1, b"x"), ("b", 1, b"x")]) };
    check(&without, &[]);
}

#[test]
fn contents() {
    let labels = [BASE, DIGEST];
    let timed = b"\xf3\x0d\x0d\x0a\0\0\0\0\x01\x02\x03\x04\0\0\0\0";
    let hashed = b"\xf3\x0d\x0d\x0a\x01\0\0\0\x01\x02\x03\x04\0\0\0\0";
    check(&image(&labels, &[("a.pyc", 1, timed), ("b", 1, b"x")]), &["image-bytecode-times"]);
    check(&image(&labels, &[("a.pyc", 1, hashed), ("b.pyc", 1, b"short")]), &[]);
    check(
        &image(&labels, &[("root/.cache/pip/x", 1, b"x"), ("var/log/dpkg.log", 1, b"x")]),
        &["image-package-cache"; 2],
    );
    check(&image(&labels, &[("var/lib/apt/lists/lock", 1, b"x"), ("var/cache/apt/empty", 1, b"")]), &[]);
    check(
        &image(&labels, &[("etc/machine-id", 1, b"uninitialized\n"), ("var/lib/dbus/machine-id", 1, b"")]),
        &[],
    );
    check(
        &image(&labels, &[("etc/machine-id", 1, b"00\n"), ("etc/ssh/ssh_host_ed25519_key", 1, b"x")]),
        &["image-machine-identity"; 2],
    );
}
