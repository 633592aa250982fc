use std::collections::BTreeSet;
use std::io::{self, BufRead as _, BufReader, Read};
use std::path::PathBuf;

use invar_formats::Limited;
use invar_formats::tar::{MemberKind, Policy, TarReader};
use invar_tree::{Digest, Hasher, ImagePath};

use crate::blobs::{Blob, HashingReader};
use crate::directory;
use crate::document::Annotations;
use crate::listing::{Keep, Keeper, Listing};
use crate::members::{members, path_of};
use crate::outline::{FileFilter, Outline, outline};
use crate::{Compression, History, ImageError, LayerFault, Limits};

/// A layer of an image. Its bytes are read only by [`read`](Self::read) and [`contents`](Self::contents).
#[derive(Debug, Clone)]
pub struct Layer {
    pub(crate) path: PathBuf,
    pub(crate) label: String,
    pub(crate) source: LayerSource,
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
pub(crate) enum LayerSource {
    Blob(Blob),
    Directory,
}

impl Layer {
    /// How messages call it: `layer 3`.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Its length as it is stored, in bytes; none for a folder.
    pub fn size(&self) -> Option<u64> {
        match &self.source {
            LayerSource::Blob(blob) => Some(blob.size),
            LayerSource::Directory => None,
        }
    }

    /// Its first bytes as it is stored, at most `count`; none of a folder. They show how it is compressed.
    ///
    /// # Errors
    /// [`ImageError::Read`].
    pub fn start(&self, count: u64) -> Result<Vec<u8>, ImageError> {
        let mut start = Vec::new();
        if let LayerSource::Blob(blob) = &self.source {
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
            LayerSource::Directory => directory::list(&self.path, limits, keep),
            LayerSource::Blob(blob) => {
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
        wanted: FileFilter<'_>,
    ) -> Result<Outline, ImageError> {
        match (&self.source, self.diff_id.or(self.digest)) {
            (LayerSource::Blob(blob), Some(name)) => {
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
            LayerSource::Directory => directory::contents(&self.path, paths, take),
            LayerSource::Blob(blob) => {
                contents(blob, paths, limits, take).map_err(|source| self.fault(source))
            }
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

fn list(raw: impl Read, size: u64, limits: &Limits, keep: Keep<'_>) -> Result<Listing, LayerFault> {
    let mut stored = BufReader::with_capacity(1 << 17, HashingReader { reader: raw, hasher: Hasher::new() });
    let start = stored.fill_buf()?;
    let start = start[..start.len().min(16)].to_vec();
    let compression = Compression::of(&start)?;
    let decoder = compression.decode(&mut stored)?;
    let bounded = Limited::new(decoder, limits.unpacked_from(size));
    let unpacked =
        BufReader::with_capacity(1 << 17, HashingReader { reader: bounded, hasher: Hasher::new() });
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
