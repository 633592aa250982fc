//! Changes of owner: refused, or noted.
use std::os::unix::fs::MetadataExt;

use invar_sandbox::{Ownership, Status};

use crate::setup::Setup;

#[test]
fn mapped_owners_are_the_kernels() {
    let mut setup = Setup::new();
    let (output, finished) = setup.run(&["chown", "33", "/etc/fixed"]).unwrap();
    assert_eq!(finished.status, Status::Exited(1), "{output}");
    assert!(finished.owners.is_empty());
    setup.sh("chown 0:0 /etc/fixed");
}

/// Runs a script with recorded owners in both kinds of root, and compares what was noted for these paths.
fn check(script: &str, expected: &[(&str, Option<(u32, u32)>)]) {
    for mut setup in [Setup::new(), Setup::with_copy()] {
        setup.sandbox.ownership = Ownership::Recorded;
        let (output, finished) = setup.run(&["sh", "-ec", script]).unwrap();
        assert_eq!(finished.status, Status::Exited(0), "{output}");
        for (path, owner) in expected {
            let found = setup.changed(path).symlink_metadata().unwrap();
            assert_eq!(
                finished.owners.get(found.dev(), found.ino()),
                *owner,
                "{path} of {:?}",
                finished.owners
            );
        }
        let noted = expected.iter().filter(|(_, owner)| owner.is_some()).count();
        assert_eq!(finished.owners.len(), noted, "{:?}", finished.owners);
        assert_eq!(finished.owners.iter().count(), noted);
    }
}

#[test]
fn owners_are_noted_by_path() {
    check(
        "touch new; chown 33:44 new /etc/fixed; chown 5 .; chown 6:7 /bin/../bin/dd; mkdir sub; chown :8 sub; \
         ln -s missing link; chown -h 9:9 link; cd sub; touch in; chown 1:2 ../sub/in; mv in ../moved",
        &[
            ("app/new", Some((33, 44))),
            ("etc/fixed", Some((33, 44))),
            ("app", Some((5, 0))),
            ("bin/dd", Some((6, 7))),
            ("app/sub", Some((0, 8))),
            ("app/link", Some((9, 9))),
            ("app/moved", Some((1, 2))),
        ],
    );
}

#[test]
fn a_link_is_followed_unless_it_is_meant_itself() {
    check(
        "touch file; ln -s file link; ln -s /app/file absolute; chown 3 link; chown -h 4 absolute",
        &[("app/file", Some((3, 0))), ("app/link", None), ("app/absolute", Some((4, 0)))],
    );
}

#[test]
fn the_last_change_counts_and_unchanged_parts_stay() {
    check(
        "touch a b c; chown 3:4 a; chown :5 a; chown 6 a; chown 3:4 b; chown 0:0 b; touch c",
        &[("app/a", Some((6, 5))), ("app/b", Some((0, 0))), ("app/c", None)],
    );
}

#[test]
fn a_removed_files_note_is_not_inherited() {
    // Without care, the number of the removed file goes to the next one.
    check(
        "i=0; while [ $i -lt 50 ]; do touch x; chown 33 x; rm x; echo > y; mv y keep; i=$((i + 1)); done",
        &[("app/keep", None)],
    );
}

#[test]
fn a_change_does_all_else_that_it_would() {
    let mut setup = Setup::new();
    setup.sandbox.ownership = Ownership::Recorded;
    let output = setup.sh(
        "touch file; chmod 6755 file; chown 33 file; stat -c '%a %u' file; chown 1 missing 2> /dev/null || echo missing; \
         chown 1 /proc/sys/kernel/hostname 2> /dev/null || echo read-only; chown 1 /etc/fixed/below 2> /dev/null || echo no folder",
    );
    assert_eq!(output, "755 0\nmissing\nread-only\nno folder\n");
}

#[test]
fn a_changed_root_is_respected() {
    check(
        "mkdir -p jail; cp() { dd if=$1 of=$2 2> /dev/null; chmod 755 $2; }; \
         for path in /bin/chown /bin/sh $(ls -d /lib/*/* /lib64/*); do \
         [ -d jail${path%/*} ] || mkdir -p jail${path%/*}; cp $path jail$path; done; \
         mkdir jail/etc; touch jail/etc/fixed; ln -s /etc/fixed jail/etc/link; \
         chroot jail /bin/sh -ec 'cd etc; chown 5:5 link; chown 6 ../../../etc'",
        &[("app/jail/etc/fixed", Some((5, 5))), ("app/jail/etc", Some((6, 0)))],
    );
}

#[test]
fn a_process_appears_to_become_another_user() {
    let mut setup = Setup::new();
    setup.sandbox.ownership = Ownership::Recorded;
    assert_eq!(setup.sh("probe try setuid 33; probe try groups; id -u"), "done\ndone\n0\n");
    // Only root may do such things.
    setup.sandbox.user = 1000;
    assert_eq!(
        setup.sh("probe try setuid 33; chown 33 /etc/fixed 2> /dev/null || echo refused"),
        "EINVAL\nrefused\n"
    );
}

#[test]
fn a_file_in_a_bind_is_known_by_the_source() {
    let mut setup = Setup::new();
    setup.sandbox.ownership = Ownership::Recorded;
    let source = setup.folder.path().join("source");
    std::fs::create_dir(&source).unwrap();
    std::fs::write(source.join("file"), "").unwrap();
    setup.sandbox.binds =
        vec![invar_sandbox::Bind { source: source.clone(), target: "/bound".to_owned(), writable: true }];
    let (_, finished) = setup.run(&["chown", "3:4", "/bound/file"]).unwrap();
    let found = source.join("file").metadata().unwrap();
    assert_eq!(finished.owners.get(found.dev(), found.ino()), Some((3, 4)));
}
