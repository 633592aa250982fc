//! What images run on.

/// The operating system of every image.
pub const OPERATING_SYSTEM: &str = "linux";

/// What an image runs on; the operating system is always Linux.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Platform {
    /// The processor, as Go names it: `amd64` or `arm64`.
    pub architecture: String,
    /// The variant of the processor, such as `v8`.
    pub variant: Option<String>,
}
