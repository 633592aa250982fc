//! What a command has left, as trees.
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use invar_sandbox::{CaptureRules, Layering, Modes, Owners, Sandbox};
use invar_tree::{ImagePath, Mode, Owner, Sink, SinkError};

use super::BUILD;
use super::bench::Bench;
use crate::BuildError;

/// The most that one build may leave, in bytes and in files.
const RULES: CaptureRules = CaptureRules { modes: Modes::Normalised, bytes: 16 << 30, entries: 2_000_000 };

/// What a job left.
pub(crate) struct Left {
    pub(super) bench: Bench,
    pub(super) sandbox: Sandbox,
    pub(super) owners: Owners,
}

impl Left {
    /// The build folder on the host.
    pub fn build(&self) -> PathBuf {
        self.bench.build()
    }

    /// Whether [`changes`](Self::changes) gives the whole root, since it could not be overlaid and was copied.
    pub fn is_whole(&self) -> bool {
        invar_sandbox::layering(&self.sandbox) == Layering::Copy
    }

    /// Opens the plain file at `path` below the build folder. No link is followed: what was run may have put any in.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(&self, path: &str) -> io::Result<File> {
        use rustix::fs::{Mode, OFlags, openat};
        let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file: File = openat(folder_inside(&self.build(), above)?, name, flags, Mode::empty())?.into();
        if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::InvalidInput.into()) }
    }

    /// Gives what is at `from` (relative to the build folder, or absolute in the sandbox) to `sink` as `to`.
    ///
    /// # Errors
    /// [`BuildError::NoOutput`], [`BuildError::Capture`].
    pub fn capture(
        &self,
        label: &str,
        from: &str,
        to: &ImagePath,
        sink: &mut dyn Sink,
    ) -> Result<(), BuildError> {
        let layer = invar_sandbox::writable_layer(&self.sandbox);
        let mut only_changed = None;
        let (base, inner) = match from.strip_prefix('/') {
            Some(absolute) => match absolute.strip_prefix(BUILD).and_then(|rest| rest.strip_prefix('/')) {
                Some(inner) => (self.build(), inner),
                None => {
                    // Where the whole root was copied, what was there before is not what the command made.
                    if invar_sandbox::layering(&self.sandbox) == Layering::Copy {
                        only_changed = Some(absolute.to_owned());
                    }
                    (layer, absolute)
                }
            },
            None => (self.build(), from),
        };
        let missing = || BuildError::NoOutput { label: label.to_owned(), output: from.to_owned() };
        let (above, name) = inner.rsplit_once('/').unwrap_or(("", inner));
        let above = folder_inside(&base, above).map_err(|_| missing())?;
        // By way of the open folder: its name may mean something else by now.
        let place = PathBuf::from(format!("/proc/self/fd/{}/{name}", above.as_raw_fd()));
        if fs::symlink_metadata(&place).is_err() {
            return Err(missing());
        }
        let captured = match only_changed {
            None => invar_sandbox::capture(&place, Some(to), &RULES, &|_, _| None, sink),
            Some(from) => {
                let to_text = to.as_str().to_owned();
                let mut changed = Changed { sink, roots: &self.sandbox.root, from, to: to_text };
                invar_sandbox::capture(&place, Some(to), &RULES, &|_, _| None, &mut changed)
            }
        };
        captured.map_err(|source| BuildError::Capture { label: label.to_owned(), source: Box::new(source) })
    }

    /// Gives everything that was changed in the root to `sink`, with modes and owners; returns what was removed.
    /// Where the whole root was copied, all of it is given, and nothing is said to be removed: see
    /// [`is_whole`](Self::is_whole).
    ///
    /// # Errors
    /// [`BuildError::Capture`].
    pub fn changes(
        &self,
        label: &str,
        sink: &mut dyn Sink,
    ) -> Result<invar_sandbox::RemovedPaths, BuildError> {
        let rules = CaptureRules { modes: Modes::Kept, ..RULES };
        let owners = |device, inode| self.owners.get(device, inode);
        let layer = invar_sandbox::writable_layer(&self.sandbox);
        invar_sandbox::capture_changes(&layer, &rules, &owners, sink)
            .map_err(|source| BuildError::Capture { label: label.to_owned(), source: Box::new(source) })
    }
}

/// Passes on only what is not the same in the trees that a command was run over.
struct Changed<'a> {
    sink: &'a mut dyn Sink,
    /// The trees, the lowest first.
    roots: &'a [PathBuf],
    /// The place in them that stands for `to`.
    from: String,
    to: String,
}

impl Changed<'_> {
    /// Where `path` was before, in the uppermost tree that has it.
    fn before(&self, path: &ImagePath) -> Option<PathBuf> {
        let inner = path.as_str().strip_prefix(&self.to)?.trim_start_matches('/');
        let relative = Path::new(&self.from).join(inner);
        let places = self.roots.iter().rev().map(|root| root.join(&relative));
        places.into_iter().find(|place| fs::symlink_metadata(place).is_ok())
    }
}

impl Sink for Changed<'_> {
    fn directory(&mut self, path: ImagePath, mode: Mode, owner: Owner) -> Result<(), SinkError> {
        let was_there = self.before(&path).is_some_and(|before| before.is_dir());
        if was_there { Ok(()) } else { self.sink.directory(path, mode, owner) }
    }

    fn file(
        &mut self,
        path: ImagePath,
        mode: Mode,
        owner: Owner,
        content: &mut dyn io::Read,
    ) -> Result<(), SinkError> {
        let Some(before) = self.before(&path).filter(|before| before.is_file()) else {
            return self.sink.file(path, mode, owner, content);
        };
        let failed = |source| SinkError::Read { path: path.clone(), source };
        let (mut old, mut new) = (Vec::new(), Vec::new());
        File::open(before).and_then(|mut file| file.read_to_end(&mut old)).map_err(failed)?;
        content.read_to_end(&mut new).map_err(failed)?;
        if old == new { Ok(()) } else { self.sink.file(path, mode, owner, &mut new.as_slice()) }
    }

    fn symlink(&mut self, path: ImagePath, target: Arc<str>, owner: Owner) -> Result<(), SinkError> {
        let before = self.before(&path).and_then(|before| fs::read_link(before).ok());
        let same = before.is_some_and(|before| before.to_str() == Some(&*target));
        if same { Ok(()) } else { self.sink.symlink(path, target, owner) }
    }

    fn copy(&mut self, path: ImagePath, original: &ImagePath) -> Result<(), SinkError> {
        self.sink.copy(path, original)
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
