//! Packages that are built: where their source is.
use std::fmt;

use invar_formats::url::{file_name, parts, query_pairs};
use invar_tree::{Digest, ImagePath};

use super::{DirectUrl, Location, NeededBy, PackageProblem, joined};
use crate::lock::{LockedHash, LockedSdist, Package, Source};
use crate::name::DistributionName;

/// A package that must be built before it can be installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChosenSource {
    /// The distribution.
    pub name: DistributionName,
    /// Its version as the lock spells it; none if only building it shows it.
    pub version: Option<String>,
    /// Where its source is.
    pub source: SourceLocation,
    /// What `direct_url.json` says, where the source is not from an index.
    pub direct: Option<DirectUrl>,
    /// The first reason that was met for it.
    pub needed_by: NeededBy,
}

/// Where the source of a package is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceLocation {
    /// In an archive: an index's source distribution, or a file that the project names.
    Archive {
        /// Its file name, without any slash.
        filename: String,
        /// Where it is.
        location: Location,
        /// The digest of the file.
        digest: Digest,
        /// The size of the file in bytes, where the lock knows it.
        size: Option<u64>,
        /// The folder in it that holds the project, relative to its top folder; it does not climb out.
        subdirectory: Option<String>,
    },
    /// In a git repository.
    Git {
        /// The repository's URL, without query and fragment.
        url: String,
        /// The commit: 40 or 64 hexadecimal digits in lower case.
        commit: String,
        /// What the project asked for when it was locked.
        reference: Option<(GitReferenceKind, String)>,
        /// The folder in it that holds the project; it does not climb out.
        subdirectory: Option<String>,
        /// Whether the files that Git LFS has are wanted too.
        lfs: bool,
    },
    /// In a folder.
    Directory {
        /// Its path, relative to the lock's folder, and empty for that folder itself. It may begin with `../`, and is
        /// absolute where the lock has it so.
        path: String,
        /// Whether `uv sync` would link to the folder instead of installing from it.
        editable: bool,
    },
}

/// What the name of a git reference is the name of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GitReferenceKind {
    /// A branch.
    Branch,
    /// A tag.
    Tag,
    /// Anything that git can resolve.
    Revision,
}

impl fmt::Display for GitReferenceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Branch => "branch",
            Self::Tag => "tag",
            Self::Revision => "revision",
        })
    }
}

type Located = (SourceLocation, Option<DirectUrl>);

/// Where the source of a package is; `None` where it has none.
pub(super) fn locate(
    package: &Package,
    needed_by: &NeededBy,
) -> Result<Option<Located>, Box<PackageProblem>> {
    match &package.source {
        Source::Git(url) => git(package, url, needed_by).map(Some),
        Source::Directory(path) => Ok(Some(directory(path, false))),
        Source::Editable(path) | Source::Virtual(path) => Ok(Some(directory(path, true))),
        Source::Registry(_) | Source::Url { .. } | Source::Path(_) => match &package.sdist {
            Some(sdist) => archive(package, sdist, needed_by).map(Some),
            None => Ok(None),
        },
    }
}

fn directory(path: &str, editable: bool) -> Located {
    let mut plain = String::new();
    if path.starts_with('/') {
        plain.push('/');
    }
    for part in path.split('/').filter(|part| !matches!(*part, "" | ".")) {
        if !plain.is_empty() && !plain.ends_with('/') {
            plain.push('/');
        }
        plain.push_str(part);
    }
    let direct = DirectUrl::Directory { path: plain.clone() };
    (SourceLocation::Directory { path: plain, editable }, Some(direct))
}

fn archive(
    package: &Package,
    sdist: &LockedSdist,
    needed_by: &NeededBy,
) -> Result<Located, Box<PackageProblem>> {
    let name = || package.name.clone();
    let nowhere = |file: &str| {
        Box::new(PackageProblem::NoLocation {
            name: name(),
            file: file.to_owned(),
            needed_by: needed_by.clone(),
        })
    };
    let (location, direct, subdirectory) = match (&package.source, &sdist.url, &sdist.path) {
        (Source::Url { url, subdirectory: folder }, file, _) => {
            let folder = subdirectory(package, folder.as_deref(), needed_by)?;
            let direct = DirectUrl::Url { url: url.clone(), subdirectory: folder.clone() };
            (Location::Url(file.as_ref().unwrap_or(url).clone()), Some(direct), folder)
        }
        (Source::Path(path), ..) => {
            (Location::Path(path.clone()), Some(DirectUrl::Path { path: path.clone() }), None)
        }
        (Source::Registry(_), Some(url), _) => (Location::Url(url.clone()), None, None),
        (Source::Registry(index), None, Some(path)) if !Source::is_url(index) => {
            (Location::Path(joined(index, path)), None, None)
        }
        _ => return Err(nowhere("its source")),
    };
    let filename = match &location {
        Location::Url(url) => file_name(url),
        Location::Path(path) => path.rsplit('/').next().map(str::to_owned),
    };
    let plain = |filename: &String| {
        !matches!(filename.as_str(), "" | "." | "..")
            && filename.len() <= 255
            && !filename.chars().any(|character| matches!(character, '/' | '\\') || character.is_control())
    };
    let filename = filename.filter(plain).ok_or_else(|| {
        let (Location::Url(place) | Location::Path(place)) = &location;
        nowhere(place)
    })?;
    let digest = match &sdist.hash {
        Some(LockedHash::Sha256(digest)) => *digest,
        other => {
            let algorithm = match other {
                Some(LockedHash::Other(algorithm)) => Some(algorithm.clone()),
                _ => None,
            };
            let needed_by = needed_by.clone();
            let name = name();
            return Err(Box::new(PackageProblem::NoDigest { name, file: filename, algorithm, needed_by }));
        }
    };
    let size = sdist.size;
    Ok((SourceLocation::Archive { filename, location, digest, size, subdirectory }, direct))
}

fn git(package: &Package, url: &str, needed_by: &NeededBy) -> Result<Located, Box<PackageProblem>> {
    let refused = |reason| {
        let (name, url, needed_by) = (package.name.clone(), url.to_owned(), needed_by.clone());
        Box::new(PackageProblem::Git { name, url, reason, needed_by })
    };
    let (url, query, fragment) = parts(url);
    let commit = fragment.unwrap_or_default();
    let hexadecimal = commit.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if !matches!(commit.len(), 40 | 64) || !hexadecimal {
        return Err(refused("it does not end with \"#\" and the full name of a commit: lock again"));
    }
    let pairs = query_pairs(query.unwrap_or_default())
        .ok_or_else(|| refused("its query is not percent-encoded text: lock again"))?;
    let (mut reference, mut folder, mut lfs) = (None, None, false);
    for (key, value) in pairs {
        match key.as_str() {
            "branch" => reference = Some((GitReferenceKind::Branch, value)),
            "tag" => reference = Some((GitReferenceKind::Tag, value)),
            "rev" => reference = Some((GitReferenceKind::Revision, value)),
            "subdirectory" => folder = Some(value),
            "lfs" => lfs = value == "true",
            _ => {}
        }
    }
    let subdirectory = subdirectory(package, folder.as_deref(), needed_by)?;
    let (url, commit) = (url.to_owned(), commit.to_owned());
    let direct = DirectUrl::Git {
        url: url.clone(),
        commit: commit.clone(),
        requested: reference.as_ref().map(|(_, name)| name.clone()),
        subdirectory: subdirectory.clone(),
    };
    Ok((SourceLocation::Git { url, commit, reference, subdirectory, lfs }, Some(direct)))
}

/// A subdirectory in its plain form; none for the source's own folder.
fn subdirectory(
    package: &Package,
    path: Option<&str>,
    needed_by: &NeededBy,
) -> Result<Option<String>, Box<PackageProblem>> {
    let Some(path) = path else { return Ok(None) };
    if path.split('/').all(|part| matches!(part, "" | ".")) && !path.starts_with('/') {
        return Ok(None);
    }
    match ImagePath::parse(path) {
        Ok(path) => Ok(Some(path.as_str().to_owned())),
        Err(fault) => Err(Box::new(PackageProblem::Subdirectory {
            name: package.name.clone(),
            fault,
            needed_by: needed_by.clone(),
        })),
    }
}
