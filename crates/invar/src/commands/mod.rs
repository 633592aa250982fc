//! One module for each command. They do not import each other.
#[cfg(feature = "inspect")]
pub mod audit;
pub mod build;
#[cfg(feature = "inspect")]
pub mod diff;
pub mod env;
#[cfg(feature = "inspect")]
pub mod init;
#[cfg(feature = "inspect")]
pub mod inspect;
pub mod lock;
pub mod run;
pub mod shell;
#[cfg(feature = "inspect")]
pub mod verify;
#[cfg(feature = "inspect")]
pub mod why;
