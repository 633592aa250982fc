//! Which of many perturbations change a result, and what a difference looks like. Pure: values come in, values go out.
mod cause;
mod difference;
mod evidence;
mod search;

pub use cause::Cause;
pub use difference::{Difference, Excerpt, LONGEST_EXCERPT, Place};
pub use evidence::{Evidence, Fact, FactKind, Moments};
pub use search::{Found, Run, culprits};
