//! Builds an image from a plan: assembles its layers and delivers it.
//!
//! # Goals
//! * [`build`](build()) gives the same bytes for the same project on any machine, and decides nothing: all that could
//!   differ is in the locks.
//! * What a hash names is never done twice: packages, wheels, the handlers' output and layers are kept in the store.
//! * An image goes to a [`Destination`], which is given only what it lacks.
//!
//! # Non-goals
//! * No reading of the environment or the clock: the caller brings a [`Session`].
//! * No code of the image runs on the host: commands run in a sandbox, see `invar_run`.
mod assembly;
mod build;
mod checks;
mod deliver;
mod destination;
mod error;
mod explain;
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
pub use checks::StartFault;
pub use destination::{Content, Delivery, Destination, DestinationError, Form, Piece, Stream, Target};
pub use error::BuildError;
pub use explain::why_not_started;
pub use inventory::{Inventory, Item, runs_commands};
pub use layer::BuiltLayer;
pub use recheck::{Outcome, Rechecked, recheck};
pub use session::Session;
pub use shell::{
    Environment, Mount, RunRequest, Started, image_environment, named_programs, shell_environment,
};
