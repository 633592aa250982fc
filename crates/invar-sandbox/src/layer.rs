//! Where the command's changes are, and in which form.
//!
//! The scratch folder, in either form:
//! ```text
//! upper/   what changed, as the upper layer of an overlay           (Layering::Overlay)
//! work/    the kernel's own, gone at the end
//! copy/    the whole root: a copy of the trees, changed in place    (Layering::Copy)
//! root/    the mount point, empty as seen from outside
//! hosts    what is seen as `/etc/hosts`
//! cpuinfo  what is seen as `/proc/cpuinfo`, in a build
//! stat     what is seen as `/proc/stat`, in a build
//! made     the mount points that were created, one a line, and are removed at the end if they are still empty
//! ```
use std::io;
use std::path::{Path, PathBuf};

use crate::sandbox::Sandbox;

pub(crate) const UPPER: &str = "upper";
pub(crate) const WORK: &str = "work";
pub(crate) const COPY: &str = "copy";
pub(crate) const ROOT: &str = "root";
pub(crate) const NAMES: &str = "hosts";
pub(crate) const CPU_INFORMATION: &str = "cpuinfo";
pub(crate) const CPU_STATISTICS: &str = "stat";
pub(crate) const MADE: &str = "made";

/// How the root was made writable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layering {
    /// [`writable_layer`] holds only what changed. What was removed is a whiteout: a character device with the numbers
    /// 0 and 0. A directory that replaced another has the attribute `user.overlay.opaque` with the value `y`.
    Overlay,
    /// [`writable_layer`] holds the whole root as it is now: the kernel refuses an overlay here.
    Copy,
}

/// How the root of a sandbox was made writable: known once its command has ended.
#[must_use]
pub fn layering(sandbox: &Sandbox) -> Layering {
    if sandbox.scratch.join(COPY).is_dir() { Layering::Copy } else { Layering::Overlay }
}

/// Where the changes are, once the command has ended; [`layering`] returns their form.
#[must_use]
pub fn writable_layer(sandbox: &Sandbox) -> PathBuf {
    sandbox.scratch.join(match layering(sandbox) {
        Layering::Overlay => UPPER,
        Layering::Copy => COPY,
    })
}

/// Makes the next run over this scratch folder use a copy, for tests of that way on a host that has overlays.
///
/// # Errors
/// If the folder cannot be made.
#[doc(hidden)]
pub fn force_copy(scratch: &Path) -> io::Result<()> {
    std::fs::create_dir(scratch.join(COPY))
}

/// Removes the mount points that the sandbox made, so that they do not count as changes.
///
/// Whatever goes wrong here is no harm: the worst is an empty folder that the command could have made as well.
pub(crate) fn remove_mount_points(sandbox: &Sandbox) {
    let Ok(list) = std::fs::read(sandbox.scratch.join(MADE)) else { return };
    let layer = writable_layer(sandbox);
    for line in list.split(|byte| *byte == b'\n').rev().filter(|line| !line.is_empty()) {
        use std::os::unix::ffi::OsStrExt;
        let path = layer.join(std::ffi::OsStr::from_bytes(line));
        // Through a symbolic link the path could leave the layer.
        let inside = path.parent().and_then(|parent| parent.canonicalize().ok());
        if !inside.zip(layer.canonicalize().ok()).is_some_and(|(parent, layer)| parent.starts_with(layer)) {
            continue;
        }
        match path.symlink_metadata() {
            Ok(found) if found.is_dir() => drop(std::fs::remove_dir(&path)),
            Ok(found) if found.is_file() && found.len() == 0 => drop(std::fs::remove_file(&path)),
            _ => {}
        }
    }
}

/// Removes what the kernel needed for itself: it leaves folders without any permission, on which a caller that is not
/// root would fail.
pub(crate) fn remove_work(scratch: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let work = scratch.join(WORK);
    let (inner, marks) = (work.join(WORK), work.join(WORK).join("incompat"));
    for path in [&inner, &marks, &marks.join("volatile")] {
        drop(std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)));
    }
    drop(std::fs::remove_dir_all(work));
}
