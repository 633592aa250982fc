//! InRelease files: a real one of Debian's, and forged ones that break one rule each.
#![expect(clippy::unwrap_used, reason = "what a test cannot make, it cannot test")]
use invar_apt::{FrameFault, Keyring, SignatureError, SignatureFault, VerifiedRelease, verify_in_release};
use invar_tree::Digest;
use pgp::composed::{
    ArmorOptions, CleartextSignedMessage, SignedKeyDetails, SignedPublicKey, SignedPublicSubKey,
};
use pgp::crypto::ed25519::{Mode, SecretKey as Ed25519};
use pgp::crypto::hash::HashAlgorithm;
use pgp::crypto::public_key::PublicKeyAlgorithm;
use pgp::packet::{
    KeyFlags, Notation, PubKeyInner, PublicKey, PublicSubkey, SecretKey, SecretSubkey, Signature,
    SignatureConfig, SignatureType, Subpacket, SubpacketData, UserId,
};
use pgp::ser::Serialize;
use pgp::types::{
    Duration, KeyDetails, KeyVersion, Password, PlainSecretParams, PublicParams, SecretParams, SignedUser,
    Tag, Timestamp,
};

/// A day of the real file's life.
const NOW: i64 = 1_795_300_000;
const NOW_SHORT: u32 = 1_795_300_000;
const DAY: u32 = 86_400;

const TEXT: &str = "Suite: stable\nCodename: example\nDate: Sat, 21 Nov 2026 02:10:46 UTC\n\
    Valid-Until: Sat, 28 Nov 2026 02:10:46 UTC\n- a: starts with a hyphen\nSHA256:\n";

const REAL: &[u8] = include_bytes!("fixtures/trixie-updates.InRelease");

/// A key pair with which tests sign.
struct Pair {
    first: SecretKey,
    sub: SecretSubkey,
}

/// What a certificate says of its keys; the default breaks no rule.
struct Rules {
    born: u32,
    life: Option<u32>,
    flags: Option<bool>,
    hash: HashAlgorithm,
    made: u32,
    critical_notation: bool,
    revoked: bool,
    user_revoked: bool,
    sub_life: Option<u32>,
    sub_signs: bool,
    sub_revoked: bool,
    /// Which pair's subkey signs back; nobody if absent.
    back: Option<u8>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            born: NOW_SHORT - 100 * DAY,
            life: Some(1000 * DAY),
            flags: Some(true),
            hash: HashAlgorithm::Sha512,
            made: NOW_SHORT - 50 * DAY,
            critical_notation: false,
            revoked: false,
            user_revoked: false,
            sub_life: None,
            sub_signs: true,
            sub_revoked: false,
            back: Some(1),
        }
    }
}

fn parameters(seed: u8) -> (PublicParams, SecretParams) {
    let secret = Ed25519::try_from_bytes([seed; 32], Mode::Ed25519).unwrap();
    (PublicParams::Ed25519((&secret).into()), SecretParams::Plain(PlainSecretParams::Ed25519(secret)))
}

fn inner(seed: u8, born: u32) -> PubKeyInner {
    let born = Timestamp::from_secs(born);
    PubKeyInner::new(KeyVersion::V4, PublicKeyAlgorithm::Ed25519, born, None, parameters(seed).0).unwrap()
}

/// The keys of a seed. They are built from the seed alone, so that no test depends on chance.
fn pair(seed: u8, born: u32) -> Pair {
    let first = PublicKey::from_inner(inner(seed, born)).unwrap();
    let sub = PublicSubkey::from_inner(inner(seed + 100, born)).unwrap();
    Pair {
        first: SecretKey::new(first, parameters(seed).1).unwrap(),
        sub: SecretSubkey::new(sub, parameters(seed + 100).1).unwrap(),
    }
}

fn mark(data: SubpacketData) -> Subpacket {
    Subpacket::regular(data).unwrap()
}

/// A signature to be made, by `key` at `made`.
fn config(kind: SignatureType, key: &impl KeyDetails, made: u32, hash: HashAlgorithm) -> SignatureConfig {
    let mut config = SignatureConfig::v4(kind, PublicKeyAlgorithm::Ed25519, hash);
    config.hashed_subpackets = vec![
        mark(SubpacketData::SignatureCreationTime(Timestamp::from_secs(made))),
        mark(SubpacketData::IssuerFingerprint(key.fingerprint())),
    ];
    config
}

fn flags(sign: bool) -> Subpacket {
    let mut flags = KeyFlags::default();
    flags.set_certify(true);
    flags.set_sign(sign);
    mark(SubpacketData::KeyFlags(flags))
}

/// The certificate of a pair.
fn certificate(pair: &Pair, rules: &Rules) -> Keyring {
    let none = Password::empty();
    let (first, sub) = (pair.first.public_key(), pair.sub.public_key());
    let user = UserId::from_str(Default::default(), "Test <test@mirror.example>").unwrap();
    let own = |kind| config(kind, first, rules.made, rules.hash);

    let mut certification = own(SignatureType::CertPositive);
    certification.hashed_subpackets.extend(rules.flags.map(flags));
    let life = |seconds| mark(SubpacketData::KeyExpirationTime(Duration::from_secs(seconds)));
    certification.hashed_subpackets.extend(rules.life.map(life));
    if rules.critical_notation {
        let notation = Notation { readable: true, name: "a@mirror.example".into(), value: "b".into() };
        certification.hashed_subpackets.push(Subpacket::critical(SubpacketData::Notation(notation)).unwrap());
    }
    let mut certifications =
        vec![certification.sign_certification(&pair.first, first, &none, Tag::UserId, &user).unwrap()];
    if rules.user_revoked {
        let revocation = own(SignatureType::CertRevocation);
        certifications
            .push(revocation.sign_certification(&pair.first, first, &none, Tag::UserId, &user).unwrap());
    }
    let mut revocations = Vec::new();
    if rules.revoked {
        revocations.push(own(SignatureType::KeyRevocation).sign_key(&pair.first, &none, first).unwrap());
    }
    // As Debian's: it names no flags and no life, and is newer than what does.
    let mut direct = own(SignatureType::Key);
    direct.hashed_subpackets[0] =
        mark(SubpacketData::SignatureCreationTime(Timestamp::from_secs(rules.made + 5)));
    let direct = direct.sign_key(&pair.first, &none, first).unwrap();

    let mut binding = own(SignatureType::SubkeyBinding);
    binding.hashed_subpackets.push(flags(rules.sub_signs));
    binding.hashed_subpackets.extend(rules.sub_life.map(life));
    if let Some(seed) = rules.back {
        let signer = self::pair(seed, rules.born).sub;
        let back = config(SignatureType::KeyBinding, sub, rules.made, rules.hash);
        let back = back.sign_primary_key_binding(&signer, sub, &none, first).unwrap();
        binding.hashed_subpackets.push(mark(SubpacketData::EmbeddedSignature(Box::new(back))));
    }
    let mut bindings = vec![binding.sign_subkey_binding(&pair.first, first, &none, sub).unwrap()];
    if rules.sub_revoked {
        let revocation = own(SignatureType::SubkeyRevocation);
        bindings.push(revocation.sign_subkey_binding(&pair.first, first, &none, sub).unwrap());
    }
    let users = vec![SignedUser::new(user, certifications)];
    let details = SignedKeyDetails::new(revocations, vec![direct], users, Vec::new());
    let subkeys = vec![SignedPublicSubKey::new(sub.clone(), bindings)];
    let certificate = SignedPublicKey::new(first.clone(), details, subkeys);
    Keyring::parse(&certificate.to_bytes().unwrap()).unwrap()
}

fn signed(text: &str, signatures: Vec<Signature>) -> String {
    let message = CleartextSignedMessage::new_many(text, |_| Ok(signatures)).unwrap();
    message.to_armored_string(ArmorOptions::default()).unwrap()
}

fn text_signature(pair: &Pair, text: &str, change: impl FnOnce(&mut SignatureConfig)) -> Signature {
    let mut config =
        config(SignatureType::Text, pair.first.public_key(), NOW_SHORT - DAY, HashAlgorithm::Sha256);
    change(&mut config);
    config.sign(&pair.first, &Password::empty(), text.replace('\n', "\r\n").as_bytes()).unwrap()
}

fn sub_signature(pair: &Pair, text: &str) -> Signature {
    let config = config(SignatureType::Text, pair.sub.public_key(), NOW_SHORT - DAY, HashAlgorithm::Sha256);
    config.sign(&pair.sub, &Password::empty(), text.replace('\n', "\r\n").as_bytes()).unwrap()
}

/// The faults of a file that nobody trusts.
fn faults(result: Result<VerifiedRelease, SignatureError>) -> Vec<SignatureFault> {
    match result {
        Err(SignatureError::Untrusted { findings }) => {
            findings.into_iter().map(|finding| finding.fault).collect()
        }
        other => panic!("expected an untrusted file, found {other:?}"),
    }
}

fn plain() -> (Pair, Keyring, String) {
    let rules = Rules::default();
    let pair = pair(1, rules.born);
    let keyring = certificate(&pair, &rules);
    let text = TEXT.replace("- a", "Note");
    let file = signed(&text, vec![text_signature(&pair, &text, |_| {})]);
    (pair, keyring, file)
}

#[test]
fn debians_own_file_is_trusted() {
    let verified = verify_in_release(REAL, &Keyring::debian(), NOW).unwrap();
    let signers: Vec<String> = verified.signers.iter().map(ToString::to_string).collect();
    assert_eq!(
        signers,
        ["04B54C3CDCA79751B16BC6B5225629DF75B188BD", "B8B80B5B623EAB6AD8775C45B7C5D7D6350947F8"],
        "the automatic keys of releases 13 and 12"
    );
    assert_eq!(verified.digest, Digest::of(REAL));
    let release = verified.release;
    assert_eq!(release.codename.as_ref().unwrap().as_str(), "trixie-updates");
    assert_eq!((release.date, release.valid_until), (1_795_227_046, Some(1_795_831_846)));
    assert!(release.acquire_by_hash);
    assert!(release.file("main/binary-amd64/Packages.xz").is_some());
    assert!(release.files.len() > 300, "{}", release.files.len());
}

#[test]
fn debians_own_file_is_not_trusted_when_one_bit_is_flipped() {
    let at = REAL.windows(4).position(|window| window == b"main").unwrap();
    let mut flipped = REAL.to_vec();
    flipped[at] ^= 1;
    let found = faults(verify_in_release(&flipped, &Keyring::debian(), NOW));
    assert_eq!(found, [SignatureFault::Mismatch, SignatureFault::Mismatch]);
    let ours = certificate(&pair(1, 1), &Rules::default());
    let found = faults(verify_in_release(REAL, &ours, NOW));
    assert_eq!(found, [SignatureFault::UnknownKey, SignatureFault::UnknownKey]);
}

#[test]
fn debians_own_file_expires() {
    let late = verify_in_release(REAL, &Keyring::debian(), 1_795_831_847).unwrap_err();
    assert_eq!(
        late.to_string(),
        "the Release file of \"trixie-updates\" expired on Sat, 28 Nov 2026 02:10:46 UTC, and now it is Sat, \
         28 Nov 2026 02:10:47 UTC: the mirror is out of date, or someone is withholding updates"
    );
    let never = verify_in_release(REAL, &Keyring::debian(), 4_000_000_000);
    assert!(faults(never).iter().all(|fault| matches!(fault, SignatureFault::KeyExpired { .. })));
    let early = verify_in_release(REAL, &Keyring::debian(), 1_795_000_000);
    assert!(faults(early).iter().all(|fault| matches!(fault, SignatureFault::Future { .. })));
}

#[test]
fn a_forged_file_of_a_known_key_is_trusted() {
    let (pair, keyring, file) = plain();
    let verified = verify_in_release(file.as_bytes(), &keyring, NOW).unwrap();
    assert_eq!(verified.signers, keyring.fingerprints());
    assert_eq!(verified.release.codename.unwrap().as_str(), "example");

    let text = TEXT.replace("- a", "Note");
    let binary = text_signature(&pair, &text, |config| config.typ = SignatureType::Binary);
    verify_in_release(signed(&text, vec![binary]).as_bytes(), &keyring, NOW).unwrap();
    let sub = sub_signature(&pair, &text);
    verify_in_release(signed(&text, vec![sub]).as_bytes(), &keyring, NOW).unwrap();
}

#[test]
fn one_trusted_signature_among_others_is_enough() {
    let (pair, keyring, _) = plain();
    let text = TEXT.replace("- a", "Note");
    let stranger = text_signature(&self::pair(2, NOW_SHORT - DAY), &text, |_| {});
    let broken = text_signature(&pair, "another text", |_| {});
    let good = text_signature(&pair, &text, |_| {});
    let file = signed(&text, vec![stranger.clone(), broken.clone(), good.clone(), good]);
    assert_eq!(verify_in_release(file.as_bytes(), &keyring, NOW).unwrap().signers.len(), 1);
    let error =
        verify_in_release(signed(&text, vec![stranger, broken]).as_bytes(), &keyring, NOW).unwrap_err();
    let message = error.to_string();
    assert!(message.starts_with("no trusted key signed the InRelease file; the signature of "), "{message}");
    assert!(message.contains("its key is not in the keyring; the signature of "), "{message}");
    assert!(
        message.ends_with("does not match the text: the text was modified, or the signature is damaged"),
        "{message}"
    );
}

#[test]
fn escaped_lines_are_read_without_the_escape() {
    let (pair, keyring, _) = plain();
    let file = signed(TEXT, vec![text_signature(&pair, TEXT, |_| {})]);
    assert!(file.contains("\n- - a: starts"));
    let error = verify_in_release(file.as_bytes(), &keyring, NOW).unwrap_err();
    let SignatureError::Release(error) = error else { panic!("{error}") };
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(source, "line 5: expected \"Name: value\", found \"- a: starts with a hyphen\"");
}

#[test]
fn signatures_that_break_a_rule_do_not_count() {
    let (pair, keyring, _) = plain();
    let text = TEXT.replace("- a", "Note");
    let check = |expected: SignatureFault, change: &dyn Fn(&mut SignatureConfig)| {
        let file = signed(&text, vec![text_signature(&pair, &text, change)]);
        assert_eq!(faults(verify_in_release(file.as_bytes(), &keyring, NOW)), [expected]);
    };
    let made = |time: i64| {
        let time = u32::try_from(time).unwrap();
        mark(SubpacketData::SignatureCreationTime(Timestamp::from_secs(time)))
    };
    check(SignatureFault::Hash { hash: "SHA3-256".to_owned() }, &|config| {
        config.hash_alg = HashAlgorithm::Sha3_256
    });
    let user = UserId::from_str(Default::default(), "Test").unwrap();
    let first = pair.first.public_key();
    let other = config(SignatureType::CertPositive, first, NOW_SHORT - DAY, HashAlgorithm::Sha256);
    let other = other.sign_certification(&pair.first, first, &Password::empty(), Tag::UserId, &user).unwrap();
    let file = signed(&text, vec![other]);
    assert_eq!(faults(verify_in_release(file.as_bytes(), &keyring, NOW)), [SignatureFault::Kind]);
    check(SignatureFault::NoIssuer, &|config| config.hashed_subpackets.truncate(1));
    check(SignatureFault::NoTime, &|config| {
        config.hashed_subpackets.remove(0);
    });
    check(SignatureFault::Future { time: NOW + 86_401 }, &|config| {
        config.hashed_subpackets[0] = made(NOW + 86_401)
    });
    check(SignatureFault::OlderThanKey, &|config| config.hashed_subpackets[0] = made(NOW - 101 * 86_400));
    check(SignatureFault::Expired { time: NOW - 86_390 }, &|config| {
        config.hashed_subpackets.push(mark(SubpacketData::SignatureExpirationTime(Duration::from_secs(10))));
    });
    check(SignatureFault::Kind, &|config| {
        let notation = Notation { readable: true, name: "a@mirror.example".into(), value: "b".into() };
        config.hashed_subpackets.push(Subpacket::critical(SubpacketData::Notation(notation)).unwrap());
    });
    // A key ID is enough only where no fingerprint contradicts it.
    check(SignatureFault::UnknownKey, &|config| {
        let other = self::pair(2, 1).first.public_key().fingerprint();
        config.hashed_subpackets[1] = mark(SubpacketData::IssuerFingerprint(other));
        config.unhashed_subpackets = vec![mark(SubpacketData::IssuerKeyId(pair.first.legacy_key_id()))];
    });
    let by_id = text_signature(&pair, &text, |config| {
        config.hashed_subpackets[1] = mark(SubpacketData::IssuerKeyId(pair.first.legacy_key_id()));
    });
    verify_in_release(signed(&text, vec![by_id]).as_bytes(), &keyring, NOW).unwrap();
}

#[test]
fn keys_that_break_a_rule_do_not_count() {
    let text = TEXT.replace("- a", "Note");
    let expired = |time| SignatureFault::KeyExpired { time };
    // What the first key is told, what the subkey is told, and the rules.
    type Verdict = Option<SignatureFault>;
    let check = |first: Verdict, sub: Verdict, rules: Rules| {
        let pair = pair(1, rules.born);
        let keyring = certificate(&pair, &rules);
        for (signature, expected) in
            [(text_signature(&pair, &text, |_| {}), first), (sub_signature(&pair, &text), sub)]
        {
            let result = verify_in_release(signed(&text, vec![signature]).as_bytes(), &keyring, NOW);
            match expected {
                None => assert!(result.is_ok(), "{result:?}"),
                Some(fault) => assert_eq!(faults(result), [fault]),
            }
        }
    };
    let both = |fault: SignatureFault, rules| check(Some(fault.clone()), Some(fault), rules);
    let end = NOW - 100 * 86_400 + 20 * 86_400;
    both(expired(end), Rules { life: Some(20 * DAY), ..Rules::default() });
    both(SignatureFault::Revoked, Rules { revoked: true, ..Rules::default() });
    // The signature directly on the key still binds it, but says nothing of signing.
    check(Some(SignatureFault::NotForSigning), None, Rules { user_revoked: true, ..Rules::default() });
    both(SignatureFault::Unbound, Rules { hash: HashAlgorithm::Sha3_256, ..Rules::default() });
    both(SignatureFault::Unbound, Rules { made: NOW_SHORT + 2 * DAY, ..Rules::default() });
    check(Some(SignatureFault::NotForSigning), None, Rules { critical_notation: true, ..Rules::default() });
    check(Some(SignatureFault::NotForSigning), None, Rules { flags: Some(false), ..Rules::default() });
    check(Some(SignatureFault::NotForSigning), None, Rules { flags: None, ..Rules::default() });
    check(None, None, Rules { life: Some(0), ..Rules::default() });
    check(None, None, Rules { life: None, ..Rules::default() });
    check(None, Some(expired(end)), Rules { sub_life: Some(20 * DAY), ..Rules::default() });
    check(None, Some(SignatureFault::NotForSigning), Rules { sub_signs: false, ..Rules::default() });
    check(None, Some(SignatureFault::Revoked), Rules { sub_revoked: true, ..Rules::default() });
    check(None, Some(SignatureFault::Unbound), Rules { back: None, ..Rules::default() });
    check(None, Some(SignatureFault::Unbound), Rules { back: Some(2), ..Rules::default() });
}

#[test]
fn the_form_is_strict() {
    let (_, keyring, file) = plain();
    let check = |file: &str, expected: FrameFault| match verify_in_release(file.as_bytes(), &keyring, NOW) {
        Err(SignatureError::Frame { fault }) => assert_eq!(fault, expected, "{file}"),
        other => panic!("expected {expected:?}, found {other:?} for {file}"),
    };
    let text = file.split("\n\n").nth(1).unwrap();
    for unsigned in ["", "Suite: stable\n", text, &format!("junk\n{file}"), &format!("\n{file}")] {
        let error = verify_in_release(unsigned.as_bytes(), &keyring, NOW).unwrap_err();
        assert!(matches!(error, SignatureError::Unsigned), "{error}");
    }
    check(&format!("{file}junk\n"), FrameFault::Block);
    check(&format!("{file}{file}"), FrameFault::Block);
    check(&file.replace('\n', "\r\n").replacen("\r\n", "\n", 1), FrameFault::CarriageReturn);
    check(&file.replace("Suite: ", "Suite:\r"), FrameFault::CarriageReturn);
    check(&file.replace("Hash:", "Comment:"), FrameFault::Header);
    check(&file.replace("Suite:", "-----BEGIN OTHER-----\nSuite:"), FrameFault::Dash);
    for length in 60..file.len() - 2 {
        if file.is_char_boundary(length) {
            let cut = verify_in_release(&file.as_bytes()[..length], &keyring, NOW);
            assert!(matches!(cut, Err(SignatureError::Frame { .. })), "{length}: {cut:?}");
        }
    }
    let mut bytes = file.clone().into_bytes();
    bytes[100] = 0xff;
    let error = verify_in_release(&bytes, &keyring, NOW).unwrap_err();
    assert!(matches!(error, SignatureError::Frame { fault: FrameFault::NotUtf8 }), "{error}");
    let start = file.find("\n\n").map(|_| file.rfind("-----BEGIN").unwrap()).unwrap();
    let body = file[start..].find("\n\n").unwrap() + start + 2;
    let damaged = format!("{}!!!!{}", &file[..body], &file[body + 4..]);
    let error = verify_in_release(damaged.as_bytes(), &keyring, NOW).unwrap_err();
    assert!(matches!(error, SignatureError::Syntax | SignatureError::Untrusted { .. }), "{error}");
}

#[test]
fn broken_armour_is_reported_in_a_plain_sentence() {
    let (_, keyring, file) = plain();
    let start = file.rfind("-----BEGIN").unwrap();
    let body = file[start..].find("\n\n").unwrap() + start + 2;
    let end = file.rfind("\n-----END").unwrap();
    for damaged in [
        // Nothing, no base64, half a character, packets that end early, another kind of packet, no headers' end.
        format!("{}{}", &file[..body], &file[end..]),
        format!("{}!!!!{}", &file[..body], &file[end..]),
        format!("{}QUI{}", &file[..body], &file[end..]),
        format!("{}QUI={}", &file[..body], &file[end..]),
        format!("{}=QUJD{}", &file[..body], &file[end..]),
        format!("{}{}", &file[..body + 20], &file[end..]),
        format!("{}ygNQR1A={}", &file[..body], &file[end..]),
        format!("{}{}", &file[..body - 1], &file[body..]),
        format!("{}!!!!{}", &file[..end - 4], &file[end..]),
        format!("{}\n=AAAA{}", &file[..end], &file[end..]),
    ] {
        let error = verify_in_release(damaged.as_bytes(), &keyring, NOW).unwrap_err();
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            text += &format!(": {error}");
            cause = error.source();
        }
        assert!(!text.contains(['[', '{']), "{damaged}\n{text}");
        assert_eq!(text.contains("cannot read"), matches!(error, SignatureError::Syntax), "{text}");
    }
    let error = verify_in_release(format!("{}!!!!{}", &file[..body], &file[end..]).as_bytes(), &keyring, NOW);
    assert_eq!(
        error.unwrap_err().to_string(),
        "cannot read the InRelease file's signature block: it is not base64, or does not contain OpenPGP signatures; \
         the file may be damaged"
    );
}

#[test]
fn the_dates_are_checked() {
    let (pair, keyring, _) = plain();
    let check = |from: &str, to: &str| {
        let text = TEXT.replace("- a", "Note").replace(from, to);
        let file = signed(&text, vec![text_signature(&pair, &text, |_| {})]);
        verify_in_release(file.as_bytes(), &keyring, NOW)
    };
    let weekday = check("Sat, 28", "Sun, 28").unwrap_err();
    assert!(matches!(weekday, SignatureError::Release(_)), "{weekday}");
    let expired = check("Until: Sat, 28 Nov", "Until: Sat, 21 Nov").unwrap_err();
    assert!(
        matches!(expired, SignatureError::Expired { valid_until: 1_795_227_046, now: NOW, .. }),
        "{expired}"
    );
    let future = check("Date: Sat, 21", "Date: Sat, 28").unwrap_err();
    assert!(matches!(future, SignatureError::Future { date: 1_795_831_846, .. }), "{future}");
    let missing = check("Date:", "Other:").unwrap_err();
    assert_eq!(missing.to_string(), "the Release file has no field \"Date\"");
    check("Valid-Until", "Other").unwrap();
}
