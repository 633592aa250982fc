use std::fmt;
use std::sync::Arc;

use crate::{Entry, ImagePath, Node, Origin, Tree};

/// Two trees have different entries for one path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Clash {
    /// The path that both name.
    pub path: ImagePath,
    /// What the earlier tree has there.
    pub first: Entry,
    /// The path of the later tree's entry: the same, or one below a path that the earlier tree has as a file.
    pub second_path: ImagePath,
    /// What the later tree has there.
    pub second: Entry,
}

impl Clash {
    /// The two origins.
    pub fn origins(&self) -> (&Arc<Origin>, &Arc<Origin>) {
        (&self.first.origin, &self.second.origin)
    }
}

impl fmt::Display for Clash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (one, other) = (describe(&self.first), describe(&self.second));
        write!(f, "{}: {} has {one}, {} has {other}", self.path, self.first.origin, self.second.origin)?;
        if self.second_path != self.path {
            write!(f, " at {}", self.second_path)?;
        }
        Ok(())
    }
}

fn describe(entry: &Entry) -> String {
    let owner = match (entry.owner.uid, entry.owner.gid) {
        (0, 0) => String::new(),
        (uid, gid) => format!(", owner {uid}:{gid}"),
    };
    match &entry.node {
        Node::Directory => format!("a directory (mode {}{owner})", entry.mode),
        Node::File { size, digest } => {
            format!("a file ({size} bytes, mode {}{owner}, {}…)", entry.mode, &digest.to_string()[..19])
        }
        Node::Symlink { target } => format!("a link to {target}"),
    }
}

/// The merge of several trees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergedTree {
    /// All entries.
    pub tree: Tree,
    /// For each tree, in the order given, the paths of its files and links that an earlier tree has.
    pub shared: Vec<Vec<ImagePath>>,
}

/// Merges `trees` into one.
///
/// A path may come from several trees when they agree on it; the first one keeps it. Directories that only are in
/// for a missing one cannot be told from real ones, so for a directory the first tree whose mode or owner is not the
/// stand-in's `0755`, `0:0` decides, and two such that differ are a clash.
///
/// # Errors
/// All [clashes](Clash), in the order of the trees and then of the paths.
pub fn merge<'a>(trees: impl IntoIterator<Item = &'a Tree>) -> Result<MergedTree, Vec<Clash>> {
    let mut merged = Tree::new();
    let mut shared = Vec::new();
    let mut clashes = Vec::new();
    for tree in trees {
        let mut again = Vec::new();
        for (path, entry) in tree.iter() {
            match merged.get(path.as_str()) {
                None => {
                    if let Err(clash) = add(&mut merged, path, entry) {
                        clashes.push(*clash);
                    }
                }
                Some(first) if first.same_as(entry) => {
                    if !entry.is_directory() {
                        again.push(path.clone());
                    }
                }
                Some(first) if first.is_directory() && entry.is_directory() && is_stand_in(entry) => {}
                Some(first) if first.is_directory() && entry.is_directory() && is_stand_in(first) => {
                    if let Err(clash) = add(&mut merged, path, entry) {
                        clashes.push(*clash);
                    }
                }
                Some(first) => clashes.push(Clash {
                    path: path.clone(),
                    first: first.clone(),
                    second_path: path.clone(),
                    second: entry.clone(),
                }),
            }
        }
        shared.push(again);
    }
    if clashes.is_empty() { Ok(MergedTree { tree: merged, shared }) } else { Err(clashes) }
}

fn is_stand_in(entry: &Entry) -> bool {
    entry.mode == crate::Mode::DIRECTORY && entry.owner == crate::Owner::ROOT
}

fn add(merged: &mut Tree, path: &ImagePath, entry: &Entry) -> Result<(), Box<Clash>> {
    if merged.insert(path.clone(), entry.clone()).is_ok() {
        return Ok(());
    }
    let above = path.ancestors().find_map(|above| {
        let found = merged.get(above.as_str())?;
        (!found.is_directory()).then(|| (above, found.clone()))
    });
    let (above, first) = above.expect("insert fails only below something that is not a directory");
    Err(Box::new(Clash { path: above, first, second_path: path.clone(), second: entry.clone() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MemoryTree, Mode, Owner, Sink};

    fn tree(name: &str, files: &[(&str, &str)]) -> Tree {
        let mut tree = MemoryTree::new(Origin::Wheel { name: name.into(), version: "1".into() });
        for (path, content) in files {
            let path = ImagePath::parse(path).unwrap();
            tree.file(path, Mode::FILE, Owner::ROOT, &mut content.as_bytes()).unwrap();
        }
        tree.tree().clone()
    }

    #[test]
    fn what_two_trees_agree_on_comes_from_the_first() {
        let (one, two) =
            (tree("one", &[("a/x", "1"), ("a/y", "2")]), tree("two", &[("a/x", "1"), ("a/z", "3")]));
        let merged = merge([&one, &two]).unwrap();
        assert_eq!(merged.tree.len(), 4);
        assert_eq!(merged.shared, [vec![], vec![ImagePath::parse("a/x").unwrap()]]);
        assert_eq!(merged.tree.get("a/x").unwrap().origin.to_string(), "wheel one 1");
    }

    #[test]
    fn a_clash_names_both_origins() {
        let clashes = merge([&tree("one", &[("a/x", "1")]), &tree("two", &[("a/x", "two")])]).unwrap_err();
        assert_eq!(
            clashes[0].to_string(),
            "/a/x: wheel one 1 has a file (1 bytes, mode 0644, sha256:6b86b273ff34…), \
             wheel two 1 has a file (3 bytes, mode 0644, sha256:3fc4ccfe7458…)"
        );
    }

    #[test]
    fn a_file_cannot_be_a_directory_too() {
        let (file, below) = (tree("one", &[("a", "1")]), tree("two", &[("a/x", "2")]));
        for pair in [[&file, &below], [&below, &file]] {
            let clashes = merge(pair).unwrap_err();
            assert_eq!(clashes[0].path.as_str(), "a");
        }
    }

    #[test]
    fn a_real_directory_wins_over_a_stand_in() {
        let stand_in = tree("one", &[("tmp/x", "1")]);
        let mut real = MemoryTree::new(Origin::Source);
        real.directory(ImagePath::parse("tmp").unwrap(), Mode::new(0o1777), Owner::ROOT).unwrap();
        for pair in [[&stand_in, real.tree()], [real.tree(), &stand_in]] {
            assert_eq!(merge(pair).unwrap().tree.get("tmp").unwrap().mode, Mode::new(0o1777));
        }
    }
}
