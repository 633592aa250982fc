use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use invar_oci::FILE_TIME;
use invar_tree::{ImagePath, Mode, Owner, Sink, SinkError};
use rustix::fs::{
    AtFlags, CWD, Mode as Bits, OFlags, Timespec, Timestamps, chmodat, fchmod, futimens, mkdirat, openat,
    symlinkat, unlinkat, utimensat,
};

use crate::survey::{CheckoutSeal, DiskEntry, ROOT, ROOT_MODE, SEAL};
use crate::temporary::{Access, TemporaryDirectory, rename};
use crate::tree::OpenFailure;
use crate::{Checkout, Key, Store, StoreError};

/// The time of everything in a checkout, so that nothing of the clock is visible in a sandbox.
const TIMES: Timestamps = {
    let time = Timespec { tv_sec: FILE_TIME as i64, tv_nsec: 0 };
    Timestamps { last_access: time, last_modification: time }
};
const BUFFER: usize = 256 * 1024;

impl Store {
    /// Begins the checkout of `key`: a tree as real files.
    ///
    /// # Errors
    /// [`StoreError::Full`], [`StoreError::ReadOnly`], [`StoreError::Io`].
    pub fn checkout_writer(&self, key: &Key) -> Result<CheckoutWriter, StoreError> {
        let directory = TemporaryDirectory::create(self, Access::Private)?;
        let path = directory.path().join(ROOT);
        let root = open_root(&path).map_err(StoreError::writing(&path))?;
        let entries = BTreeMap::new();
        Ok(CheckoutWriter {
            store: self.clone(),
            key: *key,
            directory,
            root,
            path,
            entries,
            buffer: vec![0; BUFFER],
        })
    }
}

/// Makes and opens the root folder. What is created below it belongs to the user's group: a folder above that hands its
/// own group on would make the kernel drop the set-group-ID bit of folders.
fn open_root(path: &Path) -> io::Result<OwnedFd> {
    fs::create_dir(path)?;
    let group = rustix::process::getegid();
    if fs::metadata(path)?.gid() != group.as_raw() {
        rustix::fs::chown(path, None, Some(group))?;
    }
    fs::set_permissions(path, Permissions::from_mode(0o700))?;
    Ok(openat(CWD, path, OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC, Bits::empty())?)
}

/// A checkout in the making: the [`Sink`] of a tree's reader. Dropped without a commit, it leaves nothing.
///
/// * Files have the mode of the tree, but without set-user-ID, set-group-ID and sticky: the store must not hold
///   programs that give rights away. Folders keep all bits: `/tmp` is sticky.
/// * Everything belongs to the user who runs this; the owners of the tree are not kept.
/// * Links are as in the tree, wherever they point.
/// * Nothing else of the host, neither the clock nor the umask, can be seen in it.
#[derive(Debug)]
pub struct CheckoutWriter {
    store: Store,
    key: Key,
    directory: TemporaryDirectory,
    /// The root folder. Entries are named from it, so a path in the image may be as long as a path can be.
    root: OwnedFd,
    /// Where the root folder is, for messages.
    path: PathBuf,
    entries: BTreeMap<ImagePath, DiskEntry>,
    buffer: Vec<u8>,
}

impl CheckoutWriter {
    /// Puts the checkout into the store.
    ///
    /// If another process or thread was faster, its checkout is kept and returned.
    ///
    /// # Errors
    /// [`StoreError::Unfaithful`] on a file system that does not keep modes and times, [`StoreError::Full`],
    /// [`StoreError::ReadOnly`], [`StoreError::Io`].
    pub fn commit(self) -> Result<Checkout, StoreError> {
        let Self { store, key, directory, root, path, entries, .. } = self;
        let finish = || -> rustix::io::Result<()> {
            // From the deepest up: a folder may lose the right to enter it, and writing in a folder changes its time.
            for (path, surveyed) in entries.iter().rev() {
                if let DiskEntry::Directory { mode } = *surveyed {
                    chmodat(&root, path.as_str(), Bits::from_raw_mode(mode), AtFlags::empty())?;
                    utimensat(&root, path.as_str(), &TIMES, AtFlags::SYMLINK_NOFOLLOW)?;
                }
            }
            fchmod(&root, Bits::from_raw_mode(ROOT_MODE))?;
            futimens(&root, &TIMES)
        };
        finish().map_err(|error| StoreError::writing(&path)(error.into()))?;
        let entries = entries.into_iter().map(|(path, surveyed)| (path.as_str().to_owned(), surveyed));
        let seal = CheckoutSeal::new(entries.collect());
        let path = directory.path().join(SEAL);
        fs::write(&path, seal.to_text()).map_err(StoreError::writing(&path))?;
        put_in_place(&store, &key, &directory)
    }

    /// Makes sure that nothing is at `path`, and that the folders above it are there.
    fn prepare(&mut self, path: &ImagePath) -> Result<(), SinkError> {
        if self.entries.contains_key(path) {
            return Err(SinkError::Duplicate { path: path.clone() });
        }
        let mut missing = Vec::new();
        for ancestor in path.ancestors() {
            match self.entries.get(&ancestor) {
                Some(DiskEntry::Directory { .. }) => break,
                Some(_) => return Err(SinkError::NotADirectory { path: path.clone(), ancestor }),
                None => missing.push(ancestor),
            }
        }
        for ancestor in missing.into_iter().rev() {
            self.make_directory(ancestor, Mode::DIRECTORY)?;
        }
        Ok(())
    }

    /// Makes a folder that is writable for now; it gets its mode in the end.
    fn make_directory(&mut self, path: ImagePath, mode: Mode) -> Result<(), SinkError> {
        mkdirat(&self.root, path.as_str(), Bits::RWXU)
            // The umask may have denied what is needed to go on.
            .and_then(|()| chmodat(&self.root, path.as_str(), Bits::RWXU, AtFlags::empty()))
            .map_err(|error| self.write_error(&path, error.into()))?;
        self.entries.insert(path, DiskEntry::Directory { mode: mode.bits() });
        Ok(())
    }

    /// Makes a file of what `fill` writes.
    fn make_file(
        &mut self,
        path: ImagePath,
        mode: u32,
        fill: impl FnOnce(&mut Self, &mut File) -> Result<u64, SinkError>,
    ) -> Result<(), SinkError> {
        self.prepare(&path)?;
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = openat(&self.root, path.as_str(), flags, Bits::RUSR | Bits::WUSR);
        let mut file = File::from(file.map_err(|error| self.write_error(&path, error.into()))?);
        let filled = fill(self, &mut file).and_then(|size| {
            fchmod(&file, Bits::from_raw_mode(mode))
                .and_then(|()| futimens(&file, &TIMES))
                .map_err(|error| self.write_error(&path, error.into()))?;
            Ok(size)
        });
        match filled {
            Ok(size) => {
                self.entries.insert(path, DiskEntry::File { mode, size });
                Ok(())
            }
            Err(error) => {
                // A caller may go on without it. If it stays, it is found when the checkout is committed.
                let _ = unlinkat(&self.root, path.as_str(), AtFlags::empty());
                Err(error)
            }
        }
    }

    fn write_error(&self, path: &ImagePath, source: io::Error) -> SinkError {
        let place = self.path.join(path.as_str());
        SinkError::Write { path: path.clone(), source: StoreError::writing(&place)(source).into_io() }
    }

    /// Opens a file of this checkout, whatever its mode.
    fn open(&self, path: &ImagePath, mode: u32) -> rustix::io::Result<File> {
        let open = || openat(&self.root, path.as_str(), OFlags::RDONLY | OFlags::CLOEXEC, Bits::empty());
        if mode & 0o400 != 0 {
            return Ok(open()?.into());
        }
        chmodat(&self.root, path.as_str(), Bits::RUSR, AtFlags::empty())?;
        let opened = open();
        chmodat(&self.root, path.as_str(), Bits::from_raw_mode(mode), AtFlags::empty())?;
        Ok(opened?.into())
    }
}

impl Sink for CheckoutWriter {
    fn directory(&mut self, path: ImagePath, mode: Mode, _: Owner) -> Result<(), SinkError> {
        if let Some(DiskEntry::Directory { mode: known }) = self.entries.get_mut(&path) {
            *known = mode.bits();
            return Ok(());
        }
        self.prepare(&path)?;
        self.make_directory(path, mode)
    }

    fn file(
        &mut self,
        path: ImagePath,
        mode: Mode,
        _: Owner,
        content: &mut dyn Read,
    ) -> Result<(), SinkError> {
        self.make_file(path.clone(), mode.bits() & 0o777, |writer, file| {
            let mut size = 0;
            loop {
                let read = match content.read(&mut writer.buffer) {
                    Ok(0) => return Ok(size),
                    Ok(read) => read,
                    Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                    Err(source) => return Err(SinkError::Read { path, source }),
                };
                file.write_all(&writer.buffer[..read]).map_err(|error| writer.write_error(&path, error))?;
                size += read as u64;
            }
        })
    }

    fn symlink(&mut self, path: ImagePath, target: Arc<str>, _: Owner) -> Result<(), SinkError> {
        self.prepare(&path)?;
        symlinkat(&*target, &self.root, path.as_str())
            .and_then(|()| utimensat(&self.root, path.as_str(), &TIMES, AtFlags::SYMLINK_NOFOLLOW))
            .map_err(|error| self.write_error(&path, error.into()))?;
        self.entries.insert(path, DiskEntry::Symlink { length: target.len() as u64 });
        Ok(())
    }

    fn copy(&mut self, path: ImagePath, original: &ImagePath) -> Result<(), SinkError> {
        let Some(&DiskEntry::File { mode, .. }) = self.entries.get(original) else {
            return Err(SinkError::Read { path, source: ErrorKind::NotFound.into() });
        };
        self.make_file(path.clone(), mode, |writer, file| {
            writer
                .open(original, mode)
                .map_err(io::Error::from)
                .and_then(|mut from| io::copy(&mut from, file))
                .map_err(|error| writer.write_error(&path, error))
        })
    }
}

/// Renames the finished folder to its name, unless a good one has the name by now.
fn put_in_place(store: &Store, key: &Key, directory: &TemporaryDirectory) -> Result<Checkout, StoreError> {
    let path = store.checkout_path(key);
    loop {
        // A folder that is not empty is never replaced by a rename, so the first one stays.
        let taken = match rename(directory.path(), &path) {
            Ok(()) => false,
            Err(error) => match error.kind() {
                ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists | ErrorKind::NotADirectory => true,
                _ => return Err(StoreError::writing(&path)(error)),
            },
        };
        match Checkout::open(store, key) {
            Ok(checkout) => return Ok(checkout),
            Err(OpenFailure::Failed(error)) => return Err(error),
            Err(OpenFailure::Absent | OpenFailure::Damaged) if !taken => {
                return Err(StoreError::Unfaithful { path });
            }
            // Someone is removing theirs.
            Err(OpenFailure::Absent) => {}
            Err(OpenFailure::Damaged) => store.discard_damaged_checkout(key)?,
        }
    }
}
