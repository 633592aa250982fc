use std::str::FromStr;
use std::sync::Arc;

use pep440_rs::VersionSpecifiers;

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
    /// The version of its C library.
    pub glibc: (u32, u32),
}

/// The releases that a suite is chosen from, the newest first. Debian never changes the minor version of a release's
/// Python, so this table is added to but does not age.
pub const STABLE: [Release; 2] = [
    Release { suite: "trixie", python: "3.13", glibc: (2, 41) },
    Release { suite: "bookworm", python: "3.11", glibc: (2, 36) },
];

/// The newest of these releases whose Python can do for `requires`; the newest of all where nothing is required.
pub fn stable_release(requires: Option<&VersionSpecifiers>) -> Option<Release> {
    // The last digit of its Python is known only from the archive.
    let can_do = |release: &Release| {
        requires.is_none_or(|requires| {
            let versions = (0..100).map(|patch| format!("{}.{patch}", release.python));
            versions.filter_map(|version| version.parse().ok()).any(|version| requires.contains(&version))
        })
    };
    STABLE.into_iter().find(can_do)
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
        assert_eq!(chosen("==3.12.*"), None);
    }
}
