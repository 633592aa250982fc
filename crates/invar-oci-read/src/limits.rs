use invar_formats::tar;

/// The longest extended header or long name, in bytes.
const LONGEST_EXTENSION: u64 = 1 << 20;

/// How much of what an image says is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The longest JSON document, in bytes.
    pub document: u64,
    /// How many images a file may hold.
    pub images: usize,
    /// How many layers an image may have.
    pub layers: usize,
    /// How many members a layer, or an archive of blobs, may have.
    pub members: usize,
    /// How many bytes the names of all members of a layer may have together.
    pub names: usize,
    /// How many bytes a layer may unpack to, whatever its size.
    pub unpacked: u64,
    /// How many bytes a layer may unpack to for each byte that it has.
    pub ratio: u64,
    /// How many bytes of files are kept of one layer.
    pub kept: u64,
}

impl Limits {
    /// Limits that every honest image stays far below.
    pub const fn usual() -> Self {
        Self {
            document: 8 << 20,
            images: 128,
            layers: 512,
            members: 4_000_000,
            names: 512 << 20,
            unpacked: 256 << 20,
            ratio: 400,
            kept: 512 << 20,
        }
    }

    /// The limits for an archive of layers, or for a layer.
    pub(crate) fn tar(&self) -> tar::Limits {
        tar::Limits { extension: LONGEST_EXTENSION, members: self.members, names: self.names }
    }

    /// What `size` compressed bytes may unpack to: either of the two bounds is enough.
    pub(crate) fn unpacked_from(&self, size: u64) -> u64 {
        self.unpacked.max(size.saturating_mul(self.ratio))
    }
}
