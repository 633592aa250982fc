//! The entries of a data archive on their way into a sink: relocated, filtered, counted.
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use invar_formats::LimitExceeded;
use invar_formats::tar::TarError;
use invar_tree::{ImagePath, Mode, Owner, Sink, SinkError};

use crate::archive::{ArchiveEntry, ArchiveError, ArchiveNode, EntryFault};
use crate::documentation::{is_documentation, is_legal};
use crate::options::UnpackOptions;
use crate::records::PackageFiles;

/// Why an entry cannot be unpacked.
#[derive(Debug)]
pub(crate) enum UnpackError {
    Archive(ArchiveError),
    Sink(SinkError),
}

impl From<ArchiveError> for UnpackError {
    fn from(error: ArchiveError) -> Self {
        Self::Archive(error)
    }
}

impl From<SinkError> for UnpackError {
    fn from(error: SinkError) -> Self {
        match error {
            SinkError::Read { path, source } => Self::Archive(match LimitExceeded::find(&source) {
                Some(LimitExceeded { limit }) => TarError::TooLarge { limit }.into(),
                None => ArchiveError::Content { path, source },
            }),
            other => Self::Sink(other),
        }
    }
}

/// Takes the entries of a data archive.
pub(crate) struct Unpacker<'a> {
    options: &'a UnpackOptions,
    sink: &'a mut dyn Sink,
    files: PackageFiles,
    /// Directories that may turn out to hold nothing but documentation; they reach the sink with their first entry.
    waiting: BTreeMap<ImagePath, (Mode, Owner)>,
    /// Directories above something that was left out.
    thinned: BTreeSet<ImagePath>,
    /// The bytes that the files may still have. Hard links count like files, because that is what they become.
    room: u64,
    limit: u64,
}

impl<'a> Unpacker<'a> {
    /// An unpacker of at most `limit` bytes.
    pub fn new(options: &'a UnpackOptions, limit: u64, sink: &'a mut dyn Sink) -> Self {
        let (files, waiting, thinned) = (PackageFiles::new(), BTreeMap::new(), BTreeSet::new());
        Self { options, sink, files, waiting, thinned, room: limit, limit }
    }

    /// Takes one entry.
    pub fn take(&mut self, item: ArchiveEntry<'_>) -> Result<(), UnpackError> {
        let ArchiveEntry { path, kind, mode, owner, size, content } = item;
        let spelled = path.to_string();
        let fault = |fault| ArchiveError::Entry { path: spelled.clone(), fault };
        let relocated = self.options.relocate(path, kind == ArchiveNode::Directory);
        let Some(path) = relocated.map_err(|error| fault(EntryFault::Path(error)))? else {
            return Ok(());
        };
        let dropped = !self.options.docs && is_documentation(&path);
        if kind == ArchiveNode::Directory {
            return self.take_directory(path, mode, owner, dropped);
        }
        if dropped && !is_legal(&path, matches!(kind, ArchiveNode::Symlink { .. })) {
            self.leave_out(&path);
            return Ok(());
        }
        self.admit_parents(&path)?;
        let size = match kind {
            ArchiveNode::Directory => unreachable!("directories were taken above"),
            ArchiveNode::File => {
                self.count(size)?;
                self.sink.file(path.clone(), mode, owner, content)?;
                Some(size)
            }
            ArchiveNode::Symlink { target } => {
                self.sink.symlink(path.clone(), target, owner)?;
                None
            }
            ArchiveNode::HardLink { original } => {
                let relocated = self.options.relocate(original.clone(), false);
                let place = relocated.map_err(|error| fault(EntryFault::HardLinkPath(error)))?;
                let place = place.unwrap_or_else(|| original.clone());
                let Some(&Some(size)) = self.files.get(&place) else {
                    return Err(fault(EntryFault::HardLink { original }).into());
                };
                self.count(size)?;
                self.sink.copy(path.clone(), &place)?;
                Some(size)
            }
        };
        self.files.insert(path, size);
        Ok(())
    }

    /// Gives the sink the directories that still wait and are the package's own, and returns all that it has.
    pub fn finish(mut self) -> Result<PackageFiles, UnpackError> {
        let waiting: Vec<ImagePath> = self.waiting.keys().cloned().collect();
        for path in waiting {
            if !is_documentation(&path) && !self.thinned.contains(&path) {
                self.admit_parents(&path)?;
                self.admit(path)?;
            }
        }
        Ok(self.files)
    }

    fn take_directory(
        &mut self,
        path: ImagePath,
        mode: Mode,
        owner: Owner,
        dropped: bool,
    ) -> Result<(), UnpackError> {
        if dropped {
            self.leave_out(&path);
        }
        let wait = !self.options.docs && !self.has_below(&path);
        self.waiting.insert(path.clone(), (mode, owner));
        if wait { Ok(()) } else { Ok(self.admit(path)?) }
    }

    /// Notes that something at `path` is missing from the directories above.
    fn leave_out(&mut self, path: &ImagePath) {
        for ancestor in path.ancestors() {
            if !self.thinned.insert(ancestor) {
                break;
            }
        }
    }

    /// Whether the sink has taken an entry below `path`, or a directory at it.
    fn has_below(&self, path: &ImagePath) -> bool {
        let start = format!("{}/", path.as_str());
        let from = (Bound::Included(start.as_str()), Bound::Unbounded);
        let below = self.files.range::<str, _>(from).next();
        self.files.contains_key(path) || below.is_some_and(|(path, _)| path.as_str().starts_with(&start))
    }

    fn admit_parents(&mut self, path: &ImagePath) -> Result<(), SinkError> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let mut ancestors: Vec<ImagePath> = path.ancestors().collect();
        while let Some(ancestor) = ancestors.pop() {
            self.admit(ancestor)?;
        }
        Ok(())
    }

    fn admit(&mut self, path: ImagePath) -> Result<(), SinkError> {
        if let Some((mode, owner)) = self.waiting.remove(&path) {
            self.sink.directory(path.clone(), mode, owner)?;
            self.files.insert(path, None);
        }
        Ok(())
    }

    fn count(&mut self, size: u64) -> Result<(), ArchiveError> {
        self.room = self.room.checked_sub(size).ok_or(TarError::TooLarge { limit: self.limit })?;
        Ok(())
    }
}
