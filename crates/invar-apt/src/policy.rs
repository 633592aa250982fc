//! Whether an OpenPGP key may sign a Release file.
//!
//! The library below checks only the mathematics of one signature by one key. The rules are here (RFC 9580,
//! sections 5.2 "Signature Packet" and 10.1 "Transferable Public Keys"):
//!
//! * Only signatures over SHA-256, SHA-384 or SHA-512 count; RSA keys have at least 2048 bits.
//! * A certificate's own signatures show how long its first key lasts and what it may do. The newest that binds a user
//!   and the newest directly on the key both count, and the stricter wins: the second kind often only names revokers.
//!   Other people's signatures on a certificate say nothing here.
//! * Any revocation by the certificate itself counts, whatever its reason, date or hash. One by a designated other
//!   key is not looked for.
//! * A subkey is bound by the newest signature of the first key over it, must be marked for signing there, and must
//!   sign the first key back, so that nobody can adopt another's subkey.
//! * Marks that a signature calls critical and this program does not know make it void.
use pgp::composed::{SignedPublicKey, SignedPublicSubKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{Signature, SignatureType, SignatureVersion, SubpacketData};
use pgp::ser::Serialize;
use pgp::types::{KeyDetails, PublicParams, Tag};

use crate::date::format_date;
use crate::keyring::KeyPlace;

/// The shortest length of an RSA key's parameters as they are stored: 2048 bits, and the length before them.
const MINIMUM_RSA_LENGTH: usize = 2 + 256;

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
        "its type is not accepted: expected a text signature of version 4 or 6 without unknown critical subpackets"
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
    let kind = matches!(signature.version(), SignatureVersion::V4 | SignatureVersion::V6)
        && matches!(signature.typ(), Some(SignatureType::Text | SignatureType::Binary));
    if !kind || !is_understood(signature) {
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
        Some(at) => check_subkey(place.certificate, &place.certificate.public_subkeys[at], time, now)?,
    };
    if may_sign { Ok(()) } else { Err(SignatureFault::NotForSigning) }
}

/// Checks a certificate's first key, and says whether it may sign.
fn check_first_key(certificate: &SignedPublicKey, time: i64, now: i64) -> Result<bool, SignatureFault> {
    let key = &certificate.primary_key;
    let details = &certificate.details;
    check_strength(key.public_params())?;
    let own = |signature: &&Signature| is_from(signature, key);
    if details.revocation_signatures.iter().filter(own).any(|revocation| revocation.verify_key(key).is_ok()) {
        return Err(SignatureFault::Revoked);
    }
    let direct = newest(details.direct_signatures.iter().filter(own), now, |signature| {
        signature.typ() == Some(SignatureType::Key) && signature.verify_key(key).is_ok()
    });
    let users = details.users.iter().filter_map(|user| {
        let verify =
            |signature: &&Signature| signature.verify_certification(key, Tag::UserId, &user.id).is_ok();
        let is_revocation = |signature: &&Signature| signature.typ() == Some(SignatureType::CertRevocation);
        if user.signatures.iter().filter(own).filter(is_revocation).any(|revocation| verify(&revocation)) {
            return None;
        }
        newest(user.signatures.iter().filter(own), now, |signature| {
            !is_revocation(&signature) && verify(&signature)
        })
    });
    let user = users.max_by_key(|signature| made(signature));
    let bindings: Vec<&Signature> = user.into_iter().chain(direct).collect();
    if bindings.is_empty() {
        return Err(SignatureFault::Unbound);
    }
    check_life(key, &bindings, time, now)?;
    let flags = bindings.iter().find(|binding| has_flags(binding));
    Ok(flags.is_some_and(|binding| binding.key_flags().sign()))
}

/// Checks a subkey, and says whether it may sign.
fn check_subkey(
    certificate: &SignedPublicKey,
    subkey: &SignedPublicSubKey,
    time: i64,
    now: i64,
) -> Result<bool, SignatureFault> {
    let (first, key) = (&certificate.primary_key, &subkey.key);
    check_strength(key.public_params())?;
    let verify = |signature: &Signature, kind| {
        signature.typ() == Some(kind) && signature.verify_subkey_binding(first, key).is_ok()
    };
    if subkey.signatures.iter().any(|signature| verify(signature, SignatureType::SubkeyRevocation)) {
        return Err(SignatureFault::Revoked);
    }
    let binding =
        newest(subkey.signatures.iter(), now, |signature| verify(signature, SignatureType::SubkeyBinding))
            .ok_or(SignatureFault::Unbound)?;
    check_life(key, &[binding], time, now)?;
    if !binding.key_flags().sign() {
        return Ok(false);
    }
    let back = binding
        .embedded_signature()
        .filter(|back| is_usable(back, now) && back.verify_primary_key_binding(key, first).is_ok());
    back.map(|_| true).ok_or(SignatureFault::Unbound)
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
    is_understood(signature)
        && check_hash(signature).is_ok()
        && made(signature).is_some_and(|time| time <= now.saturating_add(FUTURE))
        && signature_end(signature).is_none_or(|time| time > now)
}

/// Checks that a key lived when the signature was created, and lives now.
fn check_life(
    key: &impl KeyDetails,
    bindings: &[&Signature],
    time: i64,
    now: i64,
) -> Result<(), SignatureFault> {
    let born = i64::from(key.created_at().as_secs());
    if time < born {
        return Err(SignatureFault::OlderThanKey);
    }
    let lives =
        bindings.iter().filter_map(|binding| binding.key_expiration_time()).map(|life| life.as_secs());
    // A life of zero seconds means one without end.
    match lives.filter(|&life| life != 0).min().map(|life| born + i64::from(life)) {
        Some(end) if end <= now || end <= time => Err(SignatureFault::KeyExpired { time: end }),
        _ => Ok(()),
    }
}

fn check_strength(parameters: &PublicParams) -> Result<(), SignatureFault> {
    match parameters {
        PublicParams::RSA(rsa) if rsa.write_len() < MINIMUM_RSA_LENGTH => Err(SignatureFault::WeakKey),
        PublicParams::DSA(_) => Err(SignatureFault::WeakKey),
        _ => Ok(()),
    }
}

fn check_hash(signature: &Signature) -> Result<(), SignatureFault> {
    match signature.hash_alg() {
        Some(HashAlgorithm::Sha256 | HashAlgorithm::Sha384 | HashAlgorithm::Sha512) => Ok(()),
        Some(other) => Err(SignatureFault::Hash { hash: other.to_string() }),
        None => Err(SignatureFault::Kind),
    }
}

/// Whether every mark that the signature calls critical is known. Notations are not: a critical one is a condition
/// that nobody here can judge.
fn is_understood(signature: &Signature) -> bool {
    signature.config().is_some_and(|config| {
        config.hashed_subpackets().filter(|mark| mark.is_critical).all(|mark| {
            !matches!(
                mark.data,
                SubpacketData::Notation(_) | SubpacketData::Experimental(..) | SubpacketData::Other(..)
            )
        })
    })
}

/// Whether a signature names `key` as its maker, or nobody.
fn is_from(signature: &Signature, key: &impl KeyDetails) -> bool {
    let fingerprints = signature.issuer_fingerprint();
    if fingerprints.is_empty() {
        let ids = signature.issuer_key_id();
        return ids.is_empty() || ids.contains(&&key.legacy_key_id());
    }
    fingerprints.contains(&&key.fingerprint())
}

fn has_flags(signature: &Signature) -> bool {
    signature.config().is_some_and(|config| {
        config.hashed_subpackets().any(|mark| matches!(mark.data, SubpacketData::KeyFlags(_)))
    })
}

/// When a signature was created, in seconds since the beginning of 1970.
fn made(signature: &Signature) -> Option<i64> {
    signature.created().map(|time| i64::from(time.as_secs()))
}

/// When a signature ends, in seconds since the beginning of 1970; zero seconds of life mean never.
fn signature_end(signature: &Signature) -> Option<i64> {
    let life = signature.signature_expiration_time()?.as_secs();
    if life == 0 { None } else { Some(made(signature)? + i64::from(life)) }
}
