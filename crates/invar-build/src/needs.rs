//! Libraries that what was built here needs, and that the image may lack: a program is linked in a root that has the
//! packages of its build, and runs in one that has those of the image.
//!
//! What a build's files name is kept beside its tree in the store, so that it costs nothing later.
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Cursor, Read};
use std::sync::Arc;

use invar_maintscript::needed_libraries;
use invar_plan::{PackageRecipe, Recipe};
use invar_realise::{Event, realise};
use invar_store::StoredTree;
use invar_tree::{ImagePath, Mode, Origin, Owner, Sink, SinkError, Tree};
use serde::{Deserialize, Serialize};

use crate::BuildError;
use crate::workshop::Workshop;

/// What the list is called beside a tree.
pub(crate) const ATTACHMENT: &str = "needs";

/// The largest file that is looked into, in bytes.
const LARGEST: u64 = 1 << 30;

/// A library that is not among the files that need it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Need {
    library: String,
    /// The Debian package of the build's root that has it.
    package: Option<String>,
}

/// Passes files on and notes which libraries they need.
pub(crate) struct Noting<'a> {
    sink: &'a mut dyn Sink,
    needed: BTreeSet<String>,
    names: BTreeSet<String>,
}

impl<'a> Noting<'a> {
    pub fn new(sink: &'a mut dyn Sink) -> Self {
        Self { sink, needed: BTreeSet::new(), names: BTreeSet::new() }
    }

    /// The list as it is kept beside the tree; `packages` are those of the build's root, which the store has.
    ///
    /// # Errors
    /// What the store says.
    pub fn finish(self, workshop: &Workshop<'_>, packages: &[PackageRecipe]) -> Result<Vec<u8>, BuildError> {
        let Self { needed, names, .. } = self;
        let mut needs: BTreeMap<String, Option<String>> =
            needed.difference(&names).map(|library| (library.clone(), None)).collect();
        if !needs.is_empty() {
            let recipes: Vec<Recipe> = packages.iter().cloned().map(Recipe::Package).collect();
            let times = |suite: &str| workshop.times(suite);
            let stored = realise(workshop.session, &recipes, &times, &workshop.files.folder)?;
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

/// Warns of what `stored`, which came from `origin`, needs and `root` lacks.
pub(crate) fn warn(workshop: &Workshop<'_>, origin: &Origin, stored: &StoredTree, root: &Tree) {
    // What was not built here has no list, nor has a tree that an earlier release made.
    let Ok(list) = stored.attachment(ATTACHMENT) else { return };
    let needs: Vec<Need> = serde_json::from_slice(&list).unwrap_or_default();
    let mut lacking: BTreeMap<&str, &Need> = needs.iter().map(|need| (need.library.as_str(), need)).collect();
    for (path, _) in root.iter() {
        if lacking.is_empty() {
            return;
        }
        lacking.remove(path.name());
    }
    if lacking.is_empty() {
        return;
    }
    let libraries: Vec<&str> = lacking.keys().copied().collect();
    let packages: BTreeSet<&str> = lacking.values().filter_map(|need| need.package.as_deref()).collect();
    let mut warning = format!("{origin} needs {}, which the image does not have", libraries.join(" and "));
    if !packages.is_empty() {
        let packages: Vec<String> = packages.iter().map(|package| format!("{package:?}")).collect();
        warning.push_str(&format!(": add {} to `packages` of [tool.invar]", packages.join(", ")));
    }
    workshop.session.reporter.event(&Event::Warning(&warning));
}

impl Sink for Noting<'_> {
    fn directory(&mut self, path: ImagePath, mode: Mode, owner: Owner) -> Result<(), SinkError> {
        self.sink.directory(path, mode, owner)
    }

    fn file(
        &mut self,
        path: ImagePath,
        mode: Mode,
        owner: Owner,
        content: &mut dyn Read,
    ) -> Result<(), SinkError> {
        let failed = |source: io::Error| SinkError::Read { path: path.clone(), source };
        self.names.insert(path.name().to_owned());
        let mut start = Vec::new();
        content.take(4).read_to_end(&mut start).map_err(failed)?;
        if start == *b"\x7fELF" {
            content.take(LARGEST).read_to_end(&mut start).map_err(failed)?;
            self.needed.extend(needed_libraries(&mut Cursor::new(&start)).map_err(failed)?);
        }
        self.sink.file(path, mode, owner, &mut Cursor::new(start).chain(content))
    }

    fn symlink(&mut self, path: ImagePath, target: Arc<str>, owner: Owner) -> Result<(), SinkError> {
        self.names.insert(path.name().to_owned());
        self.sink.symlink(path, target, owner)
    }

    fn copy(&mut self, path: ImagePath, original: &ImagePath) -> Result<(), SinkError> {
        self.names.insert(path.name().to_owned());
        self.sink.copy(path, original)
    }
}
