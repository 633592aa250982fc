use std::io;
use std::path::PathBuf;

use invar_diagnostic::{Diagnostic, Hint, Kind, sentence};

/// Why the source cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The rules cannot be used.
    #[error(transparent)]
    Rules(#[from] invar_project::SourceError),
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A name is not UTF-8.
    #[error("{} is not UTF-8: rename it, or exclude it", path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
    },
    /// Something cannot be in an image.
    #[error("{message}")]
    Entry {
        /// What, and why.
        message: String,
    },
    /// A symbolic link leads out of the project.
    #[error(
        "{path} is a link to {target:?}, which is outside the project: exclude it, or replace it with the file"
    )]
    LinkOut {
        /// The link, relative to the project.
        path: String,
        /// Its target.
        target: String,
    },
}

impl Diagnostic for SourceError {
    fn kind(&self) -> Kind {
        Kind::Input
    }
}

/// Why a project cannot be read from its folder, or its lock not be written there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckoutError {
    /// A file of the project cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The folder holds neither `pyproject.toml` nor `invar.toml`.
    #[error(
        "{} no pyproject.toml and no invar.toml",
        if path == std::path::Path::new(".") {
            "the current directory and those above it have".to_owned()
        } else {
            format!("{} has", path.display())
        }
    )]
    NoProject {
        /// The folder.
        path: PathBuf,
    },
    /// The manifest is wrong.
    #[error(transparent)]
    Manifest(#[from] invar_project::ManifestError),
    /// The folder is the root of a workspace, and not a project itself.
    #[error(
        "{} has a workspace and no [project]: {}",
        path.display(),
        match &members[..] {
            [] => "it has nothing to build".to_owned(),
            members => format!(
                "its members are {}",
                members.iter().map(|member| member.display().to_string()).collect::<Vec<_>>().join(", ")
            ),
        }
    )]
    WorkspaceRoot {
        /// The `pyproject.toml`.
        path: PathBuf,
        /// The folders of the members.
        members: Vec<PathBuf>,
    },
    /// `uv.lock` is missing.
    #[error("{} is missing, but the project has dependencies", path.display())]
    NoUvLock {
        /// Where it should be.
        path: PathBuf,
    },
    /// `uv.lock` is wrong.
    #[error("cannot use {}", path.display())]
    UvLock {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: Box<invar_python::UvLockError>,
    },
    /// `invar.lock` is wrong.
    #[error("cannot use {}", path.display())]
    InvarLock {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: Box<invar_project::LockError>,
    },
    /// `invar.lock` is missing, and may not be made.
    #[error("{} is missing", path.display())]
    NoInvarLock {
        /// Where it should be.
        path: PathBuf,
    },
    /// `invar.lock` locks what was derived from other files, but not the project's own manifest.
    #[error("{} does not cover the project's manifest yet, only derived ones", path.display())]
    OnlyDerived {
        /// The file.
        path: PathBuf,
    },
    /// Manifest and locks do not belong together.
    #[error("{file} is out of date: {}", .findings.join("; "))]
    Mismatch {
        /// The lock: `uv.lock` or `invar.lock`.
        file: &'static str,
        /// A sentence for each disagreement.
        findings: Vec<String>,
        /// The command that ends them.
        command: String,
    },
    /// There is no such image.
    #[error("the manifest has no image {name}{}", nearest.as_deref().map(|name| format!("; did you mean {name}?")).unwrap_or_default())]
    NoImage {
        /// The name.
        name: String,
        /// A name of the manifest's that is similar.
        nearest: Option<String>,
    },
    /// An input of a step matches nothing.
    #[error("step {step}: its input {input:?} does not match a file of the project or the name of a step")]
    NoInput {
        /// The step.
        step: String,
        /// The pattern.
        input: String,
    },
    /// The result of a build would replace a file of the project.
    #[error("{} is a file of the project, so no build writes there", path.display())]
    OutputIsSource {
        /// The file.
        path: PathBuf,
    },
    /// A file cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The source cannot be used.
    #[error(transparent)]
    Source(#[from] SourceError),
}

impl Diagnostic for CheckoutError {
    fn kind(&self) -> Kind {
        match self {
            Self::Read { .. }
            | Self::NoProject { .. }
            | Self::Manifest(_)
            | Self::WorkspaceRoot { .. }
            | Self::UvLock { .. }
            | Self::InvarLock { .. }
            | Self::NoImage { .. }
            | Self::NoInput { .. }
            | Self::OutputIsSource { .. }
            | Self::Source(_) => Kind::Input,
            Self::NoUvLock { .. }
            | Self::NoInvarLock { .. }
            | Self::OnlyDerived { .. }
            | Self::Mismatch { .. } => Kind::Locks,
            Self::Write { .. } => Kind::Disk,
        }
    }

    fn hint(&self) -> Option<Hint> {
        let hint = match self {
            Self::NoProject { .. } => "run this in a uv project or below it, or pass its directory",
            Self::WorkspaceRoot { .. } => {
                "add [tool.invar] to the pyproject.toml of a member and pass its directory: each member has its own image"
            }
            Self::OutputIsSource { .. } => "pass another path with --output, or omit it to write to dist/",
            Self::NoUvLock { .. } => "run `invar lock`; it has uv create uv.lock",
            Self::Mismatch { command, .. } => return Some(Hint::Owned(format!("run `{command}`"))),
            Self::NoInvarLock { .. } => "run `invar lock` and commit invar.lock",
            Self::OnlyDerived { .. } => "run `invar lock`; it keeps the locked versions",
            Self::NoImage { nearest: None, .. } => {
                "omit `#NAME` for the main image, or add [tool.invar.images.NAME]"
            }
            _ => return None,
        };
        Some(hint.into())
    }

    fn message(&self, colored: bool) -> String {
        match self {
            Self::Manifest(error) => error.render(colored).trim_end().to_owned(),
            _ => sentence(self),
        }
    }
}
