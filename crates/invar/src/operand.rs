//! What `invar diff` compares: whatever a person names, told apart by what is there.
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use invar_build::BuildError;
use invar_image::{Limits, Opened};

use crate::failure::Failure;

/// One of the two things that are compared.
pub enum Operand {
    /// An image, or several.
    Images(Opened),
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

/// The files of a project that decide what its image is, besides its source.
pub const FILES: [&str; 4] = ["pyproject.toml", "invar.toml", "uv.lock", "invar.lock"];

/// How much of a file in a revision is read.
const LONGEST: u64 = 64 << 20;

/// Finds out what `text` names: something on disk, or else a git revision, perhaps with a path in it.
///
/// # Errors
/// [`Failure`] where it is neither, and for what cannot be read.
pub fn resolve(text: &str, limits: &Limits) -> Result<Operand, Failure> {
    let path = Path::new(text);
    if std::fs::metadata(path).is_ok() {
        return on_disk(path, limits);
    }
    let (revision, inside) = text.split_once(':').unwrap_or((text, ""));
    let Some(commit) = commit(revision)? else {
        let message = format!("{text:?} is neither a file or folder nor a git revision of the project here");
        let hint =
            "name an image, a root file system, a lock, a project's folder, or a revision such as HEAD~1";
        return Err(Failure::input(message, Some(hint)));
    };
    let inside = inside.trim_end_matches('/');
    if inside.ends_with(".lock") {
        let text = show(&commit, inside)?
            .ok_or_else(|| Failure::input(format!("the revision {revision} has no file {inside:?}"), None))?;
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
        let message = format!("the revision {revision} has no pyproject.toml and no invar.toml in {place:?}");
        return Err(Failure::input(message, Some("name the project's folder in it as REVISION:FOLDER")));
    }
    Ok(Operand::Project(Project { folder: None, commit: Some(commit), place, files }))
}

fn on_disk(path: &Path, limits: &Limits) -> Result<Operand, Failure> {
    let read = |path: &Path| {
        std::fs::read_to_string(path).map_err(|source| BuildError::Read { path: path.to_owned(), source })
    };
    if path.is_file() && path.extension().is_some_and(|extension| extension == "lock") {
        return Ok(Operand::Lock { text: read(path)? });
    }
    let is_project = ["pyproject.toml", "invar.toml"].iter().any(|name| path.join(name).is_file());
    if !is_project || path.join("oci-layout").exists() {
        return Ok(Operand::Images(invar_image::open(path, limits)?));
    }
    let mut files = BTreeMap::new();
    for name in FILES.into_iter().filter(|name| path.join(name).exists()) {
        files.insert(name, read(&path.join(name))?);
    }
    let place = format!("{}/", path.display());
    Ok(Operand::Project(Project { folder: Some(path.to_owned()), commit: None, place, files }))
}

/// The commit that `revision` names; `None` where there is no such, or no repository here.
fn commit(revision: &str) -> Result<Option<String>, Failure> {
    if revision.is_empty() {
        return Ok(None);
    }
    let name = format!("{revision}^{{commit}}");
    let found = git(&["rev-parse", "--verify", "--quiet", "--end-of-options", &name])?;
    Ok(found.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()))
}

/// The text of a file of a commit, with a path relative to the current folder.
fn show(commit: &str, path: &str) -> Result<Option<String>, Failure> {
    git(&["show", "--no-textconv", &format!("{commit}:./{path}")])
}

/// The source files that differ between two commits, or between one and the files that are there: a letter and a path.
///
/// # Errors
/// Where git cannot be started.
pub fn changed_files(old: &Project, new: &Project) -> Result<Vec<(String, String)>, Failure> {
    let (Some(commit), place) = (&old.commit, if new.place.is_empty() { "./" } else { &new.place }) else {
        return Ok(Vec::new());
    };
    let mut arguments =
        vec!["diff", "--no-ext-diff", "--no-textconv", "--name-status", "-z", "--no-renames", commit];
    arguments.extend(new.commit.as_deref());
    arguments.extend(["--", place]);
    let text = git(&arguments)?.unwrap_or_default();
    let mut parts = text.split('\0');
    let mut files = Vec::new();
    while let (Some(letter), Some(path)) = (parts.next(), parts.next()) {
        files.push((letter.to_owned(), path.to_owned()));
    }
    Ok(files)
}

/// What git prints; `None` where it fails. Nothing that a repository configures is run.
fn git(arguments: &[&str]) -> Result<Option<String>, Failure> {
    let child = Command::new("git")
        .args(["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "--no-pager"])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => return Err(Failure::input(format!("git cannot be started: {error}"), None)),
    };
    let mut bytes = Vec::new();
    let out = child.stdout.take().expect("the output is piped");
    let read = out.take(LONGEST).read_to_end(&mut bytes);
    let status = child.wait();
    let done = read.is_ok() && status.is_ok_and(|status| status.success());
    Ok(done.then(|| String::from_utf8_lossy(&bytes).into_owned()))
}
