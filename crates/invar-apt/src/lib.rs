//! Debian archives: Release files and their signatures, package indexes, dependency solving.
//!
//! The chain of trust: a [`Keyring`] verifies an InRelease file ([`verify_in_release`]), which contains its indexes'
//! digests ([`Release::file`]); an index ([`PackageIndex`]) contains its packages' digests ([`PackageRecord::sha256`]).
//! Nothing outside this chain is trusted.
//!
//! # Goals
//! * The same bytes and the same request give the same packages on any machine ([`solve`]).
//! * Errors explain what cannot be solved or trusted, and what to do.
//!
//! # Non-goals
//! * No network, disk, clock or environment: bytes and the time are arguments.
//! * No recommendations, no upgrades of a running system, no second architecture.
mod contents;
mod date;
mod fingerprint;
mod index;
mod keyring;
mod nearest;
mod path;
mod policy;
mod record;
mod release;
mod signature;
mod solve;

pub use contents::{ContentsEntry, search_contents};
pub use fingerprint::{Fingerprint, FingerprintError};
pub use index::{IndexError, PackageIndex};
pub use keyring::{Keyring, KeyringError};
pub use path::{ArchivePath, ArchivePathError};
pub use policy::SignatureFault;
pub use record::{PackageRecord, Priority, ProvidedName, RecordError};
pub use release::{Release, ReleaseError, ReleaseFile};
pub use signature::{
    FrameFault, SignatureError, SignatureFinding, VerifiedRelease, locked_release, verify_in_release,
};
pub use solve::{
    Chain, ClashKind, Guess, OmittedPackage, Problem, Reason, Request, Requester, SelectedPackage, Solution,
    SolveError, SolveRequest, solve,
};
