//! A binary package as a tree: the format of `.deb` files (deb(5)).
//!
//! ```text
//! package        an ar archive of these members, in this order, others only where said
//! debian-binary  "2." and a minor number, then a line feed; further lines are not looked at
//! control.tar    also .gz, .xz, .zst: a tar archive with the file "control" and others
//! data.tar       also .gz, .xz, .zst: a tar archive of the files to install
//! ```
//!
//! Members whose names start with `_` may be before `control.tar` and `data.tar`, and any members after the last;
//! they are passed over. bzip2 and lzma, which no archive has used for a decade, are not supported.
//!
//! A package is read once, from start to end. Only the control archive is held in memory.
use std::io::{BufReader, Read};

use invar_formats::ar::{ArError, ArReader, Member};
use invar_formats::{Compression, Limited};
use invar_tree::{Sink, SinkError};

use crate::archive::read_archive;
use crate::records::{PackageFiles, write_records};
use crate::unpack::{UnpackError, Unpacker};
use crate::{ArchiveError, Control, ControlError, UnpackOptions};

/// The most that a control archive may unpack to, in bytes. The largest of 619 from Debian 13 has 1.1 MB.
const MAXIMUM_CONTROL: u64 = 16 << 20;

/// The most that a data archive may unpack to, in bytes.
const MAXIMUM_DATA: u64 = 16 << 30;

/// A data archive may unpack to this many bytes, and to [`RATIO`] more for each of its own. The most among 619
/// packages of Debian 13 is 42; zeros reach several thousand.
const ALLOWANCE: u64 = 64 << 10;
const RATIO: u64 = 1000;

/// The most entries that a data archive may have; the most among 619 packages of Debian 13 is 2,686.
const MAXIMUM_ENTRIES: usize = 1_000_000;

/// The longest `debian-binary` that is looked at.
const MAXIMUM_FORMAT: usize = 64;

/// Why a package cannot be unpacked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DebError {
    /// There is no archive.
    #[error("not a Debian package: expected it to start with \"!<arch>\", found {:?}", String::from_utf8_lossy(.found))]
    Magic {
        /// The first bytes, at most eight.
        found: Vec<u8>,
    },
    /// The outer archive is damaged.
    #[error(transparent)]
    Ar(ArError),
    /// A member is missing, or in another place than the format says.
    #[error("not a Debian package: expected the member \"{expected}\", found {}", shown(.found))]
    Member {
        /// The member that must come here.
        expected: &'static str,
        /// The member that does, or `None` at the end of the package.
        found: Option<String>,
    },
    /// A member comes a second time.
    #[error(
        "the member {member:?} after \"data.tar\" is not allowed, because a second archive would be ambiguous"
    )]
    SecondMember {
        /// The member's name.
        member: String,
    },
    /// The package is of another major version of the format.
    #[error("the package has the format {found:?}, expected \"2.0\"")]
    Format {
        /// The version it names.
        found: String,
    },
    /// A member's compression is not supported.
    #[error("the member {member:?} has an unsupported compression: expected .gz, .xz, .zst or none")]
    Compression {
        /// The member's name.
        member: String,
    },
    /// The control archive does not describe a package.
    #[error("the member {member:?} does not describe a package")]
    Control {
        /// The member's name.
        member: String,
        /// What is wrong with it.
        #[source]
        source: ControlError,
    },
    /// The data archive is not one that can be unpacked.
    #[error("the member {member:?} cannot be unpacked")]
    Data {
        /// The member's name.
        member: String,
        /// What is wrong with it.
        #[source]
        source: ArchiveError,
    },
    /// The entries of the data archive do not form a tree, or cannot be stored.
    #[error("the member {member:?} cannot be unpacked")]
    Sink {
        /// The member's name.
        member: String,
        /// Which entry it is, and why.
        #[source]
        source: SinkError,
    },
    /// The package's records cannot be stored, or the package contains files of their names.
    #[error("the records of the package cannot be added to its files")]
    Records(#[source] SinkError),
}

impl From<ArError> for DebError {
    fn from(error: ArError) -> Self {
        match error {
            ArError::Magic { found } => Self::Magic { found },
            error => Self::Ar(error),
        }
    }
}

fn shown(found: &Option<String>) -> String {
    found.as_ref().map_or_else(|| "the end".to_owned(), |name| format!("{name:?}"))
}

/// The version of how a package is unpacked: the tree that [`read_deb`] gives. Raise it when the same input gives anything else.
///
/// Keys of the store have it, so what earlier code made is not found any more.
pub const UNPACK_VERSION: u32 = 1;

/// Reads a package: gives its files to `sink`, then its records where `options` ask for them, and returns what its
/// control archive says.
///
/// The reader is not checked against any hash, and the control data not against what was asked for: both is the
/// caller's part, and until both is done the tree must not be used. Owners are numeric, dates are dropped.
///
/// # Errors
/// [`DebError`]. The sink may have taken entries before.
pub fn read_deb(
    reader: impl Read,
    options: &UnpackOptions,
    sink: &mut dyn Sink,
) -> Result<Control, DebError> {
    let mut archive = ArReader::new(reader)?;
    read_format(&mut archive)?;

    let member = find(&mut archive, "control.tar")?;
    let control = control_of(&mut archive, &member)?;

    let member = find(&mut archive, "data.tar")?;
    let files = read_data(&mut archive, &member, options, sink)?;

    while let Some(Member { name, .. }) = archive.next_member()? {
        if ["debian-binary", "control.tar", "data.tar"].iter().any(|known| name.starts_with(known)) {
            return Err(DebError::SecondMember { member: name });
        }
    }
    if options.records {
        write_records(&control, &files, options, sink).map_err(DebError::Records)?;
    }
    Ok(control)
}

/// Reads only what a package's control archive says, and no further.
///
/// # Errors
/// [`DebError`].
pub fn read_control(reader: impl Read) -> Result<Control, DebError> {
    let mut archive = ArReader::new(reader)?;
    read_format(&mut archive)?;
    let member = find(&mut archive, "control.tar")?;
    control_of(&mut archive, &member)
}

/// Reads `debian-binary`.
fn read_format<R: Read>(archive: &mut ArReader<R>) -> Result<(), DebError> {
    const EXPECTED: &str = "debian-binary";
    match archive.next_member()? {
        Some(Member { name, .. }) if name == EXPECTED => {}
        other => {
            return Err(DebError::Member { expected: EXPECTED, found: other.map(|member| member.name) });
        }
    }
    let bytes = archive.read_start(MAXIMUM_FORMAT)?;
    let text = String::from_utf8_lossy(&bytes);
    let line = text.lines().next().unwrap_or_default();
    let minor = line.strip_prefix("2.");
    if !minor.is_some_and(|minor| !minor.is_empty() && minor.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err(DebError::Format { found: line.to_owned() });
    }
    Ok(())
}

/// Goes to the member `expected`, over those that may be passed over.
fn find<R: Read>(archive: &mut ArReader<R>, expected: &'static str) -> Result<Member, DebError> {
    loop {
        match archive.next_member()? {
            Some(member) if member.name.starts_with(expected) => return Ok(member),
            Some(member) if member.name.starts_with('_') => {}
            other => return Err(DebError::Member { expected, found: other.map(|member| member.name) }),
        }
    }
}

/// How the member is compressed, whose name starts with `stem`.
fn compression(member: &Member, stem: &str) -> Result<Compression, DebError> {
    let suffix = member.name.strip_prefix(stem).unwrap_or_default();
    Compression::from_suffix(suffix).ok_or_else(|| DebError::Compression { member: member.name.clone() })
}

fn control_of<R: Read>(archive: &mut ArReader<R>, member: &Member) -> Result<Control, DebError> {
    let compression = compression(member, "control.tar")?;
    let error = |source| DebError::Control { member: member.name.clone(), source };
    let reader = compression
        .decode(BufReader::new(archive))
        .map_err(|source| error(ArchiveError::from(source).into()))?;
    Control::read(Limited::new(reader, MAXIMUM_CONTROL)).map_err(error)
}

fn read_data<R: Read>(
    archive: &mut ArReader<R>,
    member: &Member,
    options: &UnpackOptions,
    sink: &mut dyn Sink,
) -> Result<PackageFiles, DebError> {
    let compression = compression(member, "data.tar")?;
    let limit = member.size.saturating_mul(RATIO).saturating_add(ALLOWANCE).min(MAXIMUM_DATA);
    let error = |error| match error {
        UnpackError::Archive(source) => DebError::Data { member: member.name.clone(), source },
        UnpackError::Sink(source) => DebError::Sink { member: member.name.clone(), source },
    };
    let reader = compression
        .decode(BufReader::new(archive))
        .map_err(|source| error(UnpackError::Archive(ArchiveError::from(source))))?;
    let mut unpacker = Unpacker::new(options, limit, sink);
    read_archive(Limited::new(reader, limit), MAXIMUM_ENTRIES, |item| unpacker.take(item)).map_err(error)?;
    unpacker.finish().map_err(error)
}
