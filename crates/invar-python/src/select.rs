//! From a lock to the wheels of an image.
//!
//! The walk is `uv`'s: from the project's dependencies, extras and groups along every dependency whose marker holds
//! in the image's environment. Where the lock declares conflicts, its markers also ask which extras and groups are
//! active anywhere, so the walk is first repeated until no dependency activates another extra.
use std::collections::BTreeSet;
use std::fmt;

use invar_tree::Digest;
use pep440_rs::Version;

use crate::filename::WheelFilename;
use crate::lock::{ConflictItem, LockedHash, Package, Source, UvLock};
use crate::marker::MarkerEnvironment;
use crate::name::{DistributionName, ExtraName, GroupName};
use crate::tags::Tags;
use crate::target::Target;

mod error;
mod walk;

pub use error::{PackageProblem, SelectError, SourceKind};
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

/// Where a wheel is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// At a URL, as the lock has it.
    Url(String),
    /// On disk, relative to the lock's folder unless the lock has an absolute path.
    Path(String),
}

/// What a wheel was locked as, for `direct_url.json` ("Recording the Direct URL Origin", PEP 610).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DirectUrl {
    /// A URL.
    Url {
        /// The URL.
        url: String,
        /// The folder that holds the project.
        subdirectory: Option<String>,
    },
    /// A path, relative to the lock's folder.
    Path {
        /// The path.
        path: String,
    },
}

/// Why a wheel is in the image.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum NeededBy {
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
            Self::Package(package) => write!(f, "{package}"),
            Self::Extra(package, extra) => write!(f, "{package}[{extra}]"),
            Self::Group(package, group) => write!(f, "group {group} of {package}"),
            Self::WorkspaceGroup(group) => write!(f, "group {group} of the workspace"),
            Self::Workspace => f.write_str("the workspace"),
        }
    }
}

/// Chooses the wheels for `target`, sorted by name. The project itself is not among them.
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
) -> Result<Vec<Chosen>, SelectError> {
    let environment = target.marker_environment();
    check_environment(lock, target, &environment)?;
    let roots = roots(lock, root_name)?;
    let mut walk = Walk::new(lock, &environment, &roots, selection)?;
    let reached = walk.run()?;

    let tags = Tags::of(target);
    let mut chosen: Vec<Chosen> = Vec::new();
    let mut problems = Vec::new();
    for Reached { package, needed_by } in reached {
        let found = &lock.packages[package];
        // A virtual package has nothing to install, and the project's own files are the caller's.
        if roots.contains(&package) || matches!(found.source, Source::Virtual(_)) {
            continue;
        }
        match choose(found, &tags, target, needed_by) {
            Ok(wheel) => chosen.push(wheel),
            Err(problem) => problems.push(*problem),
        }
    }
    chosen.sort_by(|one, other| one.name.cmp(&other.name));
    for pair in chosen.windows(2) {
        if let [one, other] = pair
            && one.name == other.name
        {
            problems.push(PackageProblem::Twice {
                name: one.name.clone(),
                first: one.version.clone(),
                first_needed_by: one.needed_by.clone(),
                second: other.version.clone(),
                second_needed_by: other.needed_by.clone(),
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

fn roots(lock: &UvLock, root_name: Option<&str>) -> Result<Vec<usize>, SelectError> {
    let folders =
        || lock.packages.iter().enumerate().filter(|(_, package)| package.source.folder().is_some());
    let Some(name) = root_name else {
        if let Some(root) = lock.root() {
            return Ok(vec![root]);
        }
        let members: Vec<usize> = folders()
            .filter(|(_, package)| lock.manifest.members.contains(&package.name))
            .map(|(index, _)| index)
            .collect();
        if members.is_empty() && lock.manifest.requirements.is_empty() && lock.manifest.groups.is_empty() {
            return Err(SelectError::NoRoot);
        }
        return Ok(members);
    };
    let found = match name.parse::<DistributionName>() {
        Ok(name) => folders().find(|(_, package)| package.name == name),
        Err(_) => None,
    };
    match found {
        Some((index, _)) => Ok(vec![index]),
        None => {
            let known: Vec<String> = folders().map(|(_, package)| package.name.to_string()).collect();
            Err(SelectError::UnknownRoot { name: name.to_owned(), known })
        }
    }
}

fn choose(
    package: &Package,
    tags: &Tags,
    target: &Target,
    needed_by: NeededBy,
) -> Result<Chosen, Box<PackageProblem>> {
    let name = package.name.clone();
    let version = package.version_text.clone();
    let kind = match &package.source {
        Source::Git(url) => Some((SourceKind::Git, url)),
        Source::Directory(path) | Source::Virtual(path) => Some((SourceKind::Directory, path)),
        Source::Editable(path) => Some((SourceKind::Editable, path)),
        Source::Registry(_) | Source::Url { .. } | Source::Path(_) => None,
    };
    if let Some((kind, location)) = kind {
        return Err(Box::new(PackageProblem::NotAWheel {
            name,
            kind,
            location: location.clone(),
            needed_by,
        }));
    }
    if package.wheels.is_empty() {
        return Err(Box::new(PackageProblem::SourceOnly { name, version, needed_by }));
    }
    let Some(wheel) = tags.best(&package.wheels, |wheel| &wheel.filename) else {
        let mut tags: Vec<String> = package.wheels.iter().map(|wheel| wheel.filename.tags()).collect();
        tags.sort_unstable();
        tags.dedup();
        let has_sdist = package.has_sdist;
        return Err(Box::new(PackageProblem::NoWheel {
            name,
            version,
            target: target.clone(),
            tags,
            has_sdist,
            needed_by,
        }));
    };
    let file = wheel.filename.to_string();
    let wheel_version: &Version = package.version.as_ref().unwrap_or(&wheel.filename.version);
    if !wheel.filename.is_of(&name, wheel_version) {
        return Err(Box::new(PackageProblem::OtherWheel { name, version, file, needed_by }));
    }
    let digest = match &wheel.hash {
        Some(LockedHash::Sha256(digest)) => *digest,
        other => {
            let algorithm = match other {
                Some(LockedHash::Other(algorithm)) => Some(algorithm.clone()),
                _ => None,
            };
            return Err(Box::new(PackageProblem::NoDigest { name, file, algorithm, needed_by }));
        }
    };
    let (location, direct) = match (&package.source, &wheel.url, &wheel.path) {
        (Source::Url { url, subdirectory }, file, _) => {
            let direct = DirectUrl::Url { url: url.clone(), subdirectory: subdirectory.clone() };
            (Location::Url(file.as_ref().unwrap_or(url).clone()), Some(direct))
        }
        (Source::Path(path), ..) => {
            (Location::Path(path.clone()), Some(DirectUrl::Path { path: path.clone() }))
        }
        (Source::Registry(_), Some(url), _) => (Location::Url(url.clone()), None),
        (Source::Registry(index), None, Some(path)) if !Source::is_url(index) => {
            (Location::Path(joined(index, path)), None)
        }
        _ => return Err(Box::new(PackageProblem::NoLocation { name, file, needed_by })),
    };
    Ok(Chosen {
        name,
        version: version.unwrap_or_else(|| wheel.filename.version.to_string()),
        wheel: WheelFile { filename: wheel.filename.clone(), location, digest, size: wheel.size },
        direct,
        needed_by,
    })
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
