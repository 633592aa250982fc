//! The project's files, as the evaluator sees them.
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use invar_nix::{FileKind, Files};

/// Where the project is in the evaluator's virtual root.
pub const PROJECT: &str = "/project";

/// The project's files: by path relative to the flake's directory, with the text where it is known.
#[derive(Debug, Clone)]
pub(crate) struct ProjectFiles {
    texts: BTreeMap<String, Option<Rc<str>>>,
    directories: BTreeMap<String, BTreeMap<String, FileKind>>,
    /// The files whose text the evaluator asked for; the evaluator's copy has the same.
    read: Rc<RefCell<BTreeSet<String>>>,
}

impl ProjectFiles {
    /// The files of `files`, with `flake` as the text of `flake.nix`.
    pub(crate) fn new(flake: &str, files: &BTreeMap<String, Option<String>>) -> Self {
        let mut texts: BTreeMap<String, Option<Rc<str>>> = files
            .iter()
            .map(|(path, text)| (format!("{PROJECT}/{path}"), text.as_deref().map(Rc::from)))
            .collect();
        texts.insert(format!("{PROJECT}/flake.nix"), Some(Rc::from(flake)));
        let mut directories: BTreeMap<String, BTreeMap<String, FileKind>> = BTreeMap::new();
        directories.insert(PROJECT.to_owned(), BTreeMap::new());
        for path in texts.keys() {
            let (mut path, mut kind) = (path.as_str(), FileKind::Regular);
            while let Some((directory, name)) = path.rsplit_once('/') {
                let entries = directories.entry(directory.to_owned()).or_default();
                if entries.insert(name.to_owned(), kind).is_some() {
                    break;
                }
                (path, kind) = (directory, FileKind::Directory);
            }
        }
        Self { texts, directories, read: Rc::default() }
    }

    /// The files whose text the evaluator asked for so far, relative to the project.
    pub(crate) fn read(&self) -> BTreeSet<String> {
        self.read
            .borrow()
            .iter()
            .filter_map(|path| path.strip_prefix(PROJECT)?.strip_prefix('/'))
            .map(str::to_owned)
            .collect()
    }

    /// The text of the file at `path`, which is relative to the project.
    pub(crate) fn project_text(&self, path: &str) -> Option<&str> {
        self.texts.get(&format!("{PROJECT}/{path}"))?.as_deref()
    }

    /// The absolute paths of the directories that have a file `name`, with its text.
    pub(crate) fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> + 'a {
        self.texts.iter().filter_map(move |(path, text)| {
            let (directory, file) = path.rsplit_once('/')?;
            (file == name).then_some(())?;
            Some((directory, text.as_deref()?))
        })
    }
}

impl Files for ProjectFiles {
    fn text(&self, path: &str) -> Option<Rc<str>> {
        let text = self.texts.get(path)?.clone();
        self.read.borrow_mut().insert(path.to_owned());
        text
    }

    fn kind(&self, path: &str) -> Option<FileKind> {
        if self.texts.contains_key(path) {
            return Some(FileKind::Regular);
        }
        self.directories.contains_key(path.trim_end_matches('/')).then_some(FileKind::Directory)
    }

    fn list(&self, directory: &str) -> Option<Vec<(String, FileKind)>> {
        // The root is the one directory whose path ends in a slash.
        let entries = self.directories.get(directory.trim_end_matches('/'))?;
        Some(entries.iter().map(|(name, kind)| (name.clone(), *kind)).collect())
    }
}
