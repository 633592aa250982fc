//! What `cargo xtask test --real` runs: processes that are killed.
mod crash;
