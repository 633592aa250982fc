//! Flakes: what their inputs mean, what they output, and what a derivation puts where.
//!
//! # Goals
//! * [`Flake::read`] evaluates a flake with inputs that are known by name and meaning: nixpkgs (its library, its
//!   trivial builders, `dockerTools`, `mkShell`, Python), `flake-utils`, `flake-parts`, `systems`, `uv2nix`, `pyproject.nix`,
//!   `build-system-pkgs`, `nix2container`. Their meaning is written in Nix, in `src/prelude`.
//! * [`Flake::output`] gives an output as typed data: an image, a derivation, an app, a shell, an environment. What is
//!   inside of texts and lists is a [`Thing`], by its symbol.
//! * What fails is data, too: an attribute that cannot be evaluated is [`Data::Unreadable`] in its field, with its
//!   place.
//! * [`phase`] reads the shell text of a derivation as what it puts where.
//!
//! # Non-goals
//! * Nothing is built, fetched or run. What an input that is unknown gives stays a symbol that knows how it came about.
//! * Which Debian package a package of nixpkgs is, and what a manifest makes of all this, is unknown here.
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

pub use datum::{Data, Datum, Unreadable};
pub use derivation::DerivationTree;
pub use error::FlakeError;
pub use files::PROJECT;
pub use flake::{Flake, SYSTEM};
pub use image::{Image, ImageConfig};
pub use input::{Input, InputKind};
pub use output::{App, Output, OutputKind, OutputName, Piece, Purpose};
pub use thing::{Derivation, Environment, Interpreter, Package, PythonPackage, PythonSet, Thing, Workspace};

#[cfg(test)]
mod tests;
