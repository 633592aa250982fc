//! Errors for people: their kind, message and hint.
//!
//! # Goals
//! * A hint is written where its error is raised, because that crate knows the cause.
//! * Printing an error does not need its type or variants.
//!
//! # Non-goals
//! * No printing, and no exit codes: the command line maps a [`Kind`] to its code.
use std::borrow::Cow;
use std::error::Error;
use std::fmt;

/// What kind of failure it is, in the few kinds that a caller can act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any other failure, such as a failed build.
    Failure,
    /// A file of the project, or a setting, is wrong.
    Input,
    /// The locks are missing or out of date.
    Locks,
    /// A download failed.
    Network,
    /// A digest or signature does not match.
    Verification,
    /// The store or the disk failed.
    Disk,
    /// Ctrl-C ended the work.
    Interrupted,
}

/// A hint: what to do about an error, as a sentence without a capital letter and a full stop.
pub type Hint = Cow<'static, str>;

/// An error that a person is shown.
pub trait Diagnostic: Error {
    /// Its kind.
    fn kind(&self) -> Kind;

    /// What to do about it, where there is something to say that the message does not.
    fn hint(&self) -> Option<Hint> {
        None
    }

    /// What is wrong, with its causes; `colored` where it may hold escape sequences for colors.
    fn message(&self, colored: bool) -> String {
        let _ = colored;
        sentence(self)
    }
}

/// An error of any crate, for a caller that only passes it on.
#[derive(Debug)]
pub struct AnyDiagnostic(Box<dyn Diagnostic + Send + Sync>);

impl AnyDiagnostic {
    /// `error` without its type.
    pub fn new(error: impl Diagnostic + Send + Sync + 'static) -> Self {
        Self(Box::new(error))
    }
}

impl fmt::Display for AnyDiagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for AnyDiagnostic {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

impl Diagnostic for AnyDiagnostic {
    fn kind(&self) -> Kind {
        self.0.kind()
    }

    fn hint(&self) -> Option<Hint> {
        self.0.hint()
    }

    fn message(&self, colored: bool) -> String {
        self.0.message(colored)
    }
}

/// `error` and its causes in one sentence, without the causes that the sentence already says.
pub fn sentence<E: Error + ?Sized>(error: &E) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let text = next.to_string();
        if !message.contains(&text) {
            message.push_str(": ");
            message.push_str(&text);
        }
        cause = next.source();
    }
    message
}

/// A text from outside, without what a terminal would obey.
pub fn printable(text: &str) -> String {
    text.chars()
        .flat_map(
            |character| {
                if character.is_control() { character.escape_default().collect() } else { vec![character] }
            },
        )
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Chain(&'static str, Option<Box<Chain>>);

    impl fmt::Display for Chain {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Chain {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|cause| cause as &(dyn Error + 'static))
        }
    }

    #[test]
    fn a_cause_is_said_once() {
        let disk = Chain("no space left", None);
        let write = Chain("cannot write x: no space left", Some(Box::new(disk)));
        let build = Chain("the build failed", Some(Box::new(write)));
        assert_eq!(sentence(&build), "the build failed: cannot write x: no space left");
        assert_eq!(sentence(&Chain("alone", None)), "alone");
    }

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        assert_eq!(printable("a\u{1b}[31m\u{9b}b\r\nü"), "a\\u{1b}[31m\\u{9b}b\\r\\nü");
    }
}
