//! One module for each command.
pub mod build;
pub mod lock;
