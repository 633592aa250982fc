use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use invar_tree::{Digest, ImagePath, Mode, Owner};

/// A modification time: seconds since 1970 and nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Time {
    /// Whole seconds, negative before 1970.
    pub seconds: i64,
    /// What is beyond them.
    pub nanoseconds: u32,
}

/// What a member is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A regular file.
    File {
        /// Length in bytes.
        size: u64,
        /// sha256 of its content.
        digest: Digest,
    },
    /// A symbolic link.
    Symlink {
        /// Its target, as the link holds it.
        target: Arc<str>,
    },
    /// A second name for a file of the same layer or a lower one.
    HardLink {
        /// The other name.
        original: ImagePath,
    },
    /// A device.
    Device {
        /// Whether it is a block device; otherwise it is a character device.
        block: bool,
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A named pipe.
    Pipe,
    /// A mark that deletes what the lower layers have at this path (OCI image specification 1.1, "Whiteouts"). The
    /// member's path is that of what is deleted.
    Whiteout,
    /// A mark that deletes all that the lower layers have in this directory ("Opaque Whiteout").
    Opaque,
}

/// How a member's header is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TarFormat {
    /// The old format.
    V7,
    /// POSIX ustar.
    Ustar,
    /// ustar with a pax extended header.
    Pax,
    /// GNU's.
    Gnu,
    /// Not from an archive.
    Folder,
}

/// One member of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Where it is.
    pub path: ImagePath,
    /// What it is.
    pub kind: Kind,
    /// Its permission bits.
    pub mode: Mode,
    /// Its numeric owner.
    pub owner: Owner,
    /// The names of its owner and group; empty where there are none.
    pub owner_names: (Arc<str>, Arc<str>),
    /// When it was modified.
    pub time: Time,
    /// Extended attributes.
    pub attributes: BTreeMap<String, Vec<u8>>,
    /// How its header is written.
    pub format: TarFormat,
    /// The digest of all blocks of its header, extensions included: two members with equal headers and contents are
    /// the same bytes.
    pub header: Digest,
}

impl Kind {
    /// What it is in a word or two.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Directory => "directory",
            Self::File { .. } => "file",
            Self::Symlink { .. } => "symbolic link",
            Self::HardLink { .. } => "hard link",
            Self::Device { block: true, .. } => "block device",
            Self::Device { block: false, .. } => "character device",
            Self::Pipe => "named pipe",
            Self::Whiteout | Self::Opaque => "whiteout",
        }
    }

    /// The size of its content in bytes; zero for all but files.
    pub fn size(&self) -> u64 {
        match self {
            Self::File { size, .. } => *size,
            _ => 0,
        }
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Days to a date after Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
        let days = self.seconds.div_euclid(86_400) + 719_468;
        let rest = self.seconds.rem_euclid(86_400);
        let era = days.div_euclid(146_097);
        let of_era = days.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        if self.nanoseconds != 0 {
            write!(f, ".{:09}", self.nanoseconds)?;
        }
        f.write_str("Z")
    }
}

impl fmt::Display for TarFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V7 => "v7",
            Self::Ustar => "ustar",
            Self::Pax => "pax",
            Self::Gnu => "GNU",
            Self::Folder => "folder",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_dates() {
        let check = |seconds, nanoseconds, expected: &str| {
            assert_eq!(Time { seconds, nanoseconds }.to_string(), expected);
        };
        check(0, 0, "1970-01-01T00:00:00Z");
        check(315_619_200, 0, "1980-01-02T00:00:00Z");
        check(951_782_400, 0, "2000-02-29T00:00:00Z");
        check(-1, 5, "1969-12-31T23:59:59.000000005Z");
        check(1_700_000_000, 0, "2023-11-14T22:13:20Z");
    }
}
