//! Whether an OpenPGP key may sign a Release file.
//!
//! `openpgp` checks only the mathematics of one signature by one key. The rules are here (RFC 9580,
//! sections 5.2 "Signature Packet" and 10.1 "Transferable Public Keys"):
//!
//! * Only signatures over SHA-256, SHA-384 or SHA-512 count; RSA keys have at least 2048 bits.
//! * A certificate's own signatures show how long its first key lasts and what it may do. The newest that binds a user
//!   and the newest directly on the key both count, and the stricter wins: the second kind often only names revokers.
//!   Other people's signatures on a certificate say nothing here.
//! * Any revocation by the certificate itself counts, whatever its reason, date or hash, also where it cannot be checked
//!   because the hash is not known here. One by a designated other key is not looked for.
//! * A subkey is bound by the newest signature of the first key over it, must be marked for signing there, and must
//!   sign the first key back, so that nobody can adopt another's subkey.
//! * Marks that a signature calls critical and this program does not know make it void.
use crate::date::format_date;
use crate::keyring::KeyPlace;
use crate::openpgp::certificate::{Certificate, Subkey, User};
use crate::openpgp::key::{Material, PublicKey};
use crate::openpgp::signature::{Hash, Signature, kind};

/// The fewest bits of an RSA key's modulus.
const MINIMUM_RSA_BITS: usize = 2048;

/// How far in the future a signature may be, in seconds: clocks differ, and the one that is asked may be slow.
const FUTURE: i64 = 86_400;

/// Why a signature does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureFault {
    /// No key of the keyring made it.
    #[error("its key is not in the keyring")]
    UnknownKey,
    /// It does not say who made it.
    #[error("it does not name the key that created it")]
    NoIssuer,
    /// It is of a kind, version or form that is not accepted.
    #[error(
        "its type is not accepted: expected a text signature of version 4 without unknown critical subpackets"
    )]
    Kind,
    /// Its hash can be forged, or is unknown.
    #[error("it uses {hash}; only SHA256, SHA384 and SHA512 are accepted")]
    Hash {
        /// The hash algorithm's name.
        hash: String,
    },
    /// It has no time.
    #[error("it has no creation time")]
    NoTime,
    /// It was created later than now.
    #[error("it was created on {}, which is in the future", format_date(*.time))]
    Future {
        /// When it was created, in seconds since the beginning of 1970.
        time: i64,
    },
    /// It has expired.
    #[error("it expired on {}", format_date(*.time))]
    Expired {
        /// When it did, in seconds since the beginning of 1970.
        time: i64,
    },
    /// Its key is too short.
    #[error("its key is too short: RSA keys must have at least 2048 bits")]
    WeakKey,
    /// Its key is of a kind whose signatures cannot be checked.
    #[error("its key type is not supported: expected RSA or Ed25519")]
    KeyAlgorithm,
    /// Its key was revoked by its owner.
    #[error("its key was revoked by its owner")]
    Revoked,
    /// Its key has no valid signature of its own certificate.
    #[error("its key is not bound to its certificate by a valid signature")]
    Unbound,
    /// Its key may not sign.
    #[error("its key is not a signing key")]
    NotForSigning,
    /// Its key has expired.
    #[error("its key expired on {}; look for a newer keyring", format_date(*.time))]
    KeyExpired {
        /// When it did, in seconds since the beginning of 1970.
        time: i64,
    },
    /// It was created before its key.
    #[error("it is older than its key")]
    OlderThanKey,
    /// The mathematics fail: the text was changed, or another key made it.
    #[error("it does not match the text: the text was modified, or the signature is damaged")]
    Mismatch,
}

/// Checks everything about a signature of a text except the text.
///
/// # Errors
/// [`SignatureFault`] for the first rule that it breaks.
pub(crate) fn check_signature(signature: &Signature, now: i64) -> Result<(), SignatureFault> {
    let kind = signature.is_of_this_version && matches!(signature.kind, kind::TEXT | kind::BINARY);
    if !kind || signature.has_unknown_marks {
        return Err(SignatureFault::Kind);
    }
    check_hash(signature)?;
    let time = made(signature).ok_or(SignatureFault::NoTime)?;
    if time > now.saturating_add(FUTURE) {
        return Err(SignatureFault::Future { time });
    }
    match signature_end(signature) {
        Some(time) if time <= now => Err(SignatureFault::Expired { time }),
        _ => Ok(()),
    }
}

/// Checks that a key may sign now, and could when `signature` was created.
///
/// # Errors
/// [`SignatureFault`] for the first rule that the key breaks.
pub(crate) fn check_key(place: KeyPlace<'_>, signature: &Signature, now: i64) -> Result<(), SignatureFault> {
    let time = made(signature).ok_or(SignatureFault::NoTime)?;
    let first = check_first_key(place.certificate, time, now)?;
    let may_sign = match place.subkey {
        None => first,
        Some(at) => check_subkey(place.certificate, &place.certificate.subkeys[at], time, now)?,
    };
    if may_sign { Ok(()) } else { Err(SignatureFault::NotForSigning) }
}

/// Checks a certificate's first key, and says whether it may sign.
fn check_first_key(certificate: &Certificate, time: i64, now: i64) -> Result<bool, SignatureFault> {
    let key = &certificate.key;
    check_strength(key)?;
    let verify = |signature: &Signature| signature.verify(key, &[&key.signed]);
    let own = |signature: &&Signature| is_from(signature, key);
    let revocations = certificate.signatures.iter().filter(own).filter(|it| it.kind == kind::KEY_REVOCATION);
    if revocations.into_iter().any(|revocation| revokes(revocation, key, verify)) {
        return Err(SignatureFault::Revoked);
    }
    let direct = newest(certificate.signatures.iter().filter(own), now, |signature| {
        signature.kind == kind::DIRECT && verify(signature)
    });
    let user = certificate.users.iter().filter_map(|user| user_binding(key, user, now));
    let user = user.max_by_key(|signature| made(signature));
    let bindings: Vec<&Signature> = user.into_iter().chain(direct).collect();
    if bindings.is_empty() {
        return Err(SignatureFault::Unbound);
    }
    check_life(key, &bindings, time, now)?;
    let flags = bindings.iter().find_map(|binding| binding.key_flags);
    Ok(flags.is_some_and(may_sign))
}

/// The newest signature by which a certificate's owner binds a user ID that was not revoked.
fn user_binding<'a>(key: &PublicKey, user: &'a User, now: i64) -> Option<&'a Signature> {
    let id = &user.id;
    let length = u32::try_from(id.len()).ok()?.to_be_bytes();
    let verify =
        |signature: &Signature| signature.verify(key, &[&key.signed, &[0xb4][..], &length, id.as_slice()]);
    let own = || user.signatures.iter().filter(|signature| is_from(signature, key));
    let mut revocations = own().filter(|signature| signature.kind == kind::CERTIFICATION_REVOCATION);
    if revocations.any(|revocation| revokes(revocation, key, verify)) {
        return None;
    }
    newest(own(), now, |signature| kind::CERTIFICATIONS.contains(&signature.kind) && verify(signature))
}

/// Checks a subkey, and says whether it may sign.
fn check_subkey(
    certificate: &Certificate,
    subkey: &Subkey,
    time: i64,
    now: i64,
) -> Result<bool, SignatureFault> {
    let (first, key) = (&certificate.key, &subkey.key);
    check_strength(key)?;
    let both = [&first.signed[..], &key.signed].concat();
    let verify = |signature: &Signature| signature.verify(first, &[&both]);
    let mut revocations =
        subkey.signatures.iter().filter(|signature| signature.kind == kind::SUBKEY_REVOCATION);
    if revocations.any(|revocation| revokes(revocation, first, verify)) {
        return Err(SignatureFault::Revoked);
    }
    let binding = newest(subkey.signatures.iter(), now, |signature| {
        signature.kind == kind::SUBKEY_BINDING && verify(signature)
    })
    .ok_or(SignatureFault::Unbound)?;
    check_life(key, &[binding], time, now)?;
    if !binding.key_flags.is_some_and(may_sign) {
        return Ok(false);
    }
    let back = binding
        .embedded
        .as_deref()
        .filter(|back| back.kind == kind::KEY_BINDING && is_usable(back, now) && back.verify(key, &[&both]));
    back.map(|_| true).ok_or(SignatureFault::Unbound)
}

/// Whether a certificate's own revocation, by `key`, counts. One that nothing here can check does: nobody but the owner has
/// a reason to put it there, and the damage of a mistake is a message.
fn revokes(revocation: &Signature, key: &PublicKey, verify: impl Fn(&Signature) -> bool) -> bool {
    !revocation.is_checkable(key) || verify(revocation)
}

/// The newest of a certificate's own signatures that count now and that `verify` accepts. The dear check comes last,
/// and only until one passes.
fn newest<'a>(
    signatures: impl Iterator<Item = &'a Signature>,
    now: i64,
    verify: impl Fn(&Signature) -> bool,
) -> Option<&'a Signature> {
    let mut usable: Vec<&Signature> = signatures.filter(|signature| is_usable(signature, now)).collect();
    usable.sort_by_key(|signature| std::cmp::Reverse(made(signature)));
    usable.into_iter().find(|signature| verify(signature))
}

/// Whether a certificate's own signature obeys the rules that hold for all of them. One that is in the future does
/// not count yet.
fn is_usable(signature: &Signature, now: i64) -> bool {
    !signature.has_unknown_marks
        && check_hash(signature).is_ok()
        && made(signature).is_some_and(|time| time <= now.saturating_add(FUTURE))
        && signature_end(signature).is_none_or(|time| time > now)
}

/// Checks that a key lived when the signature was created, and lives now.
fn check_life(key: &PublicKey, bindings: &[&Signature], time: i64, now: i64) -> Result<(), SignatureFault> {
    let born = i64::from(key.born);
    if time < born {
        return Err(SignatureFault::OlderThanKey);
    }
    let lives = bindings.iter().filter_map(|binding| binding.key_life);
    // A life of zero seconds means one without end.
    match lives.filter(|&life| life != 0).min().map(|life| born + i64::from(life)) {
        Some(end) if end <= now || end <= time => Err(SignatureFault::KeyExpired { time: end }),
        _ => Ok(()),
    }
}

fn check_strength(key: &PublicKey) -> Result<(), SignatureFault> {
    match &key.material {
        Material::Rsa { modulus, .. } if bits(modulus) < MINIMUM_RSA_BITS => Err(SignatureFault::WeakKey),
        Material::Dsa => Err(SignatureFault::WeakKey),
        Material::Other => Err(SignatureFault::KeyAlgorithm),
        Material::Rsa { .. } | Material::Ed25519(_) => Ok(()),
    }
}

/// How many bits a number has, which begins with no zero.
fn bits(number: &[u8]) -> usize {
    let first = number.first().map_or(0, |first| first.leading_zeros() as usize);
    8 * number.len() - first
}

fn check_hash(signature: &Signature) -> Result<(), SignatureFault> {
    match signature.hash {
        Hash::SHA256 | Hash::SHA384 | Hash::SHA512 => Ok(()),
        other => Err(SignatureFault::Hash { hash: other.to_string() }),
    }
}

/// Whether a signature names `key` as its maker, or nobody.
fn is_from(signature: &Signature, key: &PublicKey) -> bool {
    let (fingerprints, ids) = &signature.issuers;
    if fingerprints.is_empty() {
        return ids.is_empty() || ids.iter().any(|id| id == key.id());
    }
    fingerprints.contains(&key.fingerprint)
}

/// Whether flags of a key say that it may sign data (section 5.2.3.29).
fn may_sign(flags: u8) -> bool {
    flags & 0x02 != 0
}

/// When a signature was created, in seconds since the beginning of 1970.
fn made(signature: &Signature) -> Option<i64> {
    signature.made.map(i64::from)
}

/// When a signature ends, in seconds since the beginning of 1970; zero seconds of life mean never.
fn signature_end(signature: &Signature) -> Option<i64> {
    let life = signature.life.filter(|&life| life != 0)?;
    Some(made(signature)? + i64::from(life))
}
