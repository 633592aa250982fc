//! Copies trees into one folder, for hosts whose kernel refuses an overlay.
//!
//! The result is what an overlay of the same trees would show: an entry of a higher tree replaces that of a lower one,
//! but two folders become one, with the mode of the higher. Modes and times are kept, so that programs which compare
//! times see the same in both ways. Owners are the caller's, as they are in both ways too. Hard links become files of
//! their own. The copy goes down as deep as descriptors allow, which is far deeper than a path can be.
use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, Timespec, Timestamps};
use rustix::io::Errno;

/// How deep trees may be.
const DEEPEST: usize = 400;

/// Copies all of a folder (which may be open for naming only) into another.
pub(crate) fn copy(from: &OwnedFd, to: &OwnedFd) -> io::Result<()> {
    directory(&open_directory(from, c".")?, &open_directory(to, c".")?, DEEPEST)
}

fn open_directory(at: &impl AsFd, name: &std::ffi::CStr) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(at, name, flags, Mode::empty())?)
}

fn directory(from: &OwnedFd, to: &OwnedFd, depth: usize) -> io::Result<()> {
    let deeper = depth.checked_sub(1).ok_or(Errno::NAMETOOLONG)?;
    let mut names: Vec<CString> = Vec::new();
    for entry in Dir::read_from(from)? {
        let name = entry?.file_name().to_owned();
        if name.as_bytes() != b"." && name.as_bytes() != b".." {
            names.push(name);
        }
    }
    // Sorted, so that the new folder's own order does not follow the old one's.
    names.sort();
    for name in &names {
        let found = rustix::fs::statat(from, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let kind = FileType::from_raw_mode(found.st_mode);
        let merges = make_room(to, name, kind)?;
        match kind {
            FileType::Directory => {
                if !merges {
                    rustix::fs::mkdirat(to, name, Mode::RWXU)?;
                }
                let (inner_from, inner_to) = (open_directory(from, name)?, open_directory(to, name)?);
                directory(&inner_from, &inner_to, deeper)?;
                keep(&inner_to, &found)?;
            }
            FileType::Symlink => {
                let target = rustix::fs::readlinkat(from, name, Vec::new())?;
                rustix::fs::symlinkat(target, to, name)?;
                rustix::fs::utimensat(to, name, &times(&found), AtFlags::SYMLINK_NOFOLLOW)?;
            }
            FileType::RegularFile => {
                let flags = OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let source = rustix::fs::openat(from, name, OFlags::RDONLY | flags, Mode::empty())?;
                let create = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | flags;
                let target = rustix::fs::openat(to, name, create, Mode::RUSR | Mode::WUSR)?;
                // The standard library lets the kernel copy, without a way through this process.
                let (mut source, mut target) = (File::from(source), File::from(target));
                io::copy(&mut source, &mut target)?;
                keep(&target, &found)?;
            }
            // Checked-out trees have no other kinds, and nothing that reads the copy could carry them.
            _ => return Err(Errno::NOTSUP.into()),
        }
    }
    Ok(())
}

/// Removes what a lower tree has instead of an entry, unless both are folders: then it says so.
fn make_room(to: &OwnedFd, name: &CString, kind: FileType) -> io::Result<bool> {
    let there = match rustix::fs::statat(to, name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => return Ok(false),
        other => FileType::from_raw_mode(other?.st_mode),
    };
    if !there.is_dir() {
        rustix::fs::unlinkat(to, name, AtFlags::empty())?;
        return Ok(false);
    }
    if kind.is_dir() {
        return Ok(true);
    }
    let inner = open_directory(to, name)?;
    let mut names: Vec<CString> = Vec::new();
    for entry in Dir::read_from(&inner)? {
        let name = entry?.file_name().to_owned();
        if name.as_bytes() != b"." && name.as_bytes() != b".." {
            names.push(name);
        }
    }
    for inside in &names {
        // Any kind but a folder's makes room without merging.
        make_room(&inner, inside, FileType::RegularFile)?;
    }
    rustix::fs::unlinkat(to, name, AtFlags::REMOVEDIR)?;
    Ok(false)
}

fn keep(target: &impl AsFd, found: &Stat) -> io::Result<()> {
    rustix::fs::fchmod(target, Mode::from_raw_mode(found.st_mode & 0o7777))?;
    Ok(rustix::fs::futimens(target, &times(found))?)
}

fn times(found: &Stat) -> Timestamps {
    let time = |seconds: i64, nanoseconds: u64| Timespec {
        tv_sec: seconds,
        tv_nsec: nanoseconds.try_into().unwrap_or_default(),
    };
    Timestamps {
        last_access: time(found.st_atime, found.st_atime_nsec),
        last_modification: time(found.st_mtime, found.st_mtime_nsec),
    }
}
