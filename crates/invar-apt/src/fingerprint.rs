use std::fmt;
use std::str::FromStr;

use pgp::types::Fingerprint as PgpFingerprint;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The fingerprint of an OpenPGP key: 20 bytes (version 4) or 32 (version 6), written in upper-case hexadecimal
/// digits (RFC 9580, section 5.5.4 "Key IDs and Fingerprints").
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(Box<[u8]>);

/// A text that is not a [`Fingerprint`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not the fingerprint of a key: expected 40 or 64 hexadecimal digits")]
pub struct FingerprintError {
    /// The text as given, or its beginning if it is long.
    pub text: String,
}

impl Fingerprint {
    /// The raw bytes, 20 or 32.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<&PgpFingerprint> for Fingerprint {
    fn from(fingerprint: &PgpFingerprint) -> Self {
        Self(fingerprint.as_bytes().into())
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    /// Reads hexadecimal digits of either case; spaces, which people write for legibility, are skipped.
    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let error = || FingerprintError { text: text.chars().take(100).collect() };
        let digits: Vec<u32> = text
            .chars()
            .filter(|&symbol| symbol != ' ')
            .map(|symbol| symbol.to_digit(16).ok_or_else(error))
            .collect::<Result<_, _>>()?;
        if digits.len() != 40 && digits.len() != 64 {
            return Err(error());
        }
        let byte =
            |pair: &[u32]| u8::try_from(pair[0] << 4 | pair[1]).expect("two hexadecimal digits are a byte");
        Ok(Self(digits.chunks_exact(2).map(byte).collect()))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_read_as_people_write_them() {
        let expected = "4CB50190207B4758A3F73A796ED0E7B82643E131";
        for text in [expected, &expected.to_lowercase(), "4CB5 0190 207B 4758 A3F7  3A79 6ED0 E7B8 2643 E131"]
        {
            assert_eq!(text.parse::<Fingerprint>().unwrap().to_string(), expected);
        }
        for text in ["", "4CB5", &expected[1..], &expected.replace('4', "x"), "\u{e9}"] {
            assert!(text.parse::<Fingerprint>().is_err(), "{text}");
        }
    }
}
