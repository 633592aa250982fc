use invar_build::{BuildError, Kind};

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
    #[error("the project cannot be built again")]
    Order(#[source] serde_json::Error),
    /// What could be tried before no longer can.
    #[error("it can no longer be tried: {why}")]
    NoLonger {
        /// Why not.
        why: String,
    },
    /// A step or package is named that nothing is built for.
    #[error("this project has no step or package built from source named {name:?}")]
    NoSuchStep {
        /// The name.
        name: String,
    },
    /// The work was interrupted.
    #[error("interrupted")]
    Interrupted,
}

impl VerifyError {
    /// The kind of this failure.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Build(error) => error.kind(),
            Self::Platform(_) | Self::Order(_) | Self::NoLonger { .. } | Self::NoSuchStep { .. } => {
                Kind::Input
            }
            Self::Interrupted => Kind::Failure,
        }
    }
}
