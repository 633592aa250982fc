//! Where in a project's folder builds write.
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use invar_project::{EntryKind, ListingEntry, SourceRules};

use crate::disk::walk;
use crate::output::{DIST, GITIGNORE, is_archive, is_output_directory, is_partial};
use crate::project::ProjectFiles;
use crate::{CheckoutError, SourceError};

impl ProjectFiles {
    /// Makes the directory that builds write to where no path is given.
    ///
    /// It gets a `.gitignore` only if nothing is in it but what tools build: files that somebody keeps there are source,
    /// and must not cease to be.
    ///
    /// # Errors
    /// [`CheckoutError::Write`].
    pub fn create_dist(&self) -> Result<PathBuf, CheckoutError> {
        let dist = match self.folder == Path::new(".") {
            true => PathBuf::from(DIST),
            false => self.folder.join(DIST),
        };
        let failed = |source| CheckoutError::Write { path: dist.clone(), source };
        fs::create_dir_all(&dist).map_err(failed)?;
        let gitignore = dist.join(".gitignore");
        if !gitignore.exists() && has_only_outputs(&dist).map_err(failed)? {
            let written =
                File::create_new(&gitignore).and_then(|mut file| file.write_all(GITIGNORE.as_bytes()));
            match written {
                // Another build was faster.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                written => written.map_err(|source| CheckoutError::Write { path: gitignore, source })?,
            }
        }
        Ok(dist)
    }

    /// Refuses to write the result of a build to `output` where that is a file of the project, or of the workspace that it
    /// is a member of. What an earlier build wrote may be replaced.
    ///
    /// # Errors
    /// [`CheckoutError::OutputIsSource`], and what reading the folder says.
    pub fn check_output(&self, output: &Path) -> Result<(), CheckoutError> {
        let Ok(metadata) = fs::metadata(output) else { return Ok(()) };
        if !metadata.is_file() || metadata.len() == 0 || is_archive(output) {
            return Ok(());
        }
        let root = self.workspace.as_deref().unwrap_or(&self.folder);
        let (Ok(real), Ok(root)) = (fs::canonicalize(output), fs::canonicalize(root)) else { return Ok(()) };
        let Some(relative) = real.strip_prefix(&root).ok().and_then(Path::to_str) else { return Ok(()) };
        let mut rules = SourceRules::new(&[], &[], None, &[]).map_err(SourceError::Rules)?;
        let mut is_source = || -> Result<bool, CheckoutError> {
            let found = walk(&mut rules, &root)?;
            Ok(found.entries.iter().any(|entry| entry.path.as_str() == relative))
        };
        let name = relative.rsplit('/').next().unwrap_or(relative);
        let is_known = ["pyproject.toml", "invar.toml", "uv.lock", "invar.lock"].contains(&name);
        match is_known || is_source()? {
            true => Err(CheckoutError::OutputIsSource { path: output.to_owned() }),
            false => Ok(()),
        }
    }
}

/// Whether there is nothing in `dist` but what Invar, uv and other tools build.
fn has_only_outputs(dist: &Path) -> io::Result<bool> {
    #[expect(clippy::disallowed_methods, reason = "only whether there is anything else matters")]
    let entries = fs::read_dir(dist)?;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_built = match entry.file_type()?.is_dir() {
            true => listing(&entry.path()).is_some_and(|names| is_output_directory(&entry.path(), &names)),
            false => name.ends_with(".whl") || name.ends_with(".tar.gz") || is_archive(&entry.path()),
        };
        if !is_built && !is_partial(&name) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn listing(directory: &Path) -> Option<Vec<ListingEntry>> {
    #[expect(clippy::disallowed_methods, reason = "only which names there are matters")]
    let entries = fs::read_dir(directory).ok()?;
    let entry = |entry: fs::DirEntry| {
        let kind = if entry.file_type().ok()?.is_dir() { EntryKind::Directory } else { EntryKind::File };
        Some(ListingEntry { name: entry.file_name().into_string().ok()?, kind })
    };
    Some(entries.flatten().filter_map(entry).collect())
}

/// A directory that an earlier build wrote to a path that nobody chose: it is put aside for the next one, and put back if
/// there is none.
#[derive(Debug)]
pub struct Replaced {
    path: PathBuf,
    aside: PathBuf,
}

impl Replaced {
    /// Puts the directory `path` aside, if it is one that a build wrote.
    ///
    /// # Errors
    /// [`CheckoutError::Write`].
    pub fn put_aside(path: &Path) -> Result<Option<Self>, CheckoutError> {
        if !listing(path).is_some_and(|names| is_output_directory(path, &names)) {
            return Ok(None);
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // As an unfinished result, so that nothing takes it for source.
        let aside = path.with_file_name(format!(".{name}-old.{}.partial", std::process::id()));
        fs::rename(path, &aside).map_err(|source| CheckoutError::Write { path: path.to_owned(), source })?;
        Ok(Some(Self { path: path.to_owned(), aside }))
    }
}

impl Drop for Replaced {
    fn drop(&mut self) {
        // Nothing can be reported any more. What cannot be removed is hidden, and is not source.
        let _ = match self.path.exists() {
            true => fs::remove_dir_all(&self.aside),
            false => fs::rename(&self.aside, &self.path),
        };
    }
}
