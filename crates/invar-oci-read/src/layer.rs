use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead as _, BufReader, Read};
use std::path::PathBuf;

use invar_formats::Limited;
use invar_formats::tar::{Header, MemberKind, Policy, TarError, TarFault, TarReader};
use invar_tree::{Digest, Hasher, ImagePath, Mode, Owner, PathError};

use crate::blobs::{Blob, Hashing};
use crate::document::Annotations;
use crate::folder;
use crate::outline::{Outline, Wanted, outline};
use crate::{Compression, EntryFault, History, ImageError, Kind, LayerFault, Limits, Member};

/// A layer of an image. Its bytes are read only by [`read`](Self::read) and [`contents`](Self::contents).
#[derive(Debug, Clone)]
pub struct Layer {
    pub(crate) path: PathBuf,
    pub(crate) label: String,
    pub(crate) source: Source,
    /// The digest by which the manifest names it; none in Docker's older archives and for root file systems.
    pub digest: Option<Digest>,
    /// What the configuration says about it uncompressed.
    pub diff_id: Option<Digest>,
    /// What the manifest says it is.
    pub media_type: Option<String>,
    /// The annotations of its descriptor.
    pub annotations: Annotations,
    /// How it came about.
    pub history: Option<History>,
}

/// Where a layer's bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    Blob(Blob),
    Folder,
}

/// How many bytes of the beginning of a file are wanted, given its path and size.
pub type Keep<'a> = &'a dyn Fn(&ImagePath, u64) -> u64;

/// Nothing of any file is wanted.
pub const NOTHING: Keep<'static> = &|_, _| 0;

/// What is in a layer.
#[derive(Debug, Clone)]
pub struct Listing {
    /// Its members, in their order. A path that comes twice is there twice; the last counts.
    pub members: Vec<Member>,
    /// The member that is the root directory itself, if there is one. Its path is of no meaning.
    pub root: Option<(Mode, Owner)>,
    /// The beginnings of files that were asked for.
    pub kept: BTreeMap<ImagePath, Vec<u8>>,
    /// How it is compressed.
    pub compression: Compression,
    /// Its first bytes, which tell compressors apart.
    pub start: Vec<u8>,
    /// Its length as it is stored, in bytes.
    pub size: u64,
    /// Its digest as it is stored.
    pub digest: Digest,
    /// Its length when it is unpacked, in bytes.
    pub unpacked: u64,
    /// The digest of what it unpacks to.
    pub diff_id: Digest,
}

impl Layer {
    /// How messages call it: `layer 3`.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Its length as it is stored, in bytes; none for a folder.
    pub fn size(&self) -> Option<u64> {
        match &self.source {
            Source::Blob(blob) => Some(blob.size),
            Source::Folder => None,
        }
    }

    /// Its first bytes as it is stored, at most `count`; none of a folder. They tell how it is compressed.
    ///
    /// # Errors
    /// [`ImageError::Read`].
    pub fn start(&self, count: u64) -> Result<Vec<u8>, ImageError> {
        let mut start = Vec::new();
        if let Source::Blob(blob) = &self.source {
            let read = blob.open().and_then(|reader| reader.take(count).read_to_end(&mut start));
            read.map_err(|source| ImageError::Read { path: self.path.clone(), source })?;
        }
        Ok(start)
    }

    /// Whether both unpack to the same bytes, as far as their images say so.
    pub fn same_as(&self, other: &Self) -> bool {
        let both = |one: Option<Digest>, two: Option<Digest>| one.is_some() && one == two;
        both(self.diff_id, other.diff_id) || both(self.digest, other.digest)
    }

    /// Reads it to its end and checks its digest and diff ID. Of the files that `keep` names, the beginnings are kept,
    /// all together no more than [`Limits::kept`] bytes.
    ///
    /// # Errors
    /// [`ImageError::Layer`], [`ImageError::Digest`], [`ImageError::Read`].
    pub fn read(&self, limits: &Limits, keep: Keep<'_>) -> Result<Listing, ImageError> {
        match &self.source {
            Source::Folder => folder::list(&self.path, limits, keep),
            Source::Blob(blob) => {
                let listing =
                    blob.open().map_err(LayerFault::from).and_then(|raw| list(raw, blob.size, limits, keep));
                let listing = listing.map_err(|source| self.fault(source))?;
                self.check(&listing)?;
                Ok(listing)
            }
        }
    }

    /// Lists its members without reading it all: its digest is believed, and of its files only those are read that
    /// `wanted` or `keep` ask for.
    ///
    /// # Errors
    /// [`ImageError::Layer`], [`ImageError::Read`].
    pub fn outline(
        &self,
        limits: &Limits,
        keep: Keep<'_>,
        wanted: Wanted<'_>,
    ) -> Result<Outline, ImageError> {
        match (&self.source, self.diff_id.or(self.digest)) {
            (Source::Blob(blob), Some(name)) => {
                outline(blob, name, limits, keep, wanted).map_err(|source| self.fault(source))
            }
            // Without a name there is nothing to believe.
            _ => {
                let Listing { members, kept, .. } = self.read(limits, keep)?;
                Ok(Outline { members, kept, unread: BTreeSet::new() })
            }
        }
    }

    /// Gives the contents of the files at `paths` to `take`, in the order in which the layer has them; of what it has
    /// twice, the last counts. What is read is not checked again.
    ///
    /// # Errors
    /// As [`read`](Self::read), and what `take` says.
    pub fn contents(
        &self,
        paths: &BTreeSet<ImagePath>,
        limits: &Limits,
        take: &mut dyn FnMut(&ImagePath, &mut dyn Read) -> io::Result<()>,
    ) -> Result<(), ImageError> {
        match &self.source {
            Source::Folder => folder::contents(&self.path, paths, take),
            Source::Blob(blob) => contents(blob, paths, limits, take).map_err(|source| self.fault(source)),
        }
    }

    fn fault(&self, source: LayerFault) -> ImageError {
        ImageError::Layer { path: self.path.clone(), layer: self.label.clone(), source }
    }

    fn check(&self, listing: &Listing) -> Result<(), ImageError> {
        if let Some(expected) = self.digest.filter(|expected| *expected != listing.digest) {
            let (path, what) = (self.path.clone(), self.label.clone());
            return Err(ImageError::Digest { path, what, expected, found: listing.digest });
        }
        match self.diff_id {
            Some(expected) if expected != listing.diff_id => {
                Err(self.fault(LayerFault::DiffId { expected, found: listing.diff_id }))
            }
            _ => Ok(()),
        }
    }
}

/// What is kept of files, within a bound.
pub(crate) struct Keeper<'a> {
    keep: Keep<'a>,
    left: u64,
    pub kept: BTreeMap<ImagePath, Vec<u8>>,
}

impl<'a> Keeper<'a> {
    pub fn new(keep: Keep<'a>, limits: &Limits) -> Self {
        Self { keep, left: limits.kept, kept: BTreeMap::new() }
    }

    /// The digest of all that `content` gives, which must be `size` bytes.
    pub fn file(&mut self, path: &ImagePath, size: u64, mut content: &mut dyn Read) -> io::Result<Digest> {
        let wanted = (self.keep)(path, size).min(size);
        let mut hasher = Hasher::new();
        if wanted > 0 && wanted <= self.left {
            let mut start = Vec::new();
            Read::by_ref(&mut content).take(wanted).read_to_end(&mut start)?;
            hasher.update(&start);
            self.left -= start.len() as u64;
            // What the same layer has twice counts as it comes last.
            self.kept.insert(path.clone(), start);
        } else {
            self.kept.remove(path);
        }
        io::copy(&mut content, &mut hasher)?;
        if hasher.length() != size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(hasher.finish())
    }
}

fn list(raw: impl Read, size: u64, limits: &Limits, keep: Keep<'_>) -> Result<Listing, LayerFault> {
    let mut stored = BufReader::with_capacity(1 << 17, Hashing { reader: raw, hasher: Hasher::new() });
    let start = stored.fill_buf()?;
    let start = start[..start.len().min(16)].to_vec();
    let compression = Compression::of(&start)?;
    let decoder = compression.decode(&mut stored)?;
    let bounded = Limited::new(decoder, limits.unpacked_from(size));
    let unpacked = BufReader::with_capacity(1 << 17, Hashing { reader: bounded, hasher: Hasher::new() });
    let mut archive = TarReader::new(unpacked, Policy::PaxSizes, limits.tar());
    let mut keeper = Keeper::new(keep, limits);
    let mut content = |path: &ImagePath, size: u64, content: &mut dyn Read| keeper.file(path, size, content);
    let (members, root) = members(&mut archive, &mut content)?;
    let hasher = archive.finish()?.into_inner().hasher;
    let (unpacked, diff_id) = (hasher.length(), hasher.finish());
    // Some decoders stop at the end of the stream; what follows it belongs to the blob all the same.
    io::copy(&mut stored, &mut io::sink())?;
    let stored = stored.into_inner().hasher;
    let (size, digest) = (stored.length(), stored.finish());
    Ok(Listing { members, root, kept: keeper.kept, compression, start, size, digest, unpacked, diff_id })
}

type Members = (Vec<Member>, Option<(Mode, Owner)>);

/// All members of a tar archive. The digest of a file, given its path, its size and its content, is what `content` says.
pub(crate) fn members<R: Read>(
    archive: &mut TarReader<R>,
    content: &mut dyn FnMut(&ImagePath, u64, &mut dyn Read) -> io::Result<Digest>,
) -> Result<Members, LayerFault> {
    let (mut members, mut root) = (Vec::new(), None);
    while let Some(header) = archive.next_member()? {
        let fail = |fault| entry_fault(&header.path, fault);
        let bad = |fault| TarError::entry(&header.path, fault);
        let number = |found: Result<u64, TarFault>| {
            found.and_then(|number| u32::try_from(number).map_err(|_| TarFault::Number)).map_err(bad)
        };
        let mode = Mode::new(header.mode().map_err(bad)?);
        let owner = Owner { uid: number(header.uid())?, gid: number(header.gid())? };
        let digest = Digest::of(archive.raw_header());
        let path = match path_of(&header.path) {
            Ok(path) => path,
            Err(PathError::Empty) => {
                root = Some((mode, owner));
                continue;
            }
            Err(error) => return Err(fail(EntryFault::Path(error))),
        };
        let (path, kind) = kind_of(path, &header)?;
        let kind = match kind {
            Kind::File { size, .. } => {
                let digest = content(&path, size, &mut archive.content())?;
                Kind::File { size, digest }
            }
            kind => kind,
        };
        let attributes = header.attributes().map(|(name, value)| (escaped(name), value.to_vec()));
        members.push(Member {
            path,
            kind,
            mode,
            owner,
            owner_names: (header.user().into(), header.group().into()),
            time: header.time().map_err(bad)?,
            attributes: attributes.collect(),
            format: header.format().into(),
            header: digest,
        });
    }
    Ok((members, root))
}

/// A member's kind, with its path as it is when a whiteout's mark is taken off it. A file has no digest yet.
fn kind_of(path: ImagePath, header: &Header) -> Result<(ImagePath, Kind), LayerFault> {
    let fail = |fault| entry_fault(&header.path, fault);
    let kind = match header.kind() {
        MemberKind::File => Kind::File { size: header.size, digest: Digest::from_bytes([0; 32]) },
        MemberKind::HardLink => {
            let wrong =
                || fail(EntryFault::HardLink { target: String::from_utf8_lossy(&header.link).into_owned() });
            Kind::HardLink { original: path_of(&header.link).map_err(|_| wrong())? }
        }
        MemberKind::Symlink => Kind::Symlink { target: escaped(&header.link).into() },
        MemberKind::Device { block } => {
            let device = header.device().map_err(|fault| TarError::entry(&header.path, fault));
            let (major, minor) = device?;
            Kind::Device { block, major, minor }
        }
        MemberKind::Directory => Kind::Directory,
        MemberKind::Pipe => Kind::Pipe,
        MemberKind::Sparse => return Err(fail(EntryFault::Kind('S'))),
        MemberKind::Other(flag) => return Err(fail(EntryFault::Kind(char::from(flag)))),
    };
    // POSIX lets a hard link repeat the content of its file; a layer's never does.
    if header.size > 0 && !matches!(kind, Kind::File { .. }) {
        return Err(fail(EntryFault::Content));
    }
    let Some(name) = path.name().strip_prefix(".wh.").filter(|_| kind != Kind::Directory) else {
        return Ok((path, kind));
    };
    let below = |name: &str| match path.parent() {
        Some(parent) => parent.join(name),
        None => ImagePath::parse(name),
    };
    match name {
        // At the root itself there is no directory to name; everything of the lower layers goes.
        ".wh..opq" => Ok((path.parent().unwrap_or(path), Kind::Opaque)),
        // aufs' own notes, which mean nothing elsewhere.
        name if name.starts_with(".wh.") => Ok((path, kind)),
        name => Ok((below(name).map_err(|error| fail(EntryFault::Path(error)))?, Kind::Whiteout)),
    }
}

fn entry_fault(path: &[u8], fault: EntryFault) -> LayerFault {
    LayerFault::Entry { path: String::from_utf8_lossy(path).into_owned(), fault }
}

/// A path of a layer. A leading slash is taken off, as all who unpack layers do; bytes that are not UTF-8 are written
/// as `\xNN`, so that two files keep two names.
fn path_of(bytes: &[u8]) -> Result<ImagePath, PathError> {
    let start = bytes.iter().position(|&byte| byte != b'/').unwrap_or(bytes.len());
    ImagePath::parse(&escaped(&bytes[start..]))
}

pub(crate) fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02x}")));
    }
    text
}

fn contents(
    blob: &Blob,
    paths: &BTreeSet<ImagePath>,
    limits: &Limits,
    take: &mut dyn FnMut(&ImagePath, &mut dyn Read) -> io::Result<()>,
) -> Result<(), LayerFault> {
    let mut stored = BufReader::with_capacity(1 << 17, blob.open()?);
    let compression = Compression::of(stored.fill_buf()?)?;
    let decoder = compression.decode(stored)?;
    let bounded = Limited::new(decoder, limits.unpacked_from(blob.size));
    let bounded = BufReader::with_capacity(1 << 17, bounded);
    let mut archive = TarReader::new(bounded, Policy::PaxSizes, limits.tar());
    while let Some(header) = archive.next_member()? {
        if header.kind() == MemberKind::File
            && let Ok(path) = path_of(&header.path)
            && paths.contains(&path)
        {
            take(&path, &mut archive.content())?;
        }
    }
    Ok(())
}

/// Reads a tar archive that is in memory, which may be compressed, as the layer that it would be.
///
/// # Errors
/// [`LayerFault`].
pub fn read_tar(bytes: &[u8], limits: &Limits, keep: Keep<'_>) -> Result<Listing, LayerFault> {
    list(bytes, bytes.len() as u64, limits, keep)
}
