use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The name of a binary package: at least two characters of `a-z`, `0-9`, `+`, `-`, `.`, the first a letter or digit
/// (Debian Policy, section 5.6.1 "Source" and 5.6.7 "Package").
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageName(Arc<str>);

/// A text that is not a package's or an architecture's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Not a [`PackageName`].
    #[error(
        "{text:?} is not a Debian package name: expected lower-case letters, digits, \"+\", \"-\" and \".\", \
         at least two characters, starting with a letter or digit"
    )]
    Package {
        /// The text as given.
        text: String,
    },
    /// Not an [`Architecture`].
    #[error("{text:?} is not a Debian architecture: expected a name such as \"amd64\" or \"arm64\"")]
    Architecture {
        /// The text as given.
        text: String,
    },
}

impl PackageName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PackageName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let bytes = text.as_bytes();
        let good = (2..=128).contains(&bytes.len())
            && plain(bytes[0])
            && bytes.iter().all(|&byte| plain(byte) || b"+-.".contains(&byte));
        if good { Ok(Self(text.into())) } else { Err(NameError::Package { text: text.to_owned() }) }
    }
}

/// A Debian architecture, such as `amd64` (Debian Policy, section 11.1), or `all`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Architecture(Arc<str>);

impl Architecture {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether packages of this architecture work on every machine.
    pub fn is_all(&self) -> bool {
        &*self.0 == "all"
    }
}

impl FromStr for Architecture {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let good = (2..=32).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if good { Ok(Self(text.into())) } else { Err(NameError::Architecture { text: text.to_owned() }) }
    }
}

/// What both names share: they are shown, compared and stored as their text.
macro_rules! as_text {
    ($name:ident) => {
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

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
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
    };
}

as_text!(PackageName);
as_text!(Architecture);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_policy() {
        for good in ["g++", "libc6", "0ad", "libstdc++6", "python3.13-minimal"] {
            assert!(good.parse::<PackageName>().is_ok(), "{good}");
        }
        for bad in ["", "a", "-a", "Libc6", "lib c6", "a/b", "../x", "a_b"] {
            assert!(bad.parse::<PackageName>().is_err(), "{bad}");
        }
        assert!("amd64".parse::<Architecture>().is_ok());
        assert!("x86_64".parse::<Architecture>().is_err());
    }
}
