//! The promise: the digest depends on the inputs and on nothing else.
//!
//! Every test here changes one thing about the host, with an empty store except for downloads, and expects the digest
//! that a literal in this file pins. Odds of missing a fault: a test that changes a setting misses what depends on
//! it only in ways that this small world does not have; `real/promise.rs` repeats the settings together over Fortune Cat
//! from the real archives.
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use crate::support::world::{World, digest};
use crate::support::{Ran, copy_project, have, is_root};

/// The manifest digest of the world's project. If a change to it is intended, raise `FORMAT_VERSION` and add a line
/// to "Output digests" in the changelog.
const PINNED: &str = "sha256:633c8ba0d80b0f343a3c913016a189362b073147baa9d4c2d9a723be019d477b";

/// A world with a lock, and nothing in its store.
pub fn locked() -> World {
    let world = World::new();
    world.lock();
    forget(world.context.store());
    world
}

/// Removes all of the store but what was downloaded.
pub fn forget(store: &Path) {
    for made in ["trees", "results"] {
        let _ = fs::remove_dir_all(store.join(made));
    }
}

/// The world's `invar build`, through `wrapper`, as a command.
pub fn through(world: &World, wrapper: &[&str]) -> Command {
    let invar = world.invar();
    let mut command = Command::new(wrapper[0]);
    command.args(&wrapper[1..]).arg(invar.get_program()).env_clear();
    for (name, value) in invar.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    command.current_dir(world.context.path()).args(["build", "--locked", "--json", "project"]);
    command
}

#[track_caller]
pub fn expect_pinned(command: &mut Command) {
    assert_eq!(digest(&Ran::of(command).success()), PINNED, "see the note at PINNED");
}

#[test]
fn the_digest_is_pinned() {
    let world = locked();
    assert_eq!(world.build(), PINNED, "see the note at PINNED");
    // Once more, from a full store.
    assert_eq!(world.build(), PINNED);
}

#[test]
fn time_zone_locale_and_home_do_not_matter() {
    let world = locked();
    let mut command = through(&world, &["/usr/bin/env"]);
    command.env("TZ", "Pacific/Chatham").env("LC_ALL", "tr_TR.UTF-8").env("LANG", "ja_JP.eucJP");
    command.env("HOME", "/nonexistent").env("USER", "somebody").env("SOURCE_DATE_EPOCH", "1");
    expect_pinned(&mut command);
}

#[test]
fn the_umask_does_not_matter() {
    let world = locked();
    expect_pinned(&mut through(&world, &["/bin/sh", "-c", "umask 077; exec \"$@\"", "sh"]));
    forget(world.context.store());
    expect_pinned(&mut through(&world, &["/bin/sh", "-c", "umask 000; exec \"$@\"", "sh"]));
}

#[test]
fn modes_of_the_checkout_do_not_matter_but_for_the_executable_bit() {
    let world = locked();
    for (path, mode) in [("main.py", 0o600), ("package/data.txt", 0o664), ("package", 0o700)] {
        fs::set_permissions(world.project().join(path), fs::Permissions::from_mode(mode))
            .expect("a mode can be set");
    }
    assert_eq!(world.build(), PINNED);
    fs::set_permissions(world.project().join("main.py"), fs::Permissions::from_mode(0o755))
        .expect("a mode can be set");
    assert_ne!(world.build(), PINNED, "the executable bit is part of the source");
}

#[test]
fn one_cpu_is_as_good_as_many() {
    if !have("one_cpu_is_as_good_as_many", &["taskset"]) {
        return;
    }
    let world = locked();
    expect_pinned(&mut through(&world, &["taskset", "-c", "0"]));
    forget(world.context.store());
    expect_pinned(through(&world, &["/usr/bin/env"]).env("INVAR_JOBS", "7"));
}

#[test]
fn the_clock_does_not_matter() {
    if !have("the_clock_does_not_matter", &["faketime"]) {
        return;
    }
    let world = locked();
    for time in ["+3y", "+0.37s", "@2001-01-01 00:00:00"] {
        forget(world.context.store());
        expect_pinned(&mut through(&world, &["faketime", "-f", time]));
    }
}

#[test]
fn the_host_name_does_not_matter() {
    let test = "the_host_name_does_not_matter";
    if !have(test, &["unshare"]) || !is_root(test) {
        return;
    }
    let world = locked();
    let script = "echo elsewhere > /proc/sys/kernel/hostname; exec \"$@\"";
    expect_pinned(&mut through(&world, &["unshare", "--uts", "/bin/sh", "-c", script, "sh"]));
}

#[test]
fn the_user_does_not_matter() {
    let test = "the_user_does_not_matter";
    if !have(test, &["setpriv", "chown"]) || !is_root(test) {
        return;
    }
    let world = locked();
    assert_eq!(world.build(), PINNED, "this also downloads the wheels");
    // Where the checkout itself is closed to others, a copy of everything goes where they may enter.
    let open = tempfile::Builder::new().prefix("invar").tempdir().expect("temporary folders can be made");
    fs::set_permissions(open.path(), fs::Permissions::from_mode(0o755)).expect("a mode can be set");
    let program = open.path().join("invar");
    fs::copy(env!("CARGO_BIN_EXE_invar"), &program).expect("the program can be copied");
    copy_project(&world.project(), &open.path().join("project"));
    copy_project(&world.context.store().join("blobs"), &open.path().join("store/blobs"));
    fs::copy(world.context.store().join("format"), open.path().join("store/format"))
        .expect("the store can be copied");
    Ran::of(Command::new("chown").args(["-R", "65534:65533"]).arg(open.path())).success();
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65533", "--clear-groups"]).arg(&program).env_clear();
    command.env("INVAR_STORE", open.path().join("store")).current_dir(open.path());
    expect_pinned(command.args(["build", "--offline", "--locked", "--json", "project"]));
}

#[test]
fn the_path_of_the_checkout_and_the_order_of_its_files_do_not_matter() {
    let world = locked();
    let elsewhere = world.context.path().join("a folder with spaces/päckchen/x");
    for path in
        ["uv.lock", "pyproject.toml", "package/data.txt", "noise.log", "main.py", "invar.lock", ".gitignore"]
    {
        let target = elsewhere.join(path);
        fs::create_dir_all(target.parent().expect("a file is in a folder")).expect("the folder can be made");
        fs::copy(world.project().join(path), target).expect("the file can be copied");
    }
    let mut command = world.invar();
    expect_pinned(command.args(["build", "--locked", "--json", "-o", "out.tar"]).arg(&elsewhere));
}

#[test]
fn line_ends_of_manifest_and_locks_do_not_matter() {
    let world = locked();
    for text in ["pyproject.toml", "uv.lock", "invar.lock"] {
        fs::write(world.project().join(text), world.read(text).replace('\n', "\r\n"))
            .expect("it can be written");
    }
    world.run(&["lock", "--check", "project"]).success();
    let before = world.read("invar.lock");
    world.lock();
    assert_eq!(world.read("invar.lock"), before, "a lock that fits is not written again");
    assert_eq!(world.build(), PINNED);
}

#[test]
fn downloads_may_finish_in_any_order() {
    use invar_testkit::Fault;
    let world = locked();
    let blobs = world.context.store().join("blobs");
    fs::remove_dir_all(&blobs).expect("the downloads can be removed");
    // The first attempts at these end early, so the others overtake them.
    for path in world.server.requests().iter().filter(|path| path.ends_with("_amd64.deb")) {
        world.server.fault(path, Fault::CutOnceAt(100));
    }
    assert_eq!(world.build(), PINNED);
}
