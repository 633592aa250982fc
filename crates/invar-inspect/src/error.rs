use std::path::PathBuf;

use invar_build::{BuildError, Kind};
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

impl InspectError {
    /// The kind of this failure.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Build(error) => error.kind(),
            Self::Image(error) => image_kind(error),
            Self::NotAPath { .. }
            | Self::NoFile { .. }
            | Self::NoPackage { .. }
            | Self::NoPlatform { .. } => Kind::Input,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoPlatform { platforms, .. } => Some(format!("it has: {}", platforms.join(", "))),
            Self::NoFile { .. } => Some("`invar inspect --json` lists all files".to_owned()),
            Self::NoPackage { .. } => Some("the path of a file begins with a slash".to_owned()),
            _ => None,
        }
    }
}

/// The kind of a failure to read an image.
pub fn image_kind(error: &ImageError) -> Kind {
    match error {
        ImageError::Archive { .. } | ImageError::Digest { .. } | ImageError::Layer { .. } => {
            Kind::Verification
        }
        _ => Kind::Input,
    }
}
