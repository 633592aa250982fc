//! One module for each command.
pub mod build;
pub mod env;
pub mod init;
pub mod lock;
pub mod open;
pub mod run;
pub mod shell;
pub mod verify;
