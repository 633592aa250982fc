//! The plan: what an image is made of, decided from the manifest and the locks alone.
//!
//! # Goals
//! * Everything that a build does is decided here, as a value, before anything is done.
//! * The same manifest and locks give the same plan everywhere.
//!
//! # Non-goals
//! * No disk, clock, network or environment; no bytes of an image either: recipes say how trees are made, and
//!   `invar-build` makes them.
mod config;
mod plan;
mod recipe;

pub use config::image_config;
pub use plan::{LayerName, Plan, PlanError, PlannedLayer};
pub use recipe::{PackageRecipe, Recipe, WheelRecipe};

/// The project's folder in the image, without a leading slash.
pub const PROJECT: &str = "app";

/// The virtual environment's folder in the image, without a leading slash.
pub const ENVIRONMENT: &str = "app/.venv";
