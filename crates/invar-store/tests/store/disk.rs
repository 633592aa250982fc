//! Disks that are full or cannot be written.
use std::fs;
use std::io::{self, Cursor, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use invar_store::{Store, StoreError};
use invar_tree::{Digest, ImagePath, Mode, Origin, Owner, Sink, SinkError};

use crate::{child, fixture, list};

/// Whether this process may have a file system of its own. Where it may not, tests on one are skipped.
fn may_mount() -> bool {
    let may = Command::new("unshare").args(["-rm", "true"]).output().is_ok_and(|run| run.status.success());
    if !may {
        eprintln!("SKIPPED: this user may not mount a file system of its own");
    }
    may
}

#[test]
fn a_full_disk_leaves_a_good_store() {
    if may_mount() {
        let directory = tempfile::tempdir().unwrap();
        let mount = r#"mount -t tmpfs -o size=512k none "$INVAR_TEST_STORE" && exec "$0" "$@""#;
        child::succeed(child::command("full", directory.path(), &["unshare", "-rm", "sh", "-c", mount]));
    }
}

#[test]
fn a_limit_on_file_sizes_is_a_full_disk() {
    let directory = tempfile::tempdir().unwrap();
    // In blocks of 512 or 1024 bytes, as the shell sees it; the signal would kill the process.
    let limit = r#"trap '' XFSZ; ulimit -f 512; exec "$0" "$@""#;
    child::succeed(child::command("full", directory.path(), &["sh", "-c", limit]));
}

#[track_caller]
fn assert_full(result: Result<(), StoreError>) {
    let error = result.unwrap_err();
    assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
    assert!(error.to_string().contains("free some space"), "{error}");
}

/// Runs where no file may have a mebibyte.
pub(crate) fn full(root: &Path) {
    let store = Store::open(root).unwrap();
    let small = crate::blob::put(&store, b"small");
    let large = vec![1; 1 << 20];

    let mut writer = store.blob_writer().unwrap();
    let error = writer.write_all(&large).unwrap_err();
    assert!(error.to_string().contains("no space left"), "{error}");
    drop(writer);
    let tail = &large[..large.len() - 1];
    assert_full(store.blob_writer().and_then(|mut writer| {
        // Buffered until the end, so the disk is found full by the commit or before.
        match writer.write_all(tail) {
            Ok(()) => writer.commit().map(|_| ()),
            Err(error) => Err(error.downcast().unwrap()),
        }
    }));

    let key = crate::key("large");
    let path = ImagePath::parse("large").unwrap();
    let mut writer = store.tree_writer(&key).unwrap();
    match writer.file(path, Mode::FILE, Owner::ROOT, &mut Cursor::new(&large)).unwrap_err() {
        SinkError::Write { source, .. } => assert_full(Err(source.downcast().unwrap())),
        other => panic!("{other:?}"),
    }
    drop(writer);

    // Many copies of a small file: the spool fits, and the segment does not.
    let mut writer = store.tree_writer(&key).unwrap();
    let first = ImagePath::parse("0").unwrap();
    writer.file(first.clone(), Mode::FILE, Owner::ROOT, &mut Cursor::new(&large[..100_000])).unwrap();
    for number in 1..12 {
        writer.copy(ImagePath::parse(&number.to_string()).unwrap(), &first).unwrap();
    }
    assert_full(writer.commit(&[]).map(|_| ()));
    assert!(store.tree(&key).unwrap().is_none());

    assert_full(store.put_result(&key, &"x".repeat(1 << 20)));
    assert_eq!(store.result::<String>(&key).unwrap(), None);

    let digest = Digest::of(&large);
    let mut partial = store.partial(&digest).unwrap();
    let error = partial.write_all(&large).unwrap_err();
    assert_full(Err(error.downcast().unwrap()));
    let kept = partial.len();
    assert!(kept > 0 && kept < 1 << 20);
    drop(partial);
    let mut partial = store.partial(&digest).unwrap();
    assert_eq!(partial.len(), kept);
    partial.restart().unwrap();
    drop(partial);

    assert_eq!(list(&root.join("tmp")), [""; 0]);
    assert_eq!(list(&root.join("partial")), [""; 0]);
    assert_eq!(fs::read(store.blob_path(&small)).unwrap(), b"small");
    crate::tree::put_sample(&store, &key);
    crate::blob::put(&store, b"there is room again");
}

/// A store with something in it, next to a copy of this program, in a folder that everyone may enter.
fn filled() -> crate::Fixture {
    let fixture = fixture();
    crate::blob::put(&fixture.store, b"hello");
    fixture.store.partial(&Digest::of(b"x")).unwrap().write_all(b"y").unwrap();
    crate::tree::put_sample(&fixture.store, &crate::key("good"));
    crate::tree::put_sample(&fixture.store, &crate::key("damaged"));
    let damaged = crate::entry(&fixture.store, "trees", &crate::key("damaged"));
    crate::overwrite(&damaged.join("tree"), b"");
    fixture.store.put_result(&crate::key("good"), &7).unwrap();
    fixture
}

#[test]
fn a_read_only_disk_can_be_read() {
    if may_mount() {
        let fixture = filled();
        let mount = r#"cd "$INVAR_TEST_STORE" && mount --bind . . && mount -o remount,bind,ro "$INVAR_TEST_STORE" \
            && exec "$0" "$@""#;
        child::succeed(child::command(
            "read-only",
            fixture.store.path(),
            &["unshare", "-rm", "sh", "-c", mount],
        ));
    }
}

#[test]
fn another_users_store_can_be_read() {
    let fixture = filled();
    let all = |mode: u32| {
        let root = fixture.store.path();
        for name in list(root).into_iter().chain([String::new()]) {
            let path = root.join(&name);
            let mode = if path.is_dir() { mode | 0o111 } else { mode };
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }
    };
    all(0o444);
    let command = child::command("read-only", fixture.store.path(), &[]);
    child::succeed(child::as_someone_else(command, &fixture.directory));
    all(0o777);
}

#[track_caller]
fn assert_read_only<T>(result: Result<T, StoreError>) {
    match result {
        Err(StoreError::ReadOnly { .. }) => {}
        Err(error) => panic!("{error:?}"),
        Ok(_) => panic!("it was written"),
    }
}

/// Runs where nothing may be written.
pub(crate) fn read_only(root: &Path) {
    let before = list(root);
    let store = Store::open(root).unwrap();
    let key = crate::key("good");
    let digest = Digest::of(b"hello");
    assert_eq!(io::read_to_string(store.open_blob(&digest).unwrap().0).unwrap(), "hello");
    let stored = store.tree(&key).unwrap().unwrap();
    stored.tree(&std::sync::Arc::new(Origin::Source)).unwrap();
    assert_eq!(store.result(&key).unwrap(), Some(7));
    assert!(store.tree(&crate::key("damaged")).unwrap().is_none());

    assert_read_only(store.blob_writer());
    assert_read_only(store.tree_writer(&key));
    assert_read_only(store.checkout_writer(&key));
    assert_read_only(store.scratch());
    assert_read_only(store.put_result(&key, &8));
    assert_read_only(store.partial(&digest));
    assert_read_only(store.try_partial(&Digest::of(b"x")));
    assert_read_only(store.discard_damaged_tree(&crate::key("damaged")));
    assert_read_only(Store::open(&root.join("new")));
    assert_eq!(list(root), before);
}

#[test]
fn a_hostile_umask_does_not_lock_the_owner_out() {
    let directory = tempfile::tempdir().unwrap();
    let wrapper = ["sh", "-c", r#"umask 777; exec "$0" "$@""#];
    let root = directory.path().join("store");
    child::succeed(child::command("umask", &root, &wrapper));
    for name in list(&root) {
        let mode = fs::metadata(root.join(&name)).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode & 0o077, 0, "{name}: {mode:o}");
        assert_eq!(mode & 0o400, 0o400, "{name}: {mode:o}");
    }
}

/// Runs with a umask that denies everything.
pub(crate) fn umask(root: &Path) {
    let store = Store::open(root).unwrap();
    crate::blob::put(&store, b"hello");
    crate::tree::put_sample(&store, &crate::key("t"));
    store.put_result(&crate::key("t"), &7).unwrap();
    store.partial(&Digest::of(b"x")).unwrap().write_all(b"y").unwrap();
    assert!(Store::open(root).unwrap().has_blob(&Digest::of(b"hello")));
}
