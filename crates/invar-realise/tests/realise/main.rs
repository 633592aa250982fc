//! What is fetched, checked and unpacked, from a mirror, an index and repositories that are in this process.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod git;
mod packages;
mod suites;
mod wheels;
mod world;
