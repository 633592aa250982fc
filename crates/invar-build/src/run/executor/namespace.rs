//! The sandbox of this machine.
pub(crate) mod outputs;
pub(crate) mod workdir;
