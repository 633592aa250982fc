//! Where the blobs of an image are: in a tar archive, which is read at the places where its members are, or in a folder.
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use invar_formats::tar::{MemberKind, Policy, TarReader};
use invar_tree::{Digest, Hasher, ImagePath};

use crate::{Document, EntryFault, ImageError, LayerFault, Limits};

/// Some bytes of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Blob {
    pub path: PathBuf,
    pub offset: u64,
    pub size: u64,
}

/// All blobs of one archive or folder.
#[derive(Debug)]
pub(crate) enum Blobs {
    Archive { path: PathBuf, members: BTreeMap<String, ArchiveMember> },
    Directory(PathBuf),
}

/// A member of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ArchiveMember {
    Bytes {
        offset: u64,
        size: u64,
    },
    /// A link to another member: how Podman and old versions of Docker write a layer that comes twice.
    Link(String),
}

impl Blob {
    /// A reader of its bytes.
    pub fn open(&self) -> io::Result<impl Read + use<>> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(self.offset))?;
        Ok(file.take(self.size))
    }
}

impl Blobs {
    /// Lists the members of the archive at `path`, without reading their contents.
    pub fn archive(path: &Path, limits: &Limits) -> Result<Self, ImageError> {
        let fail = |source| ImageError::Archive { path: path.to_owned(), source };
        let file = File::open(path).map_err(|source| ImageError::Read { path: path.to_owned(), source })?;
        let length = file.metadata().map(|metadata| metadata.len());
        let length = length.map_err(|source| ImageError::Read { path: path.to_owned(), source })?;
        // A small buffer: between two headers there is a blob, which is stepped over.
        let reader = BufReader::with_capacity(4096, file);
        let skip = |reader: &mut BufReader<File>, count: u64| {
            let count = i64::try_from(count).map_err(|_| io::Error::from(io::ErrorKind::UnexpectedEof))?;
            reader.seek_relative(count)
        };
        let mut archive = TarReader::with_skip(reader, Policy::PaxSizes, limits.tar(), skip);
        let mut members = BTreeMap::new();
        while let Some(header) = archive.next_member().map_err(|error| fail(error.into()))? {
            let Ok(name) = ImagePath::parse_bytes(&header.path) else { continue };
            let found = match header.kind() {
                MemberKind::File => ArchiveMember::Bytes { offset: archive.position(), size: header.size },
                MemberKind::HardLink => {
                    ArchiveMember::Link(String::from_utf8_lossy(&header.link).into_owned())
                }
                MemberKind::Symlink => {
                    let target = String::from_utf8_lossy(&header.link).into_owned();
                    match beside(&name, &target) {
                        Some(target) => ArchiveMember::Link(target),
                        None => continue,
                    }
                }
                _ => continue,
            };
            if archive.position().saturating_add(header.size) > length {
                return Err(fail(io::Error::from(io::ErrorKind::UnexpectedEof).into()));
            }
            let text = name.as_str().to_owned();
            // Two members of one name are two images in one: which of them is meant is for nobody to guess.
            if members.insert(text.clone(), found).is_some() {
                return Err(fail(LayerFault::Entry { path: text, fault: EntryFault::Twice }));
            }
        }
        Ok(Self::Archive { path: path.to_owned(), members })
    }

    /// The archive or folder.
    pub fn path(&self) -> &Path {
        match self {
            Self::Archive { path, .. } | Self::Directory(path) => path,
        }
    }

    /// Whether there is a member of this name.
    pub fn has(&self, name: &str) -> bool {
        matches!(self.find(name), Ok(Some(_)))
    }

    /// The file `name`.
    pub fn find(&self, name: &str) -> Result<Option<Blob>, ImageError> {
        match self {
            Self::Archive { path, members } => {
                let mut name = name.to_owned();
                // A link to a link is not written by anyone; a few steps are enough, and no circle is followed.
                for _ in 0..4 {
                    match members.get(&name) {
                        Some(&ArchiveMember::Bytes { offset, size }) => {
                            return Ok(Some(Blob { path: path.clone(), offset, size }));
                        }
                        Some(ArchiveMember::Link(target)) => name = target.clone(),
                        None => return Ok(None),
                    }
                }
                Ok(None)
            }
            Self::Directory(directory) => {
                let Ok(name) = ImagePath::parse(name) else { return Ok(None) };
                let path = directory.join(name.as_str());
                match std::fs::metadata(&path) {
                    // Anything else, such as a pipe, could keep its reader waiting for ever.
                    Ok(metadata) if metadata.is_file() => {
                        Ok(Some(Blob { path, offset: 0, size: metadata.len() }))
                    }
                    Ok(_) => Ok(None),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                    Err(source) => Err(ImageError::Read { path, source }),
                }
            }
        }
    }

    /// The file `name`, which must be there.
    pub fn get(&self, name: &str) -> Result<Blob, ImageError> {
        self.find(name)?
            .ok_or_else(|| ImageError::Missing { path: self.path().to_owned(), what: name.to_owned() })
    }

    /// The document `name`; with `expected`, its digest is checked.
    pub fn document(
        &self,
        name: &str,
        expected: Option<Digest>,
        limits: &Limits,
    ) -> Result<Document, ImageError> {
        let blob = self.get(name)?;
        let path = self.path();
        if blob.size > limits.document {
            let (size, limit) = (blob.size, limits.document);
            return Err(ImageError::DocumentTooLong {
                path: path.to_owned(),
                what: name.to_owned(),
                size,
                limit,
            });
        }
        let mut bytes = Vec::new();
        let read = blob.open().and_then(|mut reader| reader.read_to_end(&mut bytes));
        read.map_err(|source| ImageError::Read { path: blob.path.clone(), source })?;
        let found = Digest::of(&bytes);
        if let Some(expected) = expected.filter(|expected| *expected != found) {
            return Err(ImageError::Digest { path: path.to_owned(), what: name.to_owned(), expected, found });
        }
        let value = serde_json::from_slice(&bytes);
        let value = value.map_err(|source| ImageError::Document {
            path: path.to_owned(),
            what: name.to_owned(),
            source,
        })?;
        Ok(Document { digest: found, bytes, value })
    }
}

/// A reader that hashes what passes.
pub(crate) struct HashingReader<R> {
    pub reader: R,
    pub hasher: Hasher,
}

impl<R: Read> Read for HashingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        Ok(count)
    }
}

/// The name of the blob with this digest in an OCI layout, and the digest.
pub(crate) fn blob_name(path: &Path, digest: &str) -> Result<(String, Digest), ImageError> {
    let parsed = Digest::from_str(digest)
        .map_err(|_| ImageError::Algorithm { path: path.to_owned(), digest: digest.to_owned() })?;
    Ok((format!("blobs/sha256/{}", parsed.hex()), parsed))
}

/// Where a symbolic link leads, as a name in the archive; `None` for what leads out of it.
fn beside(link: &ImagePath, target: &str) -> Option<String> {
    let mut names: Vec<&str> = link.as_str().split('/').collect();
    names.pop();
    if target.starts_with('/') {
        return None;
    }
    for name in target.split('/') {
        match name {
            "" | "." => {}
            ".." => drop(names.pop()?),
            name => names.push(name),
        }
    }
    Some(names.join("/"))
}
