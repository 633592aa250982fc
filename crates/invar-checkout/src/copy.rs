//! A copy of a project's checkout, written in an order of choice.
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use invar_python::Source;

use crate::CheckoutError;
use crate::project::ProjectFiles;
use crate::selection::files_of_checkout;

/// A path outside the project's folder that its `uv.lock` names: a copy of the folder alone would not do.
pub fn outside(files: &ProjectFiles) -> Option<String> {
    let packages = files.uv_lock.iter().flat_map(|lock| &lock.packages);
    let paths = packages.filter_map(|package| match &package.source {
        Source::Path(path) | Source::Directory(path) | Source::Editable(path) | Source::Virtual(path) => {
            Some(path.clone())
        }
        // The path of a folder with files; what has a scheme is a URL.
        Source::Registry(place) => (!place.contains("://")).then(|| place.clone()),
        Source::Git(_) | Source::Url { .. } => None,
    });
    paths.into_iter().find(|path| path.starts_with('/') || path.split('/').any(|name| name == ".."))
}

/// Copies all that a build may read of the project's folder to the new folder `to`: what git does not ignore, what
/// the manifest and the locks name, and the locks. `backwards` writes it in the opposite order.
///
/// # Errors
/// What reading the project and writing the copy say.
pub fn copy_checkout(files: &ProjectFiles, to: &Path, backwards: bool) -> Result<(), CheckoutError> {
    let mut paths: BTreeSet<PathBuf> = files_of_checkout(files)?.into_iter().map(PathBuf::from).collect();
    let patches = files.manifest.python.overrides.values().flat_map(|own| &own.patches);
    paths.extend(patches.map(|patch| PathBuf::from(patch.to_string())));
    let packages = files.uv_lock.iter().flat_map(|lock| &lock.packages);
    paths.extend(packages.filter_map(|package| match &package.source {
        Source::Path(path) => Some(PathBuf::from(path)),
        _ => None,
    }));
    paths.insert("invar.lock".into());
    let in_order: Vec<&PathBuf> = match backwards {
        true => paths.iter().rev().collect(),
        false => paths.iter().collect(),
    };
    for path in in_order {
        let (source, target) = (files.folder.join(path), to.join(path));
        // A project that was never locked has no lock.
        let Ok(found) = fs::symlink_metadata(&source) else { continue };
        let copied = || -> std::io::Result<()> {
            fs::create_dir_all(target.parent().unwrap_or(to))?;
            if found.is_symlink() {
                return std::os::unix::fs::symlink(fs::read_link(&source)?, &target);
            }
            fs::copy(&source, &target).map(drop)
        };
        copied().map_err(|source| CheckoutError::Write { path: target.clone(), source })?;
    }
    Ok(())
}
