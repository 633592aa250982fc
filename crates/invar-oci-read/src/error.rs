use std::io;
use std::path::PathBuf;

use invar_diagnostic::{Diagnostic, Kind};
use invar_formats::NotRead;
use invar_formats::tar::TarError;
use invar_tree::{Digest, PathError};

/// Why an image cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// The file or folder could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// There is nothing that is known here.
    #[error(
        "{} is not an image: expected an archive from `docker save` or `invar build`, an OCI layout, or a root file \
         system as a tar archive or a directory",
        path.display()
    )]
    Unknown {
        /// The file or folder.
        path: PathBuf,
    },
    /// An archive of blobs is itself compressed.
    #[error("{} is a compressed image archive: decompress it first", path.display())]
    Compressed {
        /// The file.
        path: PathBuf,
    },
    /// The archive's own members cannot be read.
    #[error("{} cannot be read as a tar archive", path.display())]
    Archive {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: LayerFault,
    },
    /// A document is not what it should be.
    #[error("{} of {} is not valid in an image", what, path.display())]
    Document {
        /// The file or folder that has it.
        path: PathBuf,
        /// Which document.
        what: String,
        /// What the parser says.
        #[source]
        source: serde_json::Error,
    },
    /// A document is too long.
    #[error("{what} of {} has {size} bytes; the limit is {limit}", path.display())]
    DocumentTooLong {
        /// The file or folder that has it.
        path: PathBuf,
        /// Which document.
        what: String,
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// A referenced blob is missing.
    #[error("{} refers to {what}, but does not contain it", path.display())]
    Missing {
        /// The file or folder.
        path: PathBuf,
        /// What is missing.
        what: String,
    },
    /// There are more images, layers or nested indexes than any image has.
    #[error("{} has more than {limit} {what}", path.display())]
    TooMany {
        /// The file or folder.
        path: PathBuf,
        /// Of what.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// A digest that is not sha256, or no digest at all.
    #[error("{} refers to a blob {digest:?}: only sha256 digests are supported", path.display())]
    Algorithm {
        /// The file or folder.
        path: PathBuf,
        /// The text as given.
        digest: String,
    },
    /// A blob's bytes are not those that its name promises.
    #[error("{what} of {} is damaged: expected the digest {expected}, found {found}", path.display())]
    Digest {
        /// The file or folder.
        path: PathBuf,
        /// Which blob.
        what: String,
        /// The digest by which it is named.
        expected: Digest,
        /// The digest of what is there.
        found: Digest,
    },
    /// A layer cannot be read.
    #[error("cannot read {layer} of {}", path.display())]
    Layer {
        /// The file or folder.
        path: PathBuf,
        /// Which layer.
        layer: String,
        /// What is wrong.
        #[source]
        source: LayerFault,
    },
}

impl Diagnostic for ImageError {
    fn kind(&self) -> Kind {
        match self {
            Self::Archive { .. } | Self::Digest { .. } | Self::Layer { .. } => Kind::Verification,
            _ => Kind::Input,
        }
    }
}

/// Why a layer, or another tar archive, cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LayerFault {
    /// It is not a tar archive, is damaged, or goes beyond a limit.
    #[error(transparent)]
    Tar(#[from] TarError),
    /// It is compressed in a way that is unknown.
    #[error(transparent)]
    Compression(#[from] NotRead),
    /// A member is not one that an image may have.
    #[error("the member {path:?} {fault}")]
    Entry {
        /// The member's path, as the archive spells it.
        path: String,
        /// What is wrong with it.
        #[source]
        fault: EntryFault,
    },
    /// The uncompressed bytes are not those that the image's configuration promises.
    #[error("expected the digest {expected} when unpacked, found {found}")]
    DiffId {
        /// The diff ID in the configuration.
        expected: Digest,
        /// The digest of what it unpacks to.
        found: Digest,
    },
}

impl From<io::Error> for LayerFault {
    fn from(error: io::Error) -> Self {
        Self::Tar(error.into())
    }
}

/// Why a member is not one that an image may have.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EntryFault {
    /// The path leads out or cannot be held.
    #[error("has a path that cannot be in an image")]
    Path(#[source] PathError),
    /// It comes twice in an archive of blobs.
    #[error("comes twice")]
    Twice,
    /// A sparse file, or a type of member that no layer has.
    #[error("has an unsupported type: {0:?}")]
    Kind(char),
    /// A hard link names what is not a file.
    #[error("is a hard link to {target:?}, which is not an earlier file")]
    HardLink {
        /// The name in the link.
        target: String,
    },
    /// A member that is not a file has content.
    #[error("has content, but it is not a file")]
    Content,
}
