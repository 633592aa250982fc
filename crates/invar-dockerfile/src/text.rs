//! Text that knows where each of its bytes is in the file.
use std::ops::Range;

/// Bytes of the file, from `start` up to and without `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

impl Span {
    /// The span from `start` to `end`; an empty one at `start` where `end` comes before it.
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start, end: if end < start { start } else { end } }
    }

    /// The smallest span that holds both.
    pub fn to(self, other: Self) -> Self {
        Self::new(self.start.min(other.start), self.end.max(other.end))
    }

    /// The span as a range of indexes.
    pub const fn range(self) -> Range<usize> {
        self.start..self.end
    }
}

/// A place for people: line and column count from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

/// Where the lines of a file start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineIndex {
    starts: Vec<usize>,
}

impl LineIndex {
    /// The lines of `text`.
    pub fn of(text: &str) -> Self {
        let after_each_newline =
            text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self { starts: std::iter::once(0).chain(after_each_newline).collect() }
    }

    /// The line, from 1, in which the byte `offset` is.
    pub fn line(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset).max(1)
    }

    /// The place of the byte `offset` in `text`, which must be the text that this was made of.
    pub fn position(&self, text: &str, offset: usize) -> Position {
        let line = self.line(offset);
        let start = self.starts[line - 1];
        let before = text.as_bytes().get(start..offset.min(text.len())).unwrap_or_default();
        // Bytes 10xxxxxx go on a character that was counted already.
        let column = before.iter().filter(|byte| (**byte & 0xc0) != 0x80).count() + 1;
        Position { line, column }
    }
}

/// A piece of a text that is in one piece in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    /// Where the piece starts in the text.
    at: usize,
    /// Where it starts in the file.
    source: usize,
}

/// A string of which each byte is known by its place in the file.
///
/// Lines that are continued, quotes and escapes leave gaps; this is what is left after they are removed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text {
    value: String,
    runs: Vec<Run>,
    /// Where an empty text would be.
    anchor: usize,
}

impl Text {
    /// An empty text at the byte `source` of the file.
    pub fn empty(source: usize) -> Self {
        Self { value: String::new(), runs: Vec::new(), anchor: source }
    }

    /// `value`, which is in one piece from the byte `source` of the file on.
    pub fn new(value: &str, source: usize) -> Self {
        let mut text = Self::empty(source);
        text.push(value, source);
        text
    }

    /// The string.
    pub fn as_str(&self) -> &str {
        &self.value
    }

    /// Puts `value`, which is at the byte `source` of the file, at the end.
    pub fn push(&mut self, value: &str, source: usize) {
        if value.is_empty() {
            return;
        }
        let at = self.value.len();
        let goes_on = self.runs.last().is_some_and(|run| run.source + (at - run.at) == source);
        if !goes_on {
            self.runs.push(Run { at, source });
        }
        self.value.push_str(value);
    }

    /// Puts another text at the end.
    pub fn append(&mut self, other: &Self) {
        for (index, run) in other.runs.iter().enumerate() {
            let end = other.runs.get(index + 1).map_or(other.value.len(), |next| next.at);
            self.push(&other.value[run.at..end], run.source);
        }
    }

    /// The part in `range`, which must be on boundaries of characters.
    pub fn slice(&self, range: Range<usize>) -> Self {
        let mut part = Self::empty(self.source(range.start));
        let mut index = self.runs.partition_point(|run| run.at <= range.start).saturating_sub(1);
        let mut at = range.start;
        while at < range.end {
            let end = self.runs.get(index + 1).map_or(self.value.len(), |next| next.at).min(range.end);
            part.push(&self.value[at..end], self.source(at));
            at = end;
            index += 1;
        }
        part
    }

    /// Where the byte `at` of the string is in the file.
    pub fn source(&self, at: usize) -> usize {
        match self.runs.partition_point(|run| run.at <= at).checked_sub(1) {
            Some(index) => self.runs[index].source + (at - self.runs[index].at),
            None => self.anchor,
        }
    }

    /// Where the bytes in `range` are in the file, with the gaps between them.
    pub fn span_of(&self, range: Range<usize>) -> Span {
        let start = self.source(range.start);
        if range.is_empty() {
            Span::new(start, start)
        } else {
            Span::new(start, self.source(range.end - 1) + 1)
        }
    }

    /// Where all of it is in the file.
    pub fn span(&self) -> Span {
        self.span_of(0..self.value.len())
    }

    /// Without white space at both ends.
    pub fn trimmed(&self) -> Self {
        let start = self.value.len() - self.value.trim_start().len();
        let end = self.value.trim_end().len().max(start);
        self.slice(start..end)
    }
}
