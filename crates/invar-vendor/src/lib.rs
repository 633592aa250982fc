//! Other tools' lock files, and what those tools need to work from them without a network.
//!
//! A build step has no network. Where its inputs hold the lock of npm, cargo or pip, the files that the lock names are
//! fetched before the step, each checked against the digest that the lock gives, and laid out in the form in which the
//! tool finds them by itself:
//!
//! | lock | what the tool gets |
//! | --- | --- |
//! | `package-lock.json`, `npm-shrinkwrap.json` | a cache that `npm ci` reads instead of a registry |
//! | `Cargo.lock` | vendored crates and a configuration that replaces every source by them |
//! | `requirements*.txt` with hashes | a folder of wheels and source archives for `--find-links` |
//!
//! The way of the data: [`ecosystem_of`] recognizes a lock, [`needed`] reads it, [`urls`] says where a file may be had,
//! [`Checker`] checks it while it streams, [`offer`] lays all of it out and says which environment variables point at
//! it.
//!
//! # Goals
//! * The step's own commands work unchanged: `npm ci`, `cargo build --locked`, `pip install -r requirements.txt`.
//! * The same lock and target give the same bytes: names are sorted, times are constants, nothing of the registry's
//!   answers but the locked files is kept.
//!
//! # Non-goals
//! * No resolving: what a lock does not pin is refused, with the command that pins it.
//! * No network and no disk: the caller downloads, and gives readers.
//! * No registry is known by name; addresses come from the lock or from the caller.
mod base64;
mod cargo;
mod check;
mod checker;
mod ecosystem;
mod error;
mod needed;
mod npm;
mod offer;
mod pip;
mod target;

pub use cargo::{cargo_download_url, cargo_index_config_url};
pub use check::{Check, Mismatch};
pub use checker::Checker;
pub use ecosystem::{ecosystem_of, needed, offer, urls};
pub use error::{ContentError, ContentFault, EntryFault, VendorError};
pub use needed::{Ecosystem, Needed, NeededSource, Registries};
pub use offer::{Fetched, OFFER_VERSION, Offer, Opening};
pub use target::Target;
