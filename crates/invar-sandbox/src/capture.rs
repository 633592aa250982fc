//! What a command left on the disk, as a tree.
//!
//! The folder was written by a command that may be hostile. It is walked through open folders, never by a path, and no
//! link is followed; so whatever the links in it point to, nothing outside it is read. The walk is in the byte order
//! of the names, and neither times nor the owners on the disk enter: [`CaptureRules`] and `owners` decide. Hard links
//! become files of their own; extended attributes are left out; links are kept as they are, wherever they point.
//!
//! Folders and files that their owner may not read are opened by giving the owner the right for as long as it takes.
mod error;
mod walk;

use std::path::Path;

use invar_tree::{ImagePath, Sink, Tree};

pub use error::{CaptureError, SpecialFile};
use walk::{CaptureForm, Walk};

/// What of the modes and owners is taken into the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Modes {
    /// Files are `0755` where their owner may execute them and otherwise `0644`, folders are `0755`, and all belong to
    /// `0:0`: nothing of the umask that the command ran with.
    Normalised,
    /// All 12 permission bits as they are on the disk, and the owners that `owners` knows, otherwise `0:0`.
    Kept,
}

/// How a folder becomes a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CaptureRules {
    /// What is taken of modes and owners.
    pub modes: Modes,
    /// The most bytes that all files may have together. A hole counts as what it stands for.
    pub bytes: u64,
    /// The most entries that there may be: files, links and folders.
    pub entries: u64,
}

/// The owner that a command has given to a file, by the numbers of its device and its inode.
pub type OwnerOf<'a> = dyn Fn(u64, u64) -> Option<(u32, u32)> + 'a;

/// What a command removed from the trees below its writable layer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RemovedPaths {
    /// What is gone, with all that was below it; sorted.
    pub whiteouts: Vec<ImagePath>,
    /// Folders that took the place of others: what was below these is gone; sorted.
    pub opaque: Vec<ImagePath>,
}

impl RemovedPaths {
    /// The paths of `lower`, the tree below the writable layer, that are gone; sorted. Some of those below an
    /// opaque folder may have been recreated: these are among the changes too.
    ///
    /// What is below a folder that became a file or a link is not reported here: the changes say so themselves.
    #[must_use]
    pub fn paths(&self, lower: &Tree) -> Vec<ImagePath> {
        let gone = self.whiteouts.iter().flat_map(|path| lower.within(path.as_str()));
        let covered = self.opaque.iter().flat_map(|directory| {
            lower.within(directory.as_str()).filter(move |(path, _)| *path != directory)
        });
        let mut paths: Vec<ImagePath> = gone.chain(covered).map(|(path, _)| path.clone()).collect();
        paths.sort_unstable();
        paths.dedup();
        paths
    }
}

/// Gives what is at `folder` to `sink`: as `at` and what is below it, or, without `at`, what is in the folder to the
/// root of the tree. With `at` it may also be a file or a link.
///
/// # Errors
/// [`CaptureError`].
pub fn capture(
    directory: &Path,
    at: Option<&ImagePath>,
    rules: &CaptureRules,
    owners: &OwnerOf<'_>,
    sink: &mut dyn Sink,
) -> Result<(), CaptureError> {
    Walk::new(CaptureForm::Directory, rules, owners, sink).start(directory, at)?;
    Ok(())
}

/// Gives what is in `upper`, the upper layer of an overlay file system, to `sink`, and returns what the layer removes.
///
/// A whiteout is a character device with the numbers 0 and 0, or an empty file with the extended attribute
/// `overlay.whiteout`; a folder is opaque if its attribute `overlay.opaque` is `y`; both in the name space `user` or
/// `trusted` (Linux, Documentation/filesystems/overlayfs.rst).
///
/// # Errors
/// [`CaptureError`].
pub fn capture_changes(
    upper: &Path,
    rules: &CaptureRules,
    owners: &OwnerOf<'_>,
    sink: &mut dyn Sink,
) -> Result<RemovedPaths, CaptureError> {
    Walk::new(CaptureForm::Upper, rules, owners, sink).start(upper, None)
}
