//! The header of one tar member.
//!
//! A header is one block of 512 bytes in the POSIX ustar format (IEEE Std 1003.1-2017, `pax`, "ustar Interchange
//! Format"):
//!
//! | offset | length | field | bytes |
//! | --- | --- | --- | --- |
//! | 0 | 100 | name | the path, or what follows the split; NULs to the end |
//! | 100 | 8 | mode | 7 octal digits of the 12 permission bits, NUL |
//! | 108 | 8 | uid | 7 octal digits, NUL |
//! | 116 | 8 | gid | 7 octal digits, NUL |
//! | 124 | 12 | size | 11 octal digits, NUL; zero for all but files |
//! | 136 | 12 | mtime | 11 octal digits of [`FILE_TIME`], NUL |
//! | 148 | 8 | chksum | 6 octal digits, NUL, space: the sum of the block's bytes with this field as spaces |
//! | 156 | 1 | typeflag | `0` file, `2` symbolic link, `5` directory, `x` extended header |
//! | 157 | 100 | linkname | a link's target; NULs to the end |
//! | 257 | 8 | magic, version | `ustar`, NUL, `00` |
//! | 265 | 64 | uname, gname | NULs: names of users are the host's |
//! | 329 | 16 | devmajor, devminor | each 7 zeros, NUL |
//! | 345 | 155 | prefix | what precedes the split; NULs to the end |
//! | 500 | 12 | | NULs |
//!
//! Paths are relative, without `./`; a directory's ends with a slash. A path longer than 100 bytes is split at the
//! first slash (not the last byte) that leaves at most 100 bytes for the name; the slash itself is not written.
//!
//! What does not fit gets a pax extended header before it: a block with typeflag `x`, name `PaxHeader`, mode `0644`,
//! owner `0:0` and no prefix, then the records, padded with NULs to a multiple of 512. Each record is
//! `<length> <key>=<value>\n`, with the length of the whole record in decimal, and they come in this order, each only
//! when needed:
//!
//! | key | when | and in the ustar field |
//! | --- | --- | --- |
//! | `gid` | 8 octal digits or more | zero |
//! | `linkpath` | longer than 100 bytes, or not ASCII | the target, or nothing if longer than 100 bytes |
//! | `path` | cannot be split so that the prefix has at most 155 bytes, or not ASCII | the path split, or else the last name cut at a character to at most 100 bytes |
//! | `size` | 12 octal digits or more | zero |
//! | `uid` | 8 octal digits or more | zero |
//!
//! ustar leaves open what bytes above 127 mean; pax says UTF-8. There is no atime and no ctime.
//!
//! Format break: every byte here reaches every layer.
use std::borrow::Cow;

use invar_tree::{Entry, ImagePath, Mode, Node, Owner};

/// The modification time of everything in an image, in seconds since 1970: 1980-01-02T00:00:00Z.
///
/// A zip archive cannot express a time before 1980, and Python's `zipfile` refuses to add an older file. Zip times are
/// local, so the first day of 1980 is still 1979 west of Greenwich; the second is 1980 in every time zone.
///
/// Format break: it is in every header of every layer.
pub const FILE_TIME: u64 = 315_619_200;

/// The size of a tar block in bytes.
pub(crate) const BLOCK: u64 = 512;

const NAME: usize = 100;
const PREFIX: usize = 155;
/// The largest number of 7 octal digits.
const LARGEST_ID: u32 = 0o7_777_777;
/// The largest number of 11 octal digits: 8 GiB less one byte.
const LARGEST_SIZE: u64 = 0o77_777_777_777;

/// What a member is.
pub(crate) enum MemberKind<'a> {
    /// A regular file of so many bytes, which follow the header.
    File { size: u64 },
    /// A symbolic link.
    Symlink { target: &'a str },
    /// A directory.
    Directory,
}

/// A member of a tar archive, all that its header says.
pub(crate) struct Member<'a> {
    /// The path, with the slash at the end of a directory's.
    path: Cow<'a, str>,
    kind: MemberKind<'a>,
    mode: Mode,
    owner: Owner,
}

impl<'a> Member<'a> {
    /// The member that a tree's entry becomes.
    pub(crate) fn of(path: &'a ImagePath, entry: &'a Entry) -> Self {
        let (path, kind) = match &entry.node {
            Node::Directory => (Cow::Owned(format!("{}/", path.as_str())), MemberKind::Directory),
            Node::File { size, .. } => (Cow::Borrowed(path.as_str()), MemberKind::File { size: *size }),
            Node::Symlink { target } => (Cow::Borrowed(path.as_str()), MemberKind::Symlink { target }),
        };
        Self { path, kind, mode: entry.mode, owner: entry.owner }
    }

    /// A plain file, `0644` and `0:0`.
    pub(crate) fn file(path: &'a str, size: u64) -> Self {
        Self { path: path.into(), kind: MemberKind::File { size }, mode: Mode::FILE, owner: Owner::ROOT }
    }

    /// A plain directory, `0755` and `0:0`; `path` ends with a slash.
    pub(crate) fn directory(path: &'a str) -> Self {
        Self { path: path.into(), kind: MemberKind::Directory, mode: Mode::DIRECTORY, owner: Owner::ROOT }
    }

    /// The header, a multiple of [`BLOCK`] long: one block, or an extended header before it.
    pub(crate) fn header(&self) -> Vec<u8> {
        let mut header = Vec::with_capacity(BLOCK as usize);
        let records = self.records();
        if !records.is_empty() {
            header.extend_from_slice(&block(&Fields {
                prefix: b"",
                name: b"PaxHeader",
                mode: Mode::FILE,
                owner: Owner::ROOT,
                size: records.len() as u64,
                typeflag: b'x',
                linkname: b"",
            }));
            header.extend_from_slice(records.as_bytes());
            header.resize(header.len() + padding(records.len() as u64), 0);
        }
        let (prefix, name) = split(&self.path).unwrap_or_else(|| ("", shorten(&self.path)));
        let (typeflag, size, target) = match self.kind {
            MemberKind::File { size } => (b'0', size, ""),
            MemberKind::Symlink { target } => (b'2', 0, target),
            MemberKind::Directory => (b'5', 0, ""),
        };
        let Owner { uid, gid } = self.owner;
        header.extend_from_slice(&block(&Fields {
            prefix: prefix.as_bytes(),
            name: name.as_bytes(),
            mode: self.mode,
            owner: Owner {
                uid: if uid <= LARGEST_ID { uid } else { 0 },
                gid: if gid <= LARGEST_ID { gid } else { 0 },
            },
            size: if size <= LARGEST_SIZE { size } else { 0 },
            typeflag,
            linkname: if target.len() <= NAME { target.as_bytes() } else { b"" },
        }));
        header
    }

    /// The records of the extended header; empty where ustar says it all.
    fn records(&self) -> String {
        let mut records = String::new();
        if self.owner.gid > LARGEST_ID {
            push_record(&mut records, "gid", &self.owner.gid.to_string());
        }
        if let MemberKind::Symlink { target } = self.kind
            && (target.len() > NAME || !target.is_ascii())
        {
            push_record(&mut records, "linkpath", target);
        }
        if !self.path.is_ascii() || split(&self.path).is_none() {
            push_record(&mut records, "path", &self.path);
        }
        if let MemberKind::File { size } = self.kind
            && size > LARGEST_SIZE
        {
            push_record(&mut records, "size", &size.to_string());
        }
        if self.owner.uid > LARGEST_ID {
            push_record(&mut records, "uid", &self.owner.uid.to_string());
        }
        records
    }
}

/// How many NULs follow `length` bytes of content.
pub(crate) fn padding(length: u64) -> usize {
    ((BLOCK - length % BLOCK) % BLOCK) as usize
}

/// Prefix and name of `path`, or `None` if it is too long for both.
fn split(path: &str) -> Option<(&str, &str)> {
    if path.len() <= NAME {
        return Some(("", path));
    }
    let bytes = path.as_bytes();
    let earliest = bytes.len() - NAME - 1;
    let slash = (earliest..bytes.len() - 1).find(|&index| bytes[index] == b'/')?;
    (slash <= PREFIX).then(|| (&path[..slash], &path[slash + 1..]))
}

/// What is in the name field where only the extended header has room for the path.
fn shorten(path: &str) -> &str {
    let path = path.trim_end_matches('/');
    let name = path.rsplit('/').next().unwrap_or(path);
    &name[..name.floor_char_boundary(NAME)]
}

fn push_record(records: &mut String, key: &str, value: &str) {
    // The length counts its own digits, so it may take one more digit than the rest needs.
    let rest = key.len() + value.len() + " =\n".len();
    let mut length = rest;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    records.push_str(&format!("{length} {key}={value}\n"));
}

struct Fields<'a> {
    prefix: &'a [u8],
    name: &'a [u8],
    mode: Mode,
    owner: Owner,
    size: u64,
    typeflag: u8,
    linkname: &'a [u8],
}

fn block(fields: &Fields<'_>) -> [u8; BLOCK as usize] {
    let mut block = [0; BLOCK as usize];
    let mut put = |offset: usize, bytes: &[u8]| block[offset..offset + bytes.len()].copy_from_slice(bytes);
    put(0, fields.name);
    put(100, format!("{:07o}", fields.mode.bits()).as_bytes());
    put(108, format!("{:07o}", fields.owner.uid).as_bytes());
    put(116, format!("{:07o}", fields.owner.gid).as_bytes());
    put(124, format!("{:011o}", fields.size).as_bytes());
    put(136, format!("{FILE_TIME:011o}").as_bytes());
    put(148, b"        ");
    put(156, &[fields.typeflag]);
    put(157, fields.linkname);
    put(257, b"ustar\x0000");
    put(329, b"0000000\x000000000\x00");
    put(345, fields.prefix);
    let sum: u32 = block.iter().copied().map(u32::from).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_split(path: &str, expected: Option<(usize, usize)>) {
        let lengths = split(path).map(|(prefix, name)| (prefix.len(), name.len()));
        assert_eq!(lengths, expected, "{path:?}");
    }

    #[test]
    fn a_path_is_split_at_the_first_slash_that_serves() {
        let a = |length| "a".repeat(length);
        check_split(&a(100), Some((0, 100)));
        check_split(&a(101), None);
        check_split(&format!("{}/{}", a(50), a(100)), Some((50, 100)));
        check_split(&format!("{}/{}", a(50), a(101)), None);
        check_split(&format!("{}/b/c/{}", a(97), a(10)), Some((97, 14)));
        check_split(&format!("{}/{}", a(155), a(100)), Some((155, 100)));
        check_split(&format!("{}/{}", a(156), a(99)), None);
        // A directory's own slash leaves no name, so it is no place to split.
        check_split(&format!("{}/", a(100)), None);
        check_split(&format!("b/{}/", a(99)), Some((1, 100)));
    }

    #[track_caller]
    fn check_record(key: &str, value: &str, expected: &str) {
        let mut records = String::new();
        push_record(&mut records, key, value);
        assert_eq!(records, expected);
    }

    #[test]
    fn a_record_counts_its_own_length() {
        check_record("k", "v", "6 k=v\n");
        check_record("k", "1234", "9 k=1234\n");
        // Nine bytes without the length: one digit is too few, two make it eleven.
        check_record("k", "12345", "11 k=12345\n");
        check_record("path", &"a".repeat(89), &format!("98 path={}\n", "a".repeat(89)));
        check_record("path", &"a".repeat(90), &format!("99 path={}\n", "a".repeat(90)));
        check_record("path", &"a".repeat(91), &format!("101 path={}\n", "a".repeat(91)));
    }

    #[test]
    fn what_does_not_fit_is_in_the_extended_header() {
        let owner = Owner { uid: 3_000_000, gid: u32::MAX };
        let member =
            Member { path: "big".into(), kind: MemberKind::File { size: 9 << 30 }, mode: Mode::FILE, owner };
        assert_eq!(member.records(), "18 gid=4294967295\n19 size=9663676416\n15 uid=3000000\n");
        let header = member.header();
        assert_eq!(header.len(), 3 * BLOCK as usize);
        let mut archive = tar::Archive::new(header.as_slice());
        let entry = archive.entries().unwrap().next().unwrap().unwrap();
        assert_eq!(entry.size(), 9 << 30);
        assert_eq!(entry.header().uid().unwrap(), 3_000_000);
        assert_eq!(entry.header().gid().unwrap(), u64::from(u32::MAX));
    }

    #[test]
    fn the_largest_that_fit_need_no_extended_header() {
        let owner = Owner { uid: LARGEST_ID, gid: LARGEST_ID };
        let kind = MemberKind::File { size: LARGEST_SIZE };
        let member = Member { path: "big".into(), kind, mode: Mode::new(0o7777), owner };
        let header = member.header();
        assert_eq!(header.len(), BLOCK as usize);
        let header = tar::Header::from_byte_slice(&header);
        assert_eq!(header.entry_size().unwrap(), LARGEST_SIZE);
        assert_eq!(header.uid().unwrap(), u64::from(LARGEST_ID));
        assert_eq!(header.mode().unwrap(), 0o7777);
    }

    #[test]
    fn a_shortened_name_is_whole_characters() {
        let name = "ä".repeat(60);
        assert_eq!(shorten(&format!("x/{name}/")), &name[..100]);
        let name = format!("b{name}");
        assert_eq!(shorten(&name).len(), 99);
    }
}
