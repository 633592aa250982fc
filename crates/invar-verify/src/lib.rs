//! Rebuilds an image under varied conditions, and finds what differs and the likely cause.
//!
//! # Goals
//! * [`Perturbation`]: the closed list of what two machines may differ in, each with a name.
//! * [`Verification`] builds under many perturbations at once, and finds with few builds which of them change what
//!   ([`culprits`]); [`CacheCheck`] does single steps and builds again.
//! * [`Difference`] and [`Cause`]: where two files differ first, and which known cause that looks like.
//!
//! # Non-goals
//! * No printing, and no reading of the environment: the caller brings a [`Program`] and a [`Host`], and is given a
//!   [`Report`].
mod analysis;
mod cache_check;
mod changes;
mod error;
mod host;
mod interruption;
mod order;
mod perturbation;
mod rebuild;
mod report;
mod runner;
mod verification;

pub use analysis::{
    Cause, Difference, Evidence, Excerpt, Fact, FactKind, Found, LONGEST_EXCERPT, Moments, Place, Run,
    culprits,
};
pub use cache_check::{CacheCheck, CacheReport};
pub use changes::{Change, Detail, Finding};
pub use error::VerifyError;
pub use host::Host;
pub use interruption::Interruption;
pub use order::{Answer, Digests, Order, Rebuild};
pub use perturbation::{Perturbation, UnknownPerturbation};
pub use rebuild::{REBUILD, read_order, sandboxes};
pub use report::{Conclusion, Report, Tried, Verdict};
pub use runner::{Program, RebuildReporter, Verification};
