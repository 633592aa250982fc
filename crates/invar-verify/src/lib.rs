//! What can differ between two machines, how to find what matters, and what a difference looks like.
//!
//! # Goals
//! * [`Perturbation`]: the closed list of what two machines may differ in, each with a name.
//! * [`culprits`]: finds which of many perturbations change a result, with few builds.
//! * [`Difference`] and [`Cause`]: where two files differ first, and which known cause that looks like.
//!
//! # Non-goals
//! * Nothing is built, read or printed here: the caller does.
mod cause;
mod difference;
mod evidence;
mod perturbation;
mod search;

pub use cause::Cause;
pub use difference::{Difference, Excerpt, LONGEST_EXCERPT, Place};
pub use evidence::{Evidence, Fact, FactKind, Moments};
pub use perturbation::{Perturbation, UnknownPerturbation};
pub use search::{Found, Run, culprits};
