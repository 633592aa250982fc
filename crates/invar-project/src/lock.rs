//! `invar.lock`: which Debian packages an image consists of, each with size and sha256.
//!
//! Only `invar lock` writes it. It is TOML (version 1.0), UTF-8, with line feeds, in exactly this form, so that two
//! locks with the same content are the same bytes and a difference is a readable diff:
//!
//! ```text
//! # Written by `invar lock`; do not edit. Belongs into version control.
//! format-version = 2
//! created = "2026-09-12T08:00:00Z"          # newest date among the suites, when the image's packages were chosen
//!
//! [request]                                 # what was asked for; absent keys were not asked for
//! suite = "trixie"
//! packages = [
//!     "fortune-mod",
//! ]
//! base = [ … ]
//! shell = false
//! docs = false
//! platforms = ["linux/amd64"]
//! requires-python = ">=3.13"
//! snapshot = "2026-09-12T08:00:00Z"
//!
//! [interpreter]                             # only with Python
//! package = "python3.13"
//! version = "3.13.5"
//! path = "/usr/bin/python3.13"
//!
//! [[suite]]                                 # by name
//! name = "trixie"
//! archive = "debian"                        # or "debian-security"
//! date = "2026-09-12T08:00:00Z"
//! valid-until = "2026-09-19T08:00:00Z"      # only if the archive says so
//! inrelease-sha256 = "<64 hex digits>"
//! signed-by = [
//!     "<40 or 64 hex digits>",
//! ]
//!
//! [[fetch]]                                 # by url: files that build steps download
//! url = "https://mirror.example/small.bin"
//! size = 4096
//! sha256 = "<64 hex digits>"
//!
//! [[platform]]                              # by name
//! name = "linux/amd64"
//!
//! [[platform.package]]                      # by name
//! name = "fortune-mod"
//! version = "1:1.99.1-9"
//! architecture = "amd64"
//! suite = "trixie"
//! file = "pool/main/f/fortune-mod/fortune-mod_1.99.1-9_amd64.deb"
//! size = 39000
//! sha256 = "<64 hex digits>"
//! because = "requested by packages"
//! scripts = "nothing to do"                 # only if it has maintainer scripts of its own
//! scripts-sha256 = "<64 hex digits>"
//!
//! [[platform.omitted]]                      # by name
//! name = "debconf"
//! needed-by = ["tzdata"]
//! reason = "only maintainer scripts use it"
//!
//! [[platform.tool]]                         # by name: packages that only other roots have; keys as a package's,
//! name = "nodejs"                           # without `scripts`
//! …
//! because = "requested by step:assets"
//!
//! [[platform.root]]                         # by name: what else consists of Debian packages other than the image
//! name = "step:assets"
//! request = [                               # what was asked for
//!     "nodejs",
//! ]
//! packages = [                              # all that is in it, each a package or tool of the platform
//!     "base-files",
//!     "nodejs",
//! ]
//!
//! [[platform.build]]                        # by name: Python packages that are built from their source
//! name = "psycopg2"
//! version = "2.9.10"                        # only if it is known before the build
//! source-sha256 = "<64 hex digits>"         # of the archive or of the commit's tree; not for the project's folders
//! commit = "<40 or 64 hex digits>"          # only for a git repository
//! requires = [                              # what the build asks for
//!     "setuptools>=61",
//! ]
//! wheels = [                                # what it gets, each a build wheel of the platform
//!     "setuptools-80.9.0-py3-none-any.whl",
//! ]
//! sources = [                               # only if there are any: what is built before, each a build source of the
//!     "old-plugin-1.0.tar.gz",              # platform
//! ]
//!
//! [[platform.build-wheel]]                  # by file
//! file = "setuptools-80.9.0-py3-none-any.whl"
//! url = "https://mirror.example/setuptools-80.9.0-py3-none-any.whl"
//! size = 1201486                            # only if it is known
//! sha256 = "<64 hex digits>"
//!
//! [[platform.build-source]]                 # by file: source distributions that builds need and that have no wheel
//! file = "old-plugin-1.0.tar.gz"
//! name = "old-plugin"
//! version = "1.0"
//! url = "https://mirror.example/old-plugin-1.0.tar.gz"
//! size = 4096                               # only if it is known
//! sha256 = "<64 hex digits>"
//! requires = [ … ]                          # these three as a build's
//! wheels = [ … ]
//! sources = [ … ]
//! ```
//!
//! A project without a manifest of its own may have several that are derived from a Dockerfile or a flake. Its file has
//! the locks of all, each as a table `lock` with the keys above, and nothing else at its top:
//!
//! ```text
//! # Written by `invar lock`; do not edit. Belongs into version control.
//! format-version = 2
//!
//! [[derived]]                               # by file, output and purposes
//! file = "flake.nix"                        # relative to the project's folder
//! output = "docker-image"                   # only if it was named: an output of the flake, a stage of the Dockerfile
//! purposes = ["build", "run", "shell"]      # what this manifest is for
//! project-sha256 = "<64 hex digits>"        # only with a pyproject.toml
//! uv-lock-sha256 = "<64 hex digits>"        # only with a uv.lock
//! manifest = """
//! packages = ["fortune-mod"]
//! """
//!
//! [[derived.read]]                          # by path: the files that were read
//! path = "flake.nix"
//! sha256 = "<64 hex digits>"
//!
//! [derived.lock]
//! created = "2026-09-12T08:00:00Z"
//! …
//!
//! [derived.lock.request]
//! …
//! ```
//!
//! `project-sha256` is of a JSON object with the keys of `pyproject.toml` that a manifest is derived from, sorted and
//! without spaces; `uv-lock-sha256` is of the whole `uv.lock`. If either differs, the manifest may still be the same. The
//! manifest is a multi-line basic string, in which only what TOML asks for is escaped.
//!
//! A package is installed for the first of these reasons that holds: `requested by packages`, `shell`, `base`,
//! `interpreter`, `requested by ROOT`, `essential`, `dependency of PACKAGE`.
//!
//! What only the shell or an additional image needs may be missing: its root, and the `build` of a Python package that no
//! other part of the project has. Then the lock is that of the other parts.
//!
//! What is named must be there, and what is there must be named: each name in a root's `packages` is a package or tool,
//! each tool is in some root, each name in `wheels` is a build wheel, each build wheel is in some `wheels`; `sources`
//! and build sources likewise, and none of them needs itself. No name is both a package and a tool.
//!
//! Of `uv.lock`, only what has to be built matters, and each `build` says what it was locked for. Older releases
//! wrote `uv-lock-sha256` after `created`, the sha256 of the whole `uv.lock`, and no `commit`: it is read, and says
//! whether a build from a git repository is still the same, but it is not written any more.
//!
//! The comments after values are not part of the form, except for one: `scripts = "unknown"` is followed by a comment
//! that catches a reader's eye. Keys that are not listed are refused: what a newer Invar writes must not be half
//! understood by an older one. A new key raises [`FORMAT_VERSION`], unless it may be left out: then older releases
//! refuse only the locks that have it, and newer ones read all older locks.
//!
//! Each package is a block and not a line: a new version then shows as four short lines below the package's name,
//! and merges of two branches that change different packages do not conflict.
mod because;
mod change;
mod check;
mod derived;
mod package;
mod part;
mod python;
mod read;
mod root;
mod suite;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use invar_debian::PackageName;
use invar_python::DistributionName;
pub use invar_tree::FORMAT_VERSION;
use invar_tree::{Digest, ImagePath};
use pep440_rs::{Version, VersionSpecifiers};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use self::because::Because;
pub use self::change::Change;
pub use self::check::Mismatch;
pub use self::derived::{DerivedLock, DerivedManifest, DerivedSource, LockFile, Purpose};
pub use self::package::{
    LockedOmission, LockedPackage, LockedScripts, OmissionReason, PoolPath, PoolPathError, ScriptVerdict,
};
pub use self::part::LockPart;
pub use self::python::{LockedBuild, LockedBuildSource, LockedBuildWheel};
pub use self::read::LockError;
pub use self::root::{ClosureKind, ClosureName, ClosureNameError, LockedRoot};
pub use self::suite::{Fingerprint, FingerprintError, LockedArchive, LockedSuite};
use crate::{FetchUrl, PackageRequest, Platform, SuiteName, Timestamp};

/// What `invar.lock` holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvarLock {
    /// The newest date among the suites when the packages of the image were chosen, not the time at which the lock was
    /// written. What is added for something else later leaves it.
    pub created: Timestamp,
    /// sha256 of the `uv.lock` that it was created for, which older releases wrote. It is only read.
    pub uv_lock: Option<Digest>,
    /// What was asked of Debian.
    pub request: Request,
    /// The Python interpreter; `None` without Python.
    pub interpreter: Option<LockedInterpreter>,
    /// The suites that packages come from.
    pub suites: BTreeMap<SuiteName, LockedSuite>,
    /// The files that build steps download, by their addresses.
    pub fetches: BTreeMap<String, LockedFetch>,
    /// The packages, for each platform.
    pub platforms: BTreeMap<Platform, LockedPlatform>,
}

/// The part of a manifest that decides which Debian packages are taken.
///
/// Two manifests with equal requests may share a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The suite, if the manifest names one.
    pub suite: Option<SuiteName>,
    /// The packages.
    pub packages: BTreeSet<PackageRequest>,
    /// The base set, if the manifest replaces it.
    pub base: Option<BTreeSet<PackageName>>,
    /// Whether a shell is wanted.
    pub shell: bool,
    /// Whether documentation is wanted.
    pub docs: bool,
    /// The platforms.
    pub platforms: BTreeSet<Platform>,
    /// The versions of Python that will do; `None` without Python, or if the project does not say.
    pub requires_python: Option<VersionSpecifiers>,
    /// The time as of which the archive is wanted.
    pub snapshot: Option<Timestamp>,
}

/// The Python interpreter of the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedInterpreter {
    /// The package that has it.
    pub package: PackageName,
    /// Python's own version, such as `3.13.5`.
    pub version: Version,
    /// Where it is in the image.
    pub path: ImagePath,
}

/// The packages for one platform.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LockedPlatform {
    /// The packages of the image.
    pub packages: BTreeMap<PackageName, LockedPackage>,
    /// The packages that dependencies name but that are left out.
    pub omitted: BTreeMap<PackageName, LockedOmission>,
    /// The packages that are only in other roots. None of them is in `packages`, and what is known of their maintainer
    /// scripts is not written.
    pub tools: BTreeMap<PackageName, LockedPackage>,
    /// What else consists of Debian packages other than the image.
    pub roots: BTreeMap<ClosureName, LockedRoot>,
    /// The Python packages that are built from their source.
    pub builds: BTreeMap<DistributionName, LockedBuild>,
    /// The wheels that those builds need, by their file names.
    pub build_wheels: BTreeMap<String, LockedBuildWheel>,
    /// The source distributions that those builds need, by their file names. None needs itself.
    pub build_sources: BTreeMap<String, LockedBuildSource>,
}

/// A file that build steps download.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockedFetch {
    /// Its size in bytes.
    pub size: u64,
    /// Its sha256.
    pub sha256: Digest,
}

/// A text that is none of the few that a key of the lock may have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not one of {expected}")]
pub struct PhraseError {
    /// The text as given.
    pub text: String,
    /// What could be there.
    pub expected: &'static str,
}

/// Types that are shown, stored and read as their text.
macro_rules! as_text {
    ($($name:ty),*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

as_text!(
    Because,
    FetchUrl,
    Fingerprint,
    OmissionReason,
    PackageRequest,
    Platform,
    PoolPath,
    Purpose,
    ClosureName,
    ScriptVerdict,
    SuiteName,
    Timestamp
);

/// Types that hold their text in field `0`.
macro_rules! shown_as_text {
    ($($name:ty),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }
    )*};
}

shown_as_text!(Fingerprint, PoolPath, ClosureName);

#[cfg(test)]
mod tests;
