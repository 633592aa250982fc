//! The seal of a checkout: what is on the disk, so that damage and changes are noticed without reading any content.
//!
//! The file `seal` has two lines, each ended by a line feed:
//!
//! ```text
//! invar-checkout 1
//! <number of entries> <sha256 of the survey, 64 hex digits>
//! ```
//!
//! The survey is one record for each entry, in the byte order of the paths; fields are separated by one tab, and the
//! record ends with a NUL. The mode has four octal digits, numbers are decimal:
//!
//! ```text
//! d <mode> <path>
//! f <mode> <size in bytes> <path>
//! l <length of the target in bytes> <path>
//! ```
//!
//! The root folder is the entry with the empty path. What is below a folder whose owner may not list it (mode `0500`
//! is not set) is left out: only root could look. The times are not in the survey because all are the same, see
//! [`FILE_TIME`]; a link whose target was changed, or a file that was written, has another time.
//!
//! Format break: a checkout whose seal cannot be read, or is not what this version would write, is rebuilt.
use std::collections::BTreeSet;
use std::ffi::CStr;
use std::path::Path;

use invar_oci::FILE_TIME;
use invar_tree::{Digest, Hasher};
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, fstat, openat, statat};
use rustix::io::Errno;

/// Name of the seal's file.
pub(crate) const SEAL: &str = "seal";
/// Name of the folder next to it.
pub(crate) const ROOT: &str = "root";
/// The longest seal that is read, in bytes.
pub(crate) const LIMIT: u64 = 256;
/// The mode of the root folder.
pub(crate) const ROOT_MODE: u32 = 0o755;

const FIRST: &str = "invar-checkout 1\n";
/// What a folder's owner needs to list it and to look at what is in it.
const LISTABLE: u32 = 0o500;

/// What an entry is on the disk. Modes are the 12 permission bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DiskEntry {
    /// A folder.
    Directory { mode: u32 },
    /// A file, and its length in bytes.
    File { mode: u32, size: u64 },
    /// A symbolic link, and the length of its target in bytes.
    Symlink { length: u64 },
}

/// What the seal says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CheckoutSeal {
    entries: usize,
    digest: Digest,
}

impl CheckoutSeal {
    /// The seal of `entries`, which are all below the root folder, with paths that have no leading slash.
    pub(crate) fn new(mut entries: Vec<(String, DiskEntry)>) -> Self {
        let hidden: BTreeSet<String> = entries
            .iter()
            .filter(|(_, surveyed)| {
                matches!(surveyed, DiskEntry::Directory { mode } if mode & LISTABLE != LISTABLE)
            })
            .map(|(path, _)| path.clone())
            .collect();
        if !hidden.is_empty() {
            entries.retain(|(path, _)| !ancestors(path).any(|ancestor| hidden.contains(ancestor)));
        }
        entries.push((String::new(), DiskEntry::Directory { mode: ROOT_MODE }));
        Self::of(entries)
    }

    fn of(mut entries: Vec<(String, DiskEntry)>) -> Self {
        entries.sort_unstable_by(|(left, _), (right, _)| left.cmp(right));
        let mut hasher = Hasher::new();
        for (path, surveyed) in &entries {
            let start = match surveyed {
                DiskEntry::Directory { mode } => format!("d\t{mode:04o}\t"),
                DiskEntry::File { mode, size } => format!("f\t{mode:04o}\t{size}\t"),
                DiskEntry::Symlink { length } => format!("l\t{length}\t"),
            };
            hasher.update(start.as_bytes());
            hasher.update(path.as_bytes());
            hasher.update(b"\0");
        }
        Self { entries: entries.len(), digest: hasher.finish() }
    }

    pub(crate) fn to_text(&self) -> String {
        format!("{FIRST}{} {}\n", self.entries, self.digest.hex())
    }

    /// `None` for anything that [`to_text`](Self::to_text) does not write.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (entries, digest) = text.strip_prefix(FIRST)?.strip_suffix('\n')?.split_once(' ')?;
        let seal = Self { entries: entries.parse().ok()?, digest: Digest::from_hex(digest).ok()? };
        (seal.to_text() == text).then_some(seal)
    }

    /// Whether the folder `root` is what was sealed: every kind, mode, length and time is compared, and that the
    /// files are this user's; no content is read.
    pub(crate) fn holds(&self, root: &Path) -> Result<bool, Errno> {
        Ok(survey(root, self.entries)?.is_some_and(|found| Self::of(found) == *self))
    }
}

/// The paths above `path`, except for the root.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at])
}

/// What is on the disk, in no order; `None` where it cannot be a checkout, or has more than `limit` entries.
///
/// Folders are opened by their path from the root, so one is open at a time however deep they nest; a path in an image
/// is short enough for that, and what is longer was not put there by us.
fn survey(root: &Path, limit: usize) -> Result<Option<Vec<(String, DiskEntry)>>, Errno> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::RDONLY;
    let root = match openat(CWD, root, flags, Mode::empty()) {
        Err(error) if is_other_kind(error) => return Ok(None),
        done => done?,
    };
    let user = rustix::process::geteuid().as_raw();
    let Some(surveyed) = judge(&fstat(&root)?, user) else { return Ok(None) };
    let mut found = vec![(String::new(), surveyed)];
    let mut directories = vec![String::new()];
    while let Some(above) = directories.pop() {
        let name = if above.is_empty() { "." } else { &above };
        let directory = match openat(&root, name, flags, Mode::empty()) {
            Err(error) if is_other_kind(error) => return Ok(None),
            done => done?,
        };
        for entry in Dir::read_from(&directory)? {
            let entry = entry?;
            let name = entry.file_name();
            if name == c"." || name == c".." {
                continue;
            }
            let (Some(path), false) = (join(&above, name), found.len() == limit) else { return Ok(None) };
            let stat = match statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW) {
                Err(error) if is_other_kind(error) => return Ok(None),
                done => done?,
            };
            let Some(surveyed) = judge(&stat, user) else { return Ok(None) };
            if matches!(surveyed, DiskEntry::Directory { mode } if mode & LISTABLE == LISTABLE) {
                directories.push(path.clone());
            }
            found.push((path, surveyed));
        }
    }
    Ok(Some(found))
}

fn join(above: &str, name: &CStr) -> Option<String> {
    let name = name.to_str().ok()?;
    Some(if above.is_empty() { name.to_owned() } else { format!("{above}/{name}") })
}

/// `None` for what no checkout holds: another kind of file, another's file, another time.
fn judge(stat: &Stat, user: u32) -> Option<DiskEntry> {
    let time = u64::try_from(stat.st_mtime).ok()?;
    if time != FILE_TIME || stat.st_mtime_nsec != 0 || stat.st_uid != user {
        return None;
    }
    let mode = stat.st_mode & 0o7777;
    let size = u64::try_from(stat.st_size).ok()?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => Some(DiskEntry::Directory { mode }),
        FileType::RegularFile => Some(DiskEntry::File { mode, size }),
        FileType::Symlink => Some(DiskEntry::Symlink { length: size }),
        _ => None,
    }
}

/// Errors that mean that the entry is gone or of another kind than it was, not that the disk is at fault.
fn is_other_kind(error: Errno) -> bool {
    matches!(error, Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NAMETOOLONG)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries() -> Vec<(String, DiskEntry)> {
        vec![
            ("b".to_owned(), DiskEntry::Directory { mode: 0o1777 }),
            ("b/l".to_owned(), DiskEntry::Symlink { length: 3 }),
            ("a".to_owned(), DiskEntry::File { mode: 0o644, size: 5 }),
            ("c".to_owned(), DiskEntry::Directory { mode: 0o311 }),
            ("c/hidden".to_owned(), DiskEntry::File { mode: 0o644, size: 5 }),
        ]
    }

    #[test]
    fn the_bytes_are_pinned() {
        let survey = b"d\t0755\t\0f\t0644\t5\ta\0d\t1777\tb\0l\t3\tb/l\0d\t0311\tc\0";
        // If this is intended, every checkout is rebuilt: say so in the changelog.
        let expected = "invar-checkout 1\n\
            5 e5a8ac6095b9d0f17b7bc1fe370fe36327185e19116f8dbcc76801c0dc467402\n";
        let seal = CheckoutSeal::new(entries());
        assert_eq!(seal.digest, Digest::of(survey));
        assert_eq!(seal.to_text(), expected);
        assert_eq!(CheckoutSeal::parse(expected), Some(seal));
    }

    #[test]
    fn another_text_is_no_seal() {
        let text = CheckoutSeal::new(entries()).to_text();
        for other in [
            String::new(),
            text.replace("checkout 1", "checkout 2"),
            text.trim_end().to_owned(),
            format!("{text}\n"),
            text.replace("\n5 ", "\n05 "),
            text.replace("\n5 ", "\n99999999999999999999999 "),
            text.to_uppercase(),
        ] {
            assert_eq!(CheckoutSeal::parse(&other), None, "{other:?}");
        }
    }
}
