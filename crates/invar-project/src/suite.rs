use std::str::FromStr;
use std::sync::Arc;

use pep440_rs::{Version, VersionSpecifiers};

use crate::ValueError;
use crate::text::text_value;

/// The name of a suite in a Debian archive: a codename such as `trixie`, or with a part, `trixie-updates`.
///
/// `stable`, `testing` and their like are not names here: they mean another suite after the next release.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SuiteName(Arc<str>);

text_value!(
    SuiteName,
    pattern: "^[a-z][a-z0-9]*(-[a-z0-9]+)*$",
    description: "The codename of a Debian suite; not `stable` or `testing`, which change over time.",
    example: "trixie"
);

/// Names that Debian moves from suite to suite (Debian archive, field `Suite` of a Release file).
const MOVING: [&str; 5] = ["stable", "oldstable", "oldoldstable", "testing", "unstable"];

impl SuiteName {
    /// The codename, without the part: `trixie` for `trixie-updates`.
    pub fn codename(&self) -> &str {
        self.0.split('-').next().unwrap_or(&self.0)
    }

    /// Whether this is a part of a suite, such as `trixie-security`.
    pub fn is_part(&self) -> bool {
        self.0.contains('-')
    }
}

impl FromStr for SuiteName {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let good = text.len() <= 64
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && text.split('-').all(|word| {
                !word.is_empty()
                    && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
            });
        if !good {
            return Err(ValueError::Suite { text: text.to_owned() });
        }
        let name = Self(text.into());
        if MOVING.contains(&name.codename()) {
            return Err(ValueError::MovingSuite { text: text.to_owned() });
        }
        Ok(name)
    }
}

/// A release of Debian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Release {
    /// Its codename.
    pub suite: &'static str,
    /// The major and minor version of its Python 3, such as `3.13`.
    pub python: &'static str,
    /// The last number of that Python's version; `None` as long as the release is in development.
    pub patch: Option<u32>,
    /// The version of its C library.
    pub glibc: (u32, u32),
}

/// The releases that a suite is chosen from, the newest first. Debian never changes the version of a release's Python
/// but for fixes of its own, so this table is added to but does not age.
pub const STABLE: [Release; 2] = [
    Release { suite: "trixie", python: "3.13", patch: Some(5), glibc: (2, 41) },
    Release { suite: "bookworm", python: "3.11", patch: Some(2), glibc: (2, 36) },
];

/// The release in development, which is chosen only if no other will do. What it has is looked up when it is locked.
pub const TESTING: Release = Release { suite: "forky", python: "3.14", patch: None, glibc: (2, 43) };

impl Release {
    /// All that a suite is chosen from, in the order of preference.
    pub fn all() -> impl Iterator<Item = Self> {
        STABLE.into_iter().chain([TESTING])
    }

    /// The release that `suite` is, if its Python is known beforehand.
    pub fn of_suite(suite: &str) -> Option<Self> {
        Self::all().find(|release| release.suite == suite)
    }

    /// Whether it is still in development.
    pub fn is_testing(&self) -> bool {
        self.patch.is_none()
    }

    /// The major and minor version of its Python as numbers.
    pub fn series(&self) -> (u32, u32) {
        let (major, minor) = self.python.split_once('.').unwrap_or((self.python, ""));
        (major.parse().unwrap_or_default(), minor.parse().unwrap_or_default())
    }

    /// The version of its Python, which `requires` allows; `None` if it does not. A last number that is not known yet is
    /// one that will do.
    pub fn version(&self, requires: Option<&VersionSpecifiers>) -> Option<Version> {
        let patches = match self.patch {
            Some(patch) => patch..patch + 1,
            None => 0..100,
        };
        let versions = patches.filter_map(|patch| format!("{}.{patch}", self.python).parse().ok());
        let mut allowed =
            versions.filter(|version| requires.is_none_or(|requires| requires.contains(version)));
        allowed.next()
    }
}

/// The newest stable release whose Python can do for `requires`; the newest of all where nothing is required.
pub fn stable_release(requires: Option<&VersionSpecifiers>) -> Option<Release> {
    STABLE.into_iter().find(|release| release.version(requires).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codenames_are_names_and_moving_names_are_not() {
        for good in ["trixie", "bookworm", "sid", "trixie-updates", "trixie-security", "bookworm-backports"] {
            assert_eq!(good.parse::<SuiteName>().unwrap().as_str(), good);
        }
        for bad in
            ["", "-", "Trixie", "trixie/updates", "trixie-", "-trixie", "13", "../trixie", &"a".repeat(65)]
        {
            assert!(matches!(bad.parse::<SuiteName>(), Err(ValueError::Suite { .. })), "{bad}");
        }
        for moving in ["stable", "stable-security", "testing", "unstable"] {
            assert!(matches!(moving.parse::<SuiteName>(), Err(ValueError::MovingSuite { .. })), "{moving}");
        }
    }

    #[test]
    fn a_release_is_chosen_by_its_python() {
        let chosen = |requires: &str| {
            stable_release(Some(&requires.parse().expect("it is a specifier"))).map(|release| release.suite)
        };
        assert_eq!(stable_release(None).map(|release| release.suite), Some("trixie"));
        assert_eq!(chosen(">=3.12"), Some("trixie"));
        assert_eq!(chosen("<3.13"), Some("bookworm"));
        assert_eq!(chosen(">=3.11.1, <3.12"), Some("bookworm"));
        assert_eq!(chosen(">=3.11.3, <3.12"), None);
        assert_eq!(chosen("==3.12.*"), None);
    }
}
