//! What only `cargo xtask test --real` runs: Debian's archives and a package index as they are today, a Docker engine, an
//! emulated CPU, tools that judge what Invar makes, and builds that are killed.
//!
//! A test belongs here by its name, `real::` and more, and to the quick tests by any other: there is no third kind. What
//! reaches a network or an engine is private to this module, so that no quick test can.
mod archives;
mod book;
mod diff;
mod docker;
mod ending;
mod engine;
mod env;
mod examples;
mod inspect;
mod pictures;
mod ports;
mod promise;
mod scripts;
mod shell;
mod smoke;
mod sources;
mod steps;
mod talk;
mod uv_settings;
mod verify;
