use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::PathBuf;

use invar_tree::{Digest, Hasher};

use crate::temporary::{Durability, TemporaryFile};
use crate::{Store, StoreError};

/// sha256 of nothing: the one blob that may be empty.
fn may_be_empty(digest: &Digest) -> bool {
    *digest == Digest::of(b"")
}

impl Store {
    /// Whether the store has the blob. The content is not hashed again; an empty file that should not be empty, as a
    /// crash may leave it on some file systems, does not count.
    pub fn has_blob(&self, digest: &Digest) -> bool {
        self.blob_size(digest).is_some()
    }

    /// The blob's length in bytes, if the store has it.
    pub fn blob_size(&self, digest: &Digest) -> Option<u64> {
        let metadata = fs::symlink_metadata(self.blob_file(digest)).ok()?;
        let plausible = metadata.is_file() && (metadata.len() > 0 || may_be_empty(digest));
        plausible.then_some(metadata.len())
    }

    /// Where the blob is, or would be.
    pub fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.blob_file(digest)
    }

    /// Opens a blob; the number is its length in bytes.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::Io`].
    pub fn open_blob(&self, digest: &Digest) -> Result<(File, u64), StoreError> {
        let path = self.blob_file(digest);
        let Some(size) = self.blob_size(digest) else {
            return Err(StoreError::Missing { digest: *digest });
        };
        match File::open(&path) {
            Ok(file) => Ok((file, size)),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(StoreError::Missing { digest: *digest }),
            Err(error) => Err(StoreError::reading(&path)(error)),
        }
    }

    /// Removes a blob that a reader found to be damaged, if it is: its content is hashed first. Returns whether the
    /// blob is gone.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::ReadOnly`].
    pub fn discard_damaged_blob(&self, digest: &Digest) -> Result<bool, StoreError> {
        let _lock = self.lock_for_repair()?;
        let path = self.blob_file(digest);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(true),
            Err(error) => return Err(StoreError::reading(&path)(error)),
        };
        let mut hasher = Hasher::new();
        // A sector that cannot be read is damage too.
        if io::copy(&mut file, &mut hasher).is_ok() && hasher.finish() == *digest {
            return Ok(false);
        }
        fs::remove_file(&path).map_err(StoreError::writing(&path))?;
        Ok(true)
    }

    /// Begins a blob whose digest is unknown yet.
    ///
    /// # Errors
    /// [`StoreError::Full`], [`StoreError::ReadOnly`], [`StoreError::Io`].
    pub fn blob_writer(&self) -> Result<BlobWriter, StoreError> {
        let file = BufWriter::with_capacity(128 * 1024, TemporaryFile::create(self)?);
        Ok(BlobWriter { store: self.clone(), file, hasher: Hasher::new() })
    }
}

/// A blob in the making: what is written is hashed on the way. Dropped without a commit, it leaves nothing.
#[derive(Debug)]
pub struct BlobWriter {
    store: Store,
    file: BufWriter<TemporaryFile>,
    hasher: Hasher,
}

impl BlobWriter {
    /// Puts what was written into the store. Returns its digest and its length in bytes.
    ///
    /// # Errors
    /// [`StoreError::Full`], [`StoreError::ReadOnly`], [`StoreError::Io`].
    pub fn commit(self) -> Result<(Digest, u64), StoreError> {
        let Self { store, file, hasher } = self;
        let size = hasher.length();
        let digest = hasher.finish();
        place(&store, file, &digest, size)?;
        Ok((digest, size))
    }

    /// Puts what was written into the store if its digest is `expected`. Returns its length in bytes.
    ///
    /// # Errors
    /// [`StoreError::Mismatch`]; and as [`commit`](Self::commit).
    pub fn commit_as(self, expected: &Digest) -> Result<u64, StoreError> {
        let Self { store, file, hasher } = self;
        let size = hasher.length();
        let found = hasher.finish();
        if found != *expected {
            return Err(StoreError::Mismatch { expected: *expected, found, size });
        }
        place(&store, file, expected, size)?;
        Ok(size)
    }
}

fn place(
    store: &Store,
    file: BufWriter<TemporaryFile>,
    digest: &Digest,
    size: u64,
) -> Result<(), StoreError> {
    if store.blob_size(digest) == Some(size) {
        return Ok(());
    }
    let path = file.get_ref().path().to_owned();
    let file = file.into_inner().map_err(|error| StoreError::writing(&path)(error.into_error()))?;
    file.rename(&store.blob_file(digest), Durability::Synchronised)
}

impl Write for BlobWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
