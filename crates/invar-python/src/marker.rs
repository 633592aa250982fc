//! Environment markers: the conditions after a dependency's `;`.
//!
//! ```text
//! marker     = and *("or" and)
//! and        = term *("and" term)
//! term       = "(" marker ")" / operand operator operand
//! operand    = variable / "'" text "'" / <"> text <">
//! operator   = "==" / "!=" / "<" / "<=" / ">" / ">=" / "~=" / "===" / "in" / "not" "in"
//! ```
//!
//! Source: "Dependency specifiers", section "Environment Markers" (PEP 508), and PEP 751 for the sets `extras` and
//! `dependency_groups`. What a comparison means:
//!
//! * `python_version`, `python_full_version` and `implementation_version` with a version: by PEP 440. With a list of
//!   versions after `in`: equal to one of them, as `uv` has it. Otherwise as texts.
//! * All other variables: as texts, in the order of their bytes.
//! * `extra` equals what any of the [`Activated`] extras is called; `uv` names an extra `cpu` of a distribution
//!   `project` that is part of a declared conflict `extra-7-project-cpu`, a group `group-7-project-dev`, and the
//!   project's own dependencies `project-7-project`.
//!
//! A comparison that has no meaning (two texts, two variables, `~=` on text) is an error, where other readers ignore
//! it: a lock that `uv` wrote has none, and what was ignored would decide which wheels an image has.
//!
//! This is an evaluator and not an algebra: `uv`'s markers can be brought to forms whose size is exponential in their
//! length, and a lock comes from outside.
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use pep440_rs::Version;
use serde::{Deserialize, Deserializer};

mod compare;
mod display;
mod parse;

use compare::Comparison;

/// The values of the variables in markers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkerEnvironment {
    /// `os_name`, such as `posix`.
    pub os_name: String,
    /// `sys_platform`, such as `linux`.
    pub sys_platform: String,
    /// `platform_system`, such as `Linux`.
    pub platform_system: String,
    /// `platform_machine`, such as `x86_64`.
    pub platform_machine: String,
    /// `platform_release`: the kernel's release.
    pub platform_release: String,
    /// `platform_version`: the kernel's version.
    pub platform_version: String,
    /// `platform_python_implementation`, such as `CPython`.
    pub platform_python_implementation: String,
    /// `implementation_name`, such as `cpython`.
    pub implementation_name: String,
    /// `python_full_version` and `implementation_version`; its first two numbers are `python_version`.
    pub python: Version,
}

/// Which extras and groups are active where a marker is evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Activated {
    /// What `extra` compares equal to and what `extras` holds: normalized names.
    pub extras: BTreeSet<String>,
    /// What `dependency_groups` holds: normalized names.
    pub groups: BTreeSet<String>,
}

/// A marker, parsed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Marker(Expression);

/// Why a text is not a marker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a marker: {reason}, at byte {offset}")]
pub struct MarkerError {
    /// The text, shortened.
    pub text: String,
    /// Where the error was found, in bytes from 0.
    pub offset: usize,
    /// What was found, and what was expected.
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Expression {
    All(Vec<Expression>),
    Any(Vec<Expression>),
    Comparison(Comparison),
}

impl Default for Expression {
    fn default() -> Self {
        Self::All(Vec::new())
    }
}

impl Expression {
    fn evaluate(&self, environment: &MarkerEnvironment, activated: &Activated) -> bool {
        match self {
            Self::All(terms) => terms.iter().all(|term| term.evaluate(environment, activated)),
            Self::Any(terms) => terms.iter().any(|term| term.evaluate(environment, activated)),
            Self::Comparison(comparison) => comparison.evaluate(environment, activated),
        }
    }

    /// Whether the expression can be true, whatever extras and groups are active.
    fn possible(&self, environment: &MarkerEnvironment) -> bool {
        match self {
            Self::All(terms) => terms.iter().all(|term| term.possible(environment)),
            Self::Any(terms) => terms.iter().any(|term| term.possible(environment)),
            Self::Comparison(comparison) => {
                comparison.depends_on_activation() || comparison.evaluate(environment, &Activated::default())
            }
        }
    }
}

impl Marker {
    /// The marker that is always true.
    pub const TRUE: Self = Self(Expression::All(Vec::new()));

    /// Whether the marker holds.
    pub fn evaluate(&self, environment: &MarkerEnvironment, activated: &Activated) -> bool {
        self.0.evaluate(environment, activated)
    }

    /// Whether the marker holds for some choice of extras and groups. It may say so where the choice would have to
    /// contradict itself, never the other way round.
    pub fn possible(&self, environment: &MarkerEnvironment) -> bool {
        self.0.possible(environment)
    }
}

impl FromStr for Marker {
    type Err = MarkerError;

    fn from_str(text: &str) -> Result<Self, MarkerError> {
        parse::marker(text).map(Self)
    }
}

impl<'de> Deserialize<'de> for Marker {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for Activated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.extras.iter().chain(&self.groups).map(String::as_str).collect();
        f.write_str(&names.join(", "))
    }
}

#[cfg(test)]
mod tests;
