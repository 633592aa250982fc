//! Libraries that what was built here needs, and that the image may lack: a program is linked in a root that has the
//! packages of its build, and runs in one that has those of the image.
//!
//! What a build's files name is kept next to its tree in the store, so that it costs nothing later.
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Cursor, Read};
use std::sync::Arc;

use invar_maintscript::needed_libraries;
use invar_plan::{PackageRecipe, Recipe};
use invar_realise::realise;
use invar_store::StoredTree;
use invar_tree::Origin;
use serde::{Deserialize, Serialize};

use crate::RunError;
use crate::context::BuildContext;

/// What the list is called next to a tree.
pub const ATTACHMENT: &str = "needs";

/// The largest file that is inspected, in bytes.
const LARGEST: u64 = 1 << 30;

/// A library that is not among the files that need it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Need {
    library: String,
    /// The Debian package of the build's root that has it.
    package: Option<String>,
}

/// Notes which libraries the files of a tree need.
#[derive(Debug, Default)]
pub struct NeededRecorder {
    needed: BTreeSet<String>,
    names: BTreeSet<String>,
}

impl NeededRecorder {
    /// Notes the name of a file or link.
    pub fn name(&mut self, name: &str) {
        self.names.insert(name.to_owned());
    }

    /// Notes what a file needs. Returns what was read of `content` for it, which comes before what is left.
    ///
    /// # Errors
    /// What reading says.
    pub fn file(&mut self, content: &mut dyn Read) -> io::Result<Vec<u8>> {
        let mut start = Vec::new();
        content.take(4).read_to_end(&mut start)?;
        if start == *b"\x7fELF" {
            content.take(LARGEST).read_to_end(&mut start)?;
            self.needed.extend(needed_libraries(&mut Cursor::new(&start))?);
        }
        Ok(start)
    }

    /// The list as it is kept next to the tree; `packages` are those of the build's root, which the store has.
    ///
    /// # Errors
    /// What the store says.
    pub fn finish(self, context: &BuildContext<'_>, packages: &[PackageRecipe]) -> Result<Vec<u8>, RunError> {
        let Self { needed, names } = self;
        let mut needs: BTreeMap<String, Option<String>> =
            needed.difference(&names).map(|library| (library.clone(), None)).collect();
        if !needs.is_empty() {
            let recipes: Vec<Recipe> = packages.iter().cloned().map(Recipe::Package).collect();
            let times = |suite: &str| context.times(suite);
            let stored = realise(context.sources, &recipes, &times, &context.files.folder)?;
            for (package, stored) in packages.iter().zip(stored) {
                for (path, _) in stored.tree(&Arc::new(Origin::Source))?.iter() {
                    if let Some(place) = needs.get_mut(path.name()) {
                        place.get_or_insert_with(|| package.name.to_string());
                    }
                }
            }
        }
        let needs: Vec<Need> =
            needs.into_iter().map(|(library, package)| Need { library, package }).collect();
        Ok(serde_json::to_vec(&needs).expect("texts are always JSON"))
    }
}

/// The libraries that the files of `stored` need and do not have, each with the Debian package of the build's root that has
/// it; nothing for what was not built here.
pub fn needs_of(stored: &StoredTree) -> BTreeMap<String, String> {
    // What was not built here has no list, nor has a tree that an earlier release made.
    let Ok(list) = stored.attachment(ATTACHMENT) else { return BTreeMap::new() };
    let needs: Vec<Need> = serde_json::from_slice(&list).unwrap_or_default();
    needs.into_iter().filter_map(|need| Some((need.library, need.package?))).collect()
}
