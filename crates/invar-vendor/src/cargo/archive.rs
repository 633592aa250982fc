//! A tar archive from outside: every length and count in it is bounded, and no path climbs out.
//!
//! Read are ustar, GNU long names and pax paths (POSIX.1-2017, pax, "ustar Interchange Format" and "pax Extended
//! Header"): what cargo and git write.
use std::cell::Cell;
use std::io::{self, Read};

use invar_tree::{ImagePath, Mode, PathError};
use tar::EntryType;

use crate::{ContentFault, Fetched, VendorError};

/// The most bytes that a crate or a repository may unpack to. cargo's own limit for a crate is half of it.
pub(super) const MAX_UNPACKED: u64 = 1 << 30;
/// The most members that an archive may have.
const MAX_MEMBERS: usize = 200_000;
/// The longest extension of a header: a path of the longest kind, and room for other records.
const MAX_EXTENSION: u64 = 64 * 1024;

/// A member of an archive.
#[derive(Debug)]
pub(super) struct Member {
    /// Its path in the archive.
    pub(super) path: ImagePath,
    pub(super) kind: Kind,
}

/// What a member is.
#[derive(Debug)]
pub(super) enum Kind {
    File(Mode),
    Directory,
    Symlink(String),
    /// A hard link, a device or something unknown.
    Other,
}

/// Gives each member of the archive in `file`, and its content, to `visit`.
pub(super) fn read(
    file: &Fetched<'_>,
    compressed: bool,
    visit: &mut dyn FnMut(Member, &mut dyn Read) -> Result<(), VendorError>,
) -> Result<(), VendorError> {
    let exceeded = Cell::new(false);
    let reader = file.reader()?;
    let reader: Box<dyn Read + '_> =
        if compressed { Box::new(flate2::read::GzDecoder::new(reader)) } else { reader };
    let limited = Limited { reader, left: MAX_UNPACKED, exceeded: &exceeded };
    // Whatever fails after the limit was met, fails because of it.
    walk(file, limited, visit).map_err(|error| {
        if exceeded.get() { file.fault(ContentFault::Bomb { limit: MAX_UNPACKED }) } else { error }
    })
}

fn walk(
    file: &Fetched<'_>,
    reader: impl Read,
    visit: &mut dyn FnMut(Member, &mut dyn Read) -> Result<(), VendorError>,
) -> Result<(), VendorError> {
    let broken = |source: io::Error| file.fault(ContentFault::Archive(source));
    let mut archive = tar::Archive::new(reader);
    let mut long_path: Option<Vec<u8>> = None;
    for (count, entry) in archive.entries().map_err(broken)?.raw(true).enumerate() {
        let mut entry = entry.map_err(broken)?;
        if count >= MAX_MEMBERS {
            return Err(file.fault(ContentFault::TooManyMembers { limit: MAX_MEMBERS }));
        }
        let entry_type = entry.header().entry_type();
        match entry_type {
            EntryType::GNULongName => {
                let mut name = extension(file, &mut entry)?;
                name.truncate(name.iter().position(|&byte| byte == 0).unwrap_or(name.len()));
                long_path = Some(name);
                continue;
            }
            EntryType::XHeader => {
                let records = extension(file, &mut entry)?;
                let path = pax_path(&records).map_err(|()| broken(io::ErrorKind::InvalidData.into()))?;
                long_path = path.or(long_path);
                continue;
            }
            // The commit that git notes, and the long target of a link, which is not needed: links that matter are
            // short, and a cut one leads nowhere.
            EntryType::XGlobalHeader | EntryType::GNULongLink => continue,
            _ => {}
        }
        let path = long_path.take().unwrap_or_else(|| entry.path_bytes().into_owned());
        let path = match ImagePath::parse_bytes(&path) {
            Ok(path) => path,
            // The archive's root, as `./`.
            Err(PathError::Empty) if entry_type == EntryType::Directory => continue,
            Err(source) => return Err(file.fault(ContentFault::MemberPath(source))),
        };
        let kind = match entry_type {
            EntryType::Regular | EntryType::Continuous => {
                let executable = entry.header().mode().map_err(broken)? & 0o111 != 0;
                Kind::File(if executable { Mode::PROGRAM } else { Mode::FILE })
            }
            EntryType::Directory => Kind::Directory,
            EntryType::Symlink => {
                let target = entry.link_name_bytes().unwrap_or_default();
                Kind::Symlink(String::from_utf8_lossy(&target).into_owned())
            }
            _ => Kind::Other,
        };
        visit(Member { path, kind }, &mut entry)?;
    }
    Ok(())
}

/// The content of a member that extends the next one's header.
fn extension(file: &Fetched<'_>, content: &mut impl Read) -> Result<Vec<u8>, VendorError> {
    let mut bytes = Vec::new();
    let read = content.take(MAX_EXTENSION + 1).read_to_end(&mut bytes);
    read.map_err(|source| file.fault(ContentFault::Archive(source)))?;
    if bytes.len() as u64 > MAX_EXTENSION {
        return Err(file.fault(ContentFault::LongPath { limit: MAX_EXTENSION }));
    }
    Ok(bytes)
}

/// The `path` of a pax header: records of `LENGTH KEY=VALUE LF`, where the length counts the whole record.
fn pax_path(mut records: &[u8]) -> Result<Option<Vec<u8>>, ()> {
    let mut path = None;
    while !records.is_empty() {
        let space = records.iter().position(|&byte| byte == b' ').ok_or(())?;
        let digits = std::str::from_utf8(&records[..space]).map_err(|_| ())?;
        let length: usize = digits.parse().map_err(|_| ())?;
        if length <= space + 1 || length > records.len() || records[length - 1] != b'\n' {
            return Err(());
        }
        if let Some(value) = records[space + 1..length - 1].strip_prefix(b"path=") {
            path = Some(value.to_vec());
        }
        records = &records[length..];
    }
    Ok(path)
}

/// A reader that fails, and says so, where its limit is met.
struct Limited<'a, R> {
    reader: R,
    left: u64,
    exceeded: &'a Cell<bool>,
}

impl<R: Read> Read for Limited<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        match self.left.checked_sub(read as u64) {
            Some(left) => self.left = left,
            None => {
                self.exceeded.set(true);
                return Err(io::ErrorKind::FileTooLarge.into());
            }
        }
        Ok(read)
    }
}
