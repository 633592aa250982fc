//! From what locks name to trees in the store: fetched, checked and unpacked.
//!
//! # Goals
//! * What a hash names is fetched and unpacked once: packages, wheels, source archives and commits are kept in the store.
//! * Nothing is used before its digest is checked, or for an archive's signed file its signature.
//! * Progress is reported as [`Event`]s; nothing is printed.
//!
//! # Non-goals
//! * No reading of the environment or the clock: the caller brings [`Sources`].
//! * Nothing of what was fetched is run.
mod backend;
mod copy;
mod distribution;
mod downloads;
mod error;
mod event;
mod git;
mod indexes;
mod mirrors;
mod package_source;
mod python_index;
mod realise;
mod registries;
mod sources;
mod vendored;
mod workers;

pub use backend::{BackendQuestion, Backends};
pub use copy::{check_out, copy_files, copy_tree, sink_failure};
pub use error::{RealiseError, SuiteError, VendorError};
pub use event::{Downloads, Event, Phase, Reporter, Silent};
pub use git::version;
pub use indexes::{AsOf, LONGEST_RELEASE, Suite, listed, packages, snapshot_times, suites};
pub use mirrors::{Archive, Mirrors};
pub use package_source::{PackageSource, locked_digest, read_source, read_text};
pub use python_index::{IndexFile, PythonIndexes};
pub use realise::{
    PackageTree, WheelTree, checked_blob, control, encode_direct_url, encode_layout, key, realise,
    warn_of_remarks,
};
pub use registries::Registries;
pub use sources::{Pool, Sources, Upstreams};
pub use vendored::{Consumer, Vendored};
pub use workers::each;
