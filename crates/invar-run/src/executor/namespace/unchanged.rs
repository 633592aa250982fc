//! Where the whole root was copied, what was there before is not what the command made.
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use invar_tree::{ImagePath, Mode, Owner, Sink, SinkError};

/// Passes on only what is not the same in the trees that a command was run over.
pub(super) struct Changed<'a> {
    pub sink: &'a mut dyn Sink,
    /// The trees, the lowest first.
    pub roots: &'a [PathBuf],
    /// The place in them that stands for `to`.
    pub from: String,
    pub to: String,
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
