//! TOML tables read key by key, so that one reading finds everything that is wrong, each at its place in the text.
//!
//! # Goals
//! * A [`Reader`] collects [`Finding`]s and reading goes on; a [`Value`] knows its key's dotted path and its bytes.
//! * What can be wrong with any key ([`KeyProblem`]) has one wording; what else can be wrong is the caller's
//!   [`Problem`].
//!
//! # Non-goals
//! * No rendering of the text around a finding, and no parsing of TOML: that is the `toml` crate's.
mod finding;
mod reader;

pub use finding::{Finding, KeyProblem, Problem};
pub use reader::{Reader, Section, Value};
