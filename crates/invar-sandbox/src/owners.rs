//! Owners that were noted instead of set.
use std::collections::BTreeMap;

/// The owners that files would have, had the command been allowed to change them.
///
/// A file is named by its device and inode number, as `stat` of the file in the writable layer (or, for a file in a
/// bind, in the bind's source) gives them on the host. Files that are gone by the end are not in here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owners(BTreeMap<(u64, u64), (u32, u32)>);

impl Owners {
    /// The user and group that were noted for a file, or nothing if the command changed neither.
    #[must_use]
    pub fn get(&self, device: u64, inode: u64) -> Option<(u32, u32)> {
        self.0.get(&(device, inode)).copied()
    }

    /// All files, as (device, inode), with their user and group; sorted.
    pub fn iter(&self) -> impl Iterator<Item = ((u64, u64), (u32, u32))> + '_ {
        self.0.iter().map(|(file, owner)| (*file, *owner))
    }

    /// How many files there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the command changed no owner.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<((u64, u64), (u32, u32))> for Owners {
    fn from_iter<T: IntoIterator<Item = ((u64, u64), (u32, u32))>>(items: T) -> Self {
        Self(items.into_iter().collect())
    }
}
