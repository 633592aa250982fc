//! Why a flake cannot be read.
use crate::datum::EvaluationFailure;

/// Why a flake, or one of its outputs, cannot be read.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FlakeError {
    /// Its text, or what all outputs need, cannot be evaluated.
    #[error("{0}")]
    Evaluation(EvaluationFailure),
    /// It is no set, or has no `outputs`.
    #[error("flake.nix: no `outputs`: {0}")]
    NoOutputs(&'static str),
    /// It has no output of that name.
    #[error("flake.nix: no output `{name}` for {system}{}", among(.known))]
    NoSuchOutput {
        /// The name that was asked for.
        name: String,
        /// The system.
        system: &'static str,
        /// The names that there are.
        known: Vec<String>,
    },
    /// The output is there, but cannot be evaluated.
    #[error("output `{name}`: {why}")]
    Output {
        /// Its name.
        name: String,
        /// Why.
        why: EvaluationFailure,
    },
}

/// The outputs that there are, as the end of a message.
fn among(known: &[String]) -> String {
    if known.is_empty() { String::new() } else { format!(" (it has {})", known.join(", ")) }
}
