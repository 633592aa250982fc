//! A project's folder on the disk, as the rules for source see it.
use std::fs;
use std::io;
use std::path::Path;

use invar_project::{EntryKind, Listing, ListingEntry, SourceList, SourceRules, WalkError};

use crate::output::{is_output_directory, is_partial};
use crate::{CheckoutError, SourceError};

/// The text of a file, or `None` where there is no such file.
pub(crate) fn read_text_if_there(path: &Path) -> Result<Option<String>, CheckoutError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(CheckoutError::Read { path: path.to_owned(), source }),
    }
}

/// The files in `folder` that `rules` let in.
pub(crate) fn walk(rules: &mut SourceRules, folder: &Path) -> Result<SourceList, SourceError> {
    rules.walk(&Disk { folder }).map_err(walk_error)
}

fn walk_error(error: WalkError<SourceError>) -> SourceError {
    match error {
        WalkError::Listing(error) => error,
        other => SourceError::Entry { message: other.to_string() },
    }
}

/// The plain files in `folder` that are source by the rules for a project without a manifest, by path.
///
/// # Errors
/// [`SourceError`].
pub fn source_files(folder: &Path) -> Result<Vec<String>, SourceError> {
    let mut rules = SourceRules::new(&[], &[], None, &[])?;
    let found = walk(&mut rules, folder)?;
    let files = found.entries.into_iter().filter(|entry| !entry.is_symlink);
    Ok(files.map(|entry| entry.path.as_str().to_owned()).collect())
}

/// A project's folder on the disk, as [`SourceRules::walk`] sees it.
#[derive(Debug, Clone, Copy)]
pub struct Disk<'a> {
    /// The folder.
    pub folder: &'a Path,
}

impl Listing for Disk<'_> {
    type Error = SourceError;

    fn entries(&self, directory: &str) -> Result<Vec<ListingEntry>, SourceError> {
        let folder = self.folder.join(directory);
        let failed = |source| SourceError::Read { path: folder.clone(), source };
        #[expect(clippy::disallowed_methods, reason = "the walk sorts what it is given")]
        let listed = fs::read_dir(&folder).map_err(failed)?;
        let mut entries = Vec::new();
        for entry in listed {
            let entry = entry.map_err(failed)?;
            let kind = entry.file_type().map_err(failed)?;
            let kind = if kind.is_symlink() {
                EntryKind::Symlink
            } else if kind.is_dir() {
                EntryKind::Directory
            } else if kind.is_file() {
                EntryKind::File
            } else {
                EntryKind::Other
            };
            let name =
                entry.file_name().into_string().map_err(|_| SourceError::NotUtf8 { path: entry.path() })?;
            if !is_partial(&name) {
                entries.push(ListingEntry { name, kind });
            }
        }
        // The project itself may be in what was an image once.
        let is_output = !directory.is_empty() && is_output_directory(&folder, &entries);
        Ok(if is_output { Vec::new() } else { entries })
    }

    fn gitignore(&self, directory: &str) -> Result<String, SourceError> {
        let path = self.folder.join(directory).join(".gitignore");
        let bytes = fs::read(&path).map_err(|source| SourceError::Read { path, source })?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}
