//! A word of a command.
use crate::expand::{Expansion, ExpansionFault};
use crate::scope::Scope;
use crate::shell::Script;
use crate::text::{Span, Text};

/// A word, without its quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShellWord {
    /// What is in it; names and commands to be replaced are there as they are written.
    pub text: Text,
    /// The same in pieces.
    pub parts: Vec<ShellPart>,
    /// Whether any of it is in quotes.
    pub quoted: bool,
    /// Where it is, with its quotes.
    pub span: Span,
}

/// A piece of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShellPart {
    /// Text that stays as it is.
    Literal(String),
    /// `$NAME` or `${NAME...}`.
    Name {
        /// The name.
        name: String,
        /// All of it, with the dollar sign.
        text: String,
    },
    /// `$(...)`, the same in backticks, or `<(...)`.
    Command(Script),
}

impl ShellWord {
    /// What is in it, as written but without quotes.
    pub fn as_str(&self) -> &str {
        self.text.as_str()
    }

    /// What is in it, where nothing has to be replaced.
    pub fn literal(&self) -> Option<&str> {
        self.parts.iter().all(|part| matches!(part, ShellPart::Literal(_))).then(|| self.text.as_str())
    }

    /// The scripts whose output is put into it.
    pub fn scripts(&self) -> impl Iterator<Item = &Script> {
        self.parts.iter().filter_map(|part| match part {
            ShellPart::Command(script) => Some(script),
            _ => None,
        })
    }

    /// The names whose values are put into it, also those that are inside `${...}` of another.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            ShellPart::Name { name, .. } => Some(name.as_str()),
            _ => None,
        })
    }

    /// The word with the names in it replaced by the values that `scope` knows. The output of commands is unknown:
    /// it is reported as a missing `()`.
    ///
    /// # Errors
    /// [`ExpansionFault`], for substitutions that only some shells know too.
    pub fn expand(&self, scope: &Scope) -> Result<Expansion, ExpansionFault> {
        let mut all = Expansion::default();
        for part in &self.parts {
            match part {
                ShellPart::Literal(text) => all.text.push_str(text),
                ShellPart::Name { text, .. } => {
                    let one = scope.expand(text, '\\')?;
                    if all.text.len() + one.text.len() > crate::Limits::EXPANSION {
                        return Err(ExpansionFault::TooLong { limit: crate::Limits::EXPANSION });
                    }
                    all.text.push_str(&one.text);
                    all.names.extend(one.names);
                    all.missing.extend(one.missing);
                }
                ShellPart::Command(_) => {
                    all.missing.insert("()".into());
                }
            }
        }
        Ok(all)
    }
}
