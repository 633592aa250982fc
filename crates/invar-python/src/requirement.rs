//! A dependency specifier, as `pyproject.toml` and a wheel's metadata write it.
//!
//! ```text
//! name [ "[" [extra *("," extra)] "]" ] [ versions / "(" versions ")" / "@" URL ] [ ";" marker ]
//! ```
//!
//! Source: "Dependency specifiers" (PEP 508). Where the specification leaves something open, it is as in uv:
//!
//! * A URL ends before spaces that a `;` follows, or at the end. It is kept as it is written: nothing of the
//!   environment is put in place of `${NAME}`.
//! * What is a name by its grammar and an archive by its ending, such as `demo-1.0.tar.gz`, is not a requirement.
use std::fmt;
use std::str::FromStr;

use pep440_rs::{VersionSpecifier, VersionSpecifiers};

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
    /// The URL that it names instead of versions, as it is written.
    pub url: Option<String>,
    /// When it applies.
    pub marker: Marker,
}

/// A text that is not a dependency specifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a Python requirement: {fault}")]
pub struct RequirementError {
    /// The text as given, shortened.
    pub text: String,
    /// What is wrong with it.
    pub fault: RequirementFault,
}

/// What is wrong with a dependency specifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequirementFault {
    /// It does not start with a name.
    #[error("it does not start with the name of a package")]
    Unnamed,
    /// It is a file's name or a path where a name is asked for.
    #[error("it is the name of a file: expected \"NAME @ URL\"")]
    File,
    /// The name, or that of an extra, is not one.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The list of extras does not end.
    #[error("its list of extras does not end with \"]\"")]
    Extras,
    /// What stands between parentheses does not end.
    #[error("its list of versions does not end with \")\"")]
    Parenthesis,
    /// What follows the name is neither versions nor a URL.
    #[error("expected versions, \"@\" and a URL, or \";\" and a marker, found {found:?}")]
    Unexpected {
        /// The first character that should not be there.
        found: char,
    },
    /// Not a version specifier.
    #[error("{text:?} is not a version specifier such as \">=1.2\"")]
    Specifier {
        /// The part that should be one.
        text: String,
    },
    /// There is nothing after `@`.
    #[error("there is no URL after \"@\"")]
    NoUrl,
    /// The URL may end before a `;` or `#`, or after it.
    #[error("it is ambiguous where its URL ends: put a space before {mark:?}")]
    UrlEnd {
        /// The mark that may be part of the URL.
        mark: char,
    },
    /// The marker is not one.
    #[error(transparent)]
    Marker(#[from] MarkerError),
}

impl FromStr for Requirement {
    type Err = RequirementError;

    fn from_str(text: &str) -> Result<Self, RequirementError> {
        let shortened = || text.chars().take(200).collect();
        parse(text.trim()).map_err(|fault| RequirementError { text: shortened(), fault })
    }
}

impl Requirement {
    /// The name at the start of a dependency specifier, whatever follows it: metadata that was written long ago has
    /// versions that nothing reads today.
    pub fn name_in(text: &str) -> Option<DistributionName> {
        split_name(text.trim()).0.parse().ok()
    }
}

/// What may be a name at the start of `text`, and what follows it.
fn split_name(text: &str) -> (&str, &str) {
    let in_name = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
    text.split_at(text.find(|character| !in_name(character)).unwrap_or(text.len()))
}

fn parse(text: &str) -> Result<Requirement, RequirementFault> {
    let (given, rest) = split_name(text);
    if given.is_empty() {
        return Err(RequirementFault::Unnamed);
    }
    let name = given.parse()?;
    let (extras, rest) = extras(rest.trim_start())?;
    let (specifiers, url, rest) = match rest.chars().next() {
        Some('@') => {
            let (url, rest) = url(rest[1..].trim_start())?;
            (VersionSpecifiers::empty(), Some(url.to_owned()), rest)
        }
        Some('(') => {
            let inner = rest[1..].split_once(')').ok_or(RequirementFault::Parenthesis)?;
            (specifiers(inner.0)?, None, inner.1)
        }
        Some('<' | '=' | '>' | '~' | '!') => {
            let end = rest.find(';').unwrap_or(rest.len());
            (specifiers(&rest[..end])?, None, &rest[end..])
        }
        Some(';') | None if is_archive(given) => return Err(RequirementFault::File),
        Some(';') | None => (VersionSpecifiers::empty(), None, rest),
        Some(found) => return Err(RequirementFault::Unexpected { found }),
    };
    let rest = rest.trim_start();
    let marker = match rest.chars().next() {
        None => Marker::TRUE,
        Some(';') => rest[1..].parse()?,
        Some(found) => return Err(RequirementFault::Unexpected { found }),
    };
    Ok(Requirement { name, extras, specifiers, url, marker })
}

/// The extras at the start of `rest`, and what follows.
fn extras(rest: &str) -> Result<(Vec<ExtraName>, &str), RequirementFault> {
    let Some(list) = rest.strip_prefix('[') else { return Ok((Vec::new(), rest)) };
    let (list, rest) = list.split_once(']').ok_or(RequirementFault::Extras)?;
    let rest = rest.trim_start();
    if list.trim().is_empty() {
        return Ok((Vec::new(), rest));
    }
    let extras = list.split(',').map(|extra| extra.trim().parse()).collect::<Result<_, _>>()?;
    Ok((extras, rest))
}

fn specifiers(list: &str) -> Result<VersionSpecifiers, RequirementFault> {
    let specifier = |text: &str| {
        let text = text.trim();
        let fault = |_| RequirementFault::Specifier { text: text.to_owned() };
        VersionSpecifier::from_str(text).map_err(fault)
    };
    list.split(',').map(specifier).collect()
}

/// The URL at the start of `rest`, and what follows: nothing, or a marker.
fn url(rest: &str) -> Result<(&str, &str), RequirementFault> {
    let mut end = rest.len();
    for (index, character) in rest.char_indices() {
        let after = &rest[index + character.len_utf8()..];
        let next = after.trim_start().chars().next();
        if matches!(character, '\r' | '\n') || (character.is_whitespace() && matches!(next, Some(';' | '#')))
        {
            end = index;
            break;
        }
        if matches!(character, ';' | '#') && after.starts_with(char::is_whitespace) {
            let is_first = rest[..index].trim().is_empty();
            let fault =
                if is_first { RequirementFault::NoUrl } else { RequirementFault::UrlEnd { mark: character } };
            return Err(fault);
        }
    }
    match rest[..end].trim_end() {
        "" => Err(RequirementFault::NoUrl),
        url => Ok((url, &rest[end..])),
    }
}

/// Whether a name is that of an archive, as pip and uv tell it.
fn is_archive(name: &str) -> bool {
    let Some((before, ending)) = name.rsplit_once('.').filter(|(before, _)| !before.is_empty()) else {
        return false;
    };
    let is_tar =
        || before.rsplit_once('.').is_some_and(|(before, ending)| !before.is_empty() && ending == "tar");
    match ending {
        "whl" | "tbz" | "txz" | "tlz" | "zip" | "tgz" | "tar" => true,
        "bz2" | "xz" | "lz" | "lzma" | "gz" => is_tar(),
        _ => false,
    }
}

/// One spelling, which parses to an equal requirement.
impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)?;
        if !self.extras.is_empty() {
            let extras: Vec<&str> = self.extras.iter().map(ExtraName::as_str).collect();
            write!(f, "[{}]", extras.join(","))?;
        }
        match &self.url {
            Some(url) => write!(f, " @ {url}")?,
            None => {
                let specifiers: Vec<String> = self.specifiers.iter().map(ToString::to_string).collect();
                f.write_str(&specifiers.join(","))?;
            }
        }
        if self.marker != Marker::TRUE { write!(f, " ; {}", self.marker) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
