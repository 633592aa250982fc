use std::fmt;

use invar_tree::{ImagePath, PathError};

use crate::source::never::ENVIRONMENT_MARKER;
use crate::source::{Decision, Reason, SourceRules};

/// A project's folder as [`SourceRules::walk`] sees it. Paths are relative to it, `""` is the folder itself.
///
/// Whoever reads a disk implements it; the order of the entries does not matter.
pub trait Listing {
    /// Why something could not be read.
    type Error;

    /// The entries of `directory`, in any order, without `.` and `..`.
    ///
    /// # Errors
    /// Whatever reading it meets; a name that is not UTF-8 must be an error too, since it cannot be matched.
    fn entries(&self, directory: &str) -> Result<Vec<ListingEntry>, Self::Error>;

    /// The text of the `.gitignore` in `directory`, which is there as a regular file.
    ///
    /// # Errors
    /// Whatever reading it meets.
    fn gitignore(&self, directory: &str) -> Result<String, Self::Error>;
}

/// An entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListingEntry {
    /// Its name, without the directory.
    pub name: String,
    /// What it is; a link is a link, wherever it leads.
    pub kind: EntryKind,
}

/// What an entry of a project's folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A symbolic link.
    Symlink,
    /// A directory.
    Directory,
    /// A socket, device or similar.
    Other,
}

/// What a walk found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceList {
    /// The source, in the order of the paths; files and links only.
    pub entries: Vec<SourceEntry>,
    /// What is not source, with the reason, in the order of the paths; a directory stands for all that is in it.
    pub skipped: Vec<(String, Reason)>,
}

/// A file or link of the source.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceEntry {
    /// Its path, relative to the project.
    pub path: ImagePath,
    /// Whether it is a symbolic link; a regular file otherwise.
    pub is_symlink: bool,
    /// Whether its content may make it a secret, which is not source; see [`Secret::in_content`](super::Secret::in_content).
    pub content_decides: bool,
}

/// Why a walk ended early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WalkError<E> {
    /// The listing could not be read.
    Listing(E),
    /// An entry's path cannot be in an image.
    Path(PathError),
}

impl<E: fmt::Display> fmt::Display for WalkError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listing(error) => error.fmt(f),
            Self::Path(error) => write!(f, "a file of the project cannot be in an image: {error}"),
        }
    }
}

impl<E: std::error::Error + 'static> std::error::Error for WalkError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Listing(error) => error.source(),
            Self::Path(error) => Some(error),
        }
    }
}

impl SourceRules {
    /// Walks a project's folder and decides about everything in it.
    ///
    /// # Errors
    /// [`WalkError`], for the first thing in the order of the walk.
    pub fn walk<L: Listing>(&mut self, listing: &L) -> Result<SourceList, WalkError<L::Error>> {
        let mut found = SourceList::default();
        let mut directories = vec![String::new()];
        while let Some(directory) = directories.pop() {
            let mut entries = listing.entries(&directory).map_err(WalkError::Listing)?;
            // The order of a directory is the host's: the first error, too, must not depend on it.
            entries.sort();
            let has_file =
                |name: &str| entries.iter().any(|entry| entry.name == name && entry.kind == EntryKind::File);
            if !directory.is_empty() && has_file(ENVIRONMENT_MARKER) {
                found.skipped.push((directory, Reason::Environment));
                continue;
            }
            let gitignore = if has_file(".gitignore") {
                Some(listing.gitignore(&directory).map_err(WalkError::Listing)?)
            } else {
                None
            };
            self.enter_directory(&directory, gitignore.as_deref());
            for ListingEntry { name, kind } in entries {
                let path = if directory.is_empty() { name } else { format!("{directory}/{name}") };
                match (self.decide(&path, kind == EntryKind::Directory), kind) {
                    (Decision::Skipped(reason), _) => found.skipped.push((path, reason)),
                    (Decision::Source, EntryKind::Directory) => directories.push(path),
                    (Decision::Source, EntryKind::Other) => found.skipped.push((path, Reason::Special)),
                    (Decision::Source, EntryKind::File | EntryKind::Symlink) => {
                        let path = ImagePath::parse(&path).map_err(WalkError::Path)?;
                        let is_symlink = kind == EntryKind::Symlink;
                        let content_decides = !is_symlink && self.content_decides(path.as_str());
                        found.entries.push(SourceEntry { path, is_symlink, content_decides });
                    }
                }
            }
        }
        found.entries.sort();
        found.skipped.sort();
        Ok(found)
    }
}
