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
    /// The image's name or tag is none.
    #[error("the image cannot be named {reference:?}")]
    Reference {
        /// The name and tag.
        reference: String,
        /// What is wrong with it.
        #[source]
        source: Box<invar_oci::ReferenceError>,
    },
    /// The image is to run as somebody whom it does not know.
    #[error(
        "`image.user` is {name:?}, which is not in the image's {file}: add it to `image.users`, use a number, or a package that adds it"
    )]
    NoAccount {
        /// The user or group.
        name: String,
        /// The file in the image that would have it.
        file: String,
    },
    /// The users that the manifest adds do not fit those of the image.
    #[error("cannot add the users of `image.users`")]
    Users {
        /// What is wrong with them.
        #[source]
        source: Box<invar_maintscript::AccountError>,
    },
    /// A root file system is of one platform.
    #[error("a root file system has one platform: select one of {} with --platform", names(.platforms))]
    OnePlatform {
        /// The platforms that were asked for.
        platforms: Vec<invar_project::Platform>,
    },
    /// Something is wrong with an additional image of the project.
    #[error("cannot build {part}")]
    Part {
        /// The image.
        part: invar_project::LockPart,
        /// What is wrong.
        #[source]
        source: Box<BuildError>,
    },
    /// What the manifest asks for cannot be planned.
    #[error(transparent)]
    Plan(#[from] invar_plan::PlanError),
    /// A download failed.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// A program that a launcher should start is not in the image.
    #[error("step {step} wraps {program}, which is not in the image")]
    NoProgram {
        /// The step.
        step: String,
        /// The program.
        program: String,
    },
    /// The image has no command to run.
    #[error("the image has no command: set `command` in the image table, or pass one after --")]
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
    /// The result cannot be written to where it goes.
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
            Self::Part { source, .. } => source.kind(),
            Self::Read { .. }
            | Self::Plan(_)
            | Self::Reference { .. }
            | Self::NoAccount { .. }
            | Self::Users { .. }
            | Self::OnePlatform { .. }
            | Self::NoProgram { .. }
            | Self::NoCommand => Kind::Input,
            Self::Fetch(error) => error.kind(),
            Self::Store(_)
            | Self::Damaged { .. }
            | Self::Write(_)
            | Self::Output { .. }
            | Self::Deliver(_) => Kind::Disk,
            Self::Segment(_) => Kind::Failure,
            Self::Run(error) => error.kind(),
            Self::Destination(error) => error.kind(),
        }
    }

    fn hint(&self) -> Option<Hint> {
        match self {
            Self::Checkout(error) => error.hint(),
            Self::Realise(error) => error.hint(),
            Self::Fetch(error) => error.hint(),
            Self::Store(error) => error.hint(),
            Self::Run(error) => error.hint(),
            Self::Part { source, .. } => source.hint(),
            _ => None,
        }
    }

    fn message(&self, colored: bool) -> String {
        match self {
            Self::Checkout(error) => error.message(colored),
            Self::Realise(error) => error.message(colored),
            Self::Run(error) => error.message(colored),
            Self::Part { source, .. } => format!("{self}: {}", source.message(colored)),
            _ => sentence(self),
        }
    }
}

fn names(platforms: &[invar_project::Platform]) -> String {
    platforms.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
