//! The one place that turns errors into messages, hints and exit codes.
use std::error::Error;
use std::io::IsTerminal as _;
use std::process::ExitCode;

use invar_build::{BuildError, Kind};
use invar_fetch::FetchError;
use invar_oci_read::ImageError;
use invar_store::StoreError;
use invar_tree::{Clash, Origin};

use crate::report::{Style, say};

/// The exit code for a wrong command line or a wrong file of the project.
pub const INPUT: u8 = 2;

/// The exit code of a comparison that found a difference. It is not 1, as for `diff`: 1 is what a failure has, and a
/// script must not take a failure for a difference.
pub const DIFFERENT: u8 = 7;

/// The exit code of an audit that found something.
pub const FOUND: u8 = 9;

/// Why a command failed.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    kind: &'static str,
    message: String,
    hint: Option<String>,
}

impl Failure {
    /// A failure of a command line that says something impossible.
    pub fn input(message: impl Into<String>, hint: Option<&str>) -> Self {
        Self { code: INPUT, kind: "input", message: message.into(), hint: hint.map(str::to_owned) }
    }

    /// A failure of locks that are missing or do not belong to what is there.
    pub fn locks(message: impl Into<String>, hint: &str) -> Self {
        Self { code: 3, kind: "locks", message: message.into(), hint: Some(hint.to_owned()) }
    }

    /// A failure of a file, whose message shows the line.
    pub fn rendered(message: String) -> Self {
        Self::input(message.trim_end(), None)
    }

    /// A program that cannot be started, with the exit code that shells give that.
    pub fn of_program(code: u8, message: &str) -> Self {
        Self { code, kind: "program", message: message.to_owned(), hint: None }
    }

    /// A failure to find a place for the store.
    pub fn no_store() -> Self {
        let hint = "set INVAR_STORE or HOME";
        Self { code: 6, kind: "disk", message: "no directory for the store".into(), hint: Some(hint.into()) }
    }

    /// The exit code of what was ended by Ctrl-C, as every shell has it.
    pub const INTERRUPTED: u8 = 130;

    /// Ctrl-C.
    pub fn interrupted() -> Self {
        Self { code: Self::INTERRUPTED, kind: "interrupted", message: "interrupted".into(), hint: None }
    }

    /// What went wrong.
    pub fn message(&self) -> &str {
        &self.message
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
        if self.message.starts_with("error") || self.message.starts_with('\u{1b}') {
            say(&self.message);
        } else {
            say(&format!("error: {}", self.message));
        }
        if let Some(hint) = &self.hint {
            say(&format!("hint: {hint}"));
        }
    }

    /// The documented exit code.
    pub fn exit_code(&self) -> ExitCode {
        self.code.into()
    }
}

impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Self {
        let (code, kind) = match error.kind() {
            Kind::Failure => (1, "failure"),
            Kind::Input => (INPUT, "input"),
            Kind::Locks => (3, "locks"),
            Kind::Network => (4, "network"),
            Kind::Verification => (5, "verification"),
            Kind::Disk => (6, "disk"),
        };
        let message = match &error {
            BuildError::Manifest(error) => {
                error.render(std::io::stderr().is_terminal()).trim_end().to_owned()
            }
            BuildError::Solve { source, .. } => format!("{error}:\n{source}"),
            _ => with_causes(&error),
        };
        Self { code, kind, message, hint: hint(&error) }
    }
}

impl From<ImageError> for Failure {
    fn from(error: ImageError) -> Self {
        let (code, kind) = match &error {
            ImageError::Archive { .. } | ImageError::Digest { .. } | ImageError::Layer { .. } => {
                (5, "verification")
            }
            _ => (INPUT, "input"),
        };
        Self { code, kind, message: with_causes(&error), hint: None }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        BuildError::from(error).into()
    }
}

/// The error and its causes in one sentence, leaving out causes that the error already says.
fn with_causes(error: &dyn Error) -> String {
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

fn hint(error: &BuildError) -> Option<String> {
    let hint = match error {
        BuildError::Step(failure) => return failure.hint.clone(),
        BuildError::Sandbox { .. } => {
            "to build images of wheels and Debian packages without a sandbox, set `bytecode = false` in \
             [tool.invar.python]"
        }
        BuildError::ForeignPlatform { .. } => {
            "images of only wheels and Debian packages can be built on this machine: set `bytecode = false` in \
             [tool.invar.python]"
        }
        BuildError::NotLocked { .. } => "run `invar lock`",
        BuildError::PartNotLocked { part, .. } => return Some(format!("run `{}`", part.command())),
        BuildError::NoUv { .. } => "install uv",
        BuildError::Part { source, .. } => return hint(source),
        BuildError::NoRegistry { .. } => "set npm_config_registry, or create the lock with URLs",
        BuildError::NoPipFile { .. } => "name an index with --python-index or INVAR_PYTHON_INDEX",
        BuildError::SourceChanged { .. } => {
            "if you expected this change, run `invar lock --update`; if not, someone has tampered with a dependency"
        }
        BuildError::NoProject { .. } => "run this in a uv project, or pass its directory",
        BuildError::WorkspaceRoot { .. } => {
            "add [tool.invar] to the pyproject.toml of a member and pass its directory: each member has its own image"
        }
        BuildError::NoUvLock { .. } => "run `uv lock`",
        BuildError::NoInvarLock { .. } => "run `invar lock` and commit invar.lock",
        BuildError::OnlyDerived { .. } => "run `invar lock`; it keeps the locked versions",
        BuildError::NoImage { nearest: None, .. } => {
            "omit `#NAME` for the main image, or add [tool.invar.images.NAME]"
        }
        BuildError::NoInterpreter { .. } => {
            "change requires-python, or set a suite in [tool.invar] that has such a Python; the newest are in \
             `suite = \"sid\"`"
        }
        BuildError::Untrusted { .. } => {
            "if the archive is not Debian's, pass its keys with --keyring; \
             otherwise, try another mirror, which may be newer"
        }
        BuildError::Clash(clashes) if clashes.iter().any(are_wheels) => {
            "remove one of the two packages, or exclude the file from one: set exclude = [\"FILE\"] in \
             [tool.invar.python.overrides.NAME], where FILE is relative to site-packages, or bin/PROGRAM"
        }
        BuildError::Clash(_) => "remove one of the two packages, or report the conflict to their authors",
        BuildError::Fetch(FetchError::Offline { .. }) => "run this once without --offline",
        BuildError::Store(StoreError::Full { .. }) => {
            "free some space, or pass another directory with --store"
        }
        BuildError::Store(StoreError::ReadOnly { .. }) => "pass another directory with --store",
        _ => return None,
    };
    Some(hint.to_owned())
}

/// Whether it is between two Python packages.
fn are_wheels(clash: &Clash) -> bool {
    let (first, second) = clash.origins();
    [first, second].iter().all(|origin| matches!(origin.as_ref(), Origin::Wheel { .. }))
}
