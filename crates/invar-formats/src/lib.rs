//! Formats that others defined, each read once, within limits.
//!
//! # Goals
//! * One reader for each format. Who reads it for a purpose says what that purpose allows, and adds its own rules to
//!   what the reader gives; no one parses the bytes again.
//! * All input is hostile. Each reader has a limit for all that it keeps and all that it decodes, and never panics.
//! * Streams: nothing is read twice, and nothing but headers is held in memory.
//!
//! # Non-goals
//! * No writing: what an image's bytes depend on stays in `invar-oci`.
//! * No trees, paths or digests. A path here is bytes, as the archive has them.
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
