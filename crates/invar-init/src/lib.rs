//! The first manifest of a project: from what the project is, from its Dockerfile, or from its flake.
//!
//! # Goals
//! * The smallest manifest that works, and nothing that Invar does by itself.
//! * Honesty: what cannot be carried over stands in the manifest as a comment with its line, and what was not pinned
//!   before and is now is reported.
//!
//! # Non-goals
//! * No disk and no network: texts come in, a [`Draft`] goes out, and the caller checks and writes it.
//! * No running of shells: what a command does is read, or said to be left.
mod distribution;
mod dockerfile;
mod draft;
mod flake;
mod nixpkgs;
mod project;
mod suite;

pub use dockerfile::{DockerfileContext, DockerfileError, DockerfileFlake, read_dockerfile};
pub use draft::{Draft, DraftStep, Keys, Note, Pin, Source, nested};
pub use flake::{FlakeContext, FlakeError, read_flake};
pub use invar_project::Purpose;
pub use project::{ProjectError, ProjectView, add_needs, read_project};
