//! Where a project's manifest is from: its own files, or a Dockerfile or flake that stands in for it.
#[cfg(feature = "inspect")]
mod derived;
#[cfg(not(feature = "inspect"))]
mod own;

use std::path::{Path, PathBuf};

use invar_checkout::{CheckoutError, ProjectFiles};

#[cfg(feature = "inspect")]
pub use derived::{Records, Wanted, announce, as_json, check, folder, image, read, recorded, show, wanted};
#[cfg(not(feature = "inspect"))]
pub use own::{Records, Wanted, announce, as_json, check, folder, image, read, recorded, wanted};

use crate::failure::Failure;

/// A project that was read.
pub struct Read {
    /// It.
    pub files: ProjectFiles,
    /// Whether its manifest was derived anew, so that its lock has to be made again.
    pub is_new: bool,
    /// What stands in for its manifest, in words.
    said: Said,
}

/// What is to be said of a manifest that is derived: nothing, if there is none.
#[cfg(feature = "inspect")]
type Said = Option<derived::Derived>;
#[cfg(not(feature = "inspect"))]
type Said = ();

/// Why a project cannot be read.
pub struct Unread {
    /// The failure.
    pub failure: Failure,
    /// Whether nothing but `uv.lock` is missing.
    pub lacks_uv_lock: bool,
}

impl From<CheckoutError> for Unread {
    fn from(error: CheckoutError) -> Self {
        Self { lacks_uv_lock: matches!(error, CheckoutError::NoUvLock { .. }), failure: error.into() }
    }
}

impl From<Unread> for Failure {
    fn from(unread: Unread) -> Self {
        unread.failure
    }
}

/// `FOLDER#NAME`: a folder, and the name of one of the project's additional images or of an output of its flake. A folder whose
/// own name has such a character is meant where it is there.
pub fn folder_and_image(project: &Path) -> (PathBuf, Option<String>) {
    let text = project.to_string_lossy();
    match text.rsplit_once('#') {
        Some((folder, image)) if !project.exists() => {
            let folder = if folder.is_empty() { "." } else { folder };
            (folder.into(), Some(image.to_owned()))
        }
        _ => (project.to_owned(), None),
    }
}
