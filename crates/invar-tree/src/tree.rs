use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{Digest, Entry, ImagePath, Mode, Node, Origin, Owner, SinkError};

/// A sorted map from path to entry.
///
/// Every entry's parent is in the tree too, and is a directory: [`insert`](Self::insert) sees to it. Iteration is in
/// the byte order of the paths, so a directory comes before what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tree {
    entries: BTreeMap<ImagePath, Entry>,
}

impl Tree {
    /// The tree that holds nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an entry; missing directories above it are added with mode `0755` and owner `0:0`.
    ///
    /// A directory may be added again and takes the new mode and owner.
    ///
    /// # Errors
    /// [`SinkError::Duplicate`] for a second entry at one path, [`SinkError::NotADirectory`] below a file or link.
    /// The tree is then unchanged.
    pub fn insert(&mut self, path: ImagePath, entry: Entry) -> Result<(), SinkError> {
        if let Some(existing) = self.entries.get(&path)
            && !(existing.is_directory() && entry.is_directory())
        {
            return Err(SinkError::Duplicate { path });
        }
        let mut missing = Vec::new();
        for ancestor in path.ancestors() {
            match self.entries.get(&ancestor) {
                Some(found) if found.is_directory() => break,
                Some(_) => return Err(SinkError::NotADirectory { path, ancestor }),
                None => missing.push(ancestor),
            }
        }
        for ancestor in missing {
            self.entries.insert(ancestor, directory(&entry.origin));
        }
        self.entries.insert(path, entry);
        Ok(())
    }

    /// Takes the entry at `path` out; whatever is below a removed directory must be removed by the caller first.
    pub fn remove(&mut self, path: &ImagePath) -> Option<Entry> {
        self.entries.remove(path)
    }

    /// The entry at `path`, written without a leading slash.
    pub fn get(&self, path: &str) -> Option<&Entry> {
        self.entries.get(path)
    }

    /// The entries in the order of their paths.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&ImagePath, &Entry)> {
        self.entries.iter()
    }

    /// The entries at and below `directory`, in order.
    pub fn within<'a>(&'a self, directory: &'a str) -> impl Iterator<Item = (&'a ImagePath, &'a Entry)> {
        use std::ops::Bound;
        self.entries
            .range::<str, _>((Bound::Included(directory), Bound::Unbounded))
            .take_while(move |(path, _)| path.as_str().starts_with(directory))
            .filter(move |(path, _)| path.is_within(directory))
    }

    /// The number of entries, directories included.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the tree has no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The sum of the sizes of all files, in bytes.
    pub fn size(&self) -> u64 {
        self.entries
            .values()
            .map(|entry| match entry.node {
                Node::File { size, .. } => size,
                Node::Directory | Node::Symlink { .. } => 0,
            })
            .sum()
    }

    /// Gives every entry the origin `origin`.
    pub fn set_origin(&mut self, origin: &Arc<Origin>) {
        for entry in self.entries.values_mut() {
            entry.origin = Arc::clone(origin);
        }
    }

    /// The digest of the tree's [listing](Self::to_listing): of paths, kinds, modes, owners and contents, not of
    /// origins.
    pub fn digest(&self) -> Digest {
        Digest::of(self.to_listing().as_bytes())
    }
}

/// The directory that stands in for one which no archive mentions.
fn directory(origin: &Arc<Origin>) -> Entry {
    Entry { node: Node::Directory, mode: Mode::DIRECTORY, owner: Owner::ROOT, origin: Arc::clone(origin) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(path: &str) -> ImagePath {
        ImagePath::parse(path).unwrap()
    }

    fn link(target: &str) -> Entry {
        Entry {
            node: Node::Symlink { target: target.into() },
            mode: Mode::SYMLINK,
            owner: Owner::ROOT,
            origin: Arc::new(Origin::Source),
        }
    }

    #[test]
    fn parents_are_added() {
        let mut tree = Tree::new();
        tree.insert(path("usr/bin/python"), link("python3")).unwrap();
        let paths: Vec<&str> = tree.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(paths, ["usr", "usr/bin", "usr/bin/python"]);
    }

    #[test]
    fn a_path_has_one_entry_and_links_have_nothing_below() {
        let mut tree = Tree::new();
        tree.insert(path("bin"), link("usr/bin")).unwrap();
        assert!(matches!(tree.insert(path("bin"), link("elsewhere")), Err(SinkError::Duplicate { .. })));
        assert!(matches!(tree.insert(path("bin/sh"), link("dash")), Err(SinkError::NotADirectory { .. })));
        assert_eq!(tree.len(), 1);
    }

    #[test]
    fn within_does_not_take_a_longer_name() {
        let mut tree = Tree::new();
        for name in ["a/b", "a-b", "a.b/c", "a/c/d"] {
            tree.insert(path(name), link("x")).unwrap();
        }
        let found: Vec<&str> = tree.within("a").map(|(path, _)| path.as_str()).collect();
        assert_eq!(found, ["a", "a/b", "a/c", "a/c/d"]);
    }
}
