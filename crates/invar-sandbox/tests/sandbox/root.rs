//! The root: an overlay or a copy, with binds in it, and what is left afterwards.
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::Path;

use invar_sandbox::{Bind, Layering, Status};

use crate::setup::{PROBE, Setup, is_root};

const CHANGES: &str = "echo changed > /etc/fixed; rm /bin/dd; mkdir -p /app/sub; echo new > /app/sub/file; \
                       ln -s fixed /etc/link; chmod 4755 /app/sub/file; \
                       rm -r /lower/replaced; mkdir /lower/replaced; touch /lower/replaced/other; \
                       mv /bin/touch /bin/touched; \
                       mkdir -p /work/made";

/// All of a folder: paths with kind, mode and content.
fn listing(top: &Path, at: &Path, into: &mut BTreeMap<String, String>) {
    #[expect(clippy::disallowed_methods, reason = "the map sorts")]
    for entry in fs::read_dir(at).unwrap() {
        let path = entry.unwrap().path();
        let found = path.symlink_metadata().unwrap();
        let content = if found.is_dir() {
            listing(top, &path, into);
            String::new()
        } else if found.is_symlink() {
            fs::read_link(&path).unwrap().display().to_string()
        } else if found.len() < 100 && found.is_file() {
            fs::read_to_string(&path).unwrap()
        } else {
            found.len().to_string()
        };
        let name = path.strip_prefix(top).unwrap().display().to_string();
        into.insert(name, format!("{:o} {content}", found.mode()));
    }
}

fn two_trees(setup: &mut Setup) {
    let lower = setup.folder.path().join("lower");
    fs::create_dir_all(lower.join("lower/replaced")).unwrap();
    fs::create_dir_all(lower.join("lower/clash")).unwrap();
    fs::create_dir_all(lower.join("etc")).unwrap();
    fs::write(lower.join("lower/replaced/old"), "old").unwrap();
    fs::write(lower.join("lower/clash/below"), "hidden").unwrap();
    fs::write(lower.join("etc/fixed"), "hidden by the higher").unwrap();
    fs::write(lower.join("etc/low"), "seen").unwrap();
    fs::create_dir(setup.tree("lower")).unwrap();
    fs::write(setup.tree("lower/clash"), "a file over a folder").unwrap();
    setup.sandbox.root.insert(0, lower);
}

#[test]
fn overlay_and_copy_give_the_same_root() {
    let list = "cat /etc/fixed /etc/low /etc/link /app/sub/file /lower/clash; ls -la /bin /etc /app/sub /lower /lower/replaced \
                | while read mode links user group size month day time name; do echo $mode $user $group $size $name; done";
    let mut seen = Vec::new();
    for (mut setup, layering) in [(Setup::new(), Layering::Overlay), (Setup::with_copy(), Layering::Copy)] {
        two_trees(&mut setup);
        let higher = setup.sandbox.root[1].clone();
        let before = |setup: &Setup| {
            let mut all = BTreeMap::new();
            listing(setup.folder.path(), &setup.folder.path().join("lower"), &mut all);
            listing(setup.folder.path(), &higher, &mut all);
            all
        };
        let trees = before(&setup);
        let output = setup.sh(&format!("{CHANGES}; {list}"));
        assert_eq!(invar_sandbox::layering(&setup.sandbox), layering);
        assert_eq!(before(&setup), trees, "trees are not written to");
        // Folders have different sizes in different file systems.
        seen.push(
            output
                .lines()
                .filter(|line| !line.starts_with(['d', 't']))
                .map(str::to_owned)
                .collect::<Vec<_>>(),
        );
    }
    assert_eq!(seen[0], seen[1]);
}

#[test]
fn the_upper_layer_of_an_overlay_holds_the_changes_alone() {
    let mut setup = Setup::new();
    two_trees(&mut setup);
    setup.sh(CHANGES);
    let mut all = BTreeMap::new();
    listing(&setup.changed(""), &setup.changed(""), &mut all);
    let names: Vec<&str> = all.keys().map(String::as_str).collect();
    let expected = [
        "app",
        "app/sub",
        "app/sub/file",
        "bin",
        "bin/dd",
        "bin/touch",
        "bin/touched",
        "etc",
        "etc/fixed",
        "etc/link",
        "lower",
        "lower/replaced",
        "lower/replaced/other",
        "work",
        "work/made",
    ];
    assert_eq!(names, expected, "and no mount points: dev, proc, sys, tmp");
    let removed = setup.changed("bin/dd").symlink_metadata().unwrap();
    assert!(removed.file_type().is_char_device() && removed.rdev() == 0);
    let mut value = [0; 8];
    let opaque = rustix::fs::getxattr(setup.changed("lower/replaced"), "user.overlay.opaque", &mut value);
    assert_eq!((opaque, value[0]), (Ok(1), b'y'));
    // What the kernel needed for itself is gone, and all else can be removed by whoever is the caller.
    assert!(!setup.sandbox.scratch.join("work").exists());
}

#[test]
fn a_copy_keeps_modes_and_times() {
    let mut setup = Setup::with_copy();
    fs::set_permissions(setup.tree("etc/fixed"), fs::Permissions::from_mode(0o4711)).unwrap();
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    fs::File::open(setup.tree("etc/fixed")).unwrap().set_modified(time).unwrap();
    fs::File::open(setup.tree("app")).unwrap().set_modified(time).unwrap();
    assert_eq!(setup.sh("stat -c '%a %Y' /etc/fixed /app"), "4711 1000000000\n755 1000000000\n");
}

#[test]
fn binds_are_seen_and_written_to_as_asked() {
    let mut setup = Setup::new();
    let source = setup.folder.path().join("source");
    fs::create_dir(&source).unwrap();
    fs::write(source.join("file"), "bound\n").unwrap();
    let bind =
        |path: &Path, target: &str, writable| Bind { source: path.into(), target: target.into(), writable };
    setup.sandbox.binds = vec![
        bind(&source, "/app/read", false),
        bind(&source, "/new/deep/write", true),
        bind(&source.join("file"), "/etc/single", false),
        bind(&source.join("file"), "/etc/fixed", false),
        bind(&source, "/tmp/bound", false),
    ];
    setup.sandbox.directory = "/made/for/work".to_owned();
    let script = "pwd; cat /app/read/file /etc/single /etc/fixed /tmp/bound/file; echo more > /new/deep/write/written; \
                  for path in /app/read/no /etc/single /etc/fixed /tmp/bound/no; do \
                  (echo x >> $path) 2> /dev/null && echo wrote $path; done; true";
    assert_eq!(setup.sh(script), "/made/for/work\nbound\nbound\nbound\nbound\n");
    assert_eq!(fs::read_to_string(source.join("written")).unwrap(), "more\n");
    assert!(setup.changed("made/for/work").is_dir());
    assert!(!setup.changed("new").exists() && !setup.changed("app/read").exists());
    assert!(!setup.changed("etc/single").exists() && !setup.changed("etc/fixed").exists());
}

#[test]
fn a_bind_is_read_only_all_the_way_down() {
    let mut setup = Setup::new();
    // Whatever the host has mounted below its root, for example /dev.
    setup.sandbox.binds = vec![Bind { source: "/".into(), target: "/host".to_owned(), writable: false }];
    let inside = format!("/host{}", setup.folder.path().display());
    let output = setup.sh(&format!(
        "for at in /host {inside} /host/dev/shm /host/tmp; do \
                                    (echo x > $at/invar-was-here) 2> /dev/null && echo wrote $at; done; true"
    ));
    assert_eq!(output, "");
}

#[test]
fn any_user_gets_the_same_as_root() {
    if !is_root() {
        eprintln!("SKIPPED: only root can become someone else; this user's own runs are the other tests");
        return;
    }
    // What is the host's (devices, /proc) belongs to root or, seen by another, to nobody.
    let script = "id; nproc; hostname; ls /dev; ls -ld / /bin /app /etc /etc/* /tmp /dev /sys | \
                  while read mode links user group rest; do echo $mode $user $group; done; cat /proc/self/status | while read name value; do case $name in \
                  Cap*|Seccomp:|NoNewPrivs:|Uid:|Gid:) echo $name $value;; esac; done; \
                  chown 5 /etc/fixed; touch /etc/new && rm /bin/dd && echo done";
    let run = |setup: &Setup, user: u32| {
        use std::os::unix::process::CommandExt;
        let probe = setup.folder.path().join("probe");
        fs::copy(PROBE, &probe).unwrap();
        for path in [&setup.sandbox.scratch, &setup.sandbox.root[0]] {
            let owned = std::process::Command::new("chown")
                .arg("-R")
                .arg(format!("{user}:{user}"))
                .arg(path)
                .status();
            assert!(owned.unwrap().success());
        }
        let output = std::process::Command::new(probe)
            .arg("run")
            .arg(format!("root={}", setup.sandbox.root[0].display()))
            .arg(format!("scratch={}", setup.sandbox.scratch.display()))
            .args(["--", "sh", "-c", script])
            .uid(user)
            .gid(user)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    for make in [Setup::new, Setup::with_copy] {
        let (root, nobody) = (run(&make(), 0), run(&make(), 65534));
        assert!(root.contains("done\nExited(0)\n"), "{root}");
        assert_eq!(root, nobody);
    }
}

#[test]
fn a_scratch_folder_of_nobody_can_be_removed_by_nobody() {
    if !is_root() {
        return;
    }
    use std::os::unix::process::CommandExt;
    let setup = Setup::new();
    let probe = setup.folder.path().join("probe");
    fs::copy(PROBE, &probe).unwrap();
    let owned = std::process::Command::new("chown")
        .args(["-R", "65534:65534"])
        .arg(setup.folder.path())
        .status()
        .unwrap();
    assert!(owned.success());
    let nobody = |program: &Path, arguments: &[String]| {
        std::process::Command::new(program).args(arguments).uid(65534).gid(65534).status().unwrap().success()
    };
    let arguments = [
        "run".to_owned(),
        format!("root={}", setup.sandbox.root[0].display()),
        format!("scratch={}", setup.sandbox.scratch.display()),
        "--".to_owned(),
        "touch".to_owned(),
        "/etc/new".to_owned(),
    ];
    assert!(nobody(&probe, &arguments));
    assert!(setup.changed("etc/new").exists());
    assert!(nobody(Path::new("/bin/rm"), &["-r".to_owned(), setup.sandbox.scratch.display().to_string()]));
}

#[test]
fn the_same_scratch_folder_can_be_used_again() {
    let mut setup = Setup::new();
    setup.sh("echo one > /app/file");
    let (output, finished) = setup.run(&["cat", "/app/file"]).unwrap();
    assert_eq!((output.as_str(), finished.status), ("one\n", Status::Exited(0)));
}
