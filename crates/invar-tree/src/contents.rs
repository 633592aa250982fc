use std::io::{self, Read, Seek};
use std::sync::Arc;

use crate::{ImagePath, Mode, Owner};

/// A reader that can also seek.
pub trait ReadSeek: Read + Seek {}
impl<T: Read + Seek + ?Sized> ReadSeek for T {}

/// An opened file of a tree.
pub type ContentReader<'a> = Box<dyn ReadSeek + 'a>;

/// Where the bytes of a tree's files are.
pub trait Contents {
    /// Opens the file at `path`, which must be a regular file of the tree.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] where the tree has no such file, and whatever reading it meets.
    fn open(&self, path: &ImagePath) -> io::Result<ContentReader<'_>>;

    /// The whole content of the file at `path`.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    fn read(&self, path: &ImagePath) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open(path)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// Why a [`Sink`] did not take an entry.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// A second entry for one path that is not the same directory again.
    #[error("{path} appears twice")]
    Duplicate {
        /// The path.
        path: ImagePath,
    },
    /// An entry is below a path that is a file or a symbolic link in the same tree.
    #[error("{path} is below {ancestor}, which is not a directory")]
    NotADirectory {
        /// The entry's path.
        path: ImagePath,
        /// The file or link above it.
        ancestor: ImagePath,
    },
    /// The content's reader failed or ended early: the archive is at fault.
    #[error("cannot read the content of {path}")]
    Read {
        /// The path.
        path: ImagePath,
        /// What the reader said.
        #[source]
        source: io::Error,
    },
    /// The content cannot be kept: the disk is at fault.
    #[error("cannot store the content of {path}")]
    Write {
        /// The path.
        path: ImagePath,
        /// What the disk said.
        #[source]
        source: io::Error,
    },
}

/// What a format's reader gives its entries to, one after the other, in the order of the archive.
///
/// A sink checks that the entries form a tree; the reader checks what its format promises (sizes, hashes).
pub trait Sink {
    /// Takes a directory. The same directory may come again; the last mode and owner count.
    ///
    /// # Errors
    /// [`SinkError::Duplicate`] over a file or link, [`SinkError::NotADirectory`].
    fn directory(&mut self, path: ImagePath, mode: Mode, owner: Owner) -> Result<(), SinkError>;

    /// Takes a regular file and reads `content` to its end.
    ///
    /// # Errors
    /// [`SinkError`].
    fn file(
        &mut self,
        path: ImagePath,
        mode: Mode,
        owner: Owner,
        content: &mut dyn Read,
    ) -> Result<(), SinkError>;

    /// Takes a symbolic link.
    ///
    /// # Errors
    /// [`SinkError::Duplicate`], [`SinkError::NotADirectory`].
    fn symlink(&mut self, path: ImagePath, target: Arc<str>, owner: Owner) -> Result<(), SinkError>;

    /// Takes a second name for a file that this sink has taken before: it becomes a file of its own.
    ///
    /// # Errors
    /// [`SinkError`]; [`SinkError::Read`] with [`io::ErrorKind::NotFound`] where `original` is not a file here.
    fn copy(&mut self, path: ImagePath, original: &ImagePath) -> Result<(), SinkError>;
}
