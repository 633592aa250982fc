//! Reads formats that others defined, each in one place, within limits.
//!
//! # Goals
//! * One reader for each format. Callers choose what to allow and add their own rules to the reader's results; nobody
//!   parses the bytes again.
//! * All input is hostile. Each reader limits everything that it keeps and decodes, and never panics.
//! * Streams: nothing is read twice, and only headers are kept in memory.
//!
//! # Non-goals
//! * No writing: `invar-oci` determines an image's bytes.
//! * No trees, paths or digests: a path is bytes, as in the archive.
pub mod ar;
mod compression;
pub mod dockerignore;
pub mod elf;
mod limited;
pub mod spelling;
pub mod tar;
pub mod url;

pub use compression::{Compression, NotRead};
pub use limited::{LimitExceeded, Limited};
