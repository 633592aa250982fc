//! The common `ar` format, as far as deb(5) allows it: the outer archive of a binary package.
//!
//! ```text
//! archive  "!<arch>\n", then members
//! member   header, content of `size` bytes, and "\n" where `size` is odd
//! header   60 bytes: name (16, padded with spaces, one "/" may follow the name), date (12), user (6), group (6),
//!          mode (8), size (10, decimal, padded with spaces), "`\n"
//! ```
//!
//! Dates, owners and modes of members are not looked at. Long names, which other
//! variants of `ar` know, are not part of the format.
use std::fmt;
use std::io::{self, Read};

const MAGIC: &[u8; 8] = b"!<arch>\n";
const HEADER: usize = 60;

/// Why bytes are not an `ar` archive.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArError {
    /// The archive could not be read.
    #[error("cannot read the archive at byte {offset}")]
    Read {
        /// How many bytes had been read before.
        offset: u64,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The first bytes are not those of an archive.
    #[error("not an ar archive: expected it to start with \"!<arch>\", found {:?}", String::from_utf8_lossy(.found))]
    Magic {
        /// The first bytes, at most eight.
        found: Vec<u8>,
    },
    /// The archive ends inside a header.
    #[error("the archive is incomplete: it ends at byte {offset}, inside a header")]
    ShortHeader {
        /// The length of the archive in bytes.
        offset: u64,
    },
    /// A header does not have the form that the format asks for.
    #[error("the header at byte {offset} is not one of an ar archive: bad {field}")]
    Header {
        /// Where the header starts.
        offset: u64,
        /// The part of the header that is at fault.
        field: HeaderField,
    },
    /// The archive ends inside a member.
    #[error("the archive is incomplete: {member} ends after {found} of {expected} bytes")]
    ShortMember {
        /// The member's name.
        member: String,
        /// Its length according to its header.
        expected: u64,
        /// The bytes that are there.
        found: u64,
    },
}

/// A part of a member's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderField {
    /// The name: empty, or not plain ASCII without spaces and slashes.
    Name,
    /// The size: not a decimal number.
    Size,
    /// The two bytes at the end.
    End,
}

impl fmt::Display for HeaderField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "name",
            Self::Size => "size",
            Self::End => "end mark",
        })
    }
}

/// A member's header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The name, at most 16 bytes of printable ASCII.
    pub name: String,
    /// The length of the content in bytes.
    pub size: u64,
}

/// The members of an archive, one after the other. Reading from it gives the content of the current member.
#[derive(Debug)]
pub struct ArReader<R> {
    reader: R,
    offset: u64,
    current: Member,
    rest: u64,
}

impl<R: Read> ArReader<R> {
    /// Reads the archive's mark.
    ///
    /// # Errors
    /// [`ArError::Magic`], [`ArError::Read`].
    pub fn new(reader: R) -> Result<Self, ArError> {
        let current = Member { name: String::new(), size: 0 };
        let mut archive = Self { reader, offset: 0, current, rest: 0 };
        let mut magic = [0; MAGIC.len()];
        let length = archive.fill(&mut magic)?;
        if magic != *MAGIC {
            return Err(ArError::Magic { found: magic[..length].to_vec() });
        }
        Ok(archive)
    }

    /// Goes to the next member, over what is left of the current one; `None` at the end of the archive.
    ///
    /// # Errors
    /// [`ArError`].
    pub fn next_member(&mut self) -> Result<Option<Member>, ArError> {
        let mut scratch = [0; 1 << 13];
        while self.rest > 0 {
            self.read_content(&mut scratch)?;
        }
        let mut header = [0; HEADER + 1];
        // Some writers leave out the byte that evens the length where nothing follows.
        let padding = usize::from(self.current.size % 2 == 1);
        let start = self.offset + padding as u64;
        let length = self.fill(&mut header[..HEADER + padding])?;
        if length <= padding {
            return Ok(None);
        }
        if length < HEADER + padding {
            return Err(ArError::ShortHeader { offset: self.offset });
        }
        let header = &header[padding..padding + HEADER];
        let error = |field| ArError::Header { offset: start, field };
        if &header[58..] != b"`\n" {
            return Err(error(HeaderField::End));
        }
        let name = trim_end(&header[..16]);
        let name = name.strip_suffix(b"/").unwrap_or(name);
        if name.is_empty() || !name.iter().all(|&byte| byte.is_ascii_graphic() && byte != b'/') {
            return Err(error(HeaderField::Name));
        }
        let name = String::from_utf8_lossy(name).into_owned();
        let size = trim_end(&header[48..58]);
        let digits = std::str::from_utf8(size).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
        let size = digits.and_then(|digits| digits.parse().ok()).ok_or_else(|| error(HeaderField::Size))?;
        self.current = Member { name, size };
        self.rest = size;
        Ok(Some(self.current.clone()))
    }

    /// Reads the first `most` bytes of the current member, or all of it where it is shorter.
    ///
    /// # Errors
    /// [`ArError::ShortMember`], [`ArError::Read`].
    pub fn read_start(&mut self, most: usize) -> Result<Vec<u8>, ArError> {
        let mut bytes = vec![0; most];
        let mut length = 0;
        while length < most {
            match self.read_content(&mut bytes[length..])? {
                0 => break,
                count => length += count,
            }
        }
        bytes.truncate(length);
        Ok(bytes)
    }

    fn read_content(&mut self, buffer: &mut [u8]) -> Result<usize, ArError> {
        let room = buffer.len().min(usize::try_from(self.rest).unwrap_or(usize::MAX));
        if room == 0 {
            return Ok(0);
        }
        let count = self.read_some(&mut buffer[..room])?;
        if count == 0 {
            let Member { name, size } = &self.current;
            let (member, expected, found) = (name.clone(), *size, size - self.rest);
            return Err(ArError::ShortMember { member, expected, found });
        }
        self.rest -= count as u64;
        Ok(count)
    }

    /// Reads until `buffer` is full or the archive ends.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, ArError> {
        let mut length = 0;
        while length < buffer.len() {
            match self.read_some(&mut buffer[length..])? {
                0 => break,
                count => length += count,
            }
        }
        Ok(length)
    }

    fn read_some(&mut self, buffer: &mut [u8]) -> Result<usize, ArError> {
        loop {
            match self.reader.read(buffer) {
                Ok(count) => {
                    self.offset += count as u64;
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(ArError::Read { offset: self.offset, source }),
            }
        }
    }
}

impl<R: Read> Read for ArReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_content(buffer).map_err(|error| {
            let kind = match &error {
                ArError::Read { source, .. } => source.kind(),
                _ => io::ErrorKind::UnexpectedEof,
            };
            io::Error::new(kind, error)
        })
    }
}

fn trim_end(field: &[u8]) -> &[u8] {
    let length = field.iter().rposition(|&byte| byte != b' ').map_or(0, |last| last + 1);
    &field[..length]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header(name: &str, size: &str) -> String {
        format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`\n", 0, 0, 0, 100_644)
    }

    fn members(bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>, ArError> {
        let mut archive = ArReader::new(bytes)?;
        let mut members = Vec::new();
        while let Some(member) = archive.next_member()? {
            let mut content = Vec::new();
            archive.read_to_end(&mut content).unwrap();
            assert_eq!(content.len() as u64, member.size);
            members.push((member.name, content));
        }
        Ok(members)
    }

    #[test]
    fn members_are_read_in_order() {
        let text =
            format!("!<arch>\n{}2.0\n{}abc\n{}d", header("one", "4"), header("two/", "3"), header("x", "1"));
        let expected = [("one", "2.0\n"), ("two", "abc"), ("x", "d")];
        let found = members(text.as_bytes()).unwrap();
        assert_eq!(found.len(), expected.len());
        for ((name, content), (expected_name, expected_content)) in found.iter().zip(expected) {
            assert_eq!((name.as_str(), content.as_slice()), (expected_name, expected_content.as_bytes()));
        }
        assert!(members(b"!<arch>\n").unwrap().is_empty());
    }

    #[track_caller]
    fn check_error(text: &str, expected: &str) {
        assert_eq!(members(text.as_bytes()).unwrap_err().to_string(), expected);
    }

    #[test]
    fn what_is_not_an_archive_is_refused() {
        check_error("", "not an ar archive: expected it to start with \"!<arch>\", found \"\"");
        check_error(
            "PK\x03\x04more",
            "not an ar archive: expected it to start with \"!<arch>\", found \"PK\\u{3}\\u{4}more\"",
        );
        check_error("!<arch>\nxyz", "the archive is incomplete: it ends at byte 11, inside a header");
        let bad = |field: &str| format!("the header at byte 8 is not one of an ar archive: bad {field}");
        check_error(&format!("!<arch>\n{}", header("", "0")), &bad("name"));
        check_error(&format!("!<arch>\n{}", header("a/b", "0")), &bad("name"));
        check_error(&format!("!<arch>\n{}", header("//", "0")), &bad("name"));
        for size in ["", "-1", "+1", "1x", "0x10", "1 1"] {
            check_error(&format!("!<arch>\n{}", header("a", size)), &bad("size"));
        }
        check_error(&format!("!<arch>\n{}", header("a", "0").replace('`', "'")), &bad("end mark"));
    }

    #[test]
    fn a_member_that_is_skipped_must_be_whole_too() {
        let text = format!("!<arch>\n{}abc", header("a", "9999999999"));
        let mut archive = ArReader::new(text.as_bytes()).unwrap();
        archive.next_member().unwrap();
        let error = archive.next_member().unwrap_err().to_string();
        assert_eq!(error, "the archive is incomplete: a ends after 3 of 9999999999 bytes");
    }

    proptest! {
        #[test]
        fn any_bytes_end_in_members_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut archive = b"!<arch>\n".to_vec();
            archive.extend(bytes);
            let mut reader = ArReader::new(archive.as_slice()).unwrap();
            while let Ok(Some(_)) = reader.next_member() {}
        }
    }
}
