//! Members of a workspace, which are not part of its root unless the root depends on them.
use invar_plan::python_packages;
use invar_project::InvarLock;

use invar_checkout::ProjectFiles;

/// What to say where an image of the project has no Python package at all, although its workspace has members that do:
/// as uv has it, members are not part of the root unless the root depends on them.
pub(crate) fn members_left_out(files: &ProjectFiles, lock: &InvarLock) -> Option<String> {
    let uv_lock = files.uv_lock.as_ref()?;
    let is_root = |path: &str| matches!(path, "" | "." | "./");
    let members: Vec<String> = uv_lock
        .folders()
        .filter(|(name, path)| !is_root(path) && uv_lock.manifest.members.contains(name))
        .map(|(_, path)| files.folder.join(path).display().to_string())
        .collect();
    let platform = *lock.platforms.keys().next()?;
    let has_packages = || {
        let found = python_packages(&files.manifest, lock, files.uv_lock.as_ref(), platform);
        found.map_or(true, |packages| !packages.is_empty())
    };
    if files.workspace.is_some() || members.is_empty() || has_packages() {
        return None;
    }
    let path = files.folder.join("pyproject.toml");
    Some(format!(
        "{} has no dependencies, so the image has no Python packages; to build a member of the workspace, pass its \
         directory: {}",
        path.display(),
        members.join(", ")
    ))
}
