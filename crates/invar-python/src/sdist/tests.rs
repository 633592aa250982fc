use std::io::{Cursor, Write as _};

use invar_formats::tar::TarError;
use invar_tree::{Contents as _, MemoryTree, Origin};
use proptest::prelude::*;
use tar::{EntryType, Header};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;

/// A tar in the making.
struct Tape(Vec<u8>);

impl Tape {
    fn new() -> Self {
        Self(Vec::new())
    }

    fn raw(mut self, flag: u8, path: &str, link: &str, mode: u32, content: &[u8]) -> Self {
        let mut header = Header::new_ustar();
        let bytes = header.as_mut_bytes();
        bytes[..path.len()].copy_from_slice(path.as_bytes());
        bytes[157..157 + link.len()].copy_from_slice(link.as_bytes());
        header.set_mode(mode);
        header.set_uid(1000);
        header.set_gid(1000);
        header.set_mtime(1_700_000_000);
        header.set_size(content.len() as u64);
        header.set_entry_type(EntryType::new(flag));
        header.set_cksum();
        self.0.extend_from_slice(header.as_bytes());
        self.0.extend_from_slice(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    fn file(self, path: &str, content: &str) -> Self {
        self.raw(b'0', path, "", 0o664, content.as_bytes())
    }

    fn directory(self, path: &str) -> Self {
        self.raw(b'5', path, "", 0o775, b"")
    }

    fn symlink(self, path: &str, target: &str) -> Self {
        self.raw(b'2', path, target, 0o777, b"")
    }

    fn pax(self, flag: u8, records: &[(&str, &str)]) -> Self {
        let mut content = String::new();
        for (key, value) in records {
            let rest = format!(" {key}={value}\n");
            let mut length = rest.len();
            while length != rest.len() + length.to_string().len() {
                length = rest.len() + length.to_string().len();
            }
            content.push_str(&format!("{length}{rest}"));
        }
        self.raw(flag, "pax", "", 0o644, content.as_bytes())
    }

    fn plain(mut self) -> Vec<u8> {
        self.0.extend_from_slice(&[0; 1024]);
        self.0
    }

    fn gzip(self) -> Vec<u8> {
        gzip(&self.plain())
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn unpacked(bytes: &[u8], filename: &str) -> Result<MemoryTree, SdistError> {
    let mut tree = MemoryTree::new(Origin::Source);
    let at = ImagePath::parse("build/source").unwrap();
    unpack_sdist(Cursor::new(bytes), filename, &mut tree, &at)?;
    Ok(tree)
}

/// The error with its causes.
#[track_caller]
fn fault(bytes: &[u8], filename: &str) -> String {
    let error = unpacked(bytes, filename).unwrap_err();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

#[track_caller]
fn refused(tape: Tape, expected: &str) {
    let text = fault(&tape.gzip(), "a.tar.gz");
    assert!(text.starts_with("a.tar.gz: ") && text.contains(expected), "{text}");
}

const PYPROJECT: &str = "[project]\nname = \"a\"\n";

fn typical() -> Tape {
    Tape::new()
        .directory("a-1.0")
        .pax(b'x', &[("mtime", "1700000000.25")])
        .file("a-1.0/PKG-INFO", "Metadata-Version: 2.1\nName: A\nVersion: 1.0\n")
        .file("a-1.0/pyproject.toml", PYPROJECT)
        .raw(b'0', "a-1.0/configure", "", 0o700, b"#!/bin/sh\n")
        .file("./a-1.0/src/a/__init__.py", "")
        .symlink("a-1.0/src/link", "../configure")
        .raw(b'1', "a-1.0/src/copy", "a-1.0/configure", 0o644, b"")
}

#[test]
fn a_source_distribution_is_unpacked_without_its_top_folder() {
    let tree = unpacked(&typical().gzip(), "a-1.0.tar.gz").unwrap();
    let listing = tree.tree().to_listing();
    let lines: Vec<String> = listing
        .lines()
        .map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            let middle = if fields[0] == "l" { fields[4] } else { "" };
            format!("{} {} {} {}", fields[0], fields[1], fields.last().unwrap(), middle).trim_end().to_owned()
        })
        .collect();
    assert_eq!(
        lines,
        [
            "d 0755 build",
            "d 0755 build/source",
            "f 0644 build/source/PKG-INFO",
            "f 0755 build/source/configure",
            "f 0644 build/source/pyproject.toml",
            "d 0755 build/source/src",
            "d 0755 build/source/src/a",
            "f 0644 build/source/src/a/__init__.py",
            "f 0755 build/source/src/copy",
            "l 0777 build/source/src/link ../configure",
        ]
    );
    assert_eq!(tree.read(&ImagePath::parse("build/source/src/copy").unwrap()).unwrap(), b"#!/bin/sh\n");
    let pyproject = ImagePath::parse("build/source/pyproject.toml").unwrap();
    assert_eq!(tree.read(&pyproject).unwrap(), PYPROJECT.as_bytes());
    // Format break: what is built from a source archive would be another tree.
    assert_eq!(
        (SDIST_VERSION, tree.tree().digest().to_string().as_str()),
        (1, "sha256:8ee95ca5d239f03c848935704455e33e55025ab0bd26f4fc6bfb30748eee5acb"),
        "if intended, raise SDIST_VERSION and the format version, and pin the new digest"
    );
}

#[test]
fn every_compression_gives_the_same_tree() {
    let plain = typical().plain();
    let expected = unpacked(&plain, "a.tar").unwrap().tree().digest();
    let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 1);
    xz.write_all(&plain).unwrap();
    let mut two = gzip(&plain[..700]);
    two.extend(gzip(&plain[700..]));
    for (bytes, filename) in [
        (gzip(&plain), "A.TAR.GZ"),
        (gzip(&plain), "a.tgz"),
        (two, "a.tar.gz"),
        (xz.finish().unwrap(), "a.tar.xz"),
        (zstd::encode_all(&plain[..], 1).unwrap(), "a.tar.zst"),
    ] {
        assert_eq!(unpacked(&bytes, filename).unwrap().tree().digest(), expected, "{filename}");
    }
}

#[test]
fn the_archive_of_a_code_host_is_one_too() {
    let tape = Tape::new()
        .pax(b'g', &[("comment", "161ec92c2f41c9321c9f5098597778a8386ea570")])
        .directory("demo-161ec92/")
        .file("demo-161ec92/pyproject.toml", PYPROJECT)
        .pax(b'x', &[("path", &format!("demo-161ec92/{}", "long/".repeat(40))), ("linkpath", "target")])
        .symlink("demo-161ec92/short", "short");
    let tree = unpacked(&tape.gzip(), "v1.tar.gz").unwrap();
    assert!(tree.tree().to_listing().contains("\ttarget\tbuild/source/long/long/"));
    let long = "n".repeat(150);
    let tape = Tape::new()
        .raw(b'L', "././@LongLink", "", 0o644, format!("top/{long}\0").as_bytes())
        .raw(b'K', "././@LongLink", "", 0o644, format!("{long}2\0").as_bytes())
        .symlink("top/cut", "cut");
    let tree = unpacked(&tape.gzip(), "v1.tar.gz").unwrap();
    assert!(tree.tree().to_listing().contains(&format!("\t{long}2\tbuild/source/{long}\n")));
}

#[test]
fn hostile_entries_are_refused() {
    let top = || Tape::new().file("a/x", "1");
    refused(top().file("a/../../etc/passwd", ""), "climbs out");
    refused(Tape::new().file("/etc/passwd", ""), "is absolute");
    refused(top().file("a/x", "2"), "appears twice");
    refused(top().file("a/x/y", "2"), "is below");
    refused(top().symlink("a/l", "/etc"), "symbolic link to \"/etc\"");
    refused(top().symlink("a/l", ".."), "symbolic link to \"..\"");
    refused(top().symlink("a/d/l", "x/../../.."), "symbolic link");
    refused(top().symlink("a/l", ""), "symbolic link");
    refused(top().symlink("a/l", "x").file("a/l/y", ""), "is below");
    refused(top().raw(b'1', "a/l", "a/none", 0o644, b""), "hard link to \"a/none\"");
    refused(top().raw(b'1', "a/l", "b/x", 0o644, b""), "is outside \"a\"");
    for (flag, kind) in [
        (b'3', "a device"),
        (b'4', "a device"),
        (b'6', "a named pipe"),
        (b'S', "a sparse file"),
        (b'V', "unknown type"),
    ] {
        refused(top().raw(flag, "a/dev", "", 0o644, b""), kind);
    }
    refused(top().pax(b'x', &[("GNU.sparse.major", "1")]).file("a/y", ""), "a sparse file");
    refused(top().pax(b'x', &[("size", "7")]).file("a/y", ""), "extended header");
    refused(top().pax(b'x', &[("size", "x")]).file("a/y", ""), "extended header");
    refused(top().pax(b'x', &[("path", "a/../../b")]).file("a/y", ""), "climbs out");
    refused(top().pax(b'g', &[("path", "a/b")]).file("a/y", ""), "extended header");
    refused(top().pax(b'x', &[("path", "a/b")]), "not followed by an entry");
    refused(top().raw(b'x', "pax", "", 0, b"99 path=a\n").file("a/y", ""), "extended header");
    refused(
        top().raw(b'L', "long", "", 0, b"a/b").raw(b'L', "long", "", 0, b"a/c").file("a/y", ""),
        "extended header",
    );
    refused(top().raw(b'L', "long", "", 0, &vec![b'a'; (1 << 20) + 1]).file("a/y", ""), "too long");
    refused(top().raw(b'0', "a/pyproject.toml", "", 0o644, b"\xff"), "\"pyproject.toml\" is not UTF-8");
    refused(
        top().raw(b'0', "a/pyproject.toml", "", 0o644, &vec![b'#'; (16 << 20) + 1]),
        "the limit is 16777216",
    );
}

#[test]
fn there_is_one_top_folder() {
    refused(Tape::new(), "it is empty");
    refused(Tape::new().directory("./"), "it is empty");
    refused(Tape::new().file("setup.py", ""), "\"setup.py\" is outside \"a folder\"");
    refused(Tape::new().file("a/x", "").file("b/x", ""), "\"b/x\" is outside \"a\"");
    refused(Tape::new().file("a/x", "").file("PKG-INFO", ""), "\"PKG-INFO\" is outside \"a\"");
}

#[test]
fn damage_is_found() {
    let plain = typical().plain();
    let gz = gzip(&plain);
    for length in [0, 1, 20, gz.len() / 2, gz.len() - 1] {
        assert!(fault(&gz[..length], "a.tar.gz").starts_with("a.tar.gz: "), "{length}");
    }
    // The last file's content is missing, and so is the end of the archive.
    let cut = Tape::new().file("a/x", &"x".repeat(2000)).0;
    assert!(fault(&cut[..1024], "a.tar").contains("cannot read"));
    let mut more = plain.clone();
    more.extend_from_slice(b"more");
    assert!(fault(&gzip(&more), "a.tar.gz").contains("more data after its end"));
    for (filename, expected) in [
        ("a.tar.bz2", "compression bzip2"),
        ("a.tar.lzma", "compression LZMA"),
        ("a.rar", "unknown archive type"),
        ("zip", "unknown archive type"),
        ("a.zip", "not a valid zip archive"),
        ("a.tar.xz", "damaged"),
        ("a.tar.zst", "damaged"),
    ] {
        assert!(fault(&gz, filename).contains(expected), "{filename}");
    }
}

#[test]
fn bombs_are_refused() {
    let limited = Limited::new(&[0_u8; 100][..], 99);
    let mut tree = MemoryTree::new(Origin::Source);
    let at = ImagePath::parse("a").unwrap();
    let error = tape::unpack(limited, &mut Top::new(&mut tree, &at)).unwrap_err();
    assert!(matches!(error, SdistFault::Archive(TarError::TooLarge { limit: 99 })), "{error:?}");
    // Within the content of a file, too, it is reported as what it is.
    let bytes = Tape::new().file("a/x", &"x".repeat(5000)).plain();
    let limited = Limited::new(&bytes[..], 2000);
    let error = tape::unpack(limited, &mut Top::new(&mut tree, &at)).unwrap_err();
    assert!(matches!(error, SdistFault::Archive(TarError::TooLarge { limit: 2000 })), "{error:?}");
    let mut top = Top::new(&mut tree, &at);
    assert!(matches!(top.count(MOST_PATHS + 1), Err(SdistFault::Archive(TarError::NamesTooLong { .. }))));
    let mut top = Top::new(&mut tree, &at);
    let error = (0..=MOST_ENTRIES).find_map(|_| top.count(1).err());
    assert!(matches!(error, Some(SdistFault::Archive(TarError::TooManyEntries { .. }))));
}

fn zipped(files: &[(&str, &str, u32)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content, mode) in files {
        let options = SimpleFileOptions::default().unix_permissions(*mode);
        if name.ends_with('/') {
            zip.add_directory(*name, options).unwrap();
        } else {
            zip.start_file(*name, options).unwrap();
            zip.write_all(content.as_bytes()).unwrap();
        }
    }
    zip.finish().unwrap().into_inner()
}

#[test]
fn a_zip_is_read_like_a_tar() {
    let zip =
        zipped(&[("a-1/", "", 0o755), ("a-1/pyproject.toml", PYPROJECT, 0o600), ("a-1/run", "x", 0o711)]);
    let tape = Tape::new()
        .directory("a-1")
        .raw(b'0', "a-1/run", "", 0o755, b"x")
        .file("a-1/pyproject.toml", PYPROJECT);
    let one = unpacked(&zip, "a-1.zip").unwrap();
    let other = unpacked(&tape.gzip(), "a-1.tar.gz").unwrap();
    assert_eq!(one.tree().digest(), other.tree().digest());
    for (name, expected) in [("a/../../b", "climbs out"), ("/b", "absolute"), ("b/x", "is outside \"a\"")] {
        let text = fault(&zipped(&[("a/x", "", 0o644), (name, "", 0o644)]), "a.zip");
        assert!(text.contains(expected), "{text}");
    }
    let mut link = ZipWriter::new(Cursor::new(Vec::new()));
    link.add_symlink("a/l", "/etc", SimpleFileOptions::default()).unwrap();
    let text = fault(&link.finish().unwrap().into_inner(), "a.zip");
    assert!(text.contains("a/l"), "{text}");
}

proptest! {
    #[test]
    fn any_bytes_are_unpacked_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..2048), place in 0_usize..4000) {
        let _ = unpacked(&bytes, "a.tar");
        let mut tape = typical().plain();
        for (offset, byte) in bytes.iter().take(16).enumerate() {
            let length = tape.len();
            tape[(place + offset) % length] = *byte;
        }
        let _ = unpacked(&tape, "a.tar");
    }
}
