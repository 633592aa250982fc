//! Lines on standard error, and how much of it the command line asked for.
use std::io::Write as _;

/// What the command line asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Say nothing but errors.
    pub quiet: bool,
    /// Events as JSON, one object a line, on standard error.
    pub json: bool,
}

/// Writes a line to standard error. A closed standard error is no reason to fail.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
