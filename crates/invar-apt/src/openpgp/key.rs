//! Public keys (RFC 9580, section 5.5.2).
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

use super::packet::{Malformed, Reader};
use crate::fingerprint::Fingerprint;

/// The name of the curve Ed25519, as keys from before the standard have it.
const ED25519_LEGACY: &[u8] = &[0x2b, 6, 1, 4, 1, 0xda, 0x47, 0x0f, 1];

/// The only version that is read.
const VERSION: u8 = 4;

/// A key of a certificate: the first one, or a subkey.
#[derive(Debug, Clone)]
pub(crate) struct PublicKey {
    /// When it was made, in seconds since the beginning of 1970.
    pub(crate) born: u32,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) material: Material,
    /// What a signature over the key covers (section 5.2.4): the packet's body with its length before it.
    pub(crate) signed: Vec<u8>,
}

/// The numbers of a key.
#[derive(Debug, Clone)]
pub(crate) enum Material {
    Rsa {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
    Ed25519([u8; 32]),
    Dsa,
    /// Something else, such as a key for encryption: its signatures cannot be checked.
    Other,
}

impl PublicKey {
    /// Reads the body of a packet; nothing for another version.
    pub(crate) fn parse(body: &[u8]) -> Result<Option<Self>, Malformed> {
        let mut reader = Reader(body);
        if reader.byte()? != VERSION {
            return Ok(None);
        }
        let (born, algorithm) = (reader.long()?, reader.byte()?);
        let material = material(algorithm, &mut reader)?;
        let length = u16::try_from(body.len()).map_err(|_| Malformed)?.to_be_bytes();
        let signed = [&[0x99][..], &length, body].concat();
        let fingerprint = Fingerprint::new(digest(&SHA1_FOR_LEGACY_USE_ONLY, &signed).as_ref());
        Ok(Some(Self { born, fingerprint, material, signed }))
    }

    /// The short name, which is a part of the fingerprint.
    pub(crate) fn id(&self) -> &[u8] {
        let bytes = self.fingerprint.as_bytes();
        &bytes[bytes.len() - 8..]
    }
}

fn material(algorithm: u8, reader: &mut Reader<'_>) -> Result<Material, Malformed> {
    let material = match algorithm {
        // RSA for everything, or for signing alone.
        1 | 3 => {
            let modulus = reader.number()?.to_vec();
            Material::Rsa { modulus, exponent: reader.number()?.to_vec() }
        }
        17 => return Ok(Material::Dsa),
        // EdDSA as it was before the standard.
        22 => {
            let length = reader.byte()?;
            if reader.bytes(usize::from(length))? != ED25519_LEGACY {
                return Ok(Material::Other);
            }
            let point = reader.number()?.strip_prefix(&[0x40]).ok_or(Malformed)?;
            Material::Ed25519(point.try_into().map_err(|_| Malformed)?)
        }
        27 => Material::Ed25519(reader.bytes(32)?.try_into().expect("it has 32 bytes")),
        _ => return Ok(Material::Other),
    };
    if reader.is_empty() { Ok(material) } else { Err(Malformed) }
}
