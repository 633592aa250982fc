use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use invar_tree::{Digest, Hasher};

use crate::permission::{make_directory, open_for_owner};
use crate::store::{lock, sorted_names};
use crate::temporary::{Durability, put_in_place};
use crate::{Store, StoreError};

impl Store {
    /// Begins, or takes up again, the download of a blob. Waits while another process or thread downloads it.
    ///
    /// The other may have finished: ask [`has_blob`](Self::has_blob) again afterwards.
    ///
    /// # Errors
    /// [`StoreError::Full`], [`StoreError::ReadOnly`], [`StoreError::Io`].
    pub fn partial(&self, digest: &Digest) -> Result<Partial, StoreError> {
        loop {
            let (path, file) = self.open_partial(digest)?;
            lock(&file).map_err(StoreError::writing(&path))?;
            if let Some(partial) = self.take_partial(digest, path, file)? {
                return Ok(partial);
            }
        }
    }

    /// As [`partial`](Self::partial), but `None` at once while another process or thread downloads the blob, for
    /// callers that want to do something else meanwhile.
    ///
    /// # Errors
    /// As [`partial`](Self::partial).
    pub fn try_partial(&self, digest: &Digest) -> Result<Option<Partial>, StoreError> {
        loop {
            let (path, file) = self.open_partial(digest)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(StoreError::writing(&path)(error)),
            }
            if let Some(partial) = self.take_partial(digest, path, file)? {
                return Ok(Some(partial));
            }
        }
    }

    fn open_partial(&self, digest: &Digest) -> Result<(PathBuf, File), StoreError> {
        let directory = self.partial_directory();
        let path = directory.join(digest.hex());
        let open = || OpenOptions::new().read(true).append(true).create(true).open(&path);
        let file = match open() {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                make_directory(&directory).map_err(StoreError::writing(&directory))?;
                open()
            }
            // Whoever finishes a blob takes the right to write to it away before it gets its place: only root can open it
            // then. Once its lock is free it has its place, or its holder died, and it may be written to again.
            Err(error) if error.kind() == ErrorKind::PermissionDenied => match File::open(&path) {
                Ok(finishing) => {
                    lock(&finishing).map_err(StoreError::writing(&path))?;
                    if is_at(&finishing, &path) {
                        open_for_owner(&finishing).map_err(StoreError::writing(&path))?;
                    }
                    drop(finishing);
                    open()
                }
                Err(gone) if gone.kind() == ErrorKind::NotFound => open(),
                Err(_) => Err(error),
            },
            done => done,
        };
        let file = file.map_err(StoreError::writing(&path))?;
        Ok((path, file))
    }

    /// The locked file as a [`Partial`], unless it has been finished or removed by the one who held it before: it is
    /// then a blob, or nothing, and must not be written.
    fn take_partial(
        &self,
        digest: &Digest,
        path: PathBuf,
        file: File,
    ) -> Result<Option<Partial>, StoreError> {
        if !is_at(&file, &path) {
            return Ok(None);
        }
        open_for_owner(&file).map_err(StoreError::writing(&path))?;
        let length = file.metadata().map_err(StoreError::reading(&path))?.len();
        Ok(Some(Partial { store: self.clone(), digest: *digest, path, file, length, hasher: None }))
    }

    /// Removes the beginnings of blobs that are there by now.
    pub(crate) fn clean_partial(&self) {
        let directory = self.partial_directory();
        for name in sorted_names(&directory).unwrap_or_default() {
            let path = directory.join(&name);
            if let Ok(digest) = Digest::from_hex(&name)
                && self.has_blob(&digest)
                && let Ok(file) = File::open(&path)
                && file.try_lock().is_ok()
                && is_at(&file, &path)
            {
                let _ = fs::remove_file(&path);
            }
        }
    }
}

/// Whether the opened file is still what has the name `path`.
fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(opened), Ok(named)) => opened.dev() == named.dev() && opened.ino() == named.ino(),
        _ => false,
    }
}

/// The beginning of a blob that is being downloaded, locked against everyone else.
///
/// What has been written stays when this is dropped, so that a later download can go on from there.
#[derive(Debug)]
pub struct Partial {
    store: Store,
    digest: Digest,
    path: PathBuf,
    file: File,
    length: u64,
    /// `None` until the bytes of an earlier download have been read again.
    hasher: Option<Hasher>,
}

impl Partial {
    /// How many bytes are there.
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Whether nothing is there yet.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The digest that the whole must have.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Forgets what is there.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn restart(&mut self) -> Result<(), StoreError> {
        self.file.set_len(0).map_err(StoreError::writing(&self.path))?;
        self.length = 0;
        self.hasher = Some(Hasher::new());
        Ok(())
    }

    /// Checks the length, if it is known, and the digest of everything that exists, whoever wrote it, and makes it a blob.
    /// Returns its length in bytes.
    ///
    /// What is too short stays for a later attempt; what is too long or has another digest is removed.
    ///
    /// # Errors
    /// [`StoreError::Length`], [`StoreError::Mismatch`], [`StoreError::Full`], [`StoreError::Io`].
    pub fn commit(mut self, size: Option<u64>) -> Result<u64, StoreError> {
        if let Some(expected) = size
            && expected != self.length
        {
            let found = self.length;
            if found > expected {
                self.restart()?;
            }
            return Err(StoreError::Length { digest: self.digest, expected, found });
        }
        let found = self.hasher().map_err(StoreError::reading(&self.path))?.finish();
        if found != self.digest {
            let (expected, size) = (self.digest, self.length);
            self.restart()?;
            return Err(StoreError::Mismatch { expected, found, size });
        }
        let target = self.store.blob_file(&self.digest);
        put_in_place(&self.file, &self.path, &target, Durability::Synchronised)?;
        Ok(self.length)
    }

    /// The state of the hash after everything that exists.
    fn hasher(&mut self) -> io::Result<Hasher> {
        if let Some(hasher) = &self.hasher {
            return Ok(hasher.clone());
        }
        let mut hasher = Hasher::new();
        let mut buffer = vec![0; 256 * 1024];
        while hasher.length() < self.length {
            let wanted =
                buffer.len().min(usize::try_from(self.length - hasher.length()).unwrap_or(usize::MAX));
            match self.file.read_at(&mut buffer[..wanted], hasher.length()) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(read) => hasher.update(&buffer[..read]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.hasher = Some(hasher.clone());
        Ok(hasher)
    }
}

impl Write for Partial {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.hasher.is_none() {
            self.hasher().map_err(|error| StoreError::reading(&self.path)(error).into_io())?;
        }
        let written = self.file.write(bytes).map_err(|error| match error.kind() {
            ErrorKind::Interrupted => error,
            _ => StoreError::writing(&self.path)(error).into_io(),
        })?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&bytes[..written]);
        }
        self.length += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // Nothing is worth keeping of an empty file. The lock is still held, so the name is ours if it is this file.
        if self.length == 0 && is_at(&self.file, &self.path) {
            let _ = fs::remove_file(&self.path);
        }
    }
}
