use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use invar_oci::SegmentLayout;
use invar_tree::{ContentReader, Contents, Digest, Hasher, ImagePath, Origin, Tree};

use crate::seal::{self, ATTACHMENT, COMPRESSED, LISTING, SEAL, SEGMENT, Seal, SealedEntry};
use crate::temporary::{Access, TemporaryDirectory};
use crate::window::Window;
use crate::{Key, Store, StoreError};

/// Why a tree's folder was not opened.
#[derive(Debug)]
pub(crate) enum OpenFailure {
    /// There is none.
    Absent,
    /// What is there is not what was put there.
    Damaged,
    /// It cannot be read.
    Failed(StoreError),
}

/// How much of a tree's folder is checked against its seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SealCheck {
    /// The lengths of all files.
    Lengths,
    /// Every byte.
    Digests,
}

impl Store {
    /// The tree that was kept for `key`. One that is damaged is removed and counts as absent.
    ///
    /// The lengths of all files and the digest of the listing are checked; the contents of the files are not.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn tree(&self, key: &Key) -> Result<Option<StoredTree>, StoreError> {
        match StoredTree::open(self, key) {
            Ok(tree) => Ok(Some(tree)),
            Err(OpenFailure::Absent) => Ok(None),
            Err(OpenFailure::Damaged) => match self.discard_damaged_tree(key) {
                // In a store that can only be read the damage stays, and the tree is absent all the same.
                Ok(_) | Err(StoreError::ReadOnly { .. } | StoreError::Full { .. }) => Ok(None),
                Err(error) => Err(error),
            },
            Err(OpenFailure::Failed(error)) => Err(error),
        }
    }

    /// Removes a tree that a reader found to be damaged, if it is: every byte of it is hashed first. Returns whether
    /// the tree is gone.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::ReadOnly`], [`StoreError::Full`].
    pub fn discard_damaged_tree(&self, key: &Key) -> Result<bool, StoreError> {
        let _lock = self.lock_for_repair()?;
        let path = self.tree_path(key);
        match read_seal(&path).and_then(|seal| check(&path, &seal, SealCheck::Digests)) {
            Ok(()) => return Ok(false),
            Err(OpenFailure::Absent) => return Ok(true),
            Err(OpenFailure::Damaged) => {}
            Err(OpenFailure::Failed(error)) => return Err(error),
        }
        if fs::symlink_metadata(&path).is_ok_and(|metadata| !metadata.is_dir()) {
            fs::remove_file(&path).map_err(StoreError::writing(&path))?;
            return Ok(true);
        }
        // Renamed first, so nobody finds a folder that is half removed.
        let aside = TemporaryDirectory::create(self, Access::Shared)?;
        fs::rename(&path, aside.path()).map_err(StoreError::writing(&path))?;
        Ok(true)
    }
}

/// A tree in the store. Cloning is cheap; any number of threads may read from one.
#[derive(Debug, Clone)]
pub struct StoredTree(Arc<Opening>);

#[derive(Debug)]
struct Opening {
    store: Store,
    key: Key,
    path: PathBuf,
    seal: Seal,
    listing: String,
    segment: File,
    layout: OnceLock<SegmentLayout>,
}

impl StoredTree {
    pub(crate) fn open(store: &Store, key: &Key) -> Result<Self, OpenFailure> {
        let path = store.tree_path(key);
        let seal = read_seal(&path)?;
        check(&path, &seal, SealCheck::Lengths)?;
        let listing = read_sealed(&path, LISTING, seal.listing)?;
        let listing = String::from_utf8(listing).map_err(|_| OpenFailure::Damaged)?;
        let segment = open_sealed(&path, SEGMENT, seal.segment)?;
        let store = store.clone();
        let layout = OnceLock::new();
        Ok(Self(Arc::new(Opening { store, key: *key, path, seal, listing, segment, layout })))
    }

    /// The tree; every entry gets `origin`.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] where the listing is not one.
    pub fn tree(&self, origin: &Arc<Origin>) -> Result<Tree, StoreError> {
        Tree::from_listing(&self.0.listing, origin)
            .map_err(|_| StoreError::Damaged { path: self.0.path.join(LISTING) })
    }

    /// Where the segment is: the tree's part of a layer, uncompressed.
    pub fn segment_path(&self) -> PathBuf {
        self.0.path.join(SEGMENT)
    }

    /// The segment's length in bytes.
    pub fn segment_len(&self) -> u64 {
        self.0.seal.segment.length
    }

    /// The segment's digest.
    pub fn segment_digest(&self) -> Digest {
        self.0.seal.segment.digest
    }

    /// Where the compressed segment is: gzip members that can be concatenated with others.
    pub fn compressed_path(&self) -> PathBuf {
        self.0.path.join(COMPRESSED)
    }

    /// The compressed segment's length in bytes.
    pub fn compressed_len(&self) -> u64 {
        self.0.seal.compressed.length
    }

    /// The compressed segment's digest.
    pub fn compressed_digest(&self) -> Digest {
        self.0.seal.compressed.digest
    }

    /// The names of the attachments, sorted by their bytes.
    pub fn attachments(&self) -> impl Iterator<Item = &str> {
        self.0.seal.iter().filter_map(|(name, _)| name.strip_prefix(ATTACHMENT))
    }

    /// The attachment `name`.
    ///
    /// # Errors
    /// [`StoreError::NoAttachment`], [`StoreError::Damaged`], [`StoreError::Io`].
    pub fn attachment(&self, name: &str) -> Result<Vec<u8>, StoreError> {
        let Opening { store, key, path, seal, .. } = &*self.0;
        let file = format!("{ATTACHMENT}{name}");
        let Some(sealed) = seal.get(&file) else {
            return Err(StoreError::NoAttachment { path: path.clone(), name: name.to_owned() });
        };
        match read_sealed(path, &file, sealed) {
            Ok(bytes) => Ok(bytes),
            Err(OpenFailure::Failed(error)) => Err(error),
            Err(OpenFailure::Absent | OpenFailure::Damaged) => {
                // The error is whether or not the folder can be removed.
                let _ = store.discard_damaged_tree(key);
                Err(StoreError::Damaged { path: path.join(file) })
            }
        }
    }
}

/// Contents are read from the segment, which is opened once.
impl Contents for StoredTree {
    fn open(&self, path: &ImagePath) -> io::Result<ContentReader<'_>> {
        let Opening { segment, layout, .. } = &*self.0;
        let layout = match layout.get() {
            Some(layout) => layout,
            None => {
                // The layout is the same for every origin.
                let tree = self.tree(&Arc::new(Origin::Source)).map_err(StoreError::into_io)?;
                layout.get_or_init(|| SegmentLayout::of(&tree))
            }
        };
        match layout.content_range(path) {
            Some(range) if range.end <= self.segment_len() => Ok(Box::new(Window::new(segment, range))),
            Some(_) => Err(StoreError::Damaged { path: self.segment_path() }.into_io()),
            None => Err(ErrorKind::NotFound.into()),
        }
    }
}

/// A folder without a readable seal was never finished, or has been damaged: the seal is in it before it is renamed.
fn read_seal(directory: &Path) -> Result<Seal, OpenFailure> {
    if let Err(error) = fs::symlink_metadata(directory) {
        return Err(match error.kind() {
            ErrorKind::NotFound => OpenFailure::Absent,
            _ => OpenFailure::Failed(StoreError::reading(directory)(error)),
        });
    }
    let path = directory.join(SEAL);
    let file = File::open(&path).map_err(|error| judge(&path, error))?;
    let mut text = String::new();
    file.take(seal::LIMIT).read_to_string(&mut text).map_err(|error| judge(&path, error))?;
    Seal::parse(&text).ok_or(OpenFailure::Damaged)
}

fn check(directory: &Path, seal: &Seal, check: SealCheck) -> Result<(), OpenFailure> {
    for (name, sealed) in seal.iter() {
        let path = directory.join(name);
        let metadata = fs::symlink_metadata(&path).map_err(|error| judge(&path, error))?;
        if !metadata.is_file() || metadata.len() != sealed.length {
            return Err(OpenFailure::Damaged);
        }
        if check == SealCheck::Digests {
            let mut hasher = Hasher::new();
            let file = open_sealed(directory, name, sealed)?;
            // A sector that cannot be read is damage too.
            let read = io::copy(&mut file.take(sealed.length), &mut hasher);
            if read.is_err() || hasher.finish() != sealed.digest {
                return Err(OpenFailure::Damaged);
            }
        }
    }
    Ok(())
}

/// Opens a file and checks its length.
fn open_sealed(directory: &Path, name: &str, sealed: SealedEntry) -> Result<File, OpenFailure> {
    let path = directory.join(name);
    let file = File::open(&path).map_err(|error| judge(&path, error))?;
    let length = file.metadata().map_err(|error| judge(&path, error))?.len();
    if length == sealed.length { Ok(file) } else { Err(OpenFailure::Damaged) }
}

/// Reads a file and checks every byte.
fn read_sealed(directory: &Path, name: &str, sealed: SealedEntry) -> Result<Vec<u8>, OpenFailure> {
    let file = open_sealed(directory, name, sealed)?;
    let mut bytes = Vec::new();
    let path = directory.join(name);
    file.take(sealed.length).read_to_end(&mut bytes).map_err(|error| judge(&path, error))?;
    if Digest::of(&bytes) == sealed.digest { Ok(bytes) } else { Err(OpenFailure::Damaged) }
}

/// A missing file, or another kind of file, is damage; a file that may not be read is the user's to see to.
pub(crate) fn judge(path: &Path, error: io::Error) -> OpenFailure {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory | ErrorKind::InvalidData => {
            OpenFailure::Damaged
        }
        _ => OpenFailure::Failed(StoreError::reading(path)(error)),
    }
}
