//! What changed between two images, from the top down: packages, files, what is inside of files; and why two digests
//! differ where contents do not.
//!
//! # Goals
//! * [`compare_images`] reads only the layers that the two do not share, unless that could mislead.
//! * [`inside`](inside()) looks into what people care about: text, JSON and TOML, bytecode, ELF files, archives and
//!   wheels, and what is compressed with gzip.
//! * [`resolve`] opens what a person names: an image, a lock, a project's folder, or a git revision; [`compare`] compares
//!   two of these.
//! * [`compare_locks`] compares any two locks that are TOML with lists of packages: `uv.lock`, `invar.lock`.
//! * Every result is plain data that serializes to JSON: names in kebab case, digests as `sha256:HEX`, paths with a
//!   leading slash, sizes in bytes.
//!
//! # Non-goals
//! * No printing, and no colors: the result is a value, [text](text()), or a [page](page()).
//! * No disassembly: of a program's code it is said where it differs, not how.
//!
//! What is compared may be hostile. Nothing is read beyond the bounds that stand as constants in each module, and what
//! cannot be read as what it seems to be is compared as bytes.
mod causes;
mod changelog;
mod comparison;
mod error;
mod files;
mod images;
mod index;
mod inside;
mod loaded;
mod locks;
mod operand;
mod options;
mod packages;
mod page;
mod revision;
mod source;
mod text;

pub use causes::Cause;
pub use changelog::is_changelog;
pub use comparison::{CompareOptions, Comparison, FileDifference, compare};
pub use error::DiffError;
pub use files::{Aspect, FileChange, FileState};
pub use images::{Difference, Shared, Side, compare_images};
pub use inside::{Code, Inside, Member, SectionChange, ValueChange, inside};
pub use locks::{LockError, compare_locks};
pub use operand::{Operand, Project, is_project, resolve};
pub use options::ImageOptions;
pub use packages::PackageChange;
pub use page::page;
pub use source::{SourceChange, Use};
pub use text::{of_inside, text};

use serde::Serialize;

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
