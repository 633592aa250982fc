use invar_tree::{ImagePath, PathError};

use crate::documentation::merge_usr;

/// What of a package goes into the tree, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnpackOptions {
    /// Whether documentation stays.
    ///
    /// Without it, these are left out, with the directories that would be empty then: `/usr/share/` `doc` (except for
    /// files and links named `copyright`, and for links that stand for a package's whole directory), `man`, `info`,
    /// `doc-base`, `bug`, `linda` and `lintian/overrides`. What programs read stays: `locale`, `groff`, the data of
    /// lintian itself.
    pub docs: bool,
    /// Whether the image's `/bin`, `/sbin`, `/lib`, `/lib32`, `/lib64` and `/libx32` are links into `/usr`, as they
    /// are since Debian 12. What a package contains below them then goes below `/usr`.
    ///
    /// Targets of symbolic links stay as they are, for that is how dpkg leaves them too.
    pub merged_usr: bool,
    /// Whether dpkg's records for scanners are written, below `/var/lib/dpkg`.
    pub records: bool,
}

impl UnpackOptions {
    /// Where `path` goes; `None` for a directory that the image has as a link.
    ///
    /// What a package only names, such as the paths of its alternatives, goes the same way.
    ///
    /// # Errors
    /// [`PathError::Unrepresentable`] where the path becomes too long.
    pub fn relocate(&self, path: ImagePath, is_directory: bool) -> Result<Option<ImagePath>, PathError> {
        if self.merged_usr { merge_usr(path, is_directory) } else { Ok(Some(path)) }
    }
}
