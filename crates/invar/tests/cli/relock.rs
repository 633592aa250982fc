//! Locks that follow the project: what changed is locked again, what still fits stays, and `--locked` and `--frozen` do
//! what they do in uv.
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use invar_testkit::{Wheel, uv_lock};

use crate::support::Ran;
use crate::support::world::{MANIFEST, World, digest, packages, wheels};

/// The world's manifest without itself in the image, so that what is said in it can change while the source does not.
fn manifest() -> String {
    MANIFEST.replace("exclude = [\"uv.lock\"]", "exclude = [\"uv.lock\", \"pyproject.toml\"]")
}

fn more() -> Wheel {
    Wheel::new("more", "2.0").file("more/__init__.py", "MORE = 1\n")
}

/// A locked world whose index also has [`more`], and the `uv.lock` with it.
fn world() -> (World, String) {
    let all = [wheels(), vec![more()]].concat();
    let world = World::with(packages(), all.clone());
    let base = format!("{}/wheels", world.server.url());
    world.context.write("project/pyproject.toml", manifest());
    world.context.write("project/uv.lock", uv_lock("little", ">=3.13", &wheels(), &base));
    world.lock();
    (world, uv_lock("little", ">=3.13", &all, &base))
}

/// The manifest that also depends on [`more`].
fn with_more() -> String {
    manifest().replace("\"words\"]", "\"words\", \"more\"]")
}

/// Runs `invar` with a uv that writes `text`; without one, if there is no text.
fn run(world: &World, text: Option<&str>, arguments: &[&str]) -> Ran {
    let program = world.context.path().join("programs/uv");
    let _ = fs::remove_file(&program);
    world.context.write("programs/asked", "");
    if let Some(text) = text {
        world.context.write("programs/answer", text);
        let folder = world.context.path().join("programs");
        let folder = folder.display();
        let script = format!("#!/bin/sh\necho \"$@\" >> {folder}/asked\ncp {folder}/answer uv.lock\n");
        world.context.write("programs/uv", script);
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("it is ours");
    }
    let path = format!("{}:/usr/bin:/bin", program.parent().expect("it has one").display());
    Ran::of(world.invar().env("PATH", path).args(arguments))
}

const BUILD: [&str; 5] = ["build", "--keyring", "keyring.gpg", "--json", "project"];

#[test]
fn a_uv_lock_that_only_moves_wheels_needs_no_new_lock() {
    let (world, _) = world();
    let before = world.build();
    let newer = vec![wheels().remove(0), Wheel::new("words", "0.2").file("words/__init__.py", "NEW = 1\n")];
    let base = format!("{}/wheels", world.server.url());
    world.server.put([(format!("wheels/{}", newer[1].filename()), newer[1].build())].into());
    world.context.write("project/uv.lock", uv_lock("little", ">=3.13", &newer, &base));
    let lock = world.read("invar.lock");
    assert!(!lock.contains("uv-lock"), "{lock}");
    assert_ne!(world.build(), before, "the image has the newer wheel");
    world.run(&["lock", "--check", "project"]).success();
    world.lock();
    assert_eq!(world.read("invar.lock"), lock);
}

#[test]
fn a_changed_manifest_is_locked_again_by_a_build() {
    let (world, _) = world();
    let (before, lock) = (world.build(), world.read("invar.lock"));
    world.context.write("project/pyproject.toml", manifest().replace("[\"hello\"]", "[\"hello-data\"]"));
    for refused in [
        &["build", "--locked", "project"][..],
        &["run", "--locked", "project"],
        &["why", "hello", "--locked", "project"],
    ] {
        let message = world.run(refused).failure(3);
        assert!(message.contains("`packages` changed: hello-data added; hello removed"), "{message}");
        assert!(message.ends_with("help: run `invar lock project`\n"), "{message}");
    }
    // As it is, the lock gives what it gave.
    let frozen = ["build", "--frozen", "--offline", "--json", "project"];
    assert_eq!(digest(&world.run(&frozen).success()), before);
    assert_eq!(world.read("invar.lock"), lock);
    let ran = world.run(&["build", "--keyring", "keyring.gpg", "project"]);
    for expected in [
        "note: invar.lock is out of date: `packages` changed: hello-data added; hello removed: updating it\n",
        "note: invar.lock: hello 2.10-5 removed (linux/amd64)\n",
    ] {
        assert!(ran.stderr.contains(expected), "{expected}: {}", ran.stderr);
    }
    assert!(!ran.success().contains(&before), "another image");
    world.build();
}

#[test]
fn a_changed_project_is_locked_again_by_uv() {
    let (world, with) = world();
    let lock = world.read("invar.lock");
    world.context.write("project/pyproject.toml", with_more());
    let message = run(&world, Some(&with), &["build", "--locked", "project"]).failure(3);
    assert!(
        message.contains("uv.lock is out of date: pyproject.toml requires more, which is not"),
        "{message}"
    );
    assert!(message.ends_with("help: run `invar lock project`\n"), "{message}");
    let message = run(&world, None, &["build", "project"]).failure(3);
    assert!(
        message.contains("project/uv.lock is out of date, and only uv can update it: cannot run uv"),
        "{message}"
    );
    assert!(message.ends_with("help: install uv, or run `uv lock` where it is\n"), "{message}");
    let ran = run(&world, Some(&with), &["build", "--keyring", "keyring.gpg", "project"]);
    assert!(
        ran.stderr.contains("is not in uv.lock): running `uv lock`\nnote: uv.lock: more 2.0 added\n"),
        "{}",
        ran.stderr
    );
    ran.success();
    assert_eq!(
        fs::read_to_string(world.context.path().join("programs/asked")).expect("it was asked"),
        "lock --no-progress --color never\n"
    );
    // Wheels need nothing of Debian.
    assert_eq!(world.read("invar.lock"), lock);
    // Nobody asks again.
    run(&world, Some("broken"), &BUILD).success();
    run(&world, None, &["build", "--locked", "project"]).success();
}

#[test]
fn a_missing_uv_lock_is_made_by_uv() {
    let (world, with) = world();
    world.context.write("project/pyproject.toml", with_more());
    fs::remove_file(world.project().join("uv.lock")).expect("there is one");
    let message = run(&world, Some(&with), &["build", "--locked", "project"]).failure(3);
    assert!(message.contains("uv.lock is missing") && message.contains("run `invar lock`"), "{message}");
    let message = run(&world, None, &["lock", "project"]).failure(3);
    assert!(message.contains("project/uv.lock is missing, and only uv can update it"), "{message}");
    let ran = run(&world, Some(&with), &["lock", "--keyring", "keyring.gpg", "project"]);
    assert!(ran.stderr.contains("note: uv.lock is missing: running `uv lock`\n"), "{}", ran.stderr);
    ran.success();
    run(&world, None, &["build", "--locked", "project"]).success();
}

#[test]
fn uv_says_why_it_cannot_lock() {
    let (world, _) = world();
    world.context.write("project/pyproject.toml", with_more());
    world.context.write("programs/answer", "");
    run(&world, Some(""), &["--version"]).success();
    let program = world.context.path().join("programs/uv");
    fs::write(&program, "#!/bin/sh\necho 'error: no such package: more' >&2\nexit 2\n").expect("it is ours");
    let path = format!("{}:/usr/bin:/bin", program.parent().expect("it has one").display());
    let message = Ran::of(world.invar().env("PATH", path).args(["build", "project"])).failure(2);
    assert!(message.contains("uv cannot update project/uv.lock:\nerror: no such package: more"), "{message}");
}

#[test]
fn a_lock_that_names_uv_lock_is_upgraded_without_moving_a_package() {
    let (world, _) = world();
    let (lock, before) = (world.read("invar.lock"), world.build());
    let hash = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb";
    let (head, rest) = lock.split_once("\n[request]").expect("it has a request");
    let old = format!("{head}uv-lock-sha256 = \"{hash}\"\n\n[request]{rest}");
    world.context.write("project/invar.lock", &old);
    // The archives have moved on, and nobody asks them.
    world.server.put([("debian/dists/trixie/InRelease".to_owned(), b"later".to_vec())].into());
    assert_eq!(world.build(), before);
    assert_eq!(world.read("invar.lock"), old, "--locked writes nothing");
    world.run(&["lock", "--check", "project"]).success();
    assert_eq!(digest(&world.run(&BUILD).success()), before);
    world.run(&["lock", "--offline", "project"]).success();
    assert_eq!(world.read("invar.lock"), lock);
    assert_eq!(world.build(), before);
}
