//! From a lock to the wheels of an image, and to what must be built for it.
//!
//! The walk is `uv`'s: from the project's dependencies, extras and groups along every dependency whose marker holds
//! in the image's environment. Where the lock declares conflicts, its markers also ask which extras and groups are
//! active anywhere, so the walk is first repeated until no dependency activates another extra.
use std::collections::BTreeSet;
use std::fmt;

use invar_tree::Digest;

use crate::filename::WheelFilename;
use crate::lock::{ConflictItem, Source, UvLock};
use crate::marker::MarkerEnvironment;
use crate::name::{DistributionName, ExtraName, GroupName};
use crate::tags::Tags;
use crate::target::Target;

mod choose;
mod error;
mod source;
mod walk;

use choose::Choice;
pub use choose::SourcePolicy;
pub use error::{PackageProblem, SelectError};
pub use source::{ChosenSource, GitReferenceKind, SourceLocation};
use walk::{Reached, Walk};

/// What of a project is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// Its extras.
    pub extras: BTreeSet<ExtraName>,
    /// Every extra, whatever [`extras`](Self::extras) says.
    pub all_extras: bool,
    /// Its dependency groups. None is a default here: the caller knows `tool.uv.default-groups`.
    pub groups: BTreeSet<GroupName>,
    /// The project's own dependencies and its extras; without them only the groups count.
    pub project: bool,
}

/// What belongs into the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selected {
    /// A wheel.
    Wheel(Chosen),
    /// A package that must be built.
    Source(ChosenSource),
}

impl Selected {
    /// The distribution.
    pub fn name(&self) -> &DistributionName {
        match self {
            Self::Wheel(chosen) => &chosen.name,
            Self::Source(chosen) => &chosen.name,
        }
    }

    /// Its version as the lock spells it; none if only building it shows it.
    pub fn version(&self) -> Option<&str> {
        match self {
            Self::Wheel(chosen) => Some(&chosen.version),
            Self::Source(chosen) => chosen.version.as_deref(),
        }
    }

    /// The first reason that was met for it.
    pub fn needed_by(&self) -> &NeededBy {
        match self {
            Self::Wheel(chosen) => &chosen.needed_by,
            Self::Source(chosen) => &chosen.needed_by,
        }
    }
}

/// A wheel that belongs into the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// The distribution.
    pub name: DistributionName,
    /// Its version as the lock spells it.
    pub version: String,
    /// The file.
    pub wheel: WheelFile,
    /// What `direct_url.json` says, where the lock names the file itself rather than an index.
    pub direct: Option<DirectUrl>,
    /// The first reason that was met for it.
    pub needed_by: NeededBy,
}

/// A wheel as a file to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WheelFile {
    /// Its file name.
    pub filename: WheelFilename,
    /// Where it is.
    pub location: Location,
    /// The digest of the file.
    pub digest: Digest,
    /// The size of the file in bytes, where the lock knows it.
    pub size: Option<u64>,
}

/// Where a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// At a URL, as the lock has it.
    Url(String),
    /// On disk, relative to the lock's folder unless the lock has an absolute path.
    Path(String),
}

/// What a package was locked as, for `direct_url.json` ("Recording the Direct URL Origin", PEP 610).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DirectUrl {
    /// A URL.
    Url {
        /// The URL.
        url: String,
        /// The folder that holds the project.
        subdirectory: Option<String>,
    },
    /// The path of an archive, relative to the lock's folder.
    Path {
        /// The path.
        path: String,
    },
    /// A commit of a git repository.
    Git {
        /// The repository's URL.
        url: String,
        /// The commit's full name.
        commit: String,
        /// The branch, tag or revision that the project asked for.
        requested: Option<String>,
        /// The folder that holds the project.
        subdirectory: Option<String>,
    },
    /// A folder, relative to the lock's.
    Directory {
        /// The path; empty for the lock's own folder.
        path: String,
    },
}

/// Why a package is in the image.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum NeededBy {
    /// It is the project itself.
    Project,
    /// The build of a distribution needs it.
    Build(DistributionName),
    /// A distribution depends on it.
    Package(DistributionName),
    /// An extra of a distribution adds it.
    Extra(DistributionName, ExtraName),
    /// A dependency group of a project has it.
    Group(DistributionName, GroupName),
    /// A dependency group of the workspace has it.
    WorkspaceGroup(GroupName),
    /// The workspace requires it.
    Workspace,
}

impl fmt::Display for NeededBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Project => f.write_str("the project itself"),
            Self::Build(package) => write!(f, "the build of {package}"),
            Self::Package(package) => write!(f, "{package}"),
            Self::Extra(package, extra) => write!(f, "{package}[{extra}]"),
            Self::Group(package, group) => write!(f, "group {group} of {package}"),
            Self::WorkspaceGroup(group) => write!(f, "group {group} of the workspace"),
            Self::Workspace => f.write_str("the workspace"),
        }
    }
}

/// Chooses the wheels and the sources for `target`, sorted by name.
///
/// The project itself is among them if `policy` says that it is a package. Other folders are if they are packages for
/// `uv`; those that only name dependencies (`virtual`) never are.
///
/// Without `root_name` the root is the project at the lock's own folder, or every member of a workspace whose root is
/// not a project.
///
/// # Errors
/// [`SelectError`]. Everything that is wrong with packages is reported at once, as [`SelectError::Unsuitable`].
pub fn select(
    lock: &UvLock,
    root_name: Option<&str>,
    target: &Target,
    selection: &Selection,
    policy: &SourcePolicy,
) -> Result<Vec<Selected>, SelectError> {
    let environment = target.marker_environment();
    check_environment(lock, target, &environment)?;
    let (roots, one) = roots(lock, root_name)?;
    let mut walk = Walk::new(lock, &environment, &roots, selection)?;
    let mut reached = walk.run()?;
    // The project is not reached from anywhere, or only from what depends on it in turn.
    reached.retain(|reached| !roots.contains(&reached.package));
    if selection.project {
        let itself = |&package: &usize| Reached { package, needed_by: NeededBy::Project };
        let is_virtual = |root: &usize| matches!(lock.packages[*root].source, Source::Virtual(_));
        let installed = |root: &&usize| if one { policy.project_is_package } else { !is_virtual(root) };
        reached.extend(roots.iter().filter(installed).map(itself));
    }

    let tags = Tags::of(target);
    let choice = Choice { target, tags: &tags, policy };
    let mut chosen: Vec<Selected> = Vec::new();
    let mut problems = Vec::new();
    for Reached { package, needed_by } in reached {
        let found = &lock.packages[package];
        // A virtual package has nothing to install.
        if matches!(found.source, Source::Virtual(_)) && needed_by != NeededBy::Project {
            continue;
        }
        let member = roots.contains(&package) || lock.is_member(package);
        match choice.choose(found, member, needed_by) {
            Ok(selected) => chosen.push(selected),
            Err(problem) => problems.push(*problem),
        }
    }
    chosen.sort_by(|one, other| one.name().cmp(other.name()));
    for pair in chosen.windows(2) {
        if let [one, other] = pair
            && one.name() == other.name()
        {
            let version = |selected: &Selected| selected.version().unwrap_or("the source").to_owned();
            problems.push(PackageProblem::Twice {
                name: one.name().clone(),
                first: version(one),
                first_needed_by: one.needed_by().clone(),
                second: version(other),
                second_needed_by: other.needed_by().clone(),
            });
        }
    }
    if problems.is_empty() {
        return Ok(chosen);
    }
    problems.sort_by(|one, other| one.name().cmp(other.name()));
    Err(SelectError::Unsuitable { problems })
}

fn check_environment(
    lock: &UvLock,
    target: &Target,
    environment: &MarkerEnvironment,
) -> Result<(), SelectError> {
    // As uv has it: a pre-release of 3.14 counts as 3.14.
    if !lock.requires_python.contains(&target.python.version().only_release()) {
        return Err(SelectError::Python {
            python: target.python.clone(),
            required: lock.requires_python.to_string(),
        });
    }
    for markers in [&lock.supported_markers, &lock.resolution_markers] {
        if !markers.is_empty() && !markers.iter().any(|marker| marker.possible(environment)) {
            return Err(SelectError::Environment { target: target.clone() });
        }
    }
    Ok(())
}

/// The packages that the walk starts from, and whether that is one project rather than all members of a workspace.
fn roots(lock: &UvLock, root_name: Option<&str>) -> Result<(Vec<usize>, bool), SelectError> {
    let folders =
        || lock.packages.iter().enumerate().filter(|(_, package)| package.source.folder().is_some());
    let Some(name) = root_name else {
        if let Some(root) = lock.root() {
            return Ok((vec![root], true));
        }
        let members: Vec<usize> = folders()
            .filter(|(_, package)| lock.manifest.members.contains(&package.name))
            .map(|(index, _)| index)
            .collect();
        if members.is_empty() && lock.manifest.requirements.is_empty() && lock.manifest.groups.is_empty() {
            return Err(SelectError::NoRoot);
        }
        return Ok((members, false));
    };
    let found = match name.parse::<DistributionName>() {
        Ok(name) => folders().find(|(_, package)| package.name == name),
        Err(_) => None,
    };
    match found {
        Some((index, _)) => Ok((vec![index], true)),
        None => {
            let known: Vec<String> = folders().map(|(_, package)| package.name.to_string()).collect();
            Err(SelectError::UnknownRoot { name: name.to_owned(), known })
        }
    }
}

/// The path of a file in the folder of an index.
fn joined(index: &str, path: &str) -> String {
    let index = index.trim_end_matches('/');
    match index {
        _ if path.starts_with('/') => path.to_owned(),
        "" | "." => path.to_owned(),
        _ => format!("{index}/{path}"),
    }
}

/// The items of a conflict, as a sentence names them.
fn listed(items: &[ConflictItem]) -> String {
    items.iter().map(ConflictItem::to_string).collect::<Vec<_>>().join(" and ")
}

#[cfg(test)]
mod tests;
