//! Removes folders whatever is in them: folders that their owner may not enter or write, as builds and overlay file
//! systems leave them, and folders nested deeper than a path can name or a process can hold open.
use std::ffi::CString;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags, fchmod, fstat, openat, renameat, unlinkat};
use rustix::io::Errno;

/// How many nested folders are held open. A folder below the deepest is moved to the top, and removed from there.
const DEPTH: usize = 48;
/// How many names are read at once, so that a folder with millions of files costs no memory.
const NAMES: usize = 1024;

const OWNER: Mode = Mode::RWXU;

/// Removes what is at `path`, and all that is in it; links are not followed. A missing file is not an error.
///
/// The first thing that cannot be removed ends it.
pub(crate) fn remove_all(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => {}
        Ok(_) => return fs::remove_file(path),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    }
    let name = CString::new(path.as_os_str().as_encoded_bytes())?;
    let mut levels = vec![Level { folder: open_directory(CWD, &name)?, name, names: Vec::new() }];
    let mut moved = 0_u64;
    while let Some(level) = levels.last_mut() {
        let Some(name) = level.next()? else {
            let emptied = levels.pop().expect("it was the last a moment ago");
            let above = levels.last().map_or(CWD, |above| above.folder.as_fd());
            unlinkat(above, &emptied.name, AtFlags::REMOVEDIR)?;
            continue;
        };
        match unlinkat(&level.folder, &name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            // Linux says the first, POSIX the second.
            Err(Errno::ISDIR | Errno::PERM) => {
                let folder = open_directory(&level.folder, &name)?;
                if levels.len() < DEPTH {
                    levels.push(Level { folder, name, names: Vec::new() });
                } else {
                    move_to_top(&levels, &name, &mut moved)?;
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// A folder that is being emptied.
struct Level {
    folder: OwnedFd,
    /// Its name in the folder above.
    name: CString,
    /// Names that have been read and not been removed.
    names: Vec<CString>,
}

impl Level {
    /// A name in the folder, or `None` when it is empty. The order does not matter: all of them go.
    fn next(&mut self) -> io::Result<Option<CString>> {
        if self.names.is_empty() {
            for entry in Dir::read_from(&self.folder)? {
                let entry = entry?;
                let name = entry.file_name();
                if name != c"." && name != c".." {
                    self.names.push(name.to_owned());
                }
                if self.names.len() == NAMES {
                    break;
                }
            }
        }
        Ok(self.names.pop())
    }
}

/// Moves the folder `name` of the deepest level to the first level, which is read again when it seems empty.
fn move_to_top(levels: &[Level], name: &CString, moved: &mut u64) -> io::Result<()> {
    let (Some(top), Some(deepest)) = (levels.first(), levels.last()) else {
        return Ok(());
    };
    loop {
        *moved += 1;
        match renameat(&deepest.folder, name, &top.folder, format!(".deep-{moved}")) {
            Ok(()) => return Ok(()),
            // The name is taken.
            Err(Errno::EXIST | Errno::NOTEMPTY | Errno::NOTDIR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Opens a folder and makes its owner able to list and change it.
fn open_directory(at: impl AsFd, name: &CString) -> io::Result<OwnedFd> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = match openat(&at, name, flags | OFlags::RDONLY, Mode::empty()) {
        Err(Errno::ACCESS) => {
            // Through the open file and not by name, so that no link that takes its place is followed.
            let closed = openat(&at, name, flags | OFlags::PATH, Mode::empty())?;
            rustix::fs::chmod(format!("/proc/self/fd/{}", closed.as_raw_fd()), OWNER)?;
            openat(&at, name, flags | OFlags::RDONLY, Mode::empty())?
        }
        done => done?,
    };
    if !Mode::from_raw_mode(fstat(&folder)?.st_mode).contains(OWNER) {
        fchmod(&folder, OWNER)?;
    }
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn what_links_point_to_stays() {
        let directory = tempfile::tempdir().unwrap();
        let (kept, gone) = (directory.path().join("kept"), directory.path().join("gone"));
        fs::create_dir_all(gone.join("a/b")).unwrap();
        fs::create_dir(&kept).unwrap();
        fs::write(kept.join("file"), "").unwrap();
        symlink("../kept", gone.join("link")).unwrap();
        symlink(&kept, gone.join("a/b/link")).unwrap();
        fs::set_permissions(gone.join("a"), fs::Permissions::from_mode(0o0)).unwrap();
        remove_all(&gone).unwrap();
        assert!(!gone.exists() && kept.join("file").exists());
        remove_all(&gone).unwrap();
        symlink(&kept, &gone).unwrap();
        remove_all(&gone).unwrap();
        assert!(fs::symlink_metadata(&gone).is_err() && kept.join("file").exists());
    }

    #[test]
    fn a_folder_deeper_than_a_path_can_name_goes() {
        let directory = tempfile::tempdir().unwrap();
        let top = directory.path().join("top");
        fs::create_dir(&top).unwrap();
        // The names that the removal itself chooses are taken already.
        fs::write(top.join(".deep-1"), "").unwrap();
        fs::create_dir_all(top.join(".deep-2/full")).unwrap();
        let mut folder = openat(CWD, &top, OFlags::DIRECTORY, Mode::empty()).unwrap();
        for _ in 0..3000 {
            rustix::fs::mkdirat(&folder, "deeper", OWNER).unwrap();
            let below = openat(&folder, "deeper", OFlags::DIRECTORY, Mode::empty()).unwrap();
            fchmod(&folder, Mode::from_raw_mode(0o500)).unwrap();
            folder = below;
        }
        remove_all(&top).unwrap();
        assert!(!top.exists());
    }

    #[test]
    fn a_folder_with_many_files_goes() {
        let directory = tempfile::tempdir().unwrap();
        let top = directory.path().join("top");
        fs::create_dir_all(top.join("in")).unwrap();
        for number in 0..NAMES * 2 + 1 {
            fs::write(top.join("in").join(number.to_string()), "").unwrap();
        }
        remove_all(&top).unwrap();
        assert!(!top.exists());
    }
}
