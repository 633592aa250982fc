//! The header `Content-Range` of an answer to a request for a part of a file (RFC 9110, section 14.4):
//!
//! ```text
//! bytes <first>-<last>/<size of the whole, or *>
//! ```

/// Which part of a file an answer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ContentRange {
    /// The first byte's number, from 0.
    pub(crate) first: u64,
    /// The size of the whole file in bytes, if the server says it.
    pub(crate) size: Option<u64>,
}

impl ContentRange {
    /// `None` for what is not a range of bytes, or does not reach to the end of the file: we ask for no such part.
    pub(crate) fn parse(header: &str) -> Option<Self> {
        let (unit, rest) = header.trim().split_once(' ')?;
        let (range, size) = rest.trim().split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let (first, last): (u64, u64) = (number(first)?, number(last)?);
        let size = if size == "*" { None } else { Some(number(size)?) };
        let ends = size.is_none_or(|size| last.checked_add(1) == Some(size));
        (unit.eq_ignore_ascii_case("bytes") && first <= last && ends).then_some(Self { first, size })
    }
}

/// A decimal number; `parse` alone would take a sign.
fn number(text: &str) -> Option<u64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        let range = |first, size| Some(ContentRange { first, size });
        for (header, expected) in [
            ("bytes 5-10/11", range(5, Some(11))),
            ("Bytes 5-10/*", range(5, None)),
            ("bytes 5-9/11", None),
            ("bytes 5-10/10", None),
            ("bytes 11-10/11", None),
            ("bytes */11", None),
            ("bytes +5-10/11", None),
            ("bytes 5-18446744073709551615/0", None),
            ("bytes 5-18446744073709551616/0", None),
            ("lines 5-10/11", None),
            ("5-10/11", None),
            ("", None),
        ] {
            assert_eq!(ContentRange::parse(header), expected, "{header}");
        }
    }
}
