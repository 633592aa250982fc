use std::fmt;
use std::io;

use invar_formats::LimitExceeded;
use invar_formats::tar::TarError;
use invar_tree::{PathError, SinkError};

use super::MOST_SMALL;
use crate::wheel::WheelFault;

/// Why a source archive cannot be unpacked.
#[derive(Debug)]
pub struct SdistError {
    /// The archive's file name.
    pub sdist: String,
    /// What is wrong with it.
    pub fault: SdistFault,
}

impl fmt::Display for SdistError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.sdist, self.fault)
    }
}

impl std::error::Error for SdistError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.fault)
    }
}

/// What is wrong with a source archive.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SdistFault {
    /// The file name does not end as that of an archive does.
    #[error("unknown archive type: expected .tar.gz, .tar.xz, .tar.zst, .tar or .zip")]
    Kind,
    /// The archive is compressed in a way that is not read.
    #[error(
        "its compression {compression} is not supported: expected .tar.gz, .tar.xz, .tar.zst, .tar or .zip; use a version \
         with a wheel, or set another archive in tool.uv.sources"
    )]
    Compression {
        /// The compression.
        compression: &'static str,
    },
    /// It is not a tar archive, is damaged, or goes beyond a limit; a zip archive has the same limits.
    #[error(transparent)]
    Archive(#[from] TarError),
    /// Something is wrong with it as a zip archive.
    #[error(transparent)]
    Zip(WheelFault),
    /// There is no folder that holds everything.
    #[error("it is empty: expected a single top-level directory")]
    Empty,
    /// There is more than the one folder that should hold everything.
    #[error("{path:?} is outside {top:?}: expected a single top-level directory")]
    Top {
        /// The first folder in the archive, or its first entry if that is not one.
        top: String,
        /// The path of the other entry.
        path: String,
    },
    /// A file that is read as a whole is too large.
    #[error("{path:?} has {found} bytes; the limit is {MOST_SMALL}")]
    TooLarge {
        /// The file.
        path: String,
        /// Its size in bytes.
        found: u64,
    },
    /// A file that must be text is not.
    #[error("{path:?} is not UTF-8")]
    Text {
        /// The file.
        path: String,
    },
    /// An entry is not one that a source archive may have.
    #[error("the entry {path:?}")]
    Entry {
        /// The entry's path, as the archive spells it.
        path: String,
        /// What is wrong with it.
        #[source]
        fault: EntryFault,
    },
    /// The sink did not take an entry.
    #[error(transparent)]
    Sink(#[from] SinkError),
}

/// Why an entry is not one that a source archive may have.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EntryFault {
    /// The path leads out of the archive or cannot be held.
    #[error("it has an invalid path")]
    Path(#[source] PathError),
    /// The entry is neither a file, a directory, nor a link.
    #[error("a source archive may not contain {kind}")]
    Kind {
        /// What it is, with its article.
        kind: &'static str,
    },
    /// The target of a symbolic link is absolute, climbs out, or has `..` where links could lead anywhere.
    #[error(
        "it is a symbolic link to {target:?}: only relative links within the archive are supported, with \"..\" only \
         at the start"
    )]
    Target {
        /// The target, with what is not UTF-8 replaced.
        target: String,
    },
    /// A hard link names a file that does not come before it.
    #[error("it is a hard link to {original:?}, which is not an earlier file")]
    HardLink {
        /// The path that the link names.
        original: String,
    },
}

impl From<io::Error> for SdistFault {
    fn from(error: io::Error) -> Self {
        Self::Archive(error.into())
    }
}

impl SdistFault {
    /// The fault that a sink reports, as a fault of the archive if it is one.
    pub(super) fn of_sink(error: SinkError) -> Self {
        match error {
            SinkError::Read { source, .. } if LimitExceeded::find(&source).is_some() => source.into(),
            error => Self::Sink(error),
        }
    }
}
