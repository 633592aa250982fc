use pgp::composed::{Deserializable, SignedPublicKey};
use pgp::types::{Fingerprint as PgpFingerprint, KeyDetails, KeyId};

use crate::fingerprint::Fingerprint;

/// The most certificates in a keyring; all that Debian ever had would fit many times.
const MAXIMUM_CERTIFICATES: usize = 1024;

/// The certificates of those whose Release files are trusted.
///
/// A keyring holds what it was given, valid or not: whether a key may sign is decided at the time of use, with the
/// caller's clock.
#[derive(Debug, Clone, Default)]
pub struct Keyring {
    certificates: Vec<SignedPublicKey>,
}

/// Why bytes are not a keyring.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyringError {
    /// The bytes are not OpenPGP certificates. The reader's own error is not kept: it shows the bytes as a program's
    /// dump.
    #[error("not a keyring: expected OpenPGP public keys, binary or in ASCII armour")]
    Syntax,
    /// There is no certificate in it.
    #[error("the keyring has no supported key; expected OpenPGP keys of version 4 or later")]
    Empty,
    /// There are more certificates than anyone needs.
    #[error("the keyring has more than {MAXIMUM_CERTIFICATES} keys")]
    TooMany,
}

/// A key in a keyring: a certificate's first key, or the subkey at this place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeyPlace<'a> {
    pub(crate) certificate: &'a SignedPublicKey,
    pub(crate) subkey: Option<usize>,
}

impl Keyring {
    /// The keys with which Debian signs its suites of releases 12 and 13, as Debian distributes them in the package
    /// `debian-archive-keyring`. They are part of this program; `keys/README.md` next to its source lists them.
    pub fn debian() -> Self {
        const FILES: [&[u8]; 6] = [
            include_bytes!("../keys/debian-archive-bookworm-automatic.gpg"),
            include_bytes!("../keys/debian-archive-bookworm-security-automatic.gpg"),
            include_bytes!("../keys/debian-archive-bookworm-stable.gpg"),
            include_bytes!("../keys/debian-archive-trixie-automatic.gpg"),
            include_bytes!("../keys/debian-archive-trixie-security-automatic.gpg"),
            include_bytes!("../keys/debian-archive-trixie-stable.gpg"),
        ];
        let read = |bytes| Self::parse(bytes).expect("a test reads each of these files").certificates;
        Self { certificates: FILES.into_iter().flat_map(read).collect() }
    }

    /// Reads certificates, one after the other in binary form, or one block of ASCII armour.
    ///
    /// # Errors
    /// [`KeyringError`] if the bytes are something else, or hold no certificate.
    pub fn parse(bytes: &[u8]) -> Result<Self, KeyringError> {
        let syntax = |_| KeyringError::Syntax;
        let (all, _) = SignedPublicKey::from_reader_many_buf(bytes).map_err(syntax)?;
        let certificates =
            all.take(MAXIMUM_CERTIFICATES + 1).collect::<Result<Vec<_>, _>>().map_err(syntax)?;
        match certificates.len() {
            0 => Err(KeyringError::Empty),
            1..=MAXIMUM_CERTIFICATES => Ok(Self { certificates }),
            _ => Err(KeyringError::TooMany),
        }
    }

    /// The fingerprints of the certificates' first keys, sorted, each once.
    pub fn fingerprints(&self) -> Vec<Fingerprint> {
        let mut all: Vec<Fingerprint> =
            self.certificates.iter().map(|certificate| (&certificate.fingerprint()).into()).collect();
        all.sort();
        all.dedup();
        all
    }

    /// This keyring and another.
    #[must_use]
    pub fn with(mut self, other: Self) -> Self {
        self.certificates.extend(other.certificates);
        self
    }

    /// The keys, first and sub, that have one of these fingerprints.
    pub(crate) fn by_fingerprint(&self, wanted: &[&PgpFingerprint]) -> Vec<KeyPlace<'_>> {
        self.places(|key| wanted.contains(&&key.fingerprint()))
    }

    /// The keys, first and sub, that have one of these (short, forgeable) names.
    pub(crate) fn by_key_id(&self, wanted: &[&KeyId]) -> Vec<KeyPlace<'_>> {
        self.places(|key| wanted.contains(&&key.legacy_key_id()))
    }

    fn places(&self, wanted: impl Fn(&dyn KeyDetails) -> bool) -> Vec<KeyPlace<'_>> {
        let mut places = Vec::new();
        for certificate in &self.certificates {
            if wanted(&certificate.primary_key) {
                places.push(KeyPlace { certificate, subkey: None });
            }
            for (place, subkey) in certificate.public_subkeys.iter().enumerate() {
                if wanted(&subkey.key) {
                    places.push(KeyPlace { certificate, subkey: Some(place) });
                }
            }
        }
        places
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debians_keys_are_part_of_the_program() {
        let listed: Vec<Fingerprint> = include_str!("../keys/README.md")
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split('`').next()?.parse().ok())
            .collect();
        assert_eq!(Keyring::debian().fingerprints(), listed);
        assert_eq!(listed.len(), 6);
    }

    #[test]
    fn other_bytes_are_refused() {
        fn check(bytes: &[u8], expected: &str) {
            let error = Keyring::parse(bytes).expect_err(expected);
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
            let message = format!("{error}{}", cause.unwrap_or_default());
            assert!(message.contains(expected) && !message.contains(['[', '{']), "{message}");
        }
        check(b"", "not a keyring");
        check(b"nothing", "not a keyring");
        check(b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n", "not a keyring");
        let armoured = |body: &str| {
            format!("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n{body}\n-----END PGP PUBLIC KEY BLOCK-----\n")
        };
        check(armoured("!!!!").as_bytes(), "not a keyring");
        check(armoured("QUI").as_bytes(), "not a keyring");
        check(armoured("mDMEAAAA").as_bytes(), "not a keyring");
        check(b"\xff\xff\xff\xff\xff\xff", "not a keyring");
        // A marker packet, which means nothing (RFC 9580, section 5.8).
        check(b"\xca\x03PGP", "no supported key");
        let good: &[u8] = include_bytes!("../keys/debian-archive-trixie-stable.gpg");
        check(&good[..20], "not a keyring");
        check(&good.repeat(MAXIMUM_CERTIFICATES + 1), "more than 1024 keys");
        assert_eq!(Keyring::parse(&good.repeat(2)).unwrap().fingerprints().len(), 1);
    }
}
