//! Signed Release files (RFC 9580, section 7 "Cleartext Signature Framework").
//!
//! ```text
//! file       "-----BEGIN PGP SIGNED MESSAGE-----" headers "" text signature
//! headers    "Hash: " names, any number of lines
//! text       lines; one that starts with "-" is written with "- " before it
//! signature  "-----BEGIN PGP SIGNATURE-----" ... "-----END PGP SIGNATURE-----", and nothing after it
//! ```
//!
//! Stricter than the framework: nothing is before or after, lines end in `\n` alone, and there is one signature
//! block (with any number of signatures). So there is no byte in the file whose meaning two readers could see
//! differently. Blanks at the end of lines are not signed, and are not part of the text that is read.
use invar_tree::Digest;
use pgp::composed::CleartextSignedMessage;
use pgp::packet::Signature;

use crate::date::format_date;
use crate::fingerprint::Fingerprint;
use crate::keyring::{KeyPlace, Keyring};
use crate::policy::{SignatureFault, check_key, check_signature};
use crate::release::{Release, ReleaseError};

const BEGIN: &str = "-----BEGIN PGP SIGNED MESSAGE-----\n";
const SIGNATURE: &str = "\n-----BEGIN PGP SIGNATURE-----\n";
const END: &str = "\n-----END PGP SIGNATURE-----";

/// The most signatures in a file; Debian's own have at most three.
const MAXIMUM_SIGNATURES: usize = 32;

/// How far in the future a Release file's date may be, in seconds, because clocks differ.
const FUTURE: i64 = 86_400;

/// A Release file whose signature and dates were checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedRelease {
    /// What the signed text says.
    pub release: Release,
    /// The certificates whose keys signed it and that were trusted, by their first keys' fingerprints; sorted, each
    /// once, at least one.
    pub signers: Vec<Fingerprint>,
    /// The digest of the whole InRelease file.
    pub digest: Digest,
}

/// Why an InRelease file is not to be trusted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// The file is not signed.
    #[error("the Release file is not signed: expected an InRelease file, which begins with \"{}\"", BEGIN.trim_end())]
    Unsigned,
    /// The file is cut off, has something around the signed part, or is damaged.
    #[error("the InRelease file is damaged: {fault}")]
    Frame {
        /// What is wrong with it.
        fault: FrameFault,
    },
    /// The signature block cannot be read. The reader's own error is not kept: it shows the bytes as a program's dump.
    #[error(
        "cannot read the InRelease file's signature block: it is not base64, or does not contain OpenPGP signatures; \
         the file may be damaged"
    )]
    Syntax,
    /// None of the signatures can be trusted.
    #[error("no trusted key signed the InRelease file{}", listed(.findings))]
    Untrusted {
        /// The signatures, in the file's order, and what is wrong with each.
        findings: Vec<SignatureFinding>,
    },
    /// The signed text is not a Release file.
    #[error(transparent)]
    Release(#[from] ReleaseError),
    /// The file was valid once.
    #[error(
        "the Release file of {suite} expired on {}, and now it is {}: the mirror is out of date, or someone is withholding \
         updates",
        format_date(*.valid_until), format_date(*.now)
    )]
    Expired {
        /// The suite's name for good, or for now.
        suite: String,
        /// The last moment, in seconds since the beginning of 1970.
        valid_until: i64,
        /// The caller's time, in the same seconds.
        now: i64,
    },
    /// The file is from the future.
    #[error(
        "the Release file of {suite} is dated {}, but now it is {}: check this machine's clock",
        format_date(*.date), format_date(*.now)
    )]
    Future {
        /// The suite's name for good, or for now.
        suite: String,
        /// The file's date, in seconds since the beginning of 1970.
        date: i64,
        /// The caller's time, in the same seconds.
        now: i64,
    },
}

/// What is wrong with the form of an InRelease file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameFault {
    /// The bytes are no text.
    #[error("it is not UTF-8")]
    NotUtf8,
    /// There is a carriage return.
    #[error("it contains a carriage return; lines must end with a line feed only")]
    CarriageReturn,
    /// A header is not `Hash`.
    #[error("only \"Hash\" headers and an empty line may precede the signed text")]
    Header,
    /// The signature block is missing, cut off, or not the only one.
    #[error("expected exactly one complete signature block at its end; the download may be incomplete")]
    Block,
    /// A line of the text could be taken for a header or a block.
    #[error("a line of the signed text starts with \"-\" and is not escaped")]
    Dash,
    /// There are more signatures than any real file has.
    #[error("it has more than {MAXIMUM_SIGNATURES} signatures")]
    TooMany,
}

/// A signature that was not trusted, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureFinding {
    /// The key that made it, as it claims itself: a fingerprint or a key ID, in hexadecimal digits.
    pub issuer: Option<String>,
    /// What is wrong with it.
    pub fault: SignatureFault,
}

fn listed(findings: &[SignatureFinding]) -> String {
    if findings.is_empty() {
        return ": it has no signature".to_owned();
    }
    findings
        .iter()
        .map(|SignatureFinding { issuer, fault }| {
            let issuer = issuer.as_deref().unwrap_or("an unnamed key");
            format!("; the signature of {issuer} is rejected: {fault}")
        })
        .collect()
}

/// Checks an InRelease file: that a key of `keyring` signed it, and that it is valid at `now`, in seconds since the
/// beginning of 1970.
///
/// One good signature is enough: while keys change, archives sign with the old and the new.
///
/// # Errors
/// [`SignatureError`], whose text says what to do where that is known. Nothing of the file is returned then.
pub fn verify_in_release(
    bytes: &[u8],
    keyring: &Keyring,
    now: i64,
) -> Result<VerifiedRelease, SignatureError> {
    let message = open(bytes)?;
    // What was hashed is what is read: the text is not looked for in the file a second time.
    let signed = message.signed_text();
    let (mut signers, mut findings) = (Vec::new(), Vec::new());
    for signature in message.signatures() {
        match trusted(signature, keyring, &signed, now) {
            Ok(signer) => signers.push(signer),
            Err(fault) => findings.push(SignatureFinding { issuer: issuer(signature), fault }),
        }
    }
    if signers.is_empty() {
        return Err(SignatureError::Untrusted { findings });
    }
    signers.sort();
    signers.dedup();

    let release = Release::parse(&signed.replace("\r\n", "\n"))?;
    check_dates(&release, now)?;
    Ok(VerifiedRelease { release, signers, digest: Digest::of(bytes) })
}

/// What an InRelease file says whose bytes are known, since a lock names their digest: its signature was checked when
/// the lock was created.
///
/// # Errors
/// [`SignatureError`] for a file that has not the form of one.
pub fn locked_release(bytes: &[u8]) -> Result<Release, SignatureError> {
    Ok(Release::parse(&open(bytes)?.signed_text().replace("\r\n", "\n"))?)
}

/// A signed file of the right form, nothing of which is believed yet.
fn open(bytes: &[u8]) -> Result<CleartextSignedMessage, SignatureError> {
    let frame = |fault| SignatureError::Frame { fault };
    if !bytes.starts_with(BEGIN.as_bytes()) {
        return Err(SignatureError::Unsigned);
    }
    let file = std::str::from_utf8(bytes).map_err(|_| frame(FrameFault::NotUtf8))?;
    check_frame(file).map_err(frame)?;
    let (message, _) = CleartextSignedMessage::from_string(file).map_err(|_| SignatureError::Syntax)?;
    if message.signatures().len() > MAXIMUM_SIGNATURES {
        return Err(frame(FrameFault::TooMany));
    }
    Ok(message)
}

/// Checks the outer form, so that the signed text is what anyone would take for it.
fn check_frame(file: &str) -> Result<(), FrameFault> {
    if file.contains('\r') {
        return Err(FrameFault::CarriageReturn);
    }
    let rest = file.strip_prefix(BEGIN).ok_or(FrameFault::Header)?;
    let (headers, rest) = match rest.strip_prefix('\n') {
        Some(rest) => ("", rest),
        None => rest.split_once("\n\n").ok_or(FrameFault::Header)?,
    };
    if headers.lines().any(|line| !line.starts_with("Hash: ")) {
        return Err(FrameFault::Header);
    }
    let (text, block) = rest.split_once(SIGNATURE).ok_or(FrameFault::Block)?;
    let (block, after) = block.split_once(END).ok_or(FrameFault::Block)?;
    if !after.trim_matches('\n').is_empty() || block.contains("-----") {
        return Err(FrameFault::Block);
    }
    if text.lines().any(|line| line.starts_with('-') && !line.starts_with("- ")) {
        return Err(FrameFault::Dash);
    }
    Ok(())
}

/// The certificate of the trusted key that made a signature of `text`.
fn trusted(
    signature: &Signature,
    keyring: &Keyring,
    text: &str,
    now: i64,
) -> Result<Fingerprint, SignatureFault> {
    check_signature(signature, now)?;
    let (fingerprints, ids) = (signature.issuer_fingerprint(), signature.issuer_key_id());
    let places = match (&fingerprints[..], &ids[..]) {
        ([], []) => return Err(SignatureFault::NoIssuer),
        // A key ID is only asked for where there is nothing better: anyone can make a key with a given one.
        ([], ids) => keyring.by_key_id(ids),
        (fingerprints, _) => keyring.by_fingerprint(fingerprints),
    };
    let mut fault = SignatureFault::UnknownKey;
    for place in places {
        match check_key(place, signature, now).and_then(|()| check_text(place, signature, text)) {
            Ok(()) => {
                use pgp::types::KeyDetails as _;
                return Ok((&place.certificate.fingerprint()).into());
            }
            Err(found) => fault = found,
        }
    }
    Err(fault)
}

fn check_text(place: KeyPlace<'_>, signature: &Signature, text: &str) -> Result<(), SignatureFault> {
    let result = match place.subkey {
        None => signature.verify(&place.certificate.primary_key, text.as_bytes()),
        Some(at) => signature.verify(&place.certificate.public_subkeys[at].key, text.as_bytes()),
    };
    result.map_err(|_| SignatureFault::Mismatch)
}

/// Who made a signature, as it claims itself.
fn issuer(signature: &Signature) -> Option<String> {
    let fingerprint =
        signature.issuer_fingerprint().first().map(|&fingerprint| Fingerprint::from(fingerprint));
    let id = || signature.issuer_key_id().first().map(|id| id.to_string().to_uppercase());
    fingerprint.map(|fingerprint| fingerprint.to_string()).or_else(id)
}

fn check_dates(release: &Release, now: i64) -> Result<(), SignatureError> {
    let suite = || {
        let name = release.codename.as_ref().or(release.suite.as_ref());
        name.map_or_else(|| "an unnamed suite".to_owned(), |name| format!("\"{name}\""))
    };
    match release.valid_until {
        Some(valid_until) if valid_until < now => {
            return Err(SignatureError::Expired { suite: suite(), valid_until, now });
        }
        _ => {}
    }
    if release.date > now.saturating_add(FUTURE) {
        return Err(SignatureError::Future { suite: suite(), date: release.date, now });
    }
    Ok(())
}
