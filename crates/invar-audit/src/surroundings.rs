//! What is around a Dockerfile: the files that its instructions name.
use std::collections::BTreeSet;
use std::fmt;

use crate::ignore_file::IgnoreFile;

/// What a Dockerfile's folder holds, as far as the caller knows.
pub struct Surroundings<'a> {
    /// Gives the text of a file, by its path from the folder that the build is given. `None` if there is none.
    pub read: &'a dyn Fn(&str) -> Option<String>,
    /// The ignore file.
    pub ignore: Ignore,
    /// Names of further contexts that the build is given; they stand for images and stages of these names.
    pub contexts: BTreeSet<String>,
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
        Self { read: &|_| None, ignore: Ignore::Unknown, contexts: BTreeSet::new() }
    }

    /// Whether the build is given a context of this name, so that no image of the name is used.
    pub(crate) fn has_context(&self, name: &str) -> bool {
        self.contexts.contains(name) || self.contexts.contains(name.strip_suffix(":latest").unwrap_or(name))
    }
}

impl fmt::Debug for Surroundings<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Surroundings").field("ignore", &self.ignore).finish_non_exhaustive()
    }
}
