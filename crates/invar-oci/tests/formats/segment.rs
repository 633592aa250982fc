//! Segments: the bytes are pinned, and independent readers find in them what the tree holds.
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;

use invar_oci::{END_OF_ARCHIVE, FILE_TIME, SegmentLayout};
use invar_tree::{Digest, Entry, ImagePath, MemoryTree, Mode, Node, Origin, Owner, Sink, Tree};
use proptest::prelude::*;

use crate::sample::{IF_INTENDED, directories, package, path, segment};

#[track_caller]
fn check(bytes: &[u8], length: usize, expected: &str) {
    assert_eq!((bytes.len(), Digest::of(bytes).to_string().as_str()), (length, expected), "{IF_INTENDED}");
}

fn rootfs(tree: &MemoryTree) -> Vec<u8> {
    [directories(tree.tree()), segment(tree), END_OF_ARCHIVE.to_vec()].concat()
}

#[test]
fn the_bytes_are_pinned() {
    let tree = package();
    check(&segment(&tree), 16896, "sha256:6deeddf0cd6c9892524ef92f2a64bbe5f4a1214b7e14cf0d2e549f6d0ed5f07d");
    check(
        &directories(tree.tree()),
        8192,
        "sha256:b547eacd505f34b75777f1f0ddb47217c6a8f7fc714a696055216c81ecdda596",
    );
    check(&rootfs(&tree), 26112, "sha256:9227fa396135215c9cdbe0916d46368e5b2d3036c12c06a97bd3fae0f44b1df8");
}

#[test]
fn a_header_is_what_the_specification_says() {
    let mut tree = MemoryTree::new(Origin::Source);
    tree.file(path("etc/motd"), Mode::new(0o4640), Owner { uid: 1000, gid: 42 }, &mut &b"hello"[..]).unwrap();
    let mut expected = Vec::new();
    let mut put = |length: usize, bytes: &[u8]| {
        expected.extend_from_slice(bytes);
        expected.resize(expected.len() + length - bytes.len(), 0);
    };
    put(100, b"etc/motd");
    put(8, b"0004640");
    put(8, b"0001750");
    put(8, b"0000052");
    put(12, b"00000000005");
    put(12, b"02263773600");
    put(8, b"010731\0 ");
    put(1, b"0");
    put(100, b"");
    put(8, b"ustar\x0000");
    put(64, b"");
    put(16, b"0000000\x000000000");
    put(167, b"");
    put(512, b"hello");
    assert_eq!(segment(&tree).escape_ascii().to_string(), expected.escape_ascii().to_string());
}

/// What the `tar` crate finds, as a tree.
fn read_back(mut archive: &[u8]) -> Tree {
    let mut tree = Tree::new();
    let mut archive = tar::Archive::new(&mut archive);
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let header = entry.header().clone();
        assert_eq!(header.mtime().unwrap(), FILE_TIME);
        assert_eq!(header.username_bytes(), Some(b"".as_slice()));
        assert_eq!(header.groupname_bytes(), Some(b"".as_slice()));
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        let node = match header.entry_type() {
            tar::EntryType::Directory => Node::Directory,
            tar::EntryType::Regular => {
                Node::File { size: content.len() as u64, digest: Digest::of(&content) }
            }
            tar::EntryType::Symlink => {
                let target = entry.link_name_bytes().unwrap().into_owned();
                Node::Symlink { target: String::from_utf8(target).unwrap().into() }
            }
            other => panic!("{other:?}"),
        };
        let name = entry.path_bytes().into_owned();
        assert_eq!(name.ends_with(b"/"), node == Node::Directory);
        let owner = Owner {
            uid: header.uid().unwrap().try_into().unwrap(),
            gid: header.gid().unwrap().try_into().unwrap(),
        };
        // The reader gives IDs from the extended header through the header that it returns.
        let mode = Mode::new(header.mode().unwrap());
        let entry = Entry { node, mode, owner, origin: origin() };
        tree.insert(ImagePath::parse_bytes(&name).unwrap(), entry).unwrap();
    }
    tree
}

fn origin() -> Arc<Origin> {
    Arc::new(Origin::Source)
}

#[test]
fn the_tar_crate_reads_the_same_tree() {
    let tree = package();
    assert_eq!(read_back(&rootfs(&tree)).to_listing(), tree.tree().to_listing());
}

#[test]
fn gnu_tar_reads_the_same_names() {
    let tree = package();
    let child = Command::new("tar")
        .args(["--list", "--verbose", "--numeric-owner", "--quoting-style=literal", "--file=-"])
        .env("LC_ALL", "C")
        .env("TZ", "UTC")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        eprintln!("SKIPPED: there is no tar on this machine");
        return;
    };
    let archive = rootfs(&tree);
    let mut stdin = child.stdin.take().unwrap();
    let feed = std::thread::spawn(move || stdin.write_all(&archive));
    let output = child.wait_with_output().unwrap();
    feed.join().unwrap().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert!(output.status.success());
    let found: BTreeMap<String, String> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| {
            // Mode, owner, size, date, time, and the rest is the name.
            let mut fields = line.split_ascii_whitespace();
            let facts = [(); 5].map(|()| fields.next().unwrap()).join(" ");
            (fields.collect::<Vec<_>>().join(" "), facts)
        })
        .collect();
    let expected = tree
        .tree()
        .iter()
        .map(|(path, entry)| {
            let (kind, size, name) = match &entry.node {
                Node::Directory => ('d', 0, format!("{}/", path.as_str())),
                Node::File { size, .. } => ('-', *size, path.as_str().to_owned()),
                Node::Symlink { target } => ('l', 0, format!("{} -> {target}", path.as_str())),
            };
            let Owner { uid, gid } = entry.owner;
            (name, format!("{kind}{} {uid}/{gid} {size} 1980-01-02 00:00", letters(entry.mode)))
        })
        .collect();
    assert_eq!(found, expected);
}

/// A mode as `ls` shows it, for the modes of the sample.
fn letters(mode: Mode) -> &'static str {
    match mode.bits() {
        0o640 => "rw-r-----",
        0o644 => "rw-r--r--",
        0o755 => "rwxr-xr-x",
        0o777 => "rwxrwxrwx",
        0o1777 => "rwxrwxrwt",
        0o4755 => "rwsr-xr-x",
        other => panic!("{other:o}"),
    }
}

#[test]
fn the_layout_knows_where_the_contents_are() {
    let tree = package();
    let bytes = segment(&tree);
    let layout = SegmentLayout::of(tree.tree());
    assert_eq!(layout.length(), bytes.len() as u64);
    for (path, entry) in tree.tree().iter() {
        let range = layout.content_range(path);
        let Node::File { size, digest } = entry.node else {
            assert_eq!(range, None, "{path}");
            continue;
        };
        let range = range.unwrap();
        assert_eq!(range.end - range.start, size, "{path}");
        assert_eq!(Digest::of(&bytes[range.start as usize..range.end as usize]), digest, "{path}");
    }
    assert_eq!(layout.content_range(&path("etc/none")), None);
    assert_eq!(SegmentLayout::of(&Tree::new()).length(), 0);
}

/// Paths around the lengths at which the header changes its form, with other letters than ASCII's.
fn any_path() -> impl Strategy<Value = String> {
    let name =
        prop_oneof![4 => "[a-c]{1,3}", 1 => "[a-z]{90,110}", 1 => "[a-z]{140,160}", 1 => "[aä €]{1,60}"];
    proptest::collection::vec(name, 1..5).prop_map(|names| names.join("/"))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_tree_is_read_back(
        entries in proptest::collection::vec(
            (any_path(), 0u8..3, 0u32..0o10000, any::<(u32, u32)>(), 0usize..1100, any_path()),
            0..12,
        ),
    ) {
        let mut tree = MemoryTree::new(Origin::Source);
        for (name, kind, mode, (uid, gid), size, target) in entries {
            let (path, mode, owner) = (path(&name), Mode::new(mode), Owner { uid, gid });
            // Paths that do not fit the others are refused, which is no concern of this test.
            let _ = match kind {
                0 => tree.directory(path, mode, owner),
                1 => tree.file(path, mode, owner, &mut vec![b'x'; size].as_slice()),
                _ => tree.symlink(path, target.into(), owner),
            };
        }
        let bytes = segment(&tree);
        prop_assert_eq!(SegmentLayout::of(tree.tree()).length(), bytes.len() as u64);
        let archive = [directories(tree.tree()), bytes, END_OF_ARCHIVE.to_vec()].concat();
        prop_assert_eq!(read_back(&archive).to_listing(), tree.tree().to_listing());
    }
}
