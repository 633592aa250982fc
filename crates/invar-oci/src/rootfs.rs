//! The root file system as one tar archive.
use std::io::Write;

use invar_tree::{Contents, Tree};

use crate::segment::{END_OF_ARCHIVE, SegmentError, SegmentLayout, write_segment};
use crate::segment::{directories_length, write_directories};

/// Writes `tree` as one tar archive: its directories, its segment, and the end of the archive.
///
/// These are the bytes of a layer that holds the whole tree, not compressed. A caller that keeps the segments of the
/// trees which were merged writes the same *entries* from them, in another order.
///
/// # Errors
/// [`SegmentError`]; what was written until then is of no use.
pub fn write_rootfs(tree: &Tree, contents: &dyn Contents, out: &mut dyn Write) -> Result<(), SegmentError> {
    write_directories(tree, out).map_err(|source| SegmentError::Write { source })?;
    write_segment(tree, contents, out)?;
    out.write_all(&END_OF_ARCHIVE).map_err(|source| SegmentError::Write { source })
}

/// How many bytes [`write_rootfs`] writes for `tree`.
pub fn rootfs_length(tree: &Tree) -> u64 {
    directories_length(tree)
        .saturating_add(SegmentLayout::of(tree).length())
        .saturating_add(END_OF_ARCHIVE.len() as u64)
}
