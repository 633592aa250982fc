//! `invar.lock`: which Debian packages an image is made of, each with size and sha256.
//!
//! Only `invar lock` writes it. It is TOML (version 1.0), UTF-8, with line feeds, in exactly this form, so that two
//! locks with the same content are the same bytes and a difference is a readable diff:
//!
//! ```text
//! # Written by `invar lock`; do not edit. Belongs into version control.
//! format-version = 1
//! created = "2026-09-12T08:00:00Z"          # newest date among the suites
//! uv-lock-sha256 = "<64 hex digits>"        # only with Python
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
//! ```
//!
//! The comments behind values are not part of the form, but for one: `scripts = "unknown"` is followed by a comment
//! that catches a reader's eye. Keys that are not listed are refused: what a newer Invar writes must not be half
//! understood by an older one. A new key raises [`FORMAT_VERSION`].
//!
//! Each package is a block and not a line: a new version then shows as four short lines below the package's name,
//! and merges of two branches that change different packages do not conflict.
mod change;
mod check;
mod read;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use invar_debian::{Architecture, DebianVersion, PackageName};
use invar_tree::{Digest, ImagePath};
use pep440_rs::{Version, VersionSpecifiers};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use self::change::Change;
pub use self::check::Mismatch;
pub use self::read::LockError;
use crate::{PackageRequest, Platform, SuiteName, Timestamp};

/// Format break: the version of `invar.lock` that this release reads and writes. It also names the bytes of the
/// images that are made from it.
pub const FORMAT_VERSION: u64 = 1;

/// What `invar.lock` holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvarLock {
    /// The newest date among the suites, not the time at which the lock was written.
    pub created: Timestamp,
    /// sha256 of the `uv.lock` that belongs to it; `None` without Python.
    pub uv_lock: Option<Digest>,
    /// What was asked of Debian.
    pub request: Request,
    /// The Python interpreter; `None` without Python.
    pub interpreter: Option<LockedInterpreter>,
    /// The suites that packages come from.
    pub suites: BTreeMap<SuiteName, LockedSuite>,
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

/// A suite as it was when the lock was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedSuite {
    /// The archive that has it.
    pub archive: LockedArchive,
    /// `Date` of its Release file.
    pub date: Timestamp,
    /// `Valid-Until` of its Release file.
    pub valid_until: Option<Timestamp>,
    /// sha256 of its InRelease file.
    pub sha256: Digest,
    /// The keys whose signatures were good.
    pub signed_by: BTreeSet<Fingerprint>,
}

/// A Debian archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LockedArchive {
    /// The main archive, `debian`.
    Debian,
    /// The security archive, `debian-security`.
    DebianSecurity,
}

impl LockedArchive {
    /// The name: the folder under which mirrors have the archive.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debian => "debian",
            Self::DebianSecurity => "debian-security",
        }
    }
}

impl fmt::Display for LockedArchive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The packages of one platform's image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LockedPlatform {
    /// The packages that are installed.
    pub packages: BTreeMap<PackageName, LockedPackage>,
    /// The packages that dependencies name but that are left out.
    pub omitted: BTreeMap<PackageName, LockedOmission>,
}

/// A binary package.
#[derive(Debug, Clone)]
pub struct LockedPackage {
    /// Its version.
    pub version: DebianVersion,
    /// Its architecture: the platform's, or `all`.
    pub architecture: Architecture,
    /// The suite that has it.
    pub suite: SuiteName,
    /// Its path in the archive.
    pub file: PoolPath,
    /// Its size in bytes.
    pub size: u64,
    /// Its sha256.
    pub sha256: Digest,
    /// Why it is installed.
    pub because: Because,
    /// Its own maintainer scripts; `None` if it has none.
    pub scripts: Option<LockedScripts>,
}

impl PartialEq for LockedPackage {
    /// Versions are compared by their text: `1.0` and `1.00` have the same place in Debian's order but are two files.
    fn eq(&self, other: &Self) -> bool {
        let Self { version, architecture, suite, file, size, sha256, because, scripts } = self;
        version.as_str() == other.version.as_str()
            && *architecture == other.architecture
            && *suite == other.suite
            && *file == other.file
            && *size == other.size
            && *sha256 == other.sha256
            && *because == other.because
            && *scripts == other.scripts
    }
}

impl Eq for LockedPackage {}

/// The maintainer scripts of a package that are not all generated by debhelper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockedScripts {
    /// What is known about them.
    pub verdict: ScriptVerdict,
    /// The digest of the scripts, as the verdicts name it.
    pub sha256: Digest,
}

/// What is known about a package's maintainer scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ScriptVerdict {
    /// A handler does natively what they do.
    Handled,
    /// They do nothing that a container needs.
    NothingToDo,
    /// Nobody has looked at them.
    Unknown,
}

/// Why a package is installed; the first reason that holds, in this order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Because {
    /// The manifest's `packages` name it.
    Requested,
    /// The manifest asks for a shell.
    Shell,
    /// It belongs to the base set.
    Base,
    /// It has the Python interpreter.
    Interpreter,
    /// Another package depends on it.
    Dependency {
        /// The package that depends on it; of several, the first by name.
        of: PackageName,
    },
}

/// A package that dependencies name but that is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedOmission {
    /// The packages that depend on it.
    pub needed_by: BTreeSet<PackageName>,
    /// Why it is left out.
    pub reason: OmissionReason,
}

/// Why a package is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OmissionReason {
    /// Only maintainer scripts use it, and none run.
    OnlyScripts,
}

/// The path of a file in a Debian archive, such as `pool/main/b/bash/bash_5.2.37-2_amd64.deb`: relative, of visible
/// ASCII characters, without names that climb.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PoolPath(Arc<str>);

/// A text that is not a [`PoolPath`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not the path of a package in an archive: expected a form such as \"pool/main/b/bash/bash_5_amd64.deb\""
)]
pub struct PoolPathError {
    /// The text as given.
    pub text: String,
}

/// The fingerprint of an OpenPGP key: 40 upper-case hexadecimal digits (version 4), or 64 (version 6)
/// (RFC 9580, section 5.5.4).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(Arc<str>);

/// A text that is not a [`Fingerprint`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a key's fingerprint: expected 40 or 64 upper-case hexadecimal digits")]
pub struct FingerprintError {
    /// The text as given.
    pub text: String,
}

/// A text that is none of the few that a key of the lock may have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not one of {expected}")]
pub struct PhraseError {
    /// The text as given.
    pub text: String,
    /// What could stand there.
    pub expected: &'static str,
}

impl PoolPath {
    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PoolPath {
    type Err = PoolPathError;

    fn from_str(text: &str) -> Result<Self, PoolPathError> {
        let name = |name: &str| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"+-._~%:=@,".contains(&byte);
            !name.is_empty() && !name.starts_with('.') && name.bytes().all(plain)
        };
        let good = text.len() <= 1024 && text.ends_with(".deb") && text.split('/').all(name);
        if good { Ok(Self(text.into())) } else { Err(PoolPathError { text: text.to_owned() }) }
    }
}

impl Fingerprint {
    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let digits = |byte: u8| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte);
        let good = matches!(text.len(), 40 | 64) && text.bytes().all(digits);
        if good { Ok(Self(text.into())) } else { Err(FingerprintError { text: text.to_owned() }) }
    }
}

impl fmt::Display for ScriptVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Handled => "handled",
            Self::NothingToDo => "nothing to do",
            Self::Unknown => "unknown",
        })
    }
}

impl FromStr for ScriptVerdict {
    type Err = PhraseError;

    fn from_str(text: &str) -> Result<Self, PhraseError> {
        let all = [Self::Handled, Self::NothingToDo, Self::Unknown];
        all.into_iter().find(|verdict| verdict.to_string() == text).ok_or_else(|| PhraseError {
            text: text.to_owned(),
            expected: "\"handled\", \"nothing to do\" and \"unknown\"",
        })
    }
}

impl fmt::Display for OmissionReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OnlyScripts => f.write_str("only maintainer scripts use it"),
        }
    }
}

impl FromStr for OmissionReason {
    type Err = PhraseError;

    fn from_str(text: &str) -> Result<Self, PhraseError> {
        let expected = "\"only maintainer scripts use it\"";
        [Self::OnlyScripts]
            .into_iter()
            .find(|reason| reason.to_string() == text)
            .ok_or_else(|| PhraseError { text: text.to_owned(), expected })
    }
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requested => f.write_str("requested by packages"),
            Self::Shell => f.write_str("requested by shell"),
            Self::Base => f.write_str("base"),
            Self::Interpreter => f.write_str("interpreter"),
            Self::Dependency { of } => write!(f, "dependency of {of}"),
        }
    }
}

impl FromStr for Because {
    type Err = PhraseError;

    fn from_str(text: &str) -> Result<Self, PhraseError> {
        let expected = "\"requested by packages\", \"requested by shell\", \"base\", \"interpreter\" and \
                        \"dependency of PACKAGE\"";
        let error = || PhraseError { text: text.to_owned(), expected };
        Ok(match text {
            "requested by packages" => Self::Requested,
            "requested by shell" => Self::Shell,
            "base" => Self::Base,
            "interpreter" => Self::Interpreter,
            _ => {
                let of = text.strip_prefix("dependency of ").ok_or_else(error)?;
                Self::Dependency { of: of.parse().map_err(|_| error())? }
            }
        })
    }
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
    Fingerprint,
    OmissionReason,
    PackageRequest,
    Platform,
    PoolPath,
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

shown_as_text!(Fingerprint, PoolPath);

#[cfg(test)]
mod tests;
