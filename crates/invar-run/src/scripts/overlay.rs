//! What handlers and scripts made, laid over each other and over packages.
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Cursor};

use invar_maintscript::{Configuration, ScriptResult};
use invar_tree::{ContentReader, Contents, Entry, ImagePath, MemoryTree, Tree};

use crate::configuration::Made;

/// What the handlers and then the scripts made, as one.
pub(super) fn together(
    handlers: Configuration,
    cleaned: ScriptResult,
    changed: impl Contents + 'static,
) -> Made {
    let mut removed: BTreeSet<ImagePath> = handlers.removed.iter().cloned().collect();
    removed.extend(cleaned.removed.iter().cloned());
    // Only an entry's own path counts: of a directory that is gone, all below is listed too; below one that only got
    // another mode, everything stays.
    let gone: BTreeSet<&ImagePath> = cleaned.removed.iter().collect();
    let kept = handlers.tree.tree().iter().filter(|(path, _)| !gone.contains(path));
    let mut entries: BTreeMap<&ImagePath, &Entry> = kept.collect();
    entries.extend(cleaned.tree.iter());
    let mut tree = Tree::new();
    for (path, entry) in entries {
        tree.insert(path.clone(), entry.clone())
            .expect("in the order of paths, what is below a file is gone");
    }
    let contents = Box::new(Both { handlers: handlers.tree, cleaned, changed });
    Made { tree, removed: removed.into_iter().collect(), contents }
}

/// The contents of what handlers and scripts made.
pub(super) struct Both<C> {
    pub(super) handlers: MemoryTree,
    pub(super) cleaned: ScriptResult,
    pub(super) changed: C,
}

impl<C: Contents> Contents for Both<C> {
    fn open(&self, path: &ImagePath) -> io::Result<ContentReader<'_>> {
        if let Some(bytes) = self.cleaned.rewritten.get(path) {
            return Ok(Box::new(Cursor::new(bytes.as_slice())));
        }
        match self.cleaned.tree.get(path.as_str()) {
            Some(_) => self.changed.open(path),
            None => self.handlers.open(path),
        }
    }
}

/// Puts every entry of `over` into `tree`, whatever is there.
pub(super) fn lay_over(tree: &mut Tree, over: &Tree) {
    for (path, entry) in over.iter() {
        let existing = tree.get(path.as_str());
        if existing.is_some_and(|existing| existing.is_directory() != entry.is_directory()) {
            tree.remove(path);
            let below: Vec<ImagePath> = tree.within(path.as_str()).map(|(path, _)| path.clone()).collect();
            for path in below.iter().rev() {
                tree.remove(path);
            }
        } else if existing.is_some() && !entry.is_directory() {
            tree.remove(path);
        }
        // Where something above is a link in the tools' root, the image has a folder, and that was laid over first.
        let _ = tree.insert(path.clone(), entry.clone());
    }
}

/// Several trees over each other, the uppermost first.
pub(super) struct Layered<'a> {
    pub(super) sources: Vec<(&'a Tree, &'a dyn Contents)>,
}

impl Contents for Layered<'_> {
    fn open(&self, path: &ImagePath) -> io::Result<ContentReader<'_>> {
        let has = |tree: &Tree| tree.get(path.as_str()).is_some_and(|entry| !entry.is_directory());
        let found = self.sources.iter().find(|(tree, _)| has(tree));
        found.ok_or(io::ErrorKind::NotFound)?.1.open(path)
    }
}

pub(super) struct Changes<'a> {
    pub(super) tree: Tree,
    pub(super) contents: &'a dyn Contents,
}

impl Contents for Changes<'_> {
    fn open(&self, path: &ImagePath) -> io::Result<ContentReader<'_>> {
        self.contents.open(path)
    }
}

impl invar_maintscript::MergedRoot for Changes<'_> {
    fn tree(&self) -> &Tree {
        &self.tree
    }
}
