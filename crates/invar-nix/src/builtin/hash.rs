//! Hashes and how they are written.
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, PAD};
use sha2::Digest;

use super::lists::fail;
use super::{Builtin, builtin};
use crate::error::Outcome;
use crate::evaluator::Evaluator;
use crate::ids::ThunkId;
use crate::place::Spot;
use crate::value::Value;

/// The digits of Nix's base 32.
const NIX32: &[u8; 32] = b"0123456789abcdfghijklmnpqrsvwxyz";
/// Base64 as Nix reads it: without the padding, and whatever the bits are that are left over.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    PAD.with_decode_allow_trailing_bits(true).with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

pub(super) static TABLE: &[Builtin] = &[
    builtin("hashString", 2, |evaluator, arguments, spot| {
        let algorithm = evaluator.known_string(arguments[0], spot)?;
        let algorithm = named(evaluator, "hashString", &algorithm.text, spot)?;
        let string = evaluator.known_string(arguments[1], spot)?;
        evaluator.settle(&string, spot)?;
        evaluator.step(string.text.len() / 64, spot)?;
        evaluator.new_text(base16(&algorithm.hash(string.text.as_bytes())), spot)
    }),
    builtin("hashFile", 2, |evaluator, arguments, spot| {
        let algorithm = evaluator.known_string(arguments[0], spot)?;
        let algorithm = named(evaluator, "hashFile", &algorithm.text, spot)?;
        let path = evaluator.path_argument(arguments[1], spot)?;
        let path = evaluator.source_path(&path.text);
        let text = evaluator.file_text(&path, spot)?;
        evaluator.step(text.len() / 64, spot)?;
        evaluator.new_text(base16(&algorithm.hash(text.as_bytes())), spot)
    }),
    builtin("convertHash", 1, convert),
];

/// A hash function.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    Md5,
    Sha1,
    Sha256,
    Sha512,
}

impl Algorithm {
    const ALL: [(&'static str, Self); 4] =
        [("md5", Self::Md5), ("sha1", Self::Sha1), ("sha256", Self::Sha256), ("sha512", Self::Sha512)];

    fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(known, _)| *known == name).map(|(_, algorithm)| algorithm)
    }

    fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(_, known)| *known == self).map_or("sha256", |(name, _)| name)
    }

    /// Bytes of a hash.
    fn size(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    fn hash(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Md5 => md5::Md5::digest(bytes).to_vec(),
            Self::Sha1 => sha1::Sha1::digest(bytes).to_vec(),
            Self::Sha256 => sha2::Sha256::digest(bytes).to_vec(),
            Self::Sha512 => sha2::Sha512::digest(bytes).to_vec(),
        }
    }
}

fn named(evaluator: &Evaluator, builtin: &'static str, name: &str, spot: Spot) -> Outcome<Algorithm> {
    match Algorithm::find(name) {
        Some(algorithm) => Ok(algorithm),
        None => fail(
            evaluator,
            builtin,
            format!("unknown hash algorithm `{name}`; md5, sha1, sha256 and sha512 are known"),
            spot,
        ),
    }
}

/// `{ hash; hashAlgo ? …; toHashFormat; }`.
fn convert(evaluator: &mut Evaluator, arguments: &[ThunkId], spot: Spot) -> Outcome<Value> {
    let set = evaluator.force(arguments[0])?;
    evaluator.set_argument(arguments[0], spot)?;
    let mut texts = [None, None, None];
    for (name, text) in ["hash", "toHashFormat", "hashAlgo"].into_iter().zip(&mut texts) {
        let name = evaluator.names.intern(name);
        *text = match evaluator.attribute(&set, name, spot)? {
            Some(id) => Some(evaluator.known_string(id, spot)?.text),
            None if text.is_none() && evaluator.names.text(name).as_ref() == "hashAlgo" => None,
            None => Some(
                evaluator.selected(&set, name, spot).and_then(|id| evaluator.known_string(id, spot))?.text,
            ),
        };
    }
    let [Some(hash), Some(format), algorithm] = texts else {
        return fail(evaluator, "convertHash", "`hash` and `toHashFormat` are needed".into(), spot);
    };
    let algorithm = match algorithm {
        Some(name) => Some(named(evaluator, "convertHash", &name, spot)?),
        None => None,
    };
    let (prefix, digits) = match hash.split_once([':', '-']) {
        Some((prefix, digits)) => (Algorithm::find(prefix), digits),
        None => (None, &*hash),
    };
    let Some(algorithm) = prefix.or(algorithm) else {
        return fail(evaluator, "convertHash", format!("the hash `{hash}` does not say its algorithm"), spot);
    };
    let Some(bytes) = decode(digits, algorithm.size()) else {
        return fail(evaluator, "convertHash", format!("`{hash}` is no hash of {}", algorithm.name()), spot);
    };
    let text = match &*format {
        "base16" => base16(&bytes),
        "nix32" | "base32" => nix32(&bytes),
        "base64" => BASE64.encode(&bytes),
        "sri" => format!("{}-{}", algorithm.name(), BASE64.encode(&bytes)),
        other => {
            return fail(evaluator, "convertHash", format!("there is no hash format `{other}`"), spot);
        }
    };
    evaluator.new_text(text, spot)
}

/// The bytes of a hash that is written in any of the ways; its length determines which.
fn decode(digits: &str, size: usize) -> Option<Vec<u8>> {
    if digits.len() == size * 2 {
        return (0..size)
            .map(|index| u8::from_str_radix(digits.get(2 * index..2 * index + 2)?, 16).ok())
            .collect();
    }
    if digits.len() == (size * 8 - 1) / 5 + 1 {
        let mut bytes = vec![0_u8; size + 1];
        for (index, digit) in digits.bytes().rev().enumerate() {
            let value = NIX32.iter().position(|&known| known == digit)? as u16;
            let (byte, bit) = (index * 5 / 8, index * 5 % 8);
            let shifted = value << bit;
            bytes[byte] |= shifted as u8;
            *bytes.get_mut(byte + 1)? |= (shifted >> 8) as u8;
        }
        return (bytes.pop() == Some(0)).then_some(bytes);
    }
    let bytes = BASE64.decode(digits.trim_end_matches('=')).ok()?;
    (bytes.len() == size).then_some(bytes)
}

fn base16(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Nix's own order of bits: from the last byte, five at a time.
fn nix32(bytes: &[u8]) -> String {
    let length = (bytes.len() * 8).div_ceil(5);
    let digit = |index: usize| {
        let (byte, bit) = (index * 5 / 8, index * 5 % 8);
        let next = bytes.get(byte + 1).copied().unwrap_or_default();
        let pair = u16::from(bytes[byte]) | u16::from(next) << 8;
        char::from(NIX32[usize::from(pair >> bit & 31)])
    };
    (0..length).rev().map(digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_written_and_read_back() {
        let hash = Algorithm::Sha256.hash(b"abc");
        for (text, expected) in [
            (base16(&hash), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (nix32(&hash), "1b8m03r63zqhnjf7l5wnldhh7c134ap5vpj0850ymkq1iyzicy5s"),
            (BASE64.encode(&hash), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="),
        ] {
            assert_eq!(text, expected);
            assert_eq!(decode(&text, 32).as_ref(), Some(&hash), "{text}");
        }
        assert_eq!(decode("abc", 32), None);
        // Padding may be missing or too much, bits may be left over.
        for text in
            ["ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa1", "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=="]
        {
            assert_eq!(decode(text, 32).as_ref(), Some(&hash), "{text}");
        }
    }
}
