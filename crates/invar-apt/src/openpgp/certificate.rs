//! Certificates: keys, and what their owner signs about them (RFC 9580, section 10.1).
use super::key::PublicKey;
use super::packet::{
    MARKER, Malformed, PADDING, PUBLIC_KEY, PUBLIC_SUBKEY, Packet, Reader, SIGNATURE, TRUST, USER_ATTRIBUTE,
    USER_ID, packet,
};
use super::signature::Signature;

/// A first key with all that belongs to it.
#[derive(Debug, Clone)]
pub(crate) struct Certificate {
    pub(crate) key: PublicKey,
    /// The signatures directly on the key.
    pub(crate) signatures: Vec<Signature>,
    pub(crate) users: Vec<User>,
    pub(crate) subkeys: Vec<Subkey>,
}

/// A user ID and the signatures over it and the first key.
#[derive(Debug, Clone)]
pub(crate) struct User {
    pub(crate) id: Vec<u8>,
    pub(crate) signatures: Vec<Signature>,
}

/// A further key and the signatures over it and the first key.
#[derive(Debug, Clone)]
pub(crate) struct Subkey {
    pub(crate) key: PublicKey,
    pub(crate) signatures: Vec<Signature>,
}

/// What a signature in a certificate is about.
enum Subject {
    /// The certificate as a whole.
    Key,
    User,
    Subkey,
    /// Something that is not kept: a picture, or a key of a version that is not read here.
    Nothing,
}

/// Reads at most `limit` certificates, one after the other. Those whose first key is of a version that is not read here are
/// left out.
pub(crate) fn certificates(bytes: &[u8], limit: usize) -> Result<Vec<Certificate>, Malformed> {
    let mut reader = Reader(bytes);
    let mut all: Vec<Certificate> = Vec::new();
    // What the packets that come belong to; nothing before the first key and in a certificate that is left out.
    let mut subject = None;
    let mut has_begun = false;
    while !reader.is_empty() && all.len() <= limit {
        let Packet { kind, body } = packet(&mut reader)?;
        match kind {
            MARKER | TRUST | PADDING => continue,
            PUBLIC_KEY => {
                has_begun = true;
                let key = PublicKey::parse(body)?;
                subject = key.is_some().then_some(Subject::Key);
                all.extend(key.map(|key| Certificate {
                    key,
                    signatures: Vec::new(),
                    users: Vec::new(),
                    subkeys: Vec::new(),
                }));
                continue;
            }
            SIGNATURE | USER_ID | USER_ATTRIBUTE | PUBLIC_SUBKEY if has_begun => {}
            _ => return Err(Malformed),
        }
        let (Some(about), Some(certificate)) = (&mut subject, all.last_mut()) else { continue };
        match kind {
            SIGNATURE => {
                let signature = Signature::parse(body)?;
                match about {
                    Subject::Key => certificate.signatures.push(signature),
                    Subject::User => {
                        certificate.users.last_mut().ok_or(Malformed)?.signatures.push(signature);
                    }
                    Subject::Subkey => {
                        certificate.subkeys.last_mut().ok_or(Malformed)?.signatures.push(signature);
                    }
                    Subject::Nothing => {}
                }
            }
            USER_ID => {
                certificate.users.push(User { id: body.to_vec(), signatures: Vec::new() });
                *about = Subject::User;
            }
            PUBLIC_SUBKEY => {
                let key = PublicKey::parse(body)?;
                *about = if key.is_some() { Subject::Subkey } else { Subject::Nothing };
                certificate.subkeys.extend(key.map(|key| Subkey { key, signatures: Vec::new() }));
            }
            _ => *about = Subject::Nothing,
        }
    }
    Ok(all)
}

/// Reads packets that are signatures and nothing else.
pub(crate) fn signatures(bytes: &[u8]) -> Result<Vec<Signature>, Malformed> {
    let mut reader = Reader(bytes);
    let mut all = Vec::new();
    while !reader.is_empty() {
        let packet = packet(&mut reader)?;
        if packet.kind != SIGNATURE {
            return Err(Malformed);
        }
        all.push(Signature::parse(packet.body)?);
    }
    Ok(all)
}
