//! A project on disk: its manifest, its locks and its source.
//!
//! # Goals
//! * What a project's folder says is read once, and checked against its locks here.
//! * Which files are source is decided by rules alone (`invar_project`), and read as a tree; the user's umask, the order
//!   of a directory and line ends of a checkout do not reach it.
//!
//! # Non-goals
//! * No network, no store, and no processes. A sentence that a person should see is given to the caller.
mod copy;
mod disk;
mod dist;
mod error;
mod hidden;
mod output;
mod project;
mod reach;
mod selection;
mod source;
mod uv_settings;
mod version_file;
mod withheld;
mod workspace;
mod write;

pub use copy::{copy_checkout, outside};
pub use disk::{Disk, source_files};
pub use dist::Replaced;
pub use error::{CheckoutError, SourceError};
pub use hidden::hidden_from_build;
pub use output::{DIST, is_archive};
pub use project::{ProjectFiles, default_outputs};
pub use source::SourceTree;
pub use uv_settings::UV_TOML;
pub use version_file::version_file;
pub use workspace::workspace_root;
pub use write::{AtomicFile, write_atomically};
