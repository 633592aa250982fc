//! What a word with `$NAME` in it comes to.
//!
//! As BuildKit's `shell.Lex` does it: `$NAME`, `${NAME}`, `${NAME:-word}`, `${NAME:+word}`, `${NAME:?word}` and the
//! same without the colon, `${NAME#pattern}`, `${NAME##pattern}`, `${NAME%pattern}`, `${NAME%%pattern}`,
//! `${NAME/pattern/text}`, `${NAME//pattern/text}`; quotes are removed; the escape character takes the next one as
//! it is. Names without a value come to nothing, and are reported.
use std::collections::BTreeSet;

use crate::limits::Limits;
use crate::pattern::Pattern;
use crate::scope::Scope;

/// A word after its names were replaced.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Expansion {
    /// What it comes to.
    pub text: String,
    /// The names in it that have a value.
    pub names: BTreeSet<String>,
    /// The names in it whose value is unknown, without those that have a word to stand in for them.
    pub missing: BTreeSet<String>,
}

/// A word that no builder would expand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExpansionFault {
    /// A quote or brace without its other half.
    #[error("missing closing `{0}`")]
    Unclosed(char),
    /// Something in braces that is no substitution.
    #[error("`{0}` in braces is not a substitution")]
    BadSubstitution(String),
    /// What it comes to is longer than [`Limits::EXPANSION`].
    #[error("it expands to more than {limit} bytes")]
    TooLong {
        /// The limit.
        limit: usize,
    },
    /// Substitutions inside each other, more than [`Limits::DEPTH`] levels deep.
    #[error("more than {limit} nested substitutions")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
}

impl Scope {
    /// Replaces the names in `word`, and takes quotes and escapes away.
    ///
    /// # Errors
    /// [`ExpansionFault`] for what a builder would refuse, and for what is beyond the [`Limits`].
    pub fn expand(&self, word: &str, escape: char) -> Result<Expansion, ExpansionFault> {
        let mut reader = Expander { scope: self, rest: word, escape, found: Expansion::default() };
        let text = reader.until(None, false, 0)?;
        Ok(Expansion { text, ..reader.found })
    }

    /// Replaces only names, as in a here-document: quotes stay.
    ///
    /// # Errors
    /// As [`Scope::expand`].
    pub fn expand_names(&self, text: &str, escape: char) -> Result<Expansion, ExpansionFault> {
        let mut reader = Expander { scope: self, rest: text, escape, found: Expansion::default() };
        let text = reader.names_only()?;
        Ok(Expansion { text, ..reader.found })
    }
}

struct Expander<'a> {
    scope: &'a Scope,
    rest: &'a str,
    escape: char,
    found: Expansion,
}

impl Expander<'_> {
    fn next(&mut self) -> Option<char> {
        let character = self.rest.chars().next()?;
        self.rest = &self.rest[character.len_utf8()..];
        Some(character)
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn push(out: &mut String, text: &str) -> Result<(), ExpansionFault> {
        if out.len() + text.len() > Limits::EXPANSION {
            return Err(ExpansionFault::TooLong { limit: Limits::EXPANSION });
        }
        out.push_str(text);
        Ok(())
    }

    /// Reads up to `stop` and past it, or to the end where there is none.
    fn until(
        &mut self,
        stop: Option<char>,
        keep_escapes: bool,
        depth: usize,
    ) -> Result<String, ExpansionFault> {
        if depth > Limits::DEPTH {
            return Err(ExpansionFault::TooDeep { limit: Limits::DEPTH });
        }
        let mut out = String::new();
        while let Some(character) = self.next() {
            if Some(character) == stop {
                return Ok(out);
            }
            match character {
                '\'' => {
                    let end = self.rest.find('\'').ok_or(ExpansionFault::Unclosed('\''))?;
                    Self::push(&mut out, &self.rest[..end])?;
                    self.rest = &self.rest[end + 1..];
                }
                '"' => {
                    let text = self.double_quoted(depth)?;
                    Self::push(&mut out, &text)?;
                }
                '$' => {
                    let text = self.dollar(depth)?;
                    Self::push(&mut out, &text)?;
                }
                _ if character == self.escape => {
                    if keep_escapes {
                        out.push(character);
                    }
                    if let Some(escaped) = self.next() {
                        Self::push(&mut out, escaped.encode_utf8(&mut [0; 4]))?;
                    }
                }
                _ => Self::push(&mut out, character.encode_utf8(&mut [0; 4]))?,
            }
        }
        stop.map_or(Ok(out), |stop| Err(ExpansionFault::Unclosed(stop)))
    }

    fn double_quoted(&mut self, depth: usize) -> Result<String, ExpansionFault> {
        let mut out = String::new();
        while let Some(character) = self.next() {
            match character {
                '"' => return Ok(out),
                '$' => {
                    let text = self.dollar(depth)?;
                    Self::push(&mut out, &text)?;
                }
                _ if character == self.escape => match self.peek() {
                    None => {}
                    Some(next) if next == '"' || next == '$' || next == self.escape => {
                        self.next();
                        out.push(next);
                    }
                    Some(_) => out.push(character),
                },
                _ => Self::push(&mut out, character.encode_utf8(&mut [0; 4]))?,
            }
        }
        Err(ExpansionFault::Unclosed('"'))
    }

    fn names_only(&mut self) -> Result<String, ExpansionFault> {
        let mut out = String::new();
        while let Some(character) = self.next() {
            match character {
                '$' => {
                    let text = self.dollar(0)?;
                    Self::push(&mut out, &text)?;
                }
                _ if character == self.escape && self.peek() == Some('$') => {
                    self.next();
                    out.push('$');
                }
                _ => Self::push(&mut out, character.encode_utf8(&mut [0; 4]))?,
            }
        }
        Ok(out)
    }

    /// What is after a `$`.
    fn dollar(&mut self, depth: usize) -> Result<String, ExpansionFault> {
        if self.peek() != Some('{') {
            let name = self.name();
            if name.is_empty() {
                return Ok("$".into());
            }
            return Ok(self.value(&name, true).unwrap_or_default());
        }
        self.next();
        let name = self.name();
        let Some(operator) = self.next() else { return Err(ExpansionFault::Unclosed('}')) };
        if name.is_empty() {
            return Err(ExpansionFault::BadSubstitution(operator.to_string()));
        }
        match operator {
            '}' => Ok(self.value(&name, true).unwrap_or_default()),
            ':' => {
                let operator = self.next().ok_or(ExpansionFault::Unclosed('}'))?;
                if !"-+?".contains(operator) {
                    return Err(ExpansionFault::BadSubstitution(format!(":{operator}")));
                }
                self.conditional(&name, operator, true, depth)
            }
            '-' | '+' | '?' => self.conditional(&name, operator, false, depth),
            '#' | '%' => {
                let longest = self.peek() == Some(operator);
                if longest {
                    self.next();
                }
                let pattern = Pattern::parse(&self.until(Some('}'), true, depth + 1)?);
                let value = self.value(&name, true).unwrap_or_default();
                let trim = if operator == '#' { Pattern::trim_start } else { Pattern::trim_end };
                Ok(trim(&pattern, &value, longest))
            }
            '/' => {
                let all = self.peek() == Some('/');
                if all {
                    self.next();
                }
                let pattern = Pattern::parse(&self.until(Some('/'), true, depth + 1)?);
                let by = self.until(Some('}'), false, depth + 1)?;
                let value = self.value(&name, true).unwrap_or_default();
                Ok(pattern.replace(&value, &by, all, Limits::EXPANSION))
            }
            other => Err(ExpansionFault::BadSubstitution(other.to_string())),
        }
    }

    fn conditional(
        &mut self,
        name: &str,
        operator: char,
        empty_is_unset: bool,
        depth: usize,
    ) -> Result<String, ExpansionFault> {
        let before = self.found.clone();
        let word = self.until(Some('}'), false, depth + 1)?;
        let value = self.value(name, operator == '?').filter(|value| !(empty_is_unset && value.is_empty()));
        // What names are in a word that is not used does not matter.
        let word_is_used = value.is_some() == (operator == '+');
        if !word_is_used {
            self.found.names.retain(|found| before.names.contains(found) || found == name);
            self.found.missing.retain(|found| before.missing.contains(found) || found == name);
        }
        Ok(match (operator, value) {
            ('+', Some(_)) | ('-', None) => word,
            ('+' | '?', None) => String::new(),
            (_, Some(value)) => value,
            (_, None) => word,
        })
    }

    fn value(&mut self, name: &str, told: bool) -> Option<String> {
        match self.scope.text(name) {
            Some(text) => {
                self.found.names.insert(name.to_owned());
                Some(text.to_owned())
            }
            None => {
                if told {
                    self.found.missing.insert(name.to_owned());
                }
                None
            }
        }
    }

    /// The name at the front: letters, digits and `_`; or digits; or one of the shell's own signs.
    fn name(&mut self) -> String {
        let first = self.peek();
        let length = match first {
            Some(first) if first.is_ascii_digit() => {
                self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len())
            }
            Some(first) if "@*#?-$!".contains(first) => 1,
            _ => self.rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(self.rest.len()),
        };
        let name = self.rest[..length].to_owned();
        self.rest = &self.rest[length..];
        name
    }
}
