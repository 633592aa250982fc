use std::fs;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::{Arc, Barrier};

use invar_store::{Key, Store, StoreError, StoredTree, TreeWriter};
use invar_tree::{Contents, Digest, ImagePath, MemoryTree, Mode, Origin, Owner, Sink, SinkError};

use crate::{entry, fixture, list, overwrite};

fn path(path: &str) -> ImagePath {
    ImagePath::parse(path).unwrap()
}

/// Gives `sink` a tree whose archive has another order than its paths.
pub(crate) fn fill(sink: &mut dyn Sink) {
    let mut file = |name: &str, content: &[u8]| {
        sink.file(path(name), Mode::FILE, Owner::ROOT, &mut io::Cursor::new(content)).unwrap();
    };
    file("usr/share/z", &vec![b'z'; 100_000]);
    file("usr/bin/a", b"first");
    file("etc/empty", b"");
    sink.symlink(path("usr/bin/b"), "a".into(), Owner::ROOT).unwrap();
    sink.copy(path("usr/share/y"), &path("usr/share/z")).unwrap();
    sink.directory(path("usr/bin"), Mode::new(0o700), Owner { uid: 1, gid: 2 }).unwrap();
}

pub(crate) fn put_sample(store: &Store, key: &Key) -> StoredTree {
    let mut writer = store.tree_writer(key).unwrap();
    fill(&mut writer);
    writer.commit(&[("control", b"Package: sample\n")]).unwrap()
}

fn origin() -> Arc<Origin> {
    Arc::new(Origin::Handler { name: "test".into() })
}

#[test]
fn a_stored_tree_is_the_tree_that_was_written() {
    let fixture = fixture();
    let key = crate::key("t");
    assert!(fixture.store.tree(&key).unwrap().is_none());
    put_sample(&fixture.store, &key);
    let mut expected = MemoryTree::new(Origin::Handler { name: "test".into() });
    fill(&mut expected);

    let stored = Store::open(fixture.store.path()).unwrap().tree(&key).unwrap().unwrap();
    let tree = stored.tree(&origin()).unwrap();
    assert_eq!(tree, *expected.tree());
    for (path, entry) in tree.iter() {
        match entry.node {
            invar_tree::Node::File { .. } => {
                assert_eq!(stored.read(path).unwrap(), expected.read(path).unwrap(), "{path}");
            }
            _ => assert_eq!(stored.open(path).err().unwrap().kind(), io::ErrorKind::NotFound, "{path}"),
        }
    }
    assert_eq!(stored.attachments().collect::<Vec<_>>(), ["control"]);
    assert_eq!(stored.attachment("control").unwrap(), b"Package: sample\n");
    assert!(matches!(stored.attachment("postinst"), Err(StoreError::NoAttachment { .. })));
    assert_eq!(list(&fixture.store.path().join("tmp")), [""; 0]);
}

#[test]
fn segments_are_what_invar_oci_makes() {
    let fixture = fixture();
    let stored = put_sample(&fixture.store, &crate::key("t"));
    let mut memory = MemoryTree::new(Origin::Source);
    fill(&mut memory);
    let mut plain = Vec::new();
    invar_oci::write_segment(memory.tree(), &memory, &mut plain).unwrap();
    assert_eq!(fs::read(stored.segment_path()).unwrap(), plain);
    assert_eq!((stored.segment_len(), stored.segment_digest()), (plain.len() as u64, Digest::of(&plain)));
    let mut gzip = invar_oci::GzipWriter::new(Vec::new());
    io::Write::write_all(&mut gzip, &plain).unwrap();
    let compressed = gzip.finish().unwrap();
    assert_eq!(fs::read(stored.compressed_path()).unwrap(), compressed);
    assert_eq!(stored.compressed_len(), compressed.len() as u64);
    assert_eq!(stored.compressed_digest(), Digest::of(&compressed));
}

#[test]
fn contents_are_read_in_place_and_at_once() {
    let fixture = fixture();
    let stored = put_sample(&fixture.store, &crate::key("t"));
    let (mut a, mut z) =
        (stored.open(&path("usr/bin/a")).unwrap(), stored.open(&path("usr/share/z")).unwrap());
    let mut byte = [0];
    a.read_exact(&mut byte).unwrap();
    assert_eq!(byte, *b"f");
    assert_eq!(z.seek(SeekFrom::End(-1)).unwrap(), 99_999);
    z.read_exact(&mut byte).unwrap();
    assert_eq!((byte, z.read(&mut byte).unwrap()), (*b"z", 0));
    let mut rest = String::new();
    a.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "irst");
    assert!(a.seek(SeekFrom::Current(-6)).is_err());
    assert_eq!(a.seek(SeekFrom::Start(100)).unwrap(), 100);
    assert_eq!(a.read(&mut byte).unwrap(), 0);
    // The folder may be removed while someone reads from it.
    fs::remove_dir_all(stored.segment_path().parent().unwrap()).unwrap();
    assert_eq!(stored.read(&path("usr/bin/a")).unwrap(), b"first");
}

#[test]
fn an_empty_tree_is_a_tree() {
    let fixture = fixture();
    let key = crate::key("empty");
    let stored = fixture.store.tree_writer(&key).unwrap().commit(&[]).unwrap();
    assert!(stored.tree(&origin()).unwrap().is_empty());
    assert_eq!(stored.segment_len(), 0);
    assert!(fixture.store.tree(&key).unwrap().is_some());
}

#[test]
fn an_interrupted_writer_leaves_nothing() {
    let fixture = fixture();
    let mut writer = fixture.store.tree_writer(&crate::key("t")).unwrap();
    fill(&mut writer);
    Store::open(fixture.store.path()).unwrap();
    assert_eq!(list(&fixture.store.path().join("tmp")).len(), 2, "the folder and its lock");
    drop(writer);
    assert_eq!(list(fixture.store.path()), [".gitignore", "format", "tmp/"]);
}

#[test]
fn a_bad_archive_is_refused() {
    #[track_caller]
    fn check(add: impl FnOnce(&mut TreeWriter) -> Result<(), SinkError>, expected: &str) {
        let fixture = fixture();
        let mut writer = fixture.store.tree_writer(&crate::key("t")).unwrap();
        fill(&mut writer);
        assert_eq!(add(&mut writer).unwrap_err().to_string(), expected);
        // What was refused left no trace.
        let mut memory = MemoryTree::new(Origin::Source);
        fill(&mut memory);
        let stored = writer.commit(&[]).unwrap();
        assert_eq!(stored.tree(&origin()).unwrap().digest(), memory.tree().digest());
    }
    let file = |writer: &mut TreeWriter, name: &str, content: &mut dyn Read| {
        writer.file(path(name), Mode::FILE, Owner::ROOT, content)
    };
    check(|writer| file(writer, "usr/bin/a", &mut io::empty()), "/usr/bin/a appears twice");
    check(
        |writer| file(writer, "usr/bin/b/c", &mut io::empty()),
        "/usr/bin/b/c is below /usr/bin/b, which is not a directory",
    );
    check(|writer| writer.copy(path("x"), &path("usr/bin/b")), "cannot read the content of /x");
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }
    check(|writer| file(writer, "x", &mut b"half".as_slice().chain(Broken)), "cannot read the content of /x");
}

#[test]
fn a_link_that_linux_cannot_hold_is_an_error() {
    let fixture = fixture();
    let mut writer = fixture.store.tree_writer(&crate::key("t")).unwrap();
    writer.symlink(path("x"), "".into(), Owner::ROOT).unwrap();
    assert!(matches!(writer.commit(&[]), Err(StoreError::Segment { .. })));
    assert_eq!(list(fixture.store.path()), [".gitignore", "format", "tmp/"]);
}

#[test]
fn attachments_cannot_lead_out_of_the_folder() {
    let fixture = fixture();
    let key = crate::key("t");
    for names in [["../x"].as_slice(), &[""], &["A"], &["a/b"], &["twice", "twice"], &["a\n"]] {
        let attachments: Vec<(&str, &[u8])> = names.iter().map(|name| (*name, b"".as_slice())).collect();
        let error = fixture.store.tree_writer(&key).unwrap().commit(&attachments).unwrap_err();
        assert!(matches!(error, StoreError::AttachmentName { .. }), "{names:?}: {error:?}");
    }
}

#[test]
fn many_may_write_the_same_tree() {
    let fixture = fixture();
    let key = crate::key("t");
    let barrier = Barrier::new(8);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let store = Store::open(fixture.store.path()).unwrap();
                barrier.wait();
                let stored = put_sample(&store, &key);
                assert_eq!(stored.read(&path("usr/bin/a")).unwrap(), b"first");
            });
        }
    });
    assert_eq!(list(&fixture.store.path().join("tmp")), [""; 0]);
}

#[test]
fn the_first_tree_stays() {
    let fixture = fixture();
    let key = crate::key("t");
    let second = fixture.store.tree_writer(&key).unwrap();
    put_sample(&fixture.store, &key);
    let stored = second.commit(&[]).unwrap();
    assert_eq!(stored.attachment("control").unwrap(), b"Package: sample\n");
}

/// What can happen to a tree's folder, and is noticed when it is opened.
type Damage = fn(&Path);

const DAMAGES: &[(&str, Damage)] = &[
    ("no seal", |tree| fs::remove_file(tree.join("seal")).unwrap()),
    ("an empty seal", |tree| overwrite(&tree.join("seal"), b"")),
    ("a seal that is not text", |tree| overwrite(&tree.join("seal"), b"\xff\xff")),
    ("a seal that is a folder", |tree| {
        fs::remove_file(tree.join("seal")).unwrap();
        fs::create_dir(tree.join("seal")).unwrap();
    }),
    ("no listing", |tree| fs::remove_file(tree.join("tree")).unwrap()),
    ("an empty listing", |tree| overwrite(&tree.join("tree"), b"")),
    ("a listing with other bytes", |tree| {
        let length = fs::read(tree.join("tree")).unwrap().len();
        overwrite(&tree.join("tree"), &vec![b'x'; length]);
    }),
    ("no segment", |tree| fs::remove_file(tree.join("segment.tar")).unwrap()),
    ("a short segment", |tree| overwrite(&tree.join("segment.tar"), b"short")),
    ("no compressed segment", |tree| fs::remove_file(tree.join("segment.tar.gz")).unwrap()),
    ("a short attachment", |tree| overwrite(&tree.join("attachment.control"), b"")),
    ("an empty folder", |tree| {
        fs::remove_dir_all(tree).unwrap();
        fs::create_dir(tree).unwrap();
    }),
    ("a file", |tree| {
        fs::remove_dir_all(tree).unwrap();
        fs::write(tree, "").unwrap();
    }),
];

#[test]
fn a_damaged_tree_is_absent_and_made_again() {
    for (what, damage) in DAMAGES {
        let fixture = fixture();
        let key = crate::key("t");
        put_sample(&fixture.store, &key);
        let tree = entry(&fixture.store, "trees", &key);
        damage(&tree);
        assert!(fixture.store.tree(&key).unwrap().is_none(), "{what}");
        assert!(!tree.exists(), "{what}");
        assert_eq!(list(&fixture.store.path().join("tmp")), [""; 0], "{what}");
        put_sample(&fixture.store, &key);
        // Damage that nobody saw before the tree is written again is repaired too.
        damage(&tree);
        let stored = put_sample(&fixture.store, &key);
        assert_eq!(stored.attachment("control").unwrap(), b"Package: sample\n", "{what}");
        assert!(fixture.store.tree(&key).unwrap().is_some(), "{what}");
    }
}

#[test]
fn an_attachment_is_checked_when_it_is_read() {
    let fixture = fixture();
    let key = crate::key("t");
    let stored = put_sample(&fixture.store, &key);
    let tree = entry(&fixture.store, "trees", &key);
    overwrite(&tree.join("attachment.control"), b"Package: simple\n");
    let error = stored.attachment("control").unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
    assert!(fixture.store.tree(&key).unwrap().is_none());
}

#[test]
fn only_a_damaged_tree_is_discarded() {
    let fixture = fixture();
    let key = crate::key("t");
    let stored = put_sample(&fixture.store, &key);
    assert!(!fixture.store.discard_damaged_tree(&key).unwrap());
    let mut segment = fs::read(stored.segment_path()).unwrap();
    segment[600] ^= 1;
    overwrite(&stored.segment_path(), &segment);
    assert!(fixture.store.tree(&key).unwrap().is_some(), "too dear to notice at each start");
    assert!(fixture.store.discard_damaged_tree(&key).unwrap());
    assert!(fixture.store.tree(&key).unwrap().is_none());
}

#[test]
fn several_may_repair_at_once() {
    for _ in 0..20 {
        let fixture = fixture();
        let key = crate::key("t");
        put_sample(&fixture.store, &key);
        overwrite(&entry(&fixture.store, "trees", &key).join("tree"), b"");
        let barrier = Barrier::new(4);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    barrier.wait();
                    let stored = match fixture.store.tree(&key).unwrap() {
                        Some(stored) => stored,
                        None => put_sample(&fixture.store, &key),
                    };
                    assert_eq!(stored.attachment("control").unwrap(), b"Package: sample\n");
                });
            }
        });
        assert!(fixture.store.tree(&key).unwrap().is_some());
    }
}
