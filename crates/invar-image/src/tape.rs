//! A tar archive as it passes by: the old format, ustar (IEEE Std 1003.1-2017, `pax`, "ustar Interchange Format"), pax
//! extended headers ("pax Extended Header"), and of GNU's extensions long names (`L`, `K`) and numbers in base 256.
//!
//! The `tar` crate is not used since it takes a file's size from the first header alone where it gives members as they
//! are, and joins long names without a bound where it does not.
use std::collections::BTreeMap;
use std::io::{self, Read};

use invar_tree::{Digest, Hasher};

use crate::{EntryFault, LayerFault, TarFormat, Time};

const BLOCK: usize = 512;

/// The longest extended header or long name, in bytes.
const LONGEST_EXTENSION: u64 = 1 << 20;

/// What a member's header says.
#[derive(Debug)]
pub(crate) struct Header {
    pub path: Vec<u8>,
    pub link: Vec<u8>,
    pub flag: u8,
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub size: u64,
    pub time: Time,
    pub user: String,
    pub group: String,
    pub device: (u32, u32),
    pub attributes: BTreeMap<String, Vec<u8>>,
    pub format: TarFormat,
    pub digest: Digest,
}

/// The archive.
pub(crate) struct Tape<R> {
    reader: R,
    position: u64,
    /// What is left of the content of the member that was given last.
    left: u64,
    /// The zeros after it.
    padding: u64,
}

/// What extended headers and long names say of the next member.
#[derive(Default)]
struct Extensions {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    uid: Option<u32>,
    gid: Option<u32>,
    time: Option<Time>,
    user: Option<String>,
    group: Option<String>,
    attributes: BTreeMap<String, Vec<u8>>,
    pax: bool,
    any: bool,
}

impl<R: Read> Tape<R> {
    pub fn new(reader: R) -> Self {
        Self { reader, position: 0, left: 0, padding: 0 }
    }

    /// Where the next byte is read from, in bytes from the archive's beginning.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The next member; what is left of the one before is passed over with `skip`.
    ///
    /// `None` is the end: a block of zeros, or no more blocks.
    pub fn next(
        &mut self,
        skip: impl Fn(&mut R, u64) -> io::Result<()>,
    ) -> Result<Option<Header>, LayerFault> {
        let mut extensions = Extensions::default();
        let mut raw = Hasher::new();
        loop {
            let rest = self.left + self.padding;
            if rest > 0 {
                skip(&mut self.reader, rest).map_err(LayerFault::Read)?;
                self.position += rest;
                (self.left, self.padding) = (0, 0);
            }
            let offset = self.position;
            let Some(block) = self.block()? else {
                return end(&extensions, offset);
            };
            if block.iter().all(|&byte| byte == 0) {
                return end(&extensions, offset);
            }
            if !checksum_holds(&block) {
                return Err(LayerFault::Header { offset });
            }
            raw.update(&block);
            let field = |range: std::ops::Range<usize>| &block[range];
            let path = stored_path(&block);
            let fail = |fault| entry_fault(&path, fault);
            let number = |range| number(field(range)).ok_or_else(|| fail(EntryFault::Number));
            let flag = block[156];
            let size =
                extensions.size.filter(|_| !is_extension(flag)).map_or_else(|| number(124..136), Ok)?;
            self.left = size;
            self.padding = (BLOCK as u64 - size % BLOCK as u64) % BLOCK as u64;
            if is_extension(flag) {
                let content = self.extension(size).map_err(LayerFault::Read)?;
                let content = content.ok_or_else(|| fail(EntryFault::Extension))?;
                raw.update(&content);
                extensions.take(flag, content).ok_or_else(|| fail(EntryFault::Extension))?;
                continue;
            }
            let small = |range| -> Result<u32, LayerFault> {
                u32::try_from(number(range)?).map_err(|_| fail(EntryFault::Number))
            };
            let ustar = field(257..262) == b"ustar";
            let gnu = field(257..265) == b"ustar  \0";
            let old_time = || Some(Time { seconds: signed(field(136..148))?, nanoseconds: 0 });
            let device = match flag {
                b'3' | b'4' if ustar => (small(329..337)?, small(337..345)?),
                _ => (0, 0),
            };
            return Ok(Some(Header {
                flag,
                mode: small(100..108)?,
                uid: extensions.uid.map_or_else(|| small(108..116), Ok)?,
                gid: extensions.gid.map_or_else(|| small(116..124), Ok)?,
                size,
                time: extensions.time.or_else(old_time).ok_or_else(|| fail(EntryFault::Number))?,
                user: extensions
                    .user
                    .unwrap_or_else(|| if ustar { text(field(265..297)) } else { String::new() }),
                group: extensions
                    .group
                    .unwrap_or_else(|| if ustar { text(field(297..329)) } else { String::new() }),
                device,
                attributes: extensions.attributes,
                format: match (gnu, ustar, extensions.pax) {
                    (_, _, true) => TarFormat::Pax,
                    (true, _, _) => TarFormat::Gnu,
                    (_, true, _) => TarFormat::Ustar,
                    _ => TarFormat::V7,
                },
                link: extensions.link.unwrap_or_else(|| until_nul(field(157..257)).to_vec()),
                path: extensions.path.unwrap_or(path),
                digest: raw.finish(),
            }));
        }
    }

    /// One block, or `None` where the archive ends between two blocks.
    fn block(&mut self) -> Result<Option<[u8; BLOCK]>, LayerFault> {
        let mut block = [0; BLOCK];
        let mut filled = 0;
        while filled < BLOCK {
            match self.reader.read(&mut block[filled..]) {
                Ok(0) if filled == 0 => return Ok(None),
                Ok(0) => return Err(LayerFault::Read(io::ErrorKind::UnexpectedEof.into())),
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(LayerFault::Read(error)),
            }
        }
        self.position += BLOCK as u64;
        Ok(Some(block))
    }

    /// The content of an extension; `None` if it is too long.
    fn extension(&mut self, size: u64) -> io::Result<Option<Vec<u8>>> {
        if size > LONGEST_EXTENSION {
            return Ok(None);
        }
        let mut content = Vec::new();
        self.content().read_to_end(&mut content)?;
        Ok(Some(content))
    }

    /// The content of the member that was given last; it fails where the archive ends early.
    pub fn content(&mut self) -> Content<'_, R> {
        Content { tape: self }
    }

    /// Reads what follows the end: zeros, up to the end of the stream. Reading on is what makes a decoder check the
    /// whole stream.
    pub fn finish(mut self) -> Result<R, LayerFault> {
        let mut buffer = [0; 1 << 14];
        loop {
            match self.reader.read(&mut buffer).map_err(LayerFault::Read)? {
                0 => return Ok(self.reader),
                count if buffer[..count].iter().any(|&byte| byte != 0) => return Err(LayerFault::Trailing),
                _ => {}
            }
        }
    }
}

/// See [`Tape::content`].
pub(crate) struct Content<'a, R> {
    tape: &'a mut Tape<R>,
}

impl<R: Read> Read for Content<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = buffer.len().min(usize::try_from(self.tape.left).unwrap_or(usize::MAX));
        if room == 0 {
            return Ok(0);
        }
        match self.tape.reader.read(&mut buffer[..room])? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                self.tape.left -= count as u64;
                self.tape.position += count as u64;
                Ok(count)
            }
        }
    }
}

/// Extensions that nothing follows hide a member.
fn end(extensions: &Extensions, offset: u64) -> Result<Option<Header>, LayerFault> {
    if extensions.any { Err(LayerFault::Header { offset }) } else { Ok(None) }
}

pub(crate) fn entry_fault(path: &[u8], fault: EntryFault) -> LayerFault {
    LayerFault::Entry { path: String::from_utf8_lossy(path).into_owned(), fault }
}

fn is_extension(flag: u8) -> bool {
    matches!(flag, b'x' | b'g' | b'L' | b'K')
}

/// Whether the block's sum is the one that it states. Some writers summed signed bytes.
fn checksum_holds(block: &[u8; BLOCK]) -> bool {
    let Some(stated) = number(&block[148..156]) else { return false };
    let bytes =
        || block.iter().enumerate().map(|(at, &byte)| if (148..156).contains(&at) { b' ' } else { byte });
    let unsigned: u64 = bytes().map(u64::from).sum();
    let signed: i64 = bytes().map(|byte| i64::from(byte.cast_signed())).sum();
    stated == unsigned || i64::try_from(stated) == Ok(signed)
}

/// The name in the first block of an archive; `None` where the block is no header.
pub(crate) fn first_name(start: &[u8]) -> Option<String> {
    let block = start.first_chunk::<BLOCK>()?;
    let is_header = checksum_holds(block) && block.iter().any(|&byte| byte != 0);
    is_header.then(|| String::from_utf8_lossy(&stored_path(block)).into_owned())
}

/// The path that the first block says.
fn stored_path(block: &[u8; BLOCK]) -> Vec<u8> {
    let name = until_nul(&block[..100]);
    // GNU's format has other fields where ustar has the prefix.
    match until_nul(&block[345..500]) {
        prefix if &block[257..263] == b"ustar\0" && !prefix.is_empty() => [prefix, b"/", name].concat(),
        _ => name.to_vec(),
    }
}

fn until_nul(field: &[u8]) -> &[u8] {
    field.split(|&byte| byte == 0).next().unwrap_or_default()
}

fn text(field: &[u8]) -> String {
    String::from_utf8_lossy(until_nul(field)).into_owned()
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

impl Extensions {
    /// `None` for what is malformed, or says twice what can be said once.
    fn take(&mut self, flag: u8, mut content: Vec<u8>) -> Option<()> {
        match flag {
            b'L' | b'K' => {
                let end = content.iter().position(|&byte| byte == 0).unwrap_or(content.len());
                content.truncate(end);
                self.any = true;
                let slot = if flag == b'L' { &mut self.path } else { &mut self.link };
                slot.replace(content).is_none().then_some(())
            }
            b'x' => {
                (self.any, self.pax) = (true, true);
                records(&content)?.into_iter().try_for_each(|(key, value)| self.record(key, value))
            }
            // What is said of all members, such as the commit that git writes: only what would change them matters.
            _ => {
                let changes = |key: &[u8]| {
                    matches!(key, b"path" | b"linkpath" | b"size" | b"uid" | b"gid" | b"mtime")
                        || key.starts_with(b"GNU.sparse.")
                };
                records(&content)?.iter().all(|(key, _)| !changes(key)).then_some(())
            }
        }
    }

    fn record(&mut self, key: &[u8], value: &[u8]) -> Option<()> {
        let words = || std::str::from_utf8(value).ok();
        match key {
            b"path" => self.path = Some(value.to_vec()),
            b"linkpath" => self.link = Some(value.to_vec()),
            b"size" => self.size = Some(words()?.parse().ok()?),
            b"uid" => self.uid = Some(words()?.parse().ok()?),
            b"gid" => self.gid = Some(words()?.parse().ok()?),
            b"uname" => self.user = Some(String::from_utf8_lossy(value).into_owned()),
            b"gname" => self.group = Some(String::from_utf8_lossy(value).into_owned()),
            b"mtime" => self.time = Some(pax_time(words()?)?),
            _ => {
                let key = std::str::from_utf8(key).ok()?;
                if key.starts_with("GNU.sparse.") {
                    return None;
                }
                if let Some(name) = key.strip_prefix("SCHILY.xattr.") {
                    self.attributes.insert(name.to_owned(), value.to_vec());
                }
            }
        }
        Some(())
    }
}

/// Decimal seconds with a fraction, which only reaches backwards for a time before 1970.
fn pax_time(text: &str) -> Option<Time> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds: i64 = whole.parse().ok()?;
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let nanoseconds: u32 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    Some(match whole.starts_with('-') && nanoseconds > 0 {
        true => Time { seconds: seconds.checked_sub(1)?, nanoseconds: 1_000_000_000 - nanoseconds },
        false => Time { seconds, nanoseconds },
    })
}

/// The records of a pax header: each is `LENGTH KEY=VALUE\n`, where the length counts all of it.
fn records(mut content: &[u8]) -> Option<Vec<(&[u8], &[u8])>> {
    let mut records = Vec::new();
    while content.iter().any(|&byte| byte != 0) {
        let space = content.iter().take(20).position(|&byte| byte == b' ')?;
        let length: usize = std::str::from_utf8(&content[..space]).ok()?.parse().ok()?;
        let (record, rest) = content.split_at_checked(length)?;
        let record = record.get(space + 1..)?.strip_suffix(b"\n")?;
        let equals = record.iter().position(|&byte| byte == b'=')?;
        records.push((&record[..equals], &record[equals + 1..]));
        content = rest;
    }
    Some(records)
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

    #[test]
    fn pax_times_have_fractions() {
        let check = |text: &str, expected: Option<(i64, u32)>| {
            let time = pax_time(text).map(|time| (time.seconds, time.nanoseconds));
            assert_eq!(time, expected, "{text}");
        };
        check("1700000000.5", Some((1_700_000_000, 500_000_000)));
        check("7", Some((7, 0)));
        check("7.1234567891", Some((7, 123_456_789)));
        check("-1.25", Some((-2, 750_000_000)));
        check("1.x", None);
        check("", None);
    }

    #[test]
    fn records_count_themselves() {
        assert_eq!(records(b"9 k=1234\n\0\0"), Some(vec![(&b"k"[..], &b"1234"[..])]));
        for bad in [&b"8 k=1234\n"[..], b"99 k=1\n", b"k=1\n", b"0 \n", b"7 k1234\n"] {
            assert_eq!(records(bad), None, "{bad:?}");
        }
    }
}
