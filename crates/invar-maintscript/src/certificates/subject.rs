//! The number by which OpenSSL finds a certificate in a directory.
//!
//! [RFC 5280], section 4.1: a certificate is `SEQUENCE { tbs, … }`, and `tbs` is `SEQUENCE { [0] version OPTIONAL,
//! serial, algorithm, issuer, validity, subject, … }`. The subject is a sequence of sets of `SEQUENCE { OBJECT
//! IDENTIFIER, value }`.
//!
//! The number consists of the first four bytes, the lowest first, of the SHA-1 of the subject in canonical form
//! (OpenSSL since 1.0: `X509_NAME_hash(3)`):
//! * values of type `UTF8String`, `BMPString`, `UniversalString`, `PrintableString`, `T61String`, `IA5String` and
//!   `VisibleString` become a `UTF8String`, whose text is that of the value (of one-byte strings each byte is a
//!   character: Latin-1) with white space gone at both ends and become one space elsewhere, and `A` to `Z` in lower
//!   case; other values stay as they are;
//! * the elements of a set are ordered by their bytes;
//! * all lengths are in DER, and the header of the outer sequence is left out.
//!
//! [RFC 5280]: https://www.rfc-editor.org/rfc/rfc5280
use sha1::{Digest as _, Sha1};

use crate::der::{self, Reader};

/// The certificate at the start of `bytes`, or `None` if there is none.
pub(super) fn certificate(bytes: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader::new(bytes);
    Reader::new(reader.expect(der::SEQUENCE)?).expect(der::SEQUENCE)?;
    bytes.get(..bytes.len() - reader.remaining())
}

/// The number of a certificate's subject; `None` if the bytes up to the subject are not a certificate.
pub(super) fn hash(certificate: &[u8]) -> Option<u32> {
    let certificate = Reader::new(certificate).expect(der::SEQUENCE)?;
    let mut tbs = Reader::new(Reader::new(certificate).expect(der::SEQUENCE)?);
    // The version is optional, the serial number after it is not.
    if tbs.next()?.0 == 0xa0 {
        tbs.next()?;
    }
    for _algorithm_issuer_validity in 0..3 {
        tbs.expect(der::SEQUENCE)?;
    }
    let digest = Sha1::digest(canonical(tbs.expect(der::SEQUENCE)?)?);
    Some(u32::from_le_bytes([digest[0], digest[1], digest[2], digest[3]]))
}

fn canonical(name: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut sets = Reader::new(name);
    while !sets.is_empty() {
        let mut set = Reader::new(sets.expect(der::SET)?);
        let mut elements = Vec::new();
        while !set.is_empty() {
            let mut attribute = Reader::new(set.expect(der::SEQUENCE)?);
            let mut element = der::element(der::OBJECT_IDENTIFIER, attribute.expect(der::OBJECT_IDENTIFIER)?);
            let (tag, value) = attribute.next()?;
            element.extend(match text(tag, value)? {
                Some(text) => der::element(der::UTF8_STRING, fold(&text).as_bytes()),
                None => der::element(tag, value),
            });
            elements.push(der::element(der::SEQUENCE, &element));
        }
        elements.sort();
        bytes.extend(der::element(der::SET, &elements.concat()));
    }
    Some(bytes)
}

/// The text of a value, `Some(None)` for one that is no text, and `None` for a text with impossible characters.
fn text(tag: u8, value: &[u8]) -> Option<Option<String>> {
    let text: Option<String> = match tag {
        der::UTF8_STRING => String::from_utf8(value.to_vec()).ok(),
        der::PRINTABLE_STRING | der::T61_STRING | der::IA5_STRING | der::VISIBLE_STRING => {
            Some(value.iter().map(|&byte| char::from(byte)).collect())
        }
        der::BMP_STRING | der::UNIVERSAL_STRING => {
            let width = if tag == der::BMP_STRING { 2 } else { 4 };
            let character = |digits: &[u8]| {
                char::from_u32(digits.iter().fold(0, |number, &digit| number << 8 | u32::from(digit)))
            };
            value.len().is_multiple_of(width).then(|| value.chunks(width).map(character).collect()).flatten()
        }
        _ => return Some(None),
    };
    text.map(Some)
}

/// The text in lower case and with single spaces, as far as ASCII goes.
fn fold(text: &str) -> String {
    let is_space = |character: char| matches!(character, ' ' | '\t'..='\r');
    let words = text.split(is_space).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ").to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_folded() {
        let check = |text, expected| assert_eq!(fold(text), expected, "{text:?}");
        check("  Two\t \x0bWords ", "two words");
        check("Főtanúsítvány ÉÈ", "főtanúsítvány ÉÈ");
        check("no\u{a0}break", "no\u{a0}break");
        check(" ", "");
    }

    #[test]
    fn texts_have_many_types() {
        let check = |tag, value: &[u8], expected: Option<Option<&str>>| {
            assert_eq!(text(tag, value), expected.map(|text| text.map(str::to_owned)), "{tag} {value:?}");
        };
        check(der::UTF8_STRING, "é".as_bytes(), Some(Some("é")));
        check(der::UTF8_STRING, &[0xff], None);
        check(der::T61_STRING, &[0xe9], Some(Some("é")));
        check(der::PRINTABLE_STRING, b"e", Some(Some("e")));
        check(der::BMP_STRING, &[0, 0xe9], Some(Some("é")));
        check(der::BMP_STRING, &[0xe9], None);
        check(der::BMP_STRING, &[0xd8, 0], None);
        check(der::UNIVERSAL_STRING, &[0, 1, 0xf6, 0], Some(Some("😀")));
        check(0x03, &[0], Some(None));
    }
}
