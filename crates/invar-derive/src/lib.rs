//! Manifests from Dockerfiles and flakes: read from a project's folder, recorded in `invar.lock`, and written as its first
//! manifest.
//!
//! # Goals
//! * [`Wanted`] is what a command line means: the project's own manifest, or a file that stands in for one.
//! * [`derive`](derive()) gives a project whose manifest is derived, as `invar.lock` records it as long as nothing has
//!   changed, so that no newer release of Invar changes what is built.
//! * [`ManifestFile`] is a first manifest, checked before it is written.
//!
//! # Non-goals
//! * No parsing of Dockerfiles and flakes: `invar_init` does that, and never reads a disk.
//! * No printing: what is used is reported to the caller.
mod change;
mod derivation;
mod error;
mod files;
mod manifest_file;
mod named;
mod nothing_named;
mod reading;
mod record;
mod source_kind;
mod update;

pub use change::Change;
pub use derivation::{Derivation, Records, ShownManifest, check, derive, notes, recorded, show};
pub use error::DeriveError;
pub use manifest_file::ManifestFile;
pub use named::{Named, Request, Wanted, candidates};
pub use nothing_named::NothingNamed;
pub use source_kind::SourceKind;
