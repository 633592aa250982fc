use std::io;
use std::path::{Path, PathBuf};

use invar_checkout::CheckoutError;
use invar_diagnostic::{Diagnostic, Hint, Kind, printable, sentence};
use invar_init::{DockerfileError, ProjectError};
use invar_project::{DerivedSource, Purpose};

use crate::change::Change;
use crate::nothing_named::NothingNamed;

/// Why there is no manifest.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeriveError {
    /// The project cannot be read, or what its own files say is wrong.
    #[error(transparent)]
    Checkout(#[from] CheckoutError),
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Instead of a file there is a folder, pipe or device.
    #[error("{} is not a regular file", path.display())]
    NotAFile {
        /// Its path.
        path: PathBuf,
    },
    /// A file is too long.
    #[error("{} is longer than {limit} bytes", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// How long it may be.
        limit: u64,
    },
    /// The project says something that no manifest can be made from.
    #[error("{}", folder.join(problem.to_string().trim_end()).display())]
    Project {
        /// The project's folder.
        folder: PathBuf,
        /// What is wrong.
        problem: Box<ProjectError>,
    },
    /// The Dockerfile cannot be used.
    #[error("{}: {problem}", path.display())]
    Dockerfile {
        /// The Dockerfile.
        path: PathBuf,
        /// What is wrong with it.
        problem: Box<DockerfileError>,
    },
    /// The flake cannot be used.
    #[error("{message}")]
    Flake {
        /// The flake, the place in it, and what is wrong.
        message: String,
    },
    /// What a Dockerfile or flake says would be refused as a manifest.
    #[error("{}: invalid manifest: {}", path.display(), problems.join("; "))]
    Refused {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problems: Vec<String>,
    },
    /// What stands in for a manifest is named in two ways.
    #[error("both `--from` and `#` after the project directory select the source; use one")]
    NamedTwice,
    /// Something is named instead of a manifest that is there.
    #[error("the project has a manifest: {own}")]
    HasManifest {
        /// Where the manifest is.
        own: String,
        /// What is named.
        from: PathBuf,
    },
    /// A file with a manifest that is to be updated is not TOML.
    #[error("{}: {problem}", path.display())]
    NotToml {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A first manifest is to be written where there is one.
    #[error("the project already has a manifest: {own}")]
    SecondManifest {
        /// Where the manifest is.
        own: String,
    },
    /// A stage is named of something that has none.
    #[error("{}: `--target` selects a stage of a Dockerfile", from.display())]
    TargetOfFlake {
        /// What is named.
        from: PathBuf,
    },
    /// There is no manifest, and nothing is named.
    #[error(transparent)]
    NothingNamed(Box<NothingNamed>),
    /// The manifest is the project's own.
    #[error("the manifest of {} is not derived: the project has its own", folder.display())]
    NotDerived {
        /// The project's folder.
        folder: PathBuf,
    },
    /// The lock does not have a manifest that was derived from this.
    #[error("{}", missing(lock, *is_there, source_file, *purpose))]
    NoRecord {
        /// The lock.
        lock: PathBuf,
        /// Whether there is one.
        is_there: bool,
        /// What the manifest is derived from.
        source_file: DerivedSource,
        /// What it is wanted for.
        purpose: Purpose,
        /// The arguments that name it.
        arguments: String,
    },
    /// What the locked manifest was derived from has changed.
    #[error(
        "invar.lock is out of date: its manifest was derived from {source_file}, and\n{}",
        changes.iter().map(|change| format!("  {change}")).collect::<Vec<_>>().join("\n")
    )]
    NotCurrent {
        /// What the manifest is derived from.
        source_file: DerivedSource,
        /// The arguments that name it.
        arguments: String,
        /// What has changed.
        changes: Vec<Change>,
    },
}

fn missing(lock: &Path, is_there: bool, source: &DerivedSource, purpose: Purpose) -> String {
    let what = match purpose {
        Purpose::Build => "building",
        Purpose::Run => "running",
        Purpose::Shell => "the shell of",
    };
    match is_there {
        true => format!("{} has no lock for {what} {source}", lock.display()),
        false => format!("{} is missing", lock.display()),
    }
}

fn command(verb: &str, arguments: &str) -> String {
    format!("invar {verb} {arguments}").trim_end().to_owned()
}

impl Diagnostic for DeriveError {
    fn kind(&self) -> Kind {
        match self {
            Self::Checkout(error) => error.kind(),
            Self::Write { .. } => Kind::Disk,
            Self::NoRecord { .. } | Self::NotCurrent { .. } => Kind::Locks,
            _ => Kind::Input,
        }
    }

    fn hint(&self) -> Option<Hint> {
        Some(Hint::Owned(match self {
            Self::Checkout(error) => return error.hint(),
            Self::Dockerfile { problem, .. } if matches!(**problem, DockerfileError::NoProject { .. }) => {
                "create it with `uv init --bare` and `uv add` (-r reads a requirements file), then try again"
                    .to_owned()
            }
            Self::NamedTwice => "select a flake output with --from FILE#NAME".to_owned(),
            Self::HasManifest { from, .. } => format!(
                "omit --from to use it, or remove it first; `invar build --from {} --show-manifest` prints the derived \
                 manifest without using it",
                from.display()
            ),
            Self::SecondManifest { .. } => {
                "edit it, or pass --force to set what Invar derives and keep everything else".to_owned()
            }
            Self::TargetOfFlake { .. } => "select a flake output with --from flake.nix#NAME".to_owned(),
            Self::NothingNamed(named) => named.hint(),
            Self::NotDerived { .. } => {
                "pass --from with a Dockerfile or flake to see the manifest it would give".to_owned()
            }
            Self::NoRecord { purpose, arguments, .. } => {
                format!(
                    "run `{}` without --locked, and commit invar.lock",
                    command(&purpose.to_string(), arguments)
                )
            }
            Self::NotCurrent { arguments, .. } => {
                format!("run `{}`", command("lock", arguments))
            }
            _ => return None,
        }))
    }

    fn message(&self, colored: bool) -> String {
        match self {
            Self::Checkout(error) => error.message(colored),
            // What a Dockerfile or flake says may be meant for a terminal.
            Self::Refused { .. } => printable(&self.to_string()),
            Self::Flake { .. } => self.to_string().lines().map(printable).collect::<Vec<_>>().join("\n"),
            _ => sentence(self),
        }
    }
}
