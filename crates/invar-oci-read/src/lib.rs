//! Reads images that anyone made: what is in their layers, and the packages that their files come from.
//!
//! ```text
//! open(path) -> Opened -> Image -> Layer::read -> Listing (members, digests) -> Root (whiteouts applied)
//!                                                                             -> Packages (dpkg's and pip's records)
//!                           Layer::outline -> Outline (members; of files only those that are wanted)
//! ```
//!
//! # Goals
//! * All forms in which images travel: Docker's archive, an OCI archive, an OCI layout in a folder, each with any
//!   number of platforms; and root file systems, as a tar archive or a folder. Layers may be compressed with gzip, zstd
//!   or xz, or not at all.
//! * Nothing is unpacked to disk. A layer is read as a stream, once, and what is kept of it is a list of its members
//!   and the beginnings of those files that the caller asks for.
//! * What is read is checked: a blob against the digest that names it, a layer against its diff ID. What is not read is
//!   not checked, and [`Layer`] says what its digest is without reading it.
//! * All input is hostile: [`Limits`] bound what is believed, and paths that climb out are refused.
//!
//! # Non-goals
//! * No registries, and no writing; `invar-oci` writes.
//! * No sparse files, and no image inside a compressed archive, which cannot be read without reading all of it.
mod blobs;
mod document;
mod error;
mod folder;
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
pub use inventory::{Counted, Inventory, LayerSize, Sum};
pub use layer::{Layer, read_tar};
pub use limits::Limits;
pub use listing::{Keep, Listing, NOTHING};
pub use member::{Kind, Member};
pub use open::{Form, Opened, open};
pub use outline::{Outline, Wanted};
pub use packages::{Package, PackageKind, Packages, is_record};
pub use root::{Placed, Root};
