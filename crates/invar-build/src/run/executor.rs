//! What runs commands.
pub(crate) mod namespace;
