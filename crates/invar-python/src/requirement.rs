//! A dependency specifier, as `pyproject.toml` and a wheel's metadata write it.
//!
//! ```text
//! name [ "[" extra *("," extra) "]" ] [ versions / "(" versions ")" / "@" URL ] [ ";" marker ]
//! ```
//!
//! Before the marker of a URL there is a space. Source: "Dependency specifiers" (PEP 508).
use std::str::FromStr;

use pep440_rs::VersionSpecifiers;

use crate::marker::{Marker, MarkerError};
use crate::name::{DistributionName, ExtraName, NameError};

/// A dependency specifier, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// The distribution.
    pub name: DistributionName,
    /// The extras that it asks for.
    pub extras: Vec<ExtraName>,
    /// The versions that fit.
    pub specifiers: VersionSpecifiers,
    /// The URL that it names instead of versions.
    pub url: Option<String>,
    /// When it applies.
    pub marker: Marker,
}

/// Why a text is not a dependency specifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequirementError {
    /// It does not start with a name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The list of extras does not end.
    #[error("{text:?} does not end its list of extras with \"]\"")]
    Extras {
        /// The text as given.
        text: String,
    },
    /// What follows the name is neither versions nor a URL.
    #[error("{text:?} is not a version specifier such as \">=1.2, <2\"")]
    Versions {
        /// The part that should be versions.
        text: String,
    },
    /// The marker is not one.
    #[error(transparent)]
    Marker(#[from] MarkerError),
}

impl FromStr for Requirement {
    type Err = RequirementError;

    fn from_str(text: &str) -> Result<Self, RequirementError> {
        let trimmed = text.trim();
        let in_name = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
        let end = trimmed.find(|character| !in_name(character)).unwrap_or(trimmed.len());
        let (name, rest) = trimmed.split_at(end);
        let name = name.parse().map_err(|_| NameError { kind: "a distribution", text: text.to_owned() })?;
        let mut rest = rest.trim_start();
        let mut extras = Vec::new();
        if let Some(list) = rest.strip_prefix('[') {
            let (list, after) =
                list.split_once(']').ok_or_else(|| RequirementError::Extras { text: text.to_owned() })?;
            for extra in list.split(',').map(str::trim).filter(|extra| !extra.is_empty()) {
                extras.push(extra.parse()?);
            }
            rest = after.trim_start();
        }
        if let Some(url) = rest.strip_prefix('@') {
            let url = url.trim_start();
            let end = url.find(char::is_whitespace).unwrap_or(url.len());
            let (url, marker) = url.split_at(end);
            let marker = marker.trim_start().strip_prefix(';').map_or(Ok(Marker::TRUE), str::parse)?;
            let specifiers = VersionSpecifiers::empty();
            return Ok(Self { name, extras, specifiers, url: Some(url.to_owned()), marker });
        }
        let (versions, marker) = match rest.split_once(';') {
            Some((versions, marker)) => (versions, marker.parse()?),
            None => (rest, Marker::TRUE),
        };
        let versions = versions.trim();
        let inner =
            versions.strip_prefix('(').and_then(|versions| versions.strip_suffix(')')).unwrap_or(versions);
        let specifiers =
            inner.parse().map_err(|_| RequirementError::Versions { text: versions.to_owned() })?;
        Ok(Self { name, extras, specifiers, url: None, marker })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, name: &str, extras: &[&str], versions: &str, url: Option<&str>, marked: bool) {
        let requirement: Requirement = text.parse().unwrap();
        assert_eq!(requirement.name.as_str(), name);
        assert_eq!(requirement.extras.iter().map(ExtraName::as_str).collect::<Vec<_>>(), extras);
        assert_eq!(requirement.specifiers.to_string(), versions);
        assert_eq!(requirement.url.as_deref(), url);
        assert_eq!(requirement.marker != Marker::TRUE, marked);
    }

    #[test]
    fn requirements_are_read() {
        check("FastAPI", "fastapi", &[], "", None, false);
        check(
            " fastapi [standard, all] >=0.115,<1 ",
            "fastapi",
            &["standard", "all"],
            ">=0.115, <1",
            None,
            false,
        );
        check("a(>=1)", "a", &[], ">=1", None, false);
        check("a~=1.2 ; python_version < '3.8'", "a", &[], "~=1.2", None, true);
        check("a;os_name=='nt'", "a", &[], "", None, true);
        check(
            "a @ https://mirror.example/a;b ; os_name == 'nt'",
            "a",
            &[],
            "",
            Some("https://mirror.example/a;b"),
            true,
        );
        check("a[x]@file:///a.whl", "a", &["x"], "", Some("file:///a.whl"), false);
        check("a===1.0", "a", &[], "===1.0", None, false);
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "-a", ">=1", "a[x", "a[!]", "a >=", "a = 1", "a ; b", "a (>=1", "./a.whl", "a b"] {
            assert!(text.parse::<Requirement>().is_err(), "{text}");
        }
    }
}
