//! Lines on standard error, and how much of it the command line asked for.
use std::io::Write as _;

use crate::cli::Global;
use crate::color::{Stream, paint};

/// What the command line asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Say nothing but errors.
    pub quiet: bool,
    /// Say also what builds and steps print.
    pub verbose: bool,
    /// Events as JSON, one object a line, on standard error.
    pub json: bool,
    /// Whether lines on standard error are colored.
    pub colored: bool,
}

impl Style {
    /// What `global` asks for.
    pub fn of(global: &Global) -> Self {
        Self {
            quiet: global.quiet,
            verbose: global.verbose,
            json: global.json,
            colored: global.color.colors(Stream::Error),
        }
    }

    /// Writes a message to standard error, its first word in the color of its kind.
    pub fn say(self, message: &str) {
        say(&paint(message, self.colored));
    }
}

/// Writes a line to standard error. A closed standard error is no reason to fail.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
