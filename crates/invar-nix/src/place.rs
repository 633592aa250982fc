//! Where things are written.
use std::fmt;
use std::sync::Arc;

/// A byte of a source text; kept small, since each thunk and attribute has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) source: u32,
    pub(crate) offset: u32,
}

impl Spot {
    /// Of what is written nowhere.
    pub(crate) const NOWHERE: Self = Self { source: u32::MAX, offset: 0 };
}

/// A line and column of a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The path in the virtual root, or the name that an expression was given.
    pub file: Arc<str>,
    /// Counted from 1.
    pub line: u32,
    /// Counted from 1, in bytes as Nix does.
    pub column: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// A text that was compiled.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) name: Arc<str>,
    /// Where each line starts.
    lines: Vec<u32>,
}

impl Source {
    pub(crate) fn new(name: &str, text: &str) -> Self {
        let starts = text.bytes().enumerate().filter(|&(_, byte)| byte == b'\n').map(|(at, _)| at as u32 + 1);
        Self { name: name.into(), lines: std::iter::once(0).chain(starts).collect() }
    }

    pub(crate) fn place(&self, offset: u32) -> Position {
        let line = self.lines.partition_point(|&start| start <= offset);
        let start = self.lines.get(line.saturating_sub(1)).copied().unwrap_or_default();
        Position { file: Arc::clone(&self.name), line: line as u32, column: offset - start + 1 }
    }
}
