//! Locks that are built from a mirror in this process, with something that stands in for uv and for build backends.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod builds;
mod packages;
mod world;
