//! The seam of destinations: where images go.
//!
//! A [`Destination`] is shown an image: its manifests and configurations, and the pieces that it consists of, by digest
//! and size. It says which pieces it lacks, is given these as streams, and at last makes the image of them. Nothing
//! here names a file of this host, and no piece is held in memory.
//!
//! * An archive, a layout, a root file system: the modules here. [`Target`] says which and where.
//! * A registry asks which layers the repository has, uploads the others, and puts configuration and manifest last.
//! * An engine asks which layers it has by their diff IDs, and is given the others.
mod archive;
mod new_directory;
mod nowhere;
mod oci_directory;
mod rootfs;
mod rootfs_directory;
mod stream;
#[cfg(test)]
mod tests;

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use invar_diagnostic::Kind;
use invar_oci::{ArchiveRequest, FILE_TIME, SegmentError};
use invar_store::Store;
use invar_tree::{Contents, Digest, Tree};

pub use self::stream::Stream;

/// Where an image goes.
pub trait Destination {
    /// The form in which it takes an image.
    fn form(&self) -> Form;

    /// Which of the image's pieces it lacks, in the order in which it is to be given them.
    ///
    /// # Errors
    /// [`DestinationError`].
    fn missing(&mut self, image: &Delivery<'_>) -> Result<Vec<Digest>, DestinationError>;

    /// Takes the piece `digest`. The caller checks its bytes while they are read: where they are wrong, there is no
    /// [`finish`](Self::finish).
    ///
    /// # Errors
    /// [`DestinationError`].
    fn put(&mut self, digest: &Digest, content: Content<'_>) -> Result<(), DestinationError>;

    /// Makes the image: it has all pieces now. Until then, nothing of it is to be found there.
    ///
    /// # Errors
    /// [`DestinationError`].
    fn finish(&mut self, image: &Delivery<'_>) -> Result<(), DestinationError>;
}

/// In which form a destination takes an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As its compressed layers, for one or more platforms.
    Layers,
    /// As the files of its root, for one platform.
    Files,
}

/// An image to be delivered.
pub struct Delivery<'a> {
    /// Its names, and for each platform its configuration, its manifest, and the digests of its layers.
    pub image: &'a ArchiveRequest,
    /// All entries of its root, for [`Form::Files`]; nothing for others.
    pub root: &'a Tree,
    /// What it consists of.
    pub pieces: Vec<Piece<'a>>,
}

/// A piece of an image.
pub struct Piece<'a> {
    /// Its digest: a compressed layer's, or that of the tree of files.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    pub(crate) source: Source<'a>,
}

/// Where a piece is.
pub(crate) enum Source<'a> {
    /// A blob of the store.
    Blob(&'a Store),
    Files {
        tree: &'a Tree,
        contents: &'a dyn Contents,
    },
}

/// The content of a piece.
pub enum Content<'a> {
    /// The bytes of a compressed layer.
    Layer(&'a mut dyn Read),
    /// Files and links of the root.
    Files {
        /// The files and links.
        tree: &'a Tree,
        /// What is in the files.
        contents: &'a dyn Contents,
    },
}

/// Why a destination did not take an image.
#[derive(Debug, thiserror::Error)]
pub enum DestinationError {
    /// A file or directory cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Bytes cannot be written to where they go.
    #[error("cannot write the result")]
    Stream(#[source] io::Error),
    /// Files cannot be written as an archive.
    #[error(transparent)]
    Segment(#[from] SegmentError),
    /// It was given what it did not ask for.
    #[error("{digest} is not what the destination lacks next")]
    Unexpected {
        /// The piece.
        digest: Digest,
    },
}

impl DestinationError {
    /// The kind of this failure.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Write { .. } | Self::Stream(_) => Kind::Disk,
            Self::Segment(_) | Self::Unexpected { .. } => Kind::Failure,
        }
    }
}

/// What is written, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// An archive that is both an OCI image layout and a Docker archive.
    Archive(Stream),
    /// An OCI image layout in a directory.
    OciDirectory(PathBuf),
    /// The root file system as a tar archive.
    Rootfs(Stream),
    /// The root file system in a directory.
    RootfsDirectory(PathBuf),
    /// Nothing: the image's layers are in the store, and its digest is known.
    Nowhere,
}

impl Target {
    /// The file or directory that is written; `None` for standard output.
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::Archive(Stream::File(path))
            | Self::Rootfs(Stream::File(path))
            | Self::OciDirectory(path)
            | Self::RootfsDirectory(path) => Some(path),
            Self::Archive(Stream::StandardOutput) | Self::Rootfs(Stream::StandardOutput) | Self::Nowhere => {
                None
            }
        }
    }

    /// The destination. Nothing is written before it is shown an image.
    pub(crate) fn destination(&self) -> Box<dyn Destination> {
        match self.clone() {
            Self::Archive(to) => Box::new(archive::Archive::new(to)),
            Self::OciDirectory(path) => Box::new(oci_directory::OciDirectory::new(path)),
            Self::Rootfs(to) => Box::new(rootfs::Rootfs::new(to)),
            Self::RootfsDirectory(path) => Box::new(rootfs_directory::RootfsDirectory::new(path)),
            Self::Nowhere => Box::new(nowhere::Nowhere),
        }
    }
}

impl<'a> Delivery<'a> {
    /// An image as its compressed layers, which `store` has.
    pub(crate) fn of_layers(image: &'a ArchiveRequest, nothing: &'a Tree, store: &'a Store) -> Self {
        let mut pieces: Vec<Piece<'a>> = Vec::new();
        for layer in image.images.iter().flat_map(|(_, image)| &image.layers) {
            if pieces.iter().all(|piece| piece.digest != layer.digest) {
                pieces.push(Piece { digest: layer.digest, size: layer.size, source: Source::Blob(store) });
            }
        }
        Self { image, root: nothing, pieces }
    }

    /// The digests of its pieces.
    pub fn digests(&self) -> Vec<Digest> {
        self.pieces.iter().map(|piece| piece.digest).collect()
    }
}

impl<'a> Piece<'a> {
    /// The files and links of `tree`.
    pub(crate) fn of_files(tree: &'a Tree, contents: &'a dyn Contents) -> Self {
        Self { digest: tree.digest(), size: tree.size(), source: Source::Files { tree, contents } }
    }
}

fn output(path: &Path) -> impl FnOnce(io::Error) -> DestinationError + use<> {
    let path = path.to_owned();
    |source| DestinationError::Write { path, source }
}

/// The time that all files of images have.
fn file_time() -> std::time::SystemTime {
    std::time::UNIX_EPOCH + std::time::Duration::from_secs(FILE_TIME)
}
