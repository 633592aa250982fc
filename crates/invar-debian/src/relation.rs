//! Relations between packages (Debian Policy, section 7.1 "Syntax of relationship fields").
//!
//! ```text
//! field        dependency ("," dependency)*          all of them
//! dependency   relation ("|" relation)*              one of them, the first preferred
//! relation     name [":" qualifier] ["(" operator version ")"] ["[" ["!"] architecture ... "]"]
//! qualifier    "any" | "native" | architecture
//! operator     "<<" | "<=" | "=" | ">=" | ">>"
//! ```
//!
//! Empty places between commas are skipped, as dpkg skips them. `<` and `>` are the old spelling of `<=` and `>=`.
//! Build profiles (`<!nocheck>`) exist only in source packages and are refused.
use std::fmt;
use std::str::FromStr;

use crate::{Architecture, DebianVersion, NameError, PackageName, VersionError};

/// The most alternatives of a dependency, and the most dependencies of a field. The longest real field, the
/// `Provides` of one package of kernel modules, has a few thousand.
const MAXIMUM: usize = 1 << 16;

/// One dependency: any of its alternatives satisfies it, and the first is preferred.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// The alternatives, at least one.
    pub alternatives: Vec<Relation>,
}

/// A named package, perhaps of certain versions, perhaps only on certain architectures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// The package, real or virtual.
    pub name: PackageName,
    /// The architecture that the package must have, if it is said.
    pub qualifier: Option<ArchitectureQualifier>,
    /// The versions that are meant; all if absent.
    pub version: Option<(VersionOperator, DebianVersion)>,
    /// The architectures on which the relation exists; all if absent.
    pub architectures: Option<ArchitectureRestriction>,
}

/// Which architecture's package is meant, written after the name and a colon.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ArchitectureQualifier {
    /// `any`: a package of any architecture that allows it (`Multi-Arch: allowed`).
    Any,
    /// `native`: a package of the machine's own architecture.
    Native,
    /// A package of this architecture.
    Named(Architecture),
}

/// How a version must be to the one in a relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VersionOperator {
    /// `<<`, strictly earlier.
    Earlier,
    /// `<=`, earlier or equal.
    AtMost,
    /// `=`, equal.
    Exactly,
    /// `>=`, later or equal.
    AtLeast,
    /// `>>`, strictly later.
    Later,
}

/// The architectures on which a relation exists, written in brackets.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ArchitectureRestriction {
    /// Whether the relation exists everywhere but on `architectures`, each written with a `!`.
    pub excluded: bool,
    /// Names or wildcards, such as `amd64`, `linux-any`, `any-arm64`; at least one.
    pub architectures: Vec<Architecture>,
}

/// Why a text is not a relation between packages.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RelationError {
    /// The name is not a package's.
    #[error("in {relation:?}: {source}")]
    Name {
        /// The relation as written.
        relation: String,
        /// What is wrong with the name.
        source: NameError,
    },
    /// A qualifier or a restriction is not an architecture's name.
    #[error("in {relation:?}: {source}")]
    Architecture {
        /// The relation as written.
        relation: String,
        /// What is wrong with the name.
        source: NameError,
    },
    /// The operator is unknown or missing.
    #[error("in {relation:?}: {operator:?} is not an operator, expected one of << <= = >= >>")]
    Operator {
        /// The relation as written.
        relation: String,
        /// What is in its place.
        operator: String,
    },
    /// The version is not one.
    #[error("in {relation:?}: {source}")]
    Version {
        /// The relation as written.
        relation: String,
        /// What is wrong with the version.
        source: VersionError,
    },
    /// A bracket is open, or something follows where nothing may.
    #[error(
        "in {relation:?}: expected \"name (operator version) [architectures]\", found {rest:?} at the end"
    )]
    Rest {
        /// The relation as written.
        relation: String,
        /// What could not be read.
        rest: String,
    },
    /// Architectures with and without `!` in one pair of brackets, or none at all.
    #[error(
        "in {relation:?}: the architectures in brackets must be all with \"!\" or all without, and at least one"
    )]
    Mixed {
        /// The relation as written.
        relation: String,
    },
    /// More relations than any real field has.
    #[error("a field has more than {MAXIMUM} relations")]
    TooMany,
}

/// Reads a relationship field, such as `Depends`: all the dependencies, in the field's order.
///
/// # Errors
/// [`RelationError`] for the first invalid relation.
pub fn parse_dependencies(text: &str) -> Result<Vec<Dependency>, RelationError> {
    let mut dependencies = Vec::new();
    for part in text.split(',') {
        if part.trim().is_empty() {
            continue;
        }
        if dependencies.len() == MAXIMUM {
            return Err(RelationError::TooMany);
        }
        dependencies.push(part.parse()?);
    }
    Ok(dependencies)
}

impl FromStr for Dependency {
    type Err = RelationError;

    fn from_str(text: &str) -> Result<Self, RelationError> {
        let alternatives = text.split('|').map(str::parse).collect::<Result<Vec<_>, _>>()?;
        if alternatives.len() > MAXIMUM { Err(RelationError::TooMany) } else { Ok(Self { alternatives }) }
    }
}

impl FromStr for Relation {
    type Err = RelationError;

    fn from_str(text: &str) -> Result<Self, RelationError> {
        let text = text.trim();
        let relation = || shown(text);
        let end = text.find([' ', '\t', '\n', '(', '[', '<', ':']).unwrap_or(text.len());
        let (name, mut rest) = text.split_at(end);
        let name = name.parse().map_err(|source| RelationError::Name { relation: relation(), source })?;
        let architecture = |text: &str| {
            text.parse::<Architecture>()
                .map_err(|source| RelationError::Architecture { relation: relation(), source })
        };

        let mut qualifier = None;
        if let Some(after) = rest.strip_prefix(':') {
            let end = after.find([' ', '\t', '\n', '(', '[', '<']).unwrap_or(after.len());
            qualifier = Some(match &after[..end] {
                "any" => ArchitectureQualifier::Any,
                "native" => ArchitectureQualifier::Native,
                other => ArchitectureQualifier::Named(architecture(other)?),
            });
            rest = &after[end..];
        }

        let mut version = None;
        rest = rest.trim_start();
        if let Some((inside, after)) = bracketed(rest, '(', ')') {
            let end = inside.find(|symbol| !"<=>".contains(symbol)).unwrap_or(inside.len());
            let (operator, text) = inside.split_at(end);
            let operator = VersionOperator::from_symbol(operator)
                .ok_or_else(|| RelationError::Operator { relation: relation(), operator: shown(inside) })?;
            let text = text.trim();
            let parsed =
                text.parse().map_err(|source| RelationError::Version { relation: relation(), source })?;
            version = Some((operator, parsed));
            rest = after;
        }

        let mut architectures = None;
        rest = rest.trim_start();
        if let Some((inside, after)) = bracketed(rest, '[', ']') {
            let words: Vec<&str> = inside.split_whitespace().collect();
            let excluded = inside.starts_with('!');
            if words.is_empty() || words.iter().any(|word| word.starts_with('!') != excluded) {
                return Err(RelationError::Mixed { relation: relation() });
            }
            let named = words.iter().map(|word| architecture(word.trim_start_matches('!')));
            architectures =
                Some(ArchitectureRestriction { excluded, architectures: named.collect::<Result<_, _>>()? });
            rest = after;
        }
        rest = rest.trim_start();
        if rest.is_empty() {
            Ok(Self { name, qualifier, version, architectures })
        } else {
            Err(RelationError::Rest { relation: relation(), rest: shown(rest) })
        }
    }
}

/// What is between `open` at the very beginning and the next `close`, and what follows.
fn bracketed(text: &str, open: char, close: char) -> Option<(&str, &str)> {
    let (inside, after) = text.strip_prefix(open)?.split_once(close)?;
    Some((inside.trim(), after))
}

/// The beginning of a text, for an error.
fn shown(text: &str) -> String {
    text.chars().take(120).collect()
}

impl Relation {
    /// The package `name`, any version, everywhere.
    pub fn to(name: PackageName) -> Self {
        Self { name, qualifier: None, version: None, architectures: None }
    }

    /// Whether `version` is among those that are meant.
    pub fn accepts(&self, version: &DebianVersion) -> bool {
        self.version.as_ref().is_none_or(|(operator, wanted)| operator.accepts(version, wanted))
    }

    /// Whether the relation exists on `architecture`.
    pub fn exists_on(&self, architecture: &Architecture) -> bool {
        self.architectures.as_ref().is_none_or(|restriction| restriction.allows(architecture))
    }
}

impl VersionOperator {
    /// Whether `version` is to `wanted` as the operator says.
    pub fn accepts(self, version: &DebianVersion, wanted: &DebianVersion) -> bool {
        match self {
            Self::Earlier => version < wanted,
            Self::AtMost => version <= wanted,
            Self::Exactly => version == wanted,
            Self::AtLeast => version >= wanted,
            Self::Later => version > wanted,
        }
    }

    /// The operator as it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Earlier => "<<",
            Self::AtMost => "<=",
            Self::Exactly => "=",
            Self::AtLeast => ">=",
            Self::Later => ">>",
        }
    }

    fn from_symbol(symbol: &str) -> Option<Self> {
        Some(match symbol {
            "<<" => Self::Earlier,
            "<=" | "<" => Self::AtMost,
            "=" => Self::Exactly,
            ">=" | ">" => Self::AtLeast,
            ">>" => Self::Later,
            _ => return None,
        })
    }
}

impl ArchitectureRestriction {
    /// Whether the relation exists on `architecture`.
    pub fn allows(&self, architecture: &Architecture) -> bool {
        self.architectures.iter().any(|pattern| matches(pattern.as_str(), architecture.as_str()))
            != self.excluded
    }
}

/// Whether an architecture fits a name or a wildcard (Debian Policy, section 11.1.1). `amd64` is short for
/// `linux-amd64`.
fn matches(pattern: &str, architecture: &str) -> bool {
    let (system, processor) = architecture.rsplit_once('-').unwrap_or(("linux", architecture));
    match pattern.rsplit_once('-') {
        None => pattern == "any" || pattern == architecture,
        Some(("any", wanted)) => wanted == "any" || wanted == processor,
        Some((wanted, "any")) => wanted == system,
        Some((wanted, other)) => wanted == system && other == processor,
    }
}

impl fmt::Display for Dependency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, relation) in self.alternatives.iter().enumerate() {
            let separator = if place == 0 { "" } else { " | " };
            write!(f, "{separator}{relation}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)?;
        if let Some(qualifier) = &self.qualifier {
            write!(f, ":{qualifier}")?;
        }
        if let Some((operator, version)) = &self.version {
            write!(f, " ({operator} {version})")?;
        }
        if let Some(restriction) = &self.architectures {
            write!(f, " {restriction}")?;
        }
        Ok(())
    }
}

impl fmt::Display for ArchitectureQualifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::Native => f.write_str("native"),
            Self::Named(architecture) => architecture.fmt(f),
        }
    }
}

impl fmt::Display for VersionOperator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.symbol())
    }
}

impl fmt::Display for ArchitectureRestriction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.excluded { "!" } else { "" };
        let words: Vec<String> = self.architectures.iter().map(|each| format!("{mark}{each}")).collect();
        write!(f, "[{}]", words.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn relations_are_read_and_written() {
        fn check(text: &str, expected: &str) {
            let all = parse_dependencies(text).unwrap();
            assert_eq!(all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "), expected);
        }
        check("libc6 (>= 2.38), librecode3 (>=3.7)", "libc6 (>= 2.38), librecode3 (>= 3.7)");
        check("debconf(>= 0.5)|debconf-2.0,\n python3:any", "debconf (>= 0.5) | debconf-2.0, python3:any");
        check("a1:native(<<1), b2:amd64 (= 1:2-3)", "a1:native (<< 1), b2:amd64 (= 1:2-3)");
        check("c3 [amd64 linux-any], d4 (>> 1) [!hurd-i386]", "c3 [amd64 linux-any], d4 (>> 1) [!hurd-i386]");
        check("old (< 2), older (> 1)", "old (<= 2), older (>= 1)");
        check("", "");
        check(" , a1, ,\t", "a1");
    }

    #[test]
    fn other_texts_are_refused() {
        fn check(text: &str, expected: &str) {
            assert_eq!(parse_dependencies(text).expect_err(text).to_string(), expected);
        }
        check("Foo", &format!("in \"Foo\": {}", "Foo".parse::<PackageName>().unwrap_err()));
        check("a1 | ", &format!("in \"\": {}", "".parse::<PackageName>().unwrap_err()));
        check("a1 (2)", "in \"a1 (2)\": \"2\" is not an operator, expected one of << <= = >= >>");
        check("a1 (=> 2)", "in \"a1 (=> 2)\": \"=> 2\" is not an operator, expected one of << <= = >= >>");
        check("a1 (= 2_3)", &format!("in \"a1 (= 2_3)\": {}", "2_3".parse::<DebianVersion>().unwrap_err()));
        check("a1:X", &format!("in \"a1:X\": {}", "X".parse::<Architecture>().unwrap_err()));
        let rest = |text: &str, rest: &str| {
            check(
                text,
                &format!(
                    "in {text:?}: expected \"name (operator version) [architectures]\", found {rest:?} at the end"
                ),
            );
        };
        rest("a1 (= 2", "(= 2");
        rest("a1 b1", "b1");
        rest("a1 <!nocheck>", "<!nocheck>");
        let mixed = "the architectures in brackets must be all with \"!\" or all without, and at least one";
        check("a1 [amd64 !i386]", &format!("in \"a1 [amd64 !i386]\": {mixed}"));
        check("a1 []", &format!("in \"a1 []\": {mixed}"));
        check(&"a1,".repeat(MAXIMUM + 1), "a field has more than 65536 relations");
    }

    #[test]
    fn operators_choose_versions() {
        fn check(relation: &str, accepted: [bool; 3]) {
            let relation: Relation = relation.parse().unwrap();
            let versions = ["1.0~1", "1.0", "1.0+1"].map(|version| version.parse().unwrap());
            assert_eq!(versions.map(|version| relation.accepts(&version)), accepted, "{relation}");
        }
        check("a1", [true, true, true]);
        check("a1 (<< 1.0)", [true, false, false]);
        check("a1 (<= 1.0)", [true, true, false]);
        check("a1 (= 1.0)", [false, true, false]);
        check("a1 (>= 1.0)", [false, true, true]);
        check("a1 (>> 1.0)", [false, false, true]);
    }

    #[test]
    fn architectures_restrict() {
        fn check(relation: &str, architecture: &str, expected: bool) {
            let relation: Relation = relation.parse().unwrap();
            assert_eq!(
                relation.exists_on(&architecture.parse().unwrap()),
                expected,
                "{relation} on {architecture}"
            );
        }
        check("a1", "amd64", true);
        check("a1 [amd64 arm64]", "amd64", true);
        check("a1 [arm64]", "amd64", false);
        check("a1 [!amd64]", "amd64", false);
        check("a1 [!arm64 !i386]", "amd64", true);
        check("a1 [linux-any]", "amd64", true);
        check("a1 [linux-any]", "hurd-amd64", false);
        check("a1 [any-amd64]", "hurd-amd64", true);
        check("a1 [any]", "arm64", true);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "([a-z0-9]{1,3}[ :|,()<>=!\\[\\]\u{e9}]{0,3}){0,12}") {
            if let Ok(all) = parse_dependencies(&text) {
                let written = all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                prop_assert_eq!(parse_dependencies(&written), Ok(all));
            }
        }
    }
}
