//! Commands that are run over trees: source builds, steps, bytecode, maintainer scripts.
pub(crate) mod bytecode;
pub(crate) mod context;
pub(crate) mod executor;
pub(crate) mod failure;
#[cfg(test)]
pub(crate) mod fixture;
pub(crate) mod hints;
mod log;
pub(crate) mod mount_point;
pub(crate) mod needs;
pub(crate) mod output_sink;
pub(crate) mod perturbation;
pub(crate) mod python_build;
pub(crate) mod scripts;
pub(crate) mod steps;
pub(crate) mod tools;
pub(crate) mod vendor_target;
