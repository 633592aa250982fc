//! What `invar diff` compares: whatever a person names, distinguished by what is there.
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use invar_build::BuildError;
use invar_oci_read::{Limits, Opened};

use crate::failure::Failure;
use crate::source::Blob;

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

/// The files of a project that decide what its image is, apart from its source.
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
        let message = format!("{text:?} is not a file, a directory or a git revision of the current project");
        let hint =
            "pass an image, a root file system, a lock, a project directory, or a revision such as HEAD~1";
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
        return Err(Failure::input(message, Some("select the project directory with REVISION:DIRECTORY")));
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
        return Ok(Operand::Images(invar_oci_read::open(path, limits)?));
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

/// The files of a commit, in its folder `place`, by their paths from there. Names that are not UTF-8 are left out.
///
/// # Errors
/// Where git cannot be started, or fails.
pub fn tree(commit: &str, place: &str) -> Result<BTreeMap<String, Blob>, Failure> {
    let folder = place.trim_end_matches('/');
    let name = format!("{commit}:./{folder}");
    let Some(bytes) = git_bytes(&["ls-tree", "-r", "-l", "-z", "--full-tree", &name], &[])? else {
        return Err(Failure::input(format!("git cannot list the files of {commit} in {place:?}"), None));
    };
    let mut blobs = BTreeMap::new();
    for line in bytes.split(|byte| *byte == 0).filter_map(|line| std::str::from_utf8(line).ok()) {
        let Some((what, path)) = line.split_once('\t') else { continue };
        let [mode, _, id, size] = what.split_whitespace().collect::<Vec<_>>()[..] else { continue };
        let size = size.parse().unwrap_or_default();
        blobs.insert(path.to_owned(), Blob { mode: mode.to_owned(), id: id.to_owned(), size });
    }
    Ok(blobs)
}

/// A content that git has.
///
/// # Errors
/// Where git cannot be started.
pub fn blob(id: &str) -> Result<Option<Vec<u8>>, Failure> {
    git_bytes(&["cat-file", "blob", id], &[])
}

/// The names that git would give to the contents of files in `folder`, by path; without any filter. No path can have a
/// line feed.
///
/// # Errors
/// Where git cannot be started.
pub fn hashes(folder: &Path, paths: &[&str]) -> Result<BTreeMap<String, String>, Failure> {
    if paths.is_empty() {
        return Ok(BTreeMap::new());
    }
    let folder = std::fs::canonicalize(folder)
        .map_err(|source| BuildError::Read { path: folder.to_owned(), source })?;
    let lines: String = paths.iter().map(|path| format!("{}\n", folder.join(path).display())).collect();
    let found = git_bytes(&["hash-object", "--no-filters", "--stdin-paths"], lines.as_bytes())?;
    let text = found.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    Ok(paths.iter().map(|path| (*path).to_owned()).zip(text.lines().map(str::to_owned)).collect())
}

/// What git prints, as text.
fn git(arguments: &[&str]) -> Result<Option<String>, Failure> {
    Ok(git_bytes(arguments, &[])?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

/// What git prints; `None` where it fails. Nothing that a repository configures is run.
fn git_bytes(arguments: &[&str], input: &[u8]) -> Result<Option<Vec<u8>>, Failure> {
    let child = Command::new("git")
        .args(["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "--no-pager"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => return Err(Failure::input(format!("git cannot be started: {error}"), None)),
    };
    let mut bytes = Vec::new();
    let out = child.stdout.take().expect("the output is piped");
    let mut into = child.stdin.take().expect("the input is piped");
    let read = thread::scope(|scope| {
        // Git answers while it reads; whoever writes all first could wait for ever. If it ends early, it says so.
        scope.spawn(move || drop(into.write_all(input)));
        out.take(LONGEST).read_to_end(&mut bytes)
    });
    let status = child.wait();
    let done = read.is_ok() && status.is_ok_and(|status| status.success());
    Ok(done.then_some(bytes))
}
