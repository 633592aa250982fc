//! A directory that has its name only when it is whole.
use std::fs;
use std::path::{Path, PathBuf};

use super::{DestinationError, output};

/// A directory under another name, which is removed unless it is committed.
pub(super) struct NewDirectory {
    hidden: PathBuf,
    path: PathBuf,
    committed: bool,
}

impl NewDirectory {
    pub fn create(path: &Path) -> Result<Self, DestinationError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let hidden = path.with_file_name(format!(".{name}.{}.partial", std::process::id()));
        fs::create_dir(&hidden).map_err(output(&hidden))?;
        Ok(Self { hidden, path: path.to_owned(), committed: false })
    }

    /// Where it is for now.
    pub fn place(&self) -> &Path {
        &self.hidden
    }

    /// Gives it its name. A directory that is there and empty is replaced; any other is kept, and that is the error.
    pub fn commit(mut self) -> Result<(), DestinationError> {
        fs::rename(&self.hidden, &self.path).map_err(output(&self.path))?;
        self.committed = true;
        Ok(())
    }
}

impl Drop for NewDirectory {
    fn drop(&mut self) {
        if !self.committed {
            // The first error says more than a failure to clean up after it.
            let _ = fs::remove_dir_all(&self.hidden);
        }
    }
}
