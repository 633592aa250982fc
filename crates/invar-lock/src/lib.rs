//! `invar.lock`: which packages a project gets, decided from the network and recorded.
//!
//! # Goals
//! * [`lock`](lock()) is the only part that decides anything from the network.
//! * A lock that still satisfies the manifest stays as it is, and nothing is fetched to find that out.
//! * What only one part of a project needs does not hold up another: see [`check_parts`].
//!
//! # Non-goals
//! * No builds: build backends are asked through [`Backends`](invar_realise::Backends), which the caller brings.
mod builds;
mod context;
mod error;
mod fetches;
mod keyring;
mod lock;
mod make;
mod members;
mod outdated;
mod parts;
mod proposals;
mod release;
mod requests;
mod roots;
mod update;
mod uv;
mod uv_lock;

pub use context::LockContext;
pub use error::{BuildsError, LockError};
pub use keyring::read_keyring;
pub use lock::{Locked, lock};
pub use outdated::{Unlocked, check_parts, outdated};
pub use proposals::{Proposals, proposals};
pub use release::{PythonNote, python_notes};
pub use update::Update;
pub use uv_lock::update_uv_lock;
