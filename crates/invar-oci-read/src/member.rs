use std::collections::BTreeMap;
use std::sync::Arc;

use invar_formats::tar::{TarFormat, Time};
use invar_tree::{Digest, ImagePath, Mode, Owner};

/// What a member is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LayerNode {
    /// A directory.
    Directory,
    /// A regular file.
    File {
        /// Length in bytes.
        size: u64,
        /// sha256 of its content.
        digest: Digest,
    },
    /// A symbolic link.
    Symlink {
        /// Its target, as the link holds it.
        target: Arc<str>,
    },
    /// A second name for a file of the same layer or a lower one.
    HardLink {
        /// The other name.
        original: ImagePath,
    },
    /// A device.
    Device {
        /// Whether it is a block device; otherwise it is a character device.
        block: bool,
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A named pipe.
    Pipe,
    /// A mark that deletes what the lower layers have at this path (OCI image specification 1.1, "Whiteouts"). The
    /// member's path is that of what is deleted.
    Whiteout,
    /// A mark that deletes all that the lower layers have in this directory ("Opaque Whiteout").
    Opaque,
}

/// One member of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Where it is.
    pub path: ImagePath,
    /// What it is.
    pub kind: LayerNode,
    /// Its permission bits.
    pub mode: Mode,
    /// Its numeric owner.
    pub owner: Owner,
    /// The names of its owner and group; empty if there are none.
    pub owner_names: (Arc<str>, Arc<str>),
    /// When it was modified.
    pub time: Time,
    /// Extended attributes.
    pub attributes: BTreeMap<String, Vec<u8>>,
    /// How its header is written; `None` in a directory, which has no headers.
    pub format: Option<TarFormat>,
    /// The digest of all blocks of its header, extensions included: two members with equal headers and contents are
    /// the same bytes.
    pub header: Digest,
}

impl LayerNode {
    /// What it is in a word or two.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Directory => "directory",
            Self::File { .. } => "file",
            Self::Symlink { .. } => "symbolic link",
            Self::HardLink { .. } => "hard link",
            Self::Device { block: true, .. } => "block device",
            Self::Device { block: false, .. } => "character device",
            Self::Pipe => "named pipe",
            Self::Whiteout | Self::Opaque => "whiteout",
        }
    }

    /// The size of its content in bytes; zero for all but files.
    pub fn size(&self) -> u64 {
        match self {
            Self::File { size, .. } => *size,
            _ => 0,
        }
    }
}
