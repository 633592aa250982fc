//! Files that appear whole or not at all.
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::CheckoutError;

/// Writes `path` through `write`: the file has its old content, or none, until everything has been written.
///
/// # Errors
/// What `write` says, or [`CheckoutError::Write`].
pub fn write_atomically<E: From<CheckoutError>>(
    path: &Path,
    write: impl FnOnce(&mut File) -> Result<(), E>,
) -> Result<(), E> {
    let error = |source| CheckoutError::Write { path: path.to_owned(), source };
    // A link is followed, as every program does that writes a file; a device or a pipe is written into.
    let followed = fs::canonicalize(path);
    let path = followed.as_deref().unwrap_or(path);
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir()) {
        return write(&mut File::options().write(true).open(path).map_err(error)?);
    }
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut pending = Pending::create(directory, path).map_err(error)?;
    write(&mut pending.file)?;
    Ok(pending.commit(path).map_err(error)?)
}

/// A file that is not there yet. Where the file system allows it, it has no name, so that nothing is left of it
/// even after a power cut; elsewhere its hidden name is removed when it is dropped.
struct Pending {
    file: File,
    name: Option<PathBuf>,
}

impl Pending {
    fn create(directory: &Path, path: &Path) -> io::Result<Self> {
        use rustix::fs::{Mode, OFlags, open};
        let mode = Mode::from_raw_mode(0o666);
        match open(directory, OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC, mode) {
            Ok(file) => Ok(Self { file: file.into(), name: None }),
            Err(_) => {
                let name = hidden_name(path);
                Ok(Self { file: File::create(&name)?, name: Some(name) })
            }
        }
    }

    fn commit(mut self, path: &Path) -> io::Result<()> {
        let name = match self.name.take() {
            Some(name) => name,
            None => {
                use rustix::fs::{AtFlags, CWD, linkat};
                use std::os::fd::AsRawFd as _;
                let name = hidden_name(path);
                let descriptor = format!("/proc/self/fd/{}", self.file.as_raw_fd());
                linkat(CWD, descriptor, CWD, &name, AtFlags::SYMLINK_FOLLOW)?;
                name
            }
        };
        fs::rename(&name, path).inspect_err(|_| {
            // The rename's own error says more than a failure to clean up after it.
            let _ = fs::remove_file(&name);
        })
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            // Nothing can be reported any more, and the next build overwrites it.
            let _ = fs::remove_file(name);
        }
    }
}

fn hidden_name(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.partial", std::process::id()))
}
