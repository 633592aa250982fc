//! Debian packages.
use std::collections::BTreeMap;

use invar_diagnostic::{Diagnostic as _, Kind};
use invar_lock::{LockError, Locked, Update};
use invar_project::{Change, Platform};
use invar_testkit::Deb;

use crate::world::{DATE, World};

fn debs() -> Vec<Deb> {
    vec![
        Deb::new("base-files", "13.8").architecture("all"),
        Deb::new("libc6", "2.41-12"),
        Deb::new("python3", "3.13.5-1").field("Depends", "python3.13 (>= 3.13.5-1~)"),
        Deb::new("python3.13", "3.13.5-2").field("Depends", "libc6 (>= 2.38)"),
        Deb::new("hello", "2.10-5").field("Depends", "libc6, hello-data"),
        Deb::new("hello-data", "2.10-5").architecture("all"),
        Deb::new("make", "4.4").field("Depends", "libc6"),
        Deb::new("left", "1").field("Depends", "shared (= 1)"),
        Deb::new("right", "1").field("Depends", "shared (= 2)"),
        Deb::new("shared", "1"),
    ]
}

fn manifest(packages: &str) -> String {
    format!(
        "[project]\nname = \"little\"\nversion = \"1.0.0\"\nrequires-python = \">=3.13\"\n\n\
         [tool.invar]\nbase = [\"base-files\", \"libc6\"]\npackages = [{packages}]\npython.bytecode = false\n"
    )
}

fn world(packages: &str) -> World {
    World::new(&manifest(packages), &debs())
}

#[track_caller]
fn failure(world: &World, update: &Update) -> LockError {
    let before = world.read("project/invar.lock");
    let error = world.lock(update).expect_err("it cannot be locked");
    assert_eq!(world.read("project/invar.lock"), before, "the lock is as it was");
    error
}

#[test]
fn a_lock_says_why_each_package_is_there() {
    let world = world("\"hello\"");
    let locked = world.lock(&Update::Nothing).unwrap();
    assert!(locked.written && locked.changes.is_empty() && locked.left_out.is_empty());
    let files = world.files();
    let lock = files.checked_lock().unwrap();
    let because: BTreeMap<String, String> = lock.platforms[&Platform::LinuxAmd64]
        .packages
        .iter()
        .map(|(name, package)| (name.to_string(), package.because.to_string()))
        .collect();
    let expected = [
        ("base-files", "base"),
        ("hello", "requested by packages"),
        ("hello-data", "dependency of hello"),
        ("libc6", "base"),
        ("python3.13", "interpreter"),
    ];
    assert_eq!(because, expected.map(|(name, why)| (name.to_owned(), why.to_owned())).into());
}

#[test]
fn packages_of_steps_and_of_the_shell_are_beside_the_image() {
    let step = "\n[[tool.invar.step]]\nname = \"assets\"\nrun = \"make\"\npackages = [\"make\"]\noutputs = { out = \"/app/out\" }\n";
    let world = World::new(&format!("{}{step}", manifest("")), &debs());
    world.lock(&Update::Nothing).unwrap();
    let files = world.files();
    let locked = &files.checked_lock().unwrap().platforms[&Platform::LinuxAmd64];
    assert_eq!(locked.tools["make"].because.to_string(), "requested by step:assets");
    assert!(!locked.packages.contains_key("make"));
    assert!(locked.roots["step:assets"].packages.contains("libc6"));
}

#[test]
fn a_lock_that_fits_is_left_as_it_is_without_a_network() {
    let mut world = world("\"hello\"");
    world.lock(&Update::Nothing).unwrap();
    let (text, requests) = (world.read("project/invar.lock"), world.server.requests().len());
    world.offline = true;
    assert!(!world.lock(&Update::Nothing).unwrap().written);
    assert_eq!((world.read("project/invar.lock"), world.server.requests().len()), (text, requests));
}

#[test]
fn without_a_network_nothing_is_chosen() {
    let mut world = world("\"hello\"");
    world.offline = true;
    assert_eq!(failure(&world, &Update::Nothing).kind(), Kind::Network);
}

#[test]
fn what_cannot_be_chosen_is_explained() {
    let check = |packages: &str, said: &[&str]| {
        let world = world(packages);
        let error = failure(&world, &Update::Nothing);
        assert!(matches!(error, LockError::Solve { .. }), "{error}");
        assert_eq!(error.kind(), Kind::Input);
        let message = error.message(false);
        assert!(said.iter().all(|said| message.contains(said)), "{message}");
    };
    check("\"helo\"", &["helo", "`packages` in the manifest", "hello"]);
    check("\"left\", \"right\"", &["shared (= 2)", "`packages` in the manifest"]);
    check("\"hello=2.11-1\"", &["hello", "2.11-1"]);
}

#[test]
fn an_update_chooses_what_is_new() {
    let world = world("\"hello\"");
    world.lock(&Update::Nothing).unwrap();
    let mut newer = debs();
    newer.push(Deb::new("hello", "2.10-6").field("Depends", "libc6, hello-data"));
    newer.push(Deb::new("libc6", "2.41-13"));
    world.serve(&newer, "Sun, 13 Sep 2026 09:33:57 UTC");
    assert!(!world.lock(&Update::Nothing).unwrap().written);
    let packages = |locked: Locked| -> Vec<String> {
        let names = locked.changes.iter().filter_map(|change| match change {
            Change::Package { name, .. } => Some(name.to_string()),
            _ => None,
        });
        names.collect()
    };
    let one = world.lock(&Update::Packages(vec!["hello".parse().unwrap()])).unwrap();
    assert_eq!(packages(one), ["hello"]);
    assert_eq!(packages(world.lock(&Update::Everything).unwrap()), ["libc6"]);
}

#[test]
fn an_update_names_packages_of_the_lock() {
    let world = world("\"hello\"");
    world.lock(&Update::Nothing).unwrap();
    let error = failure(&world, &Update::Packages(vec!["helo".parse().unwrap()]));
    assert!(
        matches!(&error, LockError::UnknownPackages { nearest: Some(nearest), .. } if nearest == "hello"),
        "{error}"
    );
    assert_eq!(error.kind(), Kind::Input);
}

#[test]
fn a_mirror_with_an_older_state_is_warned_of() {
    let world = world("\"hello\"");
    world.lock(&Update::Nothing).unwrap();
    world.serve(&debs(), "Fri, 11 Sep 2026 09:33:57 UTC");
    world.lock(&Update::Everything).unwrap();
    assert!(
        world.warnings().iter().any(|said| said.contains("older state of trixie")),
        "{:?}",
        world.warnings()
    );
    world.serve(&debs(), DATE);
}

#[test]
fn a_suite_without_a_python_that_will_do() {
    let text = manifest("")
        .replace(">=3.13", ">=3.14")
        .replace("[tool.invar]\n", "[tool.invar]\nsuite = \"trixie\"\n");
    let world = World::new(&text, &debs());
    let error = failure(&world, &Update::Nothing);
    assert!(matches!(error, LockError::NoInterpreter { .. }), "{error}");
    assert!(error.hint().is_some_and(|hint| hint.contains("requires-python")));
}
