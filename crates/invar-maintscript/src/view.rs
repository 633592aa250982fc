//! The image as a handler sees it: the merged root, and over it what earlier handlers made.
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Cursor, Read};
use std::sync::Arc;

use invar_tree::{ContentReader, Contents, Digest, Entry, ImagePath, Mode, Node, Origin, Owner, Tree};

use crate::output::{Change, NewEntry};
use crate::{ConfigureError, Output};

/// The merged root: its tree and its files' bytes.
pub trait MergedRoot: Contents {
    /// The tree.
    fn tree(&self) -> &Tree;
}

impl MergedRoot for invar_tree::MemoryTree {
    fn tree(&self) -> &Tree {
        self.tree()
    }
}

/// How many links one lookup follows before it gives up, as Linux does (`MAXSYMLINKS`).
const MOST_LINKS: usize = 40;

/// The longest file that [`View::read`] takes into memory, in bytes.
///
/// What handlers read as a whole are texts and single certificates; the largest is a table of some hundred kilobytes.
pub const LONGEST_READ: u64 = 16 << 20;

/// The merged root and, over it, what earlier handlers made.
///
/// Paths are given without a leading slash. A lookup "as is" ([`get`](Self::get)) takes the path literally; the others
/// follow symbolic links inside the image, where an absolute target starts at the image's root and `..` stops there.
pub struct View<'a> {
    root: &'a dyn MergedRoot,
    made: BTreeMap<ImagePath, Entry>,
    bytes: BTreeMap<ImagePath, Vec<u8>>,
    /// Paths of the root's tree that are gone or replaced.
    removed: BTreeSet<ImagePath>,
}

impl<'a> View<'a> {
    /// The root before any handler ran.
    pub fn new(root: &'a dyn MergedRoot) -> Self {
        Self { root, made: BTreeMap::new(), bytes: BTreeMap::new(), removed: BTreeSet::new() }
    }

    /// The entry at `path` as is: links are not followed, neither above nor at the path.
    pub fn get(&self, path: &str) -> Option<&Entry> {
        match self.made.get(path) {
            Some(entry) => Some(entry),
            None if self.removed.contains(path) => None,
            None => self.root.tree().get(path),
        }
    }

    /// Where `path` leads after all links are followed; `None` if nothing is there, or the links go in a circle.
    pub fn resolve(&self, path: &str) -> Option<ImagePath> {
        let landed = self.walk(path, true)?;
        self.get(landed.as_str()).is_some().then_some(landed)
    }

    /// The entry to which `path` leads after all links are followed.
    pub fn follow(&self, path: &str) -> Option<&Entry> {
        self.get(self.walk(path, true)?.as_str())
    }

    /// Whether `path` leads to something, after all links are followed.
    pub fn exists(&self, path: &str) -> bool {
        self.follow(path).is_some()
    }

    /// Whether `path` itself is there, be it a link that leads nowhere.
    pub fn is_present(&self, path: &str) -> bool {
        self.place(path).is_some_and(|path| self.get(path.as_str()).is_some())
    }

    /// Where an entry written to `path` would land: links above it are followed, one at the path itself is not.
    ///
    /// `None` if the path is not one that an image can hold, or the links above it go in a circle.
    pub fn place(&self, path: &str) -> Option<ImagePath> {
        self.walk(path, false)
    }

    /// The whole content of the file to which `path` leads, or `None` if no regular file is there.
    ///
    /// # Errors
    /// [`ConfigureError::Read`], and [`ConfigureError::TooLong`] above [`LONGEST_READ`].
    pub fn read(&self, path: &str) -> Result<Option<Vec<u8>>, ConfigureError> {
        let Some(path) = self.resolve(path) else { return Ok(None) };
        let Some(Entry { node: Node::File { size, .. }, .. }) = self.get(path.as_str()) else {
            return Ok(None);
        };
        if *size > LONGEST_READ {
            return Err(ConfigureError::TooLong { path, size: *size, most: LONGEST_READ });
        }
        let mut bytes = Vec::new();
        let read = self.open(&path).and_then(|file| file.take(*size).read_to_end(&mut bytes));
        match read {
            Ok(_) => Ok(Some(bytes)),
            Err(source) => Err(ConfigureError::Read { path, source }),
        }
    }

    /// [`read`](Self::read) for a text.
    ///
    /// # Errors
    /// As [`read`](Self::read), and [`ConfigureError::NotUtf8`].
    pub fn read_text(&self, path: &str) -> Result<Option<String>, ConfigureError> {
        let Some(bytes) = self.read(path)? else { return Ok(None) };
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(ConfigureError::NotUtf8 { path: self.place(path).expect("it was read") }),
        }
    }

    /// All entries at and below `directory`, as is, in the order of their paths.
    pub fn within<'b>(&'b self, directory: &'b str) -> impl Iterator<Item = (&'b ImagePath, &'b Entry)> {
        let mut found: BTreeMap<&ImagePath, &Entry> = self
            .root
            .tree()
            .within(directory)
            .filter(|(path, _)| !self.removed.contains(*path) && !self.made.contains_key(*path))
            .collect();
        found.extend(self.made.iter().filter(|(path, _)| path.is_within(directory)));
        found.into_iter()
    }

    /// The entries directly in `directory`, in the order of their names; links above and at `directory` are followed.
    pub fn children(&self, directory: &str) -> Vec<(ImagePath, Entry)> {
        let Some(directory) = self.resolve(directory) else { return Vec::new() };
        let depth = directory.as_str().matches('/').count() + 1;
        self.within(directory.as_str())
            .filter(|(path, _)| path.as_str().matches('/').count() == depth)
            .map(|(path, entry)| (path.clone(), entry.clone()))
            .collect()
    }

    /// Follows the links in `path`; the last name's too if `last`.
    fn walk(&self, path: &str, last: bool) -> Option<ImagePath> {
        // Names still to be walked, the next one at the end.
        let mut ahead: Vec<String> = path.rsplit('/').map(str::to_owned).collect();
        let mut here = String::new();
        let mut links = 0;
        while let Some(name) = ahead.pop() {
            match name.as_str() {
                "" | "." => continue,
                ".." => {
                    here.truncate(here.rfind('/').unwrap_or(0));
                    continue;
                }
                _ => {}
            }
            let length = here.len();
            if length > 0 {
                here.push('/');
            }
            here.push_str(&name);
            let is_last = ahead.iter().all(|name| name.is_empty() || name == ".");
            if let Some(Entry { node: Node::Symlink { target }, .. }) = self.get(&here)
                && (last || !is_last)
            {
                links += 1;
                if links > MOST_LINKS || here.len() + target.len() > 65_536 {
                    return None;
                }
                here.truncate(if target.starts_with('/') { 0 } else { length });
                ahead.extend(target.rsplit('/').map(str::to_owned));
            }
        }
        ImagePath::parse(&here).ok()
    }

    /// Takes over what one handler made.
    ///
    /// # Errors
    /// [`ConfigureError::NotADirectory`] for an entry below a file, [`ConfigureError::NoPlace`] for a path whose
    /// directory is a circle of links.
    pub fn apply(&mut self, output: Output) -> Result<(), ConfigureError> {
        let (handler, changes) = output.into_parts();
        let origin = Arc::new(Origin::Handler { name: handler.to_owned() });
        for (path, change) in changes {
            let place =
                self.place(path.as_str()).ok_or(ConfigureError::NoPlace { handler, path: path.clone() })?;
            match change {
                Change::Remove => self.remove(&place),
                Change::Make { made, mode, owner } => {
                    self.make(handler, place, made, mode, owner, &origin)?;
                }
            }
        }
        Ok(())
    }

    fn remove(&mut self, path: &ImagePath) {
        let gone: Vec<ImagePath> =
            self.made.keys().filter(|made| made.is_within(path.as_str())).cloned().collect();
        for path in gone {
            self.made.remove(&path);
            self.bytes.remove(&path);
        }
        let root = self.root.tree();
        self.removed.extend(root.within(path.as_str()).map(|(path, _)| path.clone()));
    }

    fn make(
        &mut self,
        handler: &'static str,
        path: ImagePath,
        made: NewEntry,
        mode: Mode,
        owner: Owner,
        origin: &Arc<Origin>,
    ) -> Result<(), ConfigureError> {
        let (node, bytes) = match made {
            NewEntry::Directory => (Node::Directory, None),
            NewEntry::Symlink(target) => (Node::Symlink { target }, None),
            NewEntry::File(bytes) => {
                (Node::File { size: bytes.len() as u64, digest: Digest::of(&bytes) }, Some(bytes))
            }
        };
        let entry = Entry { node, mode, owner, origin: Arc::clone(origin) };
        match self.get(path.as_str()) {
            // What a package already contains stays the package's.
            Some(existing) if existing.same_as(&entry) => return Ok(()),
            // A directory that becomes something else goes with all that is in it.
            Some(existing) if existing.is_directory() && !entry.is_directory() => self.remove(&path),
            _ => {}
        }
        for ancestor in path.ancestors() {
            match self.get(ancestor.as_str()) {
                Some(found) if found.is_directory() => break,
                Some(_) => return Err(ConfigureError::NotADirectory { handler, path, ancestor }),
                None => {
                    let node = Node::Directory;
                    let (mode, owner, origin) = (Mode::DIRECTORY, Owner::ROOT, Arc::clone(origin));
                    self.made.insert(ancestor, Entry { node, mode, owner, origin });
                }
            }
        }
        if self.root.tree().get(path.as_str()).is_some() {
            self.removed.insert(path.clone());
        }
        self.bytes.remove(&path);
        if let Some(bytes) = bytes {
            self.bytes.insert(path.clone(), bytes);
        }
        self.made.insert(path, entry);
        Ok(())
    }

    /// The paths of what the handlers made, in order.
    pub(crate) fn made_paths(&self) -> Vec<ImagePath> {
        self.made.keys().cloned().collect()
    }

    /// The paths of the root's entries that are gone or replaced, in order.
    pub(crate) fn into_removed(self) -> Vec<ImagePath> {
        self.removed.into_iter().collect()
    }
}

impl Contents for View<'_> {
    fn open(&self, path: &ImagePath) -> io::Result<ContentReader<'_>> {
        if let Some(bytes) = self.bytes.get(path) {
            return Ok(Box::new(Cursor::new(bytes.as_slice())));
        }
        match self.get(path.as_str()) {
            Some(_) if !self.made.contains_key(path) => self.root.open(path),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Image, at};

    #[test]
    fn links_are_followed_inside_the_image() {
        let image = Image::new()
            .file("usr/bin/dash", "shell")
            .link("bin", "usr/bin")
            .link("usr/bin/sh", "dash")
            .link("up", "../../../usr/./bin/")
            .link("etc/sh", "/bin/sh")
            .link("lost", "nowhere")
            .link("a", "b")
            .link("b", "/a");
        let view = View::new(&image.tree);
        for (path, expected) in [
            ("bin/sh", Some("usr/bin/dash")),
            ("up/sh", Some("usr/bin/dash")),
            ("etc/sh", Some("usr/bin/dash")),
            ("etc/../bin", Some("usr/bin")),
            ("lost", None),
            ("a", None),
            ("a/x", None),
            ("usr/bin/dash/x", None),
            ("", None),
        ] {
            assert_eq!(view.resolve(path).as_ref().map(ImagePath::as_str), expected, "{path}");
        }
        assert_eq!(view.place("bin/sh"), Some(at("usr/bin/sh")));
        assert_eq!(view.place("a/x"), None);
        assert!(view.is_present("lost") && !view.exists("lost"));
        assert_eq!(view.read_text("etc/sh").unwrap().as_deref(), Some("shell"));
        assert_eq!(view.read("bin").unwrap(), None);
        let names: Vec<String> = view.children("bin").iter().map(|(path, _)| path.to_string()).collect();
        assert_eq!(names, ["/usr/bin/dash", "/usr/bin/sh"]);
    }

    #[test]
    fn files_that_cannot_be_texts_are_refused() {
        let mut image = Image::new();
        let long = vec![b' '; usize::try_from(LONGEST_READ).unwrap() + 1];
        for (path, bytes) in [("long", long.as_slice()), ("binary", b"\xff")] {
            let mut bytes = bytes;
            invar_tree::Sink::file(&mut image.tree, at(path), Mode::FILE, Owner::ROOT, &mut bytes).unwrap();
        }
        let view = View::new(&image.tree);
        assert!(matches!(view.read("long"), Err(ConfigureError::TooLong { .. })));
        assert!(matches!(view.read_text("binary"), Err(ConfigureError::NotUtf8 { .. })));
    }

    #[test]
    fn what_was_made_hides_what_was_there() {
        let image = Image::new().file("etc/a", "old").file("etc/b", "old").file("etc/d/x", "old");
        let mut view = View::new(&image.tree);
        let mut out = Output::new("test");
        out.file(at("etc/a"), Mode::FILE, Owner::ROOT, "new");
        out.remove(at("etc/b"));
        out.remove(at("etc/d"));
        view.apply(out).unwrap();
        assert_eq!(view.read_text("etc/a").unwrap().as_deref(), Some("new"));
        let names: Vec<&str> = view.within("etc").map(|(path, _)| path.as_str()).collect();
        assert_eq!(names, ["etc", "etc/a"]);
        assert!(view.open(&at("etc/b")).is_err());
    }
}
