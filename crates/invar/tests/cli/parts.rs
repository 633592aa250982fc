//! What only the shell or an additional image needs: it holds up no other image, and changes none.
use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use invar_testkit::{Deb, Mirror, sha256};

use crate::support::Ran;
use crate::support::world::{MANIFEST, World, digest, packages};

/// The world's manifest without itself in the image, so that what is said in it can change while the source does not.
fn manifest(more: &str) -> String {
    MANIFEST.replace("exclude = [\"uv.lock\"]", "exclude = [\"uv.lock\", \"pyproject.toml\"]") + more
}

/// A group with a package that has to be built.
const DEV: &str = "\n[dependency-groups]\ndev = [\"old-plugin\"]\n";

/// A source distribution.
fn sdist(world: &World) -> Vec<u8> {
    world.context.write(
        "sdists/old_plugin-1.0/pyproject.toml",
        "[project]\nname = \"old-plugin\"\nversion = \"1.0\"\n",
    );
    let mut tar = Command::new("tar");
    tar.arg("-C").arg(world.context.path().join("sdists")).args(["-czf", "-", "old_plugin-1.0"]);
    tar.output().expect("tar can be started").stdout
}

/// Writes the manifest, and a `uv.lock` with the group [`DEV`].
fn write(world: &World, more: &str) {
    world.context.write("project/pyproject.toml", manifest(&format!("{DEV}{more}")));
    let plain = world.read("uv.lock");
    if plain.contains("old-plugin") {
        return;
    }
    let own = "[[package]]\nname = \"little\"\n";
    let url = format!("{}/sdists", world.server.url());
    let sdist = sdist(world);
    let (hash, size) = (sha256(&sdist), sdist.len());
    world.server.put([("sdists/old_plugin-1.0.tar.gz".to_owned(), sdist)].into());
    let plugin = format!(
        "[[package]]\nname = \"old-plugin\"\nversion = \"1.0\"\nsource = {{ registry = \"{url}/simple\" }}\n\
         sdist = {{ url = \"{url}/old_plugin-1.0.tar.gz\", hash = \"sha256:{hash}\", size = {size} }}\n\n"
    );
    let group = "[package.dev-dependencies]\ndev = [{ name = \"old-plugin\" }]\n\n[package.metadata]\n";
    let lock = plain.replace(own, &format!("{plugin}{own}")).replace("[package.metadata]\n", group);
    world.context.write(
        "project/uv.lock",
        lock + "\n[package.metadata.requires-dev]\ndev = [{ name = \"old-plugin\" }]\n",
    );
}

/// Runs `invar` where there is no uv.
fn run(world: &World, arguments: &[&str]) -> Ran {
    let nothing = world.context.path().join("nothing");
    fs::create_dir_all(&nothing).expect("the folder is ours");
    Ran::of(world.invar().env("PATH", nothing).args(arguments))
}

const LOCK: [&str; 4] = ["lock", "--keyring", "keyring.gpg", "project"];

#[test]
fn what_the_shell_builds_does_not_hold_up_the_image() {
    let world = World::new();
    world.context.write("project/pyproject.toml", manifest(""));
    run(&world, &LOCK).success();
    let plain = digest(&run(&world, &["build", "--locked", "--json", "project"]).success());
    fs::remove_file(world.project().join("invar.lock")).expect("it was written");

    // One build makes the lock, and says what is not in it.
    write(&world, "\n[tool.invar.shell]\npackages = [\"hello-data\"]\nhook = \"true\"\n");
    let built = run(&world, &["build", "--json", "--keyring", "keyring.gpg", "project"]);
    assert!(built.stderr.contains("old-plugin has to be built, which needs uv"), "{}", built.stderr);
    assert!(built.stderr.contains("run `invar lock --shell project` to lock it"), "{}", built.stderr);
    assert_eq!(digest(&built.success()), plain, "what only the shell needs is not in the image");
    assert!(
        !world.server.requests().iter().any(|path| path.contains("sdists")),
        "nothing is fetched for what cannot be locked"
    );

    // The lock is in date for the image, and says so.
    let lock = world.read("invar.lock");
    let checked = run(&world, &["lock", "--check", "project"]);
    assert!(checked.stderr.contains("Up to date, but the shell is not locked"), "{}", checked.stderr);
    checked.success();
    let printed = run(&world, &["--json", "lock", "--check", "project"]).success();
    assert_eq!(printed, "{\"unlocked\":[\"shell\"],\"up-to-date\":true}\n");
    let locked = run(&world, &["--json", "lock", "--keyring", "keyring.gpg", "project"]).success();
    assert!(locked.contains("\"unlocked\":[\"shell\"]"), "{locked}");
    let message = run(&world, &["lock", "--check", "--shell", "project"]).failure(3);
    assert!(message.contains("the build requirements of old-plugin"), "{message}");
    let message = run(&world, &["shell", "--locked", "project"]).failure(3);
    assert!(
        message.contains("invar.lock does not cover the shell")
            && message.contains("run `invar lock --shell project`"),
        "{message}"
    );
    // Where it is asked for, it has to be locked.
    for arguments in [&["shell", "project"][..], &["lock", "--shell", "--keyring", "keyring.gpg", "project"]]
    {
        let message = run(&world, arguments).failure(2);
        assert!(message.contains("cannot lock the shell") && message.contains("install uv"), "{message}");
    }
    run(&world, &LOCK).success();
    assert_eq!(world.read("invar.lock"), lock, "nothing was locked in the meantime");
}

#[test]
fn another_image_that_cannot_be_locked_is_named_and_holds_up_nothing() {
    // One with Debian packages that are nowhere, one with a package that has to be built, one that may not be built.
    for (image, table, expected) in [
        ("odd", "packages = [\"no-such-package\"]", "no-such-package"),
        ("both", "groups = [\"dev\"]", "old-plugin has to be built"),
        ("both", "groups = [\"dev\"]\n[tool.uv]\nno-build = true", "cannot lock the image both"),
    ] {
        let world = World::new();
        write(&world, &format!("\n[tool.invar.images.{image}]\n{table}\n"));
        let locked = run(&world, &LOCK);
        assert!(locked.stderr.contains(expected), "{expected} is not in:\n{}", locked.stderr);
        assert!(
            locked.stderr.contains(&format!("run `invar lock 'project#{image}'` to lock it")),
            "{}",
            locked.stderr
        );
        locked.success();
        run(&world, &["build", "--locked", "project"]).success();
        let name = format!("project#{image}");
        let message = run(&world, &["build", "--keyring", "keyring.gpg", &name]).failure(2);
        assert!(message.contains(image) && message.contains(expected), "{message}");
    }
}

/// A time as `date` writes it, in UTC.
fn date(when: &str, form: &str) -> String {
    let mut command = Command::new("date");
    Ran::of(command.env("LC_ALL", "C").args(["-u", "-d", when, &format!("+{form}")]))
        .success()
        .trim()
        .to_owned()
}

/// The files of the archives with these packages, of this date.
fn archives(world: &World, debs: &[Deb], date: &str) -> BTreeMap<String, Vec<u8>> {
    let mut mirror = Mirror::new(world.signer.clone());
    mirror.add_suite("debian", "trixie", date, None, debs);
    mirror.add_suite("debian", "trixie-updates", date, None, &[]);
    mirror.add_suite("debian-security", "trixie-security", date, None, &[]);
    mirror.files().clone()
}

#[test]
fn what_is_added_for_the_shell_later_does_not_change_the_image() {
    let world = World::new();
    world.context.write("project/pyproject.toml", manifest(""));
    run(&world, &LOCK).success();
    let plain = world.build();
    // The archive has the same packages with a later date.
    let mut mirror = Mirror::new(world.signer.clone());
    mirror.add_suite("debian", "trixie", "Fri, 18 Sep 2026 09:33:57 UTC", None, &packages());
    world.server.put(mirror.files().clone());
    world
        .context
        .write("project/pyproject.toml", manifest("\n[tool.invar.shell]\npackages = [\"hello-data\"]\n"));
    let message = run(&world, &["lock", "--check", "project"]).failure(3);
    assert!(message.contains("the packages for shell changed: hello-data added"), "{message}");
    assert_eq!(world.build(), plain, "an image does not wait for the shell");
    run(&world, &LOCK).success();
    run(&world, &["lock", "--check", "--shell", "project"]).success();
    assert!(
        world.read("invar.lock").contains("date = \"2026-09-18T09:33:57Z\""),
        "a later state was looked at"
    );
    assert_eq!(world.build(), plain);

    // An update takes what there is now.
    let update = ["lock", "--update", "--keyring", "keyring.gpg", "project"];
    run(&world, &update).success();
    assert_ne!(world.build(), plain, "an image has the time of its packages");
}

#[test]
fn a_moved_on_archive_is_looked_at_as_it_was() {
    let world = World::new();
    // The service is asked for the state of a day later, which must be later than the signatures, and these are of the
    // moment when the test runs.
    let start = date("-1 hour", "%Y-%m-%d %H:%M UTC");
    let before = archives(&world, &packages(), &date(&start, "%a, %d %b %Y %H:%M:00 UTC"));
    let day_later = date(&format!("{start} +24 hours"), "%Y%m%dT%H%M00Z");
    world.server.put(before.clone());
    world.context.write("project/pyproject.toml", manifest(""));
    run(&world, &LOCK).success();
    let plain = world.build();
    // The mirror has another `hello`, and what it had is with the snapshot service.
    let mut debs = packages();
    debs.retain(|deb| deb.name() != "hello");
    debs.push(
        Deb::new("hello", "2.12-1").field("Depends", "libc6, hello-data").program("usr/bin/hello", "newer\n"),
    );
    world.server.put(archives(&world, &debs, &date("now", "%a, %d %b %Y %H:%M:00 UTC")));
    let before = before.into_iter().filter_map(|(path, bytes)| {
        let (archive, rest) = path.split_once('/')?;
        Some((format!("snapshot/{archive}/{day_later}/{rest}"), bytes))
    });
    world.server.put(before.collect());
    let shell = "\n[tool.invar.shell]\npackages = [\"hello-data\"]\n";
    world.context.write("project/pyproject.toml", manifest(shell));
    run(&world, &LOCK).success();
    run(&world, &["lock", "--check", "--shell", "project"]).success();
    let lock = world.read("invar.lock");
    assert!(lock.contains("version = \"2.10-5\"") && !lock.contains("2.12-1"), "{lock}");
    assert_eq!(world.build(), plain);
}

#[test]
fn an_error_of_an_additional_image_names_it() {
    let world = World::new();
    let more = "[tool.invar.images.worker]\nuser = \"nobody-here\"\n";
    world.context.write("project/pyproject.toml", format!("{MANIFEST}{more}"));
    world.lock();
    let message = world.run(&["build", "--locked", "project#worker"]).failure(2);
    let expected = "error: cannot build the image worker: `image.user` is \"nobody-here\"";
    assert!(message.contains(expected), "{message}");
    world.build();
    let more = "[tool.invar.images.worker]\npackages = [\"helo\"]\n";
    world.context.write("project/pyproject.toml", format!("{MANIFEST}{more}"));
    let message = world.run(&["lock", "--keyring", "keyring.gpg", "project#worker"]).failure(2);
    assert!(message.contains("(image:worker)") && message.contains("helo"), "{message}");
}
