//! Runs commands over trees: builds from source, steps, bytecode, maintainer scripts.
//!
//! # Goals
//! * What a command finds is data: trees with digests, constants, and nothing of the host. The same input is run once.
//! * An [`Executor`] runs it, and what it left is a tree again. Nothing here but [`NamespaceExecutor`] knows where.
//! * A failure says what may help: which Debian package has what was missing, or which limit to raise.
//!
//! # Non-goals
//! * No images: how trees become layers is another's.
//! * No decisions: what is run, over what, is in the plan.
mod backend;
mod bytecode;
mod configuration;
mod contested;
mod context;
mod debian;
mod error;
mod executor;
mod failure;
#[cfg(test)]
mod fixture;
mod hints;
mod log;
mod needs;
mod output_sink;
mod perturbation;
mod python_build;
mod root;
mod run_command;
mod scripts;
mod steps;
mod tools;
mod unpacked;
mod vendor_target;

pub use backend::{backend_requires, check_backend};
pub use bytecode::{Candidate, Compiled, Interpreter, compile};
pub use contested::{Contested, contested, copy_packages};
pub use context::{BuildContext, RunLimits, Runner};
pub use debian::{ConfiguredPackages, DebianRoot, configuration_key, debian_checkout};
pub use error::RunError;
pub use executor::namespace::{NamespaceExecutor, runs_here};
pub use executor::{
    Command, Executor, ExecutorError, Input, Limits, OutputError, OutputTree, Outputs, Removal, RootTree,
    Wanted, in_build,
};
pub use failure::StepFailure;
pub use hints::{known_library, known_program, packages_with_program};
pub use needs::needs_of;
pub use perturbation::Perturbation;
pub use python_build::{
    FrontEnd, Install, LONGEST_ANSWER, Place, PreparedBuild, build_environment, encode_interpreter,
    front_end, prepare_build, prepare_needs,
};
pub use root::{Overlay, Root};
pub use scripts::{run_maintainer_scripts, scripts_key};
pub use steps::follow::{Links, Moved, follow, links_of, resolve};
pub use steps::{
    PreparedStep, StepEnvironment, StepTrees, displaced, make_step, prepare_steps, run_steps, wrapped,
};
pub use unpacked::UnpackedPackage;
