//! What is fetched, checked and unpacked, from a mirror, an index and repositories that are in this process.
mod git;
mod packages;
mod suites;
mod wheels;
mod world;
