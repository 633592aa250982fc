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
//! * No running of anything that is in an image.
mod build;
mod configuration;
mod deliver;
mod error;
mod event;
mod indexes;
mod key;
mod layer;
mod lock;
mod mirrors;
mod output;
mod project;
mod python_index;
mod realise;
mod root;
mod session;
mod source;

pub use build::{BuildRequest, Built, BuiltImage, BuiltLayer, build};
pub use deliver::{Destination, Target};
pub use error::{BuildError, Kind};
pub use event::{Event, Phase, Reporter, Silent};
pub use lock::{Locked, Update, lock};
pub use mirrors::{Archive, Mirrors};
pub use project::ProjectFiles;
pub use python_index::PythonIndexes;
pub use session::Session;
pub use source::SourceError;
