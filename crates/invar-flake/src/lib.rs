//! Evaluates flakes: their inputs, their outputs, and the files that a derivation installs.
//!
//! # Goals
//! * [`Flake::read`] evaluates a flake with known inputs: nixpkgs (its library, its trivial builders, `dockerTools`,
//!   `mkShell`, Python), `flake-utils`, `flake-parts`, `systems`, `uv2nix`, `pyproject.nix`, `build-system-pkgs`,
//!   `nix2container`. They are modeled in Nix, in `src/prelude`.
//! * [`Flake::output`] gives an output as typed data: an image, a derivation, an app, a shell, an environment. The
//!   contents of strings and lists are [`FlakeValue`]s, by their symbols.
//! * Failures are data, too: an attribute that cannot be evaluated is [`Data::Unreadable`] in its field, with its
//!   location.
//! * [`phase`] reads the shell text of a derivation as a list of installed files.
//!
//! # Non-goals
//! * Nothing is built, fetched or run. The result of an unknown input stays a symbol that knows its origin.
//! * No mapping of nixpkgs to Debian packages, and no manifests.
mod datum;
mod derivation;
mod error;
mod facts;
mod files;
mod flake;
mod image;
mod input;
mod lock;
mod notation;
mod output;
pub mod phase;
mod read;
mod thing;
mod world;

pub use datum::{Data, Datum, EvaluationFailure};
pub use derivation::DerivationTree;
pub use error::FlakeError;
pub use files::PROJECT;
pub use flake::{Flake, SYSTEM};
pub use image::{Image, ImageConfig};
pub use input::{Input, InputKind};
pub use output::{App, Output, OutputKind, OutputName, Piece, Purpose};
pub use thing::{
    Derivation, Environment, FlakeValue, Interpreter, Package, PythonPackage, PythonSet, Workspace,
};

#[cfg(test)]
mod tests;
