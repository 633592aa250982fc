//! The zip in a source archive: read with the same care as a wheel.
use std::io::{Read, Seek};

use super::SdistFault;
use super::top::Top;
use crate::wheel::{Archive, Checked};

/// Gives all entries to `top`.
pub(super) fn unpack(reader: impl Read + Seek, top: &mut Top<'_>) -> Result<(), SdistFault> {
    let mut archive = Archive::open(reader).map_err(SdistFault::Zip)?;
    for member in archive.members() {
        let path = member.path.as_bytes();
        top.count(path.len())?;
        if member.directory {
            top.directory(path)?;
            continue;
        }
        let content = archive.read(&member).map_err(SdistFault::Zip)?;
        let mut checked = Checked::new(content, &member);
        top.file(path, member.executable, member.size, &mut checked)?;
        checked.finish().map_err(SdistFault::Zip)?;
    }
    Ok(())
}
