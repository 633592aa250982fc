//! `invar lock`: what it writes, when it changes it, and where it looks.
use std::fs;

use invar_testkit::{Deb, Fault, Mirror};

use crate::support::world::{MANIFEST, World, packages};

/// Puts a newer state of the suite on the mirror, in which `hello` has another version.
fn publish_update(world: &World, date: &str) {
    let mut debs = packages();
    debs.retain(|deb| deb.name() != "hello");
    debs.push(
        Deb::new("hello", "2.12-1").field("Depends", "libc6, hello-data").program("usr/bin/hello", "newer\n"),
    );
    let mut mirror = Mirror::new(world.signer.clone());
    mirror.add_suite("debian", "trixie", date, None, &debs);
    world.server.put(mirror.files().clone());
}

#[test]
fn the_lock_is_made_to_be_read() {
    let world = World::new();
    world.lock();
    let lock = world.read("invar.lock");
    for expected in [
        "format-version = 2\n",
        "created = \"2026-09-12T09:33:57Z\"\n",
        "[interpreter]\npackage = \"python3.13\"\nversion = \"3.13.5\"\n",
        "[[suite]]\nname = \"trixie-security\"\narchive = \"debian-security\"\n",
        "name = \"hello-data\"\nversion = \"2.10-5\"\narchitecture = \"all\"\nsuite = \"trixie\"\n",
        "because = \"dependency of hello\"\n",
        "because = \"requested by packages\"\n",
    ] {
        assert!(lock.contains(expected), "{expected} is not in:\n{lock}");
    }
    assert!(!lock.contains("127.0.0.1"), "where the mirror is does not belong into a lock");
}

#[test]
fn locking_again_changes_nothing_and_asks_nobody() {
    let world = World::new();
    world.lock();
    let (lock, asked) = (world.read("invar.lock"), world.server.requests().len());
    world.lock();
    assert_eq!(world.read("invar.lock"), lock);
    assert_eq!(world.server.requests().len(), asked);
    // Nor does upgrading everything from an archive that has not changed.
    let printed = world.run(&["lock", "--update", "--keyring", "keyring.gpg", "project"]).success();
    assert_eq!(printed, "");
    assert_eq!(world.read("invar.lock"), lock);
}

#[test]
fn an_update_says_what_changed() {
    let world = World::new();
    world.lock();
    publish_update(&world, "Sat, 19 Sep 2026 09:33:57 UTC");
    // A lock that still fits is kept.
    world.lock();
    assert!(world.read("invar.lock").contains("2.10-5"));
    let printed = world.run(&["lock", "--update", "hello", "--keyring", "keyring.gpg", "project"]).success();
    assert!(printed.contains("hello 2.10-5 → 2.12-1"), "{printed}");
    assert!(world.read("invar.lock").contains("2.12-1"));
    world.build();
}

#[test]
fn a_new_request_keeps_what_is_locked() {
    let world = World::new();
    world.lock();
    world
        .context
        .write("project/pyproject.toml", MANIFEST.replace("[\"hello\"]", "[\"hello\", \"hello-data\"]"));
    world.lock();
    let lock = world.read("invar.lock");
    assert!(lock.contains("\"hello-data\",\n"), "{lock}");
    world.run(&["lock", "--check", "project"]).success();
}

#[test]
fn a_build_without_a_lock_makes_one_and_says_so() {
    let world = World::new();
    let ran = world.run(&["build", "--keyring", "keyring.gpg", "project"]);
    assert!(ran.stderr.contains("Creating invar.lock"), "{}", ran.stderr);
    assert_eq!(ran.success().lines().count(), 1, "only the digest goes to standard output");
    assert!(world.project().join("invar.lock").exists());
}

#[test]
fn what_a_mirror_dropped_comes_from_the_snapshot_service() {
    let world = World::new();
    world.lock();
    let good = world.build();
    let file = packages()[4].filename();
    let bytes = packages()[4].build();
    for time in ["20260913T093357Z", "20260912T093357Z"] {
        fs::remove_dir_all(world.context.store()).expect("the store can be removed");
        world.server.fault(&format!("debian/{file}"), Fault::NotFound);
        world.server.put([(format!("snapshot/debian/{time}/{file}"), bytes.clone())].into());
        assert_eq!(world.build(), good);
        assert!(world.server.requests().contains(&format!("snapshot/debian/{time}/{file}")));
        world.server.fault(&format!("snapshot/debian/{time}/{file}"), Fault::NotFound);
    }
}

#[test]
fn a_snapshot_in_the_manifest_is_where_the_lock_comes_from() {
    let world = World::new();
    // Later than the signatures, which are of the moment when the test runs.
    let time = "20990101T000000Z";
    let mut files = std::collections::BTreeMap::new();
    for path in
        ["debian/dists/trixie", "debian/dists/trixie-updates", "debian-security/dists/trixie-security"]
    {
        let (archive, rest) = path.split_once('/').expect("an archive and a path");
        for file in ["InRelease", "main/binary-amd64/Packages.xz"] {
            let bytes = world.files[&format!("{path}/{file}")].clone();
            files.insert(format!("snapshot/{archive}/{time}/{rest}/{file}"), bytes);
        }
    }
    world.server.put(files);
    let pinned = MANIFEST.replace("[tool.invar]\n", "[tool.invar]\nsnapshot = \"2099-01-01T00:00:00Z\"\n");
    world.context.write("project/pyproject.toml", pinned);
    world.lock();
    let asked = world.server.requests();
    assert!(
        asked.iter().filter(|path| path.contains("/dists/")).all(|path| path.starts_with("snapshot/")),
        "{asked:?}"
    );
    assert!(world.read("invar.lock").contains("snapshot = \"2099-01-01T00:00:00Z\""));
    world.build();
}
