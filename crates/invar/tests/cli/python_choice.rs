//! Which suite, and so which Python, a project gets, and what is said where the program lacks a module of it.
use std::fs;
use std::path::Path;

use invar_testkit::{Deb, Mirror, Wheel};

use crate::support::tools::with_programs;
use crate::support::world::{MANIFEST, World, packages};

/// A world that also has bookworm, and a project that runs on Python 3.11 and needs `words` as the wheel `tag`.
fn world(tag: &str) -> World {
    let wheels = vec![
        Wheel::new("numbers-of-old", "1.2.3").file("numbers_of_old/__init__.py", "ONE = 'I'\n"),
        Wheel::new("words", "0.1").tag(tag).file("words/__init__.py", ""),
    ];
    let world = World::with(packages(), wheels);
    let mut debs = packages();
    debs.retain(|deb| !["libc6", "python3", "python3.13"].contains(&deb.name()));
    debs.extend([
        Deb::new("libc6", "2.36-9").file("usr/lib/x86_64-linux-gnu/libc.so.6", "older"),
        Deb::new("python3", "3.11.2-1").field("Depends", "python3.11 (>= 3.11.2-1~)"),
        Deb::new("python3.11", "3.11.2-6").field("Depends", "libc6").program("usr/bin/python3.11", "older\n"),
    ]);
    let mut mirror = Mirror::new(world.signer.clone());
    let date = "Sat, 12 Sep 2026 09:33:57 UTC";
    mirror.add_suite("debian", "bookworm", date, None, &debs);
    mirror.add_suite("debian", "bookworm-updates", date, None, &[]);
    mirror.add_suite("debian-security", "bookworm-security", date, None, &[]);
    world.server.put(mirror.files().clone());
    world.context.write("project/pyproject.toml", MANIFEST.replace(">=3.13", ">=3.11"));
    world.context.write("project/uv.lock", world.read("uv.lock").replace(">=3.13", ">=3.11"));
    world
}

/// What locking says on standard error.
#[track_caller]
fn lock(world: &World, options: &[&str]) -> String {
    let mut arguments = vec!["lock", "--keyring", "keyring.gpg"];
    arguments.extend(options);
    arguments.push("project");
    let ran = world.run(&arguments);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    ran.stderr
}

#[track_caller]
fn has_python(world: &World, version: &str) {
    let lock = world.read("invar.lock");
    assert!(lock.contains(&format!("\nversion = \"{version}\"\n")), "no Python {version} in:\n{lock}");
}

#[test]
fn wheels_choose_the_suite() {
    let world = world("cp311-cp311-manylinux_2_17_x86_64");
    let said = lock(&world, &[]);
    let expected = "note: using Python 3.11 of Debian bookworm: uv.lock has neither a wheel for Python 3.13 nor a source of \
                    words 0.1\n";
    assert!(said.contains(expected), "{said}");
    has_python(&world, "3.11.2");
    world.build();
    // Once locked, there is nothing to choose.
    assert!(!lock(&world, &[]).contains("note: using"));
    // What is named takes precedence, and is refused before anything is fetched.
    world.context.write(
        "project/pyproject.toml",
        MANIFEST.replace(">=3.13", ">=3.11").replace("[tool.invar]\n", "[tool.invar]\nsuite = \"trixie\"\n"),
    );
    let asked = world.server.requests().len();
    let message = world.run(&["lock", "--keyring", "keyring.gpg", "project"]).failure(2);
    assert!(message.contains("words 0.1 (needed by little) has no wheel for CPython 3.13.5"), "{message}");
    assert!(message.contains("help: set suite = \"bookworm\" in [tool.invar]"), "{message}");
    assert_eq!(world.server.requests().len(), asked);
}

#[test]
fn a_version_file_is_a_preference() {
    let world = world("py3-none-any");
    assert!(!lock(&world, &[]).contains("note: using"));
    has_python(&world, "3.13.5");
    // What is locked stays, but whoever builds is told.
    world.context.write("project/.python-version", "# ours\n3.11\n");
    assert!(!lock(&world, &[]).contains("note: using"));
    has_python(&world, "3.13.5");
    let built = world.run(&["build", "--locked", "project"]);
    let expected = "warning: the image has Python 3.13 of Debian trixie, but .python-version asks for Python 3.11, which is \
                    that of Debian bookworm; `invar lock --update` chooses again\n";
    assert!(built.stderr.contains(expected), "{}", built.stderr);
    let said = lock(&world, &["--update"]);
    let expected = "note: using Python 3.11 of Debian bookworm: .python-version asks for Python 3.11\n";
    assert!(said.contains(expected), "{said}");
    has_python(&world, "3.11.2");
    let built = world.run(&["build", "--locked", "project"]);
    assert!(!built.stderr.contains(".python-version"), "{}", built.stderr);
    // A Python that Debian does not have is no dead end.
    fs::remove_file(world.project().join("invar.lock")).unwrap();
    world.context.write("project/.python-version", "cpython-3.12.4-linux-x86_64-gnu\n");
    let note = "note: using Python 3.13 of Debian trixie: .python-version asks for Python \
                cpython-3.12.4-linux-x86_64-gnu, which no Debian suite has\n";
    let said = lock(&world, &[]);
    assert!(said.contains(note), "{said}");
    let built = world.run(&["build", "--locked", "project"]);
    assert!(built.stderr.contains(note), "{}", built.stderr);
    built.success();
}

#[test]
fn what_would_fit_is_said_where_nothing_does() {
    let world = world("py3-none-any");
    let only = |text: String| text.replace(">=3.11", ">=3.12,<3.13");
    world.context.write("project/pyproject.toml", only(world.read("pyproject.toml")));
    world.context.write("project/uv.lock", only(world.read("uv.lock")));
    let message = world.run(&["lock", "--keyring", "keyring.gpg", "project"]).failure(2);
    let expected = "error: no Debian suite has a Python that satisfies requires-python = \">=3.12, <3.13\"; trixie has Python \
                    3.13, bookworm has Python 3.11, forky has Python 3.14\nhelp: if the project runs on Python 3.13, set \
                    requires-python = \">=3.12\" and run `uv lock`: Debian trixie has it\n";
    assert_eq!(message, expected);
}

#[test]
fn a_missing_module_is_named_after_the_programs_own_error() {
    let links = ["bin", "lib", "lib64"];
    let base = Deb::new("base-files", "13.8").architecture("all");
    let base = links.iter().fold(base, |base, link| base.link(link, &format!("usr/{link}")));
    let python = "#!/bin/sh\necho before\necho Traceback >&2\necho \"ModuleNotFoundError: No module named '$1'\" >&2\nexit 3\n";
    let debs = vec![
        base,
        Deb::new("libc6", "2.41-12"),
        Deb::new("hello", "1"),
        Deb::new("python3", "3.13.5-1").field("Depends", "python3.13"),
        with_programs(Deb::new("tools", "1"), &["sh"], &[Path::new("/bin/sh")]),
        Deb::new("python3.13", "3.13.5-2")
            .field("Depends", "libc6, tools")
            .program("usr/bin/python3.13", python),
    ];
    let world = World::with(debs, Vec::new());
    let manifest = MANIFEST.replace("[\"numbers-of-old\", \"words\"]", "[]").replace(
        "[tool.invar]\n",
        "[project.optional-dependencies]\nconf = [\"pyyaml\"]\n[dependency-groups]\ndev = [\"odd-tool\"]\n\n[tool.invar]\n",
    );
    world.context.write("project/pyproject.toml", manifest);
    let hash = "0".repeat(64);
    let package = |name: &str| {
        format!(
            "[[package]]\nname = \"{name}\"\nversion = \"1\"\nsource = {{ registry = \"https://index.example/simple\" }}\n\
             wheels = [{{ url = \"https://index.example/{}-1-py3-none-any.whl\", hash = \"sha256:{hash}\" }}]\n",
            name.replace('-', "_")
        )
    };
    let lock = format!(
        "version = 1\nrequires-python = \">=3.13\"\n[[package]]\nname = \"little\"\nversion = \"1.0.0\"\n\
         source = {{ virtual = \".\" }}\n[package.optional-dependencies]\nconf = [{{ name = \"pyyaml\" }}]\n\
         [package.dev-dependencies]\ndev = [{{ name = \"odd-tool\" }}]\n[package.metadata]\n\
         requires-dist = [{{ name = \"pyyaml\", marker = \"extra == 'conf'\" }}]\nprovides-extras = [\"conf\"]\n\
         [package.metadata.requires-dev]\ndev = [{{ name = \"odd-tool\" }}]\n{}{}",
        package("pyyaml"),
        package("odd-tool")
    );
    world.context.write("project/uv.lock", lock);
    world.lock();
    let place = "[tool.invar] of project/pyproject.toml";
    for (module, expected) in [
        ("tkinter", format!("the module tkinter is in the Debian package python3-tk: add packages = [\"python3-tk\"] to {place}")),
        (
            "yaml",
            format!("the module yaml comes with pyyaml, which is in the project's extra conf: add extras = [\"conf\"] to {place}"),
        ),
        (
            "odd_tool.inner",
            format!(
                "the module odd_tool.inner comes with odd-tool, which is in the project's dependency group dev: add groups = \
                 [\"dev\"] to {place}"
            ),
        ),
        ("bs4", "the module bs4 is in the Python package beautifulsoup4: `uv add beautifulsoup4`".to_owned()),
        (
            "telnetlib",
            "Python 3.13 no longer has the module telnetlib: `uv add standard-telnetlib`, or suite = \"bookworm\" for Python 3.11"
                .to_owned(),
        ),
        ("nothing_known", String::new()),
    ] {
        let ran = world.run(&["run", "--locked", "project", "--", "python", module]);
        let own = format!("Traceback\nModuleNotFoundError: No module named '{module}'\n");
        let note = if expected.is_empty() { String::new() } else { format!("note: {expected}\n") };
        assert!(ran.stderr.ends_with(&format!("{own}{note}")), "{module}:\n{}", ran.stderr);
        assert_eq!((ran.code, ran.stdout.as_str()), (3, "before\n"), "{module}");
    }
}
