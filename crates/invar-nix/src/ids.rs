//! The numbers by which an evaluation names what it owns.

/// A value that is computed when it is needed, by its number in the evaluator's arena.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ThunkId(pub(crate) u32);

/// A value that is known only by how it came about, by its number in the evaluator's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SymbolId(pub(crate) u32);

impl SymbolId {
    /// The number, as placeholders write it.
    #[must_use]
    pub fn number(self) -> u32 {
        self.0
    }
}
