//! Which of a project's files are source.
//!
//! The rules, in this order; the first that has an answer decides:
//!
//! 1. Never source, at any depth: what version control, Python and its tools leave behind (listed in
//!    `source/never.rs`), directories that hold a virtual environment, and in the project's folder `invar.lock` and the files that Invar
//!    writes there.
//! 2. `exclude` of the manifest removes files.
//! 3. With `include` in the manifest: what it matches is source, everything else is not; ignore files are not asked.
//! 4. Without: what a `.gitignore` inside the project's folder excludes is not source, and what `.dockerignore`
//!    excludes is not source either.
//! 5. What looks like a secret (see [`Secret`]) is not source, unless `include-secrets` matches it or `include` names it:
//!    the last part of the pattern matches its name and is not only a wildcard. This rule is for what an image gets; a
//!    step that runs a command finds what its `inputs` match.
//!
//! Everything else is source.
//!
//! Only `.gitignore` files at and below the project's folder count; for a member of a workspace, at and below the
//! workspace's. Those above it, `.git/info/exclude` and git's global configuration belong to one machine and would make
//! the same commit give different images; so would tracked-but-ignored files if they were asked for in git's index, and
//! they are not.
//!
//! `pyproject.toml`, `uv.lock`, a Dockerfile, `.gitignore` and `.dockerignore` are ordinary files: they are source
//! unless a rule says otherwise. `invar.lock` is not: what it decides reaches the image in other ways, and locking
//! again with the same outcome must not give another image. `node_modules` is an ordinary directory, too; projects
//! that have one list it in `.gitignore`.
//!
//! Directories are not source in themselves, only what is in them: git does not keep empty directories, so a fresh
//! clone could not have them. The same goes for sockets and devices. Symbolic links are source as links and are never
//! followed.
mod gitignore;
mod glob;
mod never;
mod secret;
mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use invar_formats::dockerignore::Dockerignore;
pub use invar_formats::dockerignore::{DockerignoreError, DockerignoreFault};

pub use self::glob::{Glob, GlobError, GlobList};
pub use self::secret::{LONGEST_SECRET, Secret};
pub use self::walk::{EntryKind, Listing, ListingEntry, SourceEntry, SourceList, WalkError};
use crate::source::gitignore::{GitignoreFile, Verdict};

/// The rules for which files of one project are source. See the module's documentation for what they are.
#[derive(Debug)]
pub struct SourceRules {
    include: GlobList,
    exclude: GlobList,
    dockerignore: Dockerignore,
    outputs: BTreeSet<String>,
    /// The `.gitignore` files seen so far, by the directory that holds them.
    gitignores: BTreeMap<String, GitignoreFile>,
    /// Those above the project that count, the nearest first.
    above: Vec<Above>,
    /// Which secrets are source; `None` where secrets are ordinary files.
    secrets: Option<NamedSecrets>,
}

/// The secrets that the manifest names.
#[derive(Debug)]
struct NamedSecrets {
    /// Those of `include-secrets`.
    own: GlobList,
    /// Those of `include`: each pattern, and its last part.
    included: Vec<(GlobList, GlobList)>,
}

impl NamedSecrets {
    fn has(&self, path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        let names = |(whole, last): &(GlobList, GlobList)| {
            whole.covering(path).is_some() && last.covering(name).is_some()
        };
        self.own.covering(path).is_some() || self.included.iter().any(names)
    }
}

/// A `.gitignore` above the project.
#[derive(Debug)]
struct Above {
    /// The project's path, relative to the folder that holds it.
    project: String,
    file: GitignoreFile,
}

/// Why there can be no [`SourceRules`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// The patterns of `include` or `exclude` are too many or too large to be matched together.
    #[error("the patterns of `{key}` are too complex together: {fault}")]
    Globs {
        /// The key.
        key: &'static str,
        /// What the matcher said.
        fault: String,
    },
    /// A line of `.dockerignore` is not a pattern.
    #[error(transparent)]
    Dockerignore(#[from] DockerignoreError),
}

/// Whether a path is source; for a directory, whether anything in it can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// A file or link that is source, or a directory to look into.
    Source,
    /// Not source; a directory is not inspected.
    Skipped(Reason),
}

impl Decision {
    /// Whether the path is source, or is a directory to look into.
    pub fn is_source(&self) -> bool {
        matches!(self, Self::Source)
    }
}

/// Why a path is not source.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Its name is that of something that tools leave behind.
    Never {
        /// The name or pattern.
        pattern: &'static str,
    },
    /// A directory that is a Python virtual environment.
    Environment,
    /// `invar.lock`.
    Lock,
    /// A file that Invar itself writes.
    Output,
    /// A socket, device or similar, which nobody can commit.
    Special,
    /// `exclude` matches it.
    Exclude {
        /// The pattern.
        glob: Glob,
    },
    /// There is an `include`, and it does not match it.
    NotIncluded,
    /// A line of a `.gitignore` matches it.
    Gitignore {
        /// The `.gitignore`, relative to the project.
        file: String,
        /// The pattern as it is written.
        pattern: String,
    },
    /// A line of `.dockerignore` matches it.
    Dockerignore {
        /// The line's number, from 1.
        line: usize,
        /// The pattern as it is written.
        pattern: String,
    },
    /// It looks like a secret.
    Secret {
        /// What it looks like.
        kind: Secret,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never { pattern } => write!(f, "{pattern} is never part of the source"),
            Self::Environment => f.write_str("a virtual environment is never part of the source"),
            Self::Lock => f.write_str("invar.lock is never part of the source"),
            Self::Special => f.write_str("it is not a file, link or directory"),
            Self::Output => f.write_str("output of Invar is never part of the source"),
            Self::Exclude { glob } => write!(f, "`exclude` lists {:?}", glob.as_str()),
            Self::NotIncluded => f.write_str("`include` does not match it"),
            Self::Gitignore { file, pattern } => write!(f, "{file} lists {pattern:?}"),
            Self::Dockerignore { line, pattern } => {
                write!(f, ".dockerignore, line {line}, lists {pattern:?}")
            }
            Self::Secret { kind } => {
                write!(f, "it looks like a secret ({kind}), and `include-secrets` does not match it")
            }
        }
    }
}

impl SourceRules {
    /// The rules from the manifest's `include` and `exclude`, the text of `.dockerignore`, and the paths, relative to
    /// the project, of the files and folders that Invar writes.
    ///
    /// # Errors
    /// [`SourceError`]: a line of `.dockerignore` that is not a pattern, or patterns beyond reason.
    pub fn new(
        include: &[Glob],
        exclude: &[Glob],
        dockerignore: Option<&str>,
        outputs: &[&str],
    ) -> Result<Self, SourceError> {
        let list = |key, globs| GlobList::new(globs).map_err(|fault| SourceError::Globs { key, fault });
        let (include, exclude) = (list("include", include)?, list("exclude", exclude)?);
        let outputs =
            outputs.iter().map(|path| path.trim_start_matches("./").trim_end_matches('/').to_owned());
        Ok(Self {
            include,
            exclude,
            dockerignore: Dockerignore::parse(dockerignore.unwrap_or(""))?,
            outputs: outputs.collect(),
            gitignores: BTreeMap::new(),
            above: Vec::new(),
            secrets: None,
        })
    }

    /// From now on, what looks like a secret is not source, unless `include_secrets` matches it or `include` names it.
    ///
    /// # Errors
    /// [`SourceError`]: patterns beyond reason.
    pub fn leave_out_secrets(
        &mut self,
        include_secrets: &[Glob],
        include: &[Glob],
    ) -> Result<(), SourceError> {
        let list =
            |key, globs: &[Glob]| GlobList::new(globs).map_err(|fault| SourceError::Globs { key, fault });
        let mut included = Vec::new();
        for glob in include {
            let last = glob.as_str().rsplit('/').next().unwrap_or_default();
            // A wildcard alone names nothing.
            if last.contains(|character: char| character.is_alphanumeric())
                && let Ok(last) = last.parse::<Glob>()
            {
                included.push((list("include", std::slice::from_ref(glob))?, list("include", &[last])?));
            }
        }
        self.secrets = Some(NamedSecrets { own: list("include-secrets", include_secrets)?, included });
        Ok(())
    }

    /// Whether the content of the file at `path`, which is source by its name, may make it a secret after all.
    fn content_decides(&self, path: &str) -> bool {
        self.secrets.as_ref().is_some_and(|named| Secret::may_be_in_content(path) && !named.has(path))
    }

    /// Tells the rules what the `.gitignore` in `directory` says, before anything in that directory is decided.
    ///
    /// `directory` is relative to the project, `""` for the project's folder. Lines that git would not understand are
    /// passed over, as git does.
    pub fn enter_directory(&mut self, directory: &str, gitignore: Option<&str>) {
        match gitignore.map(GitignoreFile::parse) {
            Some(file) if !file.is_empty() => {
                self.gitignores.insert(directory.to_owned(), file);
            }
            _ => {
                self.gitignores.remove(directory);
            }
        }
    }

    /// Tells the rules what a `.gitignore` above the project says; the nearest comes first. `project` is the project's
    /// path, relative to the folder that holds the file, without a slash at either end.
    pub fn add_above(&mut self, project: &str, gitignore: &str) {
        self.above.push(Above { project: project.to_owned(), file: GitignoreFile::parse(gitignore) });
    }

    /// Decides about one path, relative to the project, without a slash at either end.
    ///
    /// The directories above it must have been [entered](Self::enter_directory), and must have been decided to be
    /// worth looking into: what is in a skipped directory is not source, whatever this function says.
    pub fn decide(&self, path: &str, is_directory: bool) -> Decision {
        match self.reason(path, is_directory) {
            Some(reason) => Decision::Skipped(reason),
            None => Decision::Source,
        }
    }

    fn reason(&self, path: &str, is_directory: bool) -> Option<Reason> {
        if let Some(reason) = self.reason_of_rules(path, is_directory) {
            return Some(reason);
        }
        let named = self.secrets.as_ref().filter(|_| !is_directory)?;
        let kind = Secret::in_name(path)?;
        (!named.has(path)).then_some(Reason::Secret { kind })
    }

    /// The same without what looks like a secret.
    fn reason_of_rules(&self, path: &str, is_directory: bool) -> Option<Reason> {
        if let Some(pattern) = never::pattern(path) {
            return Some(Reason::Never { pattern });
        }
        if path == "invar.lock" {
            return Some(Reason::Lock);
        }
        if self.outputs.contains(path) {
            return Some(Reason::Output);
        }
        if let Some(glob) = self.exclude.covering(path) {
            return Some(Reason::Exclude { glob: glob.clone() });
        }
        if !self.include.is_empty() {
            let covered = self.include.covering(path).is_some();
            let leads_on = is_directory && self.include.may_match_below(path);
            return (!covered && !leads_on).then_some(Reason::NotIncluded);
        }
        if let Some(reason) = self.gitignored(path, is_directory) {
            return Some(reason);
        }
        let line = self.dockerignore.excludes(path)?;
        if is_directory && self.dockerignore.may_keep_below(path, line) {
            return None;
        }
        Some(Reason::Dockerignore { line: line.number, pattern: line.text.clone() })
    }

    /// The nearest `.gitignore` that has an opinion decides (gitignore(5), "DESCRIPTION").
    fn gitignored(&self, path: &str, is_directory: bool) -> Option<Reason> {
        let mut directory = path;
        while !directory.is_empty() {
            directory = directory.rsplit_once('/').map_or("", |(parent, _)| parent);
            let Some(file) = self.gitignores.get(directory) else { continue };
            let relative = path[directory.len()..].trim_start_matches('/');
            match file.verdict(relative, is_directory) {
                Verdict::Silent => {}
                Verdict::Keep => return None,
                Verdict::Ignore(pattern) => {
                    let separator = if directory.is_empty() { "" } else { "/" };
                    let file = format!("{directory}{separator}.gitignore");
                    return Some(Reason::Gitignore { file, pattern });
                }
            }
        }
        for Above { project, file } in &self.above {
            match file.verdict(&format!("{project}/{path}"), is_directory) {
                Verdict::Silent => {}
                Verdict::Keep => return None,
                Verdict::Ignore(pattern) => {
                    let file = format!("{}.gitignore", "../".repeat(project.split('/').count()));
                    return Some(Reason::Gitignore { file, pattern });
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
