//! Which packages are needed, in which versions.
//!
//! The result is what the system's own package manager would install on an empty system without recommendations: of
//! alternatives the first, of a name that several packages provide the one that is there already, of versions the
//! highest. A name that only others provide, and several of them, is no answer to what a person asks for: it is refused,
//! as apt does. Where a dependency has such a name, the most important provider is taken, then the first by name, and
//! [`Solution::guesses`] says so if Debian prefers none of them. A plain walk along the dependencies ([`greedy`]) finds that nearly always. Where the walk runs into a
//! conflict, a complete search ([`search`]) decides whether there is another way, and if not, [`explain`] says why.
//!
//! Only the index and the request decide. No order of a table, no clock and no random number does.
mod explain;
mod greedy;
mod problem;
mod search;
mod table;
mod universe;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use greedy::Walk;
use invar_debian::{DebianVersion, Dependency, PackageName};

use crate::index::PackageIndex;
use crate::record::PackageRecord;
pub use problem::{Chain, ClashKind, Problem, SolveError};
use universe::Universe;

/// What is to be solved.
pub struct SolveRequest<'a> {
    /// What is asked for, in the order in which it is to be looked at.
    pub requests: Vec<Request>,
    /// Whether a package (first) does without another that it depends on (second), because only its maintainer
    /// scripts use it. The second name is as the dependency has it, or as the package is called that would be chosen.
    pub omit: &'a dyn Fn(&PackageName, &PackageName) -> bool,
    /// Versions to keep if possible: those of an earlier solution.
    pub prefer: &'a BTreeMap<PackageName, DebianVersion>,
}

/// Something that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The package, perhaps of certain versions, or one of several.
    pub dependency: Dependency,
    /// Who asks for it.
    pub requester: Requester,
}

/// Who asks for a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Requester {
    /// The manifest's `packages`.
    Manifest,
    /// The manifest's `shell`.
    Shell,
    /// The set that every image has.
    Base,
    /// The project, which needs an interpreter.
    Interpreter,
    /// Debian itself (Debian Policy, section 3.8).
    Essential,
    /// What is run in a closure of this name other than the image.
    Closure(String),
}

impl fmt::Display for Requester {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Manifest => f.write_str("`packages` in the manifest"),
            Self::Shell => f.write_str("`shell = true` in the manifest"),
            Self::Base => f.write_str("the base set"),
            Self::Interpreter => f.write_str("the Python interpreter"),
            Self::Essential => f.write_str("every Debian system"),
            Self::Closure(name) => write!(f, "the packages of {name}"),
        }
    }
}

/// The packages that satisfy a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Solution {
    /// The packages, sorted by name, each name once.
    pub packages: Vec<SelectedPackage>,
    /// What was left out because only maintainer scripts use it, sorted by name, each name once.
    pub omitted: Vec<OmittedPackage>,
    /// Where a dependency left the choice open, in the order of the walk.
    pub guesses: Vec<Guess>,
}

/// A package that was chosen among several that provide the name that a dependency has, none of which is more
/// important than the others. apt's choice depends on the order of its indexes there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guess {
    /// The package that has the dependency.
    pub of: PackageName,
    /// The name that it depends on.
    pub name: PackageName,
    /// The package chosen.
    pub chosen: PackageName,
    /// The other packages that provide the name, sorted.
    pub others: Vec<PackageName>,
}

/// A package of a solution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectedPackage {
    /// The package.
    pub record: PackageRecord,
    /// Why it is there.
    pub reason: Reason,
}

/// Why a package is part of a solution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It was asked for; of several requests for it, by the first one's requester.
    Requested(Requester),
    /// Another package needs it; of several, the first that the walk came to.
    DependencyOf(PackageName),
}

/// A package that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OmittedPackage {
    /// The package that would have been chosen.
    pub package: PackageName,
    /// The packages of the solution that depend on it, sorted, each once.
    pub needed_by: Vec<PackageName>,
}

impl fmt::Debug for SolveRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SolveRequest")
            .field("requests", &self.requests)
            .field("prefer", &self.prefer)
            .finish_non_exhaustive()
    }
}

/// Finds the packages that satisfy a request, with everything they need.
///
/// Essential packages are not added by themselves: ask for them if they are wanted.
///
/// # Errors
/// [`SolveError`] if there is no solution, with the problems that are in the way.
pub fn solve(index: &PackageIndex, request: &SolveRequest<'_>) -> Result<Solution, SolveError> {
    let universe = Universe::new(index, request);
    let problems: Vec<Problem> = universe.root_problems();
    if !problems.is_empty() {
        return Err(SolveError { problems });
    }
    let walk = match Walk::anywhere(&universe) {
        Some(walk) => walk,
        None => {
            let rows = search::search(&universe)?;
            // The walk within the packages found gives the reasons, and drops what nothing needs after all.
            Walk::within(&universe, &rows)
                .expect("the packages found satisfy all that they and the roots need")
        }
    };
    Ok(solution(&universe, walk))
}

fn solution(universe: &Universe<'_>, walk: Walk) -> Solution {
    let rows: BTreeSet<u32> = walk.selected.values().map(|(package, _)| package.row).collect();
    let mut omitted: BTreeMap<PackageName, BTreeSet<PackageName>> = BTreeMap::new();
    for (name, (package, _)) in &walk.selected {
        for need in universe.needs(package).iter() {
            if let Some(instead) = &need.omitted
                && !need.candidates.iter().any(|candidate| rows.contains(&candidate.row))
            {
                omitted.entry(instead.clone()).or_default().insert(name.clone());
            }
        }
    }
    let selected = |(package, reason): (universe::Package, Reason)| SelectedPackage {
        record: PackageRecord::clone(&package.record),
        reason,
    };
    let omit = |(package, needed_by): (_, BTreeSet<_>)| OmittedPackage {
        package,
        needed_by: needed_by.into_iter().collect(),
    };
    Solution {
        packages: walk.selected.into_values().map(selected).collect(),
        omitted: omitted.into_iter().map(omit).collect(),
        guesses: walk.guesses,
    }
}

#[cfg(test)]
mod tests;
