use std::ffi::{CStr, CString, OsStr};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use invar_tree::{ImagePath, Mode, Owner, Sink};
use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode as Bits, OFlags, Stat, fchmod, fgetxattr, fstat, openat, readlinkat,
    statat,
};
use rustix::io::Errno;

use super::{CaptureError, CaptureRules, Modes, OwnerOf, RemovedPaths, SpecialFile};

/// How many nested folders are held open; the others are opened again on the way back.
const OPEN: usize = 64;

/// What is walked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum CaptureForm {
    /// A folder that is what it shows.
    Directory,
    /// The upper layer of an overlay.
    Upper,
}

/// A walk over a folder, with what is left of its limits.
pub(super) struct Walk<'a> {
    form: CaptureForm,
    rules: &'a CaptureRules,
    owners: &'a OwnerOf<'a>,
    sink: &'a mut dyn Sink,
    bytes: u64,
    entries: u64,
    removed: RemovedPaths,
}

/// A folder on the way from the top to where the walk is.
struct Level {
    /// `None` while it is closed because the walk is far below it.
    folder: Option<OwnedFd>,
    /// By which it is known again.
    found: Stat,
    /// Whether the owner was given rights that have to be taken back.
    unlocked: bool,
    /// Where it is in the tree; `None` for the root.
    path: Option<ImagePath>,
    /// The names in it that are still to come, the next one last.
    names: Vec<CString>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        form: CaptureForm,
        rules: &'a CaptureRules,
        owners: &'a OwnerOf<'a>,
        sink: &'a mut dyn Sink,
    ) -> Self {
        let (bytes, entries) = (rules.bytes, rules.entries);
        Self { form, rules, owners, sink, bytes, entries, removed: RemovedPaths::default() }
    }

    pub(super) fn start(mut self, top: &Path, at: Option<&ImagePath>) -> Result<RemovedPaths, CaptureError> {
        let failed = |error: Errno| CaptureError::Io { path: top.to_owned(), source: error.into() };
        let name = CString::new(top.as_os_str().as_bytes()).map_err(|_| failed(Errno::INVAL))?;
        let found = statat(CWD, &name, AtFlags::SYMLINK_NOFOLLOW).map_err(failed)?;
        match at {
            Some(path) => {
                self.count(&shown(path))?;
                if let Some(level) = self.entry(CWD, &name, path.clone(), &found)? {
                    self.walk(level)?;
                }
            }
            None => {
                if !FileType::from_raw_mode(found.st_mode).is_dir() {
                    return Err(CaptureError::NotADirectory { path: top.to_owned() });
                }
                let (folder, unlocked) = open(CWD, &name, &found, Path::new("/"))?;
                let level = self.level(folder, unlocked, found, None)?;
                self.walk(level)?;
            }
        }
        self.removed.whiteouts.sort_unstable();
        self.removed.opaque.sort_unstable();
        Ok(self.removed)
    }

    /// Everything in the folder `top`, in the byte order of the names.
    fn walk(&mut self, top: Level) -> Result<(), CaptureError> {
        let mut levels = vec![top];
        while let Some(level) = levels.last_mut() {
            let Some(name) = level.names.pop() else {
                let left = levels.pop().expect("it was the last a moment ago");
                leave(left, levels.last_mut())?;
                continue;
            };
            let path = join(level.path.as_ref(), &name)?;
            let folder = level.folder.as_ref().expect("the deepest folder is open");
            let found = match statat(folder, &name, AtFlags::SYMLINK_NOFOLLOW) {
                Err(Errno::NOENT) => return Err(CaptureError::Changed { path: shown(&path) }),
                done => done.map_err(failed(&path))?,
            };
            if let Some(below) = self.entry(folder.as_fd(), &name, path, &found)? {
                levels.push(below);
                if let Some(far) = levels.len().checked_sub(OPEN + 1) {
                    levels[far].folder = None;
                }
            }
        }
        Ok(())
    }

    /// Takes one entry. A folder is returned, opened, for the walk to go into.
    fn entry(
        &mut self,
        folder: impl AsFd,
        name: &CStr,
        path: ImagePath,
        found: &Stat,
    ) -> Result<Option<Level>, CaptureError> {
        let kind = FileType::from_raw_mode(found.st_mode);
        match kind {
            FileType::Directory => {
                let (opened, unlocked) = open(folder, name, found, &shown(&path))?;
                if self.form == CaptureForm::Upper && self.is_opaque(&opened, &path)? {
                    self.removed.opaque.push(path.clone());
                }
                self.sink.directory(path.clone(), self.mode(found), self.owner(found))?;
                self.level(opened, unlocked, *found, Some(path)).map(Some)
            }
            FileType::RegularFile => {
                self.file(folder, name, path, found)?;
                Ok(None)
            }
            FileType::Symlink => {
                let target = readlinkat(folder, name, Vec::new()).map_err(failed(&path))?;
                match target.to_str() {
                    Ok(target) => self.sink.symlink(path, target.into(), self.owner(found))?,
                    Err(_) => {
                        let target = OsStr::from_bytes(target.as_bytes()).into();
                        return Err(CaptureError::Target { path: shown(&path), target });
                    }
                }
                Ok(None)
            }
            FileType::CharacterDevice if self.form == CaptureForm::Upper && found.st_rdev == 0 => {
                self.removed.whiteouts.push(path);
                Ok(None)
            }
            _ => Err(CaptureError::Special { path: shown(&path), kind: SpecialFile::of(kind) }),
        }
    }

    fn file(
        &mut self,
        folder: impl AsFd,
        name: &CStr,
        path: ImagePath,
        found: &Stat,
    ) -> Result<(), CaptureError> {
        let place = shown(&path);
        // Before anything is read: a file with a hole can be larger than any disk.
        let size = u64::try_from(found.st_size).unwrap_or(u64::MAX);
        let Some(left) = self.bytes.checked_sub(size) else {
            return Err(CaptureError::TooManyBytes { path: place, size, limit: self.rules.bytes });
        };
        self.bytes = left;
        let (opened, unlocked) = open(folder, name, found, &place)?;
        if unlocked {
            // What is open stays so.
            lock(&opened, found).map_err(failed(&path))?;
        }
        if self.form == CaptureForm::Upper {
            if size == 0
                && has_attribute(&opened, &["user.overlay.whiteout", "trusted.overlay.whiteout"], &path)?
                    .is_some()
            {
                self.removed.whiteouts.push(path);
                return Ok(());
            }
            refuse_attributes(&opened, &["user.overlay.metacopy", "trusted.overlay.metacopy"], &path)?;
        }
        let mut content = Content { file: opened.into(), left: size, changed: false };
        let taken = self.sink.file(path, self.mode(found), self.owner(found), &mut content);
        if content.changed {
            return Err(CaptureError::Changed { path: place });
        }
        Ok(taken?)
    }

    /// Makes ready to go into a folder: reads the names in it.
    fn level(
        &mut self,
        folder: OwnedFd,
        unlocked: bool,
        found: Stat,
        path: Option<ImagePath>,
    ) -> Result<Level, CaptureError> {
        let place = path.as_ref().map_or_else(|| PathBuf::from("/"), shown);
        let failed = |error: Errno| CaptureError::Io { path: place.clone(), source: error.into() };
        let mut names = Vec::new();
        for entry in Dir::read_from(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            if name != c"." && name != c".." {
                self.count(&place)?;
                names.push(name.to_owned());
            }
        }
        names.sort_unstable_by(|left, right| right.cmp(left));
        Ok(Level { folder: Some(folder), found, unlocked, path, names })
    }

    fn count(&mut self, folder: &Path) -> Result<(), CaptureError> {
        match self.entries.checked_sub(1) {
            Some(left) => self.entries = left,
            None => {
                let limit = self.rules.entries;
                return Err(CaptureError::TooManyEntries { path: folder.to_owned(), limit });
            }
        }
        Ok(())
    }

    fn is_opaque(&self, folder: &OwnedFd, path: &ImagePath) -> Result<bool, CaptureError> {
        refuse_attributes(folder, &["user.overlay.redirect", "trusted.overlay.redirect"], path)?;
        let value = has_attribute(folder, &["user.overlay.opaque", "trusted.overlay.opaque"], path)?;
        Ok(value == Some(b'y'))
    }

    fn mode(&self, found: &Stat) -> Mode {
        match self.rules.modes {
            Modes::Kept => Mode::new(found.st_mode),
            Modes::Normalised if FileType::from_raw_mode(found.st_mode).is_dir() => Mode::DIRECTORY,
            Modes::Normalised if found.st_mode & 0o100 != 0 => Mode::PROGRAM,
            Modes::Normalised => Mode::FILE,
        }
    }

    fn owner(&self, found: &Stat) -> Owner {
        match self.rules.modes {
            Modes::Kept => {
                (self.owners)(found.st_dev, found.st_ino).map_or(Owner::ROOT, |(uid, gid)| Owner { uid, gid })
            }
            Modes::Normalised => Owner::ROOT,
        }
    }
}

/// Takes back the rights of a folder that is done, and opens the one above it again if it was closed.
fn leave(left: Level, above: Option<&mut Level>) -> Result<(), CaptureError> {
    let place = left.path.as_ref().map_or_else(|| PathBuf::from("/"), shown);
    let failed = |error: Errno| CaptureError::Io { path: place.clone(), source: error.into() };
    let folder = left.folder.expect("the deepest folder is open");
    if let Some(above) = above
        && above.folder.is_none()
    {
        let parent = openat(&folder, c"..", FLAGS | OFlags::DIRECTORY, Bits::empty()).map_err(failed)?;
        // It may have been moved somewhere else since, where ".." is another folder.
        if !is_same(&fstat(&parent).map_err(failed)?, &above.found) {
            return Err(CaptureError::Changed { path: place });
        }
        above.folder = Some(parent);
    }
    if left.unlocked {
        lock(&folder, &left.found).map_err(failed)?;
    }
    Ok(())
}

/// For reading; if a FIFO or a terminal has taken the place of what was found, the call neither waits nor is caught.
const FLAGS: OFlags = OFlags::RDONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY);

/// Opens the file or folder that was `found`, and says whether its owner had to be given the right to.
fn open(folder: impl AsFd, name: &CStr, found: &Stat, place: &Path) -> Result<(OwnedFd, bool), CaptureError> {
    let changed = || CaptureError::Changed { path: place.to_owned() };
    let failed = |error: Errno| match error {
        Errno::NOENT | Errno::LOOP | Errno::NXIO => changed(),
        error => CaptureError::Io { path: place.to_owned(), source: error.into() },
    };
    let needed =
        if FileType::from_raw_mode(found.st_mode).is_dir() { Bits::RUSR | Bits::XUSR } else { Bits::RUSR };
    // Nothing holds root back.
    let unlocked =
        !Bits::from_raw_mode(found.st_mode).contains(needed) && !rustix::process::geteuid().is_root();
    if unlocked {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let named = openat(&folder, name, flags, Bits::empty()).map_err(failed)?;
        if !is_same(&fstat(&named).map_err(failed)?, found) {
            return Err(changed());
        }
        // Through the open file and not by name, so that no link that takes its place is followed.
        let bits = Bits::from_raw_mode(found.st_mode & 0o7777) | needed;
        rustix::fs::chmod(format!("/proc/self/fd/{}", named.as_raw_fd()), bits).map_err(failed)?;
    }
    let opened = openat(&folder, name, FLAGS, Bits::empty()).map_err(failed)?;
    if is_same(&fstat(&opened).map_err(failed)?, found) { Ok((opened, unlocked)) } else { Err(changed()) }
}

/// Gives a file the mode back in which it was found.
fn lock(opened: &OwnedFd, found: &Stat) -> Result<(), Errno> {
    fchmod(opened, Bits::from_raw_mode(found.st_mode & 0o7777))
}

fn is_same(left: &Stat, right: &Stat) -> bool {
    let kind = |stat: &Stat| FileType::from_raw_mode(stat.st_mode);
    (left.st_dev, left.st_ino, kind(left)) == (right.st_dev, right.st_ino, kind(right))
}

/// The first byte of the first of these attributes that is there; 0 for an empty one.
fn has_attribute(
    file: &OwnedFd,
    names: &[&'static str],
    path: &ImagePath,
) -> Result<Option<u8>, CaptureError> {
    for name in names {
        let mut value = [0; 1];
        match fgetxattr(file, *name, &mut value) {
            // A longer value than we ask for is one that is there.
            Ok(_) | Err(Errno::RANGE) => return Ok(Some(value[0])),
            // The file system has none of this name space, or this user may not see it: then it did not make any.
            Err(Errno::NODATA | Errno::NOTSUP | Errno::PERM) => {}
            Err(error) => return Err(failed(path)(error)),
        }
    }
    Ok(None)
}

fn refuse_attributes(file: &OwnedFd, names: &[&'static str], path: &ImagePath) -> Result<(), CaptureError> {
    for attribute in names {
        if has_attribute(file, &[attribute], path)?.is_some() {
            return Err(CaptureError::Overlay { path: shown(path), attribute });
        }
    }
    Ok(())
}

fn join(above: Option<&ImagePath>, name: &CStr) -> Result<ImagePath, CaptureError> {
    let above = above.map_or("", ImagePath::as_str);
    let path = [above.as_bytes(), b"/", name.to_bytes()].concat();
    let path = if above.is_empty() { &path[1..] } else { &path[..] };
    ImagePath::parse_bytes(path)
        .map_err(|source| CaptureError::Name { path: Path::new("/").join(OsStr::from_bytes(path)), source })
}

/// The path as people write it.
fn shown(path: &ImagePath) -> PathBuf {
    Path::new("/").join(path.as_str())
}

fn failed(path: &ImagePath) -> impl FnOnce(Errno) -> CaptureError + use<'_> {
    |error| CaptureError::Io { path: shown(path), source: error.into() }
}

/// The content of a file, which must be as long as was found.
struct Content {
    file: File,
    left: u64,
    changed: bool,
}

impl Read for Content {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        // One byte more than expected is asked for, so that a longer file is noticed, but no more than that is read.
        let most = usize::try_from(self.left.saturating_add(1)).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.file.read(&mut buffer[..most])?;
        match self.left.checked_sub(read as u64) {
            Some(left) if read > 0 || left == 0 => {
                self.left = left;
                Ok(read)
            }
            _ => {
                self.changed = true;
                Err(io::Error::other("the file changed while it was read"))
            }
        }
    }
}
