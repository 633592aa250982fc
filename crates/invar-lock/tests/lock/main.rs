//! Locks that are built from a mirror in this process, with something that stands in for uv and for build backends.
mod builds;
mod packages;
mod world;
