//! Control data in paragraphs (Debian Policy, section 5.1 "Syntax of control files"; deb822(5)).
//!
//! ```text
//! file       paragraphs, separated by one or more lines of only spaces and tabs
//! paragraph  fields, one after the other; a field's name appears once, whatever its case
//! field      name ":" value "\n", then any number of continuation lines
//! name       printable US-ASCII (0x21 to 0x7e) without ":", not starting with "#" or "-"
//! continued  (" " | "\t") text "\n", belongs to the value of the field before
//! ```
//!
//! A value is given *unfolded*: blanks around the first line and at the end of each line are dropped, and so is the
//! one blank that marks a continuation line; the lines are joined by `\n`. Comments are not part of this form (they
//! exist only in source packages) and are refused like any other line without a field.
use std::fmt;
use std::io::{self, BufRead, Read};
use std::ops::Range;

/// The most fields that one paragraph may have; Debian's own stay under 40.
const MAXIMUM_FIELDS: usize = 256;

/// How many bytes of a faulty line an error shows.
const SHOWN: usize = 60;

/// One paragraph: fields in the order of the file, found by name without regard to case.
#[derive(Clone, PartialEq, Eq)]
pub struct Paragraph {
    /// Names and unfolded values, one after the other: one allocation for all, because an index has a million fields.
    text: String,
    fields: Vec<(Range<u32>, Range<u32>)>,
    line: u64,
}

/// Why a text is not control data.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ParagraphError {
    /// The text could not be read.
    #[error("cannot read control data after line {line}")]
    Read {
        /// The last line that was read, from 1; 0 before the first.
        line: u64,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A paragraph is longer than the reader allows.
    #[error("line {line}: the paragraph is longer than {limit} bytes")]
    TooLong {
        /// Where the limit was passed, from 1.
        line: u64,
        /// The limit in bytes.
        limit: usize,
    },
    /// A paragraph has more fields than any real one.
    #[error("line {line}: the paragraph has more than {MAXIMUM_FIELDS} fields")]
    TooManyFields {
        /// The line of the first field too many, from 1.
        line: u64,
    },
    /// A line is not UTF-8.
    #[error("line {line}: the text is not UTF-8")]
    NotUtf8 {
        /// The line, from 1.
        line: u64,
    },
    /// A line is neither a field nor a continuation.
    #[error("line {line}: expected \"Name: value\", found {text:?}")]
    NotAField {
        /// The line, from 1.
        line: u64,
        /// The beginning of the line.
        text: String,
    },
    /// A continuation line is where no field is.
    #[error("line {line}: a continuation line without a field before it: {text:?}")]
    Orphan {
        /// The line, from 1.
        line: u64,
        /// The beginning of the line.
        text: String,
    },
    /// A field appears twice, and it is not said which one counts.
    #[error("line {line}: the field {name:?} appears twice in one paragraph")]
    Duplicate {
        /// The line of the second, from 1.
        line: u64,
        /// The field's name, as written the second time.
        name: String,
    },
}

impl Paragraph {
    /// All paragraphs of `text`.
    ///
    /// # Errors
    /// [`ParagraphError`] for the first line that is not control data.
    pub fn parse_all(text: &str) -> Result<Vec<Self>, ParagraphError> {
        // The text is in memory already, so its own length is bound enough.
        ParagraphReader::with_limit(text.as_bytes(), text.len() + 1).collect()
    }

    /// The unfolded value of the field `name`, whatever the case of either.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Names, as written, and unfolded values, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(name, value)| (self.slice(name), self.slice(value)))
    }

    /// The line of the file on which the paragraph begins, from 1.
    pub fn line(&self) -> u64 {
        self.line
    }

    fn slice(&self, range: &Range<u32>) -> &str {
        &self.text[range.start as usize..range.end as usize]
    }

    /// Adds text at the end; the reader has bounded the paragraph, so 32 bits are enough.
    fn append(&mut self, text: &str) -> Range<u32> {
        let start = self.length();
        self.text.push_str(text);
        start..self.length()
    }

    fn length(&self) -> u32 {
        u32::try_from(self.text.len()).expect("a paragraph is limited to less than 4 GiB")
    }

    fn add_line(&mut self, text: &str, line: u64) -> Result<(), ParagraphError> {
        if let Some(continued) = text.strip_prefix([' ', '\t']) {
            if self.fields.is_empty() {
                return Err(ParagraphError::Orphan { line, text: shown(text) });
            }
            self.append("\n");
            let end = self.append(continued.trim_end()).end;
            if let Some((_, value)) = self.fields.last_mut() {
                value.end = end;
            }
            return Ok(());
        }
        let (name, value) = text
            .split_once(':')
            .filter(|(name, _)| is_name(name))
            .ok_or_else(|| ParagraphError::NotAField { line, text: shown(text) })?;
        if self.get(name).is_some() {
            return Err(ParagraphError::Duplicate { line, name: name.to_owned() });
        }
        if self.fields.len() == MAXIMUM_FIELDS {
            return Err(ParagraphError::TooManyFields { line });
        }
        let name = self.append(name);
        let value = self.append(value.trim());
        self.fields.push((name, value));
        Ok(())
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(['#', '-'])
        && name.bytes().all(|byte| (0x21..=0x7e).contains(&byte))
}

/// The beginning of a line, for an error.
fn shown(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

impl fmt::Display for Paragraph {
    /// Writes the paragraph in its own form, each field on a new line, without an empty line at the end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in self.iter() {
            let mut lines = value.split('\n');
            match lines.next() {
                Some(first) if !first.is_empty() => writeln!(f, "{name}: {first}")?,
                _ => writeln!(f, "{name}:")?,
            }
            for line in lines {
                writeln!(f, " {line}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Paragraph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// Paragraphs, one after the other, from a text of any length; only one is in memory at a time.
///
/// After an error the reader ends: what follows a fault is not trusted.
#[derive(Debug)]
pub struct ParagraphReader<R> {
    reader: R,
    limit: usize,
    line: u64,
    buffer: Vec<u8>,
    done: bool,
}

impl<R: BufRead> ParagraphReader<R> {
    /// The most bytes of one paragraph, unless said otherwise: ten times the longest in Debian's indexes.
    pub const DEFAULT_LIMIT: usize = 1 << 20;

    /// A reader that allows [`Self::DEFAULT_LIMIT`] bytes for a paragraph.
    pub fn new(reader: R) -> Self {
        Self::with_limit(reader, Self::DEFAULT_LIMIT)
    }

    /// A reader that allows `limit` bytes for a paragraph, at most 2 GiB.
    pub fn with_limit(reader: R, limit: usize) -> Self {
        Self { reader, limit: limit.min(1 << 31), line: 0, buffer: Vec::new(), done: false }
    }

    /// The number of lines read so far.
    pub fn line(&self) -> u64 {
        self.line
    }

    fn read(&mut self) -> Result<Option<Paragraph>, ParagraphError> {
        let mut paragraph = Paragraph { text: String::new(), fields: Vec::new(), line: 0 };
        let mut length = 0;
        loop {
            self.buffer.clear();
            let room = (self.limit - length) as u64 + 1;
            let count = self
                .reader
                .by_ref()
                .take(room)
                .read_until(b'\n', &mut self.buffer)
                .map_err(|source| ParagraphError::Read { line: self.line, source })?;
            if count == 0 {
                return Ok((!paragraph.fields.is_empty()).then_some(paragraph));
            }
            self.line += 1;
            let line = self.line;
            if count as u64 == room {
                return Err(ParagraphError::TooLong { line, limit: self.limit });
            }
            let text = std::str::from_utf8(&self.buffer).map_err(|_| ParagraphError::NotUtf8 { line })?;
            if text.trim_end().is_empty() {
                // Separators do not count: a file may end in any number of them.
                if paragraph.fields.is_empty() {
                    continue;
                }
                return Ok(Some(paragraph));
            }
            length += count;
            if paragraph.fields.is_empty() {
                paragraph.line = line;
            }
            paragraph.add_line(text.trim_end_matches(['\n', '\r']), line)?;
        }
    }
}

impl<R: BufRead> Iterator for ParagraphReader<R> {
    type Item = Result<Paragraph, ParagraphError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let next = self.read().transpose();
        self.done = !matches!(next, Some(Ok(_)));
        next
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TWO: &str =
        "\n\nPackage: a\nDescription: short\n long one\n .\n  indented \n\t tab\nEmpty:\n\n \t\npackage: b\n";

    #[test]
    fn values_are_unfolded() {
        let paragraphs = Paragraph::parse_all(TWO).unwrap();
        assert_eq!(paragraphs.len(), 2);
        assert_eq!(paragraphs[0].get("PACKAGE"), Some("a"));
        assert_eq!(paragraphs[0].get("description"), Some("short\nlong one\n.\n indented\n tab"));
        assert_eq!(paragraphs[0].get("Empty"), Some(""));
        assert_eq!(paragraphs[0].get("Missing"), None);
        assert_eq!(paragraphs[0].line(), 3);
        assert_eq!(paragraphs[1].iter().collect::<Vec<_>>(), [("package", "b")]);
        assert_eq!(paragraphs[1].line(), 12);
    }

    #[test]
    fn a_paragraph_is_written_as_it_is_read() {
        let text = "Package: a\nTable:\n one\n  two\nLast: 1\n";
        assert_eq!(Paragraph::parse_all(text).unwrap()[0].to_string(), text);
    }

    #[test]
    fn line_ends_of_other_systems_are_dropped() {
        let paragraphs = Paragraph::parse_all("A: 1\r\n 2\r\n\r\nB: 3\r\n").unwrap();
        assert_eq!(paragraphs[0].get("a"), Some("1\n2"));
        assert_eq!(paragraphs[1].get("b"), Some("3"));
    }

    #[test]
    fn faults_name_their_line() {
        fn check(text: &str, expected: &str) {
            let error = Paragraph::parse_all(text).expect_err(text);
            assert_eq!(error.to_string(), expected);
        }
        check("A: 1\nno field\n", "line 2: expected \"Name: value\", found \"no field\"");
        check("# remark\nA: 1\n", "line 1: expected \"Name: value\", found \"# remark\"");
        check("A b: 1\n", "line 1: expected \"Name: value\", found \"A b: 1\"");
        check(": 1\n", "line 1: expected \"Name: value\", found \": 1\"");
        check("A: 1\n\n 2\n", "line 3: a continuation line without a field before it: \" 2\"");
        check("A: 1\na: 2\n", "line 2: the field \"a\" appears twice in one paragraph");
        let many: String = (0..300).map(|number| format!("F{number}: x\n")).collect();
        check(&many, "line 257: the paragraph has more than 256 fields");
    }

    #[test]
    fn bytes_that_are_not_text_are_refused() {
        let error = ParagraphReader::new(&b"A: 1\nB: \xff\n"[..]).collect::<Result<Vec<_>, _>>().unwrap_err();
        assert!(matches!(error, ParagraphError::NotUtf8 { line: 2 }));
    }

    #[test]
    fn an_endless_paragraph_ends() {
        let endless = io::BufReader::new(io::repeat(b'a'));
        let mut reader = ParagraphReader::new(endless);
        assert!(matches!(reader.next(), Some(Err(ParagraphError::TooLong { line: 1, .. }))));
        assert!(reader.next().is_none());
        let lines = "A: 1\n 2345\n";
        assert!(ParagraphReader::with_limit(lines.as_bytes(), lines.len()).all(|read| read.is_ok()));
        let error = ParagraphReader::with_limit(lines.as_bytes(), lines.len() - 1).next();
        assert!(matches!(error, Some(Err(ParagraphError::TooLong { line: 2, limit: 10 }))));
    }

    #[test]
    fn a_broken_reader_is_reported() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("the wire is cut"))
            }
        }
        let mut reader = ParagraphReader::new(io::BufReader::new(Broken));
        assert!(matches!(reader.next(), Some(Err(ParagraphError::Read { line: 0, .. }))));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "([A-Za-z#:.-]{0,4}[: \t\n\r\u{e9}]{0,3}){0,20}") {
            if let Ok(paragraphs) = Paragraph::parse_all(&text) {
                let written = paragraphs.iter().map(|each| format!("{each}\n")).collect::<String>();
                let again = Paragraph::parse_all(&written).unwrap();
                let pairs = |all: &[Paragraph]| all.iter().map(|each| format!("{each:?}")).collect::<Vec<_>>();
                prop_assert_eq!(pairs(&paragraphs), pairs(&again));
            }
        }
    }
}
