//! Mount points inside the new root, and what is mounted on them.
//!
//! Every path inside is resolved as the command would see it (`RESOLVE_IN_ROOT` of openat2(2)): a symbolic link of a
//! tree cannot lead out to the host. Mounts are then made on descriptors, through `/proc/self/fd`, so that nothing is
//! resolved twice.
use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, ResolveFlags, StatxFlags};
use rustix::mount::MountFlags;

use crate::kernel;

pub(crate) const READ_ONLY: u64 = 0x1;
pub(crate) const NO_SETUID: u64 = 0x2;
pub(crate) const NO_DEVICES: u64 = 0x4;
pub(crate) const NO_PROGRAMS: u64 = 0x8;

/// What a mount point is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MountKind {
    Directory,
    File,
}

/// The new root before it becomes the root.
pub(crate) struct NewRoot {
    pub(crate) fd: OwnedFd,
    /// The mount that is the root itself, as opposed to what is mounted in it.
    mount: u64,
    /// The path of the root on the host, to find out where in it something is.
    path: PathBuf,
    /// What was created for mount points in the root itself, relative to it.
    made: Vec<PathBuf>,
}

/// The path of what a descriptor means.
pub(crate) fn magic(fd: &impl AsFd) -> String {
    format!("/proc/self/fd/{}", fd.as_fd().as_raw_fd())
}

/// Opens something only to name it.
pub(crate) fn open_path(path: &Path) -> io::Result<OwnedFd> {
    Ok(rustix::fs::openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?)
}

/// The number of the mount that something is in.
pub(crate) fn mount_of(fd: &impl AsFd) -> io::Result<u64> {
    let found = rustix::fs::statx(fd, c"", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID)?;
    Ok(found.stx_mnt_id)
}

/// Mounts a file system of the kernel's own.
pub(crate) fn mount_new(kind: &str, target: &OwnedFd, flags: MountFlags, options: &str) -> io::Result<()> {
    let options = CString::new(options).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    Ok(rustix::mount::mount(kind, magic(target), kind, flags, Some(options.as_c_str()))?)
}

/// Shows `source`, with all that is mounted below it, at `target` too.
pub(crate) fn bind(source: &OwnedFd, target: &OwnedFd) -> io::Result<()> {
    Ok(rustix::mount::mount_bind_recursive(magic(source), magic(target))?)
}

impl NewRoot {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let fd = open_path(path)?;
        Ok(Self {
            mount: mount_of(&fd)?,
            path: rustix::fs::readlink(magic(&fd), Vec::new()).map(path_of)?,
            fd,
            made: Vec::new(),
        })
    }

    /// Opens a path inside as the command would.
    pub(crate) fn resolve(&self, path: &str) -> io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        Ok(rustix::fs::openat2(&self.fd, path, flags, Mode::empty(), ResolveFlags::IN_ROOT)?)
    }

    /// Opens a mount point, which is created, with the folders above it, if it is missing. `lasting` shows that what
    /// was created is meant to stay.
    pub(crate) fn mount_point(&mut self, path: &str, kind: MountKind, lasting: bool) -> io::Result<OwnedFd> {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
        let mut here = self.resolve("/")?;
        let mut walked = String::new();
        for (index, part) in parts.iter().enumerate() {
            walked.push('/');
            walked.push_str(part);
            let next = match self.resolve(&walked) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let kind = if index + 1 == parts.len() { kind } else { MountKind::Directory };
                    self.make(&here, part, kind, lasting)?;
                    self.resolve(&walked)?
                }
                other => other?,
            };
            here = next;
        }
        Ok(here)
    }

    fn make(&mut self, parent: &OwnedFd, name: &str, kind: MountKind, lasting: bool) -> io::Result<()> {
        match kind {
            MountKind::Directory => rustix::fs::mkdirat(parent, name, Mode::from_raw_mode(0o755))?,
            MountKind::File => {
                let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
                drop(rustix::fs::openat(parent, name, flags, Mode::from_raw_mode(0o644))?);
            }
        }
        if !lasting && mount_of(parent)? == self.mount {
            let full = path_of(rustix::fs::readlink(magic(parent), Vec::new())?);
            let inside =
                full.strip_prefix(&self.path).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
            self.made.push(inside.join(name));
        }
        Ok(())
    }

    /// What was created for mount points in the root itself, one a line.
    pub(crate) fn made(&self) -> Vec<u8> {
        use std::os::unix::ffi::OsStrExt;
        self.made
            .iter()
            .filter(|path| !path.as_os_str().as_bytes().contains(&b'\n'))
            .flat_map(|path| path.as_os_str().as_bytes().iter().copied().chain([b'\n']))
            .collect()
    }

    /// Mounts a new file system at a path inside; what is given is the top of it.
    pub(crate) fn mount_at(
        &mut self,
        path: &str,
        kind: &str,
        flags: MountFlags,
        options: &str,
    ) -> io::Result<OwnedFd> {
        let target = self.mount_point(path, MountKind::Directory, false)?;
        mount_new(kind, &target, flags, options)?;
        self.resolve(path)
    }

    /// Shows a folder or file of the host at a path inside.
    pub(crate) fn bind_at(&mut self, source: &OwnedFd, path: &str, flags: u64) -> io::Result<()> {
        let found = rustix::fs::fstat(source)?;
        let directory = rustix::fs::FileType::from_raw_mode(found.st_mode).is_dir();
        let target =
            self.mount_point(path, if directory { MountKind::Directory } else { MountKind::File }, false)?;
        bind(source, &target)?;
        kernel::set_mount_flags(self.resolve(path)?, flags, true)
    }
}

fn path_of(text: CString) -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    PathBuf::from(std::ffi::OsString::from_vec(text.into_bytes()))
}
