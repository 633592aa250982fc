//! A segment: one tree's part of a tar stream.
//!
//! A tar archive is a sequence of members and then 1,024 NULs. A layer is cut into parts that can be made one by one,
//! kept, and concatenated:
//!
//! ```text
//! layer     = directories segment* end
//! directories = header*                          every directory of the layer's trees
//! segment   = (header [content padding])*        every file and symbolic link of one tree
//! end       = 1024 NULs
//! ```
//!
//! Members are in the tree's order, the byte order of the paths. The directories of all trees come first, so a
//! directory which several packages share appears once, with the mode that the merge decided. A content is as long as
//! its header says and is followed by NULs up to a multiple of 512 bytes.
//!
//! A header is described in this crate's `ustar` module: POSIX ustar, with a pax extended header before it where
//! ustar has no room. In short:
//!
//! * names are relative, without `./`, and a directory's ends with a slash;
//! * type `0`, `2` or `5`; permission bits and numeric owner are the entry's; the names of user and group are empty;
//! * the time is [`FILE_TIME`](crate::FILE_TIME) for every member, and there is no atime or ctime;
//! * a path of more than 100 bytes is split into prefix and name at the first slash that leaves 100 bytes or less;
//! * a pax record is in where a field is too small (`gid`, `linkpath`, `path`, `size`, `uid`, in this order), and
//!   for a path or target that is not ASCII.
//!
//! Format break: a change here changes every layer.
use std::io::{self, BufWriter, Read, Write};
use std::ops::Range;

use invar_tree::{Contents, Digest, Entry, Hasher, ImagePath, Node, Tree};

use crate::ustar::{BLOCK, Member, padding};

/// What ends a tar archive: two blocks of NULs.
///
/// Format break: it ends every layer. GNU tar pads to 10,240 bytes, but no reader asks for it.
pub const END_OF_ARCHIVE: [u8; 1024] = [0; 1024];

/// Where everything is in the segment of a tree, known without its contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentLayout {
    /// The files' contents, sorted by path.
    contents: Vec<(ImagePath, Range<u64>)>,
    length: u64,
}

impl SegmentLayout {
    /// The layout of what [`write_segment`] writes for `tree`.
    ///
    /// Sizes that no disk can hold (their sum exceeds `u64`) are cut to `u64::MAX`; such a tree cannot be written.
    pub fn of(tree: &Tree) -> Self {
        let mut contents = Vec::new();
        let mut length: u64 = 0;
        for (path, entry) in non_directories(tree) {
            length = length.saturating_add(Member::of(path, entry).header().len() as u64);
            if let Node::File { size, .. } = entry.node {
                let end = length.saturating_add(size);
                contents.push((path.clone(), length..end));
                length = end.saturating_add(padding(size) as u64);
            }
        }
        Self { contents, length }
    }

    /// The segment's length in bytes, uncompressed: a multiple of 512.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Which bytes of the uncompressed segment are the content of the file at `path`; `None` for what is not a file
    /// of the tree. An empty file has an empty range.
    pub fn content_range(&self, path: &ImagePath) -> Option<Range<u64>> {
        let index = self.contents.binary_search_by(|(found, _)| found.cmp(path)).ok()?;
        Some(self.contents[index].1.clone())
    }
}

/// Why a segment could not be written.
#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    /// A file's content cannot be opened or read.
    #[error("cannot read the content of {path}")]
    Read {
        /// The file.
        path: ImagePath,
        /// What the reader said.
        #[source]
        source: io::Error,
    },
    /// A file's content ends early.
    #[error("{path} should have {expected} bytes, but its content ends after {found}")]
    Short {
        /// The file.
        path: ImagePath,
        /// The size that the tree says, in bytes.
        expected: u64,
        /// The number of bytes found.
        found: u64,
    },
    /// A file's content goes on after its end; it was not read further.
    #[error("{path} should have {expected} bytes, but its content is longer")]
    Long {
        /// The file.
        path: ImagePath,
        /// The size that the tree says, in bytes.
        expected: u64,
    },
    /// A file's content is not the one that the tree names.
    #[error("{path} should have the digest {expected}, but its content has {found}")]
    Digest {
        /// The file.
        path: ImagePath,
        /// The digest that the tree says.
        expected: Digest,
        /// The digest of the content.
        found: Digest,
    },
    /// A symbolic link's target is empty, longer than 4,095 bytes, or holds a NUL.
    #[error("{path} is a symbolic link to {target:?}, which is not valid on Linux")]
    Target {
        /// The link.
        path: ImagePath,
        /// Its target.
        target: String,
    },
    /// The entry's name begins with `.wh.`: in a layer it would delete a file instead of being one (OCI image
    /// specification 1.1, "Image Layer Filesystem Changeset", "Whiteouts").
    #[error("{path} cannot be in an image: in a layer, a name that starts with \".wh.\" deletes a file")]
    Whiteout {
        /// The file, link or directory.
        path: ImagePath,
    },
    /// The output does not take more.
    #[error("the tar stream cannot be written")]
    Write {
        /// What the output said.
        #[source]
        source: io::Error,
    },
}

/// Writes the segment of `tree`: all but its directories. See the module's documentation for the bytes.
///
/// Every content is checked against the tree while it is written.
///
/// # Errors
/// [`SegmentError`]; what was written until then is of no use.
pub fn write_segment(tree: &Tree, contents: &dyn Contents, out: &mut dyn Write) -> Result<(), SegmentError> {
    let write = |source| SegmentError::Write { source };
    let mut out = BufWriter::with_capacity(BUFFER, out);
    let mut buffer = vec![0; BUFFER];
    for (path, entry) in non_directories(tree) {
        check_name(path)?;
        if let Node::Symlink { target } = &entry.node
            && (target.is_empty() || target.len() > 4095 || target.contains('\0'))
        {
            return Err(SegmentError::Target { path: path.clone(), target: target.to_string() });
        }
        out.write_all(&Member::of(path, entry).header()).map_err(write)?;
        if let Node::File { size, digest } = entry.node {
            write_content(path, size, digest, contents, &mut buffer, &mut out)?;
        }
    }
    out.flush().map_err(write)
}

/// Few large writes: the output may be a file, and most members are small.
const BUFFER: usize = 128 << 10;

fn write_content(
    path: &ImagePath,
    size: u64,
    digest: Digest,
    contents: &dyn Contents,
    buffer: &mut [u8],
    out: &mut dyn Write,
) -> Result<(), SegmentError> {
    let read = |source| SegmentError::Read { path: path.clone(), source };
    let write = |source| SegmentError::Write { source };
    let mut content = contents.open(path).map_err(read)?;
    let mut hasher = Hasher::new();
    loop {
        let count = match content.read(buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(source) if source.kind() == io::ErrorKind::Interrupted => continue,
            Err(source) => return Err(read(source)),
        };
        // Checked before anything is written, so an endless content cannot fill the disk.
        if hasher.length() + count as u64 > size {
            return Err(SegmentError::Long { path: path.clone(), expected: size });
        }
        hasher.update(&buffer[..count]);
        out.write_all(&buffer[..count]).map_err(write)?;
    }
    if hasher.length() < size {
        return Err(SegmentError::Short { path: path.clone(), expected: size, found: hasher.length() });
    }
    let found = hasher.finish();
    if found != digest {
        return Err(SegmentError::Digest { path: path.clone(), expected: digest, found });
    }
    out.write_all(&[0; BLOCK as usize][..padding(size)]).map_err(write)
}

/// Writes the directories of `tree`, sorted. See the module's documentation for the bytes.
///
/// # Errors
/// What `out` says, and [`io::ErrorKind::InvalidData`] with a [`SegmentError::Whiteout`] in it.
pub fn write_directories(tree: &Tree, out: &mut dyn Write) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(BUFFER, out);
    for (path, entry) in directories(tree) {
        check_name(path).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        out.write_all(&Member::of(path, entry).header())?;
    }
    out.flush()
}

fn check_name(path: &ImagePath) -> Result<(), SegmentError> {
    if path.name().starts_with(".wh.") {
        return Err(SegmentError::Whiteout { path: path.clone() });
    }
    Ok(())
}

fn directories(tree: &Tree) -> impl Iterator<Item = (&ImagePath, &Entry)> {
    tree.iter().filter(|(_, entry)| entry.is_directory())
}

fn non_directories(tree: &Tree) -> impl Iterator<Item = (&ImagePath, &Entry)> {
    tree.iter().filter(|(_, entry)| !entry.is_directory())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use invar_tree::{ContentReader, Mode, Origin, Owner};

    use super::*;

    /// Contents that need not agree with the tree.
    struct Lies(BTreeMap<&'static str, &'static [u8]>);

    impl Contents for Lies {
        fn open(&self, path: &ImagePath) -> io::Result<ContentReader<'_>> {
            match self.0.get(path.as_str()) {
                Some(bytes) => Ok(Box::new(io::Cursor::new(*bytes))),
                None => Err(io::ErrorKind::NotFound.into()),
            }
        }
    }

    fn tree(node: Node) -> Tree {
        let mut tree = Tree::new();
        let entry = Entry { node, mode: Mode::FILE, owner: Owner::ROOT, origin: Arc::new(Origin::Source) };
        tree.insert(ImagePath::parse("etc/motd").unwrap(), entry).unwrap();
        tree
    }

    fn hello() -> Tree {
        tree(Node::File { size: 5, digest: Digest::of(b"hello") })
    }

    #[track_caller]
    fn check(tree: &Tree, content: Option<&'static [u8]>, expected: &str) {
        let contents = Lies(content.map(|content| ("etc/motd", content)).into_iter().collect());
        let error = write_segment(tree, &contents, &mut io::sink()).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn a_content_must_be_what_the_tree_says() {
        check(&hello(), None, "cannot read the content of /etc/motd");
        check(&hello(), Some(b"hell"), "/etc/motd should have 5 bytes, but its content ends after 4");
        check(&hello(), Some(b"hello!"), "/etc/motd should have 5 bytes, but its content is longer");
        check(
            &hello(),
            Some(b"HELLO"),
            "/etc/motd should have the digest \
             sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824, but its content has \
             sha256:3733cd977ff8eb18b987357e22ced99f46097f31ecb239e878ae63760e83e4d5",
        );
    }

    #[test]
    fn a_link_must_be_one_that_linux_can_hold() {
        let link = |target: &str| tree(Node::Symlink { target: target.into() });
        check(&link(""), None, "/etc/motd is a symbolic link to \"\", which is not valid on Linux");
        check(&link("a\0b"), None, "/etc/motd is a symbolic link to \"a\\0b\", which is not valid on Linux");
        let long = "a".repeat(4096);
        check(
            &link(&long),
            None,
            &format!("/etc/motd is a symbolic link to {long:?}, which is not valid on Linux"),
        );
        let longest = link(&long[..4095]);
        write_segment(&longest, &Lies(BTreeMap::new()), &mut io::sink()).unwrap();
    }

    #[test]
    fn a_name_must_not_delete_a_file() {
        let mut tree = Tree::new();
        let (mode, owner) = (Mode::FILE, Owner::ROOT);
        let node = Node::Symlink { target: "x".into() };
        let entry = Entry { node, mode, owner, origin: Arc::new(Origin::Source) };
        tree.insert(ImagePath::parse("etc/.wh.d/.wh.motd").unwrap(), entry).unwrap();
        let rest = "cannot be in an image: in a layer, a name that starts with \".wh.\" deletes a file";
        check(&tree, None, &format!("/etc/.wh.d/.wh.motd {rest}"));
        let error = write_directories(&tree, &mut io::sink()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert_eq!(error.to_string(), format!("/etc/.wh.d {rest}"));
    }

    #[test]
    fn an_output_that_is_full_is_named_as_such() {
        let mut full: &mut [u8] = &mut [0; 100];
        let contents = Lies([("etc/motd", b"hello".as_slice())].into());
        let error = write_segment(&hello(), &contents, &mut full).unwrap_err();
        assert!(matches!(error, SegmentError::Write { .. }), "{error:?}");
    }

    #[test]
    fn sizes_beyond_all_measure_do_not_overflow() {
        let huge = tree(Node::File { size: u64::MAX, digest: Digest::of(b"") });
        assert_eq!(SegmentLayout::of(&huge).length(), u64::MAX);
        check(
            &huge,
            Some(b"hello"),
            &format!("/etc/motd should have {} bytes, but its content ends after 5", u64::MAX),
        );
    }
}
