//! What changed between two images, from the top down: packages, files, what is inside of files; and why two digests
//! differ where contents do not.
//!
//! # Goals
//! * [`compare_images`] reads only the layers that the two do not share, unless that could mislead.
//! * [`inside`](inside()) looks into what people care about: text, JSON and TOML, bytecode, ELF files, archives and
//!   wheels, and what is compressed with gzip.
//! * [`compare_locks`] compares any two locks that are TOML with lists of packages: `uv.lock`, `invar.lock`.
//! * Every result is plain data that serializes to JSON: names in kebab case, digests as `sha256:HEX`, paths with a
//!   leading slash, sizes in bytes.
//!
//! # Non-goals
//! * No printing, and no colors: the caller renders.
//! * No disassembly: of a program's code it is said where it differs, not how.
//!
//! What is compared may be hostile. Nothing is read beyond the bounds that stand as constants in each module, and what
//! cannot be read as what it seems to be is compared as bytes.
mod causes;
mod changelog;
mod files;
mod images;
mod inside;
mod loaded;
mod locks;
mod packages;

pub use causes::Cause;
pub use changelog::is_changelog;
pub use files::{Aspect, FileChange, FileState};
pub use images::{Difference, ImageOptions, Shared, Side, compare_images};
pub use inside::{Code, Inside, Member, SectionChange, ValueChange, inside};
pub use locks::{LockError, compare_locks};
pub use packages::PackageChange;

use serde::Serialize;

/// What is not the same at which key of two JSON values.
pub fn compare_values(old: &serde_json::Value, new: &serde_json::Value) -> Vec<ValueChange> {
    inside::value_changes(old, new)
}

/// What happened to something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// Only the second has it.
    Added,
    /// Only the first has it.
    Removed,
    /// Both have it, and not the same.
    Changed,
}
