use std::io;
use std::path::PathBuf;

use invar_checkout::CheckoutError;
use invar_diagnostic::{Diagnostic, Hint, Kind, sentence};
use invar_oci_read::ImageError;

use crate::locks::LockError;

/// Why two things cannot be compared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiffError {
    /// A project cannot be read.
    #[error(transparent)]
    Project(#[from] CheckoutError),
    /// An image cannot be read.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A name is neither something on disk nor a revision.
    #[error("{text:?} is not a file, a directory or a git revision of the current project")]
    NoOperand {
        /// The name.
        text: String,
    },
    /// A revision does not have a file.
    #[error("the revision {revision} has no file {path:?}")]
    NoFile {
        /// The revision.
        revision: String,
        /// The file.
        path: String,
    },
    /// A revision does not have a project.
    #[error("the revision {revision} has no pyproject.toml and no invar.toml in {place:?}")]
    NoProject {
        /// The revision.
        revision: String,
        /// The folder.
        place: String,
    },
    /// The files of a revision cannot be listed.
    #[error("git cannot list the files of {commit} in {place:?}")]
    Revision {
        /// The commit.
        commit: String,
        /// The folder.
        place: String,
    },
    /// git cannot be started.
    #[error("git cannot be started")]
    Git {
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A revision is compared with an image, and would have to be built.
    #[error("{name} is a revision, but only a directory can be built and compared with an image")]
    RevisionToBuild {
        /// The revision.
        name: String,
    },
    /// A lock is compared with something else.
    #[error("{old} and {new} cannot be compared: one is a lock and the other is not")]
    Kinds {
        /// The first.
        old: String,
        /// The second.
        new: String,
    },
    /// There is no image for the platform.
    #[error("{name} has no image for {}", platform.as_deref().unwrap_or("any platform"))]
    NoPlatform {
        /// The images.
        name: String,
        /// The platform that was asked for.
        platform: Option<String>,
    },
    /// A lock or manifest cannot be read.
    #[error("{name} cannot be compared")]
    Lock {
        /// The file.
        name: String,
        /// What is wrong with it.
        #[source]
        source: LockError,
    },
}

impl Diagnostic for DiffError {
    fn kind(&self) -> Kind {
        match self {
            Self::Project(error) => error.kind(),
            Self::Image(error) => error.kind(),
            _ => Kind::Input,
        }
    }

    fn hint(&self) -> Option<Hint> {
        let hint = match self {
            Self::Project(error) => return error.hint(),
            Self::Image(error) => return error.hint(),
            Self::NoOperand { .. } => {
                "pass an image, a root file system, a lock, a project directory, or a revision such as HEAD~1"
            }
            Self::NoProject { .. } => "pass the project's directory in it as REVISION:DIRECTORY",
            Self::RevisionToBuild { .. } => "check it out and pass the directory",
            _ => return None,
        };
        Some(hint.into())
    }

    fn message(&self, colored: bool) -> String {
        match self {
            Self::Project(error) => error.message(colored),
            _ => sentence(self),
        }
    }
}
