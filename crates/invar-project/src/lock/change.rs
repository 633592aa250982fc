//! What a new lock changes.
use std::collections::BTreeSet;
use std::fmt;

use invar_debian::{DebianVersion, PackageName};
use invar_tree::Digest;
use pep440_rs::Version;

use super::{InvarLock, LockedPackage, LockedPlatform, ScriptVerdict};
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
    /// A package that only other roots have came, went, or has another version.
    Tool {
        /// The package.
        name: PackageName,
        /// Its version in the old lock.
        old: Option<DebianVersion>,
        /// Its version in the new lock.
        new: Option<DebianVersion>,
        /// The platforms for which this is so.
        platforms: BTreeSet<Platform>,
    },
    /// A wheel or a source distribution that builds need came, went, or has other bytes.
    BuildFile {
        /// Its file name.
        file: String,
        /// Its sha256 in the old lock.
        old: Option<Digest>,
        /// Its sha256 in the new lock.
        new: Option<Digest>,
        /// The platforms for which this is so.
        platforms: BTreeSet<Platform>,
    },
    /// A file for build steps came, went, or has other bytes.
    Fetch {
        /// Its address.
        url: String,
        /// Its sha256 in the old lock.
        old: Option<Digest>,
        /// Its sha256 in the new lock.
        new: Option<Digest>,
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
            Self::Tool { name, old, new, platforms } => {
                f.write_str("for building: ")?;
                step(f, name, old.as_ref(), new.as_ref())?;
                write!(f, " ({})", on(platforms))
            }
            Self::BuildFile { file, old, new, platforms } => {
                write!(f, "for building: {file} {} ({})", bytes(*old, *new), on(platforms))
            }
            Self::Fetch { url, old, new } => write!(f, "{url} {}", bytes(*old, *new)),
            Self::Replaced { name, version, platforms } => {
                write!(f, "{name} {version} has different contents ({})", on(platforms))
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

/// What became of a file that has no version.
fn bytes(old: Option<Digest>, new: Option<Digest>) -> &'static str {
    match (old, new) {
        (None, _) => "added",
        (Some(_), None) => "removed",
        (Some(_), Some(_)) => "has different contents",
    }
}

impl InvarLock {
    /// What `new` has that `old` has not, and the other way round: suites, Python, files of steps, packages by name,
    /// tools by name, then the files that builds need.
    ///
    /// A change that is the same for several platforms is reported once.
    pub fn changes(old: &Self, new: &Self) -> Vec<Change> {
        let mut changes = Vec::new();
        for name in old.suites.keys().chain(new.suites.keys()).collect::<BTreeSet<&SuiteName>>() {
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
        for url in old.fetches.keys().chain(new.fetches.keys()).collect::<BTreeSet<_>>() {
            let digest = |lock: &Self| lock.fetches.get(url).map(|fetch| fetch.sha256);
            let (old, new) = (digest(old), digest(new));
            if old != new {
                changes.push(Change::Fetch { url: url.clone(), old, new });
            }
        }
        for name in names(old, new, |platform| platform.packages.keys()) {
            let first = changes.len();
            for platform in Platform::ALL {
                let package = |lock: &Self| lock.platforms.get(&platform)?.packages.get(name).cloned();
                for change in package_changes(name, platform, package(old), package(new)) {
                    merge(&mut changes, first, change);
                }
            }
        }
        for name in names(old, new, |platform| platform.tools.keys()) {
            let first = changes.len();
            for platform in Platform::ALL {
                let tool = |lock: &Self| lock.platforms.get(&platform)?.tools.get(name).cloned();
                if let Some(change) = tool_change(name, platform, tool(old), tool(new)) {
                    merge(&mut changes, first, change);
                }
            }
        }
        let files = |platform: &'_ LockedPlatform| -> Vec<String> {
            platform.build_wheels.keys().chain(platform.build_sources.keys()).cloned().collect()
        };
        let files: BTreeSet<String> =
            [old, new].into_iter().flat_map(|lock| lock.platforms.values()).flat_map(files).collect();
        for file in &files {
            let first = changes.len();
            for platform in Platform::ALL {
                let digest = |lock: &Self| {
                    let platform = lock.platforms.get(&platform)?;
                    let wheel = platform.build_wheels.get(file).map(|wheel| wheel.sha256);
                    wheel.or_else(|| platform.build_sources.get(file).map(|source| source.sha256))
                };
                let (old, new) = (digest(old), digest(new));
                if old != new {
                    let (file, platforms) = (file.clone(), BTreeSet::from([platform]));
                    merge(&mut changes, first, Change::BuildFile { file, old, new, platforms });
                }
            }
        }
        changes
    }
}

/// The names that `keys` finds on any platform of either lock, sorted.
fn names<'a, K: Ord, I: Iterator<Item = &'a K>>(
    old: &'a InvarLock,
    new: &'a InvarLock,
    keys: impl Fn(&'a LockedPlatform) -> I,
) -> BTreeSet<&'a K> {
    [old, new].into_iter().flat_map(|lock| lock.platforms.values()).flat_map(keys).collect()
}

fn tool_change(
    name: &PackageName,
    platform: Platform,
    old: Option<LockedPackage>,
    new: Option<LockedPackage>,
) -> Option<Change> {
    let (name, platforms) = (name.clone(), BTreeSet::from([platform]));
    let text = |package: &Option<LockedPackage>| package.as_ref().map(|package| package.version.to_string());
    if text(&old) != text(&new) {
        let version = |package: Option<LockedPackage>| package.map(|package| package.version);
        return Some(Change::Tool { name, old: version(old), new: version(new), platforms });
    }
    let (old, new) = (old?, new?);
    let version = new.version;
    (old.sha256 != new.sha256).then_some(Change::Replaced { name, version, platforms })
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
    // A package that came or went has been reported, unless there is something to look at.
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
        | Change::Tool { platforms, .. }
        | Change::BuildFile { platforms, .. }
        | Change::Replaced { platforms, .. }
        | Change::Scripts { platforms, .. } => Some(platforms),
        Change::Suite { .. } | Change::Interpreter { .. } | Change::Fetch { .. } => None,
    }
}
