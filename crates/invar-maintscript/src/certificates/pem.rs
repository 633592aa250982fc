//! Certificates as text.
//!
//! [RFC 7468], as far as OpenSSL's reader goes: a block is a line `-----BEGIN LABEL-----`, lines of base64, and a line
//! `-----END LABEL-----`; what is around blocks is explanatory text. Certificates have the label `CERTIFICATE`, or of
//! old `X509 CERTIFICATE` and `TRUSTED CERTIFICATE`; the last has data of OpenSSL's own after the certificate.
//!
//! [RFC 7468]: https://www.rfc-editor.org/rfc/rfc7468
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::general_purpose::{GeneralPurpose, PAD};

use super::subject;

const LABELS: [&str; 3] = ["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"];

/// The DER bytes of the certificates in `text`, in order; blocks that are damaged are left out.
///
/// Bytes after a certificate's end are cut off.
pub(crate) fn certificates(text: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut block: Option<(&[u8], Vec<u8>)> = None;
    for line in text.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii_end) {
        if let Some(label) = marker(line, b"-----BEGIN ") {
            block = Some((label, Vec::new()));
        } else if let Some(label) = marker(line, b"-----END ") {
            let Some((begun, base64)) = block.take() else { continue };
            if begun == label && LABELS.iter().any(|known| known.as_bytes() == label) {
                found.extend(decode(&base64).as_deref().and_then(subject::certificate).map(<[u8]>::to_vec));
            }
        } else if let Some((_, base64)) = &mut block {
            base64.extend(line);
        }
    }
    found
}

fn marker<'a>(line: &'a [u8], start: &[u8]) -> Option<&'a [u8]> {
    line.strip_prefix(start)?.strip_suffix(b"-----")
}

/// Reads base64 ([RFC 4648], section 4); spaces are passed over, the padding must be there, and bits that are left over
/// do not count.
///
/// [RFC 4648]: https://www.rfc-editor.org/rfc/rfc4648
fn decode(text: &[u8]) -> Option<Vec<u8>> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(&STANDARD, PAD.with_decode_allow_trailing_bits(true));
    let digits: Vec<u8> = text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    LENIENT.decode(digits).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(decode(text.as_bytes()).as_deref(), expected.map(str::as_bytes), "{text:?}");
        };
        check("", Some(""));
        check("Zg==", Some("f"));
        check("Zm8=", Some("fo"));
        check("Zm9v", Some("foo"));
        check("Zm9v\nYmFy ", Some("foobar"));
        check("Zg=", None);
        check("Zg", None);
        check("=", None);
        check("Zm8*", None);
        check("Z===", None);
    }

    #[test]
    fn damaged_blocks_are_left_out() {
        let check = |text: &str| assert!(certificates(text.as_bytes()).is_empty(), "{text:?}");
        check("");
        check("-----BEGIN CERTIFICATE-----\nMAA=\n");
        check("-----END CERTIFICATE-----\n");
        check("-----BEGIN CERTIFICATE-----\nMAA=\n-----END X509 CERTIFICATE-----\n");
        check("-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n");
        // An empty sequence is no certificate.
        check("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n");
    }
}
