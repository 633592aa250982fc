//! What the handlers made, over the root that they were given.
use std::sync::Arc;

use invar_tree::{Clash, Contents as _, ImagePath, MemoryTree, Node, Origin, Sink as _, Tree, merge};

use crate::View;

/// What the handlers made.
#[derive(Debug, Clone)]
pub struct Configuration {
    /// The new entries, with the handler as their origin, and the directories above them.
    ///
    /// Directories that the root has already are as they are there, with the package as their origin.
    pub tree: MemoryTree,
    /// The entries of the root that are gone or that [`tree`](Self::tree) replaces, in order. Below a directory that is
    /// gone, everything is listed too; below one that only gets another mode or owner, nothing is.
    pub removed: Vec<ImagePath>,
}

impl Configuration {
    /// The root with what the handlers made.
    ///
    /// # Errors
    /// [`Clash`]es where `root` is not the tree that was configured.
    pub fn over(&self, root: &Tree) -> Result<Tree, Vec<Clash>> {
        let mut root = root.clone();
        // From the end: what is below a directory goes before it.
        for path in self.removed.iter().rev() {
            root.remove(path);
        }
        Ok(merge([&root, self.tree.tree()])?.tree)
    }
}

/// Takes out of a view what is over its root.
pub(crate) fn configured(view: View<'_>) -> Configuration {
    let mut tree = MemoryTree::new(Origin::Handler { name: String::new() });
    let mut origin: Option<Arc<Origin>> = None;
    for path in view.made_paths() {
        let above: Vec<ImagePath> =
            path.ancestors().take_while(|path| tree.tree().get(path.as_str()).is_none()).collect();
        for path in above.into_iter().rev().chain([path.clone()]) {
            let entry = view.get(path.as_str()).expect("it was made, or is above what was made");
            if origin.as_ref() != Some(&entry.origin) {
                tree.set_origin(Origin::clone(&entry.origin));
                origin = Some(Arc::clone(&entry.origin));
            }
            let taken = match &entry.node {
                Node::Directory => tree.directory(path, entry.mode, entry.owner),
                Node::Symlink { target } => tree.symlink(path, Arc::clone(target), entry.owner),
                Node::File { .. } => {
                    let mut bytes = view.open(&path).expect("the bytes of what was made are in memory");
                    tree.file(path, entry.mode, entry.owner, &mut bytes)
                }
            };
            taken.expect("the view saw to it that the entries form a tree");
        }
    }
    Configuration { tree, removed: view.into_removed() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Image, at, describe};
    use crate::{ConfigureError, Output};
    use invar_tree::{Mode, Owner};

    fn apply(image: &Image, fill: impl FnOnce(&mut Output)) -> Result<Configuration, ConfigureError> {
        let mut view = View::new(&image.tree);
        let mut out = Output::new("test");
        fill(&mut out);
        view.apply(out)?;
        Ok(configured(view))
    }

    #[test]
    fn the_rest_of_the_root_stays_as_it_is() {
        let mut image = Image::new().file("etc/motd", "old").file("var/run/x/y", "").link("run2", "run");
        image.tree.directory(at("tmp"), Mode::new(0o1777), Owner::ROOT).unwrap();
        let configured = apply(&image, |out| {
            out.file(at("etc/motd"), Mode::FILE, Owner::ROOT, "new");
            out.file(at("tmp/x"), Mode::FILE, Owner::ROOT, "");
            out.symlink(at("var/run"), "/run");
            out.file(at("run2/lock"), Mode::FILE, Owner::ROOT, "");
            out.directory(at("var"), Mode::new(0o700), Owner::ROOT);
        })
        .unwrap();
        assert_eq!(
            describe(&configured),
            "f 0644 0:0 /etc/motd \"new\"\nf 0644 0:0 /run/lock \"\"\nd 1777 0:0 /tmp\nf 0644 0:0 /tmp/x \"\"\n\
             d 0700 0:0 /var\nl 0777 0:0 /var/run -> /run\n- /var/run/x\n- /var/run/x/y\n"
        );
        let root = configured.over(image.tree.tree()).unwrap();
        let listing = root.to_listing();
        assert_eq!(root.get("tmp").unwrap().origin.to_string(), "Debian package test 1 (all)");
        assert_eq!(root.get("tmp/x").unwrap().origin.to_string(), "handler test");
        assert!(
            listing.contains("d\t1777\t0\t0\ttmp\n") && listing.contains("d\t0700\t0\t0\tvar\n"),
            "{listing}"
        );
        assert!(!listing.contains("var/run/x"), "{listing}");
    }

    #[test]
    fn what_is_there_already_stays_the_packages() {
        let image = Image::new().file("etc/motd", "old");
        let configured =
            apply(&image, |out| out.file(at("etc/motd"), Mode::FILE, Owner::ROOT, "old")).unwrap();
        assert!(configured.tree.tree().is_empty() && configured.removed.is_empty());
    }

    #[test]
    fn entries_without_a_directory_are_refused() {
        let image = Image::new().file("etc", "").link("a", "b").link("b", "a");
        let make = |path: &str| apply(&image, |out| out.directory(at(path), Mode::DIRECTORY, Owner::ROOT));
        assert!(matches!(make("etc/x"), Err(ConfigureError::NotADirectory { .. })));
        assert!(matches!(make("a/x"), Err(ConfigureError::NoPlace { .. })));
    }
}
