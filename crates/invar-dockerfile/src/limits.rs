//! What a Dockerfile may hold at most.

/// The bounds of all that is read from a Dockerfile.
///
/// Real files are far below them; they are there so that a hostile file costs little.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits;

impl Limits {
    /// Bytes of a file.
    pub const FILE: usize = 1 << 20;
    /// Instructions of a file.
    pub const INSTRUCTIONS: usize = 10_000;
    /// Stages of a file.
    pub const STAGES: usize = 256;
    /// Here-documents of one instruction.
    pub const HEREDOCS: usize = 64;
    /// Levels of `ONBUILD ONBUILD ...` or of `$(...)`, `(...)` and `${...}` inside each other.
    pub const DEPTH: usize = 24;
    /// Simple commands of one script.
    pub const COMMANDS: usize = 20_000;
    /// Bytes that one expansion may come to. A name doubled over and over would otherwise fill the memory.
    pub const EXPANSION: usize = 64 << 10;
    /// Bytes of all names and values that one stage knows.
    pub const SCOPE: usize = 256 << 10;
}
