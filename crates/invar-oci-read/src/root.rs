use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use invar_tree::ImagePath;

use crate::{LayerNode, Member};

/// The root file system that a container sees: all layers, one over the other (OCI image specification 1.1, "Applying
/// Changesets").
#[derive(Debug, Clone, Default)]
pub struct RootFilesystem {
    entries: BTreeMap<ImagePath, RootEntry>,
    /// Bytes of files that lower layers have and that upper layers replace or delete.
    hidden: u64,
}

/// An entry of the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootEntry {
    /// The layer that it is from, counted from zero.
    pub layer: usize,
    /// The member. A hard link has the kind of its file here, and its path is where the link is.
    pub member: Arc<Member>,
    /// Where in the layer [`Layer::contents`](crate::Layer::contents) finds its content: its own path as the layer has
    /// it, or the file's that it is a hard link to.
    pub content: ImagePath,
    /// The layer that has the content.
    pub content_layer: usize,
    /// Whether it is a second name for a file.
    pub hard_link: bool,
}

/// How many links are followed until it is a circle.
const LINKS: usize = 40;

impl RootFilesystem {
    /// The root that the members of `layers`, the lowest first, make together. A hard link to a missing file is left
    /// out.
    pub fn of<'a>(layers: impl IntoIterator<Item = (usize, &'a [Member])>) -> Self {
        let mut root = Self::default();
        for (index, members) in layers {
            root.apply(index, members);
        }
        root
    }

    fn apply(&mut self, layer: usize, members: &[Member]) {
        // Marks only delete what is below, wherever in the layer they are.
        for member in members {
            match member.kind {
                LayerNode::Whiteout => self.remove(&self.resolved(&member.path)),
                // The mark in the root directory itself has the mark's own name.
                LayerNode::Opaque if member.path.as_str() == ".wh..wh..opq" => self.clear(),
                LayerNode::Opaque => self.remove_below(&self.resolved(&member.path)),
                _ => {}
            }
        }
        for member in members {
            let path = self.resolved(&member.path);
            let (shown, content, content_layer) = match &member.kind {
                LayerNode::Whiteout | LayerNode::Opaque => continue,
                LayerNode::HardLink { original } => {
                    let Some(file) = self.entries.get(&self.resolved(original)) else { continue };
                    let shown =
                        Member { path: path.clone(), kind: file.member.kind.clone(), ..member.clone() };
                    (shown, file.content.clone(), file.content_layer)
                }
                _ => (Member { path: path.clone(), ..member.clone() }, member.path.clone(), layer),
            };
            let stays = shown.kind == LayerNode::Directory
                && self.entries.get(&path).is_some_and(|old| old.member.kind == LayerNode::Directory);
            if !stays {
                self.remove(&path);
            }
            let hard_link = matches!(member.kind, LayerNode::HardLink { .. });
            let member = Arc::new(shown);
            self.entries.insert(path, RootEntry { layer, member, content, content_layer, hard_link });
        }
    }

    /// Where `path` leads when the directories above it are links, as those see it who unpack a layer.
    fn resolved(&self, path: &ImagePath) -> ImagePath {
        let mut path = path.clone();
        for _ in 0..LINKS {
            let mut above: Vec<ImagePath> = path.ancestors().collect();
            above.reverse();
            let link = above.iter().find_map(|directory| match &self.entries.get(directory)?.member.kind {
                LayerNode::Symlink { target } => Some((directory.clone(), Arc::clone(target))),
                _ => None,
            });
            let Some((link, target)) = link else { return path };
            let rest = path.as_str()[link.as_str().len()..].to_owned();
            let Some(directory) = followed(&link, &target) else { return path };
            match ImagePath::parse(&format!("{directory}{rest}")) {
                Ok(next) => path = next,
                Err(_) => return path,
            }
        }
        path
    }

    fn remove(&mut self, path: &ImagePath) {
        self.remove_below(path);
        if let Some(old) = self.entries.remove(path) {
            self.hidden += old.member.kind.size();
        }
    }

    fn remove_below(&mut self, directory: &ImagePath) {
        let start = format!("{}/", directory.as_str());
        let below: Vec<ImagePath> = self
            .entries
            .range::<str, _>((Bound::Included(start.as_str()), Bound::Unbounded))
            .map(|(path, _)| path)
            .take_while(|path| path.as_str().starts_with(&start))
            .cloned()
            .collect();
        for path in below {
            if let Some(old) = self.entries.remove(&path) {
                self.hidden += old.member.kind.size();
            }
        }
    }

    fn clear(&mut self) {
        self.hidden += self.entries.values().map(|old| old.member.kind.size()).sum::<u64>();
        self.entries.clear();
    }

    /// The entry at `path`, written without a leading slash.
    pub fn get(&self, path: &str) -> Option<&RootEntry> {
        self.entries.get(path)
    }

    /// All entries in the order of their paths.
    pub fn iter(&self) -> impl Iterator<Item = (&ImagePath, &RootEntry)> {
        self.entries.iter()
    }

    /// The paths.
    pub fn paths(&self) -> BTreeSet<ImagePath> {
        self.entries.keys().cloned().collect()
    }

    /// Bytes of files that lower layers have and that upper layers replace or delete: they are carried along, and no
    /// container sees them.
    pub fn hidden(&self) -> u64 {
        self.hidden
    }
}

/// The path that a link at `link` to `target` leads to, which may be the root: then it is empty.
fn followed(link: &ImagePath, target: &str) -> Option<String> {
    let mut names: Vec<&str> = match target.starts_with('/') {
        true => Vec::new(),
        false => link.as_str().split('/').collect(),
    };
    if !target.starts_with('/') {
        names.pop();
    }
    for name in target.split('/') {
        match name {
            "" | "." => {}
            // `..` at the root stays there.
            ".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    Some(names.join("/"))
}
