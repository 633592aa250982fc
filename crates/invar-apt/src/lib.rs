//! Debian archives: Release files and their signatures, package indexes, dependency solving.
//!
//! The way of trust: a [`Keyring`] vouches for an InRelease file ([`verify_in_release`]), which names its indexes'
//! digests ([`Release::file`]); an index ([`PackageIndex`]) names its packages' digests ([`PackageRecord::sha256`]).
//! Nothing that is not on this way is believed.
//!
//! # Goals
//! * From the same bytes and the same request, the same packages, on any machine ([`solve`]).
//! * What cannot be solved or trusted is explained in sentences that say what to do.
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
mod openpgp;
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
pub use record::{PackageRecord, Priority, Provided, RecordError};
pub use release::{Release, ReleaseError, ReleaseFile};
pub use signature::{
    FrameFault, SignatureError, SignatureFinding, VerifiedRelease, locked_release, verify_in_release,
};
pub use solve::{
    Chain, ClashKind, Omitted, Problem, Reason, Root, Selected, Solution, SolveError, SolveRequest, solve,
};
