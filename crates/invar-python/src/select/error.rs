use std::collections::BTreeSet;

use invar_tree::PathError;

use super::{NeededBy, listed};
use crate::lock::ConflictItem;
use crate::name::{DistributionName, ExtraName, GroupName};
use crate::target::{PythonVersion, Target};

/// Why no wheels can be chosen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    /// The lock is not of a project.
    #[error("uv.lock contains no project: run `uv lock` next to pyproject.toml")]
    NoRoot,
    /// The lock does not know the project.
    #[error("uv.lock does not contain the project {name}{}", did_you_mean(&None, known))]
    UnknownRoot {
        /// The project's name as given.
        name: String,
        /// The projects that the lock holds.
        known: Vec<String>,
    },
    /// The image's Python does not fit.
    #[error("uv.lock is for Python {required}, but the image has Python {python}")]
    Python {
        /// The image's.
        python: PythonVersion,
        /// What the lock requires.
        required: String,
    },
    /// The lock was created for other environments.
    #[error("uv.lock does not cover {target}: tool.uv.environments excludes it")]
    Environment {
        /// What the image runs on.
        target: Target,
    },
    /// No root has this extra.
    #[error("unknown extra {extra}{}", did_you_mean(nearest, known))]
    UnknownExtra {
        /// The extra.
        extra: ExtraName,
        /// The name that is most like it.
        nearest: Option<String>,
        /// All names.
        known: Vec<String>,
    },
    /// No root has this dependency group.
    #[error("unknown dependency group {group}{}", did_you_mean(nearest, known))]
    UnknownGroup {
        /// The group.
        group: GroupName,
        /// The name that is most like it.
        nearest: Option<String>,
        /// All names.
        known: Vec<String>,
    },
    /// What is wanted includes two things that the project declares as conflicting.
    #[error("{} cannot be used together: tool.uv.conflicts declares them as conflicting", listed(items))]
    Conflict {
        /// Those that were chosen.
        items: Vec<ConflictItem>,
    },
    /// A requirement of the workspace is not in the lock, or is there several times.
    #[error("the workspace requires {name}, but uv.lock has {found} of it for the image: lock again")]
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

/// Why a package cannot be installed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackageProblem {
    /// The lock has neither a wheel nor source of it.
    #[error(
        "{} (needed by {needed_by}) has no wheels and no source in uv.lock: lock again",
        with_version(name, version)
    )]
    NoFiles {
        /// The distribution.
        name: DistributionName,
        /// Its version.
        version: Option<String>,
        /// Why it is in the image.
        needed_by: NeededBy,
    },
    /// No wheel fits the image, and there is no source.
    #[error(
        "{} (needed by {needed_by}) has no wheel for {target} and no source to build; there {}",
        with_version(name, version),
        wheels(tags, target)
    )]
    NoWheel {
        /// The distribution.
        name: DistributionName,
        /// Its version.
        version: Option<String>,
        /// What the image runs on.
        target: Target,
        /// The tags of the wheels that there are; at least one.
        tags: Vec<String>,
        /// Why it is in the image.
        needed_by: NeededBy,
    },
    /// No wheel fits the image, and it must not be built.
    #[error(
        "{} (needed by {needed_by}) has {}, but tool.uv.no-build or no-build-package forbids building it",
        with_version(name, version),
        if tags.is_empty() {
            "only source".to_owned()
        } else {
            format!("no wheel for {target} (there {})", wheels(tags, target))
        }
    )]
    NoBuild {
        /// The distribution.
        name: DistributionName,
        /// Its version.
        version: Option<String>,
        /// What the image runs on.
        target: Target,
        /// The tags of the wheels that there are.
        tags: Vec<String>,
        /// Why it is in the image.
        needed_by: NeededBy,
    },
    /// What a build requires has no wheel that fits the image.
    #[error(
        "{} (needed by {needed_by}) has {}: build requirements must have a wheel",
        with_version(name, version),
        if tags.is_empty() {
            "only source".to_owned()
        } else {
            format!("no wheel for {target} (there {})", wheels(tags, target))
        }
    )]
    NoBuildWheel {
        /// The distribution.
        name: DistributionName,
        /// Its version.
        version: Option<String>,
        /// What the image runs on.
        target: Target,
        /// The tags of the wheels that there are.
        tags: Vec<String>,
        /// What requires it.
        needed_by: NeededBy,
    },
    /// It has no source, and no wheel of it must be taken.
    #[error(
        "{} (needed by {needed_by}) has no source, but tool.uv.no-binary or no-binary-package forbids its wheels",
        with_version(name, version)
    )]
    NoBinary {
        /// The distribution.
        name: DistributionName,
        /// Its version.
        version: Option<String>,
        /// Why it is in the image.
        needed_by: NeededBy,
    },
    /// Neither a wheel must be taken nor source be built.
    #[error(
        "{} (needed by {needed_by}) cannot be installed: tool.uv forbids both its wheels (no-binary) and building it \
         (no-build)",
        with_version(name, version)
    )]
    NoBinaryNoBuild {
        /// The distribution.
        name: DistributionName,
        /// Its version.
        version: Option<String>,
        /// Why it is in the image.
        needed_by: NeededBy,
    },
    /// What the lock says of a git repository cannot be used.
    #[error("{name} (needed by {needed_by}) is locked to the git repository {url:?}: {reason}")]
    Git {
        /// The distribution.
        name: DistributionName,
        /// The URL as the lock has it.
        url: String,
        /// Why not.
        reason: &'static str,
        /// Why it is in the image.
        needed_by: NeededBy,
    },
    /// The folder that holds the project in an archive or a repository is not one.
    #[error("{name} (needed by {needed_by}) has an invalid subdirectory: {fault}")]
    Subdirectory {
        /// The distribution.
        name: DistributionName,
        /// Why not.
        fault: PathError,
        /// Why it is in the image.
        needed_by: NeededBy,
    },
    /// The wheel that fits is of another distribution or version.
    #[error(
        "{} (needed by {needed_by}) is locked to {file}, which is a different package",
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
    /// The file has no sha256.
    #[error(
        "{name} (needed by {needed_by}) is locked to {file} {}, but only sha256 is trusted: lock again with an index \
         that provides it, or add the file to tool.uv.sources",
        algorithm.as_ref().map_or("without a hash".to_owned(), |algorithm| format!("by its {algorithm}"))
    )]
    NoDigest {
        /// The distribution.
        name: DistributionName,
        /// The file's name.
        file: String,
        /// The algorithm of the hash that the lock has.
        algorithm: Option<String>,
        /// Why it is in the image.
        needed_by: NeededBy,
    },
    /// The lock does not say where the file is.
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
         conflicting extras in tool.uv.conflicts"
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
            Self::NoFiles { name, .. }
            | Self::NoWheel { name, .. }
            | Self::NoBuild { name, .. }
            | Self::NoBuildWheel { name, .. }
            | Self::NoBinary { name, .. }
            | Self::NoBinaryNoBuild { name, .. }
            | Self::Git { name, .. }
            | Self::Subdirectory { name, .. }
            | Self::OtherWheel { name, .. }
            | Self::NoDigest { name, .. }
            | Self::NoLocation { name, .. }
            | Self::Twice { name, .. } => name,
        }
    }
}

impl PackageProblem {
    /// The package that has the problem, with its version where that is known.
    pub fn package(&self) -> String {
        match self {
            Self::NoFiles { name, version, .. }
            | Self::NoWheel { name, version, .. }
            | Self::NoBuild { name, version, .. }
            | Self::NoBuildWheel { name, version, .. }
            | Self::NoBinary { name, version, .. }
            | Self::NoBinaryNoBuild { name, version, .. }
            | Self::OtherWheel { name, version, .. } => with_version(name, version),
            Self::Git { name, .. }
            | Self::Subdirectory { name, .. }
            | Self::NoDigest { name, .. }
            | Self::NoLocation { name, .. }
            | Self::Twice { name, .. } => name.to_string(),
        }
    }

    /// Why the package is in the image.
    pub(crate) fn reasons(&mut self) -> Vec<&mut NeededBy> {
        match self {
            Self::NoFiles { needed_by, .. }
            | Self::NoWheel { needed_by, .. }
            | Self::NoBuild { needed_by, .. }
            | Self::NoBuildWheel { needed_by, .. }
            | Self::NoBinary { needed_by, .. }
            | Self::NoBinaryNoBuild { needed_by, .. }
            | Self::Git { needed_by, .. }
            | Self::Subdirectory { needed_by, .. }
            | Self::OtherWheel { needed_by, .. }
            | Self::NoDigest { needed_by, .. }
            | Self::NoLocation { needed_by, .. } => vec![needed_by],
            Self::Twice { first_needed_by, second_needed_by, .. } => {
                vec![first_needed_by, second_needed_by]
            }
        }
    }
}

/// The text that follows an error about an unknown name: what else it may have been.
fn did_you_mean(nearest: &Option<String>, known: &[String]) -> String {
    match (nearest, known) {
        (Some(nearest), _) => format!("; did you mean {nearest}?"),
        (None, []) => "; none are defined".to_owned(),
        (None, known) => format!("; defined: {}", known.join(", ")),
    }
}

fn with_version(name: &DistributionName, version: &Option<String>) -> String {
    match version {
        Some(version) => format!("{name} {version}"),
        None => name.to_string(),
    }
}

/// How many tags a sentence names.
const MOST_TAGS: usize = 3;

/// The end of a sentence about the wheels that there are: for which Pythons on the target's machine, or if there are none
/// for it, some of their tags.
fn wheels(tags: &[String], target: &Target) -> String {
    let [_, _, ..] = tags else {
        return format!("is one for {}", tags.concat());
    };
    let machine = target.machine.to_string();
    let fits =
        |platform: &str| platform == "any" || platform.contains("linux") && platform.ends_with(&machine);
    let pythons: BTreeSet<(u32, u32)> = tags
        .iter()
        .filter_map(|tag| {
            let mut parts = tag.split('-');
            let (python, _, platforms) = (parts.next()?, parts.next()?, parts.next()?);
            platforms.split('.').any(fits).then_some(python)
        })
        .flat_map(|python| python.split('.').filter_map(series))
        .collect();
    let version = |(major, minor): &(u32, u32)| format!("{major}.{minor}");
    // Wheels for its own Python are for another C library.
    let pythons = if pythons.contains(&target.python.series()) { BTreeSet::new() } else { pythons };
    match (pythons.first(), pythons.last()) {
        (Some(first), Some(last)) if first.0 == last.0 && pythons.len() as u32 == last.1 - first.1 + 1 => {
            match pythons.len() {
                1 => format!("are wheels for Python {} on {machine}", version(first)),
                _ => format!("are wheels for Python {} to {} on {machine}", version(first), version(last)),
            }
        }
        (Some(_), _) => {
            let mut listed: Vec<String> = pythons.iter().map(version).collect();
            let last = listed.pop().unwrap_or_default();
            format!("are wheels for Python {} and {last} on {machine}", listed.join(", "))
        }
        (None, _) => {
            let others = match tags.len().saturating_sub(MOST_TAGS) {
                0 => String::new(),
                1 => " and 1 other".to_owned(),
                count => format!(" and {count} others"),
            };
            format!("are wheels for {}{others}", tags[..tags.len().min(MOST_TAGS)].join(", "))
        }
    }
}

/// The version that a tag for CPython names: 3.12 for `cp312`.
fn series(tag: &str) -> Option<(u32, u32)> {
    let digits = tag.strip_prefix("cp").filter(|digits| digits.len() > 1)?;
    let (major, minor) = digits.split_at_checked(1)?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
