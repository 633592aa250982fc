use std::io;

use crate::LimitExceeded;

/// Why a tar archive cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TarError {
    /// The archive is damaged, cut short, or could not be read.
    #[error("it is damaged or cannot be read")]
    Read(#[source] io::Error),
    /// The stream that it is read from gave more than its limit ([`crate::Limited`]).
    #[error("it unpacks to more than {limit} bytes, which is implausible for its size")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// There are too many members.
    #[error("it has more than {limit} entries")]
    TooManyEntries {
        /// The limit.
        limit: usize,
    },
    /// Paths, link targets and extended attributes are too long to be kept in memory.
    #[error("the paths of its entries have more than {limit} bytes together")]
    NamesTooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// A block that must be a header is not one.
    #[error("expected a tar header at byte {offset}")]
    Header {
        /// Where, in the uncompressed archive.
        offset: u64,
    },
    /// After the end of the archive there is something else.
    #[error("it has more data after its end")]
    Trailing,
    /// A member's header cannot be understood.
    #[error("the entry {path:?}")]
    Entry {
        /// The member's path as the archive spells it, at most 200 characters; what is not UTF-8 is replaced.
        path: String,
        /// What is wrong with it.
        #[source]
        fault: TarFault,
    },
}

/// Why a member's header cannot be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TarFault {
    /// A number is invalid, negative, or is larger than Linux has it.
    #[error("its header has an invalid number")]
    Number,
    /// An extended header or a long name is malformed or too long, comes twice, belongs to no member, or says what it
    /// must not.
    #[error("its extended header or long name is malformed, too long, repeated, or not followed by an entry")]
    Extension,
}

impl TarError {
    /// The error that the member at `path` has `fault`.
    #[must_use]
    pub fn entry(path: &[u8], fault: TarFault) -> Self {
        Self::Entry { path: String::from_utf8_lossy(path).chars().take(200).collect(), fault }
    }
}

impl From<io::Error> for TarError {
    fn from(error: io::Error) -> Self {
        match LimitExceeded::find(&error) {
            Some(LimitExceeded { limit }) => Self::TooLarge { limit },
            None => Self::Read(error),
        }
    }
}
