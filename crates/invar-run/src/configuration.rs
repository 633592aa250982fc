//! What the handlers make of the packages, kept in the store: it depends on the packages alone.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use invar_maintscript::Configuration;
use invar_realise::copy_tree;
use invar_store::{Key, Store, StoredTree};
use invar_tree::{Contents, ImagePath, Origin, Tree};
use serde::{Deserialize, Serialize};

use crate::RunError;
use crate::root::Overlay;

/// The attachment with what a tree's listing does not hold.
const DETAILS: &str = "details";

#[derive(Debug, Default, Serialize, Deserialize)]
struct Details {
    /// What the handlers take away.
    removed: Vec<String>,
    /// Which handler brought each path.
    handlers: BTreeMap<String, String>,
    /// The paths that maintainer scripts brought.
    #[serde(default)]
    scripts: BTreeSet<String>,
}

/// What is laid over the packages of a root, before it is kept.
pub struct Made {
    pub tree: Tree,
    /// As [`Configuration::removed`].
    pub removed: Vec<ImagePath>,
    pub contents: Box<dyn Contents>,
}

impl From<Configuration> for Made {
    fn from(configured: Configuration) -> Self {
        let Configuration { tree, removed } = configured;
        Self { tree: tree.tree().clone(), removed, contents: Box::new(tree) }
    }
}

/// The handlers' part of the root, from the store or rebuilt by `make`.
///
/// # Errors
/// [`RunError::Configure`], and what the store says.
pub fn configuration(
    store: &Store,
    key: &Key,
    make: impl FnOnce() -> Result<Made, RunError>,
) -> Result<(Overlay, StoredTree), RunError> {
    if let Some(stored) = store.tree(key)?
        && let Ok(details) = serde_json::from_slice::<Details>(&stored.attachment(DETAILS)?)
        && let Some(overlay) = overlay(&stored, &details)?
    {
        return Ok((overlay, stored));
    }
    let Made { tree, removed, contents } = make()?;
    let mut details = Details {
        removed: removed.iter().map(|path| path.as_str().to_owned()).collect(),
        ..Details::default()
    };
    for (path, entry) in tree.iter() {
        match &*entry.origin {
            Origin::Handler { name } => {
                details.handlers.insert(path.as_str().to_owned(), name.clone());
            }
            Origin::Scripts => {
                details.scripts.insert(path.as_str().to_owned());
            }
            _ => {}
        }
    }
    let mut writer = store.tree_writer(key)?;
    copy_tree(&tree, &*contents, &mut writer)?;
    let details = serde_json::to_vec(&details).expect("a table of texts is JSON");
    let stored = writer.commit(&[(DETAILS, &details)])?;
    Ok((Overlay { tree, removed }, stored))
}

/// The overlay as it was; `None` where the details do not belong to the tree.
fn overlay(stored: &StoredTree, details: &Details) -> Result<Option<Overlay>, RunError> {
    let unnamed = Arc::new(Origin::Handler { name: "configuration".to_owned() });
    let listed = stored.tree(&unnamed)?;
    let mut tree = Tree::new();
    for (path, entry) in listed.iter() {
        let mut entry = entry.clone();
        if let Some(name) = details.handlers.get(path.as_str()) {
            entry.origin = Arc::new(Origin::Handler { name: name.clone() });
        } else if details.scripts.contains(path.as_str()) {
            entry.origin = Arc::new(Origin::Scripts);
        }
        if tree.insert(path.clone(), entry).is_err() {
            return Ok(None);
        }
    }
    let removed: Result<Vec<_>, _> = details.removed.iter().map(|path| ImagePath::parse(path)).collect();
    Ok(removed.ok().map(|removed| Overlay { tree, removed }))
}
