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
    let files = files.iter().map(file).collect::<BTreeMap<_, _>>();
    ImageFacts { has_configuration: true, labels, created: Some(CREATED), files }
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
    check(&ImageFacts { has_configuration: false, ..image(&[], &old) }, &[]);
}

#[test]
fn accounts() {
    // The image was created on day 19675.
    let shadow = |content: &'static str| {
        image(&[BASE, DIGEST], &[("etc/shadow", 1, content.as_bytes()), ("etc/passwd", 1, b"x")])
    };
    let old = "root:*:19000:0:99999:7:::\n_apt:*:0:0:99999:7:::\nx:!::::::\n";
    check(&shadow(old), &[]);
    check(&shadow("app:!:19674::::::"), &["image-account-dates"]);
    check(&shadow("app:!:19673::::::\nno line\n::\n:::::\na:b:99999999999999999999:"), &[]);
    let report = audit_image("x", &shadow("a:!:19675::::::\nb:!:19000::::::\nc:!:19700::::::\n"));
    let expected = "2 accounts have the build date in `/etc/shadow`, the first is `a`";
    assert_eq!(report.findings[0].message, expected);
    check(&ImageFacts { created: None, ..shadow("app:!:19675::::::") }, &[]);
    check(
        &ImageFacts { created: Some(i64::MIN), ..shadow("app:!:19675::::::") },
        &["image-file-times", "image-account-dates"],
    );
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
    let home = [(".cache/pip/x", 1, b"x" as &[u8]), ("srv/.wget-hsts", 1, b"x"), ("x/.cache/pipx", 1, b"x")];
    check(&image(&labels, &home), &["image-package-cache"; 2]);
    let keys = [
        ("etc/ssh/ssh_host_a_key", 1, b"x" as &[u8]),
        ("etc/ssh/ssh_host_a_key.pub", 1, b"x"),
        ("etc/ssh/ssh_host_b_key", 1, b"x"),
    ];
    let report = audit_image("x", &image(&labels, &keys));
    assert_eq!(
        report.findings[0].message,
        "an SSH host key is in the image: `/etc/ssh/ssh_host_a_key` and 1 more"
    );
}

#[test]
fn secrets_and_large_files() {
    let labels = [BASE, DIGEST];
    let key: &[u8] = b"-----BEGIN PRIVATE KEY-----\nMIIB\n";
    let check_all = |files: &[(&str, i64, &[u8])], expected: &[&str]| {
        let report = audit_image("x", &image(&labels, files));
        let messages: Vec<&str> = report.findings.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(messages, expected);
    };
    check_all(
        &[("app/.env", 1, b"A=1"), ("app/.env.local", 1, b"A=1"), ("srv/server.pem", 1, key)],
        &[
            "what looks like environment variables is in the image: `/app/.env` and 1 more",
            "what looks like a private key is in the image: `/srv/server.pem`",
        ],
    );
    check_all(&[("root/.netrc", 1, b"x")], &["what looks like credentials is in the image: `/root/.netrc`"]);
    for own in [
        ("app/.env.example", key),
        ("app/.venv/lib/python3.13/site-packages/tornado/test/test.pem", key),
        ("usr/share/doc/x/key.pem", key),
        ("app/.env", b"" as &[u8]),
        ("app/README", b"x"),
    ] {
        check_all(&[(own.0, 1, own.1)], &[]);
    }
    assert_eq!(ImageFacts::wants("srv/server.pem"), 64 << 10);
    assert_eq!(ImageFacts::wants("usr/bin/python3"), 0);
    let mut facts = image(&labels, &[("app/model.bin", 1, b"x"), ("usr/lib/large.so", 1, b"x")]);
    facts.files.values_mut().for_each(|file| file.size = 312_000_000);
    let report = audit_image("x", &facts);
    let messages: Vec<&str> = report.findings.iter().map(|finding| finding.message.as_str()).collect();
    assert_eq!(messages, ["1 file is larger than 50 MB, the largest is `/app/model.bin` with 312 MB"]);
}
