//! Manifests that are derived from a Dockerfile or a flake each time, and what `invar.lock` records of them.
use std::fs;

use serde_json::Value;

use crate::support::tools::Tools;
use crate::support::world::{World, digest};
use crate::support::{Context, Ran, repository};

const FLAKE: &str = r#"{
  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";
  outputs = { self, nixpkgs }:
    let pkgs = nixpkgs.legacyPackages.x86_64-linux; in {
      packages.x86_64-linux.docker-image = pkgs.dockerTools.buildImage {
        name = "little";
        tag = "1.0";
        copyToRoot = [ pkgs.jq ];
        config = { Entrypoint = [ "${pkgs.jq}/bin/jq" ]; Env = [ "GREETING=hello" ]; };
      };
    };
}
"#;

const DOCKERFILE: &str = "FROM debian:trixie-slim AS base\nRUN apt-get update && apt-get install -y curl\n\
    FROM base AS test\nCMD [\"curl\", \"--test\"]\n\
    FROM base\nENV GREETING=\"good day\"\nCMD [\"curl\", \"-v\"]\n";

/// A project that has a flake, a Dockerfile and no manifest.
fn project() -> Tools {
    let tools = Tools::new("");
    fs::remove_file(tools.context.path().join("project/invar.toml")).expect("the manifest can be removed");
    tools.context.write("project/flake.nix", FLAKE);
    tools.context.write("project/Dockerfile", DOCKERFILE);
    tools
}

fn lock(tools: &Tools) -> String {
    fs::read_to_string(tools.context.path().join("project/invar.lock")).expect("there is a lock")
}

/// Builds, trusting the world's keys.
#[track_caller]
fn build(tools: &Tools, arguments: &[&str]) -> (String, Ran) {
    let ran =
        tools.run(&[&["build", "--keyring", "keyring.gpg", "--json", "-o", "out.tar"], arguments].concat());
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    (digest(&ran.stdout), ran)
}

#[test]
fn a_flake_is_built_without_a_manifest() {
    let tools = project();
    let (built, ran) = build(&tools, &["project#docker-image"]);
    let value: Value = serde_json::from_str(&ran.stdout).expect("it is JSON");
    assert_eq!(value["derived-from"]["source"], "flake.nix#docker-image");
    assert_eq!(value["reference"], "little:1.0");
    let text = lock(&tools);
    for expected in
        ["[[derived]]\nfile = \"flake.nix\"\noutput = \"docker-image\"\n", "\npackages = [\"jq\"]\n"]
    {
        assert!(text.contains(expected), "{text}");
    }
    // Named in another way it is the same.
    let again = ["build", "--locked", "--offline", "--json", "-o", "again.tar"];
    for other in [&["--from", "project/flake.nix#docker-image", "project"][..], &["project#docker-image"]] {
        assert_eq!(digest(&tools.run(&[&again, other].concat()).success()), built);
    }
    assert_eq!(lock(&tools), text);
    let said = tools.run(&["build", "--locked", "project#docker-image"]).stderr;
    let line = "Using flake.nix#docker-image (see `invar build 'project#docker-image' --show-manifest`)\n";
    assert!(said.starts_with(line), "{said}");
    // What `init` writes is what was built, also where the output is named in another way.
    tools.run(&["init", "--quiet", "--from", "project/flake.nix", "project"]).success();
    let written = fs::read_to_string(tools.context.path().join("project/invar.toml")).expect("it is there");
    assert!(written.contains("packages = [\"jq\"]"), "{written}");
    let shown = ["build", "--show-manifest", "--from", "project/flake.nix#docker-image", "project"];
    assert_eq!(tools.run(&shown).success(), written);
    // So is its lock.
    assert!(!lock(&tools).contains("[[derived]]"));
    tools.run(&["build", "--locked", "--offline", "-o", "own.tar", "project"]).success();
    // Where the manifest says something else, the lock goes on from what it has: nothing is resolved.
    tools.context.write("project/invar.lock", &text);
    let message = tools.run(&["build", "--locked", "project"]).failure(3);
    assert!(message.contains("invar.lock does not cover the project's manifest yet"), "{message}");
    assert!(message.contains("help: run `invar lock`"), "{message}");
    let message = tools.run(&["build", "project#docker-image"]).failure(2);
    assert!(message.contains("the manifest has no image docker-image"), "{message}");
    assert!(message.contains("help: omit `#NAME` for the main image"), "{message}");
    tools.run(&["build", "--offline", "-o", "own.tar", "project"]).success();
    assert!(!lock(&tools).contains("[[derived]]"));
}

#[test]
fn a_dockerfile_and_its_stages_are_built_without_a_manifest() {
    let tools = project();
    let from = ["--from", "project/Dockerfile", "project"];
    let (whole, _) = build(&tools, &from);
    let (stage, _) = build(&tools, &["--from", "project/Dockerfile", "--target", "test", "project"]);
    assert_ne!(whole, stage);
    let text = lock(&tools);
    assert_eq!(text.matches("[[derived]]\nfile = \"Dockerfile\"\n").count(), 2, "{text}");
    // Each stays as it is when they are used in turn, also with the flake.
    build(&tools, &["project#docker-image"]);
    assert_eq!(build(&tools, &from).0, whole);
    assert_eq!(build(&tools, &["--from", "project/Dockerfile#test", "project"]).0, stage);
    assert_eq!(lock(&tools).matches("[[derived]]").count(), 3);
    tools.run(&["lock", "--check", "project"]).success();
    let ran = tools.run(&[&["run"][..], &from].concat());
    assert_eq!(ran.stdout, "curl -v good day\n", "{}", ran.stderr);
}

#[test]
fn a_flake_is_run_and_opened_without_a_manifest() {
    let tools = project();
    build(&tools, &["project#docker-image"]);
    // One manifest serves for all, so that nothing has to be locked.
    let ran = tools.run(&["run", "--locked", "--offline", "project#docker-image", "--", "."]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "jq . hello\n"), "{}", ran.stderr);
    let shell = ["shell", "--locked", "--quiet", "project#docker-image", "-c", "jq x"];
    assert_eq!(tools.run(&shell).success(), "jq x hello\n");
    let printed = tools.run(&["env", "--locked", "project#docker-image"]).success();
    let program = printed.split('\'').find(|word| word.starts_with('/')).expect("it has a path");
    let mut command = tools.invar_through(&format!("{program}/jq"));
    assert_eq!(Ran::of(command.arg("y")).success(), "jq y hello\n");
}

#[test]
fn a_changed_file_is_derived_again_and_never_with_locked() {
    let tools = project();
    let (built, _) = build(&tools, &["project#docker-image"]);
    let before = lock(&tools);
    let locked = ["build", "--locked", "-o", "locked.tar", "project#docker-image"];
    tools.run(&locked).success();
    tools.context.write("project/flake.nix", FLAKE.replace("GREETING=hello", "GREETING=hi"));
    for refused in [&locked[..], &["lock", "--check", "project"]] {
        let message = tools.run(refused).failure(3);
        for expected in ["flake.nix#docker-image", "flake.nix changed from sha256:", "invar lock "] {
            assert!(message.contains(expected), "{expected}: {message}");
        }
    }
    assert_eq!(lock(&tools), before);
    let ran = tools.run(&["build", "--offline", "-o", "out.tar", "project#docker-image"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let expected = "-env = { GREETING = \"hello\" }\n+env = { GREETING = \"hi\" }\n";
    assert!(ran.stderr.contains(expected), "{}", ran.stderr);
    assert!(!ran.stdout.contains(&built), "{}", ran.stdout);
    tools.run(&locked).success();
    tools.run(&["lock", "--check", "project"]).success();
    // Whatever is written in it, one file gives one image.
    tools.context.write("project/flake.nix", FLAKE);
    assert_eq!(build(&tools, &["project#docker-image"]).0, built);
    assert_eq!(lock(&tools), before);
    // A comment changes no image, but nobody can know before.
    tools.context.write("project/flake.nix", format!("# A comment.\n{FLAKE}"));
    tools.run(&locked).failure(3);
    let (same, ran) = build(&tools, &["project#docker-image"]);
    assert!(!ran.stderr.contains("GREETING"), "{}", ran.stderr);
    assert_ne!((same, lock(&tools)), (built, before));
    // What has a lock is locked where nothing is named.
    tools.context.write("project/flake.nix", FLAKE.replace("pkgs.jq ]", "pkgs.jq pkgs.curl ]"));
    let ran = tools.run(&["lock", "--keyring", "keyring.gpg", "project"]);
    assert!(ran.code == 0 && ran.stderr.contains("+packages = [\"curl\", \"jq\""), "{}", ran.stderr);
    tools.run(&["lock", "--check", "project"]).success();
}

#[test]
fn what_a_flake_imports_counts_and_nothing_else() {
    let tools = project();
    let flake = FLAKE
        .replace("pkgs.dockerTools.buildImage {", "pkgs.dockerTools.buildImage ((import ./nix/tag.nix) // {");
    let flake =
        flake.replace("tag = \"1.0\";\n", "").replace("};\n      };\n    };", "};\n      });\n    };");
    tools.context.write("project/flake.nix", flake);
    tools.context.write("project/nix/tag.nix", "{ tag = \"2.0\"; }\n");
    tools.context.write("project/nix/other.nix", "{ }\n");
    let (_, ran) = build(&tools, &["project#docker-image"]);
    let value: Value = serde_json::from_str(&ran.stdout).expect("it is JSON");
    assert_eq!(value["reference"], "little:2.0", "{}", ran.stdout);
    tools.context.write("project/nix/other.nix", "{ x = 1; }\n");
    tools.run(&["lock", "--check", "project"]).success();
    tools.context.write("project/nix/tag.nix", "{ tag = \"3.0\"; }\n");
    let message = tools.run(&["lock", "--check", "project"]).failure(3);
    assert!(message.contains("nix/tag.nix changed from sha256:"), "{message}");
    // As does a lock of its inputs, once there is one.
    build(&tools, &["project#docker-image"]);
    tools.context.write(
        "project/flake.lock",
        "{ \"nodes\": { \"root\": { } }, \"root\": \"root\", \"version\": 7 }\n",
    );
    let message = tools.run(&["build", "--locked", "project#docker-image"]).failure(3);
    assert!(message.contains("flake.lock was added"), "{message}");
    build(&tools, &["project#docker-image"]);
    tools.run(&["build", "--locked", "-o", "out.tar", "project#docker-image"]).success();
}

#[test]
fn a_record_decides_whatever_would_be_derived_today() {
    let tools = project();
    build(&tools, &["project#docker-image"]);
    // As an older Invar might have written it.
    let text = lock(&tools).replace("GREETING = \"hello\"", "GREETING = \"of old\"");
    tools.context.write("project/invar.lock", &text);
    let ran = tools.run(&["run", "--offline", "project#docker-image"]);
    assert_eq!(ran.stdout, "jq of old\n", "{}", ran.stderr);
    assert_eq!(lock(&tools), text);
    let shown = tools.run(&["build", "--show-manifest", "project#docker-image"]).success();
    assert!(shown.contains("of old"), "{shown}");
    // Until it is asked to.
    let ran = tools.run(&["lock", "--update", "--keyring", "keyring.gpg", "project#docker-image"]);
    assert!(ran.code == 0 && ran.stderr.contains("+env = { GREETING = \"hello\" }"), "{}", ran.stderr);
}

#[test]
fn nothing_is_used_that_nobody_named() {
    let tools = project();
    let message = tools.run(&["build", "project"]).failure(2);
    for expected in [
        "project has Dockerfile, flake.nix, but no manifest",
        "`invar build 'project#NAME'`",
        "`invar build --from project/Dockerfile project`",
        "`invar init --from project/Dockerfile project`",
    ] {
        assert!(message.contains(expected), "{expected}: {message}");
    }
    for command in ["run", "shell", "lock"] {
        tools.run(&[command, "project"]).failure(2);
    }
    tools.run(&["build", "--locked", "project#docker-image"]).failure(3);
    tools.run(&["build", "--from", "project/Dockerfile.dev", "project"]).failure(2);
    tools.run(&["build", "--from", "project/flake.nix", "project#docker-image"]).failure(2);
    tools.run(&["build", "--from", "project/flake.nix", "--target", "x", "project"]).failure(2);
    tools.run(&["build", "--from", "project/Dockerfile", "--target", "x", "project"]).failure(2);
    // A manifest comes first.
    tools.write_manifest("packages = [\"greeter\"]\nimage.name = \"own\"");
    let message = tools.run(&["build", "--from", "project/flake.nix", "project"]).failure(2);
    assert!(message.contains("project/invar.toml") && message.contains("--show-manifest"), "{message}");
    let message = tools.run(&["build", "project#docker-image"]).failure(2);
    assert!(message.contains("docker-image"), "{message}");
    let shown = tools.run(&["build", "--show-manifest", "--from", "project/flake.nix", "project"]).success();
    assert!(shown.contains("\"jq\""), "{shown}");
    tools.lock();
    tools.run(&["build", "--locked", "-o", "own.tar", "project"]).success();
}

#[test]
fn a_manifest_is_shown_as_init_writes_it() {
    let context = Context::new();
    let fixtures = repository().join("crates/invar-init/fixtures/fortune-cat");
    for name in ["Dockerfile", "flake.nix"] {
        let text = fs::read_to_string(fixtures.join(name)).expect("the fixture is there");
        context.write(&format!("project/nested/{name}"), text);
    }
    context
        .write("project/pyproject.toml", "[project]\nname = \"cat\"\nversion = \"1\"\ndependencies = []\n");
    context.write("project/main.py", "");
    for file in ["project/nested/Dockerfile", "project/nested/flake.nix"] {
        let shown = context.run(&["build", "--show-manifest", "--from", file, "project"]).success();
        let written = context.run(&["init", "--print", "--from", file, "project"]).success();
        assert_eq!(shown, written);
        assert!(shown.contains("[tool.invar.image]"), "{shown}");
        let json = context.run(&["build", "--json", "--show-manifest", "--from", file, "project"]).success();
        let value: Value = serde_json::from_str(&json).expect("it is JSON");
        assert_eq!(value["manifest"], shown);
        assert_eq!(value["recorded"], false);
        assert_eq!(value["source"], file.strip_prefix("project/").expect("it is in it"));
    }
    assert!(!context.path().join("project/invar.lock").exists());
    context.write("project/flake.nix", "{\n  outputs = ;\n}\n");
    let message = context.run(&["build", "project#x"]).failure(2);
    assert!(message.contains("error: project/flake.nix:2:13: "), "{message}");
    context.write("project/flake.nix", FLAKE);
    let message = context.run(&["build", "project#nosuch"]).failure(2);
    assert!(message.contains("nosuch") && message.contains("packages.docker-image"), "{message}");
}

#[test]
fn a_lock_is_read_with_care() {
    let tools = project();
    build(&tools, &["project#docker-image"]);
    let good = lock(&tools);
    // A broken lock is created again by locking, and by nothing else.
    tools.context.write("project/invar.lock", good.replace("output = ", "outputs = "));
    let message = tools.run(&["build", "project#docker-image"]).failure(2);
    assert!(message.contains("invar.lock, line "), "{message}");
    tools.run(&["lock", "--keyring", "keyring.gpg", "project#docker-image"]).success();
    assert_eq!(lock(&tools), good);
    // Nothing in it reaches a terminal as it is, or is waited for.
    let hostile = good.replace("hello", "\\u001B[31m");
    tools.context.write("project/invar.lock", &hostile);
    tools.context.write("project/flake.nix", format!("# A comment.\n{FLAKE}"));
    let ran = tools.run(&["build", "--offline", "-o", "out.tar", "project#docker-image"]);
    assert!(ran.code == 0 && !ran.stderr.contains('\u{1b}'), "{}", ran.stderr);
    let pipe = tools.context.path().join("project/pipe.nix");
    Ran::of(std::process::Command::new("mkfifo").arg(&pipe)).success();
    tools.run(&["build", "--from", "project/pipe.nix", "project"]).failure(2);
    tools.context.write("project/invar.lock", good.replace("\"flake.nix\"", "\"pipe.nix\""));
    tools.run(&["lock", "--check", "project"]).failure(2);
}

#[test]
fn other_commands_know_it_as_well() {
    let tools = project();
    build(&tools, &["project#docker-image"]);
    let why = tools.run(&["why", "jq", "project#docker-image"]).success();
    assert!(why.contains("jq"), "{why}");
    tools.run(&["inspect", "project#docker-image"]).success();
    let verified = tools.run(&["verify", "--only", "path,umask", "project#docker-image"]);
    assert_eq!(verified.code, 0, "{}\n{}", verified.stdout, verified.stderr);
    let from =
        ["verify", "--locked", "--only", "path", "--from", "project/flake.nix#docker-image", "project"];
    assert_eq!(tools.run(&from).code, 0);
}

#[test]
fn what_a_project_says_counts_as_well() {
    let world = World::new();
    let (project, _) =
        crate::support::world::MANIFEST.split_once("[tool.invar]").expect("the manifest has the table");
    world.context.write("project/pyproject.toml", project);
    world.context.write("project/flake.nix", FLAKE);
    // What it is is derived from it alone, and what else there is is named.
    let shown = world.run(&["build", "--show-manifest", "project"]).success();
    assert!(shown.contains("command = [\"python\", \"main.py\"]") && !shown.contains("jq"), "{shown}");
    let said = world.run(&["build", "project"]).failure(5);
    assert!(said.contains("`--from project/flake.nix` converts project/flake.nix\n"), "{said}");
    fs::remove_file(world.project().join("flake.nix")).expect("the flake can be removed");
    let message = world.run(&["build", "--locked", "project"]).failure(3);
    assert!(message.contains("invar.lock"), "{message}");
}
