use proptest::prelude::*;

use super::*;

#[track_caller]
fn refused(text: &str, expected: &str) {
    let error = UvLock::parse(text).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

const HEAD: &str = "version = 1\nrequires-python = \">=3.13\"\n";

#[test]
fn every_revision_is_read_and_unknown_fields_are_ignored() {
    for revision in ["", "revision = 0\n", "revision = 1\n", "revision = 5\n", "revision = 77\n"] {
        let text = format!("version = 1\n{revision}requires-python = \"==3.13.*\"\nfuture = {{ a = [1] }}\n");
        assert!(UvLock::parse(&text).unwrap().packages.is_empty());
    }
    let lock = UvLock::parse(&format!(
        "{HEAD}[[package]]\nname = \"A_b\"\nversion = \"1.0\"\nsource = {{ registry = \"https://index.example/simple\" }}\n\
         future = true\nwheels = [{{ url = \"https://index.example/a_b-1.0%2Bcpu-py3-none-any.whl?x#y\", size = 3 }}]\n\
         [[distribution]]\nname = \"c\"\n"
    ));
    assert!(lock.is_err(), "two names for one list");
}

#[test]
fn a_wheel_is_named_by_its_url() {
    let text = format!(
        "{HEAD}[[package]]\nname = \"A_b\"\nversion = \"1.0\"\nsource = {{ registry = \"https://index.example\" }}\n\
         wheels = [{{ url = \"https://index.example/a_b-1.0%2Bcpu-py3-none-any.whl?x#y\", size = 3 }}]\n"
    );
    let lock = UvLock::parse(&text).unwrap();
    assert_eq!(lock.packages[0].name.as_str(), "a-b");
    assert_eq!(lock.packages[0].wheels[0].filename.version.to_string(), "1.0+cpu");
    assert_eq!(lock.named("a-b").count(), 1);
}

#[test]
fn another_version_is_named_whatever_follows() {
    refused("version = 2\nall = \"new\"\n", "has format version 2, but this Invar reads version 1");
    refused("version = 0\nrequires-python = \">=3\"\n", "version 0");
    refused("version = \"1\"\nrequires-python = \">=3\"\n", "line");
    refused("requires-python = \">=3\"\n", "version");
}

#[test]
fn errors_name_the_line() {
    refused("version = 1\nrequires-python = 3\n", "uv.lock, line 2, column 19");
    refused("version = 1\nrequires-python = \"new\"\n", "line 2");
    refused(&format!("{HEAD}["), "line 3");
    refused(&format!("{HEAD}[[package]]\nname = \"-\"\n"), "line 4");
    refused(&format!("{HEAD}resolution-markers = [\n  \"x\",\n]\n"), "line 3");
    let package =
        format!("{HEAD}[[package]]\nname = \"a\"\nversion = \"1\"\nsource = {{ registry = \"x\" }}\n");
    refused(&format!("{package}wheels = [\n    {{ url = \"https://index.example/a.zip\" }},\n]\n"), "line 7");
    refused(
        &format!("{package}wheels = [{{ path = \"a-1-py3-none-any.whl\", hash = \"sha256:0\" }}]"),
        "line 7",
    );
    refused(
        &format!("{package}wheels = [{{ path = \"a-1-py3-none-any.whl\", hash = \"0\" }}]"),
        "not a hash",
    );
    refused(&format!("{package}wheels = [{{ size = 1 }}]"), "one of url, path and filename");
    refused(&package.replace("registry = \"x\"", "registry = \"x\", git = \"y\""), "exactly one of");
    refused(&package.replace("registry = \"x\"", "other = \"x\""), "exactly one of");
    refused(&package.replace("version = \"1\"\n", "version = \"one\"\n"), "line 5");
    refused(
        &format!("{package}dependencies = [\n    {{ name = \"b\" }},\n]\n"),
        "line 8: a depends on b, which is not in the lock",
    );
    let two = package.replace("\"1\"", "\"2\"");
    refused(
        &format!("{package}dependencies = [{{ name = \"a\" }}]\n{}", &two[HEAD.len()..]),
        "does not specify which of 2",
    );
}

#[test]
fn a_dependency_may_name_one_of_several() {
    let text = format!(
        "{HEAD}\
         [[package]]\nname = \"a\"\nversion = \"1\"\nsource = {{ registry = \"x\" }}\n\
         [[package]]\nname = \"a\"\nversion = \"1\"\nsource = {{ registry = \"y\" }}\n\
         [[package]]\nname = \"a\"\nsource = {{ editable = \"a\" }}\n\
         [[package]]\nname = \"b\"\nversion = \"1\"\nsource = {{ registry = \"x\" }}\n\
         dependencies = [\n\
         {{ name = \"a\", version = \"1.0\", source = {{ registry = \"y\" }} }},\n\
         {{ name = \"a\", source = {{ editable = \"a\" }} }},\n]\n"
    );
    let lock = UvLock::parse(&text).unwrap();
    let found: Vec<usize> =
        lock.packages[3].dependencies.iter().map(|dependency| dependency.package).collect();
    assert_eq!(found, [1, 2]);
}

#[test]
fn conflicts_are_encoded_as_uv_does() {
    let text = format!(
        "{HEAD}conflicts = [[{{ package = \"My.Pkg\", extra = \"cu_12\" }}, {{ package = \"my-pkg\", group = \"dev\" }}, \
         {{ package = \"my-pkg\" }}]]\n"
    );
    let lock = UvLock::parse(&text).unwrap();
    let encoded: Vec<String> = lock.conflicts[0].iter().map(ConflictItem::encoded).collect();
    assert_eq!(encoded, ["extra-6-my-pkg-cu-12", "group-6-my-pkg-dev", "project-6-my-pkg"]);
}

#[test]
fn line_ends_do_not_change_the_digest() {
    assert_eq!(lock_digest("a\r\nb\n"), lock_digest("a\nb\n"));
    assert_ne!(lock_digest("a\nb\n"), lock_digest("a\nb"));
    assert_eq!(
        lock_digest("version = 1\n").to_string(),
        "sha256:dbab12665d98aef021ba64953c61b0ed8a908cfb56a1c01e2fcb4b052b71a2a1"
    );
}

proptest! {
    #[test]
    fn any_text_is_parsed_or_refused(text in "(version = 1\n|requires-python = \"\"\n|\\[\\[package\\]\\]\n|name = \"a\"\n|[ -~\n]{0,20})*") {
        let _ = UvLock::parse(&text);
    }
}
