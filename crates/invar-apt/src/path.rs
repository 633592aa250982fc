use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest path that is accepted, in bytes.
const MAXIMUM_LENGTH: usize = 1024;

/// A clean path within an archive: relative, `/` between its parts, no part empty, `.` or `..`, and only printable
/// ASCII without blanks and without the characters that mean something in a URL or a shell (`\ " ' ? # %` and such).
///
/// It is safe to append to a mirror's address, and to a folder.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArchivePath(Arc<str>);

/// A text that is not an [`ArchivePath`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not a path within an archive: expected a relative path of letters, digits and \"/ . _ + ~ : = @ , -\", \
     without \"..\""
)]
pub struct ArchivePathError {
    /// The text as given, or its beginning if it is long.
    pub text: String,
}

impl ArchivePath {
    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `text` is a clean path.
    pub(crate) fn is_clean(text: &str) -> bool {
        text.len() <= MAXIMUM_LENGTH
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._+~:=@,-".contains(&byte))
            && text.split('/').all(|part| !matches!(part, "" | "." | ".."))
    }
}

impl FromStr for ArchivePath {
    type Err = ArchivePathError;

    fn from_str(text: &str) -> Result<Self, ArchivePathError> {
        if Self::is_clean(text) {
            Ok(Self(text.into()))
        } else {
            Err(ArchivePathError { text: text.chars().take(200).collect() })
        }
    }
}

impl fmt::Display for ArchivePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ArchivePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Borrow<str> for ArchivePath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Serialize for ArchivePath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ArchivePath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_clean_paths_are_accepted() {
        for good in ["pool/main/g/g++/g++_4%3a1_amd64.deb".replace('%', "~").as_str(), "a", "a..b/.c"] {
            assert!(good.parse::<ArchivePath>().is_ok(), "{good}");
        }
        let long = "a".repeat(MAXIMUM_LENGTH + 1);
        for bad in [
            "", "/", "/a", "a/", "a//b", "./a", "a/.", "..", "a/../b", "a b", "a\nb", "a\\b", "a%2fb",
            "\u{e9}", &long,
        ] {
            assert!(bad.parse::<ArchivePath>().is_err(), "{bad}");
        }
    }
}
