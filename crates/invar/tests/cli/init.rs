//! `invar init`: the first manifest of a project.
use std::fs;

use crate::support::world::{MANIFEST, World};
use crate::support::{Context, repository};

const PYPROJECT: &str = "[project]\nname = \"cat\"\nversion = \"1\"\ndependencies = []\n";

#[test]
fn a_uv_project_gets_the_smallest_manifest() {
    let context = Context::new();
    context.write("project/pyproject.toml", PYPROJECT);
    context.write("project/main.py", "print('hello')\n");
    context.write("project/.venv/pyvenv.cfg", "");
    context.write("project/.venv/app.py", "app = Flask()\n");
    let told = context.run(&["init", "project"]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    let written = fs::read_to_string(context.path().join("project/pyproject.toml")).expect("it is there");
    assert_eq!(
        written,
        format!("{PYPROJECT}\n[tool.invar]\n[tool.invar.image]\ncommand = [\"python\", \"main.py\"]\n")
    );
    let next = "Next: `invar build project`\n";
    assert!(told.stderr.ends_with(next), "{}", told.stderr);
    let message = context.run(&["init", "project"]).failure(2);
    assert!(message.contains("already") && message.contains("pyproject.toml"), "{message}");
}

#[test]
fn what_is_written_builds() {
    let world = World::new();
    let (project, _) = MANIFEST.split_once("[tool.invar]").expect("the manifest has the table");
    world.context.write("project/pyproject.toml", project);
    world.run(&["init", "--quiet", "project"]).success();
    // This world has no Debian of its own, nor a Python.
    let text = world.read("pyproject.toml").replace(
        "[tool.invar]\n",
        "[tool.invar]\nbase = [\"base-files\", \"libc6\"]\nexclude = [\"uv.lock\"]\npython.bytecode = false\n",
    );
    world.context.write("project/pyproject.toml", text);
    world.lock();
    assert!(world.build().starts_with("sha256:"));
}

#[test]
fn printing_writes_nothing_and_line_ends_are_kept() {
    let context = Context::new();
    let pyproject = PYPROJECT.trim_end().replace('\n', "\r\n");
    context.write("project/pyproject.toml", &pyproject);
    context.write("project/main.py", "");
    let printed = context.run(&["init", "--print", "project"]).success();
    assert!(printed.starts_with("[tool.invar]\n"), "{printed}");
    let path = context.path().join("project/pyproject.toml");
    assert_eq!(fs::read_to_string(&path).expect("it is there"), pyproject);
    context.run(&["init", "project"]).success();
    let written = fs::read_to_string(&path).expect("it is there");
    assert!(
        written.starts_with(&pyproject) && written.ends_with("[\"python\", \"main.py\"]\r\n"),
        "{written:?}"
    );
    assert_eq!(written.matches('\n').count(), written.matches("\r\n").count());
}

#[test]
fn a_flake_is_carried_over() {
    let context = Context::new();
    context.write("project/pyproject.toml", PYPROJECT);
    context.write("project/main.py", "");
    let flake = repository().join("crates/invar-init/fixtures/fortune-cat/flake.nix");
    let flake = fs::read_to_string(flake).expect("the fixture is there");
    context.write("project/flake.nix", flake);
    let told = context.run(&["init", "--from", "project/flake.nix", "project"]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    for expected in ["input nixpkgs", "no flake.lock", "Debian packages", "command = [\"/bin/fortune-cat\"]"]
    {
        assert!(told.stderr.contains(expected), "{expected}: {}", told.stderr);
    }
    context.write("bad/pyproject.toml", PYPROJECT);
    context.write("bad/flake.nix", "{\n x = ;\n}");
    let message = context.run(&["init", "--from", "bad/flake.nix", "bad"]).failure(2);
    assert!(message.contains("flake.nix:2"), "{message}");
    assert_eq!(
        fs::read_to_string(context.path().join("bad/pyproject.toml")).expect("it is there"),
        PYPROJECT
    );
}

#[test]
fn a_dockerfile_is_carried_over() {
    let context = Context::new();
    let fixture = repository().join("crates/invar-init/fixtures/fortune-cat/Dockerfile");
    let dockerfile = fs::read_to_string(fixture).expect("the fixture is there");
    context.write("project/pyproject.toml", PYPROJECT);
    context.write("project/Dockerfile", &dockerfile);
    context.write("project/main.py", "");
    let told = context.run(&["init", "--from", "project/Dockerfile", "project"]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    for expected in ["base image", "python:3.13-slim", "by sha256", "FORTUNE_EXEC"] {
        assert!(told.stderr.contains(expected), "{expected}: {}", told.stderr);
    }
    // For programs, the table is a list.
    fs::remove_dir_all(context.path().join("project")).expect("it was written");
    context.write("project/pyproject.toml", PYPROJECT);
    context.write("project/Dockerfile", &dockerfile);
    let printed = context.run(&["--json", "init", "--from", "project/Dockerfile", "project"]).success();
    let value: serde_json::Value = serde_json::from_str(&printed).expect("it is JSON");
    assert_eq!(
        (&value["pins"][0]["name"], &value["pins"][0]["before"]),
        (&"base image".into(), &"python:3.13-slim (unpinned)".into()),
        "{value}"
    );
    // Without a project, what pip installs is pinned by nothing.
    context.write("bare/Dockerfile", &dockerfile);
    let message = context.run(&["init", "--from", "bare/Dockerfile", "bare"]).failure(2);
    assert!(message.contains("line 8") && message.contains("uv init"), "{message}");
    assert!(!context.path().join("bare/invar.toml").exists());
    // What has no Python needs none.
    context.write(
        "plain/Dockerfile",
        "FROM debian:trixie-slim\nRUN apt-get install -y hello\nCMD [\"hello\"]\n",
    );
    context.run(&["init", "--quiet", "--from", "plain/Dockerfile", "plain"]).success();
    let written = fs::read_to_string(context.path().join("plain/invar.toml")).expect("it is there");
    assert_eq!(written, "packages = [\"hello\"]\n[image]\nname = \"plain\"\ncommand = [\"hello\"]\n");
}

#[test]
fn a_folder_without_a_project_is_told_what_to_do() {
    let context = Context::new();
    context.write("project/main.py", "");
    let message = context.run(&["init", "project"]).failure(2);
    assert!(message.contains("pyproject.toml"), "{message}");
}

#[test]
fn events_are_json_if_asked_for() {
    let context = Context::new();
    context.write("project/pyproject.toml", PYPROJECT);
    let printed = context.run(&["--json", "init", "project"]).success();
    let value: serde_json::Value = serde_json::from_str(&printed).expect("it is JSON");
    assert_eq!(value["notes"][0]["file"], "pyproject.toml");
    assert!(value["notes"][0]["reason"].is_string(), "{value}");
    assert!(value["manifest"].as_str().is_some_and(|text| text.contains("[tool.invar]")));
}
