//! Tools that a machine may not have; then the test is skipped, and says so.
mod npm;
mod pip;
