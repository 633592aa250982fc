//! The seam behind which commands are run.
//!
//! An [`Executor`] is given a [`Command`]: the trees that are its root, trees that are laid into it, a program with its
//! arguments and environment, and limits. It returns how the command ended and the tree that it left. Nothing here
//! names a directory of this host, so that what runs the command need not be on it:
//!
//! * [`NamespaceExecutor`](namespace::NamespaceExecutor) uses the Linux namespaces of this machine. That the store has
//!   checkouts as directories, and where the command's own files are, is its business alone.
//! * An executor elsewhere (Remote Execution, a container engine) reads each tree through [`RootTree::give`] and
//!   [`Input`], sends what the other side lacks by digest, passes the output on as it comes, and fetches
//!   [`wanted`](Command::wanted) when the command has ended. [`Command::key`] names the result for a cache of its own.
//! * A loader without namespaces writes the same trees to wherever it runs programs.
//!
//! # What each of them owes
//! The same command gives the same tree, whoever runs it. So the command finds what is named and nothing else: the
//! variables of [`Command::variables`], user 0, the host name `invar`, [`CPUS`] processors, no network, an empty standard
//! input, files that are all of the time [`FILE_TIME`](invar_oci::FILE_TIME), and at `/build` a directory that it may write
//! to with the inputs in it. What it writes elsewhere in its root stays out of the trees that were given.
#[cfg(test)]
pub mod fake;
pub mod namespace;

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::PathBuf;
use std::time::Duration;

use invar_oci::FILE_TIME;
use invar_project::Platform;
use invar_sandbox::{
    CaptureError, CaptureRules, Modes, Ownership, RemovedPaths, SandboxError, Status, capture,
};
use invar_store::{Checkout, Key, StoreError};
use invar_tree::{Contents, ImagePath, Node, SEARCH_PATH, Sink, SinkError, Tree};

/// The directory in which builds are run, without a leading slash. It is the same everywhere, since compilers write it
/// into what they make.
pub const BUILD: &str = "build";

/// How many CPUs a command sees, even where there are fewer: the host's own number must not reach what it makes.
pub const CPUS: u32 = 2;

/// The place `name` of the build directory, in the root.
pub fn in_build(name: &str) -> ImagePath {
    ImagePath::parse(&format!("{BUILD}/{name}")).expect("it is a relative path")
}

/// Runs commands over trees.
pub trait Executor: Sync {
    /// Whether programs for `platform` can be run.
    fn runs(&self, platform: Platform) -> bool;

    /// Whether commands can be run at all, before anything is fetched for one.
    ///
    /// # Errors
    /// Why not.
    fn check(&self) -> Result<(), ExecutorError>;

    /// Runs `command`. `log` gets what it prints as it comes, in pieces that follow no lines.
    ///
    /// # Errors
    /// Why it could not be run. A command that ran and failed is no error here: see [`Outputs::status`].
    fn run(&self, command: &Command<'_>, log: &mut dyn FnMut(&[u8])) -> Result<Outputs, ExecutorError>;
}

/// A command to run, and all that it finds.
pub struct Command<'a> {
    /// What progress and errors call it.
    pub label: &'a str,
    /// What it depends on: files about it are named after this.
    pub key: Key,
    /// What its programs are for.
    pub platform: Platform,
    /// The trees of its root, the lowest first.
    pub root: Vec<RootTree<'a>>,
    /// What is laid into the build directory, in this order.
    pub inputs: Vec<Input<'a>>,
    /// The program and its arguments.
    pub arguments: Vec<String>,
    /// Variables other than the fixed ones, or in their place.
    pub environment: BTreeMap<String, String>,
    /// The working directory, relative to the build directory; empty for that itself.
    pub directory: String,
    /// What it may use up.
    pub limits: Limits,
    /// What becomes of owners that it gives to files.
    pub ownership: Ownership,
    /// What is read of what it leaves.
    pub wanted: Wanted,
}

/// A tree of a command's root.
pub enum RootTree<'a> {
    /// One that the store has as files.
    Checkout(Checkout),
    /// One whose files are read for this command.
    Loose {
        /// The tree.
        tree: &'a Tree,
        /// Its files.
        contents: &'a dyn Contents,
    },
}

/// A tree in the build directory, in which the command may write.
pub struct Input<'a> {
    /// Its place, relative to the build directory; empty for that itself.
    pub at: &'static str,
    /// The tree.
    pub tree: &'a Tree,
    /// Its files.
    pub contents: &'a dyn Contents,
    /// A second place of the root, without a leading slash, at which the same files are seen.
    pub also_at: Option<String>,
}

/// What a command may use up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How long it may take.
    pub time: Duration,
    /// How many bytes of memory, `/tmp` included. Held only where the executor can.
    pub memory: Option<u64>,
    /// How many bytes of disk, its inputs included.
    pub disk: u64,
    /// How many processes and threads there may be at once.
    pub processes: u64,
}

/// What is read of what a command leaves. Whatever else it leaves need not be brought back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// What is at these places of the root, and below them.
    Places(Vec<ImagePath>),
    /// All that is not as it was in the root.
    Changes,
}

/// What became of a command.
pub struct Outputs {
    /// How it ended.
    pub status: Status,
    /// Where the files of a command that failed are kept, for people, if that was asked for.
    pub kept: Option<String>,
    /// What it left.
    pub tree: Box<dyn OutputTree>,
}

/// What a command left, as far as it was [wanted](Command::wanted).
pub trait OutputTree {
    /// Opens the plain file at `path` of the root. No link is followed: the command may have put any in.
    ///
    /// # Errors
    /// What the system says.
    fn open(&self, path: &ImagePath) -> io::Result<Box<dyn Read + '_>>;

    /// Gives what is at `from` of the root to `sink` as `to`. Modes are normalized and nothing has an owner.
    ///
    /// # Errors
    /// [`OutputError`].
    fn give(&self, from: &ImagePath, to: &ImagePath, sink: &mut dyn Sink) -> Result<(), OutputError>;

    /// Gives all that was changed in the root to `sink`, with modes and owners.
    ///
    /// # Errors
    /// [`OutputError`].
    fn give_changes(&self, sink: &mut dyn Sink) -> Result<Removal, OutputError>;
}

/// What a command removed from its root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
    /// This.
    Listed(RemovedPaths),
    /// What is not among the changes: the whole root was given.
    Absent,
}

impl Removal {
    /// The paths of `root` that are gone, where `changed` is what was given.
    pub fn paths(&self, root: &Tree, changed: &Tree) -> Vec<ImagePath> {
        match self {
            Self::Listed(removed) => removed.paths(root),
            Self::Absent => {
                let paths = root.iter().map(|(path, _)| path);
                paths.filter(|path| changed.get(path.as_str()).is_none()).cloned().collect()
            }
        }
    }
}

/// Why a command could not be run.
#[derive(Debug, thiserror::Error)]
pub enum ExecutorError {
    /// There is no sandbox.
    #[error(transparent)]
    Sandbox(Box<SandboxError>),
    /// A file of its trees cannot be read.
    #[error("cannot read what it finds")]
    Contents(#[source] io::Error),
    /// The disk does not take its files.
    #[error("cannot write {}", path.display())]
    Disk {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why what a command left cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// There is nothing at that place.
    #[error("there is nothing")]
    Missing,
    /// It is not what a tree can have, or cannot be read.
    #[error(transparent)]
    Capture(Box<CaptureError>),
    /// The sink did not take it.
    #[error(transparent)]
    Sink(#[from] SinkError),
}

impl Command<'_> {
    /// The whole environment, in which `extra` takes the place of fixed variables and gives way to the command's own.
    pub fn variables(&self, extra: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let texts = |(name, value): (&String, &String)| (name.clone(), value.clone());
        let own = extra.iter().chain(&self.environment).map(texts);
        fixed_environment().into_iter().chain(own).collect()
    }

    /// The working directory in the root, with a leading slash.
    pub fn working_directory(&self) -> String {
        match self.directory.as_str() {
            "" => format!("/{BUILD}"),
            inner => format!("/{BUILD}/{inner}"),
        }
    }

    /// A name for files about it.
    pub fn file_name(&self) -> String {
        let plain = |character: char| match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '-' => character,
            _ => '-',
        };
        let label: String = self.label.chars().map(plain).take(80).collect();
        format!("{}-{}", label.trim_matches(['-', '.']), &self.key.to_string()[..12])
    }
}

impl RootTree<'_> {
    /// Whether it has something at `path`.
    pub fn has(&self, path: &str) -> bool {
        match self {
            Self::Checkout(checkout) => checkout.has(path),
            Self::Loose { tree, .. } => tree.get(path).is_some(),
        }
    }

    /// Gives its entries, with their contents, to `sink`.
    ///
    /// # Errors
    /// [`OutputError`].
    pub fn give(&self, sink: &mut dyn Sink) -> Result<(), OutputError> {
        match self {
            Self::Checkout(checkout) => {
                let rules = CaptureRules { modes: Modes::Kept, bytes: u64::MAX, entries: u64::MAX };
                capture(checkout.path(), None, &rules, &|_, _| None, sink)
                    .map_err(|error| OutputError::Capture(Box::new(error)))
            }
            Self::Loose { tree, contents } => give(tree, *contents, sink),
        }
    }
}

/// Gives `tree`, whose files are in `contents`, to `sink`.
fn give(tree: &Tree, contents: &dyn Contents, sink: &mut dyn Sink) -> Result<(), OutputError> {
    for (path, entry) in tree.iter() {
        match &entry.node {
            Node::Directory => sink.directory(path.clone(), entry.mode, entry.owner)?,
            Node::Symlink { target } => sink.symlink(path.clone(), target.clone(), entry.owner)?,
            Node::File { .. } => {
                let failed = |source| SinkError::Read { path: path.clone(), source };
                let mut content = contents.open(path).map_err(failed)?;
                sink.file(path.clone(), entry.mode, entry.owner, &mut content)?;
            }
        }
    }
    Ok(())
}

/// What every command finds in its environment, whatever the host's is.
fn fixed_environment() -> BTreeMap<String, String> {
    let time = FILE_TIME.to_string();
    [
        ("PATH", SEARCH_PATH),
        ("HOME", "/root"),
        ("USER", "root"),
        ("LOGNAME", "root"),
        ("SHELL", "/bin/sh"),
        ("TERM", "dumb"),
        ("TMPDIR", "/tmp"),
        ("TZ", "UTC"),
        ("LANG", "C.UTF-8"),
        ("LC_ALL", "C.UTF-8"),
        ("SOURCE_DATE_EPOCH", time.as_str()),
        ("PYTHONHASHSEED", "0"),
        ("PYTHONDONTWRITEBYTECODE", "1"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}
