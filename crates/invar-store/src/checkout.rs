use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::survey::{self, CheckoutSeal, ROOT, SEAL};
use crate::temporary::{Access, TemporaryDirectory};
use crate::tree::{OpenFailure, judge};
use crate::{Key, Store, StoreError};

impl Store {
    /// The checkout that was kept for `key`. One that is damaged, or in which anything was changed, is removed and
    /// counts as absent.
    ///
    /// Every kind, mode, length and time is checked, and no content is read.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn checkout(&self, key: &Key) -> Result<Option<Checkout>, StoreError> {
        match Checkout::open(self, key) {
            Ok(checkout) => Ok(Some(checkout)),
            Err(OpenFailure::Absent) => Ok(None),
            Err(OpenFailure::Damaged) => match self.discard_damaged_checkout(key) {
                // In a store that can only be read the damage stays, and the checkout is absent all the same.
                Ok(_) | Err(StoreError::ReadOnly { .. } | StoreError::Full { .. }) => Ok(None),
                Err(error) => Err(error),
            },
            Err(OpenFailure::Failed(error)) => Err(error),
        }
    }

    /// Removes the checkout if it is damaged; another process may have replaced it since that was found.
    pub(crate) fn discard_damaged_checkout(&self, key: &Key) -> Result<(), StoreError> {
        let _lock = self.lock_for_repair()?;
        match Checkout::open(self, key) {
            Ok(_) | Err(OpenFailure::Absent) => return Ok(()),
            Err(OpenFailure::Damaged) => {}
            Err(OpenFailure::Failed(error)) => return Err(error),
        }
        let path = self.checkout_path(key);
        if fs::symlink_metadata(&path).is_ok_and(|metadata| !metadata.is_dir()) {
            return fs::remove_file(&path).map_err(StoreError::writing(&path));
        }
        // Renamed first, so nobody finds a folder that is half removed.
        let aside = TemporaryDirectory::create(self, Access::Private)?;
        fs::rename(&path, aside.path()).map_err(StoreError::writing(&path))
    }
}

/// A tree as real files, with [`FILE_TIME`](invar_oci::FILE_TIME) as the time of each. It is the lower layer of a
/// sandbox and must not be written to: a checkout in which anything was changed is removed when it is next looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    key: Key,
    root: PathBuf,
}

impl Checkout {
    pub(crate) fn open(store: &Store, key: &Key) -> Result<Self, OpenFailure> {
        let directory = store.checkout_path(key);
        if let Err(error) = fs::symlink_metadata(&directory) {
            return Err(match error.kind() {
                ErrorKind::NotFound => OpenFailure::Absent,
                _ => OpenFailure::Failed(StoreError::reading(&directory)(error)),
            });
        }
        let path = directory.join(SEAL);
        let file = File::open(&path).map_err(|error| judge(&path, error))?;
        let mut text = String::new();
        file.take(survey::LIMIT).read_to_string(&mut text).map_err(|error| judge(&path, error))?;
        let seal = CheckoutSeal::parse(&text).ok_or(OpenFailure::Damaged)?;
        let root = directory.join(ROOT);
        match seal.holds(&root) {
            Ok(true) => Ok(Self { key: *key, root }),
            Ok(false) => Err(OpenFailure::Damaged),
            Err(error) => Err(OpenFailure::Failed(StoreError::reading(&root)(error.into()))),
        }
    }

    /// The key that it is kept under.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The folder that is the root of the tree.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// Whether the tree has something at `path`, written without a leading slash.
    pub fn has(&self, path: &str) -> bool {
        self.root.join(path).exists()
    }

    /// What the symbolic link at `path` leads to; `None` if there is none.
    pub fn link(&self, path: &str) -> Option<Arc<str>> {
        fs::read_link(self.root.join(path)).ok()?.to_str().map(Arc::from)
    }
}
