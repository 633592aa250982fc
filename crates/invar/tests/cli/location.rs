//! A project is found from every directory below it, and from elsewhere by `--project` and `--directory`.
use std::path::Path;

use crate::support::world::{World, digest};
use crate::support::{Context, Ran, have};

fn run(world: &World, directory: &str, arguments: &[&str]) -> Ran {
    let mut command = world.invar();
    Ran::of(command.args(arguments).current_dir(world.context.path().join(directory)))
}

#[test]
fn a_project_is_found_from_below() {
    let world = World::new();
    world.lock();
    let built = world.build();
    world.context.write("project/package/deep/er/x.log", "");
    world.context.write("elsewhere/x", "");
    for (directory, arguments) in [
        ("project", &[][..]),
        ("project/package", &[]),
        ("project/package/deep/er", &["."]),
        ("elsewhere", &["--project", "../project/package"]),
        ("elsewhere", &["--project", "../project"]),
        ("elsewhere", &["--directory", "../project/package/deep"]),
        ("elsewhere", &["--directory", "..", "--project", "project/package"]),
        ("elsewhere", &["../project"]),
    ] {
        let arguments = [&["build", "--locked", "--json"], arguments].concat();
        assert_eq!(digest(&run(&world, directory, &arguments).success()), built, "{directory} {arguments:?}");
    }
    run(&world, "project/package", &["lock", "--check"]).success();
    let why = run(&world, "project/package", &["why", "hello"]).success();
    assert!(why.contains("hello"), "{why}");
    run(&world, "elsewhere", &["inspect", "--project", "../project/package"]).success();
    run(&world, "elsewhere", &["lock", "--check", "--directory", "../project/package"]).success();
    // The paths of a command line start where somebody is, or where `--directory` leads.
    run(&world, "elsewhere", &["build", "--project", "../project", "-o", "here.tar"]).success();
    assert!(world.context.path().join("elsewhere/here.tar").is_file());
    run(&world, "elsewhere", &["build", "--directory", "../project/package", "-o", "../../there.tar"])
        .success();
    assert!(world.context.path().join("there.tar").is_file());
}

#[test]
fn the_nearest_project_is_the_one() {
    let world = World::new();
    world.lock();
    world
        .context
        .write("project/inner/invar.toml", "base = [\"base-files\", \"libc6\"]\n[image]\nname = \"inner\"\n");
    world.context.write("project/inner/src/x", "");
    let built = |directory: &str| {
        let printed =
            run(&world, directory, &["build", "--json", "--keyring", "../../keyring.gpg", "-o", "x.tar"]);
        let printed = printed.success();
        let value: serde_json::Value = serde_json::from_str(&printed).expect("--json prints JSON");
        value["reference"].as_str().expect("an image has a name").to_owned()
    };
    world.context.write("keyring.gpg", world.signer.keyring());
    world.context.write("project/keyring.gpg", world.signer.keyring());
    assert_eq!(built("project/inner/src"), "inner:latest");
    assert_eq!(built("project/package"), "little:1.0.0");
}

#[test]
fn a_project_is_named_once() {
    let world = World::new();
    let refused = |arguments: &[&str], expected: &str| {
        let message = run(&world, "", arguments).failure(2);
        assert!(message.contains(expected), "{arguments:?}: {message}");
    };
    refused(
        &["build", "--project", "project", "project"],
        "both `--project` and an argument name the project",
    );
    refused(
        &["inspect", "--project", "project", "project"],
        "both `--project` and an argument name the project",
    );
    refused(
        &["audit", "--project", "project", "project"],
        "both `--project` and an argument name the project",
    );
    refused(&["build", "--project", "nowhere"], "cannot use --project nowhere: No such file");
    refused(&["lock", "--directory", "nowhere"], "cannot use --directory nowhere: No such file");
    refused(
        &["lock", "--project", "project/main.py"],
        "cannot use --project project/main.py: not a directory",
    );
    // A directory that is named is that one, and none above it.
    refused(&["build", "project/package"], "project/package has no pyproject.toml");
    refused(
        &["build"],
        "error: the current directory and those above it have no pyproject.toml and no invar.toml",
    );
    refused(&["init", "project/package"], "has no pyproject.toml");
}

#[test]
fn a_first_manifest_is_written_from_below() {
    let context = Context::new();
    context.write("app/pyproject.toml", "[project]\nname = \"app\"\nversion = \"1\"\n");
    context.write("app/main.py", "print('hello')\n");
    context.write("app/pkg/x.py", "");
    context.write("app/uv.lock", "version = 1\nrequires-python = \">=3.13\"\n");
    let ran = Ran::of(context.invar().arg("init").current_dir(context.path().join("app/pkg")));
    let said = ran.stderr.clone();
    ran.success();
    assert!(said.contains("Wrote ../pyproject.toml:"), "{said}");
    assert!(said.contains("Next: `invar build`\n"), "{said}");
}

#[test]
fn revisions_are_those_of_the_project() {
    if !have("revisions_are_those_of_the_project", &["git"]) {
        return;
    }
    let world = World::new();
    world.lock();
    let git = |arguments: &[&str]| world.git(arguments);
    git(&["init", "-q"]);
    git(&["add", "-A"]);
    git(&["commit", "-qm", "one"]);
    let same = run(&world, "project/package", &["diff", "HEAD", "."]).success();
    assert!(!same.is_empty());
    let same = run(&world, "", &["diff", "--directory", "project/package", "HEAD", "HEAD"]).success();
    assert!(!same.is_empty());
    assert!(Path::new(&world.project()).join(".git").is_dir());
}
