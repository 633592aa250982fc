use std::error::Error;
use std::io;

use invar_debian::PackageName;
use invar_tree::ImagePath;

use crate::TimeZone;

/// Why packages cannot be configured natively.
#[derive(Debug, thiserror::Error)]
pub enum ConfigureError {
    /// A file of the root cannot be read: the store or the disk is at fault.
    #[error("{path} cannot be read")]
    Read {
        /// The file.
        path: ImagePath,
        /// What the reader said.
        #[source]
        source: io::Error,
    },
    /// A file that is read as a whole is far longer than any that Debian ships.
    #[error("{path} has {size} bytes; the limit is {most}")]
    TooLong {
        /// The file.
        path: ImagePath,
        /// Its length in bytes.
        size: u64,
        /// The limit in bytes.
        most: u64,
    },
    /// A file that should be a text is not UTF-8.
    #[error("{path} is not UTF-8")]
    NotUtf8 {
        /// The file.
        path: ImagePath,
    },
    /// A handler's entry is below a path that is a file in the image.
    #[error("handler {handler} creates {path}, but {ancestor} is not a directory")]
    NotADirectory {
        /// The handler.
        handler: &'static str,
        /// The handler's entry.
        path: ImagePath,
        /// The file above it.
        ancestor: ImagePath,
    },
    /// The directory of a handler's entry is a circle of links.
    #[error("handler {handler} creates {path}, but the links above it are broken")]
    NoPlace {
        /// The handler.
        handler: &'static str,
        /// The handler's entry.
        path: ImagePath,
    },
    /// A file that a handler takes its data from is not as expected.
    #[error("handler {handler} cannot use {path}")]
    Source {
        /// The handler.
        handler: &'static str,
        /// The file.
        path: ImagePath,
        /// What is wrong with it.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// A package contains a file below `/bin` although the image has a merged `/usr`.
    #[error("{path} should be below /usr: the package was unpacked without merging /usr")]
    NotMerged {
        /// The first such file.
        path: ImagePath,
    },
    /// The time zone is not one of tzdata's.
    #[error(
        "the time zone {zone} is not in /usr/share/zoneinfo; obsolete names are in the package \
         tzdata-legacy"
    )]
    TimeZone {
        /// The time zone.
        zone: TimeZone,
    },
    /// Two packages of one name, as for two architectures.
    #[error("the package {package} is given twice")]
    Duplicate {
        /// The package.
        package: PackageName,
    },
}
