//! The plan: the contents of an image, decided only from the manifest and the locks.
//!
//! # Goals
//! * Everything that a build does is decided here, as a value, before it starts.
//! * The same manifest and locks give the same plan everywhere.
//!
//! # Non-goals
//! * No disk, clock, network or environment; no bytes of an image either: recipes say how trees are created, and
//!   `invar-build` creates them.
mod build_mismatch;
mod config;
mod configure;
mod error;
mod layer;
mod plan;
mod python;
mod python_choice;
mod recipe;
mod roots;
mod shell;
mod source;
mod step;

pub use build_mismatch::{BuildMismatch, build_mismatch};
pub use config::image_config;
pub use configure::check_configured;
pub use error::PlanError;
pub use layer::LayerName;
pub use plan::{Plan, PlannedLayer};
pub use python::{python_packages, target};
pub use python_choice::{NoRelease, Offer, PythonChoice, PythonWish};
pub use recipe::{PackageRecipe, Recipe, WheelRecipe};
pub use roots::root_packages;
pub use shell::shell_manifest;
pub use source::{SourceBuild, build_layout, build_needs, build_root_name, build_wheels, needed_root_name};
pub use step::StepPlan;

/// The project's folder in the image, without a leading slash.
pub const PROJECT: &str = "app";

/// The virtual environment's folder in the image, without a leading slash.
pub const ENVIRONMENT: &str = "app/.venv";

/// The folder of the environment that a Python package's build has, without a leading slash.
pub const BUILD_ENVIRONMENT: &str = "invar/environment";
