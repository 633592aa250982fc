//! Sources in git repositories: one commit, as a tree.
//!
//! The user's own `git` fetches, with the user's settings and credentials, as uv does. What a commit holds is read
//! from git's objects and not from a checkout, so that no setting (line ends, filters, hooks) can change it; the tree's
//! sha256 is in `invar.lock`, since git's own names are SHA-1.
//!
//! Submodules are fetched too, at the commits that the tree names, and their files are in the tree: as uv has it.
mod lfs;
mod submodule;
mod version;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use invar_store::{KeyWriter, Keyed, StoredTree};
use invar_tree::{Digest, ImagePath, Mode, Origin, Owner, Sink};

pub use self::lfs::check as check_lfs;
use self::submodule::{DEEPEST, Described, LONGEST, MOST, described, resolve};
pub use self::version::version;
use crate::RealiseError;
use crate::copy::sink_failure;
use crate::downloads;
use crate::event::Event;
use crate::sources::Sources;

/// The largest file that a commit may hold, in bytes.
const LARGEST: u64 = 1 << 30;

/// The files of a commit, by its full name.
pub(crate) struct GitCommit<'a>(pub &'a str);

impl Keyed for GitCommit<'_> {
    const DOMAIN: &'static str = "git";
    const VERSION: u32 = 1;

    fn encode(&self, writer: &mut KeyWriter) {
        writer.text(self.0);
    }
}

/// The tree of the commit `commit` of the repository at `url`, which must have the digest `expected` where a lock
/// states one.
///
/// # Errors
/// [`RealiseError::Git`], [`RealiseError::SourceChanged`], and what the store says.
pub fn commit_tree(
    sources: &Sources<'_>,
    url: &str,
    commit: &str,
    expected: Option<&Digest>,
) -> Result<StoredTree, RealiseError> {
    let label = format!("{url} at {commit}");
    let key = GitCommit(commit).key();
    let stored = match downloads::tree(sources, &key)? {
        Some(stored) => stored,
        None => fetch(sources, url, commit, &label, &key)?,
    };
    let found = stored.tree(&Arc::new(Origin::Source))?.digest();
    match expected {
        Some(expected) if *expected != found => {
            Err(RealiseError::SourceChanged { label, expected: *expected, found })
        }
        _ => Ok(stored),
    }
}

fn fetch(
    sources: &Sources<'_>,
    url: &str,
    commit: &str,
    label: &str,
    key: &invar_store::Key,
) -> Result<StoredTree, RealiseError> {
    let wrong = |problem: String| RealiseError::Git { label: label.to_owned(), problem };
    if !matches!(commit.len(), 40 | 64) || !commit.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(wrong(format!("{commit:?} is not the name of a commit")));
    }
    if sources.fetcher.is_offline() {
        return Err(wrong("it is not in the store, and --offline is set".to_owned()));
    }
    sources.reporter.event(&Event::DownloadStarted { label, size: None });
    let mut writer = sources.store.tree_writer(key)?;
    let mut modules = Modules { sources, label, count: 0 };
    modules.read(url, commit, None, 0, &mut writer)?;
    sources.reporter.event(&Event::DownloadFinished { label });
    Ok(writer.commit(&[])?)
}

/// A commit that is read with its submodules.
struct Modules<'a> {
    sources: &'a Sources<'a>,
    /// The commit and its repository, as errors call them.
    label: &'a str,
    /// How many submodules there were so far.
    count: usize,
}

impl Modules<'_> {
    /// Gives the files of `commit` of the repository at `url` to `sink`, below `place` where it is a submodule.
    fn read(
        &mut self,
        url: &str,
        commit: &str,
        place: Option<&ImagePath>,
        depth: usize,
        sink: &mut dyn Sink,
    ) -> Result<(), RealiseError> {
        let scratch = self.sources.store.scratch()?;
        let git = Git { sources: self.sources, folder: scratch.path(), label: self.label };
        git.run(&["init", "--quiet", "--bare", "."])?;
        // A server may refuse to be asked for a commit that no branch or tag names; then all of them are fetched.
        let one = ["fetch", "--quiet", "--depth=1", "--no-tags", "--end-of-options", url, commit];
        if git.run(&one).is_err() {
            git.run(&["fetch", "--quiet", "--end-of-options", url, "+refs/*:refs/fetched/*"])?;
        }
        let listing = git.run(&["ls-tree", "-r", "-z", "--full-tree", commit])?;
        let links = git.read(&listing, place, sink)?;
        if links.is_empty() {
            return Ok(());
        }
        let known = git.modules(&listing, commit)?;
        for Link { path, commit } in links {
            self.add(&git, url, &known, &Link { path, commit }, place, depth, sink)?;
        }
        Ok(())
    }

    /// Adds one submodule of the repository at `url`.
    #[expect(clippy::too_many_arguments, reason = "all of it is one place in a walk")]
    fn add(
        &mut self,
        git: &Git<'_>,
        url: &str,
        known: &BTreeMap<String, Described>,
        link: &Link,
        place: Option<&ImagePath>,
        depth: usize,
        sink: &mut dyn Sink,
    ) -> Result<(), RealiseError> {
        let path = link.path.as_str();
        let Some(module) = known.get(path) else {
            return Err(git.wrong(format!("{path} is a submodule that is not in .gitmodules")));
        };
        let target = below(place, &link.path);
        if module.is_left_out {
            return sink.directory(target, Mode::DIRECTORY, Owner::ROOT).map_err(sink_failure);
        }
        self.count += 1;
        if self.count > MOST || depth >= DEEPEST {
            let problem =
                format!("it has more than {MOST} submodules, or more than {DEEPEST} levels of them");
            return Err(git.wrong(problem));
        }
        let address = module.url.as_deref().unwrap_or_default();
        let address = resolve(address, url)
            .map_err(|problem| git.wrong(format!("{path} is a submodule at {address:?}, {problem}")))?;
        self.read(&address, &link.commit, Some(&target), depth + 1, sink)
    }
}

/// A submodule in a tree.
struct Link {
    path: ImagePath,
    commit: String,
}

/// `path` in the folder `place`.
fn below(place: Option<&ImagePath>, path: &ImagePath) -> ImagePath {
    match place {
        Some(place) => {
            ImagePath::parse(&format!("{}/{}", place.as_str(), path.as_str())).expect("two paths make a path")
        }
        None => path.clone(),
    }
}

struct Git<'a> {
    sources: &'a Sources<'a>,
    folder: &'a Path,
    label: &'a str,
}

impl Git<'_> {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.sources.upstreams.git);
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

    fn wrong(&self, problem: impl Into<String>) -> RealiseError {
        RealiseError::Git { label: self.label.to_owned(), problem: problem.into() }
    }

    fn not_started(&self, error: &std::io::Error) -> RealiseError {
        let program = self.sources.upstreams.git.display();
        self.wrong(format!("cannot run {program}: {error}; install git"))
    }

    fn run(&self, arguments: &[&str]) -> Result<Vec<u8>, RealiseError> {
        let output = self.command(arguments).output().map_err(|error| self.not_started(&error))?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("no error message");
        Err(self.wrong(format!("git {} failed: {last}", arguments[0])))
    }

    /// What the `.gitmodules` file of `commit` says. git itself reads it: its form is that of git's settings.
    fn modules(&self, listing: &[u8], commit: &str) -> Result<BTreeMap<String, Described>, RealiseError> {
        let files = listing.split(|&byte| byte == 0).filter_map(parse);
        let file = files.into_iter().find(|(_, _, path)| path.as_str() == ".gitmodules");
        let Some((mode, object, _)) = file else { return Ok(BTreeMap::new()) };
        if !mode.starts_with("100") {
            return Err(self.wrong(".gitmodules is not a regular file"));
        }
        let size = self.run(&["cat-file", "-s", &object])?;
        let size: Option<u64> = std::str::from_utf8(&size).ok().and_then(|size| size.trim().parse().ok());
        if size.is_none_or(|size| size > LONGEST) {
            return Err(self.wrong(format!(".gitmodules has more than {LONGEST} bytes")));
        }
        let blob = format!("{commit}:.gitmodules");
        Ok(described(&self.run(&["config", "--no-includes", "--blob", &blob, "--list", "-z"])?))
    }

    /// Gives the files of `listing`, the output of `git ls-tree -r -z`, to `sink`, below `place`; returns the submodules.
    fn read(
        &self,
        listing: &[u8],
        place: Option<&ImagePath>,
        sink: &mut dyn Sink,
    ) -> Result<Vec<Link>, RealiseError> {
        let mut links = Vec::new();
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
                parse(line).ok_or_else(|| self.wrong("cannot parse the output of git ls-tree"))?;
            let shown = path.to_string();
            if mode == "160000" {
                // A submodule is a commit of another repository.
                links.push(Link { path, commit: object });
                continue;
            }
            let path = below(place, &path);
            let io = |error: std::io::Error| self.wrong(format!("git cat-file failed: {error}"));
            writeln!(requests, "{object}").map_err(io)?;
            let mut header = String::new();
            answers.read_line(&mut header).map_err(io)?;
            let size: Option<u64> = header.trim_end().rsplit(' ').next().and_then(|size| size.parse().ok());
            let size = size
                .ok_or_else(|| self.wrong(format!("the repository does not have the contents of {shown}")))?;
            if size > LARGEST {
                return Err(self.wrong(format!("{shown} has {size} bytes; the limit is {LARGEST}")));
            }
            let mut content = answers.by_ref().take(size);
            match mode.as_str() {
                "120000" => {
                    let mut target = String::new();
                    content.read_to_string(&mut target).map_err(io)?;
                    sink.symlink(path, target.into(), Owner::ROOT).map_err(sink_failure)?;
                }
                "100755" => {
                    sink.file(path, Mode::PROGRAM, Owner::ROOT, &mut content).map_err(sink_failure)?
                }
                _ => sink.file(path, Mode::FILE, Owner::ROOT, &mut content).map_err(sink_failure)?,
            }
            // Each answer ends in a line feed of its own.
            let mut end = [0];
            answers.read_exact(&mut end).map_err(io)?;
        }
        drop(requests);
        let status = child.wait().map_err(|error| self.not_started(&error))?;
        if status.success() { Ok(links) } else { Err(self.wrong("git cat-file failed")) }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_listing() {
        let line = b"100644 blob 0123456789012345678901234567890123456789\tsrc/a b.py";
        let (mode, object, path) = parse(line).unwrap();
        assert_eq!((mode.as_str(), object.len(), path.as_str()), ("100644", 40, "src/a b.py"));
        assert!(parse(b"100644 blob 01\t../x").is_none());
        assert!(parse(b"nothing").is_none());
    }
}

#[cfg(test)]
mod keys {
    use super::*;

    const CHANGED: &str = "if this is intended, raise the VERSION of the domain and pin the new key";

    #[test]
    fn the_keys_are_pinned() {
        assert_eq!(
            GitCommit("0123").describe(),
            "git 1 1b3312bffd6b93f0477a22bb0c32de9236c7f0b1c8a9c64d482ebac443d96624",
            "{CHANGED}"
        );
    }
}
