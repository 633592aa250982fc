//! What an image says about a layer.
use std::io::Write;

use invar_tree::{Digest, Hasher};
use serde::{Deserialize, Serialize};

/// The media type of a layer: a tar archive, compressed with gzip (OCI image specification 1.1, "Image Layer
/// Filesystem Changeset").
pub const LAYER_MEDIA_TYPE: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// A layer that has been made; its bytes are wherever the caller keeps them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// The digest of the compressed archive.
    pub digest: Digest,
    /// The length of the compressed archive in bytes.
    pub size: u64,
    /// The digest of the uncompressed archive (OCI image specification 1.1, "Image Configuration", "Layer DiffID").
    pub diff_id: Digest,
    /// The length of the uncompressed archive in bytes.
    pub uncompressed_size: u64,
}

/// A [`Layer`] in the making: both forms pass by, in whatever pieces.
#[derive(Debug, Clone, Default)]
pub struct LayerHasher {
    compressed: Hasher,
    uncompressed: Hasher,
}

impl LayerHasher {
    /// A layer of which nothing has been seen.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the compressed archive.
    pub fn compressed(&mut self) -> &mut impl Write {
        &mut self.compressed
    }

    /// Takes the next bytes of the uncompressed archive.
    pub fn uncompressed(&mut self) -> &mut impl Write {
        &mut self.uncompressed
    }

    /// The layer whose two forms have been seen from beginning to end.
    pub fn finish(self) -> Layer {
        Layer {
            size: self.compressed.length(),
            digest: self.compressed.finish(),
            uncompressed_size: self.uncompressed.length(),
            diff_id: self.uncompressed.finish(),
        }
    }
}
