use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// A path inside an image: relative to the root, UTF-8, `/` between names, shown with a leading `/`.
///
/// There is one spelling for each file: no empty name, no `.` or `..`, no NUL, no slash at either end. Paths are
/// ordered by their bytes, so a directory always comes before what is in it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImagePath(Arc<str>);

/// Why a text is not an [`ImagePath`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The path names nothing below the root.
    #[error("the path is empty")]
    Empty,
    /// The path starts with a slash although it should be relative to the root.
    #[error("{path:?} is absolute")]
    Absolute {
        /// The path as given.
        path: String,
    },
    /// A name in the path is `..`.
    #[error("{path:?} climbs out with \"..\"")]
    Climbs {
        /// The path as given.
        path: String,
    },
    /// A name in the path holds a NUL byte or is empty or longer than 255 bytes, or the path exceeds 4,095 bytes.
    #[error("{path:?} is not a valid path on Linux")]
    Unrepresentable {
        /// The path as given.
        path: String,
    },
    /// The bytes are not UTF-8.
    #[error("{path:?} is not UTF-8")]
    NotUtf8 {
        /// The path, with what is not UTF-8 replaced.
        path: String,
    },
}

impl ImagePath {
    /// Reads a path as archives write it: `./usr/bin`, `usr/bin/` and `usr/bin` are the same path.
    ///
    /// # Errors
    /// [`PathError`], and [`PathError::Empty`] for the root itself.
    pub fn parse(path: &str) -> Result<Self, PathError> {
        if path.starts_with('/') {
            return Err(PathError::Absolute { path: path.to_owned() });
        }
        let mut clean = String::with_capacity(path.len());
        for name in path.split('/') {
            match name {
                "" | "." => continue,
                ".." => return Err(PathError::Climbs { path: path.to_owned() }),
                _ if name.len() > 255 || name.contains('\0') => {
                    return Err(PathError::Unrepresentable { path: path.to_owned() });
                }
                _ => {}
            }
            if !clean.is_empty() {
                clean.push('/');
            }
            clean.push_str(name);
        }
        if clean.is_empty() {
            return Err(PathError::Empty);
        }
        if clean.len() > 4095 {
            return Err(PathError::Unrepresentable { path: path.to_owned() });
        }
        Ok(Self(clean.into()))
    }

    /// [`parse`](Self::parse) for a path that an archive gives as bytes.
    ///
    /// # Errors
    /// [`PathError`].
    pub fn parse_bytes(path: &[u8]) -> Result<Self, PathError> {
        match std::str::from_utf8(path) {
            Ok(path) => Self::parse(path),
            Err(_) => Err(PathError::NotUtf8 { path: String::from_utf8_lossy(path).into_owned() }),
        }
    }

    /// The path without a leading slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last name.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The directory that holds this entry, or `None` at the root's own entries.
    pub fn parent(&self) -> Option<Self> {
        self.0.rsplit_once('/').map(|(parent, _)| Self(parent.into()))
    }

    /// All directories above this entry, the nearest first.
    pub fn ancestors(&self) -> impl Iterator<Item = Self> + use<> {
        std::iter::successors(self.parent(), Self::parent)
    }

    /// This path with `relative` below it.
    ///
    /// # Errors
    /// As [`parse`](Self::parse) of `relative`.
    pub fn join(&self, relative: &str) -> Result<Self, PathError> {
        let below = Self::parse(relative)?;
        Self::parse(&format!("{self_}/{below}", self_ = self.0, below = below.0))
    }

    /// Whether this path is `directory` or below it.
    pub fn is_within(&self, directory: &str) -> bool {
        self.0.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl Borrow<str> for ImagePath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ImagePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", self.0)
    }
}

impl fmt::Debug for ImagePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"/{}\"", self.0.escape_debug())
    }
}

impl FromStr for ImagePath {
    type Err = PathError;

    fn from_str(path: &str) -> Result<Self, PathError> {
        Self::parse(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: Result<&str, PathError>) {
        assert_eq!(
            ImagePath::parse(path).as_ref().map(ImagePath::as_str),
            expected.as_ref().copied(),
            "{path:?}"
        );
    }

    #[test]
    fn archives_spell_a_path_in_several_ways() {
        check("usr/bin", Ok("usr/bin"));
        check("./usr//bin/", Ok("usr/bin"));
        check("./", Err(PathError::Empty));
        check("", Err(PathError::Empty));
    }

    #[test]
    fn hostile_paths_are_refused() {
        let climbs = |path: &str| Err(PathError::Climbs { path: path.into() });
        check("../etc/passwd", climbs("../etc/passwd"));
        check("usr/../../etc", climbs("usr/../../etc"));
        check("/etc/passwd", Err(PathError::Absolute { path: "/etc/passwd".into() }));
        let long = "a".repeat(256);
        check(&long, Err(PathError::Unrepresentable { path: long.clone() }));
        check("a\0b", Err(PathError::Unrepresentable { path: "a\0b".into() }));
    }

    #[test]
    fn ancestors_run_up_to_the_root() {
        let path = ImagePath::parse("a/b/c").unwrap();
        let names: Vec<String> = path.ancestors().map(|path| path.to_string()).collect();
        assert_eq!(names, ["/a/b", "/a"]);
        assert!(path.is_within("a/b"));
        assert!(!path.is_within("a/bc") && !path.is_within("a/b/c/d"));
    }
}
