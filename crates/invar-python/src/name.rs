//! Names of distributions, extras and dependency groups, in their normalized form.
//!
//! The grammar is `^([A-Z0-9]|[A-Z0-9][A-Z0-9._-]*[A-Z0-9])$` without regard to case; the normalized form is in lower
//! case with each run of `.`, `-` and `_` replaced by one `-` ("Names and normalization", PEP 503, PEP 685, PEP 735).
use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest name that is accepted, in bytes. The grammar has no limit, but a name is a part of the names of files
/// (wheels, folders of metadata, archives), and no file system of Linux has longer ones.
pub const LONGEST_NAME: usize = 255;

/// A text that is not the name of a distribution, extra or dependency group.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// It breaks the grammar.
    #[error(
        "{text:?} is not the name of {kind}: expected letters, digits, \"-\", \"_\" and \".\", starting and \
         ending with a letter or digit"
    )]
    Grammar {
        /// What the name should have been of, with its article.
        kind: &'static str,
        /// The text as given, shortened.
        text: String,
    },
    /// It is longer than [`LONGEST_NAME`].
    #[error("the name of {kind} has at most {LONGEST_NAME} characters, and \"{start}…\" has {length}")]
    Long {
        /// What the name should have been of, with its article.
        kind: &'static str,
        /// How the text starts.
        start: String,
        /// How many characters it has.
        length: usize,
    },
}

fn normalize(kind: &'static str, text: &str) -> Result<Arc<str>, NameError> {
    let bytes = text.as_bytes();
    let ends = |end: Option<&u8>| end.is_some_and(u8::is_ascii_alphanumeric);
    let inner = |&byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if !ends(bytes.first()) || !ends(bytes.last()) || !bytes.iter().all(inner) {
        return Err(NameError::Grammar { kind, text: text.chars().take(LONGEST_NAME).collect() });
    }
    if bytes.len() > LONGEST_NAME {
        return Err(NameError::Long { kind, start: text[..32].to_owned(), length: text.len() });
    }
    let mut name = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '-' | '_' | '.' if name.ends_with('-') => {}
            '-' | '_' | '.' => name.push('-'),
            letter => name.push(letter.to_ascii_lowercase()),
        }
    }
    Ok(name.into())
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident, $kind:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The normalized name.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                normalize($kind, text).map(Self)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

names! {
    /// The normalized name of a distribution, such as `ruamel-yaml`.
    DistributionName, "a distribution";
    /// The normalized name of an extra: an optional feature of a distribution.
    ExtraName, "an extra";
    /// The normalized name of a dependency group (PEP 735).
    GroupName, "a dependency group";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        let name = text.parse::<DistributionName>();
        assert_eq!(name.as_ref().ok().map(DistributionName::as_str), expected, "{text:?}");
    }

    #[test]
    fn names_are_normalized() {
        check("Flask", Some("flask"));
        check("FRIENDLY._.bard", Some("friendly-bard"));
        check("ruamel.yaml", Some("ruamel-yaml"));
        check("a_-.b", Some("a-b"));
        check("zope.interface", Some("zope-interface"));
        check("x", Some("x"));
        check("3to2", Some("3to2"));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "-a", "a-", "a b", "a/b", "é", ".", "../x"] {
            check(text, None);
        }
    }

    #[test]
    fn a_long_name_is_refused_for_its_length() {
        check(&"a".repeat(255), Some(&"a".repeat(255)));
        let error = "a".repeat(256).parse::<ExtraName>().unwrap_err();
        let start = "a".repeat(32);
        let expected = format!("the name of an extra has at most 255 characters, and \"{start}…\" has 256");
        assert_eq!(error.to_string(), expected);
    }
}
