//! One module for each command.
pub mod audit;
pub mod build;
pub mod diff;
pub mod env;
pub mod init;
pub mod inspect;
pub mod lock;
pub mod open;
pub mod run;
pub mod shell;
pub mod verify;
pub mod why;
