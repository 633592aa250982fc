//! A folder that is created in the project to mount something on, and that is gone when nobody needs it any more.
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

/// An empty folder that is there as long as this is.
///
/// Several shells share one: each holds a lock on it, and who can have the lock alone removes the folder. Removing it
/// earlier would take away what the others have mounted on it.
#[derive(Debug)]
pub(crate) struct MountPoint {
    path: PathBuf,
    folder: File,
}

impl MountPoint {
    /// Makes the folder `path`, if it is missing. Nothing is held where there is one with something in it, which
    /// stays as it is.
    ///
    /// # Errors
    /// What the system says; a link or a file is an error.
    pub fn hold(path: &Path) -> io::Result<Option<Self>> {
        loop {
            match fs::create_dir(path) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
            let folder = match open(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                opened => opened?,
            };
            flock(&folder, FlockOperation::LockShared)?;
            // Whoever had it alone has removed it, and another may be in its place.
            let same = |found: fs::Metadata| Ok(found.ino() == folder.metadata()?.ino());
            if !fs::symlink_metadata(path).map_or(Ok::<_, io::Error>(false), same)? {
                continue;
            }
            #[expect(
                clippy::disallowed_methods,
                reason = "whether there is anything does not depend on the order"
            )]
            let is_empty = fs::read_dir(path)?.next().is_none();
            return Ok(is_empty.then(|| Self { path: path.to_owned(), folder }));
        }
    }
}

impl Drop for MountPoint {
    fn drop(&mut self) {
        if flock(&self.folder, FlockOperation::NonBlockingLockExclusive).is_ok() {
            // It goes only if it is empty: whatever someone has put into it since is theirs.
            let _ = fs::remove_dir(&self.path);
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_one_removes_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".venv");
        let first = MountPoint::hold(&path).unwrap();
        let second = MountPoint::hold(&path).unwrap();
        assert!(first.is_some() && second.is_some());
        drop(first);
        assert!(path.is_dir(), "another still needs it");
        drop(second);
        assert!(!path.exists());
        // What a killed one left is taken over.
        fs::create_dir(&path).unwrap();
        drop(MountPoint::hold(&path).unwrap());
        assert!(!path.exists());
    }

    #[test]
    fn what_is_somebodys_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".venv");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("pyvenv.cfg"), "").unwrap();
        assert!(MountPoint::hold(&path).unwrap().is_none());
        assert!(path.join("pyvenv.cfg").exists());
        fs::remove_dir_all(&path).unwrap();
        let held = MountPoint::hold(&path).unwrap();
        fs::write(path.join("new"), "").unwrap();
        drop(held);
        assert!(path.join("new").exists());
        fs::remove_dir_all(&path).unwrap();
        std::os::unix::fs::symlink("/", &path).unwrap();
        assert!(MountPoint::hold(&path).is_err());
    }
}
