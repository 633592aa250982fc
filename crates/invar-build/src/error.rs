use std::fmt;
use std::io;
use std::path::PathBuf;

use invar_diagnostic::{Diagnostic, Hint, Kind, sentence};
use invar_fetch::FetchError;
use invar_run::RunError;
use invar_store::StoreError;
use invar_tree::Digest;

/// What went wrong, in kinds that a caller can act on; [`BuildError::kind`] gives the kind.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The project cannot be read.
    #[error(transparent)]
    Checkout(#[from] invar_checkout::CheckoutError),
    /// Something cannot be fetched or unpacked.
    #[error(transparent)]
    Realise(#[from] invar_realise::RealiseError),
    /// Something cannot be built by running commands.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A file of the project cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// `uv.lock` is wrong.
    #[error("{} cannot be used", path.display())]
    UvLock {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: Box<invar_python::UvLockError>,
    },
    /// The image's name or tag is none.
    #[error("the image cannot be called {reference:?}")]
    Reference {
        /// The name and tag.
        reference: String,
        /// What is wrong with it.
        #[source]
        source: Box<invar_oci::ReferenceError>,
    },
    /// Packages are to be chosen anew that `invar.lock` does not have.
    #[error("{} is not in invar.lock, so it cannot be updated{}", .names.join(", "), Nearest(.nearest.as_deref()))]
    UnknownPackages {
        /// The packages.
        names: Vec<String>,
        /// A package of the lock with a similar name.
        nearest: Option<String>,
    },
    /// The image is to run as somebody whom it does not know.
    #[error(
        "image.user names {name:?}, which is not in the image's {file}: use a number, or a package that adds it"
    )]
    NoAccount {
        /// The user or group.
        name: String,
        /// The file in the image that would have it.
        file: String,
    },
    /// A root file system is of one platform.
    #[error("a root file system is of one platform: choose one of {} with --platform", names(.platforms))]
    OnePlatform {
        /// The platforms that were asked for.
        platforms: Vec<invar_project::Platform>,
    },
    /// What the manifest asks for cannot be planned.
    #[error(transparent)]
    Plan(#[from] invar_plan::PlanError),
    /// No suite has an interpreter that satisfies `requires-python`.
    #[error("no Debian suite has a Python that satisfies requires-python = \"{requires}\"; {}", Suites(.suites))]
    NoInterpreter {
        /// The requirement.
        requires: String,
        /// Each suite that was considered, and its Python.
        suites: Vec<(String, String)>,
    },
    /// A keyring cannot be read.
    #[error("the keyring {} cannot be used", path.display())]
    Keyring {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: Box<invar_apt::KeyringError>,
    },
    /// No set of packages satisfies what was asked for.
    #[error("the Debian packages for {platform} cannot be chosen from {suite}")]
    Solve {
        /// The release of Debian.
        suite: String,
        /// The platform.
        platform: String,
        /// Why not.
        #[source]
        source: Box<invar_apt::SolveError>,
    },
    /// A download failed.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// uv cannot resolve what builds need.
    #[error("{problem}")]
    Uv {
        /// What went wrong.
        problem: String,
    },
    /// What a build needs has no wheels.
    #[error("what the build of {name} needs cannot be installed")]
    BuildRequirements {
        /// The package that is built.
        name: String,
        /// Why not.
        #[source]
        source: Box<invar_python::SelectError>,
    },
    /// A wheel that a build needs is a file of this machine.
    #[error("the build of {name} needs {file}, which uv has from a folder of this machine: use an index")]
    LocalBuildWheel {
        /// The package that is built.
        name: String,
        /// The wheel.
        file: String,
    },
    /// What a build needs is neither a wheel nor a source distribution of an index.
    #[error(
        "the build of {name} needs {needed}, which uv has from a repository or a folder: only wheels and source \
         distributions are built with"
    )]
    BuildSource {
        /// The package that is built.
        name: String,
        /// What it needs.
        needed: String,
    },
    /// What builds need has to be built itself, and so on without an end.
    #[error(
        "what builds need has no wheels and would have to be built first, without an end: {}",
        .chain.join(" needs ")
    )]
    BuildCycle {
        /// The source distributions, each needed by the one before.
        chain: Vec<String>,
    },
    /// A folder or archive is no Python package.
    #[error("{name} cannot be built: it has neither pyproject.toml nor setup.py")]
    NotAPackage {
        /// The package as `uv.lock` names it.
        name: String,
    },
    /// The table `build-system` of a package cannot be used.
    #[error("{name} cannot be built")]
    BuildSystem {
        /// The package.
        name: String,
        /// What is wrong.
        #[source]
        source: Box<invar_python::BuildSystemError>,
    },
    /// Something is wrong with one part of the project.
    #[error("{part} cannot be locked")]
    Part {
        /// The part.
        part: invar_project::LockPart,
        /// What is wrong.
        #[source]
        source: Box<BuildError>,
    },
    /// The lock is without what one part of the project needs.
    #[error("invar.lock does not have {part}: {what} is missing")]
    PartNotLocked {
        /// The part.
        part: invar_project::LockPart,
        /// What is missing.
        what: String,
    },
    /// uv is not there, or cannot be asked.
    #[error("{names} {} to be built, and uv resolves what that needs: {problem}", if names.contains(',') { "have" } else { "has" })]
    NoUv {
        /// What is to be built, with commas between.
        names: String,
        /// Why uv cannot be asked.
        problem: String,
    },
    /// A program that a launcher should start is not in the image.
    #[error("step {step} wraps {program}, which is not in the image")]
    NoProgram {
        /// The step.
        step: String,
        /// The program.
        program: String,
    },
    /// Two roots would need two versions of one package.
    #[error(
        "{root} needs {name} {found}, and the image has {name} {expected}: one lock has one version of a package"
    )]
    TwoVersions {
        /// The package.
        name: String,
        /// The root.
        root: String,
        /// The version that the root needs.
        found: String,
        /// The version that is there.
        expected: String,
    },
    /// The image has no command to run.
    #[error("the image has no command: set `command` in the image's table, or give one after --")]
    NoCommand,
    /// A layer cannot be written.
    #[error(transparent)]
    Segment(#[from] invar_oci::SegmentError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file in the store is not what its name says: it was damaged after it had been checked.
    #[error("{digest} in the store is damaged")]
    Damaged {
        /// The file's digest, as it should be.
        digest: Digest,
    },
    /// Bytes cannot be kept in the store.
    #[error("cannot write to the store")]
    Write(#[source] io::Error),
    /// The result cannot be written.
    #[error("cannot write {}", path.display())]
    Output {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A result cannot be written to where it goes.
    #[error("cannot write the result")]
    Deliver(#[source] io::Error),
    /// The image cannot be delivered.
    #[error(transparent)]
    Destination(#[from] crate::DestinationError),
}

impl From<invar_realise::SuiteError> for BuildError {
    fn from(error: invar_realise::SuiteError) -> Self {
        Self::Realise(error.into())
    }
}

impl BuildError {
    /// Whether this may come from something in the store that is not what it was when it was stored.
    pub(crate) fn may_be_damage(&self) -> bool {
        match self {
            Self::Realise(error) => return error.may_be_damage(),
            Self::Run(error) => return error.may_be_damage(),
            _ => {}
        }
        matches!(
            self,
            Self::Damaged { .. }
                | Self::Segment(_)
                | Self::Destination(crate::DestinationError::Segment(_))
                | Self::Store(StoreError::Damaged { .. } | StoreError::Missing { .. })
        )
    }
}

impl Diagnostic for BuildError {
    fn kind(&self) -> Kind {
        match self {
            Self::Checkout(error) => error.kind(),
            Self::Realise(error) => error.kind(),
            Self::Run(error) => error.kind(),
            Self::Read { .. }
            | Self::UvLock { .. }
            | Self::Plan(_)
            | Self::NoInterpreter { .. }
            | Self::Keyring { .. }
            | Self::Reference { .. }
            | Self::NoAccount { .. }
            | Self::UnknownPackages { .. }
            | Self::OnePlatform { .. }
            | Self::Uv { .. }
            | Self::BuildRequirements { .. }
            | Self::LocalBuildWheel { .. }
            | Self::BuildSource { .. }
            | Self::BuildCycle { .. }
            | Self::NotAPackage { .. }
            | Self::BuildSystem { .. }
            | Self::NoUv { .. }
            | Self::NoProgram { .. }
            | Self::TwoVersions { .. }
            | Self::NoCommand
            | Self::Solve { .. } => Kind::Input,
            Self::PartNotLocked { .. } => Kind::Locks,
            Self::Part { source, .. } => source.kind(),
            Self::Fetch(error) => error.kind(),
            Self::Store(_) | Self::Damaged { .. } | Self::Write(_) | Self::Output { .. } => Kind::Disk,
            Self::Deliver(_) => Kind::Disk,
            Self::Destination(error) => error.kind(),
            Self::Segment(_) => Kind::Failure,
        }
    }

    fn hint(&self) -> Option<Hint> {
        let hint = match self {
            Self::Checkout(error) => return error.hint(),
            Self::Realise(error) => return error.hint(),
            Self::Fetch(error) => return error.hint(),
            Self::Store(error) => return error.hint(),
            Self::Run(error) => return error.hint(),
            Self::PartNotLocked { part, .. } => return Some(format!("run `{}`", part.command()).into()),
            Self::NoUv { .. } => "install uv",
            Self::Part { source, .. } => return source.hint(),
            Self::NoInterpreter { .. } => {
                "change requires-python, or name a suite in [tool.invar] that has such a Python; the newest are in \
                 `suite = \"sid\"`"
            }
            _ => return None,
        };
        Some(hint.into())
    }

    fn message(&self, colored: bool) -> String {
        match self {
            Self::Checkout(error) => error.message(colored),
            Self::Realise(error) => error.message(colored),
            Self::Run(error) => error.message(colored),
            Self::Solve { source, .. } => format!("{self}:\n{source}"),
            _ => sentence(self),
        }
    }
}

fn names(platforms: &[invar_project::Platform]) -> String {
    platforms.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

struct Suites<'a>(&'a [(String, String)]);

impl fmt::Display for Suites<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let suites: Vec<String> =
            self.0.iter().map(|(suite, python)| format!("{suite} has Python {python}")).collect();
        f.write_str(&suites.join(", "))
    }
}

struct Nearest<'a>(Option<&'a str>);

impl fmt::Display for Nearest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |name| write!(f, "; did you mean {name}?"))
    }
}
