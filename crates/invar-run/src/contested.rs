//! Files that several Python packages install, each with other content: only one can have the path.
//!
//! uv installs packages at once, and whichever writes a file last has it: twice may give two results. Here it is always
//! the package whose name comes last.
use std::collections::{BTreeMap, BTreeSet};

use invar_realise::{RealiseError, copy_tree};
use invar_tree::{Contents, Entry, ImagePath, Origin, Sink, Tree};

/// A file that one package has from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contested {
    /// Where it is.
    pub path: ImagePath,
    /// The number of the tree that keeps its file.
    pub kept: usize,
    /// The number of the tree that loses its own.
    pub dropped: usize,
}

/// The files that several of `trees` have, each of another content or mode; those of trees that are no Python package
/// are not looked at. A file that is a directory of another package is left for merging to refuse.
pub fn contested(trees: &[&Tree]) -> Vec<Contested> {
    let mut packages: Vec<(&str, &str, usize)> = Vec::new();
    for (index, tree) in trees.iter().enumerate() {
        if let Some((_, entry)) = tree.iter().next()
            && let Origin::Wheel { name, version } = &*entry.origin
        {
            packages.push((name, version, index));
        }
    }
    packages.sort_unstable();
    let mut owners: BTreeMap<&ImagePath, (&Entry, Vec<usize>)> = BTreeMap::new();
    let mut found = Vec::new();
    for (_, _, index) in packages {
        for (path, entry) in trees[index].iter().filter(|(_, entry)| !entry.is_directory()) {
            let (first, owners) = owners.entry(path).or_insert_with(|| (entry, Vec::new()));
            if !first.same_as(entry) {
                let dropped = owners.drain(..);
                found.extend(dropped.map(|dropped| Contested { path: path.clone(), kept: index, dropped }));
                *first = entry;
            }
            owners.push(index);
        }
    }
    // What took a file may have lost it to another one.
    let last: BTreeMap<&ImagePath, usize> = found.iter().map(|one| (&one.path, one.kept)).collect();
    let kept: Vec<usize> = found.iter().map(|one| last[&one.path]).collect();
    for (one, kept) in found.iter_mut().zip(kept) {
        one.kept = kept;
    }
    found.sort_unstable_by(|one, other| {
        (one.dropped, one.kept, &one.path).cmp(&(other.dropped, other.kept, &other.path))
    });
    found
}

/// Gives the files of several Python packages to `sink`, each path once.
///
/// # Errors
/// What the contents or the sink say.
pub fn copy_packages(packages: &[(&Tree, &dyn Contents)], sink: &mut dyn Sink) -> Result<(), RealiseError> {
    let trees: Vec<&Tree> = packages.iter().map(|(tree, _)| *tree).collect();
    let lost: BTreeSet<(usize, ImagePath)> =
        contested(&trees).into_iter().map(|one| (one.dropped, one.path)).collect();
    let mut written: BTreeSet<&ImagePath> = BTreeSet::new();
    for (index, (tree, contents)) in packages.iter().enumerate() {
        let mut own = (*tree).clone();
        for (path, _) in tree.iter().filter(|(_, entry)| !entry.is_directory()) {
            if lost.contains(&(index, path.clone())) || !written.insert(path) {
                own.remove(path);
            }
        }
        copy_tree(&own, *contents, sink)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use invar_tree::{MemoryTree, Mode, Owner};

    fn package(name: &str, files: &[(&str, &str)]) -> MemoryTree {
        let mut tree = MemoryTree::new(Origin::Wheel { name: name.into(), version: "1".into() });
        for (path, content) in files {
            let path = ImagePath::parse(path).unwrap();
            tree.file(path, Mode::FILE, Owner::ROOT, &mut content.as_bytes()).unwrap();
        }
        tree
    }

    #[track_caller]
    fn check(trees: &[&MemoryTree], expected: &[&str]) {
        let trees: Vec<&Tree> = trees.iter().map(|tree| tree.tree()).collect();
        let found = contested(&trees);
        let found: Vec<String> =
            found.iter().map(|one| format!("{} {}>{}", one.path, one.kept, one.dropped)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_last_by_name_has_a_file() {
        let a = package("a", &[("v/x", "1"), ("v/y", "1")]);
        let b = package("b", &[("v/x", "2"), ("v/y", "1")]);
        let c = package("c", &[("v/x", "1")]);
        check(&[&a, &b], &["/v/x 1>0"]);
        check(&[&b, &a], &["/v/x 0>1"]);
        check(&[&c, &a], &[]);
        check(&[&a, &b, &c], &["/v/x 2>0", "/v/x 2>1"]);
        // Two that agree lose it together.
        let z = package("z", &[("v/x", "3")]);
        check(&[&z, &a, &c], &["/v/x 0>1", "/v/x 0>2"]);
        // What is no Python package is not looked at, nor is a directory.
        let mut source = MemoryTree::new(Origin::Source);
        let path = ImagePath::parse("v/x").unwrap();
        source.file(path, Mode::FILE, Owner::ROOT, &mut &b"4"[..]).unwrap();
        check(&[&a, &source], &[]);
        check(&[&a, &package("d", &[("v/x/y", "1")])], &[]);
    }

    #[test]
    fn each_path_is_copied_once() {
        let a = package("a", &[("v/x", "1"), ("v/y", "1")]);
        let b = package("b", &[("v/x", "2"), ("v/y", "1")]);
        for trees in [[&a, &b], [&b, &a]] {
            let mut sink = MemoryTree::new(Origin::Source);
            let packages = trees.map(|tree| (tree.tree(), tree as &dyn Contents));
            copy_packages(&packages, &mut sink).unwrap();
            assert_eq!(sink.read(&ImagePath::parse("v/x").unwrap()).unwrap(), b"2");
            assert_eq!(sink.read(&ImagePath::parse("v/y").unwrap()).unwrap(), b"1");
        }
    }
}
