//! Reading TOML for a manifest: every finding is a [`Problem`].
use super::error::Problem;
use crate::ValueError;

pub(super) type KeyProblem = invar_toml::KeyProblem<ValueError>;
pub(super) type Reader<'a> = invar_toml::Reader<'a, Problem>;
pub(super) type Section<'a, 'i> = invar_toml::Section<'a, 'i, Problem>;
pub(super) type Value<'a, 'i> = invar_toml::Value<'a, 'i, Problem>;
