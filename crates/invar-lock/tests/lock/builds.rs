//! What Python packages are built with.
use std::collections::BTreeSet;

use invar_diagnostic::{Diagnostic as _, Kind};
use invar_lock::{BuildsError, LockError, Update, outdated};
use invar_plan::Plan;
use invar_project::{LockPart, LockedBuild, Platform};
use invar_testkit::{Deb, Wheel, sha256};

use crate::world::World;

fn debs() -> Vec<Deb> {
    vec![
        Deb::new("libc6", "2.41-12"),
        Deb::new("libstdc++6", "14"),
        Deb::new("python3", "3.13.5-1").field("Depends", "python3.13"),
        Deb::new("python3.13", "3.13.5-2").field("Depends", "libc6"),
        Deb::new("libpython3.13-dev", "3.13.5-2"),
        Deb::new("python3.13-dev", "3.13.5-2"),
    ]
}

/// A project that is a package, and so is built.
fn world(requires: &str) -> World {
    let manifest = format!(
        "[project]\nname = \"little\"\nversion = \"1.0.0\"\nrequires-python = \">=3.13\"\n\n\
         [build-system]\nrequires = [\"{requires}\"]\nbuild-backend = \"backend\"\n\n\
         [tool.invar]\nbase = [\"libc6\"]\npython.bytecode = false\n"
    );
    let world = World::new(&manifest, &debs());
    world.write(
        "project/uv.lock",
        "version = 1\nrevision = 3\nrequires-python = \">=3.13\"\n\n\
         [[package]]\nname = \"little\"\nversion = \"1.0.0\"\nsource = { editable = \".\" }\n",
    );
    world.write("answers/plain.lock", &answer(&world, &["backend"]));
    world.write("answers/extra.lock", &answer(&world, &["backend", "extra"]));
    world
}

/// What uv makes of a build that requires `names`.
fn answer(world: &World, names: &[&str]) -> String {
    let list = names.iter().map(|name| format!("{{ name = \"{name}\" }}")).collect::<Vec<_>>().join(", ");
    let mut text = format!(
        "version = 1\nrevision = 3\nrequires-python = \">=3.8\"\n\n\
         [[package]]\nname = \"build-requirements\"\nversion = \"0\"\nsource = {{ virtual = \".\" }}\n\n\
         [package.dev-dependencies]\nlittle = [{list}]\n\n\
         [package.metadata]\n\n[package.metadata.requires-dev]\nlittle = [{list}]\n"
    );
    for name in names {
        let wheel = Wheel::new(name, "1.0");
        let (bytes, url) = (wheel.build(), world.server.url());
        text.push_str(&format!(
            "\n[[package]]\nname = \"{name}\"\nversion = \"1.0\"\nsource = {{ registry = \"{url}/simple\" }}\n\
             wheels = [{{ url = \"{url}/wheels/{}\", hash = \"sha256:{}\", size = {} }}]\n",
            wheel.filename(),
            sha256(&bytes),
            bytes.len()
        ));
    }
    text
}

fn build(world: &World) -> LockedBuild {
    let files = world.files();
    let locked = &files.checked_lock().unwrap().platforms[&Platform::LinuxAmd64];
    locked.builds["little"].clone()
}

fn wheels(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| format!("{name}-1.0-py3-none-any.whl")).collect()
}

#[test]
fn what_a_package_declares_is_resolved_and_its_backend_is_asked_for_more() {
    let mut world = world("backend");
    world.backends.requires = vec!["extra>=1".to_owned()];
    world.lock(&Update::Nothing).unwrap();
    let found = build(&world);
    assert_eq!(found.wheels, wheels(&["backend", "extra"]));
    assert!(found.requires.contains("extra>=1"), "{:?}", found.requires);
    // Once without what it asked for, and once with it.
    let asked = world.backends.asked.lock().unwrap().clone();
    assert_eq!(asked, [("little".to_owned(), 1), ("little".to_owned(), 2)]);
}

#[test]
fn a_backend_that_cannot_be_run_is_not_asked() {
    let mut world = world("backend");
    world.backends.refuse = true;
    world.lock(&Update::Nothing).unwrap();
    assert_eq!(build(&world).wheels, wheels(&["backend"]));
    let warned = world.warnings();
    assert!(
        warned.iter().any(|said| said.contains("little") && said.contains("nothing can be run here")),
        "{warned:?}"
    );
    assert!(world.backends.asked.lock().unwrap().is_empty());
}

#[test]
fn without_uv_a_build_is_not_locked() {
    let mut world = world("backend");
    world.uv = "/nonexistent/uv".into();
    let error = world.lock(&Update::Nothing).expect_err("it cannot be locked");
    assert!(matches!(error, LockError::Builds(BuildsError::NoUv { .. })), "{error}");
    assert_eq!((error.kind(), error.hint().as_deref()), (Kind::Input, Some("install uv")));
    assert_eq!(world.read("project/invar.lock"), None);
}

#[test]
fn what_uv_says_is_passed_on() {
    let world = world("impossible");
    let error = world.lock(&Update::Nothing).expect_err("it cannot be locked");
    let message = error.message(false);
    assert!(
        message.contains("the build requirements of little") && message.contains("there is no such thing"),
        "{message}"
    );
    assert_eq!(error.kind(), Kind::Input);
}

#[test]
fn what_is_locked_is_not_resolved_again() {
    let world = world("backend");
    world.lock(&Update::Nothing).unwrap();
    let asked = world.read("answers/asked");
    // The project's own files are in no lock.
    world.write("project/module.py", "x = 1\n");
    assert!(!world.lock(&Update::Nothing).unwrap().written);
    assert_eq!(world.read("answers/asked"), asked);
}

#[test]
fn what_a_build_was_locked_for_is_compared() {
    let world = world("backend");
    world.lock(&Update::Nothing).unwrap();
    let outdated = || outdated(&world.files(), &LockPart::Image).unwrap().map(|error| error.to_string());
    assert_eq!(outdated(), None);
    // Whatever else is in uv.lock.
    let uv_lock = world.read("project/uv.lock").unwrap();
    world.write("project/uv.lock", &format!("# A comment.\n{uv_lock}"));
    assert_eq!(outdated(), None);
    let locked = world.read("project/invar.lock").unwrap();
    world.write("project/invar.lock", &locked.replace("version = \"1.0.0\"", "version = \"0.9.0\""));
    let expected = "invar.lock is out of date: little 1.0.0 is built from source, but invar.lock has the build requirements of \
        little 0.9.0";
    assert_eq!(outdated().as_deref(), Some(expected));
    // With what belongs to another version, nothing is planned either.
    let files = world.files();
    let lock = files.checked_lock().unwrap();
    let plan = Plan::new(&files.manifest, lock, files.uv_lock.as_ref(), Platform::LinuxAmd64).unwrap_err();
    assert!(plan.to_string().contains("build requirements of little 0.9.0: run `invar lock`"), "{plan}");
    world.write("project/invar.lock", &locked);
    let pyproject = world.read("project/pyproject.toml").unwrap();
    world.write("project/pyproject.toml", &pyproject.replace("[\"backend\"]", "[\"backend\", \"extra\"]"));
    let expected = "invar.lock is out of date: the build of little also requires extra";
    assert_eq!(outdated().as_deref(), Some(expected));
    world.lock(&Update::Nothing).unwrap();
    assert_eq!(outdated(), None);
    assert_eq!(build(&world).wheels, wheels(&["backend", "extra"]));
}
