//! An in-process Debian mirror and package index, their contents, and a parser for the book's code blocks: for tests
//! only.
//!
//! Everything is created in memory from a few words: a [`Deb`], a [`Wheel`], a [`Mirror`] whose `InRelease` is really
//! signed, and a [`Server`] that can be told to misbehave. Nothing here reaches a network but the loopback device.
#![expect(
    clippy::unwrap_used,
    reason = "a test's scaffolding that fails should fail the test, at once and loudly"
)]
mod deb;
pub mod markdown;
mod mirror;
mod server;
mod uv;
mod wheel;

pub use deb::Deb;
pub use mirror::{Mirror, Signer};
pub use server::{Fault, Server};
pub use uv::uv_lock;
pub use wheel::Wheel;

/// The sha256 of `bytes` in lower-case hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest as _, Sha256};
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
