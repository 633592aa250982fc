//! What has changed since a manifest was derived.
use std::fmt;

use invar_tree::Digest;

/// A file that is not as it was when the manifest was derived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The file, or a part of one.
    pub path: String,
    /// What `invar.lock` says; `None` where there was none.
    pub expected: Option<Digest>,
    /// What is there; `None` if there is none.
    pub found: Option<Digest>,
    /// Whether it is one of the project's own two, of which only a part matters.
    pub is_of_project: bool,
}

impl Change {
    /// Whether a manifest is out of date where it must not be derived again. What a newer `uv.lock` makes of it is looked
    /// at as soon as it may: an update that a bot makes does not make a record wrong.
    pub fn makes_outdated(&self) -> bool {
        self.path != "uv.lock"
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, expected, found, .. } = self;
        match (expected, found) {
            (Some(expected), Some(found)) => {
                write!(f, "{path} changed from {expected} to {found}")
            }
            (Some(expected), None) => write!(f, "{path} was removed; it was {expected}"),
            (None, _) => write!(f, "{path} was added"),
        }
    }
}
