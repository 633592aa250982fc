//! What an image says about a layer.
use invar_tree::Digest;
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
