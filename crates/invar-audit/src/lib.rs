//! What can change the result of a build from one day to the next: in Dockerfiles, compose files, flakes and images.
//!
//! ```text
//! text -> audit_dockerfile | audit_compose | audit_flake -> Report -> render | json | sarif
//! ```
//!
//! # Goals
//! * Each finding names a rule, a place, why it changes the result, how that hurts, and what to do.
//! * One cause, one finding. Where a cause stands in several places, the finding lists them.
//! * What is pinned is not reported: versions after names that are set in the file, checksums that are checked later,
//!   commits that are checked out later, snapshots that apt's sources name, locks that are copied.
//! * Definitions of rules are data: the terminal, JSON, SARIF and the manual say the same.
//!
//! # Non-goals
//! * No style, no security as such, no size: other linters do that.
//! * No network and no disk: what stands around a file is asked from the caller, see [`Surroundings`].
//! * No programs but shell scripts are looked into, and those only where they lie in the build's folder.
mod compose;
mod dockerfile;
mod finding;
mod flake;
mod ignore_comments;
mod ignore_file;
mod image;
mod output;
mod paths;
mod rule;
mod surroundings;
mod tools;
mod yaml;

pub use compose::{Compose, ComposeBuild, ComposeError, ComposeFault, Unread, audit_compose};
pub use dockerfile::{Audited, DockerfileError, audit_dockerfile};
pub use finding::{Finding, Report};
pub use flake::{FlakeError, Lock, audit_flake};
pub use ignore_file::IgnoreFile;
pub use image::{ImageFacts, ImageFile, audit_image};
pub use output::{manual, render, render_fault, summary, to_json, to_sarif};
pub use rule::{Definition, Level, Rule, Subject};
pub use surroundings::{Ignore, Surroundings};
pub use yaml::YamlError;
