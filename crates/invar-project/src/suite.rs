use std::str::FromStr;
use std::sync::Arc;

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
    description: "The codename of a Debian suite; not `stable` or `testing`, which move.",
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
}
