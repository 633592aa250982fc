//! What stands around a Dockerfile: the files that its instructions name.
use std::fmt;

use crate::ignore_file::IgnoreFile;

/// What a Dockerfile's folder holds, as far as the caller can tell.
pub struct Surroundings<'a> {
    /// Gives the text of a file, by its path from the folder that the build is given. `None` where there is none.
    pub read: &'a dyn Fn(&str) -> Option<String>,
    /// The ignore file.
    pub ignore: Ignore,
}

/// What is known of the ignore file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ignore {
    /// Nothing: the Dockerfile came without its folder.
    Unknown,
    /// There is none.
    Missing,
    /// It says this.
    Text(IgnoreFile),
}

impl Surroundings<'_> {
    /// For a Dockerfile that came alone.
    pub fn unknown() -> Self {
        Self { read: &|_| None, ignore: Ignore::Unknown }
    }
}

impl fmt::Debug for Surroundings<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Surroundings").field("ignore", &self.ignore).finish_non_exhaustive()
    }
}
