use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Read, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use invar_oci::{GzipWriter, write_segment};
use invar_tree::{
    ContentReader, Contents, Entry, Hasher, ImagePath, Mode, Node, Origin, Owner, Sink, SinkError, Tree,
};

use crate::permission::{finish, open_for_owner};
use crate::seal::{ATTACHMENT, COMPRESSED, LISTING, SEAL, SEGMENT, Seal, SealedEntry, is_attachment_name};
use crate::temporary::{Access, TemporaryDirectory, rename};
use crate::tree::OpenFailure;
use crate::window::Window;
use crate::{Key, Store, StoreError, StoredTree};

impl Store {
    /// Begins the tree of `key`.
    ///
    /// # Errors
    /// [`StoreError::Full`], [`StoreError::ReadOnly`], [`StoreError::Io`].
    pub fn tree_writer(&self, key: &Key) -> Result<TreeWriter, StoreError> {
        let directory = TemporaryDirectory::create(self, Access::Shared)?;
        let path = directory.path().join("spool");
        let spool = create(&path)?;
        // It is reached through the open file only, and so vanishes with it.
        fs::remove_file(&path).map_err(StoreError::writing(&path))?;
        Ok(TreeWriter {
            store: self.clone(),
            key: *key,
            directory,
            path,
            spool: BufWriter::with_capacity(BUFFER, spool),
            spooled: 0,
            buffer: vec![0; BUFFER],
            places: BTreeMap::new(),
            tree: Tree::new(),
            // Not kept: a listing has no origins, and a stored tree gets one when it is read.
            origin: Arc::new(Origin::Source),
        })
    }
}

const BUFFER: usize = 256 * 1024;

/// A tree in the making: the [`Sink`] of a format's reader. Dropped without a commit, it leaves nothing.
///
/// The contents come in the order of the archive and are needed in the order of the paths, so they are collected in
/// one file first; however large the archive, the memory needed is that of its list of entries.
#[derive(Debug)]
pub struct TreeWriter {
    store: Store,
    key: Key,
    directory: TemporaryDirectory,
    /// The name that the spool had, for messages.
    path: PathBuf,
    spool: BufWriter<File>,
    spooled: u64,
    /// Kept from file to file: most are far smaller than it.
    buffer: Vec<u8>,
    /// Where each file's content is in the spool.
    places: BTreeMap<ImagePath, Range<u64>>,
    tree: Tree,
    origin: Arc<Origin>,
}

impl TreeWriter {
    /// The entries so far. Their origins are of no meaning.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Puts the tree into the store, with attachments: what belongs to it but is not in the image, by name.
    ///
    /// If another process or thread was faster, its tree is kept and returned.
    ///
    /// # Errors
    /// [`StoreError::AttachmentName`], [`StoreError::Segment`], [`StoreError::Full`], [`StoreError::ReadOnly`],
    /// [`StoreError::Io`].
    pub fn commit(self, attachments: &[(&str, &[u8])]) -> Result<StoredTree, StoreError> {
        let Self { store, key, directory, path, spool, places, tree, .. } = self;
        let spool = spool.into_inner().map_err(|error| StoreError::writing(&path)(error.into_error()))?;
        let mut files = BTreeMap::new();
        for (name, bytes) in attachments {
            let file = format!("{ATTACHMENT}{name}");
            if !is_attachment_name(name) || files.contains_key(&file) {
                return Err(StoreError::AttachmentName { name: (*name).to_owned() });
            }
            let sealed = write_file(&directory.path().join(&file), bytes)?;
            files.insert(file, sealed);
        }
        let listing = write_file(&directory.path().join(LISTING), tree.to_listing().as_bytes())?;
        let (segment, compressed) = write_segments(directory.path(), &tree, &Spool { file: spool, places })?;
        files.extend([
            (LISTING.to_owned(), listing),
            (SEGMENT.to_owned(), segment),
            (COMPRESSED.to_owned(), compressed),
        ]);
        let seal = Seal::new(files).expect("all files that a tree must have are in it");
        write_file(&directory.path().join(SEAL), seal.to_text().as_bytes())?;
        put_in_place(&store, &key, &directory)
    }

    fn insert(&mut self, path: ImagePath, node: Node, mode: Mode, owner: Owner) -> Result<(), SinkError> {
        self.tree.insert(path, Entry { node, mode, owner, origin: Arc::clone(&self.origin) })
    }

    /// Appends `content` to the spool, and returns where it is there.
    fn append(&mut self, path: &ImagePath, content: &mut dyn Read) -> Result<(Range<u64>, Node), SinkError> {
        let start = self.spooled;
        let mut hasher = Hasher::new();
        loop {
            let read = match content.read(&mut self.buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(source) => return Err(SinkError::Read { path: path.clone(), source }),
            };
            if let Err(error) = self.spool.write_all(&self.buffer[..read]) {
                let source = StoreError::writing(&self.path)(error).into_io();
                return Err(SinkError::Write { path: path.clone(), source });
            }
            hasher.update(&self.buffer[..read]);
            self.spooled += read as u64;
        }
        let size = hasher.length();
        Ok((start..self.spooled, Node::File { size, digest: hasher.finish() }))
    }
}

impl Sink for TreeWriter {
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
        let (place, node) = self.append(&path, content)?;
        self.insert(path.clone(), node, mode, owner)?;
        self.places.insert(path, place);
        Ok(())
    }

    fn symlink(&mut self, path: ImagePath, target: Arc<str>, owner: Owner) -> Result<(), SinkError> {
        self.insert(path, Node::Symlink { target }, Mode::SYMLINK, owner)
    }

    fn copy(&mut self, path: ImagePath, original: &ImagePath) -> Result<(), SinkError> {
        let (Some(entry), Some(place)) = (self.tree.get(original.as_str()), self.places.get(original)) else {
            return Err(SinkError::Read { path, source: ErrorKind::NotFound.into() });
        };
        // Both files read the same bytes of the spool.
        let (node, mode, owner, place) = (entry.node.clone(), entry.mode, entry.owner, place.clone());
        self.insert(path.clone(), node, mode, owner)?;
        self.places.insert(path, place);
        Ok(())
    }
}

/// The spool, and where each file's content is in it.
struct Spool {
    file: File,
    places: BTreeMap<ImagePath, Range<u64>>,
}

impl Contents for Spool {
    fn open(&self, path: &ImagePath) -> io::Result<ContentReader<'_>> {
        match self.places.get(path) {
            Some(place) => Ok(Box::new(Window::new(&self.file, place.clone()))),
            None => Err(ErrorKind::NotFound.into()),
        }
    }
}

/// A writer that keeps the digest and length of what goes through it.
struct HashingWriter<W> {
    out: W,
    hasher: Hasher,
}

impl<W> HashingWriter<W> {
    fn new(out: W) -> Self {
        Self { out, hasher: Hasher::new() }
    }

    fn sealed(self) -> (W, SealedEntry) {
        let length = self.hasher.length();
        (self.out, SealedEntry { digest: self.hasher.finish(), length })
    }
}

impl<W: Write> Write for HashingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Writes both to the end.
struct Tee<A, B>(A, B);

impl<A: Write, B: Write> Write for Tee<A, B> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_all(bytes)?;
        self.1.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()?;
        self.1.flush()
    }
}

/// Writes the segment, plain and compressed, in one pass over the contents.
fn write_segments(
    directory: &Path,
    tree: &Tree,
    contents: &dyn Contents,
) -> Result<(SealedEntry, SealedEntry), StoreError> {
    let (plain_path, compressed_path) = (directory.join(SEGMENT), directory.join(COMPRESSED));
    let plain = HashingWriter::new(create(&plain_path)?);
    let compressed = BufWriter::with_capacity(BUFFER, create(&compressed_path)?);
    let mut both = Tee(plain, GzipWriter::new(HashingWriter::new(compressed)));
    write_segment(tree, contents, &mut both).map_err(|source| StoreError::segment(&plain_path, source))?;
    let Tee(plain, compressed) = both;
    let writing = StoreError::writing;
    let (file, plain) = plain.sealed();
    finish(&file).map_err(writing(&plain_path))?;
    let (buffered, compressed) = compressed.finish().map_err(writing(&compressed_path))?.sealed();
    let file = buffered.into_inner().map_err(|error| writing(&compressed_path)(error.into_error()))?;
    finish(&file).map_err(writing(&compressed_path))?;
    Ok((plain, compressed))
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<SealedEntry, StoreError> {
    let mut out = HashingWriter::new(create(path)?);
    out.write_all(bytes).map_err(StoreError::writing(path))?;
    let (file, sealed) = out.sealed();
    finish(&file).map_err(StoreError::writing(path))?;
    Ok(sealed)
}

fn create(path: &Path) -> Result<File, StoreError> {
    let create = || {
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
        open_for_owner(&file)?;
        Ok(file)
    };
    create().map_err(StoreError::writing(path))
}

/// Renames the finished folder to its name, unless a good one has the name by now.
fn put_in_place(store: &Store, key: &Key, directory: &TemporaryDirectory) -> Result<StoredTree, StoreError> {
    let path = store.tree_path(key);
    loop {
        // A folder that is not empty is never replaced by a rename, so the first one stays.
        let taken = match rename(directory.path(), &path) {
            Ok(()) => false,
            Err(error) => match error.kind() {
                ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists | ErrorKind::NotADirectory => true,
                _ => return Err(StoreError::writing(&path)(error)),
            },
        };
        match StoredTree::open(store, key) {
            Ok(tree) => return Ok(tree),
            Err(OpenFailure::Failed(error)) => return Err(error),
            Err(OpenFailure::Absent | OpenFailure::Damaged) if !taken => {
                return Err(StoreError::Damaged { path });
            }
            // Someone is removing theirs.
            Err(OpenFailure::Absent) => {}
            Err(OpenFailure::Damaged) => {
                store.discard_damaged_tree(key)?;
            }
        }
    }
}
