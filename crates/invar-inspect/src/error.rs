use std::path::PathBuf;

use invar_build::BuildError;
use invar_checkout::CheckoutError;
use invar_diagnostic::{Diagnostic, Hint, Kind, sentence};
use invar_oci_read::ImageError;
use invar_tree::ImagePath;

/// Why nothing can be said about an image.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InspectError {
    /// The project's image cannot be read.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The image cannot be read.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// What is asked about begins with a slash, and is no path.
    #[error("{text} is not a path in an image: {problem}")]
    NotAPath {
        /// What is asked about.
        text: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The image does not have the file.
    #[error("the image has no {path}")]
    NoFile {
        /// The file.
        path: ImagePath,
    },
    /// The image does not have the package.
    #[error("the image has no package {name:?}")]
    NoPackage {
        /// The package.
        name: String,
    },
    /// The image is not for this platform.
    #[error("{} has no image for {}", path.display(), platform.as_deref().unwrap_or("any platform"))]
    NoPlatform {
        /// The file or folder.
        path: PathBuf,
        /// The platform that was asked for.
        platform: Option<String>,
        /// The platforms that there are.
        platforms: Vec<String>,
    },
}

impl From<CheckoutError> for InspectError {
    fn from(error: CheckoutError) -> Self {
        Self::Build(error.into())
    }
}

impl Diagnostic for InspectError {
    fn kind(&self) -> Kind {
        match self {
            Self::Build(error) => error.kind(),
            Self::Image(error) => error.kind(),
            Self::NotAPath { .. }
            | Self::NoFile { .. }
            | Self::NoPackage { .. }
            | Self::NoPlatform { .. } => Kind::Input,
        }
    }

    fn hint(&self) -> Option<Hint> {
        match self {
            Self::Build(error) => error.hint(),
            Self::Image(error) => error.hint(),
            Self::NoPlatform { platforms, .. } => Some(format!("it has: {}", platforms.join(", ")).into()),
            Self::NoFile { .. } => Some("run `invar inspect --json` to list all files".into()),
            Self::NoPackage { .. } => Some("start the path of a file with a slash".into()),
            Self::NotAPath { .. } => None,
        }
    }

    fn message(&self, colored: bool) -> String {
        match self {
            Self::Build(error) => error.message(colored),
            _ => sentence(self),
        }
    }
}
