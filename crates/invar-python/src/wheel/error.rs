use std::fmt;
use std::io;

use invar_tree::{ImagePath, PathError, SinkError};

/// Why a wheel cannot be installed.
#[derive(Debug)]
pub struct WheelError {
    /// The wheel's file name.
    pub wheel: String,
    /// What is wrong with it.
    pub fault: WheelFault,
}

impl fmt::Display for WheelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.wheel, self.fault)
    }
}

impl std::error::Error for WheelError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.fault)
    }
}

/// What is wrong with a wheel.
#[derive(Debug, thiserror::Error)]
pub enum WheelFault {
    /// Not a zip archive, or a damaged one.
    #[error("it is not a valid zip archive")]
    Archive(#[source] zip::result::ZipError),
    /// A member cannot be read to its end.
    #[error("cannot read {path:?}")]
    Read {
        /// The member.
        path: String,
        /// What the reader said.
        #[source]
        source: io::Error,
    },
    /// More members than any wheel has.
    #[error("it has {found} files; the limit is {limit}")]
    Members {
        /// How many it states.
        found: usize,
        /// How many are read.
        limit: usize,
    },
    /// The members would be larger than any wheel's, or much larger than the archive.
    #[error("its files would have {declared} bytes; the limit for an archive of its size is {limit}")]
    Bomb {
        /// The sum of the sizes that the archive states.
        declared: u64,
        /// How many are read.
        limit: u64,
    },
    /// A member's name cannot be a path in an environment.
    #[error("it has a file with the name {path:?}")]
    Path {
        /// The name, shortened.
        path: String,
        /// Why not.
        #[source]
        source: PathError,
    },
    /// A member's name has a control character, or backslashes around `..`.
    #[error("it has a file with the name {path:?}: control characters and `..` are not allowed")]
    Character {
        /// The name.
        path: String,
    },
    /// Two members have one name, perhaps spelt differently, and different contents.
    #[error("it has {path:?} twice")]
    Duplicate {
        /// The name.
        path: String,
    },
    /// A member is a symbolic link or a device.
    #[error("{path:?} is not a file or directory")]
    Kind {
        /// The member.
        path: String,
    },
    /// A member is encrypted.
    #[error("{path:?} is encrypted")]
    Encrypted {
        /// The member.
        path: String,
    },
    /// A member is compressed by something else than deflate.
    #[error("{path:?} is compressed with {method}, but wheels must be stored or deflated")]
    Compression {
        /// The member.
        path: String,
        /// The method.
        method: String,
    },
    /// A member has another size than the archive states.
    #[error("{path:?} has {found} bytes, but the archive states {expected}")]
    Size {
        /// The member.
        path: String,
        /// What the archive states.
        expected: u64,
        /// What was read.
        found: u64,
    },
    /// There is no `.dist-info` folder, or several, or one of another distribution.
    #[error("expected one directory {expected}-VERSION.dist-info, found {}", if found.is_empty() { "none".to_owned() } else { found.join(", ") })]
    DistInfo {
        /// The distribution.
        expected: String,
        /// The folders.
        found: Vec<String>,
    },
    /// A file that every wheel has is missing.
    #[error("{path} is missing")]
    Missing {
        /// The file.
        path: String,
    },
    /// A file that is read as a whole is too large.
    #[error("{path} has {found} bytes; the limit is {limit}")]
    TooLarge {
        /// The file.
        path: String,
        /// Its size.
        found: u64,
        /// How many are read.
        limit: u64,
    },
    /// `WHEEL` states another version of the format, or none.
    #[error("WHEEL states format version {found:?}, but only 1.x is supported")]
    WheelVersion {
        /// The version as `WHEEL` has it.
        found: String,
    },
    /// `METADATA` is of another package.
    #[error("METADATA is for {found}; expected {expected}")]
    Identity {
        /// The name and version that were locked.
        expected: String,
        /// What `METADATA` states.
        found: String,
    },
    /// A file is in a part of `.data` that does not exist.
    #[error("{path:?} is not in purelib, platlib, scripts, data or headers of .data")]
    Scheme {
        /// The file.
        path: String,
    },
    /// Two files would land at one place, and none of them is the one that `uv` takes.
    #[error("{from:?} would overwrite another of its files at {path}")]
    Overwrites {
        /// The place.
        path: ImagePath,
        /// The member that came second.
        from: String,
    },
    /// A file would replace the environment's own.
    #[error("{path:?} would replace {reserved}, which belongs to the environment")]
    Reserved {
        /// The member or entry point.
        path: String,
        /// The environment's file.
        reserved: String,
    },
    /// `RECORD` does not fit the archive.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// `entry_points.txt` is malformed.
    #[error(transparent)]
    EntryPoint(#[from] EntryPointError),
    /// The sink did not take a file.
    #[error(transparent)]
    Sink(#[from] SinkError),
}

/// Why a `RECORD` cannot be read: a line is not a row of three fields.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("RECORD, line {line}: {reason}")]
pub struct RecordError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub reason: &'static str,
}

/// Why an `entry_points.txt` is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryPointError {
    /// The file is not UTF-8.
    #[error("entry_points.txt is not UTF-8")]
    NotUtf8,
    /// A line is neither a section nor an assignment.
    #[error("entry_points.txt, line {line}: {text:?} is not \"name = module:function\"")]
    Line {
        /// The line, from 1.
        line: usize,
        /// The line's text.
        text: String,
    },
    /// What an entry point calls is not an object reference.
    #[error(
        "entry_points.txt, line {line}: {name:?} calls {value:?}, expected module:function, each made of letters, \
         digits and any of \"_-.\", optionally followed by extras in brackets"
    )]
    Object {
        /// The line, from 1.
        line: usize,
        /// The entry point's name.
        name: String,
        /// What it calls, shortened.
        value: String,
    },
    /// A line continues the value of the one before it.
    #[error(
        "entry_points.txt, line {line}: {text:?} is indented, so it belongs to the value of {name:?}: an entry point \
         has one line"
    )]
    Continued {
        /// The line, from 1.
        line: usize,
        /// The entry point that it continues.
        name: String,
        /// The line's text, shortened.
        text: String,
    },
    /// A name cannot be the name of a file in `bin`.
    #[error("entry_points.txt, line {line}: {name:?} cannot be the name of a program")]
    Name {
        /// The line, from 1.
        line: usize,
        /// The name.
        name: String,
    },
    /// Two entry points of one name do different things.
    #[error("entry_points.txt, line {line}: {name:?} is listed twice")]
    Twice {
        /// The line, from 1.
        line: usize,
        /// The name.
        name: String,
    },
}

/// The start of a name that may be as long as the archive.
pub(super) fn shortened(path: &str) -> String {
    path.chars().take(200).collect()
}
