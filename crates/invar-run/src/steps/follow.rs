//! Places that are reached by way of links: `/bin/x` is `/usr/bin/x` where `/bin` is a link.
//!
//! A manifest names places as programs do, and those follow links. A tree has each file where it really is, so what a
//! step puts below a link goes to where the link leads. Only folders on the way are followed, never the place itself.
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use invar_realise::sink_failure;
use invar_store::{Checkout, StoredTree};
use invar_tree::{Clash, ContentReader, Contents, ImagePath, Node, Tree};

use crate::RunError;

/// The most links on the way to one place, as Linux has it.
const MOST: usize = 40;

/// What links lead to, by the place of the link relative to the root.
pub type Links<'a> = &'a dyn Fn(&str) -> Option<Arc<str>>;

/// Where `path` really is. One with links in a circle stays as it is.
pub fn follow(path: &ImagePath, links: Links<'_>) -> ImagePath {
    let Some(parent) = path.parent() else { return path.clone() };
    let real = resolve(&parent, links).and_then(|parent| match parent.as_str() {
        "" => ImagePath::parse(path.name()).ok(),
        parent => ImagePath::parse(&format!("{parent}/{}", path.name())).ok(),
    });
    real.unwrap_or_else(|| path.clone())
}

/// As [`follow`], for the place itself too; relative to the root, which is nothing. `None` for links in a circle.
pub fn resolve(path: &ImagePath, links: Links<'_>) -> Option<String> {
    // The names that are still to be walked, the next last.
    let mut rest: Vec<String> = path.as_str().rsplit('/').map(str::to_owned).collect();
    let mut real: Vec<String> = Vec::new();
    let mut followed = 0;
    while let Some(name) = rest.pop() {
        match name.as_str() {
            "" | "." => continue,
            ".." => {
                real.pop();
                continue;
            }
            _ => real.push(name),
        }
        let Some(target) = links(&real.join("/")) else { continue };
        followed += 1;
        if followed > MOST {
            return None;
        }
        real.pop();
        if target.starts_with('/') {
            real.clear();
        }
        rest.extend(target.rsplit('/').map(str::to_owned));
    }
    Some(real.join("/"))
}

/// What the links of `trees` lead to, by their places.
pub fn links_of<'a>(trees: impl Iterator<Item = &'a Tree>) -> BTreeMap<String, Arc<str>> {
    let mut links = BTreeMap::new();
    for (path, entry) in trees.flat_map(Tree::iter) {
        if let Node::Symlink { target } = &entry.node {
            links.insert(path.as_str().to_owned(), Arc::clone(target));
        }
    }
    links
}

/// The links of `roots`, of which the last is the uppermost.
pub fn links_of_checkouts(roots: &[Checkout]) -> impl Fn(&str) -> Option<Arc<str>> {
    move |place| roots.iter().rev().find_map(|root| root.link(place))
}

/// A tree of the store of which some is elsewhere.
pub struct Moved {
    /// The tree as it is to be.
    pub tree: Tree,
    stored: StoredTree,
    /// Where in the store what was moved is, by where it is now.
    originals: BTreeMap<ImagePath, ImagePath>,
}

impl Moved {
    /// `tree`, which is that of `stored`, with each place followed; `None` if all stay where they are.
    ///
    /// # Errors
    /// [`RunError::Clash`]: two places that are the same.
    pub fn of(tree: &Tree, stored: &StoredTree, links: Links<'_>) -> Result<Option<Self>, RunError> {
        let mut known: BTreeMap<ImagePath, Option<String>> = BTreeMap::new();
        let mut folder = |folder: &ImagePath| {
            known.entry(folder.clone()).or_insert_with(|| resolve(folder, links)).clone()
        };
        let mut moved = Tree::new();
        let mut originals = BTreeMap::new();
        for (path, entry) in tree.iter() {
            let place = match path.parent() {
                _ if entry.is_directory() => folder(path).filter(|place| !place.is_empty()),
                Some(parent) => folder(&parent).map(|parent| format!("{parent}/{}", path.name())),
                None => None,
            };
            let place = place.and_then(|place| ImagePath::parse(place.trim_start_matches('/')).ok());
            let place = place.unwrap_or_else(|| path.clone());
            if entry.is_directory() && moved.get(place.as_str()).is_some_and(invar_tree::Entry::is_directory)
            {
                continue;
            }
            if let Err(error) = moved.insert(place.clone(), entry.clone()) {
                let Some(first) = moved.get(place.as_str()) else { return Err(sink_failure(error).into()) };
                let first = first.clone();
                let (path, second) = (place.clone(), entry.clone());
                return Err(RunError::Clash(vec![Clash { path, first, second_path: place, second }]));
            }
            if place != *path {
                originals.insert(place, path.clone());
            }
        }
        Ok((!originals.is_empty()).then(|| Self { tree: moved, stored: stored.clone(), originals }))
    }

    /// The tree in the store.
    pub fn stored(&self) -> &StoredTree {
        &self.stored
    }
}

impl Contents for Moved {
    fn open(&self, path: &ImagePath) -> io::Result<ContentReader<'_>> {
        self.stored.open(self.originals.get(path).unwrap_or(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_followed_but_for_the_last() {
        let links = |place: &str| {
            let target = match place {
                "bin" => "usr/bin",
                "sbin" => "/bin",
                "usr/lib64" => "../lib",
                "lib" => "usr/lib",
                "loop" => "loop",
                "up" => "../../..",
                "usr/bin/x" => "y",
                _ => return None,
            };
            Some(Arc::from(target))
        };
        let check = |path: &str, expected: &str| {
            assert_eq!(follow(&ImagePath::parse(path).unwrap(), &links).as_str(), expected);
        };
        check("bin/x", "usr/bin/x");
        check("sbin/x", "usr/bin/x");
        check("sbin/x/z", "usr/bin/y/z");
        check("bin", "bin");
        check("usr/lib64/a/b", "usr/lib/a/b");
        check("loop/x", "loop/x");
        check("up/x", "x");
        check("app/bin/x", "app/bin/x");
    }
}
