//! Where a project's manifest is from: its own files, or a Dockerfile or flake that stands in for it.
#[cfg(feature = "inspect")]
mod derived;
#[cfg(not(feature = "inspect"))]
mod own;

use std::path::{Path, PathBuf};

#[cfg(feature = "inspect")]
pub use derived::{Records, Wanted, as_json, check, image, read, recorded, show, wanted};
#[cfg(not(feature = "inspect"))]
pub use own::{Records, Wanted, as_json, check, image, read, recorded, wanted};

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
