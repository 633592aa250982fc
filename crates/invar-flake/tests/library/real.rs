//! Nix itself as the judge of what the library gives.
use std::fmt::Write as _;
use std::process::Command;

use crate::expressions::EXPRESSIONS;

const NIX: &str = "nix-instantiate";

#[test]
fn nix_reads_the_library_the_same() {
    if !Command::new(NIX).arg("--version").output().is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: missing {NIX}");
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
