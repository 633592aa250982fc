use std::fmt;
use std::io;
use std::path::PathBuf;

use invar_tree::{PathError, SinkError};
use rustix::fs::FileType;

/// A kind of file that an image does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpecialFile {
    /// A socket.
    Socket,
    /// A FIFO, also called a named pipe.
    Fifo,
    /// A character device.
    CharacterDevice,
    /// A block device.
    BlockDevice,
    /// Something that this program does not know.
    Unknown,
}

impl SpecialFile {
    pub(crate) fn of(kind: FileType) -> Self {
        match kind {
            FileType::Socket => Self::Socket,
            FileType::Fifo => Self::Fifo,
            FileType::CharacterDevice => Self::CharacterDevice,
            FileType::BlockDevice => Self::BlockDevice,
            _ => Self::Unknown,
        }
    }
}

impl fmt::Display for SpecialFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Socket => "a socket",
            Self::Fifo => "a FIFO",
            Self::CharacterDevice => "a character device",
            Self::BlockDevice => "a block device",
            Self::Unknown => "of an unknown kind",
        })
    }
}

/// Why what a command left cannot be a tree. Paths are those in the image, with a leading slash.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// A file of a kind that an image does not hold.
    #[error("{} is {kind}, which cannot be in an image: remove it at the end of the command", path.display())]
    Special {
        /// Where it is.
        path: PathBuf,
        /// What it is.
        kind: SpecialFile,
    },
    /// A name that a path in an image cannot have.
    #[error("{} has a name that is not valid in an image", path.display())]
    Name {
        /// Where it is, with what is not UTF-8 replaced when it is shown.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: PathError,
    },
    /// A link whose target is not UTF-8.
    #[error("{} is a link whose target is not UTF-8: {}", path.display(), target.display())]
    Target {
        /// Where it is.
        path: PathBuf,
        /// Where it points.
        target: PathBuf,
    },
    /// Only a folder can be the root of a tree.
    #[error("{} is not a directory", path.display())]
    NotADirectory {
        /// What was to be captured, on the host.
        path: PathBuf,
    },
    /// There are more entries than allowed.
    #[error("more than {limit} files and directories, the last of them in {}", path.display())]
    TooManyEntries {
        /// The folder that has too many.
        path: PathBuf,
        /// How many are allowed.
        limit: u64,
    },
    /// The files have more bytes than allowed.
    #[error("with {} ({size} bytes), the files exceed {limit} bytes in total", path.display())]
    TooManyBytes {
        /// The file that is too much.
        path: PathBuf,
        /// Its length in bytes.
        size: u64,
        /// How many bytes are allowed for all files together.
        limit: u64,
    },
    /// Something else writes while this reads.
    #[error("{} changed while it was read: is a process still writing to it?", path.display())]
    Changed {
        /// Where it is.
        path: PathBuf,
    },
    /// The upper layer of an overlay refers to a lower one in a way that is not read here.
    #[error("{} has the attribute {attribute}: the overlay was mounted with an unexpected option", path.display())]
    Overlay {
        /// Where it is.
        path: PathBuf,
        /// The attribute's name.
        attribute: &'static str,
    },
    /// The tree does not take it.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// The disk failed.
    #[error("{} cannot be read", path.display())]
    Io {
        /// Where it is.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}
