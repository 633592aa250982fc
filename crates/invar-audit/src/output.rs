//! Reports for people and programs.
mod json;
mod manual;
mod sarif;
mod terminal;

pub use json::to_json;
pub use manual::manual;
pub use sarif::to_sarif;
pub use terminal::{render, render_fault, summary};
