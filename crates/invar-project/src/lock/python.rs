use std::collections::BTreeSet;

use invar_python::DistributionName;
use invar_tree::Digest;

/// A Python package that is built from its source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LockedBuild {
    /// Its version; `None` if only the build finds it out.
    pub version: Option<String>,
    /// The digest of what is built: of the source distribution, or of the tree of a commit. `None` for a folder of the
    /// project, which is what it is.
    pub source: Option<Digest>,
    /// The commit, for a git repository; `None` in locks of older releases too.
    pub commit: Option<String>,
    /// What its build asks for, as Python requirements.
    pub requires: BTreeSet<String>,
    /// The file names of the wheels that its build gets.
    pub wheels: BTreeSet<String>,
    /// The file names of the source distributions that are built for it before, since there are no wheels of them.
    pub sources: BTreeSet<String>,
}

/// A wheel that builds need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedBuildWheel {
    /// Where it is fetched from.
    pub url: String,
    /// Its size in bytes; `None` if the index does not say.
    pub size: Option<u64>,
    /// Its sha256.
    pub sha256: Digest,
}

/// A source distribution that builds need, and that is built itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedBuildSource {
    /// The distribution.
    pub name: DistributionName,
    /// Where it is fetched from.
    pub url: String,
    /// Its size in bytes; `None` if the index does not say.
    pub size: Option<u64>,
    /// Its sha256.
    pub sha256: Digest,
    /// How it is built. Its version is known, and its source is the archive.
    pub build: LockedBuild,
}
