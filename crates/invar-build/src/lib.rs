//! Realises a plan: fetches, unpacks, assembles and delivers; and makes `invar.lock`.
//!
//! # Goals
//! * [`build`](build()) gives the same bytes for the same project on any machine; [`lock`](lock()) is the only part
//!   that decides anything from the network.
//! * What a hash names is never done twice: packages, wheels, the handlers' output and layers are kept in the store.
//! * Progress is told as [`Event`]s; nothing is printed.
//!
//! # Non-goals
//! * No reading of the environment or the clock: the caller brings a [`Session`].
//! * Nothing of an image is run on the host: commands run in a sandbox, see `invar_sandbox`.
mod build;
mod bytecode;
mod checkout_copy;
mod command;
mod configuration;
mod copy;
mod debian;
mod deliver;
mod downloads;
mod error;
mod event;
mod git;
mod hints;
mod indexes;
mod inventory;
mod layer;
mod lock;
mod lock_builds;
mod lock_make;
mod lock_parts;
mod lock_roots;
mod mirrors;
mod mount_point;
mod needs;
mod output;
mod parts;
mod perturbation;
mod project;
mod proposals;
mod python_index;
mod python_source;
mod realise;
mod recheck;
mod root;
mod scripts;
mod session;
mod shell;
mod source;
mod steps;
mod tools;
mod vendored;
mod workers;
mod workshop;
mod workspace;

/// The virtual environment's folder in an image, without a leading slash.
pub use invar_plan::ENVIRONMENT;
/// The project's folder in an image, without a leading slash.
pub use invar_plan::PROJECT;

pub use build::{BuildRequest, Built, BuiltImage, BuiltLayer, build};
pub use checkout_copy::{copy_checkout, outside};
pub use deliver::{Destination, Target};
pub use error::{BuildError, Kind};
pub use event::{Event, Phase, Reporter, Silent};
pub use inventory::{Inventory, Item, runs_commands};
pub use lock::{Locked, Update, lock};
pub use lock_parts::Unlocked;
pub use mirrors::{Archive, Mirrors};
pub use perturbation::Perturbation;
pub use project::{ProjectFiles, default_outputs};
pub use proposals::{Proposals, proposals};
pub use python_index::PythonIndexes;
pub use recheck::{Outcome, Rechecked, recheck};
pub use session::{BuildLimits, Programs, Session};
pub use shell::{
    Environment, Mount, RunRequest, Started, image_environment, named_programs, shell_environment,
};
pub use source::{Disk, SourceError, is_archive, source_files};
pub use vendored::Registries;
pub use workshop::StepFailure;
