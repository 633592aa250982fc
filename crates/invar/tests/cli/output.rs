//! Where builds write, and that what they wrote is not source.
use std::fs;
use std::path::Path;

use crate::support::terminal::Terminal;
use crate::support::world::{MANIFEST, World, digest};
use crate::support::{Ran, have};

/// Builds the world's project in `directory`, and returns the digest.
#[track_caller]
fn build(world: &World, directory: &str, arguments: &[&str]) -> String {
    let mut command = world.invar();
    command.args(["build", "--locked", "--json"]).args(arguments);
    digest(&Ran::of(command.current_dir(world.context.path().join(directory))).success())
}

/// The names in a directory, sorted.
fn names(directory: &Path) -> Vec<String> {
    #[expect(clippy::disallowed_methods, reason = "the names are sorted below")]
    let entries = fs::read_dir(directory).expect("the directory is there");
    let mut names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn results_are_in_a_directory_that_git_ignores() {
    let world = World::new();
    world.lock();
    let first = world.build();
    let lock = world.read("uv.lock");
    let dist = world.project().join("dist");
    let mut expected = vec![".gitignore"];
    for (directory, arguments, name) in [
        ("project", &[][..], "little-1.0.0.tar"),
        ("project/package", &[], "little-1.0.0.tar"),
        ("", &["project"], "little-1.0.0.tar"),
        ("", &["--project", "project/package", "--platform", "linux/amd64"], "little-1.0.0-amd64.tar"),
        ("project", &["--format", "oci-dir"], "little-1.0.0.oci"),
        ("project", &["--format", "rootfs"], "little-1.0.0.rootfs.tar"),
        ("project", &["--format", "rootfs-dir"], "little-1.0.0.rootfs"),
        ("project", &["--format", "oci-dir"], "little-1.0.0.oci"),
        ("project", &["--format", "rootfs-dir"], "little-1.0.0.rootfs"),
        ("project", &[], "little-1.0.0.tar"),
    ] {
        assert_eq!(build(&world, directory, arguments), first, "{directory} {arguments:?}");
        expected.push(name);
        expected.sort_unstable();
        expected.dedup();
        assert_eq!(names(&dist), expected);
    }
    // Where a build fails, the one before is still there. A directory that somebody names is theirs.
    world.context.write("project/uv.lock", "");
    let ran = Ran::of(world.invar().args(["build", "--locked", "--format", "oci-dir", "project"]));
    assert_ne!(ran.code, 0);
    assert_eq!(names(&dist), expected);
    world.context.write("project/uv.lock", lock);
    let named =
        ["build", "--locked", "--format", "oci-dir", "-o", "project/dist/little-1.0.0.oci", "project"];
    world.run(&named).failure(6);
    assert_eq!(fs::read_to_string(dist.join(".gitignore")).expect("it is there"), "*\n");
    let said = Ran::of(world.invar().args(["build", "--locked", ".."]).current_dir(&dist)).stderr;
    assert!(said.contains("Wrote ../dist/little-1.0.0.tar; load it with: docker load -i ../dist/"), "{said}");
}

#[test]
fn what_a_build_wrote_anywhere_in_the_project_is_not_source() {
    let world = World::new();
    world.lock();
    let first = world.build();
    for arguments in [
        &["-o", "x.tar"][..],
        &["-o", "package/image"],
        &["--format", "rootfs", "-o", "r.tar"],
        &["--format", "rootfs", "-o", "package/r.img"],
        &["--format", "oci-dir", "-o", "d"],
        &["--format", "oci-dir", "-o", "package/e"],
        &["--format", "rootfs-dir", "-o", "r1"],
        &["--format", "rootfs-dir", "-o", "package/r2"],
    ] {
        assert_eq!(build(&world, "project", arguments), first, "{arguments:?}");
        assert_eq!(world.build(), first, "after {arguments:?}");
    }
    // Links of a root file system lead out of the project; somebody may also work in it.
    std::os::unix::fs::symlink("/proc/mounts", world.project().join("r1/etc/mtab")).expect("a link");
    fs::write(world.project().join("r1/new"), "x").expect("a file");
    assert_eq!(world.build(), first);
    // What a build that was killed leaves.
    world.context.write("project/.r3.4711.partial/etc/x", "x");
    assert_eq!(world.build(), first);
    // Anything else is source.
    world.context.write("project/r4/etc/x", "x");
    assert_ne!(world.build(), first);
}

#[test]
fn files_that_somebody_keeps_in_dist_remain_source() {
    let world = World::new();
    world.context.write("project/dist/app.js", "1\n");
    world.lock();
    let first = world.build();
    for _ in 0..2 {
        assert_eq!(build(&world, "project", &[]), first);
    }
    assert_eq!(names(&world.project().join("dist")), ["app.js", "little-1.0.0.tar"]);
    world.context.write("project/dist/app.js", "2\n");
    assert_ne!(world.build(), first);

    // What uv and others build there is no reason to leave it open to git, and a file of the user's is never replaced.
    let world = World::new();
    world.lock();
    world.context.write("project/dist/little-1.0.0-py3-none-any.whl", "x");
    build(&world, "project", &[]);
    assert!(world.project().join("dist/.gitignore").is_file());
    world.context.write("project/dist/.gitignore", "*.tar\n");
    build(&world, "project", &[]);
    assert_eq!(world.read("dist/.gitignore"), "*.tar\n");
}

#[test]
fn an_included_dist_has_nothing_of_builds() {
    let world = World::new();
    let include = "[tool.invar]\ninclude = [\"main.py\", \"dist/**\"]";
    world.context.write("project/pyproject.toml", MANIFEST.replace("[tool.invar]", include));
    world.lock();
    let first = world.build();
    for _ in 0..2 {
        assert_eq!(build(&world, "project", &[]), first);
    }
    build(&world, "project", &["--format", "oci-dir"]);
    assert_eq!(world.build(), first);
}

#[test]
fn files_of_the_project_are_not_overwritten() {
    let world = World::new();
    world.lock();
    for path in ["main.py", "pyproject.toml", "uv.lock", "invar.lock", "../project/package/data.txt"] {
        let before = world.read(path);
        let ran = Ran::of(world.invar().args(["build", "--locked", "-o", path]).current_dir(world.project()));
        let message = ran.failure(2);
        let expected = format!("error: {path} is a file of the project, so no build writes there\nhelp: ");
        assert!(message.starts_with(&expected), "{message}");
        assert_eq!(world.read(path), before);
    }
    // Others are: what a build wrote, what git ignores, what is empty, what is elsewhere.
    world.context.write("project/empty", "");
    world.context.write("else", "x");
    for path in ["x.tar", "x.tar", "noise.log", "empty", "../else"] {
        build(&world, "project", &["-o", path]);
    }
}

#[test]
fn a_terminal_gets_no_archive() {
    if !have("a_terminal_gets_no_archive", &["setsid"]) {
        return;
    }
    let world = World::new();
    world.lock();
    let mut command = world.invar();
    command.args(["build", "--locked", "-o", "-", "project"]);
    let (status, seen) = Terminal::start(&command, 24, 80).end();
    assert_eq!(status.code(), Some(2), "{seen}");
    assert!(seen.contains("refusing to write an archive to a terminal"), "{seen}");
}

#[test]
fn git_sees_nothing_of_a_build() {
    if !have("git_sees_nothing_of_a_build", &["git"]) {
        return;
    }
    let world = World::new();
    world.lock();
    let git = |arguments: &[&str]| world.git(arguments);
    git(&["init", "-q"]);
    git(&["add", "-A"]);
    git(&["commit", "-qm", "one"]);
    build(&world, "project", &[]);
    assert_eq!(git(&["status", "--porcelain"]), "");
}
