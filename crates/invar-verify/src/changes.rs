//! Where two builds of one image differ.
use std::collections::BTreeMap;
use std::io;

use invar_build::{BuildError, Inventory, Rechecked};
use invar_plan::LayerName;
use invar_store::StoredTree;
use invar_tree::{Contents as _, Entry, ImagePath, Node};

use crate::analysis::Fact;
use crate::perturbation::Perturbation;

/// The most of a file that is looked at, in bytes.
const LARGEST: u64 = 4 << 20;

/// How many files are inspected; for the others, only that they differ is reported.
const MOST: usize = 40;

/// Something that differs. Its order is that in which it is reported.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finding {
    /// The build fails.
    Build,
    /// A path of the image for a platform.
    Path {
        /// The platform.
        platform: String,
        /// The path, with a leading slash.
        path: String,
    },
    /// The bytes of a layer whose files are the same.
    Packing {
        /// The platform.
        platform: String,
        /// The layer.
        layer: String,
    },
    /// The image's configuration: all layers are the same.
    Configuration,
}

/// What is known of a path that differs.
#[derive(Debug, Clone)]
pub struct Change {
    /// The layer; none for what is not in an image yet.
    pub layer: Option<LayerName>,
    /// The path.
    pub path: ImagePath,
    /// Where it comes from.
    pub origin: String,
    /// What the first build has there.
    pub first: Option<Entry>,
    /// What the second build has there.
    pub second: Option<Entry>,
    /// The beginnings of both files, where both are files whose contents differ.
    pub contents: Option<(Vec<u8>, Vec<u8>)>,
}

/// What is known of something that differs.
#[derive(Debug, Clone)]
pub struct Detail {
    /// The path; nothing where it is no path.
    pub change: Option<Change>,
    /// More words: why a build failed.
    pub message: String,
    /// The perturbations of the build in which it was seen.
    pub under: Vec<Perturbation>,
    /// What was different around that build.
    pub facts: Vec<Fact>,
}

/// The entries of one of two builds.
struct Side<'a> {
    entries: BTreeMap<ImagePath, (Option<LayerName>, Entry)>,
    read: &'a dyn Fn(&ImagePath) -> io::Result<Vec<u8>>,
}

/// Where two images differ.
///
/// # Errors
/// Where a file of them cannot be read.
pub fn of_images(first: &Inventory, second: &Inventory) -> Result<Vec<Change>, BuildError> {
    let entries = |inventory: &Inventory| {
        inventory.items().map(|item| (item.path.clone(), (Some(item.layer), item.entry.clone()))).collect()
    };
    compare(
        &Side { entries: entries(first), read: &|path| first.content(path, LARGEST) },
        &Side { entries: entries(second), read: &|path| second.content(path, LARGEST) },
    )
}

/// Where what was created again differs from what the store has.
///
/// # Errors
/// Where a file of them cannot be read.
pub fn of_trees(
    rechecked: &Rechecked,
    stored: &StoredTree,
    made: &StoredTree,
) -> Result<Vec<Change>, BuildError> {
    let entries = |tree: &StoredTree| -> Result<_, BuildError> {
        let tree = rechecked.tree(tree)?;
        Ok(tree.iter().map(|(path, entry)| (path.clone(), (None, entry.clone()))).collect())
    };
    let read = |tree: &StoredTree, path: &ImagePath| {
        let mut bytes = Vec::new();
        io::Read::read_to_end(&mut io::Read::take(tree.open(path)?, LARGEST), &mut bytes)?;
        Ok(bytes)
    };
    compare(
        &Side { entries: entries(stored)?, read: &|path| read(stored, path) },
        &Side { entries: entries(made)?, read: &|path| read(made, path) },
    )
}

fn compare(first: &Side<'_>, second: &Side<'_>) -> Result<Vec<Change>, BuildError> {
    let mut paths: Vec<&ImagePath> = first.entries.keys().chain(second.entries.keys()).collect();
    paths.sort_unstable();
    paths.dedup();
    let mut changes = Vec::new();
    let mut looked_into = 0;
    for path in paths {
        let (one, other) = (first.entries.get(path), second.entries.get(path));
        let same = one.zip(other).is_some_and(|((_, one), (_, other))| one.same_as(other));
        if same {
            continue;
        }
        let entry = |side: Option<&(Option<LayerName>, Entry)>| side.map(|(_, entry)| entry.clone());
        let (layer, known) = one.or(other).expect("the path is of one of the two").clone();
        let contents = match (one.map(|(_, one)| &one.node), other.map(|(_, other)| &other.node)) {
            (Some(Node::File { digest: one, .. }), Some(Node::File { digest: other, .. }))
                if one != other && looked_into < MOST =>
            {
                looked_into += 1;
                let read = |side: &Side<'_>| {
                    let failed = |source| BuildError::Read { path: path.to_string().into(), source };
                    (side.read)(path).map_err(failed)
                };
                Some((read(first)?, read(second)?))
            }
            _ => None,
        };
        changes.push(Change {
            layer,
            path: path.clone(),
            origin: known.origin.to_string(),
            first: entry(one),
            second: entry(other),
            contents,
        });
    }
    Ok(changes)
}

impl Change {
    /// What is different about the path, in words: kind, mode, owner, size.
    pub fn describe(&self) -> String {
        let (first, second) = match (&self.first, &self.second) {
            (Some(first), Some(second)) => (first, second),
            (Some(_), None) => return "missing in the second build".to_owned(),
            (None, _) => return "missing in the first build".to_owned(),
        };
        let mut parts = Vec::new();
        match (&first.node, &second.node) {
            (Node::File { size: one, digest: a }, Node::File { size: other, digest: b }) if a != b => {
                parts.push(match one == other {
                    true => format!("{one} bytes, different content"),
                    false => format!("{one} bytes, then {other}"),
                });
            }
            (Node::Symlink { target: one }, Node::Symlink { target: other }) if one != other => {
                parts.push(format!("a link to {one:?}, then to {other:?}"));
            }
            (one, other) if kind(one) != kind(other) => {
                parts.push(format!("{}, then {}", kind(one), kind(other)));
            }
            _ => {}
        }
        if first.mode != second.mode {
            parts.push(format!("mode {}, then {}", first.mode, second.mode));
        }
        if first.owner != second.owner {
            let owner = |entry: &Entry| format!("{}:{}", entry.owner.uid, entry.owner.gid);
            parts.push(format!("owner {}, then {}", owner(first), owner(second)));
        }
        parts.join("; ")
    }
}

fn kind(node: &Node) -> &'static str {
    match node {
        Node::Directory => "a folder",
        Node::File { .. } => "a file",
        Node::Symlink { .. } => "a link",
    }
}
