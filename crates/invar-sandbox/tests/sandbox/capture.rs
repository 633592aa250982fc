//! What is on the disk as a tree: modes, owners, links, limits, and what a hostile command may leave.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use invar_sandbox::{CaptureError, CaptureRules, Modes, RemovedPaths, SpecialFile, capture, capture_changes};
use invar_tree::{Contents, Digest, ImagePath, MemoryTree, Mode, Node, Origin, Owner, Sink, SinkError};
use rustix::fs::{CWD, FileType, Mode as Bits, OFlags, XattrFlags, mkdirat, mknodat, openat};
use tempfile::TempDir;

const NORMALISED: CaptureRules = CaptureRules { modes: Modes::Normalised, bytes: 1 << 20, entries: 5_000 };
const KEPT: CaptureRules = CaptureRules { modes: Modes::Kept, ..NORMALISED };

fn path(path: &str) -> ImagePath {
    ImagePath::parse(path).unwrap()
}

fn memory() -> MemoryTree {
    MemoryTree::new(Origin::Source)
}

fn root_of(folder: &Path, rules: &CaptureRules) -> Result<MemoryTree, CaptureError> {
    let mut sink = memory();
    capture(folder, None, rules, &|_, _| None, &mut sink)?;
    Ok(sink)
}

fn error_of(folder: &Path, rules: &CaptureRules) -> CaptureError {
    root_of(folder, rules).unwrap_err()
}

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

/// `<path> <mode> <uid>:<gid> <content, target or />` for each entry.
fn lines(sink: &MemoryTree) -> Vec<String> {
    let line = |(path, entry): (&ImagePath, &invar_tree::Entry)| {
        let what = match &entry.node {
            Node::Directory => "/".to_owned(),
            Node::Symlink { target } => format!("-> {target}"),
            Node::File { .. } => String::from_utf8(sink.read(path).unwrap()).unwrap(),
        };
        format!("{} {} {}:{} {what}", path.as_str(), entry.mode, entry.owner.uid, entry.owner.gid)
    };
    sink.tree().iter().map(line).collect()
}

/// A folder with files of several modes, links, and two names of one file.
fn sample() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    fs::create_dir_all(root.join("a/b")).unwrap();
    for (name, mode) in [("a/b/program", 0o4711), ("a/plain", 0o666), ("a/group", 0o070), ("z", 0o400)] {
        fs::write(root.join(name), name).unwrap();
        set_mode(&root.join(name), mode);
    }
    fs::hard_link(root.join("a/plain"), root.join("a-second")).unwrap();
    symlink("/etc/passwd", root.join("a/absolute")).unwrap();
    symlink("../../..", root.join("a/b/up")).unwrap();
    symlink("loop", root.join("loop")).unwrap();
    set_mode(&root.join("a/b"), 0o2770);
    set_mode(&root.join("a"), 0o700);
    directory
}

#[test]
fn modes_and_owners_are_normalised_or_kept() {
    let directory = sample();
    let normalised = [
        "a 0755 0:0 /",
        "a-second 0644 0:0 a/plain",
        "a/absolute 0777 0:0 -> /etc/passwd",
        "a/b 0755 0:0 /",
        "a/b/program 0755 0:0 a/b/program",
        "a/b/up 0777 0:0 -> ../../..",
        "a/group 0644 0:0 a/group",
        "a/plain 0644 0:0 a/plain",
        "loop 0777 0:0 -> loop",
        "z 0644 0:0 z",
    ];
    assert_eq!(lines(&root_of(directory.path(), &NORMALISED).unwrap()), normalised);

    let mine = |name: &str| {
        let metadata = fs::symlink_metadata(directory.path().join(name)).unwrap();
        (metadata.dev(), metadata.ino())
    };
    let (folder, program, link) = (mine("a/b"), mine("a/b/program"), mine("loop"));
    let owners = |device: u64, inode: u64| match (device, inode) {
        one if one == folder => Some((33, 34)),
        one if one == program => Some((0, 42)),
        one if one == link => Some((1, 0)),
        _ => None,
    };
    let kept = [
        "a 0700 0:0 /",
        "a-second 0666 0:0 a/plain",
        "a/absolute 0777 0:0 -> /etc/passwd",
        "a/b 2770 33:34 /",
        "a/b/program 4711 0:42 a/b/program",
        "a/b/up 0777 0:0 -> ../../..",
        "a/group 0070 0:0 a/group",
        "a/plain 0666 0:0 a/plain",
        "loop 0777 1:0 -> loop",
        "z 0400 0:0 z",
    ];
    let mut sink = memory();
    capture(directory.path(), None, &KEPT, &owners, &mut sink).unwrap();
    assert_eq!(lines(&sink), kept);
    // Owners are part of what is normalized.
    let mut sink = memory();
    capture(directory.path(), None, &NORMALISED, &owners, &mut sink).unwrap();
    assert_eq!(lines(&sink), normalised);
}

#[test]
fn a_folder_a_file_or_a_link_lands_where_it_is_told() {
    let directory = sample();
    let at = |name: &str| {
        let mut sink = memory();
        capture(&directory.path().join(name), Some(&path("opt/x")), &KEPT, &|_, _| None, &mut sink).unwrap();
        lines(&sink)
    };
    assert_eq!(at("z"), ["opt 0755 0:0 /", "opt/x 0400 0:0 z"]);
    assert_eq!(at("loop"), ["opt 0755 0:0 /", "opt/x 0777 0:0 -> loop"]);
    let inner = ["opt 0755 0:0 /", "opt/x 2770 0:0 /", "opt/x/program 4711 0:0 a/b/program"];
    assert_eq!(at("a/b")[..3], inner);
    symlink("a", directory.path().join("to-folder")).unwrap();
    assert_eq!(at("to-folder"), ["opt 0755 0:0 /", "opt/x 0777 0:0 -> a"]);
    for name in ["z", "to-folder"] {
        let error = error_of(&directory.path().join(name), &KEPT);
        assert!(matches!(error, CaptureError::NotADirectory { .. }), "{error:?}");
    }
    let error = error_of(&directory.path().join("missing"), &KEPT);
    assert!(matches!(error, CaptureError::Io { .. }), "{error:?}");
}

/// Keeps the order, and nothing else.
struct Order(Vec<String>);

impl Sink for Order {
    fn directory(&mut self, path: ImagePath, _: Mode, _: Owner) -> Result<(), SinkError> {
        self.0.push(path.as_str().to_owned());
        Ok(())
    }

    fn file(&mut self, path: ImagePath, _: Mode, _: Owner, _: &mut dyn Read) -> Result<(), SinkError> {
        self.0.push(path.as_str().to_owned());
        Ok(())
    }

    fn symlink(&mut self, path: ImagePath, _: Arc<str>, _: Owner) -> Result<(), SinkError> {
        self.0.push(path.as_str().to_owned());
        Ok(())
    }

    fn copy(&mut self, _: ImagePath, _: &ImagePath) -> Result<(), SinkError> {
        unreachable!("a capture makes no copies")
    }
}

#[test]
fn the_order_is_that_of_the_names() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["b", "a/z", "\u{e4}", "B", "a.c", "a/b/c", "10", "9"] {
        let file = directory.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "").unwrap();
    }
    let mut sink = Order(Vec::new());
    capture(directory.path(), None, &KEPT, &|_, _| None, &mut sink).unwrap();
    assert_eq!(sink.0, ["10", "9", "B", "a", "a/b", "a/b/c", "a/z", "a.c", "b", "\u{e4}"]);
}

#[test]
fn what_an_image_cannot_hold_is_refused_by_name() {
    let refused = |make: &dyn Fn(&Path), kind: SpecialFile, words: &str| {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("run")).unwrap();
        make(&directory.path().join("run/x"));
        let error = error_of(directory.path(), &NORMALISED);
        assert!(matches!(error, CaptureError::Special { kind: found, .. } if found == kind), "{error:?}");
        assert_eq!(
            error.to_string(),
            format!("/run/x is {words}, which cannot be in an image: remove it at the end of the command")
        );
        // It is one too when it is named itself.
        let at = path("run/x");
        let named = capture(&directory.path().join("run/x"), Some(&at), &KEPT, &|_, _| None, &mut memory());
        assert!(matches!(named, Err(CaptureError::Special { .. })));
    };
    let device = |kind: FileType, number: u64| {
        move |path: &Path| mknodat(CWD, path, kind, Bits::RUSR, number).unwrap()
    };
    refused(&|path| drop(UnixListener::bind(path).unwrap()), SpecialFile::Socket, "a socket");
    refused(&device(FileType::Fifo, 0), SpecialFile::Fifo, "a FIFO");
    // Only the upper layer of an overlay has whiteouts.
    refused(&device(FileType::CharacterDevice, 0), SpecialFile::CharacterDevice, "a character device");
    if is_root() {
        let null = rustix::fs::makedev(1, 3);
        refused(&device(FileType::CharacterDevice, null), SpecialFile::CharacterDevice, "a character device");
        refused(&device(FileType::BlockDevice, null), SpecialFile::BlockDevice, "a block device");
    } else {
        eprintln!("SKIPPED: only root makes devices");
    }
}

/// A folder `depth` levels deep, with the file `deep` in the deepest.
fn nested(depth: usize) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let open = |at: std::os::fd::BorrowedFd<'_>, name: &Path| {
        openat(at, name, OFlags::DIRECTORY | OFlags::CLOEXEC, Bits::empty()).unwrap()
    };
    let mut folder = open(CWD, directory.path());
    for _ in 0..depth {
        mkdirat(&folder, "d", Bits::RWXU).unwrap();
        folder = open(std::os::fd::AsFd::as_fd(&folder), Path::new("d"));
    }
    let flags = OFlags::CREATE | OFlags::WRONLY;
    File::from(openat(&folder, "deep", flags, Bits::RUSR).unwrap()).write_all(b"deep").unwrap();
    // A neighbour that comes after the way back up.
    fs::write(directory.path().join("e"), "").unwrap();
    directory
}

#[test]
fn deep_folders_are_read_as_far_as_a_path_can_name_them() {
    let directory = nested(1_000);
    let tree = root_of(directory.path(), &NORMALISED).unwrap();
    assert_eq!(tree.tree().len(), 1_002);
    assert_eq!(tree.read(&path(&format!("{}deep", "d/".repeat(1_000)))).unwrap(), b"deep");

    let deepest = nested(3_000);
    let error = error_of(deepest.path(), &NORMALISED);
    assert!(matches!(error, CaptureError::Name { .. }), "{error:?}");
}

#[test]
fn names_and_targets_that_are_not_utf8_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let name = OsStr::from_bytes(b"caf\xe9");
    symlink(name, directory.path().join("link")).unwrap();
    let error = error_of(directory.path(), &NORMALISED);
    assert!(matches!(error, CaptureError::Target { .. }), "{error:?}");
    assert!(error.to_string().starts_with("/link is a link"), "{error}");
    fs::write(directory.path().join(name), "").unwrap();
    let error = error_of(directory.path(), &NORMALISED);
    assert!(matches!(error, CaptureError::Name { .. }), "{error:?}");
    assert!(error.to_string().contains("/caf\u{fffd}"), "{error}");
}

#[test]
fn the_limits_hold_before_anything_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let hole = directory.path().join("hole");
    File::create(&hole).unwrap().set_len(1 << 40).unwrap();
    let error = error_of(directory.path(), &CaptureRules { bytes: 16 << 30, ..NORMALISED });
    assert!(matches!(error, CaptureError::TooManyBytes { size, .. } if size == 1 << 40), "{error:?}");

    File::create(&hole).unwrap().set_len(60).unwrap();
    fs::write(directory.path().join("two"), [0; 40]).unwrap();
    for (bytes, entries, fits) in
        [(100, 2, true), (99, 2, false), (100, 1, false), (100, 0, false), (0, 2, false)]
    {
        let rules = CaptureRules { bytes, entries, ..NORMALISED };
        let found = root_of(directory.path(), &rules);
        assert_eq!(found.is_ok(), fits, "{bytes} bytes, {entries} entries");
        match found {
            Ok(tree) => assert_eq!(tree.tree().size(), 100),
            Err(CaptureError::TooManyEntries { limit, .. }) => assert_eq!(limit, entries),
            Err(CaptureError::TooManyBytes { limit, .. }) => assert_eq!(limit, bytes),
            Err(error) => panic!("{error:?}"),
        }
    }
    let none = CaptureRules { entries: 0, ..NORMALISED };
    let named = capture(&hole, Some(&path("hole")), &none, &|_, _| None, &mut memory());
    assert!(matches!(named, Err(CaptureError::TooManyEntries { .. })));
}

/// Changes the file while its content is taken.
struct Meddler<'a>(&'a dyn Fn());

impl Sink for Meddler<'_> {
    fn directory(&mut self, _: ImagePath, _: Mode, _: Owner) -> Result<(), SinkError> {
        Ok(())
    }

    fn file(&mut self, path: ImagePath, _: Mode, _: Owner, content: &mut dyn Read) -> Result<(), SinkError> {
        content.read_exact(&mut [0; 10]).unwrap();
        (self.0)();
        match content.read_to_end(&mut Vec::new()) {
            Ok(_) => Ok(()),
            Err(source) => Err(SinkError::Read { path, source }),
        }
    }

    fn symlink(&mut self, _: ImagePath, _: Arc<str>, _: Owner) -> Result<(), SinkError> {
        Ok(())
    }

    fn copy(&mut self, _: ImagePath, _: &ImagePath) -> Result<(), SinkError> {
        Ok(())
    }
}

#[test]
fn a_file_that_changes_its_length_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("log");
    for (length, noticed) in [(100, false), (101, true), (99, true), (0, true), (1 << 40, true)] {
        fs::write(&file, [b'x'; 100]).unwrap();
        let change = || File::options().write(true).open(&file).unwrap().set_len(length).unwrap();
        let taken = capture(directory.path(), None, &NORMALISED, &|_, _| None, &mut Meddler(&change));
        match taken {
            Ok(()) => assert!(!noticed, "{length}"),
            Err(CaptureError::Changed { path }) => assert!(noticed && path == Path::new("/log"), "{length}"),
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// What the command made unreadable for itself.
fn closed(root: &Path) {
    let folder = root.join("closed");
    fs::create_dir_all(folder.join("inner/empty")).unwrap();
    fs::write(folder.join("inner/secret"), "secret").unwrap();
    let closed = [("inner/secret", 0), ("inner/empty", 0o100), ("inner", 0o600), ("", 0)];
    for (name, mode) in closed {
        set_mode(&folder.join(name), mode);
    }
    let tree = root_of(root, &KEPT).unwrap();
    assert_eq!(
        lines(&tree),
        [
            "closed 0000 0:0 /",
            "closed/inner 0600 0:0 /",
            "closed/inner/empty 0100 0:0 /",
            "closed/inner/secret 0000 0:0 secret"
        ]
    );
    // A second look finds the same: the modes are as they were.
    assert_eq!(lines(&root_of(root, &KEPT).unwrap()), lines(&tree));
    for (name, expected) in closed.iter().rev() {
        let path = folder.join(name);
        assert_eq!(mode(&path), *expected, "{name}");
        set_mode(&path, 0o700);
    }
}

const TASK: &str = "INVAR_TEST_FOLDER";

#[test]
#[expect(clippy::disallowed_methods, reason = "how a child process is told its task")]
fn files_and_folders_that_their_owner_may_not_read_are_read() {
    if let Some(folder) = std::env::var_os(TASK) {
        return closed(Path::new(&folder));
    }
    let directory = tempfile::tempdir().unwrap();
    closed(directory.path());
    if is_root() {
        // No permission holds root back, so somebody else must try.
        let theirs = directory.path().join("theirs");
        let program = directory.path().join("program");
        fs::create_dir(&theirs).unwrap();
        set_mode(&theirs, 0o777);
        set_mode(directory.path(), 0o755);
        fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        let run = Command::new(program)
            .args(["--exact", "capture::files_and_folders_that_their_owner_may_not_read_are_read"])
            .env(TASK, &theirs)
            .current_dir("/")
            .uid(65534)
            .gid(65534)
            .output()
            .unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
        assert!(theirs.join("closed").exists(), "it has run");
    }
}

fn changes(upper: &Path) -> Result<(Vec<String>, RemovedPaths), CaptureError> {
    let mut sink = memory();
    let removed = capture_changes(upper, &KEPT, &|_, _| None, &mut sink)?;
    Ok((lines(&sink), removed))
}

fn set_attribute(path: &Path, name: &str, value: &str) {
    rustix::fs::setxattr(path, name, value.as_bytes(), XattrFlags::empty()).unwrap();
}

#[test]
fn whiteouts_and_opaque_folders_of_an_upper_layer_are_told_apart() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    for name in ["replaced", "replaced/inner", "extended", "plain", "trusted"] {
        fs::create_dir(root.join(name)).unwrap();
        set_mode(&root.join(name), 0o755);
    }
    let whiteout =
        |name: &str| mknodat(CWD, root.join(name), FileType::CharacterDevice, Bits::empty(), 0).unwrap();
    whiteout("gone");
    whiteout("replaced/old");
    set_attribute(&root.join("replaced"), "user.overlay.opaque", "y");
    // Such a folder holds whiteouts that are files, and covers nothing.
    set_attribute(&root.join("extended"), "user.overlay.opaque", "x");
    for name in ["extended/gone", "extended/full", "extended/empty"] {
        fs::write(root.join(name), if name.ends_with("full") { "full" } else { "" }).unwrap();
        set_mode(&root.join(name), 0o644);
    }
    set_attribute(&root.join("extended/gone"), "user.overlay.whiteout", "");
    set_attribute(&root.join("extended/full"), "user.overlay.whiteout", "");
    let trusted = is_root();
    if trusted {
        set_attribute(&root.join("trusted"), "trusted.overlay.opaque", "y");
    } else {
        eprintln!("SKIPPED: only root has trusted attributes");
    }
    let (entries, removed) = changes(root).unwrap();
    assert_eq!(
        entries,
        [
            "extended 0755 0:0 /",
            "extended/empty 0644 0:0 ",
            "extended/full 0644 0:0 full",
            "plain 0755 0:0 /",
            "replaced 0755 0:0 /",
            "replaced/inner 0755 0:0 /",
            "trusted 0755 0:0 /"
        ]
    );
    assert_eq!(removed.whiteouts, [path("extended/gone"), path("gone"), path("replaced/old")]);
    assert_eq!(removed.opaque, [path("replaced"), path("trusted")][..1 + usize::from(trusted)]);

    let mut lower = memory();
    for name in ["gone/a/b", "gone-not", "replaced/x/y", "extended/gone", "plain/stays"] {
        lower.file(path(name), Mode::FILE, Owner::ROOT, &mut std::io::empty()).unwrap();
    }
    let expected = ["extended/gone", "gone", "gone/a", "gone/a/b", "replaced/x", "replaced/x/y"].map(path);
    assert_eq!(removed.paths(lower.tree()), expected);
    assert_eq!(RemovedPaths::default().paths(lower.tree()), []);
}

#[test]
fn an_upper_layer_that_borrows_from_a_lower_one_is_refused() {
    for (name, attribute) in [("folder", "user.overlay.redirect"), ("file", "user.overlay.metacopy")] {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join(name);
        if name == "file" {
            fs::write(&place, "").unwrap()
        } else {
            fs::create_dir(&place).unwrap()
        }
        set_attribute(&place, attribute, "/elsewhere");
        let error = changes(directory.path()).unwrap_err();
        assert!(
            matches!(error, CaptureError::Overlay { attribute: found, .. } if found == attribute),
            "{error:?}"
        );
    }
}

#[test]
fn a_real_overlay_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let script = r#"
        set -e; cd "$0"; mkdir -p lower/kept lower/gone/inner lower/new/old upper work root
        echo old >lower/kept/file; echo old >lower/kept/other; echo old >lower/new/old/file
        mount -t overlay -o userxattr,lowerdir=lower,upperdir=upper,workdir=work overlay root || exit 77
        echo new >root/kept/file; rm root/kept/other; rm -r root/gone; rm -r root/new; mkdir root/new; : >root/new/file
    "#;
    let run = Command::new("unshare")
        .args(["-rm", "sh", "-c", script])
        .arg(directory.path())
        .env("LC_ALL", "C")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stderr);
    if run.status.code() == Some(77) || said.contains("unshare failed") {
        eprintln!("SKIPPED: no overlay here: {said}");
        return;
    }
    assert!(run.status.success(), "{said}");
    let upper = directory.path().join("upper");
    for name in ["kept", "new", "kept/file", "new/file"] {
        set_mode(&upper.join(name), 0o755);
    }
    let (entries, removed) = changes(&upper).unwrap();
    assert_eq!(
        entries,
        ["kept 0755 0:0 /", "kept/file 0755 0:0 new\n", "new 0755 0:0 /", "new/file 0755 0:0 "]
    );
    assert_eq!(removed.whiteouts, [path("gone"), path("kept/other")]);
    assert_eq!(removed.opaque, [path("new")]);
}

#[test]
fn the_digest_of_a_capture_is_pinned() {
    let tree = root_of(sample().path(), &NORMALISED).unwrap();
    assert_eq!(tree.tree().digest(), Digest::from_hex(PINNED).unwrap());
}

const PINNED: &str = "4e36d7609c36ea78fee6c3d063a51a44ff28f4a8aea9c8a0a1cd2f5a95781db4";
