//! The folder in which one command is run.
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use invar_oci::FILE_TIME;
use invar_store::Scratch;
use invar_tree::{Contents, Node, Tree};

use crate::BuildError;

/// A private folder in the store in which one job is run: the build folder is filled before, and read after.
pub(crate) struct Bench {
    pub(crate) scratch: Scratch,
}

impl Bench {
    /// The build folder on the host.
    pub fn build(&self) -> PathBuf {
        self.scratch.path().join("build")
    }

    /// Writes `tree` into the folder `at` below the build folder; `at` is empty for the build folder itself.
    ///
    /// # Errors
    /// What the contents' source or the disk says.
    pub fn fill(&self, at: &str, tree: &Tree, contents: &dyn Contents) -> Result<(), BuildError> {
        let build = self.build().join(at);
        fs::create_dir_all(&build).map_err(|source| BuildError::Output { path: build.clone(), source })?;
        self.fill_folder(&build, tree, contents)
    }

    /// An empty folder beside the build folder.
    ///
    /// # Errors
    /// What the disk says.
    pub fn folder(&self, name: &str) -> Result<PathBuf, BuildError> {
        let path = self.scratch.path().join(name);
        fs::create_dir(&path).map_err(|source| BuildError::Output { path: path.clone(), source })?;
        Ok(path)
    }

    /// Writes the plain file `name` into the build folder.
    ///
    /// # Errors
    /// What the disk or `content` says.
    pub fn add_file(&self, name: &str, mut content: impl io::Read) -> Result<(), BuildError> {
        let path = self.build().join(name);
        let failed = |source| BuildError::Output { path: path.clone(), source };
        if let Some(above) = path.parent() {
            fs::create_dir_all(above).map_err(failed)?;
        }
        let mut file = File::create_new(&path).map_err(failed)?;
        io::copy(&mut content, &mut file).map_err(failed)?;
        file.set_modified(file_time()).map_err(failed)
    }

    /// Writes `tree` into `folder`, in which there may be something already.
    ///
    /// # Errors
    /// What the contents' source or the disk says.
    pub fn fill_folder(&self, folder: &Path, tree: &Tree, contents: &dyn Contents) -> Result<(), BuildError> {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let build = folder;
        for (path, entry) in tree.iter() {
            let target = build.join(path.as_str());
            let failed = |source| BuildError::Output { path: target.clone(), source };
            match &entry.node {
                Node::Directory => fs::create_dir_all(&target).map_err(failed)?,
                Node::Symlink { target: link } => symlink(&**link, &target).map_err(failed)?,
                Node::File { .. } => {
                    let mut content = contents.open(path).map_err(BuildError::Write)?;
                    let mut file =
                        File::options().write(true).create_new(true).open(&target).map_err(failed)?;
                    io::copy(&mut content, &mut file).map_err(failed)?;
                    let mode = fs::Permissions::from_mode(entry.mode.bits() | 0o600);
                    file.set_permissions(mode).map_err(failed)?;
                    file.set_modified(file_time()).map_err(failed)?;
                }
            }
        }
        // What is put into a folder changes its time, so folders come last, and from the deepest upwards.
        for (path, _) in tree.iter().rev().filter(|(_, entry)| entry.is_directory()) {
            let target = build.join(path.as_str());
            let set = || -> io::Result<()> {
                fs::set_permissions(&target, fs::Permissions::from_mode(0o755))?;
                File::open(&target)?.set_modified(file_time())
            };
            set().map_err(|source| BuildError::Output { path: target.clone(), source })?;
        }
        Ok(())
    }
}

fn file_time() -> std::time::SystemTime {
    std::time::UNIX_EPOCH + Duration::from_secs(FILE_TIME)
}
