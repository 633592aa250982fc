//! What one handler makes.
use std::collections::BTreeMap;
use std::sync::Arc;

use invar_tree::{ImagePath, Mode, Owner};

/// What one handler makes: files, links and directories to add or replace, and paths to remove.
///
/// A later call for the same path replaces an earlier one. Nothing is checked here: [`View::apply`](crate::View::apply)
/// follows links above each path and sees that every entry has a directory above it; missing ones get mode `0755` and
/// owner `0:0`. An entry that the image has already, equal in kind, mode, owner and content, stays as it is.
#[derive(Debug)]
pub struct Output {
    handler: &'static str,
    changes: BTreeMap<ImagePath, Change>,
}

/// What is to be done at one path.
#[derive(Debug)]
pub(crate) enum Change {
    /// Nothing is to be there.
    Remove,
    /// This is to be there.
    Make {
        /// Kind and content.
        made: NewEntry,
        /// The permission bits.
        mode: Mode,
        /// The numeric owner.
        owner: Owner,
    },
}

/// Kind and content of a new entry.
#[derive(Debug)]
pub(crate) enum NewEntry {
    Directory,
    File(Vec<u8>),
    Symlink(Arc<str>),
}

impl Output {
    /// The output of the handler called `handler`, still empty.
    pub fn new(handler: &'static str) -> Self {
        Self { handler, changes: BTreeMap::new() }
    }

    /// Makes a regular file.
    pub fn file(&mut self, path: ImagePath, mode: Mode, owner: Owner, bytes: impl Into<Vec<u8>>) {
        self.make(path, NewEntry::File(bytes.into()), mode, owner);
    }

    /// Makes a directory, or gives an existing one this mode and owner.
    pub fn directory(&mut self, path: ImagePath, mode: Mode, owner: Owner) {
        self.make(path, NewEntry::Directory, mode, owner);
    }

    /// Makes a symbolic link; `target` is written as is.
    pub fn symlink(&mut self, path: ImagePath, target: impl Into<Arc<str>>) {
        self.make(path, NewEntry::Symlink(target.into()), Mode::SYMLINK, Owner::ROOT);
    }

    /// Takes away what is at and below `path`.
    pub fn remove(&mut self, path: ImagePath) {
        self.changes.insert(path, Change::Remove);
    }

    /// Whether this output makes or removes something at exactly `path`.
    pub fn touches(&self, path: &str) -> bool {
        self.changes.contains_key(path)
    }

    fn make(&mut self, path: ImagePath, made: NewEntry, mode: Mode, owner: Owner) {
        self.changes.insert(path, Change::Make { made, mode, owner });
    }

    pub(crate) fn into_parts(self) -> (&'static str, BTreeMap<ImagePath, Change>) {
        (self.handler, self.changes)
    }
}

/// The path that `literal`, written in this program, names.
pub(crate) fn known(literal: &str) -> ImagePath {
    ImagePath::parse(literal).expect("a path written in the program is well-formed")
}
