//! The two `tar` archives in a package, as far as deb(5) allows them.
//!
//! Those are the old (v7), the ustar and the GNU format ([`Policy::Gnu`]); of GNU's extensions only long names (`L`),
//! long link names (`K`) and large numbers. All other type flags are an error, as they are for dpkg: device nodes and
//! pipes (which an image's tree cannot hold), sparse files, and POSIX's extended headers, whose overrides let one
//! archive mean different things to different readers.
//!
//! Names of owners and all dates are not looked at.
use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

use invar_formats::tar::{Header, Limits, MemberKind, Policy, TarError, TarFault, TarReader};
use invar_tree::{ImagePath, Mode, Owner, PathError};

/// The longest long name: Linux' bound for a path, and a NUL.
const MAXIMUM_NAME: u64 = 4096;

/// The sum of the lengths of all paths that is kept in memory, in bytes.
const MAXIMUM_PATHS: usize = 256 << 20;

/// Why an archive inside a package cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// It is not a tar archive, is damaged, or goes beyond a limit.
    #[error(transparent)]
    Tar(#[from] TarError),
    /// The content of a file ends early, or could not be read.
    #[error("the content of {path} is damaged or cannot be read")]
    Content {
        /// The file's path.
        path: ImagePath,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// An entry is not one that a package may have.
    #[error("the entry {path:?}")]
    Entry {
        /// The entry's path, as the archive spells it.
        path: String,
        /// What is wrong with it.
        #[source]
        fault: EntryFault,
    },
}

/// Why an entry is not one that a package may have.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EntryFault {
    /// The path leads out of the package or cannot be held.
    #[error("it has an invalid path")]
    Path(#[source] PathError),
    /// The entry is neither a file, a directory, nor a link.
    #[error("a package may not contain {0}")]
    Kind(EntryKind),
    /// The root of the archive is not a directory.
    #[error("the root is not a directory")]
    Root,
    /// The numeric owner does not fit into 32 bits.
    #[error("its numeric owner {0} does not fit into 32 bits")]
    Owner(u64),
    /// A link or a directory comes with content.
    #[error("it has {0} bytes of content, but it is not a file")]
    Content(u64),
    /// The target of a symbolic link is empty, longer than 4,095 bytes, or not UTF-8.
    #[error("its target is not valid for a link: {target:?}")]
    Target {
        /// The target, with what is not UTF-8 replaced.
        target: String,
    },
    /// The target of a symbolic link is relative and has more `..` than there are directories above the link.
    #[error("it is a symbolic link to {target:?}, which climbs out of the package with \"..\"")]
    Climbs {
        /// The target.
        target: String,
    },
    /// A hard link names a file that does not come before it in the same package, or was left out as documentation.
    #[error("it is a hard link to {original}, which is not an earlier file")]
    HardLink {
        /// The path that the link names.
        original: ImagePath,
    },
    /// The path of a hard link's file leads out of the package or cannot be held.
    #[error("it is a hard link to an invalid path")]
    HardLinkPath(#[source] PathError),
}

/// A kind of entry that a package may not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A character or block device.
    Device,
    /// A named pipe.
    Pipe,
    /// A file with holes.
    Sparse,
    /// POSIX's extended headers.
    ExtendedHeader,
    /// Another type flag.
    Flag(u8),
}

impl fmt::Display for EntryKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device => f.write_str("a device"),
            Self::Pipe => f.write_str("a named pipe"),
            Self::Sparse => f.write_str("a sparse file"),
            Self::ExtendedHeader => f.write_str("an extended header"),
            Self::Flag(flag) => write!(f, "an entry of the type {:?}", char::from(*flag)),
        }
    }
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ArchiveNode {
    Directory,
    File,
    Symlink { target: Arc<str> },
    HardLink { original: ImagePath },
}

/// An entry, its header checked.
pub(crate) struct ArchiveEntry<'a> {
    pub path: ImagePath,
    pub kind: ArchiveNode,
    pub mode: Mode,
    pub owner: Owner,
    /// The length of the content in bytes: of a file's, 0 for others.
    pub size: u64,
    /// The content. It fails, and does not end, where the archive ends early.
    pub content: &'a mut dyn Read,
}

impl From<io::Error> for ArchiveError {
    fn from(error: io::Error) -> Self {
        Self::Tar(error.into())
    }
}

/// Gives every entry but the root to `take`, in the order of the archive, and reads `reader` to its end. More than
/// `limit` entries are an error.
pub(crate) fn read_archive<E: From<ArchiveError>>(
    reader: impl Read,
    limit: usize,
    mut take: impl FnMut(ArchiveEntry<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let limits = Limits { extension: MAXIMUM_NAME, members: limit, names: MAXIMUM_PATHS };
    let mut archive = TarReader::new(reader, Policy::Gnu, limits);
    while let Some(header) = archive.next_member().map_err(ArchiveError::from)? {
        let Some((path, kind, mode, owner)) = check(&header)? else { continue };
        take(ArchiveEntry { path, kind, mode, owner, size: header.size, content: &mut archive.content() })?;
    }
    archive.finish().map_err(ArchiveError::from)?;
    Ok(())
}

type EntryHeader = (ImagePath, ArchiveNode, Mode, Owner);

/// What a header says; `None` for the root.
fn check(header: &Header) -> Result<Option<EntryHeader>, ArchiveError> {
    let name = header.path.as_slice();
    let fail = |fault| ArchiveError::Entry { path: String::from_utf8_lossy(name).into_owned(), fault };
    let bad = |fault: TarFault| ArchiveError::Tar(TarError::entry(name, fault));
    let kind = kind(header).map_err(fail)?;
    if kind != ArchiveNode::File && header.size > 0 {
        return Err(fail(EntryFault::Content(header.size)));
    }
    let path = match ImagePath::parse_bytes(name) {
        Ok(path) => path,
        Err(PathError::Empty) if kind == ArchiveNode::Directory && !name.is_empty() => return Ok(None),
        Err(PathError::Empty) if !name.is_empty() => return Err(fail(EntryFault::Root)),
        Err(error) => return Err(fail(EntryFault::Path(error))),
    };
    let id = |id: Result<u64, TarFault>| {
        let id = id.map_err(bad)?;
        u32::try_from(id).map_err(|_| fail(EntryFault::Owner(id)))
    };
    let owner = Owner { uid: id(header.uid())?, gid: id(header.gid())? };
    let mode = Mode::new(header.mode().map_err(bad)?);
    Ok(Some((path, kind, mode, owner)))
}

fn kind(header: &Header) -> Result<ArchiveNode, EntryFault> {
    let refused = |kind| Err(EntryFault::Kind(kind));
    match header.kind() {
        // A contiguous file is one for POSIX, and nothing that dpkg knows.
        MemberKind::File if header.flag == b'7' => refused(EntryKind::Flag(b'7')),
        MemberKind::File => Ok(ArchiveNode::File),
        MemberKind::Directory => Ok(ArchiveNode::Directory),
        MemberKind::Symlink => Ok(ArchiveNode::Symlink { target: target(&header.path, &header.link)? }),
        MemberKind::HardLink => {
            let original = ImagePath::parse_bytes(&header.link).map_err(EntryFault::HardLinkPath)?;
            Ok(ArchiveNode::HardLink { original })
        }
        MemberKind::Device { .. } => refused(EntryKind::Device),
        MemberKind::Pipe => refused(EntryKind::Pipe),
        MemberKind::Sparse => refused(EntryKind::Sparse),
        MemberKind::Other(b'x' | b'g') => refused(EntryKind::ExtendedHeader),
        MemberKind::Other(flag) => refused(EntryKind::Flag(flag)),
    }
}

/// The target of the symbolic link at `name`.
fn target(name: &[u8], link: &[u8]) -> Result<Arc<str>, EntryFault> {
    match std::str::from_utf8(link) {
        Ok(target) if !(1..=4095).contains(&target.len()) => {
            Err(EntryFault::Target { target: target.to_owned() })
        }
        Ok(target) if climbs_out(name, target) => Err(EntryFault::Climbs { target: target.to_owned() }),
        Ok(target) => Ok(target.into()),
        Err(_) => Err(EntryFault::Target { target: String::from_utf8_lossy(link).into_owned() }),
    }
}

/// Whether a relative target, read part by part from the link's own directory, passes above the root.
///
/// In the image the kernel would stop at the root, but a tool that follows the link in an unpacked copy would leave
/// that. Links on the way are not followed: a part that is one counts as a directory.
fn climbs_out(name: &[u8], target: &str) -> bool {
    if target.starts_with('/') {
        return false;
    }
    let parts = name.split(|&byte| byte == b'/').filter(|part| !matches!(part, [] | [b'.']));
    let mut depth = parts.count().saturating_sub(1);
    for part in target.split('/').filter(|part| !matches!(*part, "" | ".")) {
        if part != ".." {
            depth += 1;
        } else if depth == 0 {
            return true;
        } else {
            depth -= 1;
        }
    }
    false
}
