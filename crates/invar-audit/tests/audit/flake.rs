//! Flakes and other Nix expressions.
use invar_audit::{FlakeError, Lock, Report, audit_flake};

const FLAKE: &str = r#"{
  inputs.nixpkgs.url = "github:x/y";
  inputs = {
    a.url = "github:a/a";
    b = { url = "github:b/b"; inputs.nixpkgs.follows = "nixpkgs"; };
  };
  outputs = { self, nixpkgs, a, b, c, d ? 1 }: { };
}
"#;

fn audit(text: &str, lock: Lock<'_>) -> Report {
    audit_flake("flake.nix", text, lock).unwrap_or_else(|error| panic!("{error} in {text}"))
}

fn found(report: &Report) -> Vec<String> {
    let line = |finding| report.line(finding).unwrap_or(0);
    report.findings.iter().map(|finding| format!("{}:{}", line(finding), finding.rule.name())).collect()
}

#[test]
fn a_flake_without_a_lock() {
    let report = audit(FLAKE, Lock::Missing);
    assert_eq!(found(&report), ["2:flake-without-lock"]);
    assert_eq!(report.findings[0].message, "flake.lock is missing, so `a`, `b`, `c`, `nixpkgs` can change");
    assert_eq!(found(&audit("{ outputs = { self }: { }; }", Lock::Missing)), Vec::<String>::new());
    assert_eq!(found(&audit(FLAKE, Lock::NotAFlake)), Vec::<String>::new());
}

#[test]
fn inputs_that_the_lock_lacks() {
    let lock = r#"{"version": 7, "root": "root", "nodes": {
        "root": {"inputs": {"nixpkgs": "nixpkgs", "a": "a_2", "b": ["a", "b"]}},
        "nixpkgs": {"locked": {"narHash": "sha256-x", "rev": "y"}},
        "a_2": {"locked": {"rev": "y"}}
    }}"#;
    let report = audit(FLAKE, Lock::Text(lock));
    assert_eq!(found(&report), ["4:flake-input-not-locked", "7:flake-input-not-locked"]);
    let messages: Vec<&str> = report.findings.iter().map(|finding| finding.message.as_str()).collect();
    assert_eq!(messages, ["flake.lock has no hash for `a`", "flake.lock has no input `c`"]);
}

#[test]
fn fetchers_and_questions_to_the_machine() {
    let check =
        |text: &str, expected: &[&str]| assert_eq!(found(&audit(text, Lock::NotAFlake)), expected, "{text}");
    check("builtins.fetchTarball \"https://h.test/x\"", &["1:nix-fetch-without-hash"]);
    check("fetchTarball { url = \"x\"; sha256 = \"y\"; }", &[]);
    check("fetchTarball {\n url = \"x\"; }", &["1:nix-fetch-without-hash"]);
    check("builtins.fetchGit { url = \"x\"; ref = \"main\"; }", &["1:nix-fetch-without-hash"]);
    check("builtins.fetchGit { url = \"x\"; rev = \"y\"; }", &[]);
    check("builtins.fetchurl { inherit url; inherit (x) sha256; }", &[]);
    check("builtins.fetchurl x", &[]);
    check("pkgs.fetchurl { url = \"x\"; }", &[]);
    check("import <nixpkgs> { system = builtins.currentSystem; }", &["1:nix-impure", "1:nix-impure"]);
    check(
        "[ builtins.currentTime\n (builtins.getEnv \"X\") builtins.toString ]",
        &["1:nix-impure", "2:nix-impure"],
    );
    check("''nix build --impure''", &["1:nix-impure"]);
    check("# builtins.currentTime <nixpkgs>\n\"builtins.getEnv\"", &[]);
    check("builtins.currentTime # invar: ignore=nix-impure", &[]);
}

#[test]
fn what_is_no_nix_or_no_lock_is_refused() {
    let error = audit_flake("x", "{ a = ; }", Lock::NotAFlake).expect_err("no Nix");
    assert!(matches!(error, FlakeError::Nix(_)) && error.span().is_some(), "{error}");
    for lock in ["", "{}", "[]", r#"{"version": 99}"#] {
        let error = audit_flake("x", FLAKE, Lock::Text(lock)).expect_err(lock);
        assert!(matches!(error, FlakeError::Lock { .. }), "{error}");
    }
}

#[test]
fn hostile_expressions_end() {
    for (open, middle, close) in [
        ("(", "1", ")"),
        ("[", "", "]"),
        ("{ a = ", "1", "; }"),
        ("x: ", "x", ""),
        ("a ", "a", ""),
        ("1 + ", "1", ""),
        ("a.", "a", ""),
        ("!", "a", ""),
        ("\"${", "a", "}\""),
    ] {
        for times in [10, 1_900, 20_000] {
            let text = format!("{}{middle}{}", open.repeat(times), close.repeat(times));
            let _ = audit_flake("x", &text, Lock::Missing);
        }
    }
    let list = format!("[ {} ]", "a.b c ".repeat(5_000));
    assert_eq!(found(&audit(&list, Lock::NotAFlake)), Vec::<String>::new(), "a long list is no deep one");
    let long = " ".repeat(1 << 20);
    assert!(matches!(audit_flake("x", &long, Lock::Missing), Err(FlakeError::Nix(_))));
}
