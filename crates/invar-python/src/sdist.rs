//! A source archive, as a tree: a source distribution, or what a code host makes of a commit.
//!
//! One top folder holds everything; it may have any name, and is removed. The archive is a zip, or a tar in the
//! v7, ustar, GNU or pax format: for the file name `*.tar` as it is, for `*.tar.gz` and `*.tgz` through gzip, for
//! `*.tar.xz` and `*.txz` through xz, for `*.tar.zst` through zstd. bzip2 and LZMA are not read.
//!
//! Of a file only whether it may be executed is kept: mode 0755 if any execute bit is set, else 0644; folders have
//! 0755, and everything belongs to `0:0`. Names of owners and dates are not looked at, nor is the archive's order kept.
//!
//! Symbolic links are kept (in a tar; a zip may not have any), and must stay in the tree: the target is relative and
//! has `..` only at its start, not more often than there are folders above the link. So no chain of links leads out
//! either. A hard link becomes a file of its own. Devices, pipes and sparse files are errors, as is a path that comes
//! twice.
//!
//! Source: "Source distribution format" (PEP 517, PEP 625), whose "Source distribution archive features" say what
//! an unpacker must refuse; pax: IEEE Std 1003.1, "pax", section "pax Interchange Format".
//!
//! Format break: a change here changes what is built from a source archive.
use std::io::{BufReader, Read, Seek, SeekFrom};

use invar_formats::{Compression, Limited};
use invar_tree::{ImagePath, Mode, Owner, Sink};

mod error;
mod tape;
mod top;
mod zipped;

pub use error::{EntryFault, SdistError, SdistFault};
use top::Top;

/// More entries are refused; the largest source distributions have some ten thousand.
const MOST_ENTRIES: usize = 300_000;

/// Paths and targets of links may not be longer than this together, in bytes: they are kept in memory.
const MOST_PATHS: usize = 64 << 20;

/// An archive that unpacks to more bytes is refused.
const MOST_BYTES: u64 = 8 << 30;

/// Up to this many bytes, an archive may be compressed as well as it can be.
const UNSUSPICIOUS: u64 = 256 << 20;

/// Beyond that, it may not unpack to more than this many times its own size.
const RATIO: u64 = 200;

/// `pyproject.toml` may not be larger.
const MOST_SMALL: u64 = 16 << 20;

/// The version of how a source distribution is unpacked: the tree that [`unpack_sdist`] gives. Raise it when the same input gives anything else.
///
/// Keys of the store have it, so what earlier code made is not found any more.
pub const SDIST_VERSION: u32 = 1;

/// Gives the files of the source archive in `reader` to `sink`, below `at`. `filename` says what kind of archive it is.
///
/// After an error, what the sink has taken is to be thrown away. That the file as a whole has the digest of the lock is
/// for the caller to check.
///
/// # Errors
/// [`SdistError`], which names the file.
pub fn unpack_sdist(
    reader: impl Read + Seek,
    filename: &str,
    sink: &mut dyn Sink,
    at: &ImagePath,
) -> Result<(), SdistError> {
    unpack(reader, filename, sink, at).map_err(|fault| SdistError { sdist: filename.to_owned(), fault })
}

fn unpack(
    mut reader: impl Read + Seek,
    filename: &str,
    sink: &mut dyn Sink,
    at: &ImagePath,
) -> Result<(), SdistFault> {
    let kind = kind(filename)?;
    sink.directory(at.clone(), Mode::DIRECTORY, Owner::ROOT)?;
    let mut top = Top::new(sink, at);
    match kind {
        Kind::Zip => zipped::unpack(reader, &mut top)?,
        Kind::Tar(compression) => {
            let length = reader.seek(SeekFrom::End(0))?;
            reader.rewind()?;
            let limit = MOST_BYTES.min(UNSUSPICIOUS.max(length.saturating_mul(RATIO)));
            let reader = compression.decode(BufReader::new(reader))?;
            tape::unpack(Limited::new(reader, limit), &mut top)?;
        }
    }
    top.finish()
}

enum Kind {
    Zip,
    Tar(Compression),
}

fn kind(filename: &str) -> Result<Kind, SdistFault> {
    let lower = filename.to_ascii_lowercase();
    let ends = |endings: &[&str]| endings.iter().any(|ending| lower.ends_with(ending));
    if ends(&[".zip"]) {
        return Ok(Kind::Zip);
    }
    let compression = if ends(&[".tar.gz", ".tgz"]) {
        Compression::Gzip
    } else if ends(&[".tar.xz", ".txz"]) {
        Compression::Xz
    } else if ends(&[".tar.zst"]) {
        Compression::Zstd
    } else if ends(&[".tar"]) {
        Compression::None
    } else if ends(&[".tar.bz2", ".tbz", ".tbz2"]) {
        return Err(SdistFault::Compression { compression: "bzip2" });
    } else if ends(&[".tar.lzma", ".tlz", ".tar.lz"]) {
        return Err(SdistFault::Compression { compression: "LZMA" });
    } else {
        return Err(SdistFault::Kind);
    };
    Ok(Kind::Tar(compression))
}

#[cfg(test)]
mod tests;
