//! A Debian package's files in the image: as the package has them, except for those that another package diverts.
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use invar_debian::Control;
use invar_maintscript::diverted;
use invar_realise::sink_failure;
use invar_store::StoredTree;
use invar_tree::{
    Clash, ContentReader, Contents, Entry, ImagePath, MergedTree, Mode, Node, Owner, Tree, merge,
};

use crate::RunError;

/// The files of a package.
#[derive(Clone)]
pub struct UnpackedPackage {
    tree: Tree,
    stored: StoredTree,
    /// Where in the store what is diverted is, by where it is in the image.
    originals: BTreeMap<ImagePath, ImagePath>,
}

impl UnpackedPackage {
    /// The files of all packages, whose trees as they are in the store are `trees`.
    ///
    /// # Errors
    /// [`RunError::Clash`]: a package has something where a file of it is diverted to.
    pub fn all(controls: &[Control], trees: Vec<(Tree, StoredTree)>) -> Result<Vec<Self>, RunError> {
        let plain: Vec<&Tree> = trees.iter().map(|(tree, _)| tree).collect();
        let places = diverted(&controls.iter().collect::<Vec<_>>(), &plain);
        let package = |((tree, stored), places): ((Tree, StoredTree), BTreeMap<ImagePath, ImagePath>)| {
            let mut package = Self { tree, stored, originals: BTreeMap::new() };
            for (from, to) in places {
                package.divert(from, to)?;
            }
            Ok(package)
        };
        trees.into_iter().zip(places).map(package).collect()
    }

    /// The files.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The files as they are in the store.
    pub fn stored(&self) -> &StoredTree {
        &self.stored
    }

    /// Whether all files are where the package has them.
    pub fn is_whole(&self) -> bool {
        self.originals.is_empty()
    }

    fn divert(&mut self, from: ImagePath, to: ImagePath) -> Result<(), RunError> {
        let Some(entry) = self.tree.get(from.as_str()).cloned() else { return Ok(()) };
        self.tree.remove(&from);
        let mut alone = Tree::new();
        let mut above: Vec<ImagePath> = to.ancestors().collect();
        while let Some(path) = above.pop() {
            let directory = Entry {
                node: Node::Directory,
                mode: Mode::DIRECTORY,
                owner: Owner::ROOT,
                origin: Arc::clone(&entry.origin),
            };
            alone.insert(path, directory).map_err(sink_failure)?;
        }
        if let Some(first) = self.tree.get(to.as_str()) {
            let (first, second) = (first.clone(), entry);
            return Err(RunError::Clash(vec![Clash { path: to.clone(), first, second_path: to, second }]));
        }
        alone.insert(to.clone(), entry).map_err(sink_failure)?;
        let MergedTree { tree, .. } = merge([&self.tree, &alone]).map_err(RunError::Clash)?;
        self.tree = tree;
        self.originals.insert(to, from);
        Ok(())
    }
}

impl Contents for UnpackedPackage {
    fn open(&self, path: &ImagePath) -> io::Result<ContentReader<'_>> {
        self.stored.open(self.originals.get(path).unwrap_or(path))
    }
}
