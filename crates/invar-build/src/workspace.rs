//! A project that is a member of a workspace: uv keeps one `uv.lock` for all members, in the workspace's folder.
use std::fs;
use std::path::{Path, PathBuf};

use invar_plan::python_packages;
use invar_project::{InvarLock, SourceRules, WorkspaceRoot};
use invar_python::UvLock;
use invar_python::UvSettings;

use crate::BuildError;
use crate::project::ProjectFiles;
use crate::source::read_text_if_there;

/// The workspace that a project is a member of.
pub(crate) struct Workspace {
    /// Its folder, without symbolic links.
    pub root: PathBuf,
    /// The text of its `uv.lock`.
    pub lock_text: String,
    /// Its `uv.lock`, with paths relative to the project.
    pub lock: UvLock,
    /// What its `pyproject.toml` says to uv.
    pub settings: UvSettings,
}

impl Workspace {
    /// The workspace around the project in `folder`, whose `uv.lock` names the project.
    ///
    /// As uv does it, the nearest `pyproject.toml` above decides: a workspace around another project is not this one's.
    ///
    /// # Errors
    /// What cannot be read, or is wrong with the workspace's files.
    pub fn around(folder: &Path) -> Result<Option<Self>, BuildError> {
        let folder = canonical(folder)?;
        let pyproject = |root: &Path| root.join("pyproject.toml");
        let Some(root) = folder.ancestors().skip(1).find(|root| pyproject(root).is_file()) else {
            return Ok(None);
        };
        let path = pyproject(root);
        let text =
            fs::read_to_string(&path).map_err(|source| BuildError::Read { path: path.clone(), source })?;
        let Some(WorkspaceRoot { uv: settings, .. }) =
            WorkspaceRoot::read(&path.display().to_string(), &text)?
        else {
            return Ok(None);
        };
        let path = root.join("uv.lock");
        let Some(lock_text) = read_text_if_there(&path)? else { return Ok(None) };
        let lock = parse_lock(&path, &lock_text)?;
        let Some(member) = inner(root, &folder).filter(|member| lock.has_folder(member)) else {
            return Ok(None);
        };
        Ok(Some(Self { root: root.to_owned(), lock: lock.seen_from(&member), lock_text, settings }))
    }
}

/// Parses the `uv.lock` at `path`.
///
/// # Errors
/// [`BuildError::UvLock`].
pub(crate) fn parse_lock(path: &Path, text: &str) -> Result<UvLock, BuildError> {
    UvLock::parse(text)
        .map_err(|source| BuildError::UvLock { path: path.to_owned(), source: Box::new(source) })
}

/// Adds to `rules`, which are for the files in `folder`, what the `.gitignore` files say that are above it in the
/// workspace at `root`.
///
/// # Errors
/// What cannot be read.
pub(crate) fn add_gitignores(rules: &mut SourceRules, root: &Path, folder: &Path) -> Result<(), BuildError> {
    let folder = canonical(folder)?;
    for above in folder.ancestors().skip(1).take_while(|above| above.starts_with(root)) {
        let Some(project) = inner(above, &folder) else { continue };
        let path = above.join(".gitignore");
        match fs::read(&path) {
            Ok(bytes) => rules.add_above(&project, &String::from_utf8_lossy(&bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => return Err(BuildError::Read { path, source }),
        }
    }
    Ok(())
}

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
        "{} depends on nothing, so the image has no Python package; to make an image of a member of the workspace, name \
         its folder: {}",
        path.display(),
        members.join(", ")
    ))
}

fn canonical(folder: &Path) -> Result<PathBuf, BuildError> {
    fs::canonicalize(folder).map_err(|source| BuildError::Read { path: folder.to_owned(), source })
}

/// `folder` relative to `root`, where that is text.
fn inner(root: &Path, folder: &Path) -> Option<String> {
    Some(folder.strip_prefix(root).ok()?.to_str()?.to_owned())
}
