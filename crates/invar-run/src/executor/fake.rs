//! An executor for tests: it runs nothing, and leaves what a test says.
use std::io::{self, Cursor, Read};
use std::sync::{Mutex, PoisonError};

use invar_project::Platform;
use invar_sandbox::{RemovedPaths, Status};
use invar_tree::{Contents as _, ImagePath, MemoryTree, Mode, Node, Origin, Owner, Sink};

use super::{Command, Executor, ExecutorError, OutputError, OutputTree, Outputs, Removal, Wanted, give};

/// What a command is said to have done.
pub struct FakeRun {
    pub status: Status,
    /// What it printed.
    pub log: String,
    /// What is in its root afterwards, as far as it is not as it was.
    pub left: MemoryTree,
    /// What it removed.
    pub removed: RemovedPaths,
}

impl FakeRun {
    /// A command that ended well and left `files`, as paths of the root and texts.
    pub fn leaving(files: &[(&str, &[u8])]) -> Self {
        let mut left = MemoryTree::new(Origin::Source);
        for &(path, mut bytes) in files {
            let path = ImagePath::parse(path).expect("a test names paths");
            left.file(path, Mode::PROGRAM, Owner::ROOT, &mut bytes).expect("memory takes it");
        }
        Self { status: Status::Exited(0), log: String::new(), left, removed: RemovedPaths::default() }
    }

    /// A command that printed `log` and then failed.
    pub fn failing(log: &str) -> Self {
        Self { status: Status::Exited(3), log: log.to_owned(), ..Self::leaving(&[]) }
    }
}

type Script<'a> = dyn Fn(&Command<'_>) -> FakeRun + Sync + 'a;

/// Does what its script says of each command, and remembers their labels.
pub struct FakeExecutor<'a> {
    script: Box<Script<'a>>,
    ran: Mutex<Vec<String>>,
}

impl<'a> FakeExecutor<'a> {
    pub fn new(script: impl Fn(&Command<'_>) -> FakeRun + Sync + 'a) -> Self {
        Self { script: Box::new(script), ran: Mutex::new(Vec::new()) }
    }

    /// The labels of the commands that were run.
    pub fn ran(&self) -> Vec<String> {
        self.ran.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Executor for &FakeExecutor<'_> {
    fn runs(&self, platform: Platform) -> bool {
        platform == Platform::LinuxAmd64
    }

    fn check(&self) -> Result<(), ExecutorError> {
        Ok(())
    }

    fn run(&self, command: &Command<'_>, log: &mut dyn FnMut(&[u8])) -> Result<Outputs, ExecutorError> {
        let FakeRun { status, log: text, left, removed } = (self.script)(command);
        self.ran.lock().unwrap_or_else(PoisonError::into_inner).push(command.label.to_owned());
        // In pieces that follow no lines.
        text.as_bytes().chunks(7).for_each(log);
        let tree = Box::new(FakeOutputs { left, removed, wanted: command.wanted.clone() });
        Ok(Outputs { status, kept: None, tree })
    }
}

/// What a test says that a command left. What was not wanted is not there, as it would be with an executor elsewhere.
struct FakeOutputs {
    left: MemoryTree,
    removed: RemovedPaths,
    wanted: Wanted,
}

impl FakeOutputs {
    fn is_wanted(&self, path: &ImagePath) -> bool {
        match &self.wanted {
            Wanted::Places(places) => places.iter().any(|place| path.is_within(place.as_str())),
            Wanted::Changes => false,
        }
    }
}

impl OutputTree for FakeOutputs {
    fn open(&self, path: &ImagePath) -> io::Result<Box<dyn Read + '_>> {
        match self.is_wanted(path) {
            true => Ok(Box::new(Cursor::new(self.left.read(path)?))),
            false => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn give(&self, from: &ImagePath, to: &ImagePath, sink: &mut dyn Sink) -> Result<(), OutputError> {
        let tree = self.left.tree();
        if !self.is_wanted(from) || tree.get(from.as_str()).is_none() {
            return Err(OutputError::Missing);
        }
        for (path, entry) in tree.within(from.as_str()) {
            let inner = path.as_str()[from.as_str().len()..].trim_start_matches('/');
            let place = if inner.is_empty() { to.clone() } else { to.join(inner).expect("it is a path") };
            match &entry.node {
                Node::Directory => sink.directory(place, Mode::DIRECTORY, Owner::ROOT)?,
                Node::Symlink { target } => sink.symlink(place, target.clone(), Owner::ROOT)?,
                Node::File { .. } => {
                    let bytes = self.left.read(path).expect("memory has it");
                    sink.file(place, Mode::PROGRAM, Owner::ROOT, &mut bytes.as_slice())?;
                }
            }
        }
        Ok(())
    }

    fn give_changes(&self, sink: &mut dyn Sink) -> Result<Removal, OutputError> {
        if self.wanted != Wanted::Changes {
            return Err(OutputError::Missing);
        }
        give(self.left.tree(), &self.left, sink)?;
        Ok(Removal::Listed(self.removed.clone()))
    }
}

/// The text of the file at `path` of the build directory that `command` finds.
pub fn input_text(command: &Command<'_>, path: &str) -> Option<String> {
    command.inputs.iter().find_map(|input| {
        let inner = path.strip_prefix(input.at)?.trim_start_matches('/');
        let inner = ImagePath::parse(inner).ok()?;
        input.tree.get(inner.as_str())?;
        String::from_utf8(input.contents.read(&inner).ok()?).ok()
    })
}
