//! The members of a layer without their files' contents, for layers that are believed to be what their digest says.
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, SeekFrom};

use invar_formats::Limited;
use invar_formats::tar::{Policy, TarReader};
use invar_tree::{Digest, Hasher, ImagePath};

use crate::blobs::Blob;
use crate::listing::Keeper;
use crate::members::members;
use crate::{Compression, Keep, LayerFault, Limits, Member};

/// What is in a layer, as far as it has been read: neither its digest nor that of every file has been made.
#[derive(Debug, Clone)]
pub struct Outline {
    /// Its members, in their order. The digest of a file in [`unread`](Self::unread) is not that of its content: it is
    /// made from the layer's name and the file's path, so that it is only ever equal to itself.
    pub members: Vec<Member>,
    /// The beginnings of files that were asked for.
    pub kept: BTreeMap<ImagePath, Vec<u8>>,
    /// The files whose contents were stepped over.
    pub unread: BTreeSet<ImagePath>,
}

/// Which files are read.
pub type FileFilter<'a> = &'a dyn Fn(&ImagePath) -> bool;

/// Lists the members of `blob`, which is called `name`. Of files only those are read that `wanted` or `keep` ask for;
/// where the layer is not compressed, the disk is not asked for the others either.
pub(crate) fn outline(
    blob: &Blob,
    name: Digest,
    limits: &Limits,
    keep: Keep<'_>,
    wanted: FileFilter<'_>,
) -> Result<Outline, LayerFault> {
    let mut start = Vec::new();
    blob.open().and_then(|reader| reader.take(16).read_to_end(&mut start))?;
    let mut keeper = Keeper::new(keep, limits);
    let mut unread = BTreeSet::new();
    let mut content = |path: &ImagePath, size: u64, content: &mut dyn Read| {
        if wanted(path) || keep(path, size) > 0 {
            unread.remove(path);
            return keeper.file(path, size, content);
        }
        unread.insert(path.clone());
        let mut hasher = Hasher::new();
        hasher.update(name.as_bytes());
        hasher.update(path.as_str().as_bytes());
        Ok(hasher.finish())
    };
    let (members, _) = match Compression::of(&start)? {
        Compression::None => {
            let window = Window::open(blob)?;
            let mut archive = TarReader::with_skip(window, Policy::PaxSizes, limits.tar(), Window::step);
            members(&mut archive, &mut content)
        }
        compression => {
            let stored = BufReader::with_capacity(1 << 17, blob.open()?);
            let decoder = compression.decode(stored)?;
            let bounded = Limited::new(decoder, limits.unpacked_from(blob.size));
            let bounded = BufReader::with_capacity(1 << 17, bounded);
            members(&mut TarReader::new(bounded, Policy::PaxSizes, limits.tar()), &mut content)
        }
    }?;
    Ok(Outline { members, kept: keeper.kept, unread })
}

/// A blob in which one can step over bytes without reading them.
struct Window {
    file: BufReader<File>,
    left: u64,
}

impl Window {
    fn open(blob: &Blob) -> io::Result<Self> {
        let mut file = File::open(&blob.path)?;
        file.seek(SeekFrom::Start(blob.offset))?;
        // Small: what is wanted is mostly one header, after which there is a file that is stepped over.
        Ok(Self { file: BufReader::with_capacity(4096, file), left: blob.size })
    }

    fn step(&mut self, count: u64) -> io::Result<()> {
        self.left = self.left.checked_sub(count).ok_or(io::ErrorKind::UnexpectedEof)?;
        self.file.seek_relative(i64::try_from(count).map_err(|_| io::ErrorKind::UnexpectedEof)?)
    }
}

impl Read for Window {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let count = self.file.read(&mut buffer[..room])?;
        self.left -= count as u64;
        Ok(count)
    }
}
