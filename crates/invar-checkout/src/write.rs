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
    let mut pending = AtomicFile::create(path).map_err(error)?;
    write(&mut pending.file)?;
    Ok(pending.commit().map_err(error)?)
}

/// A file that has its old content, or none, until [`commit`](Self::commit). A device or a pipe is written into at once.
///
/// Where the file system allows it, it has no name before, so that nothing is left of it even after a power cut;
/// elsewhere its hidden name is removed when it is dropped.
#[derive(Debug)]
pub struct AtomicFile {
    /// What is written into.
    pub file: File,
    path: PathBuf,
    state: State,
}

#[derive(Debug)]
enum State {
    /// It has no name yet.
    Unnamed,
    /// It has this name.
    Hidden(PathBuf),
    /// It has its own name: it was committed, or is no plain file.
    Named,
}

impl AtomicFile {
    /// Begins to write `path`.
    ///
    /// # Errors
    /// What the system says.
    pub fn create(path: &Path) -> io::Result<Self> {
        use rustix::fs::{Mode, OFlags, open};
        // A link is followed, as every program does that writes a file; a device or a pipe is written into.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if fs::metadata(&path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir()) {
            let file = File::options().write(true).open(&path)?;
            return Ok(Self { file, path, state: State::Named });
        }
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
        match open(directory, flags, Mode::from_raw_mode(0o666)) {
            Ok(file) => Ok(Self { file: file.into(), path, state: State::Unnamed }),
            Err(_) => {
                let name = hidden_name(&path);
                Ok(Self { file: File::create(&name)?, path, state: State::Hidden(name) })
            }
        }
    }

    /// Gives it its name.
    ///
    /// # Errors
    /// What the system says; then there is nothing of it left.
    pub fn commit(mut self) -> io::Result<()> {
        let name = match std::mem::replace(&mut self.state, State::Named) {
            State::Named => return Ok(()),
            State::Hidden(name) => name,
            State::Unnamed => {
                use rustix::fs::{AtFlags, CWD, linkat};
                use std::os::fd::AsRawFd as _;
                let name = hidden_name(&self.path);
                let descriptor = format!("/proc/self/fd/{}", self.file.as_raw_fd());
                linkat(CWD, descriptor, CWD, &name, AtFlags::SYMLINK_FOLLOW)?;
                name
            }
        };
        fs::rename(&name, &self.path).inspect_err(|_| {
            // The rename's own error says more than a failure to clean up after it.
            let _ = fs::remove_file(&name);
        })
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if let State::Hidden(name) = &self.state {
            // Nothing can be reported any more, and the next build overwrites it.
            let _ = fs::remove_file(name);
        }
    }
}

fn hidden_name(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.partial", std::process::id()))
}
