//! What a command has left, as trees.
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};

use invar_sandbox::{CaptureError, CaptureRules, Layering, Modes, Owners, Sandbox};
use invar_tree::{ImagePath, Sink};

use super::unchanged::Changed;
use super::workdir::Workdir;
use crate::executor::{BUILD, OutputError, OutputTree, Removal};

/// The most that one build may leave, in bytes and in files.
const RULES: CaptureRules = CaptureRules { modes: Modes::Normalised, bytes: 16 << 30, entries: 2_000_000 };

/// What a command left in the sandbox of this machine.
pub(super) struct SandboxOutputs {
    pub workdir: Workdir,
    pub sandbox: Sandbox,
    pub owners: Owners,
}

/// What a command left that was moved to where people look at it.
pub(super) struct Moved;

impl SandboxOutputs {
    /// Whether the whole root was copied, since it could not be overlaid.
    fn is_copy(&self) -> bool {
        invar_sandbox::layering(&self.sandbox) == Layering::Copy
    }
}

/// `path` of the root as one of the build directory.
fn in_build(path: &ImagePath) -> Option<&str> {
    path.as_str().strip_prefix(BUILD).and_then(|rest| rest.strip_prefix('/'))
}

fn captured(result: Result<(), CaptureError>) -> Result<(), OutputError> {
    result.map_err(|error| OutputError::Capture(Box::new(error)))
}

impl OutputTree for SandboxOutputs {
    fn open(&self, path: &ImagePath) -> io::Result<Box<dyn Read + '_>> {
        use rustix::fs::{Mode, OFlags, openat};
        let (base, inner) = match in_build(path) {
            Some(inner) => (self.workdir.build(), inner),
            None => (invar_sandbox::writable_layer(&self.sandbox), path.as_str()),
        };
        let (above, name) = inner.rsplit_once('/').unwrap_or(("", inner));
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file: File = openat(folder_inside(&base, above)?, name, flags, Mode::empty())?.into();
        if file.metadata()?.is_file() { Ok(Box::new(file)) } else { Err(io::ErrorKind::InvalidInput.into()) }
    }

    fn give(&self, from: &ImagePath, to: &ImagePath, sink: &mut dyn Sink) -> Result<(), OutputError> {
        let (base, inner, only_changed) = match in_build(from) {
            Some(inner) => (self.workdir.build(), inner, false),
            None => (invar_sandbox::writable_layer(&self.sandbox), from.as_str(), self.is_copy()),
        };
        let (above, name) = inner.rsplit_once('/').unwrap_or(("", inner));
        let above = folder_inside(&base, above).map_err(|_| OutputError::Missing)?;
        // By way of the open folder: its name may mean something else by now.
        let place = PathBuf::from(format!("/proc/self/fd/{}/{name}", above.as_raw_fd()));
        if fs::symlink_metadata(&place).is_err() {
            return Err(OutputError::Missing);
        }
        captured(match only_changed {
            false => invar_sandbox::capture(&place, Some(to), &RULES, &|_, _| None, sink),
            true => {
                let (from, to_text) = (inner.to_owned(), to.as_str().to_owned());
                let mut changed = Changed { sink, roots: &self.sandbox.root, from, to: to_text };
                invar_sandbox::capture(&place, Some(to), &RULES, &|_, _| None, &mut changed)
            }
        })
    }

    fn give_changes(&self, sink: &mut dyn Sink) -> Result<Removal, OutputError> {
        let rules = CaptureRules { modes: Modes::Kept, ..RULES };
        let owners = |device, inode| self.owners.get(device, inode);
        let layer = invar_sandbox::writable_layer(&self.sandbox);
        let removed = invar_sandbox::capture_changes(&layer, &rules, &owners, sink)
            .map_err(|error| OutputError::Capture(Box::new(error)))?;
        Ok(if self.is_copy() { Removal::Absent } else { Removal::Listed(removed) })
    }
}

impl OutputTree for Moved {
    fn open(&self, _: &ImagePath) -> io::Result<Box<dyn Read + '_>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn give(&self, _: &ImagePath, _: &ImagePath, _: &mut dyn Sink) -> Result<(), OutputError> {
        Err(OutputError::Missing)
    }

    fn give_changes(&self, _: &mut dyn Sink) -> Result<Removal, OutputError> {
        Err(OutputError::Missing)
    }
}

/// Opens the folder `inner` below `base`, following no link below `base`.
fn folder_inside(base: &Path, inner: &str) -> io::Result<OwnedFd> {
    use rustix::fs::{Mode, OFlags, open, openat};
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut folder = open(base, flags, Mode::empty())?;
    for name in inner.split('/').filter(|name| !name.is_empty() && *name != ".") {
        if name == ".." {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        folder = openat(&folder, name, flags, Mode::empty())?;
    }
    Ok(folder)
}
