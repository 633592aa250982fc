//! The members of a tar archive, read as those of a layer.
use std::io::{self, Read};

use invar_formats::tar::{Header, MemberKind, TarError, TarFault, TarReader};
use invar_tree::{Digest, ImagePath, Mode, Owner, PathError};

use crate::error::{EntryFault, LayerFault};
use crate::member::{LayerNode, Member};

type Members = (Vec<Member>, Option<(Mode, Owner)>);

/// All members of a tar archive. The digest of a file, given its path, its size and its content, is what `content`
/// says.
pub(crate) fn members<R: Read>(
    archive: &mut TarReader<R>,
    content: &mut dyn FnMut(&ImagePath, u64, &mut dyn Read) -> io::Result<Digest>,
) -> Result<Members, LayerFault> {
    let (mut members, mut root) = (Vec::new(), None);
    while let Some(header) = archive.next_member()? {
        let fail = |fault| entry_fault(&header.path, fault);
        let bad = |fault| TarError::entry(&header.path, fault);
        let number = |found: Result<u64, TarFault>| {
            found.and_then(|number| u32::try_from(number).map_err(|_| TarFault::Number)).map_err(bad)
        };
        let mode = Mode::new(header.mode().map_err(bad)?);
        let owner = Owner { uid: number(header.uid())?, gid: number(header.gid())? };
        let digest = Digest::of(archive.raw_header());
        let path = match path_of(&header.path) {
            Ok(path) => path,
            Err(PathError::Empty) => {
                root = Some((mode, owner));
                continue;
            }
            Err(error) => return Err(fail(EntryFault::Path(error))),
        };
        let (path, kind) = kind_of(path, &header)?;
        let kind = match kind {
            LayerNode::File { size, .. } => {
                let digest = content(&path, size, &mut archive.content())?;
                LayerNode::File { size, digest }
            }
            kind => kind,
        };
        let attributes = header.attributes().map(|(name, value)| (escaped(name), value.to_vec()));
        members.push(Member {
            path,
            kind,
            mode,
            owner,
            owner_names: (header.user().into(), header.group().into()),
            time: header.time().map_err(bad)?,
            attributes: attributes.collect(),
            format: header.format().into(),
            header: digest,
        });
    }
    Ok((members, root))
}

/// A member's kind, with its path as it is when a whiteout's mark is taken off it. A file has no digest yet.
fn kind_of(path: ImagePath, header: &Header) -> Result<(ImagePath, LayerNode), LayerFault> {
    let fail = |fault| entry_fault(&header.path, fault);
    let kind = match header.kind() {
        MemberKind::File => LayerNode::File { size: header.size, digest: Digest::from_bytes([0; 32]) },
        MemberKind::HardLink => {
            let wrong =
                || fail(EntryFault::HardLink { target: String::from_utf8_lossy(&header.link).into_owned() });
            LayerNode::HardLink { original: path_of(&header.link).map_err(|_| wrong())? }
        }
        MemberKind::Symlink => LayerNode::Symlink { target: escaped(&header.link).into() },
        MemberKind::Device { block } => {
            let device = header.device().map_err(|fault| TarError::entry(&header.path, fault));
            let (major, minor) = device?;
            LayerNode::Device { block, major, minor }
        }
        MemberKind::Directory => LayerNode::Directory,
        MemberKind::Pipe => LayerNode::Pipe,
        MemberKind::Sparse => return Err(fail(EntryFault::Kind('S'))),
        MemberKind::Other(flag) => return Err(fail(EntryFault::Kind(char::from(flag)))),
    };
    // POSIX lets a hard link repeat the content of its file; a layer's never does.
    if header.size > 0 && !matches!(kind, LayerNode::File { .. }) {
        return Err(fail(EntryFault::Content));
    }
    let Some(name) = path.name().strip_prefix(".wh.").filter(|_| kind != LayerNode::Directory) else {
        return Ok((path, kind));
    };
    let below = |name: &str| match path.parent() {
        Some(parent) => parent.join(name),
        None => ImagePath::parse(name),
    };
    match name {
        // At the root itself there is no directory to name; everything of the lower layers goes.
        ".wh..opq" => Ok((path.parent().unwrap_or(path), LayerNode::Opaque)),
        // aufs' own notes, which mean nothing elsewhere.
        name if name.starts_with(".wh.") => Ok((path, kind)),
        name => Ok((below(name).map_err(|error| fail(EntryFault::Path(error)))?, LayerNode::Whiteout)),
    }
}

fn entry_fault(path: &[u8], fault: EntryFault) -> LayerFault {
    LayerFault::Entry { path: String::from_utf8_lossy(path).into_owned(), fault }
}

/// A path of a layer. A leading slash is taken off, as all who unpack layers do; bytes that are not UTF-8 are written
/// as `\xNN`, so that two files keep two names.
pub(crate) fn path_of(bytes: &[u8]) -> Result<ImagePath, PathError> {
    let start = bytes.iter().position(|&byte| byte != b'/').unwrap_or(bytes.len());
    ImagePath::parse(&escaped(&bytes[start..]))
}

pub(crate) fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02x}")));
    }
    text
}
