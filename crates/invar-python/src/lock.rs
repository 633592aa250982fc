//! `uv.lock`, version 1.
//!
//! A TOML document. Fields that decide nothing here, and any that a later revision adds, are ignored:
//!
//! ```text
//! version = 1, revision = N               another version is refused; revisions only add
//! requires-python = "SPECIFIERS"
//! resolution-markers = [MARKER...]        the environments that were resolved one by one
//! supported-markers = [MARKER...]         the only environments that were resolved
//! conflicts = [[{ package, extra | group | nothing }...]...]
//! [manifest]                              members, requirements, dependency-groups of the workspace
//! [[package]]
//! name, version (none if dynamic), source
//! resolution-markers = [MARKER...]
//! dependencies = [{ name, version, source, extra = [NAME...], marker }...]
//! sdist = { url | path | nothing, hash, size }
//! wheels = [{ url | path | filename, hash = "ALGORITHM:HEX", size }...]
//! [package.optional-dependencies]         EXTRA = dependencies
//! [package.dev-dependencies]              GROUP = dependencies
//! [package.metadata]                      requires-dist, provides-extras, requires-dev: what the project asked for
//! ```
//!
//! A source is one of `{ registry = URL | PATH }`, `{ git = URL }`, `{ url = URL, subdirectory }`, `{ path = PATH }`,
//! `{ directory = PATH }`, `{ editable = PATH }` and `{ virtual = PATH }`; paths are relative to the lock. The URL of
//! a git repository has the commit as its fragment, and in its query at most one of `tag`, `branch` and `rev`, and
//! `subdirectory`. A dependency names version and source only where several packages have its name.
//!
//! The format is `uv`'s own and has no specification; `uv`'s resolver crate, module `lock`, is the source.
use std::collections::BTreeMap;
use std::fmt;

use invar_tree::Digest;
use pep440_rs::{Version, VersionSpecifiers};

use crate::filename::WheelFilename;
use crate::marker::Marker;
use crate::name::{DistributionName, ExtraName, GroupName};

mod change;
mod check;
mod relative;
mod wire;

pub use check::{Disagreement, Place};

/// The version of the format that is read.
const VERSION: i64 = 1;

/// A `uv.lock`, parsed.
#[derive(Debug, Clone)]
pub struct UvLock {
    /// The revision of version 1 that wrote the lock.
    pub revision: u64,
    /// The Pythons that the lock is for.
    pub requires_python: VersionSpecifiers,
    /// The environments that were resolved one by one; none means all at once.
    pub resolution_markers: Vec<Marker>,
    /// The environments that were resolved; none means all.
    pub supported_markers: Vec<Marker>,
    /// Sets of extras and groups of which at most one can be chosen.
    pub conflicts: Vec<Vec<ConflictItem>>,
    /// What belongs to the workspace as a whole.
    pub manifest: Manifest,
    /// The packages, in the order of the file.
    pub packages: Vec<Package>,
}

/// What belongs to the workspace as a whole.
#[derive(Debug, Clone, Default)]
pub struct Manifest {
    /// The members, if there are several.
    pub members: Vec<DistributionName>,
    /// Requirements of a workspace root that is not a project.
    pub requirements: Vec<LockedRequirement>,
    /// Dependency groups of a workspace root that is not a project.
    pub groups: BTreeMap<GroupName, Vec<LockedRequirement>>,
    /// The `constraint-dependencies` that it was created with; `None` where this does not understand them.
    pub constraints: Option<Vec<LockedRequirement>>,
    /// The `override-dependencies`, likewise.
    pub overrides: Option<Vec<LockedRequirement>>,
    /// The `build-constraint-dependencies`, likewise.
    pub build_constraints: Option<Vec<LockedRequirement>>,
}

/// One extra, group or project of a declared conflict.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConflictItem {
    /// The distribution that has it.
    pub package: DistributionName,
    /// What it is.
    pub kind: ConflictKind,
}

/// What conflicts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConflictKind {
    /// The project's own dependencies.
    Project,
    /// An extra.
    Extra(ExtraName),
    /// A dependency group.
    Group(GroupName),
}

impl ConflictItem {
    /// The extra that stands for this item in `uv`'s markers.
    pub fn encoded(&self) -> String {
        let (package, length) = (&self.package, self.package.as_str().len());
        match &self.kind {
            ConflictKind::Project => format!("project-{length}-{package}"),
            ConflictKind::Extra(extra) => format!("extra-{length}-{package}-{extra}"),
            ConflictKind::Group(group) => format!("group-{length}-{package}-{group}"),
        }
    }
}

impl fmt::Display for ConflictItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ConflictKind::Project => write!(f, "the dependencies of {}", self.package),
            ConflictKind::Extra(extra) => write!(f, "extra {extra} of {}", self.package),
            ConflictKind::Group(group) => write!(f, "group {group} of {}", self.package),
        }
    }
}

/// One `[[package]]`.
#[derive(Debug, Clone)]
pub struct Package {
    /// The distribution.
    pub name: DistributionName,
    /// Its version; none where it is computed when the package is built.
    pub version: Option<Version>,
    /// The version as the lock spells it.
    pub version_text: Option<String>,
    /// Where it comes from.
    pub source: Source,
    /// The environments that this version is for; none means all.
    pub resolution_markers: Vec<Marker>,
    /// What it depends on.
    pub dependencies: Vec<Dependency>,
    /// What each of its extras adds.
    pub optional_dependencies: BTreeMap<ExtraName, Vec<Dependency>>,
    /// What each of its dependency groups holds.
    pub dependency_groups: BTreeMap<GroupName, Vec<Dependency>>,
    /// Its source distribution, or the archive that it is locked to.
    pub sdist: Option<LockedSdist>,
    /// Its wheels.
    pub wheels: Vec<LockedWheel>,
    /// What the project asked for when it was locked; only for packages of the workspace.
    pub metadata: LockedMetadata,
}

/// Where a package comes from. Paths are relative to the lock.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// An index: its URL, or the path of a folder with files.
    Registry(String),
    /// A git repository.
    Git(String),
    /// An archive.
    Url {
        /// Its URL.
        url: String,
        /// The folder in it that holds the project.
        subdirectory: Option<String>,
    },
    /// An archive on disk.
    Path(String),
    /// A folder to build from.
    Directory(String),
    /// A folder to build from and to link to.
    Editable(String),
    /// A folder that only names dependencies.
    Virtual(String),
}

impl Source {
    /// Whether a registry's value is the URL of an index rather than a path.
    pub(crate) fn is_url(text: &str) -> bool {
        text.split_once("://").is_some_and(|(scheme, _)| {
            !scheme.is_empty()
                && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
        })
    }

    /// The folder, if the source is one.
    pub(crate) fn folder(&self) -> Option<&str> {
        match self {
            Self::Directory(path) | Self::Editable(path) | Self::Virtual(path) => Some(path),
            Self::Registry(_) | Self::Git(_) | Self::Url { .. } | Self::Path(_) => None,
        }
    }
}

/// An entry in a list of dependencies.
#[derive(Debug, Clone)]
pub struct Dependency {
    /// Which of [`UvLock::packages`] it is.
    pub package: usize,
    /// The extras that it asks for.
    pub extras: Vec<ExtraName>,
    /// When it applies.
    pub marker: Marker,
}

/// A wheel of a package.
#[derive(Debug, Clone)]
pub struct LockedWheel {
    /// The URL, if the lock has one.
    pub url: Option<String>,
    /// The path, relative to the index, if the index is a folder.
    pub path: Option<String>,
    /// The file name: the last part of the URL, or the path, or as the lock has it.
    pub filename: WheelFilename,
    /// The digest.
    pub hash: Option<LockedHash>,
    /// The size in bytes.
    pub size: Option<u64>,
}

/// The source distribution of a package, or its archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedSdist {
    /// The URL; none where the package's source says it.
    pub url: Option<String>,
    /// The path, relative to the index, if the index is a folder.
    pub path: Option<String>,
    /// The digest.
    pub hash: Option<LockedHash>,
    /// The size in bytes.
    pub size: Option<u64>,
}

/// A digest with the algorithm that made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockedHash {
    /// The digest that everything is checked with.
    Sha256(Digest),
    /// Another algorithm, by its name.
    Other(String),
}

/// What a package of the workspace asked for when it was locked.
#[derive(Debug, Clone, Default)]
pub struct LockedMetadata {
    /// Its dependencies, with those of its extras.
    pub requires_dist: Vec<LockedRequirement>,
    /// Its extras.
    pub provides_extras: Vec<ExtraName>,
    /// Its dependency groups.
    pub groups: BTreeMap<GroupName, Vec<LockedRequirement>>,
}

/// A requirement as the lock repeats it.
#[derive(Debug, Clone)]
pub struct LockedRequirement {
    /// The distribution.
    pub name: DistributionName,
    /// The extras that it asks for.
    pub extras: Vec<ExtraName>,
    /// The versions that fit.
    pub specifiers: VersionSpecifiers,
    /// When it applies.
    pub marker: Marker,
    /// Whether it is only a name with versions: no URL, path, workspace member, or index of its own.
    pub plain: bool,
    /// The git repository that it names, with what of it is meant as a query.
    pub git: Option<String>,
    /// The URL that it names.
    pub url: Option<String>,
}

/// Why a text is not a `uv.lock` that can be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UvLockError {
    /// The lock has another version of the format.
    #[error(
        "uv.lock has format version {found}, but this Invar reads version {VERSION}: lock again with a uv that writes \
         version {VERSION}, or use a newer Invar"
    )]
    Version {
        /// The version that the lock states.
        found: i64,
    },
    /// Not TOML, or not what a lock holds.
    #[error("uv.lock, line {line}, column {column}: {message}")]
    Malformed {
        /// The line, from 1; for an entry of a list, the one where the list starts.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// A dependency names a package that is not in the lock, or one of several without saying which.
    #[error(
        "uv.lock, line {line}: {package} depends on {dependency}, {}: lock again",
        if *.candidates == 0 {
            "which is not in the lock".to_owned()
        } else {
            format!("but does not specify which of {}", .candidates)
        }
    )]
    Dangling {
        /// The line of the dependency, from 1.
        line: usize,
        /// The package that has it.
        package: DistributionName,
        /// What it depends on.
        dependency: DistributionName,
        /// How many packages fit.
        candidates: usize,
    },
}

impl UvLock {
    /// Reads a lock.
    ///
    /// # Errors
    /// [`UvLockError`], which names the line.
    pub fn parse(text: &str) -> Result<Self, UvLockError> {
        wire::parse(text)
    }

    /// The packages of a name, in the order of the file.
    pub fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Package> {
        self.packages.iter().filter(move |package| package.name.as_str() == name)
    }

    /// Whether a package is a folder that belongs to the workspace.
    pub(crate) fn is_member(&self, package: usize) -> bool {
        let found = &self.packages[package];
        let listed = self.manifest.members.contains(&found.name) && found.source.folder().is_some();
        listed || self.root() == Some(package)
    }

    /// The package at the lock's own folder.
    pub(crate) fn root(&self) -> Option<usize> {
        self.packages.iter().position(|package| match &package.source {
            Source::Editable(path) | Source::Virtual(path) | Source::Directory(path) => {
                matches!(path.as_str(), "" | "." | "./")
            }
            _ => false,
        })
    }
}

/// The digest of a lock, whatever its line ends: what an image's own lock remembers.
pub fn lock_digest(text: &str) -> Digest {
    Digest::of(text.replace("\r\n", "\n").as_bytes())
}

#[cfg(test)]
mod tests;
