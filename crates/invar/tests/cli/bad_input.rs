//! Bad input: each kind gives one clear message and a documented exit code, and leaves the store good.
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use invar_testkit::{Deb, Fault, Mirror, Signer, Wheel};

use crate::support::world::{MANIFEST, World, packages, wheels};
use crate::support::{Ran, have, is_root};

/// Nothing that a failed run made may be left: no result, no half-written file.
#[track_caller]
fn nothing_left(world: &World) {
    let left: Vec<String> = names(world.context.path());
    assert!(!left.iter().any(|name| name.contains("little") || name.contains("partial")), "{left:?}");
}

fn names(folder: &Path) -> Vec<String> {
    #[expect(clippy::disallowed_methods, reason = "only searched, never in order")]
    let entries = fs::read_dir(folder).expect("the folder can be read");
    entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// `message` must hold all `words`, name what it is about first, and be no debugging output.
#[track_caller]
fn says(message: &str, words: &[&str]) {
    for word in words {
        assert!(message.contains(word), "{word:?} is not in:\n{message}");
    }
    assert!(message.contains("error: "), "{message}");
    assert!(!message.contains("panicked") && !message.contains("RUST_BACKTRACE"), "{message}");
}

#[test]
fn a_folder_without_a_project() {
    let world = World::new();
    fs::create_dir(world.context.path().join("empty")).expect("the folder can be made");
    says(&world.run(&["build", "empty"]).failure(2), &["empty", "pyproject.toml", "invar.toml"]);
    says(&world.run(&["build", "nowhere"]).failure(2), &["nowhere"]);
}

#[test]
fn a_broken_manifest() {
    let world = World::new();
    let cases: [(&str, &[&str]); 5] = [
        ("[project\nname = 1", &["pyproject.toml", ":1"]),
        (&MANIFEST.replace("packages =", "pakages ="), &["pakages", "packages", "pyproject.toml:9"]),
        (&MANIFEST.replace("ports = [8000]", "ports = [800000]"), &["800000", "pyproject.toml:16"]),
        (&MANIFEST.replace("\"hello\"]\n", "\"Hello!\"]\n"), &["Hello!", "pyproject.toml:9"]),
        (
            &MANIFEST.replace("[\"python\", \"main.py\"]", "\"python main.py\""),
            &["command", "pyproject.toml:14"],
        ),
    ];
    for (manifest, words) in cases {
        world.context.write("project/pyproject.toml", manifest);
        says(&world.run(&["build", "project"]).failure(2), words);
    }
    nothing_left(&world);
}

#[test]
fn a_uv_lock_of_an_unknown_version() {
    let world = World::new();
    world.lock();
    world.context.write("project/uv.lock", world.read("uv.lock").replace("version = 1\n", "version = 2\n"));
    says(&world.run(&["build", "project"]).failure(2), &["uv.lock", "version 2"]);
}

#[test]
fn a_missing_uv_lock() {
    let world = World::new();
    fs::remove_file(world.project().join("uv.lock")).expect("the lock can be removed");
    says(&world.run(&["build", "project"]).failure(3), &["uv.lock", "uv lock"]);

    // A package that depends on nothing is still to be installed.
    let package = "[project]\nname = \"alone\"\nversion = \"1\"\n\
        [build-system]\nrequires = [\"uv_build\"]\nbuild-backend = \"uv_build\"\n";
    world.context.write("project/pyproject.toml", package);
    says(&world.run(&["build", "project"]).failure(3), &["uv.lock", "uv lock"]);
}

#[test]
fn locks_that_do_not_belong_together() {
    let world = World::new();
    says(&world.run(&["build", "--locked", "project"]).failure(3), &["invar.lock", "invar lock"]);
    says(&world.run(&["lock", "--check", "project"]).failure(3), &["invar.lock"]);
    world.lock();
    world.run(&["lock", "--check", "project"]).success();

    world
        .context
        .write("project/pyproject.toml", MANIFEST.replace("[\"hello\"]", "[\"hello\", \"hello-data\"]"));
    for arguments in [["lock", "--check", "project"], ["build", "--locked", "project"]] {
        says(&world.run(&arguments).failure(3), &["hello-data", "invar lock"]);
    }

    world.context.write("project/pyproject.toml", MANIFEST.replace("\"words\"]", "\"words>=7\"]"));
    says(&world.run(&["lock", "--check", "project"]).failure(3), &["uv.lock", "words", "invar lock"]);
    nothing_left(&world);
}

#[test]
fn a_flipped_bit_or_a_cut_in_anything_downloaded() {
    let world = World::new();
    world.lock();
    let good = world.build();
    fs::remove_file(world.context.path().join("little.tar")).expect("the result can be removed");
    let deb = packages()[4].filename();
    for path in [format!("debian/{deb}"), format!("wheels/{}", wheels()[1].filename())] {
        for fault in [Fault::FlipBitAt(70), Fault::CutAt(90)] {
            fs::remove_dir_all(world.context.store()).expect("the store can be removed");
            world.server.fault(&path, fault.clone());
            let code = if fault == Fault::FlipBitAt(70) { 5 } else { 4 };
            let file = path.rsplit('/').next().unwrap();
            says(&world.run(&["build", "--locked", "project"]).failure(code), &[file]);
            nothing_left(&world);
            world.server.behave();
            assert_eq!(world.build(), good, "the store is good after {fault:?} in {path}");
            fs::remove_file(world.context.path().join("little.tar")).expect("the result can be removed");
        }
    }
    // A connection that breaks once is no failure: the download goes on where it stopped.
    fs::remove_dir_all(world.context.store()).expect("the store can be removed");
    world.server.fault(&format!("debian/{deb}"), Fault::CutOnceAt(90));
    assert_eq!(world.build(), good);
}

#[test]
fn a_damaged_index() {
    let world = World::new();
    let index = world.server.url();
    let find = |world: &World| {
        world.run(&["lock", "--keyring", "keyring.gpg", "project"]);
        let requests = world.server.requests();
        requests
            .into_iter()
            .find(|path| path.contains("trixie/main/binary-amd64"))
            .expect("the index was asked for")
    };
    let path = find(&world);
    fs::remove_file(world.project().join("invar.lock")).expect("the lock can be removed");
    for fault in [Fault::FlipBitAt(30), Fault::CutAt(30)] {
        fs::remove_dir_all(world.context.store()).expect("the store can be removed");
        for path in [path.clone(), "debian/dists/trixie/main/binary-amd64/Packages.xz".into()] {
            world.server.fault(&path, fault.clone());
        }
        let ran = world.run(&["lock", "--keyring", "keyring.gpg", "project"]);
        assert!([4, 5].contains(&ran.code), "{}: {}", ran.code, ran.stderr);
        says(&ran.stderr, &["trixie", &index]);
        assert!(!world.project().join("invar.lock").exists());
        world.server.behave();
    }
    world.lock();
}

#[test]
fn a_signature_that_cannot_be_trusted() {
    let world = World::new();
    let in_release = "debian/dists/trixie/InRelease";
    // Signed by a key that is not Debian's.
    says(&world.run(&["lock", "project"]).failure(5), &["trixie", "--keyring"]);

    // One bit of the signed text.
    world.server.fault(in_release, Fault::FlipBitAt(80));
    says(&world.run(&["lock", "--keyring", "keyring.gpg", "project"]).failure(5), &["trixie"]);
    world.server.behave();

    // Not signed at all.
    let mut mirror = Mirror::new(world.signer.clone());
    mirror.put(in_release, b"Suite: trixie\nCodename: trixie\n".to_vec());
    world.server.put(mirror.files().clone());
    says(&world.run(&["lock", "--keyring", "keyring.gpg", "project"]).failure(5), &["trixie", "sign"]);

    // Expired.
    let mut mirror = Mirror::new(world.signer.clone());
    let (date, until) = ("Sat, 12 Sep 2020 09:33:57 UTC", Some("Sat, 19 Sep 2020 09:33:57 UTC"));
    mirror.add_suite("debian", "trixie", date, until, &packages());
    world.server.put(mirror.files().clone());
    says(
        &world.run(&["lock", "--keyring", "keyring.gpg", "project"]).failure(5),
        &["trixie", "expired on", "2020"],
    );

    // Another suite's file instead of this one.
    let mut mirror = Mirror::new(world.signer.clone());
    mirror.add_suite("debian", "bookworm", "Sat, 12 Sep 2026 09:33:57 UTC", None, &packages());
    let other = mirror.files()["debian/dists/bookworm/InRelease"].clone();
    mirror.put(in_release, other);
    world.server.put(mirror.files().clone());
    says(&world.run(&["lock", "--keyring", "keyring.gpg", "project"]).failure(5), &["trixie", "bookworm"]);
    assert!(!world.project().join("invar.lock").exists());
}

#[test]
fn a_keyring_that_is_none() {
    let world = World::new();
    world.context.write("broken.gpg", "not a key");
    says(&world.run(&["lock", "--keyring", "broken.gpg", "project"]).failure(2), &["broken.gpg"]);
    says(&world.run(&["lock", "--keyring", "none.gpg", "project"]).failure(2), &["none.gpg"]);
}

#[test]
fn a_package_that_does_not_exist() {
    let world = World::new();
    world.context.write("project/pyproject.toml", MANIFEST.replace("[\"hello\"]", "[\"helo\"]"));
    let message = world.run(&["lock", "--keyring", "keyring.gpg", "project"]).failure(2);
    says(&message, &["helo", "hello", "trixie"]);
}

#[test]
fn dependencies_that_cannot_be_satisfied() {
    let mut debs = packages();
    debs.push(Deb::new("needy", "1").field("Depends", "hello (>= 3)"));
    debs.push(Deb::new("jealous", "1").field("Conflicts", "hello"));
    let world = World::with(debs, wheels());
    for (name, words) in [("needy", ["needy", "hello (>= 3)"]), ("jealous", ["jealous", "hello"])] {
        world.context.write(
            "project/pyproject.toml",
            MANIFEST.replace("\"hello\"]\n", &format!("\"hello\", \"{name}\"]\n")),
        );
        says(&world.run(&["lock", "--keyring", "keyring.gpg", "project"]).failure(2), &words);
    }
}

#[test]
fn a_suite_that_does_not_exist() {
    let world = World::new();
    let manifest = MANIFEST.replace("[tool.invar]\n", "[tool.invar]\nsuite = \"trixi\"\n");
    world.context.write("project/pyproject.toml", manifest);
    let message = world.run(&["lock", "--keyring", "keyring.gpg", "project"]).failure(2);
    says(&message, &["trixi", "did you mean trixie?"]);
}

#[test]
fn a_user_that_the_image_does_not_have() {
    let mut debs = packages();
    debs.push(
        Deb::new("accounts", "1").file("etc/passwd", "root:x:0:0:root:/root:/bin/sh\napp:x:7:7::/:/bin/sh\n"),
    );
    let world = World::with(debs, wheels());
    let manifest = MANIFEST.replace("[\"hello\"]", "[\"hello\", \"accounts\"]");
    let run_as = |user: &str| {
        let user = format!("user = \"{user}\"\n[tool.none]\n");
        world.context.write("project/pyproject.toml", format!("{manifest}{user}"));
        world.run(&["build", "--keyring", "keyring.gpg", "project"])
    };
    run_as("app").success();
    run_as("7:8").success();
    says(&run_as("ghost").failure(2), &["ghost", "/etc/passwd"]);
    says(&run_as("app:ghosts").failure(2), &["ghosts", "/etc/group"]);
}

#[test]
fn an_update_of_a_package_that_is_not_locked() {
    let world = World::new();
    world.lock();
    let message = world.run(&["lock", "--update", "helo", "--keyring", "keyring.gpg", "project"]).failure(2);
    says(&message, &["helo", "did you mean hello?"]);
    // A project after the names is no name.
    world.run(&["lock", "--keyring", "keyring.gpg", "--update", "hello", "project"]).success();
}

#[test]
fn a_broken_lock_is_made_anew_by_locking_and_by_nothing_else() {
    let world = World::new();
    world.lock();
    let good = world.read("invar.lock");
    world.context.write("project/invar.lock", &good[..good.len() / 2]);
    says(&world.run(&["build", "project"]).failure(2), &["invar.lock", "invar lock"]);
    says(&world.run(&["lock", "--check", "project"]).failure(2), &["invar.lock"]);
    world.lock();
    assert_eq!(world.read("invar.lock"), good);
    // A size that is not the file's is noticed, whatever the store has.
    world.build();
    world.context.write("project/invar.lock", good.replacen("\nsize = ", "\nsize = 1", 1));
    says(&world.run(&["build", "project"]).failure(5), &["bytes"]);
}

#[test]
fn an_interpreter_that_no_suite_has() {
    let world = World::new();
    world.context.write("project/pyproject.toml", MANIFEST.replace(">=3.13", ">=3.99"));
    world.context.write("project/uv.lock", world.read("uv.lock").replace(">=3.13", ">=3.99"));
    let message = world.run(&["lock", "--keyring", "keyring.gpg", "project"]).failure(2);
    says(&message, &[">=3.99", "trixie has Python 3.13", "bookworm has Python 3.11", "suite = \"sid\""]);
}

#[test]
fn no_wheel_for_the_platform() {
    let mut wheels = wheels();
    wheels[1] = Wheel::new("words", "0.1").tag("cp313-cp313-win_amd64");
    let world = World::with(packages(), wheels);
    let message = world.run(&["lock", "--keyring", "keyring.gpg", "project"]);
    let message =
        if message.code == 0 { world.run(&["build", "project"]).failure(2) } else { message.failure(2) };
    says(&message, &["words", "win_amd64"]);
}

#[test]
fn a_source_archive_that_is_none() {
    let world = World::new();
    let lock = world.read("uv.lock");
    let sdist = lock.replacen("wheels = [\n    {", "sdist = {", 1).replacen(" },\n]", " }", 1);
    world.context.write("project/uv.lock", sdist);
    let ran = world.run(&["build", "--keyring", "keyring.gpg", "project"]);
    says(&ran.failure(5), &["numbers_of_old-1.2.3-py3-none-any.whl", "cannot unpack", ".tar.gz"]);
}

#[test]
fn a_package_with_a_very_long_name() {
    let world = World::new();
    let lock = world.read("uv.lock");
    let sdist = lock.replacen("wheels = [\n    {", "sdist = {", 1).replacen(" },\n]", " }", 1);
    let named = |length: usize| {
        let name = "n".repeat(length);
        world.context.write("project/pyproject.toml", MANIFEST.replace("numbers-of-old", &name));
        world.context.write("project/uv.lock", sdist.replace("numbers-of-old", &name));
        world.run(&["lock", "--keyring", "keyring.gpg", "project"])
    };
    for length in [200, 201, 220, 255] {
        says(&named(length).failure(5), &["numbers_of_old-1.2.3-py3-none-any.whl", "cannot unpack"]);
    }
    says(&named(256).failure(2), &["pyproject.toml:5:", "255"]);
    nothing_left(&world);
}

#[test]
fn two_packages_that_bring_different_content_for_one_path() {
    let mut debs = packages();
    debs.push(Deb::new("rival", "1").file("usr/share/hello/greeting", "good day\n"));
    let world = World::with(debs, wheels());
    world
        .context
        .write("project/pyproject.toml", MANIFEST.replace("\"hello\"]\n", "\"hello\", \"rival\"]\n"));
    let ran = world.run(&["build", "--keyring", "keyring.gpg", "project"]);
    says(&ran.failure(1), &["/usr/share/hello/greeting", "hello-data", "rival"]);
    nothing_left(&world);
}

#[test]
fn a_file_that_is_a_directory_of_another_wheel() {
    let wheels = vec![
        Wheel::new("numbers-of-old", "1").file("numbers_of_old-1.data/data/share/count", "one\n"),
        Wheel::new("words", "1").file("words-1.data/data/share/count/two", "two\n"),
    ];
    let world = World::with(packages(), wheels);
    let ran = world.run(&["build", "--keyring", "keyring.gpg", "project"]);
    let words =
        ["/app/.venv/share/count", "wheel numbers-of-old 1", "wheel words 1", "exclude", ".venv/FILE"];
    says(&ran.failure(1), &words);
    nothing_left(&world);
    let exclude = "[tool.invar.python.overrides.words]\nexclude = [\".venv/share/count\"]\n";
    world.context.write("project/pyproject.toml", format!("{MANIFEST}{exclude}"));
    world.run(&["build", "--keyring", "keyring.gpg", "project"]).success();
}

#[test]
fn a_hostile_package_stays_inside() {
    for (path, words) in [("../../escaped", "escaped"), ("usr/../../../escaped", "escaped")] {
        let evil = Deb::new("hello", "2.10-5").file("usr/share/hello/harmless", "x");
        let bytes = rename_in_tar(&evil, "usr/share/hello/harmless", path);
        let mut debs = packages();
        debs.retain(|deb| deb.name() != "hello");
        let world = World::with(debs, wheels());
        let mut mirror = Mirror::new(world.signer.clone());
        // The index must name the hostile file with its right hash, as a compromised archive would.
        mirror.add_suite("debian", "trixie", "Sat, 12 Sep 2026 09:33:57 UTC", None, &packages());
        let mut files = mirror.files().clone();
        swap(&mut files, &world.signer, "hello", &bytes);
        world.server.put(files);
        let ran = world.run(&["build", "--keyring", "keyring.gpg", "project"]);
        says(&ran.failure(5), &["hello", words]);
        assert!(!world.context.path().parent().expect("a folder above").join("escaped").exists());
        nothing_left(&world);
    }
}

/// The package with the file `from` renamed to `to`, which is a path that a careful writer refuses to write.
fn rename_in_tar(deb: &Deb, from: &str, to: &str) -> Vec<u8> {
    deb.build_renaming(from, to)
}

/// Puts `bytes` instead of the package `name`, and signs indexes that say so.
fn swap(files: &mut std::collections::BTreeMap<String, Vec<u8>>, signer: &Signer, name: &str, bytes: &[u8]) {
    let mut mirror = Mirror::new(signer.clone());
    let date = "Sat, 12 Sep 2026 09:33:57 UTC";
    mirror.add_suite_with("debian", "trixie", date, None, &packages(), &|deb| {
        (deb.name() == name).then(|| bytes.to_vec())
    });
    *files = mirror.files().clone();
}

#[test]
fn a_store_that_cannot_be_written() {
    let test = "a_store_that_cannot_be_written";
    if !have(test, &["mount", "unshare"]) || !is_root(test) {
        return;
    }
    let world = World::new();
    world.lock();
    let invar = env!("CARGO_BIN_EXE_invar");
    let store = world.context.path().join("small");
    fs::create_dir(&store).expect("the folder can be made");
    let with_mount = |options: &str, then: &str| {
        let script = format!(
            "mount -t tmpfs -o {options} tmpfs \"$1\" && {then} exec \"$2\" --store \"$1\" build --locked project"
        );
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", &script, "sh"]).arg(&store).arg(invar);
        command.current_dir(world.context.path()).env("HOME", world.context.path());
        command.env("INVAR_DEBIAN_MIRROR", format!("{}/debian", world.server.url()));
        Ran::of(&mut command)
    };
    says(&with_mount("size=600k", "").failure(6), &["small", "no space"]);
    says(&with_mount("size=64m", "mount -o remount,ro \"$1\" &&").failure(6), &["small"]);
    nothing_left(&world);
    world.build();
}

#[test]
fn an_output_that_cannot_be_written() {
    let world = World::new();
    world.lock();
    says(&world.run(&["build", "--locked", "-o", "nowhere/x.tar", "project"]).failure(6), &["nowhere"]);
    let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("/dev/full can be opened");
    let ran = world.invar().args(["build", "--locked", "-o", "-", "project"]).stdout(full).output();
    assert_eq!(ran.expect("invar can be started").status.code(), Some(6));
}

#[test]
fn an_interrupted_build_leaves_a_good_store() {
    let world = World::new();
    world.lock();
    let good = world.build();
    for delay in [0, 5, 20, 60, 120, 250] {
        let _ = fs::remove_dir_all(world.context.store());
        let _ = fs::remove_file(world.context.path().join("little.tar"));
        let mut child = world
            .invar()
            .args(["build", "--locked", "project"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("invar can be started");
        std::thread::sleep(std::time::Duration::from_millis(delay));
        let signal = if delay % 2 == 0 { "-INT" } else { "-KILL" };
        let _ = Command::new("kill").args([signal, &child.id().to_string()]).status();
        let status = child.wait().expect("the child ends");
        // The signal may come after the archive has got its name, which is then a whole one.
        let left = names(world.context.path());
        assert!(status.success() || !left.iter().any(|name| name.contains("partial")), "{left:?}");
        assert_eq!(world.build(), good, "after {delay} ms");
    }
}

#[test]
fn two_builds_at_once_share_one_store() {
    let world = World::new();
    world.lock();
    let _ = fs::remove_dir_all(world.context.store());
    let spawn = |output: &str| {
        let mut command = world.invar();
        command.args(["build", "--locked", "--json", "-o", output, "project"]).stdout(Stdio::piped());
        command.stderr(Stdio::piped()).spawn().expect("invar can be started")
    };
    let builds = ["one.tar", "two.tar", "three.tar"].map(spawn);
    let printed = builds.map(|build| {
        let output = build.wait_with_output().expect("the build ends");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        crate::support::world::digest(&String::from_utf8_lossy(&output.stdout))
    });
    assert!(printed.iter().all(|digest| *digest == printed[0]), "{printed:?}");
    let one = fs::read(world.context.path().join("one.tar")).expect("the archive is there");
    assert!(one == fs::read(world.context.path().join("two.tar")).expect("the archive is there"));
}

#[test]
fn offline_says_what_is_missing() {
    let world = World::new();
    world.lock();
    world.build();
    world.run(&["build", "--offline", "--locked", "project"]).success();
    fs::remove_dir_all(world.context.store()).expect("the store can be removed");
    let asked = world.server.requests().len();
    says(&world.run(&["build", "--offline", "--locked", "project"]).failure(4), &["offline"]);
    assert_eq!(world.server.requests().len(), asked, "offline asks nobody");
}
