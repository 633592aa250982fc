//! Realises a plan: fetches, unpacks, assembles and delivers; and makes `invar.lock`.
//!
//! # Goals
//! * [`build`](build()) gives the same bytes for the same project on any machine; [`lock`](lock()) is the only part
//!   that decides anything from the network.
//! * What a hash names is never done twice: packages, wheels, the handlers' output and layers are kept in the store.
//! * Progress is reported as [`invar_realise::Event`]s; nothing is printed.
//!
//! # Non-goals
//! * No reading of the environment or the clock: the caller brings a [`Session`].
//! * Nothing of an image is run on the host: commands run in a sandbox, see `invar_sandbox`.
mod assembly;
mod build;
mod command;
mod deliver;
mod destination;
mod error;
mod image_trees;
mod inventory;
mod layer;
mod mount_point;
mod recheck;
mod session;
mod shell;

/// The virtual environment's folder in an image, without a leading slash.
pub use invar_plan::ENVIRONMENT;
/// The project's folder in an image, without a leading slash.
pub use invar_plan::PROJECT;

pub use build::{BuildRequest, Built, BuiltImage, build};
pub use destination::{Content, Delivery, Destination, DestinationError, Form, Piece, Stream, Target};
pub use error::BuildError;
pub use inventory::{Inventory, Item, runs_commands};
pub use layer::BuiltLayer;
pub use recheck::{Outcome, Rechecked, recheck};
pub use session::Session;
pub use shell::{
    Environment, Mount, RunRequest, Started, image_environment, named_programs, shell_environment,
};
