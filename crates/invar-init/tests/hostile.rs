//! Flakes that would take a machine's time or memory, or write what they like into a manifest; and flakes that are broken
//! somewhere.
use std::collections::BTreeMap;
use std::time::Instant;

use invar_init::{Draft, FlakeContext, read_flake};
use invar_project::{Manifest, ManifestSources, Purpose};
use proptest::prelude::*;

/// Bytes that the whole test may have in memory.
const MOST: u64 = 256 << 20;

const FIXTURE: &str = include_str!("../fixtures/fortune-cat/flake.nix");

/// The most that this process ever had in memory.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|number| number.parse::<u64>().ok()).unwrap_or_default() << 10
}

/// The manifest of a flake, or why there is none.
fn manifest(flake: &str) -> Result<String, String> {
    let pyproject = "[project]\nname = \"cat\"\nversion = \"1\"\n";
    let files: BTreeMap<String, Option<String>> = (0..200)
        .map(|number| (format!("d/{number}/a.txt"), Some("x".to_owned())))
        .chain([("main.py".to_owned(), Some("print()\n".to_owned()))])
        .collect();
    let context = FlakeContext {
        files: &files,
        lock: None,
        pyproject: Some(pyproject),
        output: None,
        purpose: Purpose::Build,
    };
    let draft = read_flake(flake, &context, Draft::default()).map_err(|error| error.to_string())?;
    let text = format!("{pyproject}\n{}", draft.to_toml("tool.invar"));
    let sources = ManifestSources { pyproject: Some(("pyproject.toml", &text)), invar_toml: None };
    match Manifest::parse(&sources) {
        Ok(_) => Ok(text),
        Err(error) => panic!("{}\n{flake}", error.render(false)),
    }
}

/// A flake whose default package is `body`.
fn flake(body: &str, bindings: &str) -> String {
    format!(
        "{{ inputs.nixpkgs.url = \"github:NixOS/nixpkgs\"; outputs = {{ self, nixpkgs }}: let\n\
         pkgs = import nixpkgs {{ system = \"x86_64-linux\"; }}; lib = nixpkgs.lib;\n{bindings}\n\
         in {{ packages.x86_64-linux.default = {body}; }}; }}"
    )
}

fn image(attributes: &str, bindings: &str) -> String {
    flake(&format!("pkgs.dockerTools.buildImage {{ name = \"x\"; {attributes} }}"), bindings)
}

fn phase(text: &str) -> String {
    flake(
        &format!("pkgs.stdenv.mkDerivation {{ name = \"a\"; src = ./.; installPhase = ''\n{text}\n''; }}"),
        "",
    )
}

#[test]
fn nothing_takes_long() {
    let repeat = "f = s: n: if n == 0 then s else f (step s) (n - 1);";
    let flakes = [
        image("config.Env = builtins.genList (x: \"A${toString x}=b\") 5000;", ""),
        image("contents = builtins.genList (x: pkgs.\"a${toString x}\") 5000;", ""),
        image(
            "copyToRoot = f pkgs.hello 24;",
            &format!(
                "{repeat} step = s: let a = pkgs.symlinkJoin {{ name = \"a\"; paths = [ s s ]; }}; \
                      b = pkgs.symlinkJoin {{ name = \"b\"; paths = [ s s ]; }}; in pkgs.buildEnv {{ name = \"c\"; paths = [ a b ]; }};"
            ),
        ),
        image(
            "copyToRoot = lib.foldl' (s: n: pkgs.buildEnv { name = \"a${toString n}\"; paths = [ s ]; }) pkgs.hello (lib.range 1 3000);",
            "",
        ),
        flake(
            "f pkgs.hello 12",
            &format!("{repeat} step = s: pkgs.symlinkJoin {{ name = \"a\"; paths = [ s s s ]; }};"),
        ),
        phase(&"cp a b\n".repeat(3000)),
        phase(&format!(
            "echo aaaaaaaaaaaaaaaa > $out/x\n{}",
            "cat $out/x $out/x > $out/y; cat $out/y $out/y > $out/x\n".repeat(40)
        )),
        phase(&format!(
            "cp -r d $out/d\n{}",
            "cp -r $out/d/* $out/d/* $out/e; mv $out/e/* $out/d/x\n".repeat(10)
        )),
        flake("f 0", "f = n: 1 + f (n + 1);"),
    ];
    for flake in flakes {
        let start = Instant::now();
        let _ = manifest(&flake);
        let time = start.elapsed();
        println!("{time:>10.3?} {}", &flake[..flake.floor_char_boundary(300)].replace('\n', " "));
        // Whatever ran before in this process counts as well.
        assert!(peak() < MOST, "{} bytes were used: {flake}", peak());
    }
}

#[test]
fn nothing_is_written_but_what_is_meant() {
    let evil = "\\n[tool.invar.x]\\ny = \\\"\\\"\\\"";
    let flakes = [
        image(
            &format!(
                "config.Labels.\"{evil}\" = \"{evil}\"; contents = [ pkgs.\"{evil}\" (throw \"{evil}\") ];"
            ),
            "",
        ),
        image(
            &format!("\"{evil}\" = throw \"{evil}\"; tag = \"{evil}\"; config.Env = [ \"A{evil}={evil}\" ];"),
            "",
        ),
        phase("cp \"a\n[b]\" $out/\"c\n[d]\"; foo \"\n[q]\"; echo \"\n[r]\" > \"$out/e\n[f]\""),
        flake(&format!("import (./. + \"/{evil}\")"), ""),
        image("contents = [ pkgs.\"\u{1b}[31m\u{202e}\" ];", ""),
    ];
    for flake in flakes {
        if let Ok(text) = manifest(&flake) {
            let comments = text.lines().filter(|line| line.starts_with('#'));
            assert!(comments.clone().all(|line| !line.contains(['\u{1b}', '\u{202e}'])), "{text}");
            assert!(!text.lines().any(|line| line.starts_with("[tool.invar.x]")), "{text}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// A flake from which pieces are missing, or in which they are doubled or exchanged, is read or refused.
    #[test]
    fn broken_flakes_are_read_or_refused(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..4_u8), 1..4),
    ) {
        let mut words: Vec<&str> = FIXTURE.split_inclusive([' ', '.', ';', '$']).collect();
        for (one, two, kind) in changes {
            let (one, two) = (one.index(words.len()), two.index(words.len()));
            match kind {
                0 => _ = words.remove(one),
                1 => words.swap(one, two),
                2 => words.insert(one, words[two]),
                _ => words[one] = words[two],
            }
        }
        let _ = manifest(&words.concat());
    }
}
