//! What `invar diff` compares: whatever a person names, distinguished by what is there.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use invar_oci_read::{ImageSet, Limits};

use crate::error::DiffError;
use crate::revision::{commit, show};

/// One of the two things that are compared.
pub enum Operand {
    /// An image, or several.
    Images(ImageSet),
    /// A lock.
    Lock {
        /// Its text.
        text: String,
    },
    /// A project: its folder, or a git revision of it.
    Project(Project),
}

/// A project's files that decide what its image is.
pub struct Project {
    /// The folder; `None` for a revision.
    pub folder: Option<PathBuf>,
    /// The commit; `None` for a folder.
    pub commit: Option<String>,
    /// The folder of the repository in which the commit has it, relative to the current one.
    pub place: String,
    /// What the files say, by name.
    pub files: BTreeMap<&'static str, String>,
}

/// The files of a project that decide what its image is, apart from its source.
pub const FILES: [&str; 4] = ["pyproject.toml", "invar.toml", "uv.lock", "invar.lock"];

/// Finds out what `text` names: something on disk, or else a git revision, perhaps with a path in it.
///
/// # Errors
/// [`DiffError`] where it is neither, and for what cannot be read.
pub fn resolve(text: &str, limits: &Limits) -> Result<Operand, DiffError> {
    let path = Path::new(text);
    if std::fs::metadata(path).is_ok() {
        return on_disk(path, limits);
    }
    let (revision, inside) = text.split_once(':').unwrap_or((text, ""));
    let Some(commit) = commit(revision)? else {
        return Err(DiffError::NoOperand { text: text.to_owned() });
    };
    let inside = inside.trim_end_matches('/');
    if inside.ends_with(".lock") {
        let text = show(&commit, inside)?
            .ok_or_else(|| DiffError::NoFile { revision: revision.to_owned(), path: inside.to_owned() })?;
        return Ok(Operand::Lock { text });
    }
    let place = if inside.is_empty() { String::new() } else { format!("{inside}/") };
    let mut files = BTreeMap::new();
    for name in FILES {
        if let Some(text) = show(&commit, &format!("{place}{name}"))? {
            files.insert(name, text);
        }
    }
    if !files.contains_key("pyproject.toml") && !files.contains_key("invar.toml") {
        return Err(DiffError::NoProject { revision: revision.to_owned(), place });
    }
    Ok(Operand::Project(Project { folder: None, commit: Some(commit), place, files }))
}

fn on_disk(path: &Path, limits: &Limits) -> Result<Operand, DiffError> {
    let read = |path: &Path| {
        std::fs::read_to_string(path).map_err(|source| DiffError::Read { path: path.to_owned(), source })
    };
    if path.is_file() && path.extension().is_some_and(|extension| extension == "lock") {
        return Ok(Operand::Lock { text: read(path)? });
    }
    if !is_project(path) || path.join("oci-layout").exists() {
        return Ok(Operand::Images(invar_oci_read::open(path, limits)?));
    }
    let mut files = BTreeMap::new();
    for name in FILES.into_iter().filter(|name| path.join(name).exists()) {
        files.insert(name, read(&path.join(name))?);
    }
    let place = format!("{}/", path.display());
    Ok(Operand::Project(Project { folder: Some(path.to_owned()), commit: None, place, files }))
}

/// Whether `path` is a project's folder.
pub fn is_project(path: &Path) -> bool {
    ["pyproject.toml", "invar.toml"].iter().any(|name| path.join(name).is_file())
}
