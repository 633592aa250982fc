use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use crate::ValueError;
use crate::text::text_value;

/// The name of a Python distribution, an extra or a dependency group in its one spelling: lower case, each run of
/// `-`, `_` and `.` one hyphen (Python packaging specifications, "Names and normalization").
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NormalisedName(Arc<str>);

text_value!(
    NormalisedName,
    pattern: "^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$",
    description: "The name of an extra or dependency group of the project.",
    example: "web"
);

impl FromStr for NormalisedName {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let ends = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
        let good = text.len() <= 200
            && ends(text.bytes().next())
            && ends(text.bytes().next_back())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        if !good {
            return Err(ValueError::PythonName { text: text.to_owned() });
        }
        let words: Vec<&str> = text.split(['-', '_', '.']).filter(|word| !word.is_empty()).collect();
        Ok(Self(words.join("-").to_ascii_lowercase().into()))
    }
}

/// A Python requirement, such as `flask[async]>=3; python_version < "3.14"` (PEP 508).
pub type Requirement = pep508_rs::Requirement<RequirementUrl>;

/// The address in a requirement such as `name @ https://…`, as it is written.
///
/// It is kept as text: reading it as a URL would replace `${NAME}` by the host's environment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequirementUrl(String);

impl RequirementUrl {
    /// The address as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequirementUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl pep508_rs::Pep508Url for RequirementUrl {
    type Err = std::convert::Infallible;

    fn parse_url(url: &str, _: Option<&Path>) -> Result<Self, Self::Err> {
        Ok(Self(url.to_owned()))
    }
}

/// Reads a requirement.
pub(super) fn requirement(text: &str) -> Result<Requirement, ValueError> {
    text.parse().map_err(|error: pep508_rs::Pep508Error<RequirementUrl>| ValueError::Requirement {
        text: text.to_owned(),
        fault: error.message.to_string(),
    })
}

/// Reads the specifiers of `requires-python`.
pub(super) fn specifiers(text: &str) -> Result<pep440_rs::VersionSpecifiers, ValueError> {
    text.parse().map_err(|_| ValueError::Specifiers { text: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_spelling() {
        let check = |text: &str, expected: &str| {
            assert_eq!(text.parse::<NormalisedName>().unwrap().as_str(), expected);
        };
        check("Friendly-Bard", "friendly-bard");
        check("FRIENDLY._.bard", "friendly-bard");
        check("a", "a");
        for bad in ["", "-a", "a-", "a b", "é", "a/b", &"a".repeat(201)] {
            assert!(bad.parse::<NormalisedName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn requirements_do_not_read_the_environment() {
        let read = requirement("demo @ file://${HOME}/demo.whl ; python_version < '3.14'").unwrap();
        let Some(pep508_rs::VersionOrUrl::Url(url)) = read.version_or_url else { panic!("{read:?}") };
        assert_eq!(url.as_str(), "file://${HOME}/demo.whl");
        assert!(requirement("flask[async]>=3,<4; sys_platform == 'linux'").is_ok());
        assert!(matches!(requirement("flask >= "), Err(ValueError::Requirement { .. })));
    }
}
