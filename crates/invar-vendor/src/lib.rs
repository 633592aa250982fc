//! Lock files of other tools, and what these tools need to work from them offline.
//!
//! A build step has no network. If its inputs contain a lock of npm, cargo or pip, the files in the lock are fetched
//! before the step, verified against their digests, and arranged so that the tool finds them:
//!
//! | lock | what the tool gets |
//! | --- | --- |
//! | `package-lock.json`, `npm-shrinkwrap.json` | a cache that `npm ci` reads instead of a registry |
//! | `Cargo.lock` | vendored crates and a configuration that replaces every source by them |
//! | `requirements*.txt` with hashes | a folder of wheels and source archives for `--find-links` |
//!
//! The data flow: [`ecosystem_of`] recognizes a lock, [`read_lock`] reads it, [`urls`] returns the URLs of a file,
//! [`Checker`] verifies it while it streams, [`offer`] writes all files and returns the environment variables that
//! point to them.
//!
//! # Goals
//! * The step's own commands work unchanged: `npm ci`, `cargo build --locked`, `pip install -r requirements.txt`.
//! * The same lock and target give the same bytes: names are sorted, times are constants, nothing of the registry's
//!   answers but the locked files is kept.
//!
//! # Non-goals
//! * No resolving: what a lock does not pin is rejected, with the command that pins it.
//! * No network and no disk: the caller downloads, and gives readers.
//! * No built-in registries: URLs come from the lock or from the caller.
mod base64;
mod cargo;
mod check;
mod checker;
mod ecosystem;
mod error;
mod locked_file;
mod npm;
mod offer;
mod pip;
mod target;

pub use cargo::{cargo_download_url, cargo_index_config_url};
pub use check::{Check, Mismatch};
pub use checker::Checker;
pub use ecosystem::{OFFER_VERSION, ecosystem_of, offer, read_lock, urls};
pub use error::{ContentError, ContentFault, EntryFault, VendorError};
pub use locked_file::{Ecosystem, LockedFile, LockedFileSource, Registries};
pub use offer::{FetchedFile, Offer, Opener};
pub use target::Target;
