//! From a script's characters to words and operators.
use super::Splitter;
use crate::limits::Limits;
use crate::shell::Script;
use crate::shell::word::{ShellPart, ShellWord};
use crate::text::Text;

/// The operators, the longer ones first.
const OPERATORS: [&str; 21] = [
    ";;&", "<<<", "<<-", "&>>", "&&", "||", "|&", ";;", ";&", "<<", ">>", "<&", ">&", "<>", ">|", "&>", "|",
    ";", "&", "<", ">",
];

/// What is next.
#[derive(Debug)]
pub(crate) enum ShellToken {
    Word(ShellWord),
    /// A redirection, with the descriptor before it.
    Redirect(&'static str, Option<u32>),
    Operator(&'static str),
    Newline,
    End,
}

impl Splitter<'_> {
    /// The next word or operator.
    pub(crate) fn item(&mut self, depth: usize) -> ShellToken {
        self.skip_blanks();
        let value = self.text.as_str();
        let rest = &value[self.at..];
        let Some(first) = rest.chars().next() else { return ShellToken::End };
        if first == '\n' {
            self.at += 1;
            return ShellToken::Newline;
        }
        if rest.starts_with("<(") || rest.starts_with(">(") {
            return ShellToken::Word(self.word(depth));
        }
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        if digits > 0 && rest[digits..].starts_with(['<', '>']) {
            let descriptor = rest[..digits].parse().ok();
            self.at += digits;
            return match self.operator() {
                Some(operator) => ShellToken::Redirect(operator, descriptor),
                None => ShellToken::End,
            };
        }
        match self.operator() {
            Some(operator) if operator.starts_with(['<', '>']) || operator.starts_with("&>") => {
                ShellToken::Redirect(operator, None)
            }
            Some(operator) => ShellToken::Operator(operator),
            None => ShellToken::Word(self.word(depth)),
        }
    }

    fn operator(&mut self) -> Option<&'static str> {
        let rest = &self.text.as_str()[self.at..];
        let operator = OPERATORS.iter().chain(&["(", ")"]).find(|operator| rest.starts_with(**operator))?;
        self.at += operator.len();
        Some(operator)
    }

    /// Skips blanks, continued lines and comments.
    fn skip_blanks(&mut self) {
        let value = self.text.as_str();
        loop {
            let rest = &value[self.at..];
            let blanks = rest.len() - rest.trim_start_matches([' ', '\t', '\r']).len();
            self.at += blanks;
            let rest = &rest[blanks..];
            if let Some(length) = continued_line(rest) {
                self.at += length;
            } else if rest.starts_with('#') {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else {
                return;
            }
        }
    }

    fn word(&mut self, depth: usize) -> ShellWord {
        let mut word = WordBuilder::at(self.text, self.at);
        let value = self.text.as_str();
        let start = self.at;
        while let Some(character) = value[self.at..].chars().next() {
            let next = self.at + character.len_utf8();
            match character {
                ' ' | '\t' | '\r' | '\n' | ';' | '&' | '|' | ')' => break,
                '(' if self.at > start => break,
                '<' | '>' if value[next..].starts_with('(') => {
                    self.at = next + 1;
                    self.substitution(&mut word, next - 1, depth);
                }
                '<' | '>' => break,
                '\\' => match continued_line(&value[self.at..]) {
                    Some(length) => self.at += length,
                    None => {
                        let length = value[next..].chars().next().map_or(0, char::len_utf8);
                        word.literal(next..next + length);
                        word.quoted = true;
                        self.at = next + length;
                    }
                },
                '\'' => {
                    word.quoted = true;
                    let end = value[next..].find('\'').map(|length| next + length);
                    self.complete &= end.is_some();
                    word.literal(next..end.unwrap_or(value.len()));
                    self.at = end.map_or(value.len(), |end| end + 1);
                }
                '"' => {
                    word.quoted = true;
                    self.at = next;
                    self.double_quoted(&mut word, depth);
                }
                '$' if value[next..].starts_with('\'') => self.at = next,
                '$' => self.dollar(&mut word, depth),
                '`' => self.backticks(&mut word, depth),
                _ => {
                    word.literal(self.at..next);
                    self.at = next;
                }
            }
        }
        word.finish(start..self.at)
    }

    fn double_quoted(&mut self, word: &mut WordBuilder<'_>, depth: usize) {
        let value = self.text.as_str();
        while let Some(character) = value[self.at..].chars().next() {
            let next = self.at + character.len_utf8();
            match character {
                '"' => {
                    self.at = next;
                    return;
                }
                '\\' => {
                    if let Some(length) = continued_line(&value[self.at..]) {
                        self.at += length;
                        continue;
                    }
                    let escaped = value[next..].chars().next();
                    let length = escaped.map_or(0, char::len_utf8);
                    let start = if escaped.is_some_and(|c| "$`\"\\".contains(c)) { next } else { self.at };
                    word.literal(start..next + length);
                    self.at = next + length;
                }
                '$' => self.dollar(word, depth),
                '`' => self.backticks(word, depth),
                _ => {
                    word.literal(self.at..next);
                    self.at = next;
                }
            }
        }
        self.complete = false;
    }

    /// What a `$` is before.
    fn dollar(&mut self, word: &mut WordBuilder<'_>, depth: usize) {
        let value = self.text.as_str();
        let start = self.at;
        let rest = &value[start + 1..];
        if rest.starts_with("((") {
            let end =
                balanced(&value[start + 1..], '(', ')').map_or(value.len(), |length| start + 1 + length);
            self.complete &= end < value.len() || value.ends_with(')');
            word.literal(start..end);
            self.at = end;
        } else if rest.starts_with('(') {
            self.at = start + 2;
            self.substitution(word, start, depth);
        } else if let Some(inside) = rest.strip_prefix('{') {
            let length = balanced(rest, '{', '}');
            self.complete &= length.is_some();
            let end = start + 1 + length.unwrap_or(rest.len());
            let is_name = |c: &char| c.is_alphanumeric() || *c == '_';
            let name: String = inside.trim_start_matches(['#', '!']).chars().take_while(is_name).collect();
            word.name(name, start..end);
            self.at = end;
        } else {
            let special = rest.chars().next().filter(|c| "@*#?-$!".contains(*c) || c.is_ascii_digit());
            let length = match special {
                Some(special) => special.len_utf8(),
                None => rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len()),
            };
            let end = start + 1 + length;
            if length == 0 {
                word.literal(start..end);
            } else {
                word.name(rest[..length].to_owned(), start..end);
            }
            self.at = end;
        }
    }

    /// Reads the commands up to the `)` that closes what was opened at `start`.
    fn substitution(&mut self, word: &mut WordBuilder<'_>, start: usize, depth: usize) {
        let script = self.nested(depth + 1);
        word.command(script, start..self.at);
    }

    fn backticks(&mut self, word: &mut WordBuilder<'_>, depth: usize) {
        let value = self.text.as_str();
        let start = self.at;
        let (mut end, mut escaped) = (None, false);
        for (at, byte) in value.bytes().enumerate().skip(start + 1) {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'`' => {
                    end = Some(at);
                    break;
                }
                _ => {}
            }
        }
        self.complete &= end.is_some();
        let inside = self.text.slice(start + 1..end.unwrap_or(value.len()));
        let script =
            if depth < Limits::DEPTH { self.split_part(&inside, depth + 1) } else { Script::default() };
        self.at = end.map_or(value.len(), |end| end + 1);
        word.command(script, start..self.at);
    }
}

/// How many bytes the end of a continued line at the start of `text` takes.
fn continued_line(text: &str) -> Option<usize> {
    let rest = text.strip_prefix('\\')?;
    let rest = rest.strip_prefix('\r').unwrap_or(rest);
    rest.starts_with('\n').then(|| text.len() - rest.len() + 1)
}

/// How many bytes go from the `open` at the start of `text` to past the `close` that belongs to it.
fn balanced(text: &str, open: char, close: char) -> Option<usize> {
    let (mut depth, mut quote, mut escaped) = (0_usize, None, false);
    for (at, character) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if character == '\\' {
            escaped = true;
        } else if let Some(open_quote) = quote {
            if character == open_quote {
                quote = None;
            }
        } else if character == '"' || (character == '\'' && open == '(') {
            quote = Some(character);
        } else if character == open {
            depth += 1;
        } else if character == close {
            depth -= 1;
            if depth == 0 {
                return Some(at + character.len_utf8());
            }
        }
    }
    None
}

/// A word while it is read.
struct WordBuilder<'a> {
    source: &'a Text,
    text: Text,
    parts: Vec<ShellPart>,
    quoted: bool,
}

impl<'a> WordBuilder<'a> {
    fn at(source: &'a Text, at: usize) -> Self {
        Self { source, text: Text::empty(source.source(at)), parts: Vec::new(), quoted: false }
    }

    fn push(&mut self, range: std::ops::Range<usize>) {
        self.text.append(&self.source.slice(range));
    }

    fn literal(&mut self, range: std::ops::Range<usize>) {
        let text = &self.source.as_str()[range.clone()];
        match self.parts.last_mut() {
            Some(ShellPart::Literal(before)) => before.push_str(text),
            _ => self.parts.push(ShellPart::Literal(text.to_owned())),
        }
        self.push(range);
    }

    fn name(&mut self, name: String, range: std::ops::Range<usize>) {
        self.parts.push(ShellPart::Name { name, text: self.source.as_str()[range.clone()].to_owned() });
        self.push(range);
    }

    fn command(&mut self, script: Script, range: std::ops::Range<usize>) {
        self.parts.push(ShellPart::Command(script));
        self.push(range);
    }

    fn finish(self, range: std::ops::Range<usize>) -> ShellWord {
        ShellWord {
            text: self.text,
            parts: self.parts,
            quoted: self.quoted,
            span: self.source.span_of(range),
        }
    }
}
