//! Files and folders that are being written.
//!
//! Each has a file below `tmp/` that its writer holds locked. A lock says what a process number cannot: whether the
//! writer still lives, on this host or in a container, and even if the number has been given to another.
use std::collections::hash_map::RandomState;
use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, Hasher};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::permission::{finish, make_directory, make_private_directory, open_for_owner};
use crate::removal::remove_all;
use crate::store::{lock, sorted_names};
use crate::{Store, StoreError};

/// A locked file below `tmp/`, removed when it is dropped.
#[derive(Debug)]
pub(crate) struct TemporaryFile {
    file: File,
    path: PathBuf,
    renamed: bool,
}

/// Whether what is renamed into place must be on the disk before its name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// It must: nothing would notice its loss.
    Synchronised,
    /// It need not: a loss is noticed when it is read.
    Checked,
}

impl TemporaryFile {
    pub(crate) fn create(store: &Store) -> Result<Self, StoreError> {
        let directory = store.temporary_path();
        loop {
            let path = directory.join(random_name());
            let opened = OpenOptions::new().read(true).write(true).create_new(true).open(&path);
            let file = match opened {
                Ok(file) => file,
                Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    make_directory(&directory).map_err(StoreError::writing(&directory))?;
                    continue;
                }
                Err(error) => return Err(StoreError::writing(&path)(error)),
            };
            let temporary = Self { file, path, renamed: false };
            if temporary.claim().map_err(StoreError::writing(&temporary.path))? {
                return Ok(temporary);
            }
        }
    }

    /// Takes the lock; false where a process that cleans up found the file before it was locked and removed it.
    fn claim(&self) -> io::Result<bool> {
        lock(&self.file)?;
        if self.file.metadata()?.nlink() == 0 {
            return Ok(false);
        }
        open_for_owner(&self.file)?;
        Ok(true)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the finished file its name; whatever has the name is replaced.
    pub(crate) fn rename(mut self, to: &Path, durability: Durability) -> Result<(), StoreError> {
        put_in_place(&self.file, &self.path, to, durability)?;
        self.renamed = true;
        Ok(())
    }
}

/// Renames the finished file `file` from `from` to `to`.
pub(crate) fn put_in_place(
    file: &File,
    from: &Path,
    to: &Path,
    durability: Durability,
) -> Result<(), StoreError> {
    finish(file).map_err(StoreError::writing(from))?;
    if durability == Durability::Synchronised {
        file.sync_data().map_err(StoreError::writing(from))?;
    }
    rename(from, to).map_err(StoreError::writing(to))
}

/// Renames, and makes the folder that `to` is in if it is missing.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            make_directory(to.parent().expect("everything in a store has a folder above it"))?;
            fs::rename(from, to)
        }
        done => done,
    }
}

impl Write for TemporaryFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes).map_err(|error| match error.kind() {
            ErrorKind::Interrupted => error,
            _ => StoreError::writing(&self.path)(error).into_io(),
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        if !self.renamed {
            // What cannot be removed now is removed by the next process that opens the store.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// A folder below `tmp/` with the lock next to it, removed when it is dropped.
#[derive(Debug)]
pub(crate) struct TemporaryDirectory {
    path: PathBuf,
    /// Dropped after the folder is gone, so a folder never is there without its lock.
    _lock: TemporaryFile,
}

/// Who may enter a folder below `tmp/`, and what it is renamed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Whoever the umask lets in.
    Shared,
    /// This user alone.
    Private,
}

impl TemporaryDirectory {
    pub(crate) fn create(store: &Store, access: Access) -> Result<Self, StoreError> {
        let lock = TemporaryFile::create(store)?;
        let path = directory_of(lock.path());
        match access {
            Access::Shared => make_directory(&path),
            Access::Private => make_private_directory(&path),
        }
        .map_err(StoreError::writing(&path))?;
        Ok(Self { path, _lock: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for TemporaryDirectory {
    fn drop(&mut self) {
        // After a successful rename there is nothing at this path. What cannot be removed now is tried again by the next
        // process that opens the store.
        let _ = remove_all(&self.path);
    }
}

/// The folder that belongs to the lock file at `path`.
fn directory_of(path: &Path) -> PathBuf {
    path.with_extension("d")
}

/// A name that no other process chooses. It is gone when the file is finished, so chance reaches no output.
fn random_name() -> String {
    let word = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", word(), word())
}

/// Removes what nobody holds locked. Nothing that fails here stops anyone from using the store.
pub(crate) fn clean(store: &Store) {
    let directory = store.temporary_path();
    let Ok(names) = sorted_names(&directory) else { return };
    for name in names {
        let path = directory.join(&name);
        if let Some(lock) = name.strip_suffix(".d") {
            if !directory.join(lock).exists() {
                let _ = remove_all(&path);
            }
        } else if let Ok(file) = File::open(&path)
            && file.try_lock().is_ok()
        {
            let _ = remove_all(&directory_of(&path));
            let _ = fs::remove_file(&path);
        }
    }
}
