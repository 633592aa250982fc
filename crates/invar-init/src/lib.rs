//! Creates the manifest of a project, from the project itself, its Dockerfile, or its flake.
//!
//! # Goals
//! * The smallest manifest that works, without defaults.
//! * Honesty: what cannot be converted becomes a comment with its line, and what was not pinned before is
//!   reported.
//!
//! # Non-goals
//! * No disk and no network: texts come in, a [`Draft`] goes out, and the caller checks and writes it.
//! * No running of shells: commands are understood, or reported as not converted.
mod distribution;
mod dockerfile;
mod draft;
mod flake;
mod nixpkgs;
mod package_names;
mod project;
mod suite;

pub use dockerfile::{DockerfileContext, DockerfileError, DockerfileFlake, read_dockerfile};
pub use draft::{Draft, DraftStep, Keys, Note, Pin, Source, nested};
pub use flake::{FlakeContext, FlakeError, read_flake};
pub use invar_project::Purpose;
pub use project::{ProjectError, ProjectView, add_needs, add_version, chosen_release, read_project};
