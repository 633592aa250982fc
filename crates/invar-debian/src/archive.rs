//! The two `tar` archives in a package, as far as deb(5) allows them.
//!
//! Those are the old (v7), the ustar and the GNU format; of GNU's extensions only long names (`L`), long link names
//! (`K`) and large numbers. All other type flags are an error, as they are for dpkg: device nodes and pipes (which an
//! image's tree cannot hold), sparse files, and POSIX's extended headers, whose overrides let one archive mean
//! different things to different readers.
//!
//! Names of owners and all dates are not looked at.
use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

use invar_formats::LimitExceeded;
use invar_tree::{ImagePath, Mode, Owner, PathError};
use tar::EntryType;

/// The longest long name: Linux' bound for a path, and a NUL.
const MAXIMUM_NAME: u64 = 4096;

/// Why an archive inside a package cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The archive is damaged, cut short, or could not be read.
    #[error("it is damaged or cannot be read")]
    Read(#[source] io::Error),
    /// The archive grows beyond the bound that its compressed size sets.
    #[error("it unpacks to more than {limit} bytes, which no honest package of its size does")]
    TooLarge {
        /// The bound in bytes.
        limit: u64,
    },
    /// The archive has too many entries.
    #[error("it has more than {limit} entries")]
    TooManyEntries {
        /// The bound.
        limit: u64,
    },
    /// The paths of all entries together are too long to be kept in memory.
    #[error("the paths of its entries have more than {limit} bytes together")]
    PathsTooLong {
        /// The bound in bytes.
        limit: usize,
    },
    /// The content of a file ends early, or could not be read.
    #[error("the content of {path} is damaged or cannot be read")]
    Content {
        /// The file's path.
        path: ImagePath,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// After the end of the archive there is something else.
    #[error("it has more data after its end")]
    Trailing,
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
    #[error("it has a bad path")]
    Path(#[source] PathError),
    /// The entry is neither a file, a directory, nor a link.
    #[error("a package may not bring {0}")]
    Kind(EntryKind),
    /// The root of the archive is not a directory.
    #[error("the root is not a directory")]
    Root,
    /// The header has a number that cannot be read.
    #[error("its header has a bad number")]
    Number(#[source] io::Error),
    /// The numeric owner does not fit into 32 bits.
    #[error("its numeric owner {0} does not fit into 32 bits")]
    Owner(u64),
    /// A link or a directory comes with content.
    #[error("it has {0} bytes of content although it is not a file")]
    Content(u64),
    /// The target of a symbolic link is empty, longer than 4,095 bytes, or not UTF-8.
    #[error("its target is not one that a link can have: {target:?}")]
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
    #[error("it is a hard link to {original}, which is no file that comes before it")]
    HardLink {
        /// The path that the link names.
        original: ImagePath,
    },
    /// The path of a hard link's file leads out of the package or cannot be held.
    #[error("it is a hard link to a bad path")]
    HardLinkPath(#[source] PathError),
    /// A long name is too long, comes twice, or belongs to no entry.
    #[error("its long name is too long, or comes twice, or nothing follows it")]
    LongName,
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
pub(crate) enum Kind {
    Directory,
    File,
    Symlink { target: Arc<str> },
    HardLink { original: ImagePath },
}

/// An entry, its header checked.
pub(crate) struct Item<'a> {
    pub path: ImagePath,
    pub kind: Kind,
    pub mode: Mode,
    pub owner: Owner,
    /// The length of the content in bytes: of a file's, 0 for others.
    pub size: u64,
    /// The content. It fails, and does not end, where the archive ends early.
    pub content: &'a mut dyn Read,
}

impl From<io::Error> for ArchiveError {
    fn from(error: io::Error) -> Self {
        match LimitExceeded::find(&error) {
            Some(LimitExceeded { limit }) => Self::TooLarge { limit },
            None => Self::Read(error),
        }
    }
}

/// Gives every entry but the root to `take`, in the order of the archive, and reads `reader` to its end. More than
/// `limit` entries are an error.
pub(crate) fn read_archive<E: From<ArchiveError>>(
    reader: impl Read,
    limit: u64,
    mut take: impl FnMut(Item<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut archive = tar::Archive::new(reader);
    let mut names = LongNames::default();
    let mut count = 0;
    for entry in archive.entries().map_err(ArchiveError::from)?.raw(true) {
        let mut entry = entry.map_err(ArchiveError::from)?;
        count += 1;
        if count > limit {
            return Err(ArchiveError::TooManyEntries { limit }.into());
        }
        if names.take(&mut entry)? {
            continue;
        }
        let name = names.path.take().unwrap_or_else(|| entry.path_bytes().into_owned());
        let link = names.link.take().or_else(|| entry.link_name_bytes().map(|name| name.into_owned()));
        let shown = || String::from_utf8_lossy(&name).into_owned();
        match check(&name, link.as_deref(), entry.header(), entry.size()) {
            Ok(Some((path, kind, mode, owner))) => {
                let size = entry.size();
                let mut content = Exact { reader: &mut entry, left: size };
                take(Item { path, kind, mode, owner, size, content: &mut content })?;
            }
            Ok(None) => {}
            Err(fault) => return Err(ArchiveError::Entry { path: shown(), fault }.into()),
        }
    }
    if let Some(name) = names.path.or(names.link) {
        let path = String::from_utf8_lossy(&name).into_owned();
        return Err(ArchiveError::Entry { path, fault: EntryFault::LongName }.into());
    }
    Ok(finish(archive.into_inner())?)
}

/// The name and the link's name that belong to the next entry.
#[derive(Default)]
struct LongNames {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
}

impl LongNames {
    /// Whether `entry` is a long name, which is then kept.
    fn take(&mut self, entry: &mut tar::Entry<'_, impl Read>) -> Result<bool, ArchiveError> {
        let slot = match entry.header().entry_type() {
            EntryType::GNULongName => &mut self.path,
            EntryType::GNULongLink => &mut self.link,
            _ => return Ok(false),
        };
        let size = entry.size();
        let mut name = Vec::new();
        Exact { reader: entry, left: size }.take(MAXIMUM_NAME).read_to_end(&mut name)?;
        let end = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
        name.truncate(end);
        if size > MAXIMUM_NAME || slot.is_some() {
            let path = String::from_utf8_lossy(&name).chars().take(60).collect();
            return Err(ArchiveError::Entry { path, fault: EntryFault::LongName });
        }
        *slot = Some(name);
        Ok(true)
    }
}

type Checked = (ImagePath, Kind, Mode, Owner);

/// What a header says; `None` for the root.
fn check(
    name: &[u8],
    link: Option<&[u8]>,
    header: &tar::Header,
    size: u64,
) -> Result<Option<Checked>, EntryFault> {
    let link = link.unwrap_or_default();
    let kind = match header.entry_type() {
        // The old format has no type for directories; a slash says it.
        EntryType::Regular if name.ends_with(b"/") => Kind::Directory,
        EntryType::Regular => Kind::File,
        EntryType::Directory => Kind::Directory,
        EntryType::Symlink => Kind::Symlink { target: target(name, link)? },
        EntryType::Link => {
            let original = ImagePath::parse_bytes(link).map_err(EntryFault::HardLinkPath)?;
            Kind::HardLink { original }
        }
        EntryType::Char | EntryType::Block => return Err(EntryFault::Kind(EntryKind::Device)),
        EntryType::Fifo => return Err(EntryFault::Kind(EntryKind::Pipe)),
        EntryType::GNUSparse => return Err(EntryFault::Kind(EntryKind::Sparse)),
        EntryType::XGlobalHeader | EntryType::XHeader => {
            return Err(EntryFault::Kind(EntryKind::ExtendedHeader));
        }
        other => return Err(EntryFault::Kind(EntryKind::Flag(other.as_byte()))),
    };
    if kind != Kind::File && size > 0 {
        return Err(EntryFault::Content(size));
    }
    let path = match ImagePath::parse_bytes(name) {
        Ok(path) => path,
        Err(PathError::Empty) if kind == Kind::Directory && !name.is_empty() => return Ok(None),
        Err(PathError::Empty) if !name.is_empty() => return Err(EntryFault::Root),
        Err(error) => return Err(EntryFault::Path(error)),
    };
    let id = |id: io::Result<u64>| {
        let id = id.map_err(EntryFault::Number)?;
        u32::try_from(id).map_err(|_| EntryFault::Owner(id))
    };
    let owner = Owner { uid: id(header.uid())?, gid: id(header.gid())? };
    let mode = Mode::new(header.mode().map_err(EntryFault::Number)?);
    Ok(Some((path, kind, mode, owner)))
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

/// Reads what follows the first block of zeros: more zeros, up to the end of what was compressed.
///
/// Reading on is what makes the decoder check the integrity of the whole stream.
fn finish(mut reader: impl Read) -> Result<(), ArchiveError> {
    let mut buffer = [0; 1 << 13];
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(()),
            count if buffer[..count].iter().any(|&byte| byte != 0) => return Err(ArchiveError::Trailing),
            _ => {}
        }
    }
}

/// A reader of exactly `left` more bytes.
struct Exact<R> {
    reader: R,
    left: u64,
}

impl<R: Read> Read for Exact<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if room == 0 {
            return Ok(0);
        }
        match self.reader.read(&mut buffer[..room])? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                self.left -= count as u64;
                Ok(count)
            }
        }
    }
}
