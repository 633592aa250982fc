//! A root file system that is in a folder.
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use invar_formats::tar::TarError;
use invar_tree::{Digest, ImagePath, Mode, Owner};

use crate::listing::Keeper;
use crate::members::escaped;
use crate::{Compression, ImageError, Keep, LayerFault, LayerNode, Limits, Listing, Member, Time};

/// Lists the folder, which is not left through links.
pub(crate) fn list(folder: &Path, limits: &Limits, keep: Keep<'_>) -> Result<Listing, ImageError> {
    let mut keeper = Keeper::new(keep, limits);
    let mut members = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(directory) = open.pop() {
        let fail = |source| ImageError::Read { path: directory.clone(), source };
        for name in names(&directory).map_err(fail)? {
            let path = directory.join(&name);
            let fail = |source| ImageError::Read { path: path.clone(), source };
            let metadata = fs::symlink_metadata(&path).map_err(fail)?;
            if members.len() >= limits.members {
                let source = LayerFault::Tar(TarError::TooManyEntries { limit: limits.members });
                return Err(ImageError::Layer { path: path.clone(), layer: "the folder".into(), source });
            }
            let inside = path.strip_prefix(folder).expect("it was found below the folder");
            let Ok(inside) = ImagePath::parse(&escaped(inside.as_os_str().as_bytes())) else {
                let source = io::Error::other("the path is too long for Linux");
                return Err(ImageError::Read { path: path.clone(), source });
            };
            if metadata.is_dir() {
                open.push(path.clone());
            }
            if let Some(member) = member(&path, inside, &metadata, &mut keeper).map_err(fail)? {
                members.push(member);
            }
        }
    }
    members.sort_by(|one, two| one.path.cmp(&two.path));
    let metadata = fs::symlink_metadata(folder);
    let metadata = metadata.map_err(|source| ImageError::Read { path: folder.to_owned(), source })?;
    let root = Some((Mode::new(metadata.mode()), Owner { uid: metadata.uid(), gid: metadata.gid() }));
    let unpacked = members.iter().map(|member| member.kind.size()).sum();
    let digest = Digest::of(b"");
    Ok(Listing {
        members,
        root,
        kept: keeper.kept,
        compression: Compression::None,
        start: Vec::new(),
        size: unpacked,
        digest,
        unpacked,
        diff_id: digest,
    })
}

fn names(directory: &Path) -> io::Result<Vec<std::ffi::OsString>> {
    #[expect(clippy::disallowed_methods, reason = "the names are sorted, and the members once more")]
    let entries = fs::read_dir(directory)?;
    let mut names = entries.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}

/// `None` for a socket, which is no part of an image.
fn member(
    path: &Path,
    inside: ImagePath,
    metadata: &Metadata,
    keeper: &mut Keeper<'_>,
) -> io::Result<Option<Member>> {
    let kind = metadata.file_type();
    let device =
        |block| LayerNode::Device { block, major: major(metadata.rdev()), minor: minor(metadata.rdev()) };
    let kind = match () {
        () if kind.is_dir() => LayerNode::Directory,
        () if kind.is_file() => {
            let mut file = File::open(path)?;
            let digest = keeper.file(&inside, metadata.len(), &mut file)?;
            LayerNode::File { size: metadata.len(), digest }
        }
        () if kind.is_symlink() => {
            LayerNode::Symlink { target: escaped(&fs::read_link(path)?.into_os_string().into_vec()).into() }
        }
        () if kind.is_block_device() => device(true),
        () if kind.is_char_device() => device(false),
        () if kind.is_fifo() => LayerNode::Pipe,
        () => return Ok(None),
    };
    let nobody: Arc<str> = "".into();
    Ok(Some(Member {
        path: inside,
        kind,
        mode: Mode::new(metadata.mode()),
        owner: Owner { uid: metadata.uid(), gid: metadata.gid() },
        owner_names: (Arc::clone(&nobody), nobody),
        time: Time {
            seconds: metadata.mtime(),
            nanoseconds: u32::try_from(metadata.mtime_nsec()).unwrap_or_default(),
        },
        attributes: BTreeMap::new(),
        format: None,
        header: Digest::of(b""),
    }))
}

/// The parts of a device's number, as Linux' C library splits it.
fn major(device: u64) -> u32 {
    ((device >> 8) & 0xfff | (device >> 32) & 0xffff_f000) as u32
}

fn minor(device: u64) -> u32 {
    (device & 0xff | (device >> 12) & 0xffff_ff00) as u32
}

/// Gives the contents of the files at `paths` to `take`.
pub(crate) fn contents(
    folder: &Path,
    paths: &BTreeSet<ImagePath>,
    take: &mut dyn FnMut(&ImagePath, &mut dyn Read) -> io::Result<()>,
) -> Result<(), ImageError> {
    for inside in paths {
        let path: PathBuf = folder.join(inside.as_str());
        let mut read = || -> io::Result<()> {
            // A link is not a file of this folder, and could lead anywhere.
            if !fs::symlink_metadata(&path)?.is_file() {
                return Ok(());
            }
            take(inside, &mut File::open(&path)?)
        };
        match read() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            done => done.map_err(|source| ImageError::Read { path: path.clone(), source })?,
        }
    }
    Ok(())
}
