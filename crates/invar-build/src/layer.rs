//! Layers from finished pieces: each package's segment is concatenated, uncompressed into the diff ID and compressed
//! into the blob, so that one changed package costs one compression.
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use invar_oci::{END_OF_ARCHIVE, GzipWriter, Layer, gzip, write_directories, write_segment};
use invar_plan::LayerName;
use invar_store::{BlobWriter, Key, KeyWriter, Keyed, Store, StoredTree};
use invar_tree::{Contents, Digest, Hasher, Tree};

use crate::BuildError;

/// A layer of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltLayer {
    /// Its name.
    pub name: LayerName,
    /// Its digests and sizes.
    pub layer: Layer,
}

/// One tree's part of a layer.
pub(crate) struct Piece<'a> {
    /// The files and links that go into the layer.
    pub kept: Tree,
    /// Where they are.
    pub source: PieceSource<'a>,
}

impl<'a> Piece<'a> {
    /// Where its files are.
    pub fn contents(&self) -> &'a (dyn Contents + Sync) {
        match self.source {
            PieceSource::Whole(stored) => stored,
            PieceSource::Loose(contents) => contents,
        }
    }
}

/// Where a piece's bytes come from.
pub(crate) enum PieceSource<'a> {
    /// From a stored tree of which everything is kept: its finished segments are used as they are.
    Whole(&'a StoredTree),
    /// File by file.
    Loose(&'a (dyn Contents + Sync)),
}

/// A layer to be written.
pub(crate) struct LayerRequest<'a> {
    /// The layer's directories.
    pub directories: Tree,
    /// Its pieces, in order.
    pub pieces: Vec<Piece<'a>>,
}

/// The trees of a layer.
struct LayerTrees {
    directories: Digest,
    pieces: Vec<Digest>,
}

impl Keyed for LayerTrees {
    const DOMAIN: &'static str = "layer";
    const VERSION: u32 = 1;

    fn encode(&self, writer: &mut KeyWriter) {
        writer.digest(&self.directories);
        writer.list(&self.pieces, KeyWriter::digest);
    }
}

impl LayerRequest<'_> {
    /// What the layer's bytes depend on: the trees in it, and nothing of where they came from.
    fn key(&self) -> Key {
        LayerTrees {
            directories: self.directories.digest(),
            pieces: self.pieces.iter().map(|piece| piece.kept.digest()).collect(),
        }
        .key()
    }

    /// The layer, from the store if it was written before.
    ///
    /// # Errors
    /// What the store or the contents' source says.
    pub fn write(&self, store: &Store) -> Result<(Layer, bool), BuildError> {
        let key = self.key();
        if let Some(layer) = store.result::<Layer>(&key)?
            && store.has_blob(&layer.digest)
        {
            return Ok((layer, false));
        }
        let mut writer = LayerWriter { diff: Hasher::new(), blob: store.blob_writer()? };
        let mut directories = Vec::new();
        write_directories(&self.directories, &mut directories).map_err(BuildError::Write)?;
        writer.add(&directories)?;
        for piece in &self.pieces {
            match piece.source {
                PieceSource::Whole(stored) => writer.add_stored(stored)?,
                PieceSource::Loose(contents) => writer.add_loose(&piece.kept, contents)?,
            }
        }
        writer.add(&END_OF_ARCHIVE)?;
        let LayerWriter { diff, blob } = writer;
        let (digest, size): (Digest, u64) = blob.commit()?;
        let uncompressed_size = diff.length();
        let layer = Layer { digest, size, diff_id: diff.finish(), uncompressed_size };
        store.put_result(&key, &layer)?;
        Ok((layer, true))
    }
}

struct LayerWriter {
    diff: Hasher,
    blob: BlobWriter,
}

impl LayerWriter {
    fn add(&mut self, bytes: &[u8]) -> Result<(), BuildError> {
        self.diff.update(bytes);
        self.blob.write_all(&gzip(bytes)).map_err(BuildError::Write)
    }

    fn add_stored(&mut self, stored: &StoredTree) -> Result<(), BuildError> {
        copy(&stored.segment_path(), stored.segment_digest(), &mut self.diff)?;
        copy(&stored.compressed_path(), stored.compressed_digest(), &mut self.blob)
    }

    fn add_loose(&mut self, tree: &Tree, contents: &dyn Contents) -> Result<(), BuildError> {
        let mut both = Both { diff: &mut self.diff, compressed: GzipWriter::new(&mut self.blob) };
        write_segment(tree, contents, &mut both)?;
        both.compressed.finish().map_err(BuildError::Write)?;
        Ok(())
    }
}

/// Writes the same bytes to the diff ID's hasher and to the compressor.
struct Both<'a> {
    diff: &'a mut Hasher,
    compressed: GzipWriter<&'a mut BlobWriter>,
}

impl Write for Both<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.compressed.write_all(bytes)?;
        self.diff.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.compressed.flush()
    }
}

/// Copies the file `from`, whose digest is `expected`, to `to`. What was stored may have been damaged since: it is
/// checked each time it goes into an image.
fn copy(from: &Path, expected: Digest, to: &mut dyn Write) -> Result<(), BuildError> {
    let failed = |source| BuildError::Read { path: from.to_owned(), source };
    copy_checked(&mut File::open(from).map_err(failed)?, expected, to, failed, BuildError::Write)
}

/// Copies `from`, which must have the digest `expected`, to `to`.
///
/// # Errors
/// [`BuildError::Damaged`] for another digest; what `read_error` and `write_error` make of the rest.
pub(crate) fn copy_checked(
    from: &mut dyn Read,
    expected: Digest,
    to: &mut dyn Write,
    read_error: impl Fn(io::Error) -> BuildError,
    write_error: impl Fn(io::Error) -> BuildError,
) -> Result<(), BuildError> {
    let (mut hasher, mut buffer) = (Hasher::new(), vec![0; 256 * 1024]);
    loop {
        let length = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(read_error(error)),
        };
        hasher.update(&buffer[..length]);
        to.write_all(&buffer[..length]).map_err(&write_error)?;
    }
    if hasher.finish() == expected { Ok(()) } else { Err(BuildError::Damaged { digest: expected }) }
}

#[cfg(test)]
mod keys {
    use super::*;

    const CHANGED: &str = "if this is intended, raise the VERSION of the domain and pin the new key";

    #[test]
    fn the_keys_are_pinned() {
        let pieces = vec![Digest::of(b"one"), Digest::of(b"two")];
        assert_eq!(
            LayerTrees { directories: Digest::of(b"directories"), pieces }.describe(),
            "layer 1 23a25c95a12083733633b54cabf3b5fc285079d3ae1e749095095b42b27cae67",
            "{CHANGED}"
        );
    }
}
