use std::fmt;

use invar_debian::{DebianVersion, Dependency, PackageName, Relation};

use super::Request;

/// There is no solution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SolveError {
    /// What is in the way: at least one problem. They are sorted by their text, except roots that nothing
    /// satisfies, which keep the request's order.
    pub problems: Vec<Problem>,
}

/// Something that is in the way of a solution.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// Nothing satisfies a dependency.
    Missing {
        /// The package that has the dependency, and how it is needed itself.
        chain: Chain,
        /// The dependency.
        dependency: Dependency,
        /// The versions that there are of the packages it names.
        found: Vec<(PackageName, DebianVersion)>,
        /// Names that may have been meant, if there is no such package.
        nearest: Vec<PackageName>,
    },
    /// Something that is asked for is only a name that several packages provide (Debian Policy, section 3.6).
    Virtual {
        /// Who asks for it.
        chain: Chain,
        /// The name.
        name: PackageName,
        /// The packages that provide it, sorted by name: the best version of each.
        providers: Vec<(PackageName, DebianVersion)>,
        /// The one that Debian has as the default.
        preferred: Option<PackageName>,
    },
    /// Two packages must not be installed together.
    Clash {
        /// The package that says so.
        left: Chain,
        /// The other.
        right: Chain,
        /// How it says so.
        kind: ClashKind,
        /// The relation that says so.
        relation: Relation,
    },
    /// No version of a package satisfies all that need it.
    Versions {
        /// The package.
        name: PackageName,
        /// Who needs it, and which versions.
        needs: Vec<(Chain, Dependency)>,
    },
    /// The roots contradict each other in a way that has no short explanation.
    Together {
        /// The roots.
        roots: Vec<Request>,
    },
}

/// How a package says that another must not be installed with it (Debian Policy, sections 7.3 and 7.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClashKind {
    /// `Conflicts`.
    Conflicts,
    /// `Breaks`.
    Breaks,
}

/// How a package is needed: from what was asked for to the package itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Chain {
    /// The words of the root.
    pub why: String,
    /// The packages, each needed by the one before; none if the root itself is meant.
    pub packages: Vec<(PackageName, DebianVersion)>,
}

impl Chain {
    /// The root itself.
    pub(super) fn root(root: &Request) -> Self {
        Self { why: root.requester.to_string(), packages: Vec::new() }
    }
}

impl std::error::Error for SolveError {}

impl fmt::Display for SolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no set of Debian packages satisfies the request:")?;
        self.problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { chain, dependency, found, nearest } => {
                match chain.packages.last() {
                    Some((name, version)) => write!(f, "{name} {version} depends on {dependency}")?,
                    None => write!(f, "{dependency} is requested by {}", chain.why)?,
                }
                let names = || list(nearest.iter().map(PackageName::to_string), " or ");
                match (&found[..], &nearest[..]) {
                    ([], []) => write!(f, ", but no suite has it")?,
                    ([], _) => write!(f, ", but no suite has it; did you mean {}?", names())?,
                    _ => {
                        let versions = found.iter().map(|(name, version)| format!("{name} {version}"));
                        write!(f, ", but the suites have only {}", list(versions, " and "))?;
                    }
                }
                if chain.packages.is_empty() { Ok(()) } else { write!(f, " ({chain})") }
            }
            Self::Virtual { chain, name, providers, preferred } => {
                write!(
                    f,
                    "{name} is a virtual package, requested by {}; name one that provides it:",
                    chain.why
                )?;
                providers.iter().try_for_each(|(name, version)| {
                    let default = if preferred.as_ref() == Some(name) { " (the default)" } else { "" };
                    write!(f, "\n    {name} {version}{default}")
                })
            }
            Self::Clash { left, right, kind, relation } => {
                let name = |chain: &Chain| match chain.packages.last() {
                    Some((name, version)) => format!("{name} {version}"),
                    None => "a requested package".to_owned(),
                };
                let verb = match kind {
                    ClashKind::Conflicts => "conflicts with",
                    ClashKind::Breaks => "breaks",
                };
                write!(f, "{} {verb} {relation}, which rules out {}", name(left), name(right))?;
                write!(f, " ({left}; {right})")
            }
            Self::Versions { name, needs } => {
                let needs = needs.iter().map(|(chain, dependency)| match chain.packages.last() {
                    Some((package, version)) => format!("{package} {version} needs {dependency} ({chain})"),
                    None => format!("{} requests {dependency}", chain.why),
                });
                write!(f, "no version of {name} satisfies all its dependents: {}", list(needs, ", and "))
            }
            Self::Together { roots } => {
                let roots =
                    roots.iter().map(|root| format!("{} (requested by {})", root.dependency, root.requester));
                write!(f, "these cannot be installed together: {}", list(roots, " and "))
            }
        }
    }
}

impl fmt::Display for Chain {
    /// `a is requested by WORDS` or `a needs b, b needs c, a is requested by WORDS`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for pair in self.packages.windows(2) {
            write!(f, "{} needs {}, ", pair[0].0, pair[1].0)?;
        }
        match self.packages.first() {
            Some((first, _)) => write!(f, "{first} is requested by {}", self.why),
            None => write!(f, "requested by {}", self.why),
        }
    }
}

/// `a`, `a LAST b`, or `a, b LAST c`.
fn list(words: impl Iterator<Item = String>, last: &str) -> String {
    let words: Vec<String> = words.collect();
    match &words[..] {
        [rest @ .., end] if !rest.is_empty() => format!("{}{last}{end}", rest.join(", ")),
        _ => words.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_aloud() {
        for (words, expected) in [("", ""), ("a", "a"), ("a b", "a or b"), ("a b c", "a, b or c")] {
            assert_eq!(list(words.split_whitespace().map(str::to_owned), " or "), expected);
        }
    }
}
