//! Base64 with the standard alphabet and padding (RFC 4648, section 4), as Subresource Integrity writes digests.
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// `bytes` as text.
pub(crate) fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// The `N` bytes that `text` stands for, or `None` for a text that is not the one spelling of `N` bytes.
pub(crate) fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    STANDARD.decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_rfc_4648_hold() {
        #[track_caller]
        fn check<const N: usize>(bytes: &[u8; N], text: &str) {
            assert_eq!(encode(bytes), text);
            assert_eq!(decode(text).as_ref(), Some(bytes));
        }
        check(b"", "");
        check(b"f", "Zg==");
        check(b"fo", "Zm8=");
        check(b"foo", "Zm9v");
        check(b"foob", "Zm9vYg==");
        check(b"fooba", "Zm9vYmE=");
        check(b"foobar", "Zm9vYmFy");
    }

    #[test]
    fn other_spellings_are_refused() {
        for text in ["", "Zg", "Zh==", "Zg=a", "=Zg=", "Zg==Zg==", "Z\n==", "Zé="] {
            assert_eq!(decode::<1>(text), None, "{text:?}");
        }
        assert_eq!(decode::<2>("Zg=="), None);
    }
}
