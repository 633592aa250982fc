//! The directory in which one command is run.
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use invar_oci::FILE_TIME;
use invar_store::{Scratch, Store};
use invar_tree::{Contents, Node, Tree};

use crate::executor::{ExecutorError, Input};

/// A private directory in the store in which one command is run: the build directory is filled before, and read after.
pub(super) struct Workdir {
    scratch: Scratch,
}

impl Workdir {
    /// An empty one.
    ///
    /// # Errors
    /// What the store and the disk say.
    pub fn new(store: &Store) -> Result<Self, ExecutorError> {
        let workdir = Self { scratch: store.scratch()? };
        for path in [workdir.build(), workdir.layer()] {
            fs::create_dir(&path).map_err(|source| ExecutorError::Disk { path, source })?;
        }
        Ok(workdir)
    }

    /// The build directory.
    pub fn build(&self) -> PathBuf {
        self.scratch.path().join("build")
    }

    /// Where the sandbox keeps what the command changes in its root.
    pub fn layer(&self) -> PathBuf {
        self.scratch.path().join("layer")
    }

    /// Writes `input` to its place; returns the directory that it is in.
    ///
    /// # Errors
    /// What the contents' source or the disk says.
    pub fn fill(&self, input: &Input<'_>) -> Result<PathBuf, ExecutorError> {
        let path = self.build().join(input.at);
        fs::create_dir_all(&path).map_err(|source| ExecutorError::Disk { path: path.clone(), source })?;
        fill(&path, input.tree, input.contents)?;
        Ok(path)
    }

    /// Writes `tree`, the one numbered `number` of the root, next to the build directory.
    ///
    /// # Errors
    /// What the contents' source or the disk says.
    pub fn root_tree(
        &self,
        number: usize,
        tree: &Tree,
        contents: &dyn Contents,
    ) -> Result<PathBuf, ExecutorError> {
        let path = self.scratch.path().join(format!("root-{number}"));
        fs::create_dir(&path).map_err(|source| ExecutorError::Disk { path: path.clone(), source })?;
        fill(&path, tree, contents)?;
        Ok(path)
    }

    /// Keeps all of it next to the store's own, under `name`, where whoever asked for it may look and delete.
    ///
    /// # Errors
    /// What the disk says.
    pub fn keep(self, store: &Store, name: &str) -> Result<PathBuf, ExecutorError> {
        let folder = store.path().join("failed");
        let path = folder.join(name);
        let failed = |source| ExecutorError::Disk { path: path.clone(), source };
        fs::create_dir_all(&folder).map_err(failed)?;
        if path.exists() {
            fs::remove_dir_all(&path).map_err(failed)?;
        }
        self.scratch.keep(&path).map_err(failed)?;
        Ok(path)
    }
}

/// Writes `tree` into `folder`, in which there may be something already.
fn fill(folder: &Path, tree: &Tree, contents: &dyn Contents) -> Result<(), ExecutorError> {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    for (path, entry) in tree.iter() {
        let target = folder.join(path.as_str());
        let failed = |source| ExecutorError::Disk { path: target.clone(), source };
        match &entry.node {
            Node::Directory => fs::create_dir_all(&target).map_err(failed)?,
            Node::Symlink { target: link } => symlink(&**link, &target).map_err(failed)?,
            Node::File { .. } => {
                let mut content = contents.open(path).map_err(ExecutorError::Contents)?;
                let mut file = File::options().write(true).create_new(true).open(&target).map_err(failed)?;
                io::copy(&mut content, &mut file).map_err(failed)?;
                let mode = fs::Permissions::from_mode(entry.mode.bits() | 0o600);
                file.set_permissions(mode).map_err(failed)?;
                file.set_modified(file_time()).map_err(failed)?;
            }
        }
    }
    // What is put into a directory changes its time, so directories come last, and from the deepest upwards.
    for (path, _) in tree.iter().rev().filter(|(_, entry)| entry.is_directory()) {
        let target = folder.join(path.as_str());
        let set = || -> io::Result<()> {
            fs::set_permissions(&target, fs::Permissions::from_mode(0o755))?;
            File::open(&target)?.set_modified(file_time())
        };
        set().map_err(|source| ExecutorError::Disk { path: target.clone(), source })?;
    }
    Ok(())
}

fn file_time() -> std::time::SystemTime {
    std::time::UNIX_EPOCH + Duration::from_secs(FILE_TIME)
}
