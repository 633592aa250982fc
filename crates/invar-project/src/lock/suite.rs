use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use invar_tree::Digest;
use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// A suite as it was when the lock was created.
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

/// The fingerprint of an OpenPGP key: 40 upper-case hexadecimal digits (version 4), or 64 (version 6)
/// (RFC 9580, section 5.5.4).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub(super) Arc<str>);

/// A text that is not a [`Fingerprint`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a key fingerprint: expected 40 or 64 upper-case hexadecimal digits")]
pub struct FingerprintError {
    /// The text as given.
    pub text: String,
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
