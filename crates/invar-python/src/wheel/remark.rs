//! What is wrong with a wheel and stops nothing, as `uv` has it.
use std::fmt;

use invar_tree::ImagePath;

/// Something that is wrong with a wheel that is installed nevertheless.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WheelRemark {
    /// `RECORD` does not fit some of its files.
    Record {
        /// The first of them, as the archive has it.
        path: String,
        /// What is wrong with its row.
        fault: RecordFault,
        /// How many there are.
        files: usize,
    },
    /// A program calls what Python cannot import.
    Program {
        /// Its name.
        name: String,
        /// What it calls.
        calls: String,
    },
    /// Two of its files land at one place.
    Twice {
        /// The place.
        path: ImagePath,
        /// The member that is installed.
        kept: String,
        /// The one that is not.
        dropped: String,
    },
}

/// How a row of `RECORD` does not fit its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordFault {
    /// There is none.
    Unlisted,
    /// It has no hash.
    Unhashed,
    /// Its hash is by an algorithm that is not trusted, or does not say by which.
    Algorithm,
    /// It has another hash.
    Hash,
    /// It has another size.
    Size,
}

impl fmt::Display for RecordFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unlisted => "not listed",
            Self::Unhashed => "no hash",
            Self::Algorithm => "a hash that is not sha256, sha384 or sha512",
            Self::Hash => "another hash",
            Self::Size => "another size",
        })
    }
}

impl fmt::Display for WheelRemark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record { path, fault, files: 1 } => write!(f, "RECORD is wrong about {path} ({fault})"),
            Self::Record { path, fault, files } => {
                write!(f, "RECORD is wrong about {files} files, such as {path} ({fault})")
            }
            Self::Program { name, calls } => {
                write!(f, "its program {name} cannot start: it calls {calls:?}, which Python cannot import")
            }
            Self::Twice { path, kept, dropped } => {
                write!(f, "{path} comes from {kept}, which replaces {dropped}")
            }
        }
    }
}

/// The remarks about a wheel.
#[derive(Debug, Default)]
pub(super) struct Remarks(Vec<WheelRemark>);

impl Remarks {
    pub(super) fn add(&mut self, remark: WheelRemark) {
        self.0.push(remark);
    }

    /// Of all files that `RECORD` does not fit, the first one stands for all.
    pub(super) fn record(&mut self, path: &str, fault: RecordFault) {
        for remark in &mut self.0 {
            if let WheelRemark::Record { files, .. } = remark {
                *files += 1;
                return;
            }
        }
        self.add(WheelRemark::Record { path: path.to_owned(), fault, files: 1 });
    }

    pub(super) fn finish(self) -> Vec<WheelRemark> {
        self.0
    }
}
