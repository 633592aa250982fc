//! The result, in each of its forms.
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use invar_checkout::write_atomically;
use invar_oci::{
    ArchiveRequest, END_OF_ARCHIVE, FILE_TIME, archive_parts, layout_files, write_directories, write_segment,
};
use invar_store::Store;
use invar_tree::{Contents, Node, Tree};

use crate::BuildError;
use crate::output::{is_written, write_parts};

/// What is written, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// An archive that is both an OCI image layout and a Docker archive.
    Archive(Destination),
    /// An OCI image layout in a folder.
    OciDirectory(PathBuf),
    /// The root file system as a tar archive.
    Rootfs(Destination),
    /// The root file system in a folder.
    RootfsDirectory(PathBuf),
    /// Nothing: the image's layers are in the store, and its digest is known.
    Nowhere,
}

impl Target {
    /// The file or folder that is written; `None` for standard output.
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::Archive(Destination::File(path))
            | Self::Rootfs(Destination::File(path))
            | Self::OciDirectory(path)
            | Self::RootfsDirectory(path) => Some(path),
            Self::Archive(Destination::StandardOutput)
            | Self::Rootfs(Destination::StandardOutput)
            | Self::Nowhere => None,
        }
    }
}

/// Where a stream of bytes goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// To a file, which appears whole or not at all.
    File(PathBuf),
    /// To standard output.
    StandardOutput,
}

impl Destination {
    fn write(&self, write: impl FnOnce(&mut File) -> Result<(), BuildError>) -> Result<(), BuildError> {
        match self {
            Self::File(path) => write_atomically(path, write),
            Self::StandardOutput => {
                use std::os::fd::AsFd as _;
                let stdout = io::stdout().as_fd().try_clone_to_owned().map_err(BuildError::Deliver)?;
                write(&mut File::from(stdout))
            }
        }
    }
}

/// Writes `request` as one archive.
pub(crate) fn archive(
    store: &Store,
    request: &ArchiveRequest,
    destination: &Destination,
) -> Result<(), BuildError> {
    let parts = archive_parts(request);
    if let Destination::File(path) = destination
        && is_written(&parts, path)
    {
        return Ok(());
    }
    destination.write(|file| write_parts(store, &parts, file))
}

/// Writes `request` as an OCI image layout into the folder `path`, which must be absent or empty.
pub(crate) fn oci_directory(store: &Store, request: &ArchiveRequest, path: &Path) -> Result<(), BuildError> {
    into_new_folder(path, |folder| {
        fs::create_dir_all(folder.join("blobs/sha256")).map_err(output(folder))?;
        for (name, part) in layout_files(request) {
            let target = folder.join(name);
            let mut file = File::create(&target).map_err(output(&target))?;
            write_parts(store, &[part], &mut file)?;
        }
        Ok(())
    })
}

/// A part of the root file system: the files and links of one tree that are in the image.
pub(crate) struct RootPart<'a> {
    pub kept: &'a Tree,
    pub contents: &'a dyn Contents,
}

/// Writes the root file system `root` as a tar archive.
pub(crate) fn rootfs(
    root: &Tree,
    parts: &[RootPart<'_>],
    destination: &Destination,
) -> Result<(), BuildError> {
    destination.write(|file| {
        let mut out = io::BufWriter::with_capacity(256 * 1024, file);
        write_directories(root, &mut out).map_err(BuildError::Deliver)?;
        for part in parts {
            write_segment(part.kept, part.contents, &mut out)?;
        }
        out.write_all(&END_OF_ARCHIVE).and_then(|()| out.flush()).map_err(BuildError::Deliver)
    })
}

/// Writes the root file system `root` into the folder `path`, which must be absent or empty. Owners are set only
/// where this process may.
pub(crate) fn rootfs_directory(root: &Tree, parts: &[RootPart<'_>], path: &Path) -> Result<(), BuildError> {
    into_new_folder(path, |folder| {
        for (path, entry) in root.iter().filter(|(_, entry)| entry.is_directory()) {
            let target = folder.join(path.as_str());
            fs::create_dir(&target).map_err(output(&target))?;
            own(&target, entry.owner)?;
        }
        for part in parts {
            for (path, entry) in part.kept.iter() {
                let target = folder.join(path.as_str());
                match &entry.node {
                    Node::Directory => continue,
                    Node::Symlink { target: link } => symlink(&**link, &target).map_err(output(&target))?,
                    Node::File { .. } => {
                        let mut options = File::options();
                        let opened = options.write(true).create_new(true).mode(0o600).open(&target);
                        let mut file = opened.map_err(output(&target))?;
                        let mut content = part.contents.open(path).map_err(output(&target))?;
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
        }
        // From the deepest upwards: a folder may be closed to writing, and its time changes with what is put in it.
        for (path, entry) in root.iter().rev().filter(|(_, entry)| entry.is_directory()) {
            let target = folder.join(path.as_str());
            let mode = fs::Permissions::from_mode(entry.mode.bits());
            fs::set_permissions(&target, mode).map_err(output(&target))?;
            let opened = File::open(&target).and_then(|folder| folder.set_modified(file_time()));
            opened.map_err(output(&target))?;
        }
        File::open(folder).and_then(|folder| folder.set_modified(file_time())).map_err(output(folder))
    })
}

fn set_time_of_link(path: &Path) -> io::Result<()> {
    use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};
    let time = Timespec { tv_sec: FILE_TIME as i64, tv_nsec: 0 };
    let times = Timestamps { last_access: time, last_modification: time };
    Ok(utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)?)
}

fn file_time() -> std::time::SystemTime {
    std::time::UNIX_EPOCH + std::time::Duration::from_secs(FILE_TIME)
}

/// Gives `path` its owner. Without privileges the files are the caller's own, which is what `FROM scratch` and `COPY`
/// turn into root's anyway.
fn own(path: &Path, owner: invar_tree::Owner) -> Result<(), BuildError> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    std::os::unix::fs::lchown(path, Some(owner.uid), Some(owner.gid)).map_err(output(path))
}

/// Makes a folder through `fill`: it has its name only when it is whole.
fn into_new_folder(
    path: &Path,
    fill: impl FnOnce(&Path) -> Result<(), BuildError>,
) -> Result<(), BuildError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let hidden = path.with_file_name(format!(".{name}.{}.partial", std::process::id()));
    fs::create_dir(&hidden).map_err(output(&hidden))?;
    let filled = fill(&hidden).and_then(|()| {
        // A folder that is there and empty is replaced; any other is kept, and the rename says so.
        fs::rename(&hidden, path).map_err(output(path))
    });
    if filled.is_err() {
        // The first error says more than a failure to clean up after it.
        let _ = fs::remove_dir_all(&hidden);
    }
    filled
}

fn output(path: &Path) -> impl FnOnce(io::Error) -> BuildError + use<> {
    let path = path.to_owned();
    |source| BuildError::Output { path, source }
}
