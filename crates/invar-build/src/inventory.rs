//! Every entry of an image, with its layer, its origin and its content.
use std::collections::BTreeMap;
use std::io::{self, Read as _};

use invar_checkout::{ProjectFiles, SourceTree};
use invar_plan::{LayerName, Plan};
use invar_project::Platform;
use invar_run::{Install, Root};
use invar_tree::{Entry, ImagePath};

use crate::assembly::Assembly;
use crate::image_trees::ImageTrees;
use crate::{BuildError, Session};

/// What an image consists of.
pub struct Inventory {
    trees: ImageTrees,
    root: Root,
    source: SourceTree,
    /// For each path, the number of the part that the image has it from.
    from: BTreeMap<ImagePath, usize>,
}

/// One entry of an image.
#[derive(Debug, Clone, Copy)]
pub struct Item<'a> {
    /// The layer that holds it.
    pub layer: LayerName,
    /// Its path.
    pub path: &'a ImagePath,
    /// What it is, and what brought it.
    pub entry: &'a Entry,
}

impl Inventory {
    /// Takes stock of the image of `files` for `platform`. What the store has of it is used; the rest is created.
    ///
    /// # Errors
    /// As for a build.
    pub fn read(session: &Session<'_>, files: &ProjectFiles, platform: Platform) -> Result<Self, BuildError> {
        let lock = files.checked_lock()?;
        let source = SourceTree::read(&|text| session.sources.reporter.warn(text), files, None)?;
        let plan = Plan::new(&files.manifest, lock, files.uv_lock.as_ref(), platform)?;
        let assembly = Assembly::new(session, files, lock, &plan, &source, Install::Copied);
        let (trees, root) = assembly.merge()?;
        let mut from = BTreeMap::new();
        for (index, input) in trees.inputs.iter().enumerate() {
            // A folder may come from several; files and links come from one.
            for (path, entry) in root.kept(index, &input.tree).iter() {
                if !entry.is_directory() {
                    from.insert(path.clone(), index);
                } else {
                    from.entry(path.clone()).or_insert(index);
                }
            }
        }
        Ok(Self { trees, root, source, from })
    }

    /// All entries, in the order of their paths.
    pub fn items(&self) -> impl Iterator<Item = Item<'_>> {
        self.root.tree.iter().filter_map(|(path, entry)| {
            let index = self.from.get(path)?;
            Some(Item { layer: self.trees.inputs[*index].layer, path, entry })
        })
    }

    /// The first `limit` bytes of the file at `path`.
    ///
    /// # Errors
    ///    /// The system's error; [`io::ErrorKind::NotFound`] if the file does not exist.
    pub fn content(&self, path: &ImagePath, limit: u64) -> io::Result<Vec<u8>> {
        let index = self.from.get(path).ok_or(io::ErrorKind::NotFound)?;
        let mut bytes = Vec::new();
        self.trees.inputs[*index].contents(&self.source).open(path)?.take(limit).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// Whether anything is run in the sandbox to build the image of `files` for one of `platforms`.
///
/// # Errors
/// What the locks and the plan say.
pub fn runs_commands(files: &ProjectFiles, platforms: &[Platform]) -> Result<bool, BuildError> {
    let lock = files.checked_lock()?;
    for &platform in platforms {
        let plan = Plan::new(&files.manifest, lock, files.uv_lock.as_ref(), platform)?;
        let compiles = plan.bytecode && plan.interpreter.is_some();
        let steps = plan.steps.iter().any(|planned| planned.step.run.is_some());
        if compiles || steps || !plan.sources.is_empty() || plan.scripts.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}
