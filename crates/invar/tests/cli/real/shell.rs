//! `invar shell`, with a Python and its packages from the real archives and index.
use std::fs;

use super::archives::with_shared_store;
use crate::shell::everything_in;
use crate::support::{Ran, copy_project, path_of, repository, trust_index};

#[test]
fn python_with_development_groups() {
    let context = with_shared_store();
    let project = context.path().join("project");
    copy_project(&repository().join("examples/fortune-cat"), &project);
    let before = everything_in(&project);
    let shell = |script: &str| {
        Ran::of(context.invar().args(["shell", "--quiet", "--locked", "-c", script, "project"])).success()
    };
    let told =
        shell("python -c 'import sys, fastapi, pytest; print(sys.prefix, sys.executable)'; which pytest");
    assert_eq!(told, "/app/.venv /app/.venv/bin/python\n/app/.venv/bin/pytest\n");
    // The image has no such group.
    let image =
        ["run", "--quiet", "--locked", "--entrypoint", "python", "project", "--", "-c", "import pytest"];
    assert!(context.run(&image).failure(1).contains("No module named 'pytest'"));
    // What is changed outside is seen at once, and what tests leave is theirs.
    context.write("project/extra.py", "WORD = 'first'\n");
    let word = "python -c 'import extra; print(extra.WORD)'";
    assert_eq!(shell(word), "first\n");
    context.write("project/extra.py", "WORD = 'again'\n");
    assert_eq!(shell(word), "again\n");
    fs::remove_file(project.join("extra.py")).expect("it was written");
    assert!(shell("python -m pytest -q -p no:cacheprovider").contains("passed"));
    assert_eq!(everything_in(&project), before, "no .venv, no __pycache__");
    // A virtual environment of the author's own is covered, and stays.
    context.write("project/.venv/mine", "mine\n");
    assert_eq!(shell("ls .venv/mine 2>/dev/null; ls .venv"), "bin\nlib\nlib64\npyvenv.cfg\n");
    assert!(project.join(".venv/mine").exists());
}

/// A package with a build backend that is one of the usual ones, and its `uv.lock`.
const PACKAGE: &str = r#"
[project]
name = "told"
version = "1"
requires-python = ">=3.13"
[project.scripts]
tell = "told:tell"
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
"#;

const PACKAGE_LOCK: &str = r#"version = 1
revision = 3
requires-python = ">=3.13"

[[package]]
name = "told"
version = "1"
source = { editable = "." }
"#;

#[test]
fn a_package_that_is_built_is_editable() {
    let Some(path) = path_of("a_package_that_is_built_is_editable", &["uv"]) else { return };
    let context = with_shared_store();
    let module = |word: &str| format!("def tell():\n    print('{word}')\n");
    context.write("project/pyproject.toml", PACKAGE);
    context.write("project/uv.lock", PACKAGE_LOCK);
    context.write("project/src/told/__init__.py", module("first"));
    let mut lock = context.invar();
    trust_index(&mut lock);
    // uv finds the index of this machine by its settings.
    Ran::of(lock.env("PATH", path).env_remove("UV_NO_CONFIG").args(["lock", "project"])).success();
    let before = everything_in(&context.path().join("project"));
    let shell = |script: &str| {
        Ran::of(context.invar().args(["shell", "--quiet", "--locked", "-c", script, "project"])).success()
    };
    assert_eq!(
        shell("tell; python -c 'import told; print(told.__file__)'"),
        "first\n/app/src/told/__init__.py\n"
    );
    // Its own program and Python's import alike, and a module that was not there when it was built.
    context.write("project/src/told/__init__.py", module("again"));
    context.write("project/src/told/more.py", "print('more')\n");
    assert_eq!(shell("tell; python -c 'import told.more'"), "again\nmore\n");
    // What is changed inside is changed outside.
    shell("rm src/told/more.py");
    assert_eq!(everything_in(&context.path().join("project")), before);
    // The image has what it was built from, without a build backend.
    let image = ["run", "--quiet", "--locked", "--entrypoint", "tell", "project"];
    assert_eq!(context.run(&image).success(), "again\n");
    let image =
        ["run", "--quiet", "--locked", "--entrypoint", "python", "project", "--", "-c", "import hatchling"];
    assert!(context.run(&image).failure(1).contains("No module named 'hatchling'"));
}
