//! The one place that turns errors into messages, hints and exit codes.
use std::process::ExitCode;

use invar_build::StartFault;
use invar_diagnostic::{Diagnostic, Hint, Kind};

use crate::output::{Style, say};

#[cfg(feature = "inspect")]
mod inspect;

/// The exit code for a wrong command line or a wrong file of the project.
pub const INPUT: u8 = 2;

/// The exit code of a comparison that found a difference. It is not 1, as for `diff`: 1 is what a failure has, and a
/// script must not take a failure for a difference.
#[cfg(feature = "inspect")]
pub const DIFFERENT: u8 = 7;

/// The exit code of a verification that could not try all that it should.
#[cfg(feature = "inspect")]
pub const NOT_TRIED: u8 = 8;

/// The exit code of an audit that found something.
#[cfg(feature = "inspect")]
pub const FOUND: u8 = 9;

/// The exit code of what was ended by Ctrl-C, as every shell has it.
pub const INTERRUPTED: u8 = 130;

/// Why a command failed.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    kind: &'static str,
    message: String,
    /// The message with colors, where it shows lines of a file.
    colored: Option<String>,
    hint: Option<String>,
}

impl Failure {
    /// A failure of a command line that says something impossible.
    pub fn input(message: impl Into<String>, hint: Option<&str>) -> Self {
        Self {
            code: INPUT,
            kind: "input",
            message: message.into(),
            colored: None,
            hint: hint.map(str::to_owned),
        }
    }

    /// A program that cannot be started, with the exit code that shells give that; `fault` is why, where that is known.
    pub fn of_program(code: u8, message: &str, fault: Option<StartFault>) -> Self {
        let (message, hint) = match fault {
            Some(StartFault { cause, advice, .. }) => (cause, advice),
            None => (message.to_owned(), None),
        };
        Self { code, kind: "program", message, colored: None, hint }
    }

    /// A failure to find a place for the store.
    pub fn no_store() -> Self {
        let hint = "set INVAR_STORE or HOME";
        let message = "no directory for the store".into();
        Self { code: 6, kind: "disk", message, colored: None, hint: Some(hint.into()) }
    }

    /// Writes the message to standard error.
    pub fn print(&self, style: Style) {
        if style.json {
            let (kind, message, hint) = (self.kind, &self.message, &self.hint);
            let code = self.code;
            let value = serde_json::json!({
                "event": "error", "kind": kind, "exit-code": code, "message": message, "hint": hint,
            });
            say(&value.to_string());
            return;
        }
        match &self.colored {
            Some(message) if style.colored => say(message),
            _ if self.message.starts_with("error") => style.say(&self.message),
            _ => style.say(&format!("error: {}", self.message)),
        }
        if let Some(hint) = &self.hint {
            style.say(&format!("help: {hint}"));
        }
    }

    /// The message and the hint.
    #[cfg(test)]
    pub fn text(&self) -> String {
        let hint = self.hint.iter().map(|hint| format!("\nhelp: {hint}"));
        std::iter::once(self.message.clone()).chain(hint).collect()
    }

    /// The documented exit code.
    pub fn exit_code(&self) -> ExitCode {
        self.code.into()
    }
}

impl<E: Diagnostic> From<E> for Failure {
    fn from(error: E) -> Self {
        let (code, kind) = match error.kind() {
            Kind::Failure => (1, "failure"),
            Kind::Input => (INPUT, "input"),
            Kind::Locks => (3, "locks"),
            Kind::Network => (4, "network"),
            Kind::Verification => (5, "verification"),
            Kind::Disk => (6, "disk"),
            Kind::Interrupted => (INTERRUPTED, "interrupted"),
        };
        let message = error.message(false);
        let colored = Some(error.message(true)).filter(|colored| *colored != message);
        Self { code, kind, message, colored, hint: error.hint().map(Hint::into_owned) }
    }
}
