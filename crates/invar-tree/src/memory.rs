use std::collections::BTreeMap;
use std::io::{self, Cursor, Read};
use std::sync::Arc;

use crate::{
    ContentReader, Contents, Digest, Entry, ImagePath, Mode, Node, Origin, Owner, Sink, SinkError, Tree,
};

/// A small tree with its contents in memory: what handlers produce, and what tests build.
#[derive(Debug, Clone)]
pub struct MemoryTree {
    tree: Tree,
    contents: BTreeMap<ImagePath, Vec<u8>>,
    origin: Arc<Origin>,
}

impl MemoryTree {
    /// An empty tree whose entries will have the origin `origin`.
    pub fn new(origin: Origin) -> Self {
        Self { tree: Tree::new(), contents: BTreeMap::new(), origin: Arc::new(origin) }
    }

    /// The tree.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The entries that follow get the origin `origin`.
    pub fn set_origin(&mut self, origin: Origin) {
        self.origin = Arc::new(origin);
    }

    fn insert(&mut self, path: ImagePath, node: Node, mode: Mode, owner: Owner) -> Result<(), SinkError> {
        self.tree.insert(path, Entry { node, mode, owner, origin: Arc::clone(&self.origin) })
    }
}

impl Sink for MemoryTree {
    fn directory(&mut self, path: ImagePath, mode: Mode, owner: Owner) -> Result<(), SinkError> {
        self.insert(path, Node::Directory, mode, owner)
    }

    fn file(
        &mut self,
        path: ImagePath,
        mode: Mode,
        owner: Owner,
        content: &mut dyn Read,
    ) -> Result<(), SinkError> {
        let mut bytes = Vec::new();
        if let Err(source) = content.read_to_end(&mut bytes) {
            return Err(SinkError::Read { path, source });
        }
        let node = Node::File { size: bytes.len() as u64, digest: Digest::of(&bytes) };
        self.insert(path.clone(), node, mode, owner)?;
        self.contents.insert(path, bytes);
        Ok(())
    }

    fn symlink(&mut self, path: ImagePath, target: Arc<str>, owner: Owner) -> Result<(), SinkError> {
        self.insert(path, Node::Symlink { target }, Mode::SYMLINK, owner)
    }

    fn copy(&mut self, path: ImagePath, original: &ImagePath) -> Result<(), SinkError> {
        let (Some(entry), Some(bytes)) = (self.tree.get(original.as_str()), self.contents.get(original))
        else {
            return Err(SinkError::Read { path, source: io::ErrorKind::NotFound.into() });
        };
        let (node, mode, owner, bytes) = (entry.node.clone(), entry.mode, entry.owner, bytes.clone());
        self.insert(path.clone(), node, mode, owner)?;
        self.contents.insert(path, bytes);
        Ok(())
    }
}

impl Contents for MemoryTree {
    fn open(&self, path: &ImagePath) -> io::Result<ContentReader<'_>> {
        match self.contents.get(path) {
            Some(bytes) => Ok(Box::new(Cursor::new(bytes.as_slice()))),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }
}
