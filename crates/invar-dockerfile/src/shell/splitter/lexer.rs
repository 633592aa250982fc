//! From a script's characters to words and operators.
use std::ops::Range;

use invar_shell::{
    Dialect, Quoting, WordReader, backticks, balanced, blanks, is_redirection, line_length, operator, word,
};

use super::Splitter;
use crate::limits::Limits;
use crate::shell::Script;
use crate::shell::word::{ShellPart, ShellWord};
use crate::text::Text;

/// The shells of Dockerfiles: mostly bash, and files from systems that end lines with carriage returns.
const DIALECT: Dialect = Dialect { process_substitution: true, carriage_returns: true };

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
            Some(operator) if is_redirection(operator) => ShellToken::Redirect(operator, None),
            Some(operator) => ShellToken::Operator(operator),
            None => ShellToken::Word(self.word(depth)),
        }
    }

    fn operator(&mut self) -> Option<&'static str> {
        let operator = operator(&self.text.as_str()[self.at..])?;
        self.at += operator.len();
        Some(operator)
    }

    /// Skips blanks, continued lines and comments.
    fn skip_blanks(&mut self) {
        let value = self.text.as_str();
        loop {
            self.at += blanks(&value[self.at..], DIALECT);
            let rest = &value[self.at..];
            if !rest.starts_with('#') {
                return;
            }
            self.at += line_length(rest);
        }
    }

    fn word(&mut self, depth: usize) -> ShellWord {
        let text = self.text;
        let start = self.at;
        let mut reader = Parts { word: WordBuilder::at(text, start), splitter: self, depth };
        let end = word(text.as_str(), start, DIALECT, &mut reader);
        let word = reader.word;
        self.at = end;
        word.finish(start..end)
    }

    /// What a `$` is before.
    fn dollar(&mut self, word: &mut WordBuilder<'_>, depth: usize) {
        let value = self.text.as_str();
        let start = self.at;
        let rest = &value[start + 1..];
        if rest.starts_with("((") {
            let end = balanced(value, start + 1, '(', ')');
            self.complete &= end.is_some();
            let end = end.unwrap_or(value.len());
            word.literal(start..end);
            self.at = end;
        } else if rest.starts_with('(') {
            self.at = start + 2;
            self.substitution(word, start, depth);
        } else if let Some(inside) = rest.strip_prefix('{') {
            let end = balanced(value, start + 1, '{', '}');
            self.complete &= end.is_some();
            let end = end.unwrap_or(value.len());
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
        let end = backticks(value, start);
        self.complete &= end.is_some();
        let inside = self.text.slice(start + 1..end.map_or(value.len(), |end| end - 1));
        let script =
            if depth < Limits::DEPTH { self.split_part(&inside, depth + 1) } else { Script::default() };
        self.at = end.unwrap_or(value.len());
        word.command(script, start..self.at);
    }
}

/// The parts of a word, with what stands in its expansions.
struct Parts<'s, 'a> {
    word: WordBuilder<'a>,
    splitter: &'s mut Splitter<'a>,
    depth: usize,
}

impl WordReader for Parts<'_, '_> {
    fn literal(&mut self, range: Range<usize>, quoting: Quoting) {
        self.word.quoted |= quoting == Quoting::Quoted;
        if !range.is_empty() {
            self.word.literal(range);
        }
    }

    fn expansion(&mut self, at: usize) -> usize {
        let rest = &self.splitter.text.as_str()[at..];
        self.splitter.at = at;
        match rest.as_bytes() {
            [b'`', ..] => self.splitter.backticks(&mut self.word, self.depth),
            // `$'...'` differs from `'...'` in escapes only.
            [b'$', b'\'', ..] => self.splitter.at = at + 1,
            [b'$', ..] => self.splitter.dollar(&mut self.word, self.depth),
            _ => {
                self.splitter.at = at + 2;
                self.splitter.substitution(&mut self.word, at, self.depth);
            }
        }
        self.splitter.at
    }

    fn unclosed(&mut self, _: char) {
        self.splitter.complete = false;
    }
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

    fn push(&mut self, range: Range<usize>) {
        self.text.append(&self.source.slice(range));
    }

    fn literal(&mut self, range: Range<usize>) {
        let text = &self.source.as_str()[range.clone()];
        match self.parts.last_mut() {
            Some(ShellPart::Literal(before)) => before.push_str(text),
            _ => self.parts.push(ShellPart::Literal(text.to_owned())),
        }
        self.push(range);
    }

    fn name(&mut self, name: String, range: Range<usize>) {
        self.parts.push(ShellPart::Name { name, text: self.source.as_str()[range.clone()].to_owned() });
        self.push(range);
    }

    fn command(&mut self, script: Script, range: Range<usize>) {
        self.parts.push(ShellPart::Command(script));
        self.push(range);
    }

    fn finish(self, range: Range<usize>) -> ShellWord {
        ShellWord {
            text: self.text,
            parts: self.parts,
            quoted: self.quoted,
            span: self.source.span_of(range),
        }
    }
}
