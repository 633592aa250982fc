use invar_build::BuildError;
use invar_checkout::CheckoutError;
use invar_diagnostic::{Diagnostic, Hint, Kind, sentence};

/// Why an image cannot be verified.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// Something cannot be built or read.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// A platform has no such name.
    #[error(transparent)]
    Platform(invar_project::ValueError),
    /// The order for a build cannot be written, such as for a path that is not UTF-8.
    #[error("cannot rebuild the project")]
    Order(#[source] serde_json::Error),
    /// What could be tried before no longer can.
    #[error("it can no longer be run: {why}")]
    NoLonger {
        /// Why not.
        why: String,
    },
    /// A step or package is named that nothing is built for.
    #[error("this project has no step or source build named {name:?}")]
    NoSuchStep {
        /// The name.
        name: String,
    },
    /// The work was interrupted.
    #[error("interrupted")]
    Interrupted,
}

impl From<CheckoutError> for VerifyError {
    fn from(error: CheckoutError) -> Self {
        Self::Build(error.into())
    }
}

impl Diagnostic for VerifyError {
    fn kind(&self) -> Kind {
        match self {
            Self::Build(error) => error.kind(),
            Self::Platform(_) | Self::Order(_) | Self::NoLonger { .. } | Self::NoSuchStep { .. } => {
                Kind::Input
            }
            Self::Interrupted => Kind::Interrupted,
        }
    }

    fn hint(&self) -> Option<Hint> {
        match self {
            Self::Build(error) => error.hint(),
            _ => None,
        }
    }

    fn message(&self, colored: bool) -> String {
        match self {
            Self::Build(error) => error.message(colored),
            _ => sentence(self),
        }
    }
}
