//! A Dockerfile that is in a compose file, with the place of each of its bytes there.
use invar_dockerfile::{Span, Text};

use crate::yaml::Node;

/// The Dockerfile.
#[derive(Debug)]
pub(super) struct Inline {
    /// The compose file that it is in, by its number.
    pub file: usize,
    /// What it says, with one dollar sign where Compose wants two.
    pub text: Text,
    /// Where all of it is.
    span: Span,
}

impl Inline {
    /// `node` is a text of the file `file`, which says `source`.
    pub(super) fn of(file: usize, node: &Node, source: &str) -> Option<Self> {
        let value = node.text()?;
        let literal = if node.is_literal() { literal(value, node.span, source) } else { None };
        // Where lines are folded or quoted, everything is at the text's beginning.
        let text = literal.unwrap_or_else(|| {
            let mut text = Text::empty(node.span.start);
            for part in value.replace("$$", "$").split_inclusive('\n') {
                text.push(part, node.span.start);
            }
            text
        });
        Some(Self { file, text, span: node.span })
    }

    /// Where a part of the Dockerfile is in the compose file.
    pub(super) fn place(&self, span: Span) -> Span {
        let length = self.text.as_str().len();
        let place = self.text.span_of(span.start.min(length)..span.end.min(length));
        Span::new(place.start.min(self.span.end), place.end.min(self.span.end))
    }
}

/// The lines of a literal block, `|`: each is in the file as it is, after blanks.
fn literal(value: &str, span: Span, source: &str) -> Option<Text> {
    let mut start = source.get(..span.start)?.rfind('\n').map_or(0, |newline| newline + 1);
    let mut lines = source.get(start..)?.split_inclusive('\n').peekable();
    // The block begins on the line of the `|`, or on the next.
    let first = value.lines().next()?;
    let is_line = |line: &str, wanted: &str| {
        let line = line.strip_suffix('\n').unwrap_or(line);
        let line = line.strip_suffix('\r').unwrap_or(line);
        line.strip_suffix(wanted).is_some_and(|blanks| blanks.bytes().all(|byte| byte == b' '))
    };
    if lines.peek().is_some_and(|line| !is_line(line, first)) {
        start += lines.next()?.len();
    }
    let mut text = Text::empty(span.start);
    for wanted in value.split_inclusive('\n') {
        let line = lines.next().unwrap_or_default();
        let content = wanted.strip_suffix('\n').unwrap_or(wanted);
        // Blank lines may have fewer blanks than the others.
        let is_blank = content.is_empty() && line.trim().is_empty();
        if !is_blank && !is_line(line, content) {
            return None;
        }
        let ends = line.strip_suffix('\n').map_or(line.len(), str::len);
        let ends = line[..ends].strip_suffix('\r').map_or(ends, str::len);
        let mut at = start + ends - content.len();
        for (number, part) in content.split("$$").enumerate() {
            if number > 0 {
                text.push("$", at);
                at += 2;
            }
            text.push(part, at);
            at += part.len();
        }
        if wanted.ends_with('\n') {
            text.push("\n", at);
        }
        start += line.len();
    }
    Some(text)
}
