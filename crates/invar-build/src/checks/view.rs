//! The image as a program finds it: with links followed, a working directory, and `PATH`.
use std::io::Read as _;
use std::sync::Arc;

use invar_oci::ImageConfig;
use invar_plan::Plan;
use invar_run::resolve;
use invar_tree::{ContentReader, Contents, Entry, ImagePath, Node, Tree};

/// How much of a file is read to see what starts it: Linux reads as much of a `#!` line.
const START: u64 = 256;

/// The longest text that is read: lists of accounts.
const LONGEST_TEXT: u64 = 1 << 20;

/// An image and how it is started.
pub(super) struct View<'a> {
    pub tree: &'a Tree,
    pub contents: &'a dyn Contents,
    pub config: &'a ImageConfig,
    pub plan: &'a Plan,
}

impl<'a> View<'a> {
    /// The working directory, an absolute path.
    pub fn directory(&self) -> &str {
        self.config.working_dir.as_deref().unwrap_or("/")
    }

    /// The value of a variable.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.config.env.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// `path` as an absolute one. A relative path begins in the working directory.
    pub fn absolute(&self, path: &str) -> String {
        if path.starts_with('/') {
            return path.to_owned();
        }
        let path = path.strip_prefix("./").unwrap_or(path);
        format!("{}/{path}", self.directory().trim_end_matches('/'))
    }

    /// Where `path` leads when all links are followed, and what is there.
    pub fn real(&self, path: &str) -> Option<(ImagePath, &'a Entry)> {
        let links = |place: &str| match &self.tree.get(place)?.node {
            Node::Symlink { target } => Some(Arc::clone(target)),
            Node::File { .. } | Node::Directory => None,
        };
        let path = ImagePath::parse(self.absolute(path).trim_start_matches('/')).ok()?;
        let real = ImagePath::parse(&resolve(&path, &links)?).ok()?;
        let entry = self.tree.get(real.as_str())?;
        Some((real, entry))
    }

    /// What is at `path` when all links are followed.
    pub fn get(&self, path: &str) -> Option<&'a Entry> {
        self.real(path).map(|(_, entry)| entry)
    }

    /// Whether `path` is a file.
    pub fn is_file(&self, path: &str) -> bool {
        self.get(path).is_some_and(|entry| !entry.is_directory())
    }

    /// Whether `path` is a directory.
    pub fn is_directory(&self, path: &str) -> bool {
        matches!(path.trim_matches('/'), "" | ".") || self.get(path).is_some_and(Entry::is_directory)
    }

    /// The directories of `PATH`.
    pub fn search_path(&self) -> impl Iterator<Item = &str> {
        self.variable("PATH").unwrap_or_default().split(':').filter(|directory| !directory.is_empty())
    }

    /// The program that an engine starts for `name` (OCI runtime specification, `process.args`: as `execvp`), and what it
    /// is called in the image.
    pub fn find(&self, name: &str) -> Option<(ImagePath, &'a Entry)> {
        if name.contains('/') {
            return self.real(name);
        }
        // As `execvp`, which passes over what cannot be run as long as something else can.
        let found = || {
            let places = self.search_path().filter_map(|directory| self.real(&format!("{directory}/{name}")));
            places.filter(|(_, entry)| !entry.is_directory())
        };
        found().find(|(_, entry)| is_executable(entry)).or_else(|| found().next())
    }

    /// Whether `path` is where a container may have files that the image does not have.
    pub fn is_in_volume(&self, path: &str) -> bool {
        let path = self.absolute(path);
        self.config.volumes.iter().any(|volume| {
            let rest = path.strip_prefix(volume.trim_end_matches('/'));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    /// Opens a file whose links have been followed.
    pub fn open(&self, path: &ImagePath) -> Option<ContentReader<'a>> {
        self.contents.open(path).ok()
    }

    /// The text of a file, nothing where there is none.
    pub fn text(&self, path: &str) -> String {
        let Some((path, _)) = self.real(path) else { return String::new() };
        let mut bytes = Vec::new();
        if let Some(content) = self.open(&path)
            && content.take(LONGEST_TEXT).read_to_end(&mut bytes).is_err()
        {
            bytes.clear();
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The first bytes of a file.
    pub fn start(&self, path: &ImagePath) -> Vec<u8> {
        let mut start = Vec::new();
        if let Some(content) = self.open(path)
            && content.take(START).read_to_end(&mut start).is_err()
        {
            start.clear();
        }
        start
    }
}

/// Whether whoever may run files may run this one.
pub(super) fn is_executable(entry: &Entry) -> bool {
    !entry.is_directory() && entry.mode.bits() & 0o111 != 0
}
