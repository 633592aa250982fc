use std::path::{Path, PathBuf};

use invar_checkout::ProjectFiles;
use invar_project::Purpose;
use serde_json::Value;

use super::{Read, Unread, folder_and_image};
use crate::cli::{Derive, Global};
use crate::failure::Failure;

/// The project that a command line means.
pub struct Wanted {
    folder: PathBuf,
    image: Option<String>,
}

/// How a record of a manifest in `invar.lock` is treated. There are none here.
#[derive(Debug, Clone, Copy)]
pub enum Records {
    /// There must be one.
    Required,
    /// It is used.
    Used,
    /// It is used as it is.
    Frozen,
    /// It is used; a lock that cannot be read is replaced.
    Renewed,
    /// It is not used.
    Ignored,
}

/// What a command line means.
///
/// # Errors
/// Where a manifest would have to be derived.
pub fn wanted(project: &Path, _: &Derive, _: Purpose) -> Result<Wanted, Failure> {
    let (folder, image) = folder_and_image(project);
    if !has_manifest(&folder) {
        let problem =
            format!("{} has no manifest, and this Invar was built without `inspect`", folder.display());
        let hint = "add [tool.invar] to pyproject.toml; with the feature `inspect`, Invar derives it";
        return Err(Failure::input(problem, Some(hint)));
    }
    Ok(Wanted { folder, image })
}

/// The additional image of the project that is meant.
pub fn image(wanted: &Wanted) -> Option<&str> {
    wanted.image.as_deref()
}

/// Reads the project.
///
/// # Errors
/// [`Unread`].
pub fn read(wanted: &Wanted, _: Purpose, _: Records) -> Result<Read, Unread> {
    Ok(Read { files: ProjectFiles::read(&wanted.folder)?, is_new: false, said: () })
}

/// Says what stands in for the manifest: nothing does.
pub fn announce(_: &Global, _: &Wanted, _: Purpose, _: &Read) {}

/// The project's folder.
pub fn folder(wanted: &Wanted) -> &Path {
    &wanted.folder
}

/// Reads the project.
///
/// # Errors
/// [`Failure`].
pub fn check(wanted: &Wanted, _: Purpose) -> Result<ProjectFiles, Failure> {
    Ok(ProjectFiles::read(&wanted.folder)?)
}

/// What the lock of a project without a manifest has: nothing.
///
/// # Errors
/// Never.
pub fn recorded(_: &Path, _: &Derive) -> Result<Vec<(Wanted, Purpose)>, Failure> {
    Ok(Vec::new())
}

/// What JSON says of where the manifest of `files` is from: nothing, it is the project's own.
pub fn as_json(_: &ProjectFiles) -> Option<Value> {
    None
}

/// Whether the project has a manifest, or a lock of one; also where it is no project, or cannot be read, so that the
/// reason is reported.
fn has_manifest(folder: &Path) -> bool {
    let text = std::fs::read_to_string(folder.join("pyproject.toml")).unwrap_or_default();
    let table = text.parse::<toml::Table>().unwrap_or_default();
    let has_table = table.get("tool").and_then(|tool| tool.get("invar")).is_some();
    let has_lock = || ProjectFiles::all_recorded(folder).map_or(true, |recorded| recorded.is_empty());
    !table.contains_key("project")
        || has_table
        || folder.join("invar.toml").exists()
        || (folder.join("invar.lock").exists() && has_lock())
}
