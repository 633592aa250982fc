//! Where two files differ first, shortly.
use std::fmt;

/// The most bytes of each side that an excerpt shows.
pub const LONGEST_EXCERPT: usize = 160;

/// Lines that are longer than this, in bytes, are no text for people.
const LONGEST_LINE: usize = 4096;

/// The first difference between two files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Where: a line's number in texts, else the offset of a byte.
    pub place: Place,
    /// What the first has there.
    pub first: Excerpt,
    /// What the second has there.
    pub second: Excerpt,
}

/// Where a difference is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The line, from 1.
    Line(usize),
    /// The byte, from 0.
    Byte(usize),
}

/// A piece of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Excerpt {
    /// Text, without its line feed, and with control characters escaped.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// The file ends before.
    End,
}

impl Difference {
    /// The first difference, or `None` where both are the same.
    pub fn between(first: &[u8], second: &[u8]) -> Option<Self> {
        let at = first.iter().zip(second).position(|(a, b)| a != b);
        let at = at.unwrap_or_else(|| first.len().min(second.len()));
        if first.len() == second.len() && at == first.len() {
            return None;
        }
        Self::in_lines(first, second, at).or_else(|| {
            let piece = |bytes: &[u8]| match bytes.get(at..) {
                None | Some([]) => Excerpt::End,
                Some(rest) => Excerpt::Bytes(rest[..rest.len().min(16)].to_vec()),
            };
            Some(Self { place: Place::Byte(at), first: piece(first), second: piece(second) })
        })
    }

    /// The lines around `at`, if both files are text there.
    fn in_lines(first: &[u8], second: &[u8], at: usize) -> Option<Self> {
        let start = first[..at].iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        let number = first[..start].iter().filter(|&&byte| byte == b'\n').count() + 1;
        let line = |bytes: &[u8]| -> Option<Excerpt> {
            let rest = bytes.get(start..).unwrap_or_default();
            if rest.is_empty() {
                return Some(Excerpt::End);
            }
            let line = rest.split(|&byte| byte == b'\n').next().unwrap_or_default();
            if line.len() > LONGEST_LINE {
                return None;
            }
            let text = std::str::from_utf8(line).ok()?;
            let is_text = text
                .chars()
                .all(|character| !character.is_control() || character == '\t' || character == '\r');
            is_text.then(|| Excerpt::Text(shortened(text, at - start)))
        };
        Some(Self { place: Place::Line(number), first: line(first)?, second: line(second)? })
    }
}

/// At most [`LONGEST_EXCERPT`] bytes of `text`, with what is at `at` among them.
fn shortened(text: &str, at: usize) -> String {
    let escaped = |part: &str| part.replace('\t', "\\t").replace('\r', "\\r");
    if text.len() <= LONGEST_EXCERPT {
        return escaped(text);
    }
    let floor = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = floor(at.saturating_sub(LONGEST_EXCERPT / 2));
    let end = floor(start + LONGEST_EXCERPT);
    let before = if start > 0 { "…" } else { "" };
    let after = if end < text.len() { "…" } else { "" };
    format!("{before}{}{after}", escaped(&text[start..end]))
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Byte(byte) => write!(f, "byte {byte}"),
        }
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::End => f.write_str("(nothing: the file ends)"),
            Self::Bytes(bytes) => {
                for byte in bytes {
                    write!(f, "{byte:02x} ")?;
                }
                f.write_str(" ")?;
                let shown = |byte: &u8| if byte.is_ascii_graphic() { char::from(*byte) } else { '.' };
                f.write_str(&bytes.iter().map(shown).collect::<String>())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(first: impl AsRef<[u8]>, second: impl AsRef<[u8]>, expected: &str) {
        let found = Difference::between(first.as_ref(), second.as_ref());
        let shown = found.map(|found| format!("{}: {} | {}", found.place, found.first, found.second));
        assert_eq!(shown.unwrap_or_default(), expected);
    }

    #[test]
    fn texts_differ_in_lines_and_others_in_bytes() {
        check("same", "same", "");
        check("a\nb\nc\n", "a\nx\nc\n", "line 2: b | x");
        check("a\n", "a\nb\n", "line 2: (nothing: the file ends) | b");
        check("", "b", "line 1: (nothing: the file ends) | b");
        check([0, 1, 2, 65], [0, 1, 3], "byte 2: 02 41  .A | 03  .");
        check([0, 1], [0, 1, 2], "byte 2: (nothing: the file ends) | 02  .");
        check("a\u{1b}[2J", "b", "byte 0: 61 1b 5b 32 4a  a.[2J | 62  b");
        check("a\tb", "a\tc", "line 1: a\\tb | a\\tc");
    }

    #[test]
    fn long_lines_are_shown_where_they_differ() {
        let (first, second) = ("ä".repeat(300) + "x", "ä".repeat(300) + "y");
        let found = Difference::between(first.as_bytes(), second.as_bytes()).unwrap();
        let Excerpt::Text(text) = &found.first else { panic!("{found:?}") };
        assert!(text.ends_with('x') && text.starts_with('…') && text.len() < 200, "{text}");
        check("x".repeat(5000) + "a", "x".repeat(5000) + "b", "byte 5000: 61  a | 62  b");
    }
}
