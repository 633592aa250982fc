//! A tar archive from outside: every length and count in it is bounded, and no path climbs out.
//!
//! Read is what cargo and git write: ustar, GNU long names and pax paths ([`Policy::Pax`]).
use std::io::{self, BufReader, Read};

use invar_formats::tar::{Limits, MemberKind, Policy, TarError, TarReader};
use invar_formats::{Compression, LimitExceeded, Limited};
use invar_tree::{ImagePath, Mode, PathError, SinkError};

use crate::{ContentFault, FetchedFile, VendorError};

/// The most bytes that a crate or a repository may unpack to. cargo's own limit for a crate is half of it.
pub(super) const MAX_UNPACKED: u64 = 1 << 30;

const LIMITS: Limits = Limits {
    // A path of the longest kind, and room for other records.
    extension: 64 << 10,
    members: 200_000,
    names: 64 << 20,
};

/// A longer target of a symbolic link is cut, and then leads nowhere.
///
/// Format break: to follow them would bring files into a vendored crate.
const LONGEST_TARGET: usize = 100;

/// A member of an archive.
#[derive(Debug)]
pub(super) struct Member {
    /// Its path in the archive.
    pub(super) path: ImagePath,
    pub(super) kind: ArchiveNode,
}

/// What a member is.
#[derive(Debug)]
pub(super) enum ArchiveNode {
    File(Mode),
    Directory,
    Symlink(String),
    /// A hard link, a device or something unknown.
    Other,
}

/// Gives each member of the archive in `file`, and its content, to `visit`.
pub(super) fn read(
    file: &FetchedFile<'_>,
    compressed: bool,
    visit: &mut dyn FnMut(Member, &mut dyn Read) -> Result<(), VendorError>,
) -> Result<(), VendorError> {
    let broken = |error: TarError| file.fault(ContentFault::Archive(error));
    let compression = if compressed { Compression::Gzip } else { Compression::None };
    let decoder = compression.decode(BufReader::new(file.reader()?)).map_err(|error| broken(error.into()))?;
    let mut archive = TarReader::new(Limited::new(decoder, MAX_UNPACKED), Policy::Pax, LIMITS);
    while let Some(header) = archive.next_member().map_err(broken)? {
        let path = match ImagePath::parse_bytes(&header.path) {
            Ok(path) => path,
            // The archive's root, as `./`.
            Err(PathError::Empty) if header.flag == b'5' => continue,
            Err(source) => return Err(file.fault(ContentFault::MemberPath(source))),
        };
        let kind = match header.kind() {
            MemberKind::File => {
                let mode = header.mode().map_err(|fault| broken(TarError::entry(&header.path, fault)))?;
                ArchiveNode::File(if mode & 0o111 != 0 { Mode::PROGRAM } else { Mode::FILE })
            }
            MemberKind::Directory => ArchiveNode::Directory,
            MemberKind::Symlink => {
                let target = &header.link[..header.link.len().min(LONGEST_TARGET)];
                ArchiveNode::Symlink(String::from_utf8_lossy(target).into_owned())
            }
            _ => ArchiveNode::Other,
        };
        visit(Member { path, kind }, &mut archive.content()).map_err(|error| match error {
            VendorError::Sink(SinkError::Read { source, .. }) if LimitExceeded::find(&source).is_some() => {
                broken(source.into())
            }
            error => error,
        })?;
    }
    // What follows the archive's end was hashed with the rest, and is not looked at.
    Ok(())
}

/// Whether the file starts as gzip does.
pub(super) fn is_compressed(file: &FetchedFile<'_>) -> Result<bool, VendorError> {
    let mut start = [0; 2];
    match file.reader()?.read_exact(&mut start) {
        Ok(()) => Ok(start == [0x1f, 0x8b]),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(source) => Err(VendorError::Read { file: file.label(), source }),
    }
}
