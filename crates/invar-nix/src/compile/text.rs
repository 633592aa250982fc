//! Strings, indented strings and paths.
use std::rc::Rc;

use rnix::SyntaxKind::{TOKEN_PATH_REL, TOKEN_STRING_CONTENT};
use rnix::ast::{self, InterpolPart, PathContent};
use rowan::NodeOrToken;
use rowan::ast::AstNode;

use super::Compiler;
use crate::code::{Code, Piece};
use crate::error::Outcome;
use crate::files::normalize;
use crate::place::Spot;
use crate::value::Value;

/// A part of an indented string before its indentation is removed.
enum RawPart {
    /// Text as written, whose indentation counts.
    Written(String),
    /// What an escape stands for.
    Escaped(String),
    Interpolation(ast::Interpol),
}

impl Compiler<'_> {
    pub(super) fn string(&mut self, string: &ast::Str, spot: Spot) -> Outcome<Code> {
        let mut pieces = Vec::new();
        let mut text = String::new();
        for part in parts(string) {
            match part {
                RawPart::Written(part) | RawPart::Escaped(part) => text.push_str(&part),
                RawPart::Interpolation(interpolation) => {
                    if !text.is_empty() {
                        pieces.push(Piece::Literal(std::mem::take(&mut text).into()));
                    }
                    pieces.push(Piece::Value(self.required(interpolation.expr(), spot)?));
                }
            }
        }
        if string.syntax().text().contains_char('\0') {
            return self.error("this is not Nix: a string has a NUL in it", spot);
        }
        if pieces.is_empty() {
            return self.constant(Value::text(text), spot);
        }
        if !text.is_empty() {
            pieces.push(Piece::Literal(text.into()));
        }
        Ok(Code::Text(pieces.into()))
    }

    /// The text of a string that has no interpolations.
    pub(super) fn plain_text(&self, string: &ast::Str) -> Option<String> {
        let mut text = String::new();
        for part in parts(string) {
            match part {
                RawPart::Written(part) | RawPart::Escaped(part) => text.push_str(&part),
                RawPart::Interpolation(_) => return None,
            }
        }
        Some(text)
    }

    pub(super) fn path(&mut self, parts: &[InterpolPart<PathContent>], spot: Spot) -> Outcome<Code> {
        let mut pieces = Vec::new();
        for part in parts {
            match part {
                InterpolPart::Literal(literal) => {
                    let text = literal.text();
                    let is_relative = pieces.is_empty() && literal.path_kind() == TOKEN_PATH_REL;
                    let text =
                        if is_relative { format!("{}/{text}", self.directory) } else { text.to_owned() };
                    pieces.push(Piece::Literal(text.into()));
                }
                InterpolPart::Interpolation(interpolation) => {
                    pieces.push(Piece::Value(self.required(interpolation.expr(), spot)?));
                }
            }
        }
        match pieces.as_slice() {
            [Piece::Literal(text)] => {
                let path: Rc<str> = normalize(text).into();
                self.constant(Value::Path(path), spot)
            }
            _ => Ok(Code::Path(pieces.into())),
        }
    }
}

/// The parts of a string: escapes replaced, indentation removed.
fn parts(string: &ast::Str) -> Vec<RawPart> {
    let mut tokens = string.syntax().children_with_tokens().peekable();
    let is_indented = matches!(tokens.peek(), Some(NodeOrToken::Token(token)) if token.text() == "''");
    let mut parts = Vec::new();
    for token in tokens {
        match token {
            NodeOrToken::Token(token) if token.kind() == TOKEN_STRING_CONTENT => {
                if is_indented {
                    read_indented(token.text(), &mut parts);
                } else {
                    parts.push(RawPart::Escaped(unescape(token.text())));
                }
            }
            NodeOrToken::Token(_) => {}
            NodeOrToken::Node(node) => parts.extend(ast::Interpol::cast(node).map(RawPart::Interpolation)),
        }
    }
    if is_indented {
        strip_first_line(&mut parts);
        strip_indentation(&mut parts);
    }
    parts
}

/// What a string between double quotes means.
fn unescape(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => result.extend(letters.next().map(escape)),
            '\r' => {
                // The line ends of other systems are those of Unix.
                letters.next_if_eq(&'\n');
                result.push('\n');
            }
            letter => result.push(letter),
        }
    }
    result
}

fn escape(letter: char) -> char {
    match letter {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        other => other,
    }
}

/// Cuts a piece of an indented string at its escapes.
fn read_indented(mut text: &str, parts: &mut Vec<RawPart>) {
    while !text.is_empty() {
        let end = text.find("''").unwrap_or(text.len());
        if end > 0 {
            parts.push(RawPart::Written(text[..end].to_owned()));
        }
        let Some(rest) = text.get(end + 2..) else { return };
        let mut letters = rest.chars();
        let (value, length) = match letters.next() {
            Some('\'') => ("''".to_owned(), 1),
            Some('$') => ("$".to_owned(), 1),
            Some('\\') => match letters.next() {
                Some(letter) => (escape(letter).to_string(), 1 + letter.len_utf8()),
                None => (String::new(), 1),
            },
            _ => return,
        };
        parts.push(RawPart::Escaped(value));
        text = &rest[length..];
    }
}

/// Removes what is after the opening quotes, if that is only spaces.
fn strip_first_line(parts: &mut Vec<RawPart>) {
    if let Some(RawPart::Written(text)) = parts.first_mut()
        && let Some(end) = text.find('\n')
        && text[..end].bytes().all(|byte| byte == b' ')
    {
        text.drain(..=end);
        if text.is_empty() {
            parts.remove(0);
        }
    }
}

/// Removes the spaces that all lines start with, and those before the closing quotes.
fn strip_indentation(parts: &mut [RawPart]) {
    let width = indentation(parts);
    let mut at_start = true;
    let mut dropped = 0;
    let last = parts.len().wrapping_sub(1);
    for (index, part) in parts.iter_mut().enumerate() {
        let (RawPart::Written(text) | RawPart::Escaped(text)) = part else {
            (at_start, dropped) = (false, 0);
            continue;
        };
        let mut stripped = String::with_capacity(text.len());
        for letter in text.chars() {
            if at_start && letter == ' ' {
                dropped += 1;
                if dropped > width {
                    stripped.push(' ');
                }
                continue;
            }
            dropped = 0;
            at_start = letter == '\n';
            stripped.push(letter);
        }
        if index == last
            && let Some(end) = stripped.rfind('\n')
            && stripped[end + 1..].bytes().all(|byte| byte == b' ')
        {
            stripped.truncate(end + 1);
        }
        *text = stripped;
    }
}

/// The spaces that all lines which are not empty start with.
fn indentation(parts: &[RawPart]) -> usize {
    let mut least = usize::MAX;
    let mut at_start = true;
    let mut width = 0;
    for part in parts {
        let RawPart::Written(text) = part else {
            if at_start {
                at_start = false;
                least = least.min(width);
            }
            continue;
        };
        for byte in text.bytes() {
            match byte {
                b'\n' => (at_start, width) = (true, 0),
                b' ' if at_start => width += 1,
                _ if at_start => {
                    at_start = false;
                    least = least.min(width);
                }
                _ => {}
            }
        }
    }
    least
}
