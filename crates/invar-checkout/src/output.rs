//! What builds write into a project's folder, and how it is recognized there: taken as source, each build would pack the one
//! before.
//!
//! Recognized by its content or its times, not by its name: an archive by its first member, a directory by the time that
//! everything in an image has ([`FILE_TIME`]) and nothing else.
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use invar_oci::FILE_TIME;
use invar_project::{EntryKind, ListingEntry};

/// The directory of the project that builds write to where no path is given, as other tools of Python do.
pub const DIST: &str = "dist";

/// What keeps git, and the rules for source, from it.
pub(crate) const GITIGNORE: &str = "*\n";

/// Whether the file at `path` is an archive that a build wrote, under whatever name: of an image, or of a root file system.
pub fn is_archive(path: &Path) -> bool {
    let first_member = || -> io::Result<bool> {
        // An archive consists of blocks, and of two more at its end.
        let length = fs::symlink_metadata(path)?.len();
        if length < 1024 || length % 512 != 0 {
            return Ok(false);
        }
        let mut header = [0; 512];
        open_plain(path)?.read_exact(&mut header)?;
        let time = format!("{FILE_TIME:011o}");
        let has_time = header[136..147] == *time.as_bytes() && header[257..262] == *b"ustar";
        // A root file system begins with its directories.
        Ok(has_time && (header.starts_with(b"oci-layout\0") || header[156] == b'5'))
    };
    first_member().unwrap_or(false)
}

/// Whether `directory`, in which there are `entries`, is a root file system or an image layout that a build wrote.
pub(crate) fn is_output_directory(directory: &Path, entries: &[ListingEntry]) -> bool {
    let is_written = |entry: &ListingEntry| {
        let metadata = fs::symlink_metadata(directory.join(&entry.name));
        metadata.is_ok_and(|metadata| metadata.mtime() == FILE_TIME as i64 && metadata.mtime_nsec() == 0)
    };
    // Only names that are in every such directory are worth a question; most directories have none of them.
    entries.iter().any(|entry| match (entry.name.as_str(), entry.kind) {
        ("oci-layout", EntryKind::File) => is_written(entry),
        ("etc" | "usr" | "var" | "app", EntryKind::Directory) => is_written(entry),
        _ => false,
    })
}

/// Whether `name` is that of a result which was not finished: `.NAME.PID.partial`.
pub(crate) fn is_partial(name: &str) -> bool {
    let inner = name.strip_prefix('.').and_then(|name| name.strip_suffix(".partial"));
    let process = inner.and_then(|inner| inner.rsplit_once('.')).map(|(_, process)| process);
    process.is_some_and(|process| !process.is_empty() && process.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether `path`, relative to the project in `folder`, is the `.gitignore` that a build wrote. It is not source even where
/// the manifest includes what is ignored: whether it is there depends on where something was built before.
pub(crate) fn is_own_gitignore(folder: &Path, path: &str) -> bool {
    path.strip_prefix(DIST) == Some("/.gitignore")
        && fs::read(folder.join(path)).is_ok_and(|text| text == GITIGNORE.as_bytes())
}

/// Opens a file that was a plain one when the folder was listed; should it have become a link since, this fails.
pub(crate) fn open_plain(path: &Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags, open};
    Ok(open(path, OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unfinished_results_have_names_of_their_own() {
        for (name, expected) in [
            (".r1.123.partial", true),
            (".a.tar.9.partial", true),
            (".r1.partial", false),
            (".r1.x1.partial", false),
            ("r1.123.partial", false),
            (".123.partial", false),
            ("..partial", false),
        ] {
            assert_eq!(is_partial(name), expected, "{name}");
        }
    }
}
