//! Reading and writing DER, as far as the subject of a certificate needs it.
//!
//! [ITU-T X.690], sections 8.1 and 10.1: an element is a tag byte, a length and the content. A length below 128 is one
//! byte; otherwise the first byte is 128 plus the number of bytes that follow, which hold the length, big-endian. Tags
//! of more than one byte and lengths of more than four do not occur in certificates and are refused, as is the
//! indefinite length, which is not DER.
//!
//! [ITU-T X.690]: https://www.itu.int/rec/T-REC-X.690
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const UTF8_STRING: u8 = 0x0c;
pub(crate) const PRINTABLE_STRING: u8 = 0x13;
pub(crate) const T61_STRING: u8 = 0x14;
pub(crate) const IA5_STRING: u8 = 0x16;
pub(crate) const VISIBLE_STRING: u8 = 0x1a;
pub(crate) const UNIVERSAL_STRING: u8 = 0x1c;
pub(crate) const BMP_STRING: u8 = 0x1e;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// The elements of some DER bytes, one after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// A reader at the start of `bytes`.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether all elements have been read.
    pub(crate) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// How many bytes have not been read.
    pub(crate) fn remaining(self) -> usize {
        self.0.len()
    }

    /// The tag and the content of the next element; `None` at the end and where the bytes are not DER.
    pub(crate) fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        if tag & 0x1f == 0x1f {
            return None;
        }
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81..=0x84 => {
                let (digits, rest) = rest.split_at_checked(usize::from(first - 0x80))?;
                (digits.iter().fold(0, |length, &digit| length << 8 | usize::from(digit)), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, content))
    }

    /// The content of the next element, which must have the tag `expected`.
    pub(crate) fn expect(&mut self, expected: u8) -> Option<&'a [u8]> {
        self.next().filter(|&(tag, _)| tag == expected).map(|(_, content)| content)
    }
}

/// The element with this tag and content.
pub(crate) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let digits = &length[length.iter().take_while(|&&digit| digit == 0).count()..];
    let mut bytes = vec![tag];
    if content.len() >= 0x80 {
        bytes.push(0x80 + digits.len() as u8);
    }
    match content.len() {
        0 => bytes.push(0),
        _ => bytes.extend(digits),
    }
    bytes.extend(content);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for length in [0, 1, 127, 128, 255, 256, 70_000] {
            let content = vec![7; length];
            let bytes = element(SEQUENCE, &content);
            let mut reader = Reader::new(&bytes);
            assert_eq!(reader.expect(SEQUENCE), Some(content.as_slice()), "{length}");
            assert!(reader.is_empty());
            // Cut anywhere, it is no element any more.
            assert_eq!(Reader::new(&bytes[..bytes.len() - 1]).next(), None, "{length}");
        }
        assert_eq!(element(SET, &[0; 128])[..3], [0x31, 0x81, 0x80]);
        assert_eq!(element(SET, &[0; 256])[..4], [0x31, 0x82, 0x01, 0x00]);
    }

    #[test]
    fn other_encodings_are_refused() {
        let check = |bytes: &[u8]| assert_eq!(Reader::new(bytes).next(), None, "{bytes:?}");
        check(&[]);
        check(&[0x30]);
        // The indefinite length, a length of five bytes, one that ends early, and a tag of two bytes.
        check(&[0x30, 0x80, 0, 0]);
        check(&[0x30, 0x85, 0, 0, 0, 0, 0]);
        check(&[0x30, 0x84, 0xff, 0xff]);
        check(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0]);
        check(&[0x1f, 0x81, 0, 0]);
    }
}
