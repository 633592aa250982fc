//! The one place that turns errors into messages, hints and exit codes.
use std::error::Error;
use std::io::IsTerminal as _;
use std::process::ExitCode;

use invar_build::{BuildError, Kind};
use invar_fetch::FetchError;
use invar_store::StoreError;
use invar_tree::{Clash, Origin};

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

    /// A program that cannot be started, with the exit code that shells give that.
    pub fn of_program(code: u8, message: &str) -> Self {
        Self { code, kind: "program", message: message.to_owned(), hint: None }
    }

    /// A failure to find a place for the store.
    pub fn no_store() -> Self {
        let hint = "set INVAR_STORE, or HOME";
        Self {
            code: 6,
            kind: "disk",
            message: "there is no place for the store".into(),
            hint: Some(hint.into()),
        }
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
        let (code, kind) = of_kind(error.kind());
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

/// The kind's exit code and name.
fn of_kind(kind: Kind) -> (u8, &'static str) {
    match kind {
        Kind::Failure => (1, "failure"),
        Kind::Input => (INPUT, "input"),
        Kind::Locks => (3, "locks"),
        Kind::Network => (4, "network"),
        Kind::Verification => (5, "verification"),
        Kind::Disk => (6, "disk"),
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
            "without a sandbox, images of wheels and Debian packages can still be built: set `bytecode = false` in \
             [tool.invar.python]"
        }
        BuildError::ForeignPlatform { .. } => {
            "wheels and Debian packages need no such machine: with `bytecode = false` in [tool.invar.python], an image \
             of them alone can be built here"
        }
        BuildError::NotLocked { .. } => "run `invar lock`",
        BuildError::PartNotLocked { part, .. } => return Some(format!("run `{}`", part.command())),
        BuildError::NoUv { .. } => "install uv",
        BuildError::Part { source, .. } => return hint(source),
        BuildError::NoRegistry { .. } => "set npm_config_registry, or write the lock with addresses",
        BuildError::NoPipFile { .. } => "name an index with --python-index or INVAR_PYTHON_INDEX",
        BuildError::SourceChanged { .. } => {
            "if the change is right, run `invar lock --update`; if not, somebody has changed what you depend on"
        }
        BuildError::NoProject { .. } => "run this in a uv project, or name its folder",
        BuildError::WorkspaceRoot { .. } => {
            "put [tool.invar] into the pyproject.toml of a member, and name its folder: each member is an image of its own"
        }
        BuildError::NoUvLock { .. } => "run `uv lock`",
        BuildError::NoInvarLock { .. } => "run `invar lock`, and put invar.lock under version control",
        BuildError::OnlyDerived { .. } => "run `invar lock`, which starts from what is there",
        BuildError::NoImage { nearest: None, .. } => {
            "leave out `#NAME` for the image itself, or describe another one in [tool.invar.images.NAME]"
        }
        BuildError::NoInterpreter { .. } => {
            "change requires-python, or name a suite in [tool.invar] that has such a Python; the newest are in \
             `suite = \"sid\"`"
        }
        BuildError::Untrusted { .. } => {
            "if the archive is not Debian's own, give its keys with --keyring; \
             if it is, another mirror may have a newer state"
        }
        BuildError::Clash(clashes) if clashes.iter().any(are_wheels) => {
            "leave out one of the two: with [tool.invar.python.overrides.NAME] and exclude = [\"FILE\"] in it, NAME is \
             installed without FILE, which is the path below site-packages, or bin/PROGRAM"
        }
        BuildError::Clash(_) => "leave out one of the two, or ask their authors",
        BuildError::Fetch(FetchError::Offline { .. }) => "run this once without --offline",
        BuildError::Store(StoreError::Full { .. }) => "make room, or name another place with --store",
        BuildError::Store(StoreError::ReadOnly { .. }) => "name another place with --store",
        _ => return None,
    };
    Some(hint.to_owned())
}

/// Whether it is between two Python packages.
fn are_wheels(clash: &Clash) -> bool {
    let (first, second) = clash.origins();
    [first, second].iter().all(|origin| matches!(origin.as_ref(), Origin::Wheel { .. }))
}
