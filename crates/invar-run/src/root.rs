//! The root file system as a tree: the merge of all trees, with what the handlers change laid over it.
use std::collections::{BTreeMap, BTreeSet};
use std::io;

use invar_tree::{Clash, ContentReader, Contents, ImagePath, MergedTree, Origin, Tree, merge};

/// The handlers' part of the root: what they add or replace, and what they remove.
#[derive(Debug, Clone, Default)]
pub struct Overlay {
    /// What they add, and what takes another's place.
    pub tree: Tree,
    /// What they remove.
    pub removed: Vec<ImagePath>,
}

/// The merged root, and what of each tree is left in it.
#[derive(Debug)]
pub struct Root {
    /// Every entry of the image.
    pub tree: Tree,
    /// For each tree, in the order given, its files and links that the image has from elsewhere or not at all.
    pub dropped: Vec<BTreeSet<ImagePath>>,
}

impl Root {
    /// Merges `trees` and lays `overlay` over them.
    ///
    /// # Errors
    /// All clashes between two of the trees. The overlay never clashes: replacing is its purpose.
    pub fn merge(trees: &[&Tree], overlay: &Overlay) -> Result<Self, Vec<Clash>> {
        let MergedTree { mut tree, shared } = merge(trees.iter().copied())?;
        let mut dropped: Vec<BTreeSet<ImagePath>> =
            shared.into_iter().map(|paths| paths.into_iter().collect()).collect();
        let mut gone: BTreeSet<&ImagePath> = overlay.removed.iter().collect();
        for path in &overlay.removed {
            tree.remove(path);
        }
        for (path, entry) in overlay.tree.iter() {
            let existing = tree.get(path.as_str());
            if existing.is_some_and(|existing| existing.is_directory() && entry.is_directory()) {
                continue;
            }
            if existing.is_some() {
                tree.remove(path);
                gone.insert(path);
            }
            tree.insert(path.clone(), entry.clone()).map_err(|_| {
                vec![Clash {
                    path: path.clone(),
                    first: entry.clone(),
                    second_path: path.clone(),
                    second: entry.clone(),
                }]
            })?;
        }
        for (tree, dropped) in trees.iter().zip(&mut dropped) {
            let replaced =
                gone.iter().filter(|path| tree.get(path.as_str()).is_some_and(|entry| !entry.is_directory()));
            dropped.extend(replaced.map(|path| (*path).clone()));
        }
        Ok(Self { tree, dropped })
    }

    /// The part of `tree`, the one numbered `index`, that the image has from it: files and links only.
    pub fn kept(&self, index: usize, tree: &Tree) -> Tree {
        let mut kept = tree.clone();
        for path in &self.dropped[index] {
            kept.remove(path);
        }
        kept
    }

    /// The directories that a layer made of `trees` must hold, as they are in the image.
    pub fn directories<'a>(&self, trees: impl IntoIterator<Item = &'a Tree>) -> Tree {
        let mut directories = Tree::new();
        for (path, _) in trees.into_iter().flat_map(Tree::iter) {
            if let Some(entry) = self.tree.get(path.as_str()).filter(|entry| entry.is_directory()) {
                directories
                    .insert(path.clone(), entry.clone())
                    .expect("a directory of the merged tree has only directories above it");
            }
        }
        directories
    }
}

/// The contents of a merged tree, found by each entry's origin.
pub struct RootContents<'a> {
    tree: &'a Tree,
    by_origin: BTreeMap<&'a Origin, &'a (dyn Contents + Sync)>,
}

impl<'a> RootContents<'a> {
    /// `tree`, whose files come from `sources`.
    pub fn new(
        tree: &'a Tree,
        sources: impl IntoIterator<Item = (&'a Origin, &'a (dyn Contents + Sync))>,
    ) -> Self {
        Self { tree, by_origin: sources.into_iter().collect() }
    }
}

impl Contents for RootContents<'_> {
    fn open(&self, path: &ImagePath) -> io::Result<ContentReader<'_>> {
        let entry = self.tree.get(path.as_str()).ok_or(io::ErrorKind::NotFound)?;
        self.by_origin.get(&*entry.origin).ok_or(io::ErrorKind::NotFound)?.open(path)
    }
}

impl invar_maintscript::MergedRoot for RootContents<'_> {
    fn tree(&self) -> &Tree {
        self.tree
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use invar_tree::{MemoryTree, Mode, Owner, Sink};

    fn path(path: &str) -> ImagePath {
        ImagePath::parse(path).unwrap()
    }

    #[test]
    fn the_overlay_replaces_and_each_tree_knows_what_it_lost() {
        let mut base = MemoryTree::new(Origin::Source);
        base.directory(path("var/run"), Mode::DIRECTORY, Owner::ROOT).unwrap();
        base.file(path("etc/hosts"), Mode::FILE, Owner::ROOT, &mut &b"old"[..]).unwrap();
        base.file(path("etc/motd"), Mode::FILE, Owner::ROOT, &mut &b"hello"[..]).unwrap();
        let mut handlers = MemoryTree::new(Origin::Handler { name: "hosts".into() });
        handlers.symlink(path("var/run"), "/run".into(), Owner::ROOT).unwrap();
        handlers.file(path("etc/hosts"), Mode::FILE, Owner::ROOT, &mut &b"new"[..]).unwrap();
        let overlay = Overlay { tree: handlers.tree().clone(), removed: vec![path("var/run")] };

        let root = Root::merge(&[base.tree()], &overlay).unwrap();
        assert_eq!(root.dropped[0].iter().map(ImagePath::as_str).collect::<Vec<_>>(), ["etc/hosts"]);
        assert_eq!(root.tree.get("etc/hosts").unwrap().origin.to_string(), "handler hosts");
        assert!(!root.tree.get("var/run").unwrap().is_directory());
        let directories = root.directories([base.tree()]);
        assert_eq!(directories.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(), ["etc", "var"]);
    }
}
