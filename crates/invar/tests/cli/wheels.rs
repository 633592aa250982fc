//! Wheels as others build them: what uv installs is installed.
use std::fs;

use invar_testkit::Wheel;

use crate::support::world::{MANIFEST, World, packages};

/// The two wheels of the world's project, with these files.
fn world(numbers: &[(&str, &str)], words: &[(&str, &str)]) -> World {
    let add = |wheel: Wheel, files: &[(&str, &str)]| {
        files.iter().fold(wheel, |wheel, (path, content)| wheel.file(path, content))
    };
    let wheels = vec![add(Wheel::new("numbers-of-old", "1"), numbers), add(Wheel::new("words", "1"), words)];
    World::with(packages(), wheels)
}

/// Builds the image as a directory; returns what was printed.
#[track_caller]
fn build(world: &World) -> String {
    let root = world.context.path().join("root");
    if root.exists() {
        fs::remove_dir_all(&root).expect("it can be removed");
    }
    let arguments = ["build", "--keyring", "keyring.gpg", "--format", "rootfs-dir", "-o", "root", "project"];
    let ran = world.run(&arguments);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    ran.stderr
}

/// The content of a file of the environment; nothing if it is not there.
fn installed(world: &World, path: &str) -> Option<String> {
    fs::read_to_string(world.context.path().join("root/app/.venv").join(path)).ok()
}

#[test]
fn of_two_wheels_the_last_by_name_has_a_file() {
    let world = world(
        &[
            ("numbers_of_old-1.data/data/LICENSE", "one"),
            ("numbers_of_old-1.data/data/NOTICE", "same"),
            ("numbers_of_old-1.data/scripts/count", "one"),
            ("numbers_of_old/__init__.py", ""),
            ("tests/__init__.py", "ONE = 1\n"),
        ],
        &[
            ("words-1.data/data/LICENSE", "two"),
            ("words-1.data/data/NOTICE", "same"),
            ("words-1.data/scripts/count", "two"),
            ("tests/__init__.py", "TWO = 2\n"),
        ],
    );
    let printed = build(&world);
    let warning = "warning: numbers-of-old and words install different content for 3 files, such as .venv/LICENSE: the \
                   image has that of words";
    let count = printed.lines().filter(|line| line.starts_with(warning)).count();
    assert_eq!(count, 1, "{printed}");
    assert!(
        printed.contains("exclude = [\".venv/LICENSE\"] in [tool.invar.python.overrides.numbers-of-old]"),
        "{printed}"
    );
    let tests = "lib/python3.13/site-packages/tests/__init__.py";
    assert_eq!(installed(&world, "LICENSE").as_deref(), Some("two"));
    assert_eq!(installed(&world, "NOTICE").as_deref(), Some("same"));
    assert_eq!(installed(&world, "bin/count").as_deref(), Some("two"));
    assert_eq!(installed(&world, tests).as_deref(), Some("TWO = 2\n"));

    // What the warning says to write decides, for files of each kind, and it is silent then.
    let exclude =
        "[tool.invar.python.overrides.words]\nexclude = [\".venv/LICENSE\", \"bin/count\", \"tests\"]\n";
    world.context.write("project/pyproject.toml", format!("{MANIFEST}{exclude}"));
    assert!(!build(&world).contains("install different content"));
    assert_eq!(installed(&world, "LICENSE").as_deref(), Some("one"));
    assert_eq!(installed(&world, "bin/count").as_deref(), Some("one"));
    assert_eq!(installed(&world, tests).as_deref(), Some("ONE = 1\n"));
}

#[test]
fn exclude_reaches_all_that_a_wheel_installs() {
    let world = world(
        &[("numbers_of_old/__init__.py", "")],
        &[
            ("words/__init__.py", ""),
            ("words/data/share.txt", ""),
            ("words-1.data/data/share/doc/words.txt", ""),
            ("words-1.data/data/etc/words.conf", ""),
            ("words-1.data/headers/words.h", ""),
            ("words-1.data/scripts/words", ""),
        ],
    );
    let header = "include/site/python3.13/words/words.h";
    let all = ["share/doc/words.txt", "etc/words.conf", header, "bin/words"];
    let module = "lib/python3.13/site-packages/words/data/share.txt";
    let check = |patterns: &str, gone: &[&str]| {
        let exclude = format!("[tool.invar.python.overrides.words]\nexclude = [{patterns}]\n");
        world.context.write("project/pyproject.toml", format!("{MANIFEST}{exclude}"));
        build(&world);
        for path in all.iter().chain(&[module]) {
            assert_eq!(installed(&world, path).is_none(), gone.contains(path), "{patterns}: {path}");
        }
    };
    check("\"share\", \"etc/**\", \"**/words.h\"", &[]);
    check("\".venv/share\", \".venv/etc/*.conf\", \".venv/include/**\", \".venv/bin/words\"", &all);
    assert!(!world.context.path().join("root/app/.venv/share").exists());
    check("\".venv/**/share.txt\", \"bin/*\"", &[module, "bin/words"]);
    // All at once: but for what every environment has.
    check("\".venv/**\"", &[all.as_slice(), &[module]].concat());
    assert!(world.context.path().join("root/app/.venv/bin/python3").is_symlink());
}

#[test]
fn a_record_that_does_not_fit_is_warned_of_once() {
    let mut wheels = vec![
        Wheel::new("numbers-of-old", "1").file("numbers_of_old/__init__.py", "ONE = 1\n"),
        Wheel::new("words", "1").file("words/__init__.py", "").file("words/more.py", ""),
    ];
    wheels[0] =
        wheels[0].clone().record("numbers_of_old/__init__.py,,\nnumbers_of_old-1.dist-info/RECORD,,\n");
    wheels[1] = wheels[1].clone().record("words/__init__.py,md5=x,99\n");
    let world = World::with(packages(), wheels);
    let printed = build(&world);
    for warning in [
        "warning: numbers_of_old-1-py3-none-any.whl: RECORD is wrong about 3 files, such as numbers_of_old/__init__.py (no \
         hash); it is installed, as uv does",
        "warning: words-1-py3-none-any.whl: RECORD is wrong about 4 files, such as words/__init__.py (a hash that is not \
         sha256, sha384 or sha512); it is installed, as uv does",
    ] {
        assert_eq!(printed.matches(warning).count(), 1, "{printed}");
    }
    let record =
        installed(&world, "lib/python3.13/site-packages/words-1.dist-info/RECORD").expect("it is there");
    let empty = "sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0";
    assert!(record.contains(&format!("words/__init__.py,{empty}\nwords/more.py,{empty}\n")), "{record}");
}

#[test]
fn a_wheel_that_nobody_installs_says_what_to_write() {
    let broken = "[console_scripts]\ncount = words.main\n";
    let world = world(&[], &[("words-1.dist-info/entry_points.txt", broken)]);
    let ran = world.run(&["build", "--keyring", "keyring.gpg", "project"]);
    let message = ran.failure(5);
    for word in ["entry_points.txt, line 2", "prefer = \"sdist\" in [tool.invar.python.overrides.words]"] {
        assert!(message.contains(word), "{message}");
    }
}
