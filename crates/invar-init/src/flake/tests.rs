use std::collections::BTreeMap;

use invar_project::Purpose;

use super::{FlakeContext, FlakeError};
use crate::Draft;

#[track_caller]
fn check(flake: &str, expected: &str) {
    let draft = read(flake, None, Draft::default()).expect("the flake can be read");
    assert_eq!(draft.to_toml("tool.invar").trim_end(), expected.trim_end());
}

#[test]
fn fortune_cats_flake_becomes_its_manifest() {
    check(
        include_str!("../../fixtures/fortune-cat/flake.nix"),
        r#"# flake.nix: nixpkgs' uv: Invar reads uv.lock by itself; for a shell, uv is a Python package: add it to a group
# flake.nix: nixpkgs' ruff: Debian has no ruff; it is a Python package: add it to a group
[tool.invar]
packages = ["fortune-mod", "fortunes", "fortunes-min", "libpq5"]
[tool.invar.image]
name = "fortune-cat"
tag = "latest"
command = ["python", "main.py"]
env = { FORTUNE_EXEC = "/usr/games/fortune", PYTHONUNBUFFERED = "1" }
ports = [8000]
[tool.invar.python.overrides.psycopg2]
packages = ["gcc", "libc6-dev", "libpq-dev"]
build-requires = ["setuptools"]
patches = ["nix/psycopg2.patch"]
[tool.invar.shell]
packages = ["jq"]
env = { FORTUNE_EXEC = "/usr/games/fortune" }
"#,
    );
}

#[test]
fn what_cannot_be_read_is_said_with_its_line() {
    check(
        "{\n  outputs = { pkgs, ... }: {\n    image = pkgs.dockerTools.buildImage {\n      name = \"a\";\n      \
         contents = [ pkgs.obscure ];\n      config.Cmd = [ (builtins.head x) ];\n      runAsRoot = \"true\";\n    };\n  };\n}",
        "# flake.nix:5: [ pkgs.obscure ]: no Debian package is known for nixpkgs' obscure: add it to `packages`\n\
         # flake.nix:6: [ (builtins.head x) ]: the command has to be computed\n\
         # flake.nix:7: \"true\": there is no such thing here\n\
         [tool.invar]\n[tool.invar.image]\nname = \"a\"",
    );
}

#[test]
fn what_debian_has_not_is_said_with_its_reason() {
    check(
        "{ outputs = { pkgs, ... }: {\n\
         shell = pkgs.mkShell { packages = [ pkgs.uv pkgs.ripgrep pkgs.just ]; };\n\
         py = prev: { h5py = prev.h5py.overrideAttrs (old: { buildInputs = (old.buildInputs or [ ]) ++ [ pkgs.hdf5 ]; }); };\n\
         image = pkgs.dockerTools.buildImage { name = \"a\"; contents = [ pkgs.geos pkgs.mkl ]; }; }; }",
        "# flake.nix: nixpkgs' uv: Invar reads uv.lock by itself; for a shell, uv is a Python package: add it to a group\n\
         # flake.nix:4: [ pkgs.geos pkgs.mkl ]: nixpkgs' mkl: Debian has MKL in non-free only; OpenBLAS is libopenblas0\n\
         [tool.invar]\npackages = [\"libgeos-c1t64\", \"libhdf5-310\", \"libhdf5-hl-310\"]\n[tool.invar.image]\nname = \"a\"\n\
         [tool.invar.python.overrides.h5py]\npackages = [\"gcc\", \"libc6-dev\", \"hdf5-tools\", \"libhdf5-dev\"]\n\
         [tool.invar.shell]\npackages = [\"ripgrep\", \"just\"]",
    );
    check(
        "{ outputs = { pkgs, ... }: { p = pkgs.python311;\n\
         shell = pkgs.mkShell { packages = [ pkgs.just ]; };\n\
         image = pkgs.dockerTools.buildImage { name = \"a\"; contents = [ pkgs.geos pkgs.file ]; }; }; }",
        "# bookworm: just: Debian 12 has no such package\n\
         [tool.invar]\nsuite = \"bookworm\"\npackages = [\"file\", \"libgeos-c1v5\", \"libmagic1\"]\n\
         [tool.invar.image]\nname = \"a\"",
    );
}

#[test]
fn choices_are_carried_over() {
    check(
        "{ outputs = { nixpkgs, uv2nix, ... }: let\n\
         pkgs = import nixpkgs { };\n\
         ws = uv2nix.lib.workspace.loadWorkspace { workspaceRoot = ./back; };\n\
         o = ws.mkPyprojectOverlay { sourcePreference = \"sdist\"; };\n\
         set = pkgs.callPackage x { python = pkgs.python312; };\n\
         env = set.mkVirtualEnv \"e\" { app = [ \"web\" ]; };\n\
         in { p = with pkgs; dockerTools.buildLayeredImage { name = \"x\"; contents = [ bash ffmpeg env ];\n\
         config = { Entrypoint = [ \"${env}/bin/app\" \"--port\" \"80\" ]; User = \"1000:1000\"; WorkingDir = \"/srv\"; }; };\n\
         }; }",
        "# flake.nix:3: ./back: the manifest stands in the project's folder: put it there\n\
         # flake.nix:5: pkgs.python312: Debian has no Python 3.12, but 3.11 (bookworm) and 3.13 (trixie)\n\
         [tool.invar]\npackages = [\"ffmpeg\"]\nshell = true\nextras = [\"web\"]\n\
         [tool.invar.image]\nname = \"x\"\nentrypoint = [\"app\", \"--port\", \"80\"]\nuser = \"1000:1000\"\n\
         workdir = \"/srv\"\n[tool.invar.python]\nprefer = \"sdist\"",
    );
}

#[test]
fn inputs_are_told_with_what_held_them() {
    let flake =
        "{ inputs.nixpkgs.url = \"github:a/b\"; inputs.uv2nix = { url = \"c\"; }; outputs = _: { }; }";
    let lock = "{\"nodes\": {\"nixpkgs\": {\"locked\": {\"rev\": \"0123456789abcdef0123\"}}}}";
    let draft = read(flake, Some(lock), Draft::default()).expect("the flake can be read");
    let pins: Vec<String> = draft.pins.iter().map(|pin| format!("{} | {}", pin.what, pin.before)).collect();
    let expected = [
        "input nixpkgs | \"github:a/b\" (flake.lock: 0123456789ab)",
        "input uv2nix | \"c\" (no flake.lock: whatever is newest)",
    ];
    assert_eq!(pins, expected);
}

#[test]
fn broken_and_hostile_flakes_are_refused_or_end() {
    let error = read("{\n  a = ;\n}", None, Draft::default()).expect_err("it is not Nix");
    assert!(matches!(error, FlakeError::Syntax { line: 2, .. }), "{error}");
    let long = "a ".repeat(20_000);
    assert!(matches!(read(&long, None, Draft::default()), Err(FlakeError::TooMuch(_))));
    let deep = format!("{}1{}", "(".repeat(100_000), ")".repeat(100_000));
    assert!(read(&deep, None, Draft::default()).is_err());
    // Names that stand for two of the next one each, and one that stands for itself.
    let mut bindings = String::from("x = x; a60 = [ 1 ];");
    for number in 0..60 {
        bindings.push_str(&format!("a{number} = a{0} ++ a{0};", number + 1));
    }
    let flake = format!(
        "let pkgs = 1; {bindings} in {{ i = pkgs.dockerTools.buildImage {{ contents = a0 ++ x; }}; }}"
    );
    assert!(read(&flake, None, Draft::default()).is_ok());
}

fn read(text: &str, lock: Option<&str>, draft: Draft) -> Result<Draft, FlakeError> {
    let files = BTreeMap::new();
    let context =
        FlakeContext { files: &files, lock, pyproject: None, output: None, purpose: Purpose::Build };
    super::read_flake(text, &context, draft)
}
