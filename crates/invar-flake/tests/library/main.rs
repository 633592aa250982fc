//! The library that stands in for nixpkgs': what its functions give, by us and by Nix itself.
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

mod expressions;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::Command;

use expressions::EXPRESSIONS;
use invar_flake::{Flake, OutputKind, Purpose};
use invar_nix::on_deep_stack;

const NIX: &str = "nix-instantiate";

/// What a flake sees of the library.
fn ours() -> Vec<String> {
    let mut flake =
        "{ outputs = { nixpkgs, ... }: let inherit (nixpkgs) lib; in { packages.x86_64-linux = {\n"
            .to_owned();
    for (index, (expression, _)) in EXPRESSIONS.iter().enumerate() {
        let _ = writeln!(flake, "t{index} = builtins.toJSON ({expression});");
    }
    flake.push_str("}; }; }");
    on_deep_stack(|| {
        let mut flake = Flake::read(&flake, &BTreeMap::new()).unwrap_or_else(|error| panic!("{error}"));
        let mut read = |index: usize| match flake.output(&format!("t{index}"), Purpose::Build) {
            Ok(output) => match output.kind {
                OutputKind::Value(datum) => datum.text().unwrap_or_default().to_owned(),
                other => format!("{other:?}"),
            },
            Err(error) => error.to_string(),
        };
        (0..EXPRESSIONS.len()).map(&mut read).collect()
    })
}

#[test]
fn functions_give_what_nixpkgs_documents() {
    let mut wrong = String::new();
    for ((expression, expected), found) in EXPRESSIONS.iter().zip(ours()) {
        if *expected != found {
            let _ = writeln!(wrong, "{expression}\n  expected {expected}\n  found    {found}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Whether Nix is there; otherwise the test says loudly that it is skipped.
fn is_there(test: &str) -> bool {
    let there = Command::new(NIX).arg("--version").output().is_ok_and(|output| output.status.success());
    if !there {
        let line = format!("{test}: missing {NIX}");
        eprintln!("SKIPPED {line}");
        #[expect(
            clippy::disallowed_methods,
            reason = "the test command says where skipped tests are counted"
        )]
        if let Some(path) = std::env::var_os("INVAR_SKIPPED") {
            let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
            writeln!(file.expect("the list of skipped tests is writable"), "{line}").expect("it is writable");
        }
    }
    there
}

#[test]
fn nix_reads_the_library_the_same() {
    if !is_there("nix_reads_the_library_the_same") {
        return;
    }
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/src/prelude/lib");
    let mut text = format!(
        "let invar = {{ make = x: x; open = x: x.attributes or {{ }}; symbol = x: x; known = x: x; path = toString; \
         isSymbol = _: false; facts = {{ system = \"x86_64-linux\"; }}; }};\n\
         load = name: builtins.scopedImport {{ inherit invar; }} ({directory} + \"/${{name}}.nix\");\n\
         groups = [ \"trivial\" \"lists\" \"strings\" \"attrsets\" \"modules\" \"sources\" \"data\" ];\n\
         lib = load \"default\" (builtins.listToAttrs (map (name: {{ inherit name; value = load name; }}) groups));\n\
         in [\n"
    );
    for (expression, _) in EXPRESSIONS {
        let _ = writeln!(text, "(builtins.toJSON ({expression}))");
    }
    text.push(']');
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("library.nix");
    std::fs::write(&file, text).expect("the directory for tests is writable");
    let output = Command::new(NIX)
        .args(["--eval", "--strict", "--json"])
        .arg(&file)
        .env("NIX_REMOTE", "dummy://")
        .env("HOME", env!("CARGO_TARGET_TMPDIR"))
        .output()
        .expect("its presence was checked");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: Vec<String> = serde_json::from_slice(&output.stdout).expect("it is a list of texts");
    for ((expression, expected), found) in EXPRESSIONS.iter().zip(found) {
        assert_eq!(*expected, found, "{expression}");
    }
}
