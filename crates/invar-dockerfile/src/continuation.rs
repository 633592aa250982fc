//! Lines, and the joining of those that end in the escape character.
//!
//! As BuildKit's `parser.Parse` does it: a comment line inside a continued instruction is left out and does not end it,
//! an empty line neither; white space after the escape character is allowed; an escape character that is escaped by
//! another one continues nothing.
use crate::text::{Span, Text};

/// The lines of a file, each with where it starts, without its end-of-line.
#[derive(Debug)]
pub(crate) struct Lines<'a> {
    text: &'a str,
    at: usize,
}

/// One line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line<'a> {
    /// Without its end-of-line.
    pub text: &'a str,
    /// Where it starts in the file.
    pub start: usize,
    /// Where the next one starts.
    pub next: usize,
}

impl Line<'_> {
    pub(crate) fn is_comment(self) -> bool {
        self.text.trim_start().starts_with('#')
    }

    pub(crate) fn is_blank(self) -> bool {
        self.text.trim().is_empty()
    }
}

impl<'a> Lines<'a> {
    pub(crate) const fn new(text: &'a str, at: usize) -> Self {
        Self { text, at }
    }

    pub(crate) const fn at(&self) -> usize {
        self.at
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
        let length = rest.find('\n').map_or(rest.len(), |newline| newline + 1);
        let line = Line {
            text: rest[..length].trim_end_matches(['\r', '\n']),
            start: self.at,
            next: self.at + length,
        };
        self.at = line.next;
        Some(line)
    }
}

/// An instruction's line, joined.
#[derive(Debug)]
pub(crate) struct JoinedLine {
    /// What is on it.
    pub text: Text,
    /// Comments that are between its lines.
    pub comments: Vec<Span>,
    /// Where its last line ends.
    pub end: usize,
}

/// Joins `first` with the lines that continue it.
pub(crate) fn join(first: Line<'_>, lines: &mut Lines<'_>, escape: char) -> JoinedLine {
    let indent = first.text.len() - first.text.trim_start().len();
    let mut joined = JoinedLine {
        text: Text::empty(first.start + indent),
        comments: Vec::new(),
        end: first.start + first.text.len(),
    };
    let (part, mut goes_on) = without_continuation(&first.text[indent..], escape);
    joined.text.push(part, first.start + indent);
    while goes_on {
        let Some(line) = lines.next() else { break };
        joined.end = line.start + line.text.len();
        if line.is_comment() {
            joined.comments.push(Span::new(line.start, joined.end));
            continue;
        }
        if line.is_blank() {
            continue;
        }
        let (part, more) = without_continuation(line.text, escape);
        joined.text.push(part, line.start);
        goes_on = more;
    }
    joined
}

/// The line without the escape character at its end, and whether there was one that continues it.
fn without_continuation(line: &str, escape: char) -> (&str, bool) {
    let Some(before) = line.trim_end_matches([' ', '\t']).strip_suffix(escape) else { return (line, false) };
    if before.ends_with(escape) { (line, false) } else { (before, true) }
}
