use std::error::Error;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use invar_diagnostic::{Diagnostic, Hint, Kind};
use invar_oci::SegmentError;
use invar_tree::Digest;

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk, the quota or the limit on file sizes is exhausted.
    #[error(
        "no space left to write {}: free some space, or use a store on a larger disk",
        path.display()
    )]
    Full {
        /// The file that could not be written.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The store, or a part of it, may not be written.
    #[error(
        "cannot write {}: make the store writable for this user, or use another store",
        path.display()
    )]
    ReadOnly {
        /// The file that could not be written.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The store was created by a version of the program that lays it out differently.
    #[error(
        "the store in {} has the format {found:?}, but this Invar reads {expected:?}: use another directory, \
         or delete this one (a store only contains what can be rebuilt)",
        path.display()
    )]
    Format {
        /// The store's folder.
        path: PathBuf,
        /// The format that this version reads.
        expected: &'static str,
        /// What the store's file `format` says, at most its first 64 bytes.
        found: String,
    },
    /// The folder holds something else.
    #[error(
        "{} is not a store: it has no file \"format\" but contains {name:?}; use an empty or new directory",
        path.display()
    )]
    NotAStore {
        /// The folder.
        path: PathBuf,
        /// The first name in it, in the order of their bytes.
        name: String,
    },
    /// The store has no such blob.
    #[error("{digest} is not in the store")]
    Missing {
        /// The blob's digest.
        digest: Digest,
    },
    /// What was written has another digest than it should.
    #[error("expected {expected}, found {found} ({size} bytes)")]
    Mismatch {
        /// The digest that it should have.
        expected: Digest,
        /// The digest that it has.
        found: Digest,
        /// How many bytes it has.
        size: u64,
    },
    /// What was written has another length than it should.
    #[error("{digest} should have {expected} bytes, but {found} were written")]
    Length {
        /// The digest that it should have.
        digest: Digest,
        /// The length that it should have, in bytes.
        expected: u64,
        /// The length that it has, in bytes.
        found: u64,
    },
    /// A file in the store is not what was put there. It has been removed if that was possible.
    #[error("{} is damaged: run the command again to rebuild it", path.display())]
    Damaged {
        /// The damaged file.
        path: PathBuf,
    },
    /// What was written to the disk is not what the disk shows: it does not keep modes, times or lengths.
    #[error(
        "the file system of {} does not preserve permissions or times: use a store on another file system",
        path.display()
    )]
    Unfaithful {
        /// The checkout's folder.
        path: PathBuf,
    },
    /// A tree has no attachment of this name.
    #[error("{} has no attachment {name:?}", path.display())]
    NoAttachment {
        /// The tree's folder.
        path: PathBuf,
        /// The name that was asked for.
        name: String,
    },
    /// Attachments are named by 1 to 64 of `a-z`, `0-9`, `.`, `_`, `-`, and each name once.
    #[error("{name:?} is not a valid attachment name")]
    AttachmentName {
        /// The name as given.
        name: String,
    },
    /// A tree cannot be written as a segment.
    #[error("cannot write the tree as a segment to {}", path.display())]
    Segment {
        /// The segment's file.
        path: PathBuf,
        /// What the writer said.
        #[source]
        source: Box<SegmentError>,
    },
    /// A result cannot be written as JSON.
    #[error("cannot write the result for {} as JSON", path.display())]
    Encode {
        /// The result's file.
        path: PathBuf,
        /// What the encoder said.
        #[source]
        source: serde_json::Error,
    },
    /// Another failure of the disk.
    #[error("{} cannot be {}", path.display(), if *writing { "written" } else { "read" })]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Whether it was being written.
        writing: bool,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl Diagnostic for StoreError {
    fn kind(&self) -> Kind {
        Kind::Disk
    }

    fn hint(&self) -> Option<Hint> {
        match self {
            Self::Full { .. } => Some("free some space, or pass another directory with --store".into()),
            Self::ReadOnly { .. } => Some("pass another directory with --store".into()),
            _ => None,
        }
    }
}

impl StoreError {
    /// The error for a failure to read `path`.
    pub(crate) fn reading(path: &Path) -> impl FnOnce(io::Error) -> Self + use<'_> {
        move |source| Self::Io { path: path.to_owned(), writing: false, source }
    }

    /// The error for a failure to write `path`.
    pub(crate) fn writing(path: &Path) -> impl FnOnce(io::Error) -> Self + use<'_> {
        move |source| {
            // A writer of this crate has said it already.
            let source = match source.downcast::<Self>() {
                Ok(error) => return error,
                Err(source) => source,
            };
            let path = path.to_owned();
            match source.kind() {
                kind if is_full(kind) => Self::Full { path, source },
                ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => {
                    Self::ReadOnly { path, source }
                }
                _ => Self::Io { path, writing: true, source },
            }
        }
    }

    /// The error for a segment that was being written to `path`.
    pub(crate) fn segment(path: &Path, source: SegmentError) -> Self {
        let mut cause: Option<&(dyn Error + 'static)> = Some(&source);
        while let Some(error) = cause {
            if let Some(error) = error.downcast_ref::<io::Error>()
                && is_full(error.kind())
            {
                return Self::Full { path: path.to_owned(), source: error.kind().into() };
            }
            cause = error.source();
        }
        Self::Segment { path: path.to_owned(), source: Box::new(source) }
    }

    /// This error as what a [`io::Write`] returns: the kind stays, and so do the words.
    pub(crate) fn into_io(self) -> io::Error {
        let kind = match &self {
            Self::Full { source, .. } | Self::ReadOnly { source, .. } | Self::Io { source, .. } => {
                source.kind()
            }
            Self::Missing { .. } | Self::NoAttachment { .. } => ErrorKind::NotFound,
            _ => ErrorKind::InvalidData,
        };
        io::Error::new(kind, self)
    }
}

/// Whether the disk, the quota or the limit on a file's size is exhausted.
fn is_full(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)
}
