//! Reads images from any tool: the contents of their layers, and the packages that their files come from.
//!
//! ```text
//! open(path) -> Opened -> Image -> Layer::read -> Listing (members, digests) -> Root (whiteouts applied)
//!                                                                             -> Packages (dpkg's and pip's records)
//!                           Layer::outline -> Outline (members; of files only those that are wanted)
//! ```
//!
//! # Goals
//! * All forms of images: Docker archives, OCI archives, OCI layouts in a directory, each with any number of platforms;
//!   and root file systems, as a tar archive or a directory. Layers may be compressed with gzip, zstd or xz, or not at
//!   all.
//! * Nothing is unpacked to disk. A layer is read once, as a stream; only a list of its members and the beginnings of
//!   requested files are kept.
//! * What is read is verified: a blob against its digest, a layer against its diff ID. What is not read is not
//!   verified, and [`Layer`] knows its digest without reading it.
//! * All input is hostile: it is bounded by [`Limits`], and paths that climb out are rejected.
//!
//! # Non-goals
//! * No registries, and no writing; `invar-oci` writes.
//! * No sparse files, and no image inside a compressed archive, which cannot be read without reading all of it.
mod blobs;
mod directory;
mod document;
mod error;
mod image;
mod inventory;
mod layer;
mod limits;
mod listing;
mod member;
mod members;
mod open;
mod outline;
mod packages;
mod root;
mod wire;

pub use document::{Document, History, Platform};
pub use error::{EntryFault, ImageError, LayerFault};
pub use image::Image;
pub use invar_formats::Compression;
pub use invar_formats::tar::Time;
pub use inventory::{Inventory, InventoryFile, LayerSize, Usage};
pub use layer::{Layer, read_tar};
pub use limits::Limits;
pub use listing::{Keep, Listing, NOTHING};
pub use member::{LayerNode, Member};
pub use open::{ImageForm, ImageSet, open};
pub use outline::{FileFilter, Outline};
pub use packages::{Package, PackageKind, Packages, is_record};
pub use root::{RootEntry, RootFilesystem};
