use std::fmt;

use super::{ClosureKind, ClosureName, Mismatch};
use crate::ImageKey;

/// What of a project a lock is asked for. What only one of them needs can be missing from a lock, and the others do not
/// wait for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum LockPart {
    /// The project's own image.
    Image,
    /// An additional image.
    Further(ImageKey),
    /// The author's shell.
    Shell,
}

impl LockPart {
    /// The command that locks it.
    pub fn command(&self) -> String {
        match self {
            Self::Image => "invar lock".to_owned(),
            Self::Further(key) => format!("invar lock '.#{key}'"),
            Self::Shell => "invar lock --shell".to_owned(),
        }
    }

    /// Its name in a machine's output: `image`, `image:KEY` or `shell`.
    pub fn name(&self) -> String {
        match self {
            Self::Image => "image".to_owned(),
            Self::Further(key) => format!("image:{key}"),
            Self::Shell => "shell".to_owned(),
        }
    }
}

impl fmt::Display for LockPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image => f.write_str("the image"),
            Self::Further(key) => write!(f, "the image {key}"),
            Self::Shell => f.write_str("the shell"),
        }
    }
}

impl ClosureName {
    /// The one part that the root is for; `None` for what several can need.
    pub fn part(&self) -> Option<LockPart> {
        match (self.kind(), self.name()) {
            (ClosureKind::Shell, None) => Some(LockPart::Shell),
            (ClosureKind::Image, Some(key)) => key.parse().ok().map(LockPart::Further),
            _ => None,
        }
    }
}

impl Mismatch {
    /// The one part that is concerned; `None` if all are.
    pub fn part(&self) -> Option<LockPart> {
        match self {
            Self::RootMissing { root } | Self::Root { root, .. } => root.part(),
            _ => None,
        }
    }

    /// Whether the lock has nothing of what is asked for, rather than something else.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::RootMissing { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_belong_to_parts() {
        let check = |root: &str, expected: Option<&str>| {
            let root: ClosureName = root.parse().unwrap();
            assert_eq!(root.part().map(|part| part.name()).as_deref(), expected, "{root}");
        };
        check("shell", Some("shell"));
        check("image:worker", Some("image:worker"));
        for shared in ["python", "python:x", "scripts", "step:shell"] {
            check(shared, None);
        }
        assert_eq!(LockPart::Further("a".parse().unwrap()).command(), "invar lock '.#a'");
    }
}
