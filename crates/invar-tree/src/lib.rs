//! The tree: a sorted map from path to entry, each with its origin.
//!
//! Everything that Invar handles is a tree: an unpacked package, a wheel, the project's source, the root file
//! system, a layer. This crate holds that one noun, and what all need to know of the images that trees become: their
//! machines, and where programs are looked for in them.
//!
//! # Goals
//! * A tree is a value: equal trees have equal [digests](Tree::digest), however and in whatever order they were built.
//! * What a container image cannot carry faithfully (host times, host owners, paths that climb out) cannot be
//!   expressed, or is rejected when it is parsed.
//!
//! # Non-goals
//! * No disk, clock, network or environment. File contents live elsewhere and are reached through [`Contents`].
//! * No device nodes, sockets, extended attributes or hard links: a hard link in an archive becomes a second file
//!   with the same content.
mod contents;
mod digest;
mod entry;
mod format_version;
mod listing;
mod machine;
mod memory;
mod merge;
mod origin;
mod path;
mod tree;

pub use contents::{ContentReader, Contents, ReadSeek, Sink, SinkError};
pub use digest::{Digest, DigestError, Hasher, hex};
pub use entry::{Entry, Mode, Node, Owner};
pub use format_version::FORMAT_VERSION;
pub use listing::ListingError;
pub use machine::{Machine, SEARCH_PATH, UnknownMachine};
pub use memory::MemoryTree;
pub use merge::{Clash, MergedTree, merge};
pub use origin::Origin;
pub use path::{ImagePath, PathError};
pub use tree::Tree;
