//! What a lock says about the bytes of a file.
use std::fmt;

use invar_tree::Digest;

use crate::base64;

/// A digest that a lock names for a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// SHA-1: what npm's registry had before 2017.
    Sha1([u8; 20]),
    /// SHA-256: cargo and pip.
    Sha256(Digest),
    /// SHA-512: npm.
    Sha512([u8; 64]),
}

impl Check {
    /// The algorithm as Subresource Integrity names it.
    pub fn algorithm(&self) -> &'static str {
        match self {
            Self::Sha1(_) => "sha1",
            Self::Sha256(_) => "sha256",
            Self::Sha512(_) => "sha512",
        }
    }

    /// The digest's length in bytes, which orders the algorithms by strength.
    pub fn strength(&self) -> usize {
        self.bytes().len()
    }

    /// The digest's raw bytes.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Sha1(bytes) => bytes,
            Self::Sha256(digest) => digest.as_bytes(),
            Self::Sha512(bytes) => bytes,
        }
    }

    /// The digest as lower-case hexadecimal digits.
    pub fn hex(&self) -> String {
        invar_tree::hex(self.bytes())
    }

    /// The digest as Subresource Integrity metadata: `sha512-` and base64 (W3C, "Subresource Integrity", section 3.5).
    pub fn integrity(&self) -> String {
        format!("{}-{}", self.algorithm(), base64::encode(self.bytes()))
    }
}

impl fmt::Display for Check {
    /// As the ecosystem's own files write it: hexadecimal for SHA-256, else Subresource Integrity metadata.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sha256(digest) => digest.fmt(f),
            Self::Sha1(_) | Self::Sha512(_) => f.write_str(&self.integrity()),
        }
    }
}

/// A file that is not what the lock names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{file} is not the file that the lock names: expected {expected}, found {found} ({length} bytes)",
    expected = alternatives(expected)
)]
pub struct Mismatch {
    /// The file's name.
    pub file: String,
    /// The digests of which one had to match; none if the lock names no digest for the file.
    pub expected: Box<[Check]>,
    /// The digest of the bytes that came.
    pub found: Check,
    /// The number of bytes that came.
    pub length: u64,
}

fn alternatives(checks: &[Check]) -> String {
    match checks {
        [] => "a digest, but the lock has none".to_owned(),
        [one] => one.to_string(),
        [first, rest @ ..] => format!("{first} or one of {} others", rest.len()),
    }
}
