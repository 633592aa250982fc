use std::fmt;
use std::sync::Arc;

use crate::{Digest, Origin};

/// The permission bits of an entry: read, write and execute for three classes, set-user-ID, set-group-ID, sticky.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mode(u16);

impl Mode {
    /// `0644`: a plain file.
    pub const FILE: Self = Self(0o644);
    /// `0755`: a program.
    pub const PROGRAM: Self = Self(0o755);
    /// `0755`: a directory.
    pub const DIRECTORY: Self = Self(0o755);
    /// `0777`: what Linux reports for every symbolic link.
    pub const SYMLINK: Self = Self(0o777);

    /// The lowest 12 bits of `bits`; file-type bits of `st_mode` are dropped.
    pub const fn new(bits: u32) -> Self {
        Self((bits & 0o7777) as u16)
    }

    /// The 12 permission bits.
    pub const fn bits(self) -> u32 {
        self.0 as u32
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

impl fmt::Debug for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The numeric owner of an entry. Names are never used: they are the host's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner {
    /// The user ID.
    pub uid: u32,
    /// The group ID.
    pub gid: u32,
}

impl Owner {
    /// `0:0`.
    pub const ROOT: Self = Self { uid: 0, gid: 0 };
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A directory.
    Directory,
    /// A regular file; its bytes are reached through [`Contents`](crate::Contents).
    File {
        /// Length in bytes.
        size: u64,
        /// sha256 of the bytes.
        digest: Digest,
    },
    /// A symbolic link.
    Symlink {
        /// The target, as the link holds it: absolute targets are relative to the image's root.
        target: Arc<str>,
    },
}

/// One entry of a tree. It has no time: every file of an image has the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub node: Node,
    /// Its permission bits.
    pub mode: Mode,
    /// Its numeric owner.
    pub owner: Owner,
    /// Where it comes from.
    pub origin: Arc<Origin>,
}

impl Entry {
    /// Whether the entry is a directory.
    pub fn is_directory(&self) -> bool {
        matches!(self.node, Node::Directory)
    }

    /// Whether both would look the same in an image, whatever their origin.
    pub fn same_as(&self, other: &Self) -> bool {
        self.node == other.node && self.mode == other.mode && self.owner == other.owner
    }
}
