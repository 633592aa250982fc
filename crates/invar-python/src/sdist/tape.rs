//! The tar in a source archive.
use std::io::{self, Read};

use tar::EntryType;

use super::top::{Top, entry};
use super::{EntryFault, SdistFault};

/// The longest extended header or long name, in bytes. Python writes one for each file whose time has a fraction.
const LONGEST_EXTENSION: u64 = 1 << 20;

/// What extended headers and long names say of the next entry.
#[derive(Default)]
struct Overrides {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    /// Whether anything was said, even if it does not matter here.
    pending: bool,
    size: Option<u64>,
    sparse: bool,
}

/// Gives all entries to `top`, and reads `reader` to its end.
pub(super) fn unpack(reader: impl Read, top: &mut Top<'_>) -> Result<(), SdistFault> {
    let mut archive = tar::Archive::new(reader);
    let mut overrides = Overrides::default();
    for found in archive.entries()?.raw(true) {
        let mut found = found?;
        let header = found.header().clone();
        let shown = |fault| entry(&header.path_bytes(), fault);
        let flag = header.entry_type();
        if matches!(
            flag,
            EntryType::XHeader | EntryType::XGlobalHeader | EntryType::GNULongName | EntryType::GNULongLink
        ) {
            let extension = read_extension(&mut found)?.ok_or_else(|| shown(EntryFault::Extension))?;
            top.count(extension.len())?;
            overrides.take(flag, extension).ok_or_else(|| shown(EntryFault::Extension))?;
            continue;
        }
        let overrides = std::mem::take(&mut overrides);
        let path = overrides.path.unwrap_or_else(|| found.path_bytes().into_owned());
        let link = overrides.link.or_else(|| found.link_name_bytes().map(|link| link.into_owned()));
        let link = link.unwrap_or_default();
        let size = found.size();
        // The size is the one thing that would move all that follows: two that differ are two archives in one.
        if overrides.size.is_some_and(|other| other != size) {
            return Err(entry(&path, EntryFault::Extension));
        }
        if overrides.sparse {
            return Err(entry(&path, EntryFault::Kind { kind: "a sparse file" }));
        }
        top.count(path.len() + link.len())?;
        let kind = |kind| Err(entry(&path, EntryFault::Kind { kind }));
        match flag {
            // The old format has no type for folders; a slash says it.
            EntryType::Regular if path.ends_with(b"/") => top.directory(&path)?,
            EntryType::Regular | EntryType::Continuous => {
                let mode = header.mode().map_err(|error| entry(&path, EntryFault::Number(error)))?;
                let mut content = Exact { reader: &mut found, left: size };
                top.file(&path, mode & 0o111 != 0, size, &mut content)?;
                // A sink reads all of it; what is left would hide a file that ends early.
                io::copy(&mut content, &mut io::sink())?;
            }
            EntryType::Directory => top.directory(&path)?,
            EntryType::Symlink => top.symlink(&path, &link)?,
            EntryType::Link => top.hard_link(&path, &link)?,
            EntryType::Char | EntryType::Block => kind("a device")?,
            EntryType::Fifo => kind("a named pipe")?,
            EntryType::GNUSparse => kind("a sparse file")?,
            _ => kind("an entry of an unknown type")?,
        }
    }
    if overrides.pending {
        return Err(entry(b"", EntryFault::Extension));
    }
    finish(archive.into_inner())
}

/// The content of an extension; `None` if it is too long.
fn read_extension(found: &mut tar::Entry<'_, impl Read>) -> io::Result<Option<Vec<u8>>> {
    let size = found.size();
    if size > LONGEST_EXTENSION {
        return Ok(None);
    }
    let mut content = Vec::new();
    Exact { reader: found, left: size }.read_to_end(&mut content)?;
    Ok(Some(content))
}

impl Overrides {
    /// `None` for what is malformed, or says twice what can be said once.
    fn take(&mut self, flag: EntryType, mut content: Vec<u8>) -> Option<()> {
        match flag {
            EntryType::GNULongName | EntryType::GNULongLink => {
                let end = content.iter().position(|&byte| byte == 0).unwrap_or(content.len());
                content.truncate(end);
                let slot = if flag == EntryType::GNULongName { &mut self.path } else { &mut self.link };
                self.pending = true;
                slot.replace(content).is_none().then_some(())
            }
            EntryType::XHeader => {
                self.pending = true;
                for (key, value) in records(&content)? {
                    match key {
                        b"path" => self.path = Some(value.to_vec()),
                        b"linkpath" => self.link = Some(value.to_vec()),
                        b"size" => self.size = Some(std::str::from_utf8(value).ok()?.parse().ok()?),
                        key if key.starts_with(b"GNU.sparse.") => self.sparse = true,
                        _ => {}
                    }
                }
                Some(())
            }
            // What is said of all files, such as the commit that git writes: only what would change them matters.
            _ => {
                let changes = |key: &[u8]| {
                    matches!(key, b"path" | b"linkpath" | b"size") || key.starts_with(b"GNU.sparse.")
                };
                records(&content)?.iter().all(|(key, _)| !changes(key)).then_some(())
            }
        }
    }
}

/// The records of a pax header: each is `LENGTH KEY=VALUE\n`, where the length counts all of it.
fn records(mut content: &[u8]) -> Option<Vec<(&[u8], &[u8])>> {
    let mut records = Vec::new();
    // Some writers fill the block with zeros that the size counts.
    while !content.iter().all(|&byte| byte == 0) {
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

/// Reads what follows the first block of zeros: more zeros, up to the end of what was compressed.
///
/// Reading on is what makes the decoder check the integrity of the whole stream.
fn finish(mut reader: impl Read) -> Result<(), SdistFault> {
    let mut buffer = [0; 1 << 13];
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(()),
            count if buffer[..count].iter().any(|&byte| byte != 0) => return Err(SdistFault::Trailing),
            _ => {}
        }
    }
}

/// A reader of exactly `left` more bytes: it fails where the archive ends early.
struct Exact<R> {
    reader: R,
    left: u64,
}

impl<R: Read> Read for Exact<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if room == 0 {
            return Ok(0);
        }
        match self.reader.read(&mut buffer[..room])? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                self.left -= count as u64;
                Ok(count)
            }
        }
    }
}
