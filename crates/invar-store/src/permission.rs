//! Permissions that follow the umask in what it denies to others, but never lock the owner out.
use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

/// Gives a new file's owner what a umask may have denied: reading and writing.
pub(crate) fn open_for_owner(file: &File) -> io::Result<()> {
    change(file, |mode| mode | 0o600)
}

/// Makes a finished file readable for its owner and writable for nobody: a blob is shared, and may be linked.
pub(crate) fn finish(file: &File) -> io::Result<()> {
    change(file, |mode| (mode & 0o444) | 0o400)
}

fn change(file: &File, to: impl FnOnce(u32) -> u32) -> io::Result<()> {
    let mode = file.metadata()?.permissions().mode() & 0o7777;
    match to(mode) {
        same if same == mode => Ok(()),
        other => file.set_permissions(Permissions::from_mode(other)),
    }
}

/// Makes `path` and the folders above it that are missing; another process may do so at the same time.
pub(crate) fn make_directory(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Ok(()) => {
            let mode = fs::metadata(path)?.permissions().mode() & 0o7777;
            if mode & 0o700 != 0o700 {
                fs::set_permissions(path, Permissions::from_mode(mode | 0o700))?;
            }
            Ok(())
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => match path.parent() {
            Some(parent) if parent != Path::new("") => {
                make_directory(parent)?;
                make_directory(path)
            }
            _ => Err(error),
        },
        Err(error) => Err(error),
    }
}

/// Makes the folder `path` with mode `0700`, whatever the umask.
pub(crate) fn make_private_directory(path: &Path) -> io::Result<()> {
    // Private from the first moment; what the umask, or a folder above that hands on its set-group-ID bit, has changed
    // is put right after that.
    DirBuilder::new().mode(0o700).create(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o700))
}
