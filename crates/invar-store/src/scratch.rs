use std::fs;
use std::io;
use std::path::Path;

use crate::temporary::{Access, TemporaryDirectory};
use crate::{Store, StoreError};

impl Store {
    /// Makes an empty folder on the store's disk that only this user can enter.
    ///
    /// # Errors
    /// [`StoreError::Full`], [`StoreError::ReadOnly`], [`StoreError::Io`].
    pub fn scratch(&self) -> Result<Scratch, StoreError> {
        Ok(Scratch { directory: TemporaryDirectory::create(self, Access::Private)? })
    }
}

/// A private folder for work that is thrown away, such as the writable layer of a sandbox.
///
/// It is removed when this is dropped, whatever is in it: folders that may not be entered or written, nested however
/// deep. If the process is killed, the next [`Store::open`] removes it.
#[derive(Debug)]
pub struct Scratch {
    directory: TemporaryDirectory,
}

impl Scratch {
    /// The folder, with mode `0700`.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Moves the folder to `to`, which must not exist or be an empty folder, out of the store's care.
    ///
    /// # Errors
    /// What the system says; the folder is then removed. A folder cannot be moved to another file system:
    /// [`io::ErrorKind::CrossesDevices`].
    pub fn keep(self, to: &Path) -> io::Result<()> {
        fs::rename(self.path(), to)
    }
}
