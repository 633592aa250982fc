//! Signatures (RFC 9580, section 5.2).
use std::fmt;

use ring::digest::{Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA384, SHA512, digest};
use ring::signature::{
    ED25519, RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents,
    UnparsedPublicKey,
};

use super::key::{Material, PublicKey};
use super::packet::{Malformed, Reader, subpacket_length};
use crate::fingerprint::Fingerprint;

/// What a signature is for (section 5.2.1).
pub(crate) mod kind {
    pub(crate) const BINARY: u8 = 0x00;
    pub(crate) const TEXT: u8 = 0x01;
    /// A user ID belongs to the key: four kinds, by how well that was looked at.
    pub(crate) const CERTIFICATIONS: std::ops::RangeInclusive<u8> = 0x10..=0x13;
    pub(crate) const SUBKEY_BINDING: u8 = 0x18;
    pub(crate) const KEY_BINDING: u8 = 0x19;
    pub(crate) const DIRECT: u8 = 0x1f;
    pub(crate) const KEY_REVOCATION: u8 = 0x20;
    pub(crate) const SUBKEY_REVOCATION: u8 = 0x28;
    pub(crate) const CERTIFICATION_REVOCATION: u8 = 0x30;
}

/// The only version that is read.
const VERSION: u8 = 4;

/// A signature packet. The fields are what it says itself; nothing of it is to be believed before [`Signature::verify`].
#[derive(Debug, Clone)]
pub(crate) struct Signature {
    /// Whether it is of the version that is read here; of another, this is all that is known.
    pub(crate) is_of_this_version: bool,
    pub(crate) kind: u8,
    pub(crate) hash: Hash,
    /// When it was made, in seconds since the beginning of 1970.
    pub(crate) made: Option<u32>,
    /// How many seconds it lasts; zero seconds mean without end.
    pub(crate) life: Option<u32>,
    /// How many seconds the key lasts that it is about; zero seconds mean without end.
    pub(crate) key_life: Option<u32>,
    /// What that key may do.
    pub(crate) key_flags: Option<u8>,
    /// Whether something is critical in it that is not known here.
    pub(crate) has_unknown_marks: bool,
    /// The signature by which a subkey signs its first key.
    pub(crate) embedded: Option<Box<Signature>>,
    /// Who made it, as it claims itself, by fingerprint and by key ID.
    pub(crate) issuers: (Vec<Fingerprint>, Vec<[u8; 8]>),
    algorithm: u8,
    /// What of the packet is hashed after what is signed.
    covered: Vec<u8>,
    /// The numbers of the signature, as they are stored.
    numbers: Vec<u8>,
}

/// The number of a hash algorithm (section 9.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hash(u8);

impl Hash {
    pub(crate) const SHA256: Self = Self(8);
    pub(crate) const SHA384: Self = Self(9);
    pub(crate) const SHA512: Self = Self(10);

    /// What computes it, and what checks an RSA signature over it; nothing for those that nothing here can compute.
    fn algorithm(self) -> Option<(&'static Algorithm, &'static RsaParameters)> {
        match self {
            Self(2) => Some((&SHA1_FOR_LEGACY_USE_ONLY, &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY)),
            Self::SHA256 => Some((&SHA256, &RSA_PKCS1_2048_8192_SHA256)),
            Self::SHA384 => Some((&SHA384, &RSA_PKCS1_2048_8192_SHA384)),
            Self::SHA512 => Some((&SHA512, &RSA_PKCS1_2048_8192_SHA512)),
            _ => None,
        }
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("MD5"),
            2 => f.write_str("SHA1"),
            3 => f.write_str("RIPEMD160"),
            8 => f.write_str("SHA256"),
            9 => f.write_str("SHA384"),
            10 => f.write_str("SHA512"),
            11 => f.write_str("SHA224"),
            12 => f.write_str("SHA3-256"),
            14 => f.write_str("SHA3-512"),
            other => write!(f, "the unknown hash algorithm {other}"),
        }
    }
}

impl Signature {
    /// Reads the body of a packet. Of a version that is not read here, only that is kept.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Malformed> {
        Self::parse_within(body, 0)
    }

    fn parse_within(body: &[u8], depth: u8) -> Result<Self, Malformed> {
        let mut reader = Reader(body);
        let mut signature = Self::empty();
        if reader.byte()? != VERSION {
            return Ok(signature);
        }
        signature.is_of_this_version = true;
        signature.kind = reader.byte()?;
        signature.algorithm = reader.byte()?;
        signature.hash = Hash(reader.byte()?);
        let length = reader.short()?;
        let hashed = reader.bytes(usize::from(length))?;
        signature.covered = body[..body.len() - reader.0.len()].to_vec();
        let length = reader.short()?;
        let unhashed = reader.bytes(usize::from(length))?;
        // The first bytes of the hash, which only spare a program work.
        reader.short()?;
        signature.numbers = reader.rest().to_vec();
        signature.read_marks(hashed, true, depth)?;
        signature.read_marks(unhashed, false, depth)?;
        Ok(signature)
    }

    fn empty() -> Self {
        Self {
            is_of_this_version: false,
            kind: 0xff,
            hash: Hash(0),
            made: None,
            life: None,
            key_life: None,
            key_flags: None,
            has_unknown_marks: false,
            embedded: None,
            issuers: (Vec::new(), Vec::new()),
            algorithm: 0,
            covered: Vec::new(),
            numbers: Vec::new(),
        }
    }

    /// Reads subpackets (section 5.2.3.7). What the signature does not cover counts only where it proves itself: names of
    /// keys, which are tried, and a signature inside.
    fn read_marks(&mut self, bytes: &[u8], is_covered: bool, depth: u8) -> Result<(), Malformed> {
        let mut reader = Reader(bytes);
        while !reader.is_empty() {
            let length = subpacket_length(&mut reader)?;
            let mut mark = Reader(reader.bytes(length)?);
            let kind = mark.byte()?;
            let (is_critical, kind) = (kind & 0x80 != 0, kind & 0x7f);
            match kind {
                16 => self.issuers.1.push(mark.rest().try_into().map_err(|_| Malformed)?),
                33 => {
                    let length = if mark.byte()? == VERSION { 20 } else { 32 };
                    self.issuers.0.push(Fingerprint::new(mark.bytes(length)?));
                }
                // One inside of one inside of a signature is never of interest.
                32 if self.embedded.is_none() && depth == 0 => {
                    self.embedded = Some(Box::new(Self::parse_within(mark.rest(), depth + 1)?));
                }
                2 if is_covered && self.made.is_none() => self.made = Some(mark.long()?),
                3 if is_covered && self.life.is_none() => self.life = Some(mark.long()?),
                9 if is_covered && self.key_life.is_none() => self.key_life = Some(mark.long()?),
                27 if is_covered && self.key_flags.is_none() => {
                    self.key_flags = Some(mark.rest().first().copied().unwrap_or_default());
                }
                _ => {}
            }
            // Notations (20) are conditions that nobody here can judge.
            let is_known = matches!(kind, 2..=7 | 9 | 11 | 12 | 16 | 21..=35 | 39);
            self.has_unknown_marks |= is_covered && is_critical && !is_known;
        }
        Ok(())
    }

    /// Whether it can be checked at all by `key`, true or false.
    pub(crate) fn is_checkable(&self, key: &PublicKey) -> bool {
        self.hash.algorithm().is_some()
            && match &key.material {
                Material::Rsa { modulus, .. } => (256..=1024).contains(&modulus.len()),
                Material::Ed25519(_) => true,
                Material::Dsa | Material::Other => false,
            }
    }

    /// Whether `key` made the signature over `parts`, one after the other.
    pub(crate) fn verify(&self, key: &PublicKey, parts: &[&[u8]]) -> bool {
        self.try_verify(key, parts).is_some()
    }

    fn try_verify(&self, key: &PublicKey, parts: &[&[u8]]) -> Option<()> {
        let (algorithm, rsa) = self.hash.algorithm()?;
        let mut message = parts.concat();
        message.extend(&self.covered);
        message.extend([VERSION, 0xff]);
        message.extend(u32::try_from(self.covered.len()).ok()?.to_be_bytes());
        let mut numbers = Reader(&self.numbers);
        let verified = match (&key.material, self.algorithm) {
            (Material::Rsa { modulus, exponent }, 1 | 3) => {
                let signature = padded(numbers.number().ok()?, modulus.len())?;
                RsaPublicKeyComponents { n: modulus, e: exponent }.verify(rsa, &message, &signature)
            }
            (Material::Ed25519(key), 22 | 27) => {
                let signature = match self.algorithm {
                    22 => [padded(numbers.number().ok()?, 32)?, padded(numbers.number().ok()?, 32)?].concat(),
                    _ => numbers.bytes(64).ok()?.to_vec(),
                };
                UnparsedPublicKey::new(&ED25519, key).verify(digest(algorithm, &message).as_ref(), &signature)
            }
            _ => return None,
        };
        verified.ok().filter(|()| numbers.is_empty())
    }
}

/// A number with zeros before it, so that it has so many bytes; nothing if it has more.
fn padded(number: &[u8], length: usize) -> Option<Vec<u8>> {
    let zeros = length.checked_sub(number.len())?;
    Some([&vec![0; zeros], number].concat())
}
