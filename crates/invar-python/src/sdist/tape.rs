//! The tar in a source archive.
use std::io::{self, Read};

use invar_formats::tar::{Limits, MemberKind, Policy, TarError, TarReader};

use super::top::{Top, entry};
use super::{EntryFault, MOST_ENTRIES, MOST_PATHS, SdistFault};

/// The longest extended header or long name, in bytes. Python writes one for each file whose time has a fraction.
const LONGEST_EXTENSION: u64 = 1 << 20;

/// Gives all entries to `top`, and reads `reader` to its end.
pub(super) fn unpack(reader: impl Read, top: &mut Top<'_>) -> Result<(), SdistFault> {
    let limits = Limits { extension: LONGEST_EXTENSION, members: MOST_ENTRIES, names: MOST_PATHS };
    let mut archive = TarReader::new(reader, Policy::Pax, limits);
    while let Some(header) = archive.next_member()? {
        let path = header.path.as_slice();
        let kind = |kind| Err(entry(path, EntryFault::Kind { kind }));
        match header.kind() {
            MemberKind::Directory => top.directory(path)?,
            MemberKind::File => {
                let mode = header.mode().map_err(|fault| TarError::entry(path, fault))?;
                let mut content = archive.content();
                top.file(path, mode & 0o111 != 0, header.size, &mut content)?;
                // A sink reads all of it; what is left would hide a file that ends early.
                io::copy(&mut content, &mut io::sink())?;
            }
            MemberKind::Symlink => top.symlink(path, &header.link)?,
            MemberKind::HardLink => top.hard_link(path, &header.link)?,
            MemberKind::Device { .. } => kind("a device")?,
            MemberKind::Pipe => kind("a named pipe")?,
            MemberKind::Sparse => kind("a sparse file")?,
            MemberKind::Other(_) => kind("an entry of an unknown type")?,
        }
    }
    archive.finish()?;
    Ok(())
}
