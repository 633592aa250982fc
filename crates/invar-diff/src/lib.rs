//! Compares two images: packages, files, contents of files, and why two digests differ if contents do
//! not.
//!
//! # Goals
//! * [`compare_images`] only reads layers that the images do not share, unless that could mislead.
//! * [`inside`](inside()) compares the contents of text, JSON, TOML, bytecode, ELF files, archives, wheels and gzip
//!   files.
//! * [`resolve`] opens an operand: an image, a lock, a project directory, or a git revision; [`compare`] compares two of
//!   these.
//! * [`compare_locks`] compares any two TOML locks with arrays of packages: `uv.lock`, `invar.lock`.
//! * Every result is plain data that serializes to JSON: names in kebab case, digests as `sha256:HEX`, paths with a
//!   leading slash, sizes in bytes.
//!
//! # Non-goals
//! * No printing, and no colors: the result is a value, [text](text()), or a [page](page()).
//! * No disassembly: it reports where a program's code differs, not how.
//!
//! Input may be hostile. Each module has constants that limit what is read, and what cannot be parsed is compared as
//! bytes.
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
