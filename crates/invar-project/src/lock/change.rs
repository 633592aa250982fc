//! What a new lock changes.
use std::collections::BTreeSet;
use std::fmt;

use invar_debian::{DebianVersion, PackageName};
use pep440_rs::Version;

use super::{InvarLock, LockedPackage, ScriptVerdict};
use crate::{Platform, SuiteName, Timestamp};

/// One difference between two locks, for a reader.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// A suite came, went, or has a new date.
    Suite {
        /// The suite.
        name: SuiteName,
        /// Its date in the old lock.
        old: Option<Timestamp>,
        /// Its date in the new lock.
        new: Option<Timestamp>,
    },
    /// Another Python.
    Interpreter {
        /// In the old lock.
        old: Option<Version>,
        /// In the new lock.
        new: Option<Version>,
    },
    /// A package came, went, or has another version.
    Package {
        /// The package.
        name: PackageName,
        /// Its version in the old lock.
        old: Option<DebianVersion>,
        /// Its version in the new lock.
        new: Option<DebianVersion>,
        /// The platforms for which this is so.
        platforms: BTreeSet<Platform>,
    },
    /// A package has the same version but other bytes: Debian never does that, a mirror or an own archive may.
    Replaced {
        /// The package.
        name: PackageName,
        /// The version.
        version: DebianVersion,
        /// The platforms for which this is so.
        platforms: BTreeSet<Platform>,
    },
    /// Something else is known about a package's maintainer scripts.
    Scripts {
        /// The package.
        name: PackageName,
        /// The old verdict; `None` without scripts.
        old: Option<ScriptVerdict>,
        /// The new verdict; `None` without scripts.
        new: Option<ScriptVerdict>,
        /// The platforms for which this is so.
        platforms: BTreeSet<Platform>,
    },
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let on = |platforms: &BTreeSet<Platform>| {
            platforms.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        };
        match self {
            Self::Suite { name, old, new } => step(f, name, old.as_ref(), new.as_ref()),
            Self::Interpreter { old, new } => step(f, &"Python", old.as_ref(), new.as_ref()),
            Self::Package { name, old, new, platforms } => {
                step(f, name, old.as_ref(), new.as_ref())?;
                write!(f, " ({})", on(platforms))
            }
            Self::Replaced { name, version, platforms } => {
                write!(f, "{name} {version} has other bytes ({})", on(platforms))
            }
            Self::Scripts { name, old, new, platforms } => {
                let words = |verdict: &Option<ScriptVerdict>| {
                    verdict.map_or_else(|| "none".to_owned(), |verdict| verdict.to_string())
                };
                write!(f, "{name}: maintainer scripts {} → {} ({})", words(old), words(new), on(platforms))
            }
        }
    }
}

fn step<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    name: &dyn fmt::Display,
    old: Option<T>,
    new: Option<T>,
) -> fmt::Result {
    match (old, new) {
        (Some(old), Some(new)) => write!(f, "{name} {old} → {new}"),
        (None, Some(new)) => write!(f, "{name} {new} added"),
        (Some(old), None) => write!(f, "{name} {old} removed"),
        (None, None) => write!(f, "{name}"),
    }
}

impl InvarLock {
    /// What `new` has that `old` has not, and the other way round: suites, Python, then packages by name.
    ///
    /// A change that is the same for several platforms is told once.
    pub fn changes(old: &Self, new: &Self) -> Vec<Change> {
        let mut changes = Vec::new();
        let names: BTreeSet<&SuiteName> = old.suites.keys().chain(new.suites.keys()).collect();
        for name in names {
            let date = |lock: &Self| lock.suites.get(name).map(|suite| suite.date);
            let (old, new) = (date(old), date(new));
            if old != new {
                changes.push(Change::Suite { name: name.clone(), old, new });
            }
        }
        let version = |lock: &Self| lock.interpreter.as_ref().map(|interpreter| interpreter.version.clone());
        if version(old) != version(new) {
            changes.push(Change::Interpreter { old: version(old), new: version(new) });
        }
        let names: BTreeSet<&PackageName> = [old, new].into_iter().flat_map(Self::names).collect();
        for name in names {
            let first = changes.len();
            for platform in Platform::ALL {
                let package = |lock: &'_ Self| -> Option<LockedPackage> {
                    lock.platforms.get(&platform)?.packages.get(name).cloned()
                };
                for change in package_changes(name, platform, package(old), package(new)) {
                    merge(&mut changes, first, change);
                }
            }
        }
        changes
    }

    fn names(&self) -> impl Iterator<Item = &PackageName> {
        self.platforms.values().flat_map(|platform| platform.packages.keys())
    }
}

fn package_changes(
    name: &PackageName,
    platform: Platform,
    old: Option<LockedPackage>,
    new: Option<LockedPackage>,
) -> Vec<Change> {
    let (name, platforms) = (name.clone(), BTreeSet::from([platform]));
    let mut changes = Vec::new();
    let text = |package: &Option<LockedPackage>| package.as_ref().map(|package| package.version.to_string());
    if text(&old) != text(&new) {
        let version =
            |package: &Option<LockedPackage>| package.as_ref().map(|package| package.version.clone());
        let (old, new, platforms) = (version(&old), version(&new), platforms.clone());
        changes.push(Change::Package { name: name.clone(), old, new, platforms });
    } else if let (Some(old), Some(new)) = (&old, &new)
        && old.sha256 != new.sha256
    {
        let (version, platforms) = (new.version.clone(), platforms.clone());
        changes.push(Change::Replaced { name: name.clone(), version, platforms });
    }
    let verdict = |package: &Option<LockedPackage>| package.as_ref()?.scripts.map(|scripts| scripts.verdict);
    let (old_verdict, new_verdict) = (verdict(&old), verdict(&new));
    // A package that came or went has been told of, unless there is something to look at.
    let came_or_went = old.is_none() || new.is_none();
    let to_look_at = old.is_none() && new_verdict == Some(ScriptVerdict::Unknown);
    if old_verdict != new_verdict && (!came_or_went || to_look_at) {
        changes.push(Change::Scripts { name, old: old_verdict, new: new_verdict, platforms });
    }
    changes
}

/// Adds a change to those from `first` on; if one of them is the same on another platform, only the platform is added.
fn merge(changes: &mut Vec<Change>, first: usize, change: Change) {
    let without_platforms = |change: &Change| {
        let mut change = change.clone();
        if let Some(platforms) = platforms(&mut change) {
            platforms.clear();
        }
        // The texts decide, since versions are equal in Debian's order although they differ.
        change.to_string()
    };
    let wanted = without_platforms(&change);
    let mut change = change;
    match changes[first..].iter_mut().find(|known| without_platforms(known) == wanted) {
        Some(known) => {
            if let (Some(known), Some(more)) = (platforms(known), platforms(&mut change)) {
                known.append(more);
            }
        }
        None => changes.push(change),
    }
}

fn platforms(change: &mut Change) -> Option<&mut BTreeSet<Platform>> {
    match change {
        Change::Package { platforms, .. }
        | Change::Replaced { platforms, .. }
        | Change::Scripts { platforms, .. } => Some(platforms),
        Change::Suite { .. } | Change::Interpreter { .. } => None,
    }
}
