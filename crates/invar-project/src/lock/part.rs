use std::fmt;
use std::path::Path;

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
    /// The command that locks it in `folder`, as a person named that.
    pub fn command(&self, folder: &Path) -> String {
        let shown = folder.display();
        let at = if folder == Path::new(".") || folder == Path::new("") {
            String::new()
        } else {
            format!(" {shown}")
        };
        match self {
            Self::Image => format!("invar lock{at}"),
            Self::Further(key) if at.is_empty() => format!("invar lock '.#{key}'"),
            Self::Further(key) => format!("invar lock '{shown}#{key}'"),
            Self::Shell => format!("invar lock --shell{at}"),
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
        let further = LockPart::Further("a".parse().unwrap());
        assert_eq!(further.command(Path::new(".")), "invar lock '.#a'");
        assert_eq!(further.command(Path::new("web")), "invar lock 'web#a'");
        assert_eq!(LockPart::Image.command(Path::new("web")), "invar lock web");
    }
}
