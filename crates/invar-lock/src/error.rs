use std::fmt;
use std::io;
use std::path::PathBuf;

use invar_checkout::CheckoutError;
use invar_diagnostic::{AnyDiagnostic, Diagnostic, Hint, Kind, sentence};
use invar_realise::{RealiseError, SuiteError};
use invar_store::StoreError;

/// Why there is no new lock.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// The project cannot be read, or its lock not be written.
    #[error(transparent)]
    Checkout(#[from] CheckoutError),
    /// Something cannot be fetched or unpacked.
    #[error(transparent)]
    Realise(#[from] RealiseError),
    /// Packages to upgrade are not in `invar.lock`.
    #[error("{} is not in invar.lock, so it cannot be updated{}", .names.join(", "), nearest.as_deref().map(|name| format!("; did you mean {name}?")).unwrap_or_default())]
    UnknownPackages {
        /// The packages.
        names: Vec<String>,
        /// A package of the lock with a similar name.
        nearest: Option<String>,
    },
    /// No release has an interpreter that satisfies `requires-python`.
    #[error(transparent)]
    NoRelease(invar_plan::NoRelease),
    /// Packages can be installed for no Python of the release, and cannot be built either.
    #[error("cannot install the packages of uv.lock for {platform}")]
    NoWheels {
        /// The platform.
        platform: invar_project::Platform,
        /// Which, and why not.
        #[source]
        source: Box<invar_python::SelectError>,
        /// The release.
        suite: &'static str,
        /// A release for which they can.
        fits: Option<invar_project::Release>,
    },
    /// The suite's interpreter does not satisfy `requires-python`.
    #[error("no Debian suite has a Python that satisfies requires-python = \"{requires}\"; {}", Suites(.suites))]
    NoInterpreter {
        /// The requirement.
        requires: String,
        /// Each suite that was considered, and its Python.
        suites: Vec<(String, String)>,
    },
    /// A keyring cannot be read.
    #[error("cannot use the keyring {}", path.display())]
    Keyring {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: Box<invar_apt::KeyringError>,
    },
    /// No set of packages satisfies what was asked for.
    #[error("cannot resolve Debian packages for {platform} from {suite}")]
    Solve {
        /// The release of Debian.
        suite: String,
        /// The platform.
        platform: String,
        /// Why not.
        #[source]
        source: Box<invar_apt::SolveError>,
    },
    /// Two roots would need two versions of one package.
    #[error(
        "{root} needs {name} {found}, but the image has {name} {expected}: a lock has one version of each package"
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
    /// Something is wrong with one part of the project.
    #[error("cannot lock {part}")]
    Part {
        /// The part.
        part: invar_project::LockPart,
        /// What is wrong.
        #[source]
        source: Box<LockError>,
    },
    /// The lock is without what one part of the project needs.
    #[error("invar.lock does not cover {part}: missing {what}")]
    PartNotLocked {
        /// The part.
        part: invar_project::LockPart,
        /// What is missing.
        what: String,
        /// The command that locks it.
        command: String,
    },
    /// uv is not there, or does not work.
    #[error("{} is {state}, and only uv can update it: {problem}", path.display())]
    NoUv {
        /// The `uv.lock`.
        path: PathBuf,
        /// What is wrong with it: `missing`, or `out of date`.
        state: &'static str,
        /// Why uv cannot be asked.
        problem: String,
    },
    /// uv cannot lock the project.
    #[error("uv cannot update {}:\n{said}", path.display())]
    UvLock {
        /// The `uv.lock`.
        path: PathBuf,
        /// What uv says.
        said: String,
    },
    /// What the manifest asks for cannot be planned.
    #[error(transparent)]
    Plan(#[from] invar_plan::PlanError),
    /// It cannot be found out what Python packages are built with.
    #[error(transparent)]
    Builds(#[from] BuildsError),
}

/// Why it cannot be found out what Python packages are built with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildsError {
    /// uv cannot resolve what builds need.
    #[error("{problem}")]
    Uv {
        /// What went wrong.
        problem: String,
    },
    /// uv is not there, or cannot be asked.
    #[error("{names} {} to be built, which needs uv: {problem}", if names.contains(',') { "have" } else { "has" })]
    NoUv {
        /// What is to be built, with commas between.
        names: String,
        /// Why uv cannot be asked.
        problem: String,
    },
    /// What uv made is wrong.
    #[error("cannot use {}", path.display())]
    UvLock {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: Box<invar_python::UvLockError>,
    },
    /// What a build needs has no wheels.
    #[error("cannot install the build requirements of {name}")]
    Requirements {
        /// The package that is built.
        name: String,
        /// Why not.
        #[source]
        source: Box<invar_python::SelectError>,
    },
    /// A wheel that a build needs is a file of this machine.
    #[error("the build of {name} needs {file}, which uv takes from a local directory: use an index")]
    LocalWheel {
        /// The package that is built.
        name: String,
        /// The wheel.
        file: String,
    },
    /// What a build is to have in the version that the project has, it does not have.
    #[error(
        "extra-build-dependencies of [tool.uv] give {needed} to the build of {name} with match-runtime, but the project \
         does not install {needed}"
    )]
    NoRuntime {
        /// The package that is built.
        name: String,
        /// What it is to have.
        needed: String,
    },
    /// What a build needs is neither a wheel nor a source distribution of an index.
    #[error(
        "the build of {name} needs {needed}, which uv takes from a repository or directory: only wheels and source \
         distributions are supported"
    )]
    Source {
        /// The package that is built.
        name: String,
        /// What it needs.
        needed: String,
    },
    /// What builds need has to be built itself, and so on without an end.
    #[error(
        "build requirements without wheels depend on each other: {}",
        .chain.join(" needs ")
    )]
    Cycle {
        /// The source distributions, each needed by the one before.
        chain: Vec<String>,
    },
    /// A folder or archive is no Python package.
    #[error("cannot build {name}: it has no pyproject.toml or setup.py")]
    NotAPackage {
        /// The package as `uv.lock` names it.
        name: String,
        /// What is there and cannot be seen, with what to do.
        hidden: Vec<String>,
    },
    /// The table `build-system` of a package cannot be used.
    #[error("cannot build {name}")]
    BuildSystem {
        /// The package.
        name: String,
        /// What is wrong.
        #[source]
        source: Box<invar_python::BuildSystemError>,
    },
    /// A file of uv's cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file for uv cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A build backend did not say what it needs.
    #[error(transparent)]
    Backend(AnyDiagnostic),
}

impl From<SuiteError> for LockError {
    fn from(error: SuiteError) -> Self {
        Self::Realise(error.into())
    }
}

impl From<StoreError> for LockError {
    fn from(error: StoreError) -> Self {
        Self::Realise(error.into())
    }
}

impl Diagnostic for LockError {
    fn kind(&self) -> Kind {
        match self {
            Self::Checkout(error) => error.kind(),
            Self::Realise(error) => error.kind(),
            Self::Builds(error) => error.kind(),
            Self::Part { source, .. } => source.kind(),
            Self::Plan(_)
            | Self::UnknownPackages { .. }
            | Self::NoRelease(_)
            | Self::NoWheels { .. }
            | Self::NoInterpreter { .. }
            | Self::Keyring { .. }
            | Self::Solve { .. }
            | Self::TwoVersions { .. }
            | Self::UvLock { .. } => Kind::Input,
            Self::PartNotLocked { .. } | Self::NoUv { .. } => Kind::Locks,
        }
    }

    fn hint(&self) -> Option<Hint> {
        match self {
            Self::Checkout(error) => error.hint(),
            Self::Realise(error) => error.hint(),
            Self::Builds(error) => error.hint(),
            Self::Part { source, .. } => source.hint(),
            Self::PartNotLocked { command, .. } => Some(format!("run `{command}`").into()),
            Self::NoUv { .. } => Some("install uv, or run `uv lock` where it is".into()),
            Self::NoRelease(error) => Some(match error.wider() {
                Some((requires, release)) => format!(
                    "if the project runs on Python {}, set requires-python = \"{requires}\" and run `uv lock`: Debian \
                     {} has it",
                    release.python, release.suite
                )
                .into(),
                None => "change requires-python, or set a suite in [tool.invar] that has such a Python; the newest are in \
                         `suite = \"sid\"`"
                    .into(),
            }),
            Self::NoWheels { fits: Some(release), .. } => Some(
                format!(
                    "set suite = \"{}\" in [tool.invar]: for its Python {} all packages can be installed",
                    release.suite, release.python
                )
                .into(),
            ),
            Self::NoWheels { fits: None, .. } => {
                Some("newer versions may have wheels: `uv lock --upgrade`".into())
            }
            Self::NoInterpreter { .. } => Some(
                "change requires-python, or set a suite in [tool.invar] that has such a Python; the newest are in \
                 `suite = \"sid\"`"
                    .into(),
            ),
            _ => None,
        }
    }

    fn message(&self, colored: bool) -> String {
        match self {
            Self::Checkout(error) => error.message(colored),
            Self::Realise(error) => error.message(colored),
            Self::Builds(error) => error.message(colored),
            Self::Solve { source, .. } => format!("{self}:\n{source}"),
            _ => sentence(self),
        }
    }
}

impl Diagnostic for BuildsError {
    fn kind(&self) -> Kind {
        match self {
            Self::Backend(error) => error.kind(),
            Self::Write { .. } => Kind::Disk,
            Self::Uv { .. }
            | Self::NoUv { .. }
            | Self::UvLock { .. }
            | Self::Requirements { .. }
            | Self::LocalWheel { .. }
            | Self::NoRuntime { .. }
            | Self::Source { .. }
            | Self::Cycle { .. }
            | Self::NotAPackage { .. }
            | Self::BuildSystem { .. }
            | Self::Read { .. } => Kind::Input,
        }
    }

    fn hint(&self) -> Option<Hint> {
        match self {
            Self::Backend(error) => error.hint(),
            Self::NotAPackage { hidden, .. } if !hidden.is_empty() => Some(hidden.join("\n").into()),
            Self::NoUv { .. } => Some("install uv".into()),
            _ => None,
        }
    }

    fn message(&self, colored: bool) -> String {
        match self {
            Self::Backend(error) => error.message(colored),
            _ => sentence(self),
        }
    }
}

struct Suites<'a>(&'a [(String, String)]);

impl fmt::Display for Suites<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let suites: Vec<String> =
            self.0.iter().map(|(suite, python)| format!("{suite} has Python {python}")).collect();
        f.write_str(&suites.join(", "))
    }
}
