//! Sources in git repositories: one commit, as a tree.
//!
//! The user's own `git` fetches, with the user's settings and credentials, as uv does. What a commit holds is read
//! from git's objects and not from a checkout, so that no setting (line ends, filters, hooks) can change it; the tree's
//! sha256 is in `invar.lock`, since git's own names are SHA-1.
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use invar_store::StoredTree;
use invar_tree::{Digest, ImagePath, Mode, Origin, Owner, Sink};

use crate::copy::failed;
use crate::downloads;
use crate::key::key_of;
use crate::{BuildError, Event, Session};

/// The largest file that a commit may hold, in bytes.
const LARGEST: u64 = 1 << 30;

/// The tree of the commit `commit` of the repository at `url`, which must have the digest `expected` where a lock
/// states one.
///
/// # Errors
/// [`BuildError::Git`], [`BuildError::SourceChanged`], and what the store says.
pub(crate) fn commit_tree(
    session: &Session<'_>,
    url: &str,
    commit: &str,
    expected: Option<&Digest>,
) -> Result<StoredTree, BuildError> {
    let label = format!("{url} at {commit}");
    let key = key_of("git", &[("commit", commit.to_owned())]);
    let stored = match downloads::tree(session, &key)? {
        Some(stored) => stored,
        None => fetch(session, url, commit, &label, &key)?,
    };
    let found = stored.tree(&Arc::new(Origin::Source))?.digest();
    match expected {
        Some(expected) if *expected != found => {
            Err(BuildError::SourceChanged { label, expected: *expected, found })
        }
        _ => Ok(stored),
    }
}

fn fetch(
    session: &Session<'_>,
    url: &str,
    commit: &str,
    label: &str,
    key: &invar_store::Key,
) -> Result<StoredTree, BuildError> {
    let wrong = |problem: String| BuildError::Git { label: label.to_owned(), problem };
    if !matches!(commit.len(), 40 | 64) || !commit.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(wrong(format!("{commit:?} is not the name of a commit")));
    }
    if session.offline {
        return Err(wrong("it is not in the store, and --offline forbids to fetch it".to_owned()));
    }
    session.reporter.event(&Event::DownloadStarted { label, size: None });
    let scratch = session.store.scratch()?;
    let git = Git { session, folder: scratch.path(), label };
    git.run(&["init", "--quiet", "--bare", "."])?;
    // A server may refuse to be asked for a commit that no branch or tag names; then all of them are fetched.
    let one = ["fetch", "--quiet", "--depth=1", "--no-tags", "--end-of-options", url, commit];
    if git.run(&one).is_err() {
        git.run(&["fetch", "--quiet", "--end-of-options", url, "+refs/*:refs/fetched/*"])?;
    }
    let listing = git.run(&["ls-tree", "-r", "-z", "--full-tree", commit])?;
    let mut writer = session.store.tree_writer(key)?;
    git.read(&listing, &mut writer)?;
    session.reporter.event(&Event::DownloadFinished { label });
    Ok(writer.commit(&[])?)
}

struct Git<'a> {
    session: &'a Session<'a>,
    folder: &'a Path,
    label: &'a str,
}

impl Git<'_> {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.session.programs.git);
        command
            .args(["-c", "core.hooksPath=/dev/null", "-c", "protocol.ext.allow=never"])
            .args(["-c", "fetch.fsckObjects=true", "-c", "gc.auto=0", "-c", "advice.detachedHead=false"])
            .args(arguments)
            .current_dir(self.folder)
            .env("GIT_DIR", self.folder)
            .env("GIT_TERMINAL_PROMPT", "0")
            .env_remove("GIT_WORK_TREE")
            .env_remove("GIT_INDEX_FILE")
            .env_remove("GIT_OBJECT_DIRECTORY")
            .env_remove("GIT_ALTERNATE_OBJECT_DIRECTORIES")
            .stdin(Stdio::null());
        command
    }

    fn wrong(&self, problem: impl Into<String>) -> BuildError {
        BuildError::Git { label: self.label.to_owned(), problem: problem.into() }
    }

    fn not_started(&self, error: &std::io::Error) -> BuildError {
        let program = self.session.programs.git.display();
        self.wrong(format!("cannot run {program}: {error}; install git"))
    }

    fn run(&self, arguments: &[&str]) -> Result<Vec<u8>, BuildError> {
        let output = self.command(arguments).output().map_err(|error| self.not_started(&error))?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
        Err(self.wrong(format!("git {} failed: {last}", arguments[0])))
    }

    /// Gives the files of `listing`, the output of `git ls-tree -r -z`, to `sink`.
    fn read(&self, listing: &[u8], sink: &mut dyn Sink) -> Result<(), BuildError> {
        let mut child = self
            .command(&["cat-file", "--batch"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| self.not_started(&error))?;
        let mut requests = child.stdin.take().expect("it is piped");
        let mut answers = BufReader::new(child.stdout.take().expect("it is piped"));
        for line in listing.split(|&byte| byte == 0).filter(|line| !line.is_empty()) {
            let (mode, object, path) =
                parse(line).ok_or_else(|| self.wrong("git ls-tree lists a file that cannot be read"))?;
            let shown = path.to_string();
            if mode == "160000" {
                // A submodule is a commit of another repository.
                return Err(self.wrong(format!("{shown} is a submodule, and submodules are not fetched")));
            }
            let io = |error: std::io::Error| self.wrong(format!("git cat-file failed: {error}"));
            writeln!(requests, "{object}").map_err(io)?;
            let mut header = String::new();
            answers.read_line(&mut header).map_err(io)?;
            let size: Option<u64> = header.trim_end().rsplit(' ').next().and_then(|size| size.parse().ok());
            let size =
                size.ok_or_else(|| self.wrong(format!("the repository lacks the contents of {shown}")))?;
            if size > LARGEST {
                return Err(self.wrong(format!("{shown} has {size} bytes, and at most {LARGEST} are read")));
            }
            let mut content = answers.by_ref().take(size);
            match mode.as_str() {
                "120000" => {
                    let mut target = String::new();
                    content.read_to_string(&mut target).map_err(io)?;
                    sink.symlink(path, target.into(), Owner::ROOT).map_err(failed)?;
                }
                "100755" => sink.file(path, Mode::PROGRAM, Owner::ROOT, &mut content).map_err(failed)?,
                _ => sink.file(path, Mode::FILE, Owner::ROOT, &mut content).map_err(failed)?,
            }
            // Each answer ends in a line feed of its own.
            let mut end = [0];
            answers.read_exact(&mut end).map_err(io)?;
        }
        drop(requests);
        let status = child.wait().map_err(|error| self.not_started(&error))?;
        if status.success() { Ok(()) } else { Err(self.wrong("git cat-file failed")) }
    }
}

/// `MODE SP TYPE SP OBJECT TAB PATH` (git-ls-tree(1), "OUTPUT FORMAT").
fn parse(line: &[u8]) -> Option<(String, String, ImagePath)> {
    let tab = line.iter().position(|&byte| byte == b'\t')?;
    let head = std::str::from_utf8(&line[..tab]).ok()?;
    let mut words = head.split(' ');
    let (mode, _, object) = (words.next()?, words.next()?, words.next()?);
    let path = ImagePath::parse_bytes(&line[tab + 1..]).ok()?;
    Some((mode.to_owned(), object.to_owned(), path))
}

/// The version that the tags of the repository around `folder` give, in the way of setuptools-scm: the last tag's, or
/// after it the next one's `.devN`. Nothing where there is no repository or no such tag.
pub(crate) fn version(session: &Session<'_>, folder: &Path) -> Option<String> {
    let output = Command::new(&session.programs.git)
        .args(["describe", "--tags", "--long", "--match", "*[0-9]*"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    described(std::str::from_utf8(&output.stdout).ok()?.trim())
}

/// `TAG-COMMITS-gHASH` as a version.
fn described(text: &str) -> Option<String> {
    let (rest, _) = text.rsplit_once("-g")?;
    let (tag, commits) = rest.rsplit_once('-')?;
    let start = tag.find(|character: char| character.is_ascii_digit())?;
    let version: pep440_rs::Version = tag[start..].parse().ok()?;
    if commits == "0" {
        return Some(version.to_string());
    }
    let mut release = version.release().to_vec();
    // After a pre-release the same release is still to come.
    if !version.any_prerelease() {
        *release.last_mut()? += 1;
    }
    let release: Vec<String> = release.iter().map(u64::to_string).collect();
    Some(format!("{}.dev{commits}", release.join(".")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_follow_tags() {
        for (text, expected) in [
            ("v1.2.3-0-g0123abc", Some("1.2.3")),
            ("v1.2.3-4-g0123abc", Some("1.2.4.dev4")),
            ("release-2.0-17-gabc", Some("2.1.dev17")),
            ("1.0rc1-2-gabc", Some("1.0.dev2")),
            ("nothing", None),
            ("latest-3-gabc", None),
        ] {
            assert_eq!(described(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn lines_of_a_listing() {
        let line = b"100644 blob 0123456789012345678901234567890123456789\tsrc/a b.py";
        let (mode, object, path) = parse(line).unwrap();
        assert_eq!((mode.as_str(), object.len(), path.as_str()), ("100644", 40, "src/a b.py"));
        assert!(parse(b"100644 blob 01\t../x").is_none());
        assert!(parse(b"nothing").is_none());
    }
}
