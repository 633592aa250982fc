//! The root file system in a directory.
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use invar_oci::FILE_TIME;
use invar_tree::{Contents, Digest, Node, Tree};

use super::new_directory::NewDirectory;
use super::{Content, Delivery, Destination, DestinationError, Form, file_time, output};

/// Writes an image's files into a directory, which must be absent or empty. Owners are set only where this process may.
pub(super) struct RootfsDirectory {
    path: PathBuf,
    pending: Option<NewDirectory>,
}

impl RootfsDirectory {
    pub fn new(path: PathBuf) -> Self {
        Self { path, pending: None }
    }
}

impl Destination for RootfsDirectory {
    fn form(&self) -> Form {
        Form::Files
    }

    fn missing(&mut self, image: &Delivery<'_>) -> Result<Vec<Digest>, DestinationError> {
        let pending = NewDirectory::create(&self.path)?;
        for (path, entry) in image.root.iter().filter(|(_, entry)| entry.is_directory()) {
            let target = pending.place().join(path.as_str());
            fs::create_dir(&target).map_err(output(&target))?;
            own(&target, entry.owner)?;
        }
        self.pending = Some(pending);
        Ok(image.digests())
    }

    fn put(&mut self, digest: &Digest, content: Content<'_>) -> Result<(), DestinationError> {
        match (&self.pending, content) {
            (Some(pending), Content::Files { tree, contents }) => {
                write_files(pending.place(), tree, contents)
            }
            _ => Err(DestinationError::Unexpected { digest: *digest }),
        }
    }

    fn finish(&mut self, image: &Delivery<'_>) -> Result<(), DestinationError> {
        let Some(pending) = self.pending.take() else { return Ok(()) };
        let folder = pending.place();
        // From the deepest upwards: a directory may be closed to writing, and its time changes with what is put in it.
        for (path, entry) in image.root.iter().rev().filter(|(_, entry)| entry.is_directory()) {
            let target = folder.join(path.as_str());
            let mode = fs::Permissions::from_mode(entry.mode.bits());
            fs::set_permissions(&target, mode).map_err(output(&target))?;
            let opened = File::open(&target).and_then(|folder| folder.set_modified(file_time()));
            opened.map_err(output(&target))?;
        }
        File::open(folder).and_then(|folder| folder.set_modified(file_time())).map_err(output(folder))?;
        pending.commit()
    }
}

/// Writes the files and links of `tree` below `folder`.
fn write_files(folder: &Path, tree: &Tree, contents: &dyn Contents) -> Result<(), DestinationError> {
    for (path, entry) in tree.iter() {
        let target = folder.join(path.as_str());
        match &entry.node {
            Node::Directory => continue,
            Node::Symlink { target: link } => symlink(&**link, &target).map_err(output(&target))?,
            Node::File { .. } => {
                let mut options = File::options();
                let opened = options.write(true).create_new(true).mode(0o600).open(&target);
                let mut file = opened.map_err(output(&target))?;
                let mut content = contents.open(path).map_err(output(&target))?;
                io::copy(&mut content, &mut file).map_err(output(&target))?;
                file.set_modified(file_time()).map_err(output(&target))?;
            }
        }
        own(&target, entry.owner)?;
        if matches!(entry.node, Node::Symlink { .. }) {
            set_time_of_link(&target).map_err(output(&target))?;
        }
        if matches!(entry.node, Node::File { .. }) {
            let mode = fs::Permissions::from_mode(entry.mode.bits());
            fs::set_permissions(&target, mode).map_err(output(&target))?;
        }
    }
    Ok(())
}

fn set_time_of_link(path: &Path) -> io::Result<()> {
    use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};
    let time = Timespec { tv_sec: FILE_TIME as i64, tv_nsec: 0 };
    let times = Timestamps { last_access: time, last_modification: time };
    Ok(utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)?)
}

/// Gives `path` its owner. Without privileges the files are the caller's own, which is what `FROM scratch` and `COPY`
/// turn into root's anyway.
fn own(path: &Path, owner: invar_tree::Owner) -> Result<(), DestinationError> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    std::os::unix::fs::lchown(path, Some(owner.uid), Some(owner.gid)).map_err(output(path))
}
