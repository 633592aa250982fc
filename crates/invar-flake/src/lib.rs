//! Flakes: what their inputs mean, what they output, and what a derivation puts where.
pub mod phase;
