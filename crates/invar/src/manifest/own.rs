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
/// Never.
pub fn wanted(project: &Path, _: &Derive, _: Purpose) -> Result<Wanted, Failure> {
    let (folder, image) = folder_and_image(project);
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
