//! Git revisions of the project here, as git prints them.
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use crate::error::DiffError;

/// How much of a file in a revision is read.
const LONGEST: u64 = 64 << 20;

/// A file of a revision.
#[derive(Debug, Clone)]
pub struct Blob {
    /// Git's mode, as `100644`.
    pub mode: String,
    /// Git's name for the content.
    pub id: String,
    /// Bytes.
    pub size: u64,
}

/// The commit that `revision` names; `None` where there is no such, or no repository here.
pub fn commit(revision: &str) -> Result<Option<String>, DiffError> {
    if revision.is_empty() {
        return Ok(None);
    }
    let name = format!("{revision}^{{commit}}");
    let found = git(&["rev-parse", "--verify", "--quiet", "--end-of-options", &name])?;
    Ok(found.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()))
}

/// The text of a file of a commit, with a path relative to the current folder.
pub fn show(commit: &str, path: &str) -> Result<Option<String>, DiffError> {
    git(&["show", "--no-textconv", &format!("{commit}:./{path}")])
}

/// The files of a commit, in its folder `place`, by their paths from there. Names that are not UTF-8 are left out.
///
/// # Errors
/// Where git cannot be started, or fails.
pub fn tree(commit: &str, place: &str) -> Result<BTreeMap<String, Blob>, DiffError> {
    let folder = place.trim_end_matches('/');
    let name = format!("{commit}:./{folder}");
    let Some(bytes) = git_bytes(&["ls-tree", "-r", "-l", "-z", "--full-tree", &name], &[])? else {
        return Err(DiffError::Revision { commit: commit.to_owned(), place: place.to_owned() });
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
pub fn blob(id: &str) -> Result<Option<Vec<u8>>, DiffError> {
    git_bytes(&["cat-file", "blob", id], &[])
}

/// The names that git would give to the contents of files in `folder`, by path; without any filter. No path can have a
/// line feed.
///
/// # Errors
/// Where git cannot be started.
pub fn hashes(folder: &Path, paths: &[&str]) -> Result<BTreeMap<String, String>, DiffError> {
    if paths.is_empty() {
        return Ok(BTreeMap::new());
    }
    let folder = std::fs::canonicalize(folder)
        .map_err(|source| DiffError::Read { path: folder.to_owned(), source })?;
    let lines: String = paths.iter().map(|path| format!("{}\n", folder.join(path).display())).collect();
    let found = git_bytes(&["hash-object", "--no-filters", "--stdin-paths"], lines.as_bytes())?;
    let text = found.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    Ok(paths.iter().map(|path| (*path).to_owned()).zip(text.lines().map(str::to_owned)).collect())
}

/// What git prints, as text.
fn git(arguments: &[&str]) -> Result<Option<String>, DiffError> {
    Ok(git_bytes(arguments, &[])?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

/// What git prints; `None` where it fails. Nothing that a repository configures is run.
fn git_bytes(arguments: &[&str], input: &[u8]) -> Result<Option<Vec<u8>>, DiffError> {
    let mut child = Command::new("git")
        .args(["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "--no-pager"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|source| DiffError::Git { source })?;
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
