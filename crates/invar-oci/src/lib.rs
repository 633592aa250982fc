//! Trees as tar segments, gzip layers, OCI images and archives.
//!
//! The data flow, each step a pure function of the previous one:
//!
//! ```text
//! Tree + Contents -> segment -> gzip members -> Layer -> Image -> Index -> archive or layout
//! ```
//!
//! # Goals
//! * The bytes only depend on the arguments. Every constant that affects an image is marked "Format break".
//! * Pieces that are created once: a [segment](write_segment) is one tree's part of a layer, and its
//!   [compressed form](GzipWriter) can be kept and concatenated with others, as gzip and tar both allow.
//! * An [archive](archive_parts) is described, not written: the caller copies layers from its store without
//!   loading them into memory.
//!
//! # Non-goals
//! * No disk, network, clock or threads, and no reading of other images.
//! * No hard links, devices or extended attributes: trees have none.
mod archive;
mod descriptor;
mod gzip;
mod image;
mod index;
mod layer;
mod platform;
mod reference;
mod segment;
mod ustar;

pub use archive::{ArchivePart, ArchiveRequest, archive_parts, layout_files, total_size};
pub use gzip::{GzipWriter, MEMBER_SIZE, gzip};
pub use image::{CONFIG_MEDIA_TYPE, Healthcheck, History, Image, ImageConfig, MANIFEST_MEDIA_TYPE};
pub use index::{INDEX_MEDIA_TYPE, Index};
pub use layer::{LAYER_MEDIA_TYPE, Layer};
pub use platform::{OPERATING_SYSTEM, Platform};
pub use reference::{Reference, ReferenceError};
pub use segment::{END_OF_ARCHIVE, SegmentError, SegmentLayout, write_directories, write_segment};
pub use ustar::FILE_TIME;
