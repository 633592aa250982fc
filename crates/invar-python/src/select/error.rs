use std::fmt;

use super::{NeededBy, listed};
use crate::lock::ConflictItem;
use crate::name::{DistributionName, ExtraName, GroupName};
use crate::nearest::did_you_mean;
use crate::target::{PythonVersion, Target};

/// Why no wheels can be chosen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    /// The lock is not of a project.
    #[error("uv.lock holds no project: lock it where pyproject.toml is")]
    NoRoot,
    /// The lock does not know the project.
    #[error("uv.lock does not hold the project {name}{}", did_you_mean(&[], known))]
    UnknownRoot {
        /// The project's name as given.
        name: String,
        /// The projects that the lock holds.
        known: Vec<String>,
    },
    /// The image's Python does not fit.
    #[error("uv.lock is for Python {required}, and the image has Python {python}")]
    Python {
        /// The image's.
        python: PythonVersion,
        /// What the lock requires.
        required: String,
    },
    /// The lock was made for other environments.
    #[error("uv.lock is not for {target}: tool.uv.environments leaves it out")]
    Environment {
        /// What the image runs on.
        target: Target,
    },
    /// No root has this extra.
    #[error("there is no extra {extra}{}", did_you_mean(nearest, known))]
    UnknownExtra {
        /// The extra.
        extra: ExtraName,
        /// Names that are similar.
        nearest: Vec<String>,
        /// All names.
        known: Vec<String>,
    },
    /// No root has this dependency group.
    #[error("there is no dependency group {group}{}", did_you_mean(nearest, known))]
    UnknownGroup {
        /// The group.
        group: GroupName,
        /// Names that are similar.
        nearest: Vec<String>,
        /// All names.
        known: Vec<String>,
    },
    /// What is wanted includes two things that the project declares as conflicting.
    #[error("{} cannot be chosen together: tool.uv.conflicts declares them as conflicting", listed(items))]
    Conflict {
        /// Those that were chosen.
        items: Vec<ConflictItem>,
    },
    /// A requirement of the workspace is not in the lock, or is there several times.
    #[error("the workspace requires {name}, of which uv.lock holds {found} for the image: lock again")]
    Requirement {
        /// The distribution.
        name: DistributionName,
        /// How many packages fit.
        found: usize,
    },
    /// Packages that cannot be installed.
    #[error("{}", problems.iter().map(PackageProblem::to_string).collect::<Vec<_>>().join("\n"))]
    Unsuitable {
        /// What is wrong, sorted by name; at least one.
        problems: Vec<PackageProblem>,
    },
}

/// What a package is instead of a wheel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceKind {
    /// A git repository.
    Git,
    /// A folder.
    Directory,
    /// A folder that would be linked to.
    Editable,
}

impl fmt::Display for SourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Git => "a git repository",
            Self::Directory => "a folder",
            Self::Editable => "an editable folder",
        })
    }
}

/// Why a package cannot be installed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackageProblem {
    /// There is no wheel at all.
    #[error(
        "{} (needed by {needed_by}) has no wheel, only source: building from source is not supported by this version",
        with_version(name, version)
    )]
    SourceOnly {
        /// The distribution.
        name: DistributionName,
        /// Its version.
        version: Option<String>,
        /// Why it is in the image.
        needed_by: NeededBy,
    },
    /// The package is not a file.
    #[error(
        "{name} (needed by {needed_by}) is {kind}, {location}: building from source is not supported by this version"
    )]
    NotAWheel {
        /// The distribution.
        name: DistributionName,
        /// What it is.
        kind: SourceKind,
        /// Where it is.
        location: String,
        /// Why it is in the image.
        needed_by: NeededBy,
    },
    /// No wheel fits the image.
    #[error(
        "{} (needed by {needed_by}) has no wheel for {target}; there {}{}",
        with_version(name, version),
        if tags.len() == 1 { format!("is one for {}", tags[0]) } else { format!("are wheels for {}", tags.join(", ")) },
        if *has_sdist { ", and source, which this version does not build" } else { "" }
    )]
    NoWheel {
        /// The distribution.
        name: DistributionName,
        /// Its version.
        version: Option<String>,
        /// What the image runs on.
        target: Target,
        /// The tags of the wheels that there are.
        tags: Vec<String>,
        /// Whether there is a source distribution too.
        has_sdist: bool,
        /// Why it is in the image.
        needed_by: NeededBy,
    },
    /// The wheel that fits is of another distribution or version.
    #[error(
        "{} (needed by {needed_by}) is locked to {file}, which is another package",
        with_version(name, version)
    )]
    OtherWheel {
        /// The distribution.
        name: DistributionName,
        /// Its version.
        version: Option<String>,
        /// The wheel's file name.
        file: String,
        /// Why it is in the image.
        needed_by: NeededBy,
    },
    /// The wheel has no sha256.
    #[error(
        "{name} (needed by {needed_by}) is locked to {file} {}, and only sha256 is trusted: lock again with an index \
         that gives it, or name the file itself in tool.uv.sources",
        algorithm.as_ref().map_or("without a hash".to_owned(), |algorithm| format!("by its {algorithm}"))
    )]
    NoDigest {
        /// The distribution.
        name: DistributionName,
        /// The wheel's file name.
        file: String,
        /// The algorithm of the hash that the lock has.
        algorithm: Option<String>,
        /// Why it is in the image.
        needed_by: NeededBy,
    },
    /// The lock does not say where the wheel is.
    #[error("{name} (needed by {needed_by}) is locked to {file} without its URL or path: lock again")]
    NoLocation {
        /// The distribution.
        name: DistributionName,
        /// The wheel's file name.
        file: String,
        /// Why it is in the image.
        needed_by: NeededBy,
    },
    /// Two packages of one name would have to be installed.
    #[error(
        "{name} is needed twice: {first} by {first_needed_by}, {second} by {second_needed_by}; lock again, and declare \
         extras that exclude each other in tool.uv.conflicts"
    )]
    Twice {
        /// The distribution.
        name: DistributionName,
        /// One version.
        first: String,
        /// Why it is in the image.
        first_needed_by: NeededBy,
        /// The other version.
        second: String,
        /// Why it is in the image.
        second_needed_by: NeededBy,
    },
}

impl PackageProblem {
    /// The package that has the problem.
    pub fn name(&self) -> &DistributionName {
        match self {
            Self::SourceOnly { name, .. }
            | Self::NotAWheel { name, .. }
            | Self::NoWheel { name, .. }
            | Self::OtherWheel { name, .. }
            | Self::NoDigest { name, .. }
            | Self::NoLocation { name, .. }
            | Self::Twice { name, .. } => name,
        }
    }
}

fn with_version(name: &DistributionName, version: &Option<String>) -> String {
    match version {
        Some(version) => format!("{name} {version}"),
        None => name.to_string(),
    }
}
