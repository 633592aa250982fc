//! A member's header: the fields of its block, and what extensions say instead.
use std::fmt;
use std::ops::Range;

use super::extensions::{Extensions, SPARSE, until_nul};
use super::{BLOCK, TarFault, Time};

/// How a member's header is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TarFormat {
    /// The old format.
    V7,
    /// POSIX ustar.
    Ustar,
    /// ustar with a pax extended header.
    Pax,
    /// GNU's.
    Gnu,
}

impl fmt::Display for TarFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V7 => "v7",
            Self::Ustar => "ustar",
            Self::Pax => "pax",
            Self::Gnu => "GNU",
        })
    }
}

/// What a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberKind {
    /// A regular file, with content.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A second name of a file that came before.
    HardLink,
    /// A device.
    Device {
        /// Whether it is a block device; otherwise it is a character device.
        block: bool,
    },
    /// A named pipe.
    Pipe,
    /// A file with holes; its content is written in a way that is not read here.
    Sparse,
    /// Something else; the flag.
    Other(u8),
}

/// What is said of a member. Numbers are read when they are asked for, so that nobody stumbles over those that do not
/// matter to them.
#[derive(Debug)]
pub struct Header {
    /// Its path, as the archive has it.
    pub path: Vec<u8>,
    /// The target of a link.
    pub link: Vec<u8>,
    /// The length of its content in bytes.
    pub size: u64,
    /// The flag for its type.
    pub flag: u8,
    block: [u8; BLOCK],
    extensions: Extensions,
}

impl Header {
    pub(super) fn new(block: [u8; BLOCK], mut extensions: Extensions, size: u64) -> Self {
        let mut take = |key: &[u8]| extensions.records.remove(key);
        let path = take(b"path").unwrap_or_else(|| stored_path(&block));
        let link = take(b"linkpath").unwrap_or_else(|| until_nul(&block[157..257]).to_vec());
        Self { path, link, size, flag: block[156], block, extensions }
    }

    /// What it is.
    pub fn kind(&self) -> MemberKind {
        if self.extensions.records.keys().any(|key| key.starts_with(SPARSE)) {
            return MemberKind::Sparse;
        }
        match self.flag {
            // The old format has no type for directories; a slash says it.
            b'0' | 0 if self.path.ends_with(b"/") => MemberKind::Directory,
            b'0' | 0 | b'7' => MemberKind::File,
            b'1' => MemberKind::HardLink,
            b'2' => MemberKind::Symlink,
            b'3' => MemberKind::Device { block: false },
            b'4' => MemberKind::Device { block: true },
            b'5' => MemberKind::Directory,
            b'6' => MemberKind::Pipe,
            b'S' => MemberKind::Sparse,
            flag => MemberKind::Other(flag),
        }
    }

    /// How its header is written.
    pub fn format(&self) -> TarFormat {
        match &self.block[257..265] {
            _ if self.extensions.pax => TarFormat::Pax,
            b"ustar  \0" => TarFormat::Gnu,
            _ if self.is_ustar() => TarFormat::Ustar,
            _ => TarFormat::V7,
        }
    }

    /// Its mode, with whatever bits it has.
    ///
    /// # Errors
    /// [`TarFault::Number`].
    pub fn mode(&self) -> Result<u32, TarFault> {
        self.small(100..108)
    }

    /// The number of its owner.
    ///
    /// # Errors
    /// [`TarFault`].
    pub fn uid(&self) -> Result<u64, TarFault> {
        self.owner(b"uid", 108..116)
    }

    /// The number of its group.
    ///
    /// # Errors
    /// [`TarFault`].
    pub fn gid(&self) -> Result<u64, TarFault> {
        self.owner(b"gid", 116..124)
    }

    /// When it was modified.
    ///
    /// # Errors
    /// [`TarFault`].
    pub fn time(&self) -> Result<Time, TarFault> {
        match self.record(b"mtime") {
            Some(value) => text_of(value).and_then(Time::parse).ok_or(TarFault::Extension),
            None if self.extensions.global => Err(TarFault::Extension),
            None => {
                let seconds = signed(&self.block[136..148]).ok_or(TarFault::Number)?;
                Ok(Time { seconds, nanoseconds: 0 })
            }
        }
    }

    /// The name of its owner, with what is not UTF-8 replaced; empty if it has none.
    pub fn user(&self) -> String {
        self.name(b"uname", 265..297)
    }

    /// The name of its group, with what is not UTF-8 replaced; empty if it has none.
    pub fn group(&self) -> String {
        self.name(b"gname", 297..329)
    }

    /// The major and minor number of a device; zeros for other members.
    ///
    /// # Errors
    /// [`TarFault::Number`].
    pub fn device(&self) -> Result<(u32, u32), TarFault> {
        match self.kind() {
            MemberKind::Device { .. } if self.is_ustar() => {
                Ok((self.small(329..337)?, self.small(337..345)?))
            }
            _ => Ok((0, 0)),
        }
    }

    /// Its extended attributes, each as name and value, in the order of their names.
    pub fn attributes(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let records = self.extensions.records.iter();
        records.filter_map(|(key, value)| Some((key.strip_prefix(b"SCHILY.xattr.")?, value.as_slice())))
    }

    /// The bytes of all that is kept of it.
    pub(super) fn length_of_names(&self) -> usize {
        let attributes = self.attributes().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        self.path.len() + self.link.len() + attributes
    }

    fn is_ustar(&self) -> bool {
        &self.block[257..262] == b"ustar"
    }

    fn record(&self, key: &[u8]) -> Option<&[u8]> {
        self.extensions.records.get(key).map(Vec::as_slice)
    }

    fn owner(&self, key: &[u8], field: Range<usize>) -> Result<u64, TarFault> {
        match self.record(key) {
            Some(value) => text_of(value).and_then(|text| text.parse().ok()).ok_or(TarFault::Extension),
            None if self.extensions.global => Err(TarFault::Extension),
            None => number(&self.block[field]).ok_or(TarFault::Number),
        }
    }

    fn small(&self, field: Range<usize>) -> Result<u32, TarFault> {
        number(&self.block[field]).and_then(|value| u32::try_from(value).ok()).ok_or(TarFault::Number)
    }

    fn name(&self, key: &[u8], field: Range<usize>) -> String {
        let stored = if self.is_ustar() { until_nul(&self.block[field]) } else { b"" };
        String::from_utf8_lossy(self.record(key).unwrap_or(stored)).into_owned()
    }
}

/// The length of the content that follows the block, and must not be longer than a file can be.
pub(super) fn size(block: &[u8; BLOCK]) -> Result<u64, TarFault> {
    number(&block[124..136]).ok_or(TarFault::Number)
}

/// The length that an extended header gives instead, if it does.
pub(super) fn extended_size(extensions: &Extensions) -> Result<Option<u64>, TarFault> {
    let Some(value) = extensions.records.get(&b"size"[..]) else { return Ok(None) };
    let size = text_of(value).and_then(|text| text.parse().ok()).filter(|&size| i64::try_from(size).is_ok());
    size.map(Some).ok_or(TarFault::Extension)
}

/// Whether the block's sum is the one that it states. Some writers summed signed bytes.
pub(super) fn checksum_holds(block: &[u8; BLOCK]) -> bool {
    let Some(stated) = number(&block[148..156]) else { return false };
    let bytes =
        || block.iter().enumerate().map(|(at, &byte)| if (148..156).contains(&at) { b' ' } else { byte });
    let unsigned: u64 = bytes().map(u64::from).sum();
    let signed: i64 = bytes().map(|byte| i64::from(byte.cast_signed())).sum();
    stated == unsigned || i64::try_from(stated) == Ok(signed)
}

/// The path in a header's block.
pub(super) fn stored_path(block: &[u8; BLOCK]) -> Vec<u8> {
    let name = until_nul(&block[..100]);
    // GNU's format has other fields where ustar has the prefix.
    match until_nul(&block[345..500]) {
        prefix if &block[257..263] == b"ustar\0" && !prefix.is_empty() => [prefix, b"/", name].concat(),
        _ => name.to_vec(),
    }
}

fn text_of(value: &[u8]) -> Option<&str> {
    std::str::from_utf8(value).ok()
}

/// Octal digits between blanks and NULs, or, with the highest bit set, a number in base 256. Nothing is zero.
fn signed(field: &[u8]) -> Option<i64> {
    let (&first, rest) = field.split_first()?;
    if first & 0x80 != 0 {
        let start = if first & 0x40 != 0 { -1 } else { i64::from(first & 0x3f) };
        return rest
            .iter()
            .try_fold(start, |value, &byte| value.checked_mul(256)?.checked_add(i64::from(byte)));
    }
    let digits = until_nul(field).trim_ascii();
    digits.iter().try_fold(0_i64, |value, &digit| match digit {
        b'0'..=b'7' => value.checked_mul(8)?.checked_add(i64::from(digit - b'0')),
        _ => None,
    })
}

fn number(field: &[u8]) -> Option<u64> {
    signed(field).and_then(|value| u64::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_octal_or_base_256() {
        let check = |field: &[u8], expected| assert_eq!(signed(field), expected, "{field:?}");
        check(b"0000644\0", Some(0o644));
        check(b" 644 \0\0\0", Some(0o644));
        check(b"\0\0\0\0\0\0\0\0", Some(0));
        check(b"\x80\0\0\0\0\0\x01\0", Some(256));
        check(b"\xff\xff\xff\xff\xff\xff\xff\xff", Some(-1));
        check(b"0000648\0", None);
        check(b"\xbf\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", None);
    }
}
