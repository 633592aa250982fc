use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use invar_tree::Digest;

use crate::{Key, StoreError};

/// A store in a folder, shared with any other process that opens the same folder.
///
/// Cloning is cheap: it is a name, and holds nothing open.
#[derive(Debug, Clone)]
pub struct Store {
    root: Arc<Path>,
}

impl Store {
    /// The store that is, or is to be, in `root`. Nothing of the disk is looked at.
    pub(crate) fn at(root: &Path) -> Self {
        Self { root: root.into() }
    }

    /// The store's folder.
    pub fn path(&self) -> &Path {
        &self.root
    }

    pub(crate) fn format_path(&self) -> PathBuf {
        self.root.join("format")
    }

    pub(crate) fn temporary_path(&self) -> PathBuf {
        self.root.join("tmp")
    }

    pub(crate) fn partial_directory(&self) -> PathBuf {
        self.root.join("partial")
    }

    pub(crate) fn blob_file(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        self.root.join("blobs").join("sha256").join(&hex[..2]).join(hex)
    }

    pub(crate) fn tree_path(&self, key: &Key) -> PathBuf {
        let hex = key.hex();
        self.root.join("trees").join(&hex[..2]).join(hex)
    }

    /// Each user has folders of their own: only their owner can enter a checkout, and the owner can be seen in it.
    pub(crate) fn checkout_path(&self, key: &Key) -> PathBuf {
        let user = rustix::process::geteuid().as_raw().to_string();
        let hex = key.hex();
        self.root.join("checkouts").join(user).join(&hex[..2]).join(hex)
    }

    pub(crate) fn result_path(&self, key: &Key) -> PathBuf {
        let hex = key.hex();
        self.root.join("results").join(&hex[..2]).join(format!("{hex}.json"))
    }

    /// Holds the lock under which damaged things are removed, as long as the file lives. Without it a process that
    /// saw the damage could remove what another has already put in its place.
    pub(crate) fn lock_for_repair(&self) -> Result<File, StoreError> {
        let path = self.format_path();
        let file = File::open(&path).map_err(StoreError::reading(&path))?;
        lock(&file).map_err(StoreError::reading(&path))?;
        Ok(file)
    }
}

/// Waits for the lock on `file`; a signal does not end the wait.
pub(crate) fn lock(file: &File) -> io::Result<()> {
    loop {
        match file.lock() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// The names in a folder, sorted by their bytes; names that are not UTF-8 are none of ours and come out changed.
pub(crate) fn sorted_names(directory: &Path) -> io::Result<Vec<String>> {
    #[expect(clippy::disallowed_methods, reason = "sorted below")]
    let mut names = fs::read_dir(directory)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<io::Result<Vec<String>>>()?;
    names.sort_unstable();
    Ok(names)
}
