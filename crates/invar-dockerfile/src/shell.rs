//! The simple commands of a shell script, through lists, pipes, groups and quotes.
//!
//! A reader of POSIX shell grammar (IEEE 1003.1, "Shell Command Language") that keeps what an auditor and a translator
//! ask for: which programs are started with which words, what is piped into what, what comes after what. Loops and
//! conditions are seen through: their commands are listed in the order in which they are.
mod block;
mod nested;
mod splitter;
mod word;

pub use block::{Block, BlockKind, BlockPart};
pub(crate) use splitter::inner_script;
pub use splitter::split_commands;
pub use word::{ShellPart, ShellWord};

use crate::text::{Span, Text};

/// The commands of a script.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Script {
    /// The commands, in the order in which they are.
    pub commands: Vec<ShellCommand>,
    /// The redirections that stand alone, or after a compound command: `> file`, `done < file`.
    pub redirects: Vec<Redirect>,
    /// Whether all of it was read: not where a quote is not closed, or where it is beyond the [`crate::Limits`].
    pub complete: bool,
}

impl Script {
    /// All commands, also those in `$(...)` and in `sh -c '...'`: these come before the command that they are in.
    pub fn all(&self) -> Vec<&ShellCommand> {
        let mut found = Vec::new();
        self.collect(&mut found);
        found
    }

    fn collect<'a>(&'a self, found: &mut Vec<&'a ShellCommand>) {
        for command in &self.commands {
            let assigned = command.assignments.iter().map(|assignment| &assignment.value);
            let targets = command.redirects.iter().map(|redirect| &redirect.target);
            for word in assigned.chain(&command.words).chain(targets) {
                for script in word.scripts() {
                    script.collect(found);
                }
            }
            if let Some(inner) = &command.inner {
                inner.collect(found);
            }
            found.push(command);
        }
    }
}

/// What is before a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connector {
    /// Nothing: it is the first of its script or group.
    Start,
    /// `;` or the end of a line.
    Sequence,
    /// `&&`
    And,
    /// `||`
    Or,
    /// `|`
    Pipe,
    /// `&`
    Background,
}

/// A simple command: assignments, words, redirections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShellCommand {
    /// What is before it.
    pub connector: Connector,
    /// Commands of one pipeline have the same number; the numbers rise within a script.
    pub pipeline: usize,
    /// In how many `(...)` it is.
    pub depth: usize,
    /// The compound commands around it, from the outermost to the innermost.
    pub blocks: Vec<Block>,
    /// Whether `!` is before it.
    pub negated: bool,
    /// The assignments before its first word.
    pub assignments: Vec<ShellAssignment>,
    /// The program and its arguments; none where there are only assignments.
    pub words: Vec<ShellWord>,
    /// Where its input and output go.
    pub redirects: Vec<Redirect>,
    /// The script that it runs, where it is a shell with `-c` or a here-document, or `eval`.
    pub inner: Option<Box<Script>>,
    /// Where it is.
    pub span: Span,
}

impl ShellCommand {
    /// What it writes to its output, where its own text has that: `cat <<EOF`, `tee FILE <<EOF`, `echo TEXT`.
    pub fn output_text(&self) -> Option<Text> {
        nested::output_text(self)
    }

    /// The last part of the program's path, where it is known.
    pub fn program(&self) -> Option<&str> {
        let word = self.words.first()?.literal()?;
        Some(word.rsplit('/').next().unwrap_or(word))
    }
}

/// `NAME=VALUE` before a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShellAssignment {
    /// The name.
    pub name: String,
    /// The value; empty for an array.
    pub value: ShellWord,
    /// The elements of an array: `NAME=(...)`.
    pub elements: Option<Vec<ShellWord>>,
    /// Whether it is added to what the name had: `NAME+=VALUE`.
    pub appends: bool,
}

/// A redirection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// `<`, `>`, `>>`, `<<`, `<<<`, `>&` and similar.
    pub operator: &'static str,
    /// The file descriptor before it.
    pub descriptor: Option<u32>,
    /// The file, the other descriptor, the word of a here-document, or the string.
    pub target: ShellWord,
    /// What is in the here-document.
    pub content: Option<Text>,
}
