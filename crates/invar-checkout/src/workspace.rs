//! A project that is a member of a workspace: uv keeps one `uv.lock` for all members, in the workspace's folder.
use std::fs;
use std::path::{Path, PathBuf};

use invar_project::{SourceRules, WorkspaceRoot};
use invar_python::{UvLock, UvSettings};

use crate::CheckoutError;
use crate::disk::read_text_if_there;

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
    pub fn around(folder: &Path) -> Result<Option<Self>, CheckoutError> {
        let folder = canonical(folder)?;
        let pyproject = |root: &Path| root.join("pyproject.toml");
        let Some(root) = folder.ancestors().skip(1).find(|root| pyproject(root).is_file()) else {
            return Ok(None);
        };
        let path = pyproject(root);
        let text =
            fs::read_to_string(&path).map_err(|source| CheckoutError::Read { path: path.clone(), source })?;
        let Some(WorkspaceRoot { uv: settings, .. }) =
            WorkspaceRoot::read(&path.display().to_string(), &text)?
        else {
            return Ok(None);
        };
        let path = root.join("uv.lock");
        let Some(lock_text) = read_text_if_there(&path)? else { return Ok(None) };
        let lock = parse_lock(&path, &lock_text)?;
        let Some(member) = relative(root, &folder).filter(|member| lock.has_folder(member)) else {
            return Ok(None);
        };
        Ok(Some(Self { root: root.to_owned(), lock: lock.seen_from(&member), lock_text, settings }))
    }
}

/// The folder of the workspace around the project in `folder`, if that is a member of one. What cannot be read is reported
/// where it is needed.
pub fn workspace_root(folder: &Path) -> Option<PathBuf> {
    match folder.join("uv.lock").is_file() {
        true => None,
        false => Workspace::around(folder).ok().flatten().map(|workspace| workspace.root),
    }
}

/// Parses the `uv.lock` at `path`.
///
/// # Errors
/// [`CheckoutError::UvLock`].
pub(crate) fn parse_lock(path: &Path, text: &str) -> Result<UvLock, CheckoutError> {
    UvLock::parse(text)
        .map_err(|source| CheckoutError::UvLock { path: path.to_owned(), source: Box::new(source) })
}

/// Adds to `rules`, which are for the files in `folder`, what the `.gitignore` files say that are above it in the
/// workspace at `root`.
///
/// # Errors
/// What cannot be read.
pub(crate) fn add_gitignores(
    rules: &mut SourceRules,
    root: &Path,
    folder: &Path,
) -> Result<(), CheckoutError> {
    let folder = canonical(folder)?;
    for above in folder.ancestors().skip(1).take_while(|above| above.starts_with(root)) {
        let Some(project) = relative(above, &folder) else { continue };
        let path = above.join(".gitignore");
        match fs::read(&path) {
            Ok(bytes) => rules.add_above(&project, &String::from_utf8_lossy(&bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => return Err(CheckoutError::Read { path, source }),
        }
    }
    Ok(())
}

fn canonical(folder: &Path) -> Result<PathBuf, CheckoutError> {
    fs::canonicalize(folder).map_err(|source| CheckoutError::Read { path: folder.to_owned(), source })
}

/// `folder` relative to `root`, where it is in that and is text.
pub(crate) fn inner(root: &Path, folder: &Path) -> Result<Option<String>, CheckoutError> {
    let (root, folder) = (canonical(root)?, canonical(folder)?);
    Ok(relative(&root, &folder))
}

/// `folder` relative to `root`, where that is text.
fn relative(root: &Path, folder: &Path) -> Option<String> {
    Some(folder.strip_prefix(root).ok()?.to_str()?.to_owned())
}
