use std::fs::{self, File, FileTimes, Permissions};
use std::io::{self, Cursor, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::sync::Barrier;
use std::time::{Duration, Instant, SystemTime};

use invar_oci::FILE_TIME;
use invar_store::{Checkout, Key, Store};
use invar_tree::{ImagePath, Mode, Owner, Sink, SinkError};

use crate::{child, fixture, list};

fn path(path: &str) -> ImagePath {
    ImagePath::parse(path).unwrap()
}

/// A path as long as a path can be: with the store's folder before it, the system would not take it.
fn longest() -> ImagePath {
    path(&format!("d/d/d/{}", ["directory"; 409].join("/")))
}

fn fill(sink: &mut dyn Sink) {
    let owner = Owner { uid: 7, gid: 8 };
    let mut file = |name: &str, mode: u32, content: &[u8]| {
        sink.file(path(name), Mode::new(mode), owner, &mut Cursor::new(content)).unwrap();
    };
    // Below folders that come later, and that nobody may write.
    file("closed/inner/program", 0o755, b"program");
    file("closed/write-only", 0o200, b"secret");
    file("closed/nobody", 0o000, b"secret");
    file("usr/bin/su", 0o6755, b"su");
    file("usr/bin/large", 0o444, &vec![b'l'; 600_000]);
    file("unlistable/file", 0o644, b"hidden");
    file("tmp/sticky", 0o1644, b"");
    sink.copy(path("usr/bin/large-copy"), &path("usr/bin/large")).unwrap();
    sink.copy(path("nobody-copy"), &path("closed/nobody")).unwrap();
    sink.symlink(path("usr/bin/absolute"), "/etc/passwd".into(), owner).unwrap();
    sink.symlink(path("dangling"), "../../nowhere".into(), owner).unwrap();
    sink.symlink(path("folder"), "usr/bin".into(), owner).unwrap();
    let mut directory = |name: &str, mode: u32| sink.directory(path(name), Mode::new(mode), owner).unwrap();
    directory("closed", 0o700);
    directory("closed", 0o555);
    directory("closed/inner", 0o500);
    directory("tmp", 0o1777);
    directory("var/mail", 0o2775);
    directory("unlistable", 0o311);
    directory("empty", 0o750);
}

fn put(store: &Store, key: &Key) -> Checkout {
    let mut writer = store.checkout_writer(key).unwrap();
    fill(&mut writer);
    writer.commit().unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

/// Puts a tree on the disk and looks at it, as whatever user runs this and with whatever umask.
pub(crate) fn look(root: &Path) {
    let store = Store::open(root).unwrap();
    let key = crate::key("c");
    assert!(store.checkout(&key).unwrap().is_none());
    let mut writer = store.checkout_writer(&key).unwrap();
    fill(&mut writer);
    writer.file(longest(), Mode::FILE, Owner::ROOT, &mut Cursor::new(b"deep")).unwrap();
    let checkout = writer.commit().unwrap();
    assert_eq!(store.checkout(&key).unwrap(), Some(checkout.clone()));
    assert_eq!(Store::open(root).unwrap().checkout(&key).unwrap(), Some(checkout.clone()));
    assert_eq!(list(&root.join("tmp")), [""; 0]);

    let root = checkout.path();
    assert_eq!(mode(root.parent().unwrap()), 0o700);
    let expected = [
        ("", 0o755),
        ("closed", 0o555),
        ("closed/inner", 0o500),
        ("closed/inner/program", 0o755),
        ("closed/nobody", 0o000),
        ("closed/write-only", 0o200),
        ("empty", 0o750),
        ("nobody-copy", 0o000),
        ("tmp", 0o1777),
        ("tmp/sticky", 0o644),
        ("unlistable", 0o311),
        ("unlistable/file", 0o644),
        ("usr", 0o755),
        ("usr/bin/large", 0o444),
        ("usr/bin/large-copy", 0o444),
        ("usr/bin/su", 0o755),
        ("var/mail", 0o2775),
        ("dangling", 0o777),
        ("d/d/d/directory", 0o755),
    ];
    let user = fs::metadata("/proc/self").unwrap().uid();
    for (name, expected) in expected {
        let path = root.join(name);
        assert_eq!(mode(&path), expected, "{name}");
        let metadata = fs::symlink_metadata(&path).unwrap();
        assert_eq!((metadata.mtime(), metadata.mtime_nsec()), (315_619_200, 0), "{name}");
        assert_eq!((metadata.uid(), metadata.nlink() > 1 && metadata.is_file()), (user, false), "{name}");
    }
    for (name, target) in
        [("dangling", "../../nowhere"), ("folder", "usr/bin"), ("usr/bin/absolute", "/etc/passwd")]
    {
        assert_eq!(fs::read_link(root.join(name)).unwrap(), Path::new(target));
    }
    assert_eq!(fs::read(root.join("usr/bin/large-copy")).unwrap(), vec![b'l'; 600_000]);
    assert_eq!(fs::read(root.join("closed/inner/program")).unwrap(), b"program");

    // One that is damaged is removed, although it has folders that may not be written.
    fs::write(root.join("usr/bin/su"), "longer").unwrap();
    assert!(store.checkout(&key).unwrap().is_none());
    assert!(!root.parent().unwrap().exists());
    assert_eq!(list(&store.path().join("tmp")), [""; 0]);
    put(&store, &key);

    let scratch = store.scratch().unwrap();
    assert_eq!(mode(scratch.path()), 0o700);
    drop(scratch);
    assert_eq!(list(&store.path().join("tmp")), [""; 0]);
}

#[test]
fn a_checkout_is_the_tree_as_files() {
    look(fixture().store.path());
}

#[test]
fn any_user_and_any_umask_makes_the_same_checkout() {
    for umask in ["000", "777"] {
        let fixture = fixture();
        let script = format!(r#"umask {umask}; exec "$0" "$@""#);
        child::succeed(child::command("checkout", fixture.store.path(), &["sh", "-c", &script]));
    }
    let fixture = fixture();
    let root = fixture.directory.path().join("open/store");
    fs::create_dir(root.parent().unwrap()).unwrap();
    fs::set_permissions(root.parent().unwrap(), Permissions::from_mode(0o777)).unwrap();
    child::succeed(child::as_someone_else(child::command("checkout", &root, &[]), &fixture.directory));
}

/// Changes something in a checkout; `true` where that must be noticed.
#[track_caller]
fn check(what: &str, change: impl FnOnce(&Path), noticed: bool) {
    let fixture = fixture();
    let key = crate::key("c");
    let checkout = put(&fixture.store, &key);
    change(checkout.path());
    assert_eq!(fixture.store.checkout(&key).unwrap().is_none(), noticed, "{what}");
    assert_eq!(!checkout.path().parent().unwrap().exists(), noticed, "{what}");
    assert_eq!(list(&fixture.store.path().join("tmp")), [""; 0], "{what}");
    // It is rebuilt, and another one that is there is used.
    assert_eq!(put(&fixture.store, &key), checkout, "{what}");
    assert_eq!(put(&fixture.store, &key), checkout, "{what}");
}

fn set_time(path: &Path, time: Duration) {
    let time = SystemTime::UNIX_EPOCH + time;
    File::open(path).unwrap().set_times(FileTimes::new().set_modified(time)).unwrap();
}

#[test]
fn a_change_is_noticed() {
    let seal = |root: &Path| root.parent().unwrap().join("seal");
    check("nothing", |_| {}, false);
    check("read", |root| drop(fs::read(root.join("usr/bin/su")).unwrap()), false);
    check("written in place", |root| fs::write(root.join("usr/bin/su"), "us").unwrap(), true);
    check("cut", |root| fs::write(root.join("usr/bin/su"), "").unwrap(), true);
    let second = Duration::from_secs(FILE_TIME);
    check("another time", |root| set_time(&root.join("usr"), second + Duration::from_nanos(1)), true);
    check("another second", |root| set_time(&root.join("usr"), second + Duration::from_secs(1)), true);
    check("before 1970", |root| set_time(root, Duration::ZERO), true);
    check("removed", |root| fs::remove_file(root.join("usr/bin/su")).unwrap(), true);
    check("added", |root| fs::write(root.join("tmp/new"), "").unwrap(), true);
    let modes = |name: &'static str, mode: u32| {
        move |root: &Path| fs::set_permissions(root.join(name), Permissions::from_mode(mode)).unwrap()
    };
    check("mode of a file", modes("usr/bin/large", 0o644), true);
    check("set-user-ID", modes("usr/bin/su", 0o4755), true);
    check("mode of a folder", modes("empty", 0o755), true);
    check("mode of the root", modes("", 0o700), true);
    check(
        "link instead of a folder",
        |root| {
            let usr = root.join("usr");
            fs::rename(&usr, root.join("../usr")).unwrap();
            symlink("../usr", usr).unwrap();
        },
        true,
    );
    check(
        "another target of the same length",
        |root| {
            fs::remove_file(root.join("folder")).unwrap();
            symlink("usr/sbi", root.join("folder")).unwrap();
        },
        true,
    );
    check("no root", |root| fs::rename(root, root.join("../elsewhere")).unwrap(), true);
    check(
        "a link as root",
        |root| {
            fs::rename(root, root.join("../elsewhere")).unwrap();
            symlink("elsewhere", root).unwrap();
        },
        true,
    );
    check("no seal", |root| fs::remove_file(seal(root)).unwrap(), true);
    check("empty seal", |root| fs::write(seal(root), "").unwrap(), true);
    check("endless seal", |root| fs::write(seal(root), "1".repeat(1 << 20)).unwrap(), true);
    check("binary seal", |root| fs::write(seal(root), [0xff; 100]).unwrap(), true);
    check(
        "file instead of all",
        |root| {
            fs::remove_dir_all(root.parent().unwrap()).unwrap();
            fs::write(root.parent().unwrap(), "").unwrap();
        },
        true,
    );
}

#[test]
fn the_layout_and_the_seal_are_pinned() {
    let fixture = fixture();
    let key = crate::key("c");
    let mut writer = fixture.store.checkout_writer(&key).unwrap();
    writer.file(path("a/b"), Mode::FILE, Owner::ROOT, &mut Cursor::new("hello")).unwrap();
    let checkout = writer.commit().unwrap();
    let user = fs::metadata("/proc/self").unwrap().uid();
    let hex = key.to_string();
    let folder = fixture.store.path().join(format!("checkouts/{user}/{}/{hex}", &hex[..2]));
    assert_eq!(checkout.path(), folder.join("root"));
    assert_eq!(list(&folder), ["root/", "root/a/", "root/a/b", "seal"]);
    // If this is intended, every checkout is rebuilt: say so in the changelog.
    assert_eq!(
        fs::read_to_string(folder.join("seal")).unwrap(),
        "invar-checkout 1\n3 40e8166f236e6b56cf7e3e0713b870b9efceeca7fb80926e4390acd01751da79\n"
    );
}

#[test]
fn entries_that_form_no_tree_are_refused_and_leave_nothing() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }
    let fixture = fixture();
    let key = crate::key("c");
    let outside = fixture.directory.path().join("outside");
    fs::create_dir(&outside).unwrap();
    let mut writer = fixture.store.checkout_writer(&key).unwrap();
    let mut file = |name: &str, content: &mut dyn Read| {
        writer.file(path(name), Mode::FILE, Owner::ROOT, content).unwrap_err()
    };
    assert!(matches!(file("gone", &mut Broken), SinkError::Read { .. }));
    writer.symlink(path("link"), outside.to_str().unwrap().into(), Owner::ROOT).unwrap();
    let mut file = |name: &str| writer.file(path(name), Mode::FILE, Owner::ROOT, &mut io::empty());
    assert!(matches!(file("link/file"), Err(SinkError::NotADirectory { .. })));
    assert!(matches!(file("link"), Err(SinkError::Duplicate { .. })));
    file("file").unwrap();
    assert!(matches!(file("file"), Err(SinkError::Duplicate { .. })));
    assert!(matches!(file("file/below"), Err(SinkError::NotADirectory { .. })));
    let directory = writer.directory(path("file"), Mode::DIRECTORY, Owner::ROOT);
    assert!(matches!(directory, Err(SinkError::Duplicate { .. })));
    let long = "a".repeat(5000);
    assert!(matches!(writer.symlink(path("l"), long.into(), Owner::ROOT), Err(SinkError::Write { .. })));
    for original in ["nothing", "link"] {
        assert!(matches!(writer.copy(path("copy"), &path(original)), Err(SinkError::Read { .. })));
    }
    let checkout = writer.commit().unwrap();
    assert_eq!(list(checkout.path()), ["file", "link"]);
    assert_eq!(list(&outside), [""; 0]);
    // One that is not finished leaves nothing.
    let mut writer = fixture.store.checkout_writer(&crate::key("other")).unwrap();
    fill(&mut writer);
    drop(writer);
    assert_eq!(list(&fixture.store.path().join("tmp")), [""; 0]);
    assert!(fixture.store.checkout(&crate::key("other")).unwrap().is_none());
}

#[test]
fn the_first_of_many_stays_and_many_may_repair() {
    let fixture = fixture();
    let key = crate::key("c");
    let barrier = Barrier::new(4);
    let checkout = std::sync::Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let write = || {
                    let mut writer = fixture.store.checkout_writer(&key).unwrap();
                    writer.file(path("a"), Mode::FILE, Owner::ROOT, &mut Cursor::new("a")).unwrap();
                    barrier.wait();
                    writer.commit().unwrap()
                };
                for _ in 0..20 {
                    let written = write();
                    assert_eq!(fs::read(written.path().join("a")).unwrap(), b"a");
                    *checkout.lock().unwrap() = Some(written);
                    if barrier.wait().is_leader() {
                        let damaged = checkout.lock().unwrap().take().unwrap();
                        fs::write(damaged.path().join("a"), "b").unwrap();
                    }
                    barrier.wait();
                    assert!(fixture.store.checkout(&key).unwrap().is_none());
                }
            });
        }
    });
    assert_eq!(list(&fixture.store.path().join("tmp")), [""; 0]);
}

#[test]
fn scratch_may_be_kept_and_is_otherwise_removed_whatever_is_in_it() {
    let fixture = fixture();
    let scratch = fixture.store.scratch().unwrap();
    fs::create_dir_all(scratch.path().join("work/work")).unwrap();
    fs::set_permissions(scratch.path().join("work/work"), Permissions::from_mode(0o0)).unwrap();
    assert_eq!(list(&fixture.store.path().join("tmp")).len(), 4, "the folder, two in it, and its lock");
    Store::open(fixture.store.path()).unwrap();
    assert!(scratch.path().join("work/work").exists(), "it is in use");
    drop(scratch);
    assert_eq!(list(&fixture.store.path().join("tmp")), [""; 0]);

    let scratch = fixture.store.scratch().unwrap();
    fs::write(scratch.path().join("log"), "failed").unwrap();
    let kept = fixture.directory.path().join("kept");
    scratch.keep(&kept).unwrap();
    assert_eq!(fs::read(kept.join("log")).unwrap(), b"failed");
    assert_eq!(list(&fixture.store.path().join("tmp")), [""; 0]);
}

/// The times are printed, for whoever changes the survey.
#[test]
fn looking_at_a_large_checkout_reads_no_content() {
    let fixture = fixture();
    let key = crate::key("large");
    let start = Instant::now();
    let mut writer = fixture.store.checkout_writer(&key).unwrap();
    let content = vec![b'x'; 30_000];
    for number in 0..10_000 {
        let name = format!("usr/lib/python3/{}/module_with_a_name_{number}.py", number / 20);
        writer.file(path(&name), Mode::FILE, Owner::ROOT, &mut Cursor::new(&content)).unwrap();
    }
    println!("written in {:?}", start.elapsed());
    let start = Instant::now();
    writer.commit().unwrap();
    println!("committed in {:?}", start.elapsed());
    let start = Instant::now();
    assert!(fixture.store.checkout(&key).unwrap().is_some());
    println!("opened in {:?}", start.elapsed());
    let start = Instant::now();
    drop(fixture);
    println!("removed in {:?}", start.elapsed());
}
