use std::collections::BTreeMap;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use invar_tree::{ImagePath, PathError};
use zip::read::{ArchiveOffset, Config, ZipFile};
use zip::{CompressionMethod, ZipArchive};

use super::WheelFault;
use super::error::shortened;
use crate::name::DistributionName;

/// More members are refused; the largest wheels have some ten thousand.
const MOST_MEMBERS: usize = 500_000;

/// A wheel whose files have more bytes is refused; the largest have a few thousand million.
const MOST_BYTES: u64 = 32 << 30;

/// Up to this many bytes, a wheel may be compressed as well as it can be.
const UNSUSPICIOUS: u64 = 256 << 20;

/// Beyond that, the files may not be more than this many times as large as the archive: deflate alone reaches 1,032,
/// real wheels stay below 50.
const RATIO: u64 = 200;

/// Files that are read as a whole may not be larger.
const MOST_SMALL: u64 = 64 << 20;

/// A file or folder of the archive whose name has been checked.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    index: usize,
    /// The name, normalized: no `.`, no empty part, no slash at either end.
    pub(crate) path: String,
    pub(crate) directory: bool,
    pub(crate) executable: bool,
    /// The size that the archive states.
    pub(crate) size: u64,
}

/// A wheel's archive, all of whose names have been checked.
pub(crate) struct Archive<R> {
    zip: ZipArchive<R>,
    members: Vec<Member>,
    by_path: BTreeMap<String, usize>,
}

impl<R: Read + Seek> Archive<R> {
    pub(crate) fn open(mut reader: R) -> Result<Self, WheelFault> {
        let whole = |error: io::Error| WheelFault::Archive(error.into());
        let length = reader.seek(SeekFrom::End(0)).map_err(whole)?;
        // A fixed offset: an archive that starts later is another one to other readers.
        let config = Config { archive_offset: ArchiveOffset::Known(0) };
        let mut zip = ZipArchive::with_config(config, reader).map_err(WheelFault::Archive)?;
        if zip.len() > MOST_MEMBERS {
            return Err(WheelFault::Members { found: zip.len(), limit: MOST_MEMBERS });
        }
        if zip.has_duplicate_names() {
            zip = ZipArchive::with_config(config, check_replaced(zip)?).map_err(WheelFault::Archive)?;
        }
        let mut members = Vec::with_capacity(zip.len());
        let mut by_path = BTreeMap::new();
        let mut declared = 0u64;
        for index in 0..zip.len() {
            let member = member(&zip, index)?;
            declared = declared.saturating_add(member.size);
            if by_path.insert(member.path.clone(), members.len()).is_some() {
                return Err(WheelFault::Duplicate { path: member.path });
            }
            members.push(member);
        }
        let limit = MOST_BYTES.min(UNSUSPICIOUS.max(length.saturating_mul(RATIO)));
        if declared > limit {
            return Err(WheelFault::Bomb { declared, limit });
        }
        Ok(Self { zip, members, by_path })
    }

    /// The members in the order of the archive.
    pub(crate) fn members(&self) -> Vec<Member> {
        self.members.clone()
    }

    /// The name of the only `.dist-info` folder.
    pub(crate) fn dist_info(&self, name: &DistributionName) -> Result<String, WheelFault> {
        let mut found: Vec<String> = self
            .members
            .iter()
            .filter_map(|member| member.path.split_once('/'))
            .map(|(first, _)| first.to_owned())
            .filter(|first| first.ends_with(".dist-info"))
            .collect();
        found.sort_unstable();
        found.dedup();
        // As pip has it: the folder starts with the name, however that is spelt.
        let starts = |folder: &str| {
            let mut plain = folder.to_ascii_lowercase().replace(['_', '.'], "-");
            while plain.contains("--") {
                plain = plain.replace("--", "-");
            }
            plain.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('-'))
        };
        match &found[..] {
            [folder] if starts(folder) => Ok(folder.clone()),
            _ => Err(WheelFault::DistInfo { expected: name.to_string(), found }),
        }
    }

    /// The content of a file, if there is one.
    pub(crate) fn small(&mut self, path: &str) -> Result<Option<Vec<u8>>, WheelFault> {
        let Some(&index) = self.by_path.get(path) else { return Ok(None) };
        let member = self.members[index].clone();
        if member.directory {
            return Ok(None);
        }
        if member.size > MOST_SMALL {
            return Err(WheelFault::TooLarge { path: member.path, found: member.size, limit: MOST_SMALL });
        }
        let mut content = Vec::new();
        let mut checked = Checked::new(self.read(&member)?, &member);
        checked
            .read_to_end(&mut content)
            .map_err(|source| WheelFault::Read { path: member.path.clone(), source })?;
        checked.finish()?;
        Ok(Some(content))
    }

    /// The content of a file that must be there.
    pub(crate) fn needed(&mut self, path: &str) -> Result<Vec<u8>, WheelFault> {
        self.small(path)?.ok_or_else(|| WheelFault::Missing { path: path.to_owned() })
    }

    pub(crate) fn read(&mut self, member: &Member) -> Result<ZipFile<'_, R>, WheelFault> {
        self.zip.by_index(member.index).map_err(WheelFault::Archive)
    }
}

/// Makes sure that each member that the reader has dropped, because a later one has the same name, has the content of
/// that one; as `uv` has it, a file may be there twice if both are the same.
///
/// The directory is read again, as APPNOTE.TXT, section 4.3.12 has it: each header has 46 bytes, among them the checksum
/// and the size of the content, and the lengths of the name, the extra field and the comment that follow it.
fn check_replaced<R: Read + Seek>(zip: ZipArchive<R>) -> Result<R, WheelFault> {
    const HEADER: usize = 46;
    let mut kept = BTreeMap::new();
    for index in 0..zip.len() {
        let file = zip.by_index_data(index).map_err(WheelFault::Archive)?;
        kept.insert(file.central_header_start(), (file.name_raw().to_vec(), file.crc32(), file.size()));
    }
    let contents: BTreeMap<&[u8], (u32, u64)> =
        kept.values().map(|(name, checksum, size)| (name.as_slice(), (*checksum, *size))).collect();
    let broken = |error: io::Error| WheelFault::Archive(error.into());
    let mut at = zip.central_directory_start();
    let last = kept.last_key_value().map_or(at, |(start, _)| *start);
    let mut reader = BufReader::new(zip.into_inner());
    reader.seek(SeekFrom::Start(at)).map_err(broken)?;
    while at < last {
        let mut header = [0; HEADER];
        reader.read_exact(&mut header).map_err(broken)?;
        let length = |place: usize| u16::from_le_bytes([header[place], header[place + 1]]);
        let number = |place: usize| u32::from_le_bytes([0, 1, 2, 3].map(|byte| header[place + byte]));
        let (name, extra, comment) = (length(28), length(30), length(32));
        let mut path = vec![0; usize::from(name)];
        reader.read_exact(&mut path).map_err(broken)?;
        let same = contents.get(path.as_slice()) == Some(&(number(16), number(24).into()));
        if !kept.contains_key(&at) && !same {
            return Err(WheelFault::Duplicate { path: shortened(&String::from_utf8_lossy(&path)) });
        }
        let rest = i64::from(extra) + i64::from(comment);
        reader.seek_relative(rest).map_err(broken)?;
        at += HEADER as u64 + u64::from(name) + u64::from(extra) + u64::from(comment);
    }
    Ok(reader.into_inner())
}

fn member<R: Read + Seek>(zip: &ZipArchive<R>, index: usize) -> Result<Member, WheelFault> {
    let file = zip.by_index_data(index).map_err(WheelFault::Archive)?;
    let raw = file.name_raw();
    let lossy = || shortened(&String::from_utf8_lossy(raw));
    let Ok(name) = std::str::from_utf8(raw) else {
        return Err(WheelFault::Path { source: PathError::NotUtf8 { path: lossy() }, path: lossy() });
    };
    // On Linux, a backslash is a letter like others, and uv takes it for one; what reads it as a separator must not be
    // led out of the environment.
    let climbs = name.split(['/', '\\']).any(|part| part == "..") || name.starts_with('\\');
    if name.chars().any(char::is_control) || name.contains('\\') && climbs {
        return Err(WheelFault::Character { path: lossy() });
    }
    let path = ImagePath::parse(name).map_err(|source| WheelFault::Path { path: lossy(), source })?;
    let path = path.as_str().to_owned();
    if file.encrypted() {
        return Err(WheelFault::Encrypted { path });
    }
    let method = file.compression();
    if !matches!(method, CompressionMethod::Stored | CompressionMethod::Deflated) {
        return Err(WheelFault::Compression { path, method: format!("{method:?}") });
    }
    // Only archives that were created on Unix have a mode there.
    let mode = if file.system() == zip::System::Unix { file.external_attributes() >> 16 } else { 0 };
    let directory = name.ends_with('/');
    let kind = mode & 0o170_000;
    let plain = match directory {
        // The name decides, as in uv: some writers give directories the kind of a file.
        true => matches!(kind, 0 | 0o040_000 | 0o100_000),
        // Some writers leave the kind of a file out.
        false => matches!(kind, 0 | 0o100_000),
    };
    if !plain {
        return Err(WheelFault::Kind { path });
    }
    let size = if directory { 0 } else { file.size() };
    Ok(Member { index, path, directory, executable: mode & 0o111 != 0, size })
}

/// The content of a member, which is measured while it is read.
pub(crate) struct Checked<'a, T> {
    content: T,
    member: &'a Member,
    read: u64,
}

impl<'a, T: Read> Checked<'a, T> {
    pub(crate) fn new(content: T, member: &'a Member) -> Self {
        Self { content, member, read: 0 }
    }

    /// Checks what was read; the content must have been read to its end.
    pub(crate) fn finish(self) -> Result<(), WheelFault> {
        let Self { member, read, .. } = self;
        if read != member.size {
            return Err(WheelFault::Size { path: member.path.clone(), expected: member.size, found: read });
        }
        Ok(())
    }
}

impl<T: Read> Read for Checked<'_, T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.content.read(buffer)?;
        self.read += count as u64;
        if self.read > self.member.size {
            let message = format!("it is longer than the {} bytes that the archive states", self.member.size);
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        Ok(count)
    }
}
