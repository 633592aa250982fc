//! Finds what makes builds non-reproducible, in Dockerfiles, compose files, flakes and images.
//!
//! ```text
//! text -> audit_dockerfile | audit_compose | audit_flake -> Report -> render | json | sarif
//! ```
//!
//! # Goals
//! * Each finding has a rule, a location, the reason, its impact, and a fix.
//! * One finding per cause. If a cause appears in several locations, the finding lists them.
//! * What is pinned is not reported: versions in variables, checksums that are verified later, commits that are checked
//!   out later, snapshots in apt's sources, locks that are copied.
//! * Rules are data: the terminal, JSON, SARIF and the manual have the same texts.
//!
//! # Non-goals
//! * No style, general security or size: other linters check these.
//! * No network and no disk: the caller provides the files around a file, see [`Surroundings`].
//! * No programs except shell scripts in the build context.
mod calls;
mod compose;
mod dockerfile;
mod finding;
mod findings;
mod flake;
mod ignore_comments;
mod ignore_file;
mod image;
mod output;
mod paths;
mod pins;
mod report;
mod rule;
mod surroundings;
mod tools;
mod yaml;

pub use compose::{Compose, ComposeBuild, ComposeError, ComposeFault, ReadFailure, audit_compose};
pub use dockerfile::{DockerfileAudit, DockerfileError, audit_dockerfile};
pub use finding::Finding;
pub use flake::{FlakeError, Lock, audit_flake};
pub use ignore_file::IgnoreFile;
pub use image::{ImageFacts, ImageFile, audit_image};
pub use output::{manual, render, render_fault, summary, to_json, to_sarif};
pub use report::Report;
pub use rule::{Definition, Level, Rule, Subject};
pub use surroundings::{Ignore, Surroundings};
pub use yaml::YamlError;
