use std::io::{Cursor, Read};
use std::sync::Arc;

use invar_formats::tar::TarError;
use invar_tree::{ImagePath, Mode, Owner, PathError, Sink, SinkError};

use super::{EntryFault, MOST_ENTRIES, MOST_PATHS, MOST_SMALL, SdistFault};

/// The tree in the making: takes the top folder away.
pub(super) struct Top<'a> {
    sink: &'a mut dyn Sink,
    at: &'a ImagePath,
    /// The top folder, once an entry has been seen.
    name: Option<String>,
    entries: usize,
    paths: usize,
}

/// An error about the entry at `path`.
pub(super) fn entry(path: &[u8], fault: EntryFault) -> SdistFault {
    let path = String::from_utf8_lossy(path).chars().take(200).collect();
    SdistFault::Entry { path, fault }
}

impl<'a> Top<'a> {
    pub(super) fn new(sink: &'a mut dyn Sink, at: &'a ImagePath) -> Self {
        Self { sink, at, name: None, entries: 0, paths: 0 }
    }

    /// Counts an entry of a zip archive, and what it takes of memory.
    pub(super) fn count(&mut self, length: usize) -> Result<(), SdistFault> {
        self.entries += 1;
        self.paths = self.paths.saturating_add(length);
        if self.entries > MOST_ENTRIES {
            return Err(TarError::TooManyEntries { limit: MOST_ENTRIES }.into());
        }
        if self.paths > MOST_PATHS {
            return Err(TarError::NamesTooLong { limit: MOST_PATHS }.into());
        }
        Ok(())
    }

    /// A path relative to the top folder; `None` for that folder, and for the archive's root.
    fn relative(&mut self, raw: &[u8]) -> Result<Option<String>, SdistFault> {
        let path = match ImagePath::parse_bytes(raw) {
            Ok(path) => path,
            Err(PathError::Empty) if !raw.is_empty() => return Ok(None),
            Err(error) => return Err(entry(raw, EntryFault::Path(error))),
        };
        let (top, rest) = match path.as_str().split_once('/') {
            Some((top, rest)) => (top, Some(rest.to_owned())),
            None => (path.as_str(), None),
        };
        match &self.name {
            None => self.name = Some(top.to_owned()),
            Some(name) if name == top => {}
            Some(name) => {
                return Err(SdistFault::Top { top: name.clone(), path: path.as_str().to_owned() });
            }
        }
        Ok(rest)
    }

    fn place(&self, raw: &[u8], relative: &str) -> Result<ImagePath, SdistFault> {
        self.at.join(relative).map_err(|error| entry(raw, EntryFault::Path(error)))
    }

    pub(super) fn directory(&mut self, raw: &[u8]) -> Result<(), SdistFault> {
        if let Some(relative) = self.relative(raw)? {
            let path = self.place(raw, &relative)?;
            self.sink.directory(path, Mode::DIRECTORY, Owner::ROOT)?;
        }
        Ok(())
    }

    /// The path of an entry that is no folder: one that is in the top folder.
    fn within(&mut self, raw: &[u8]) -> Result<(String, ImagePath), SdistFault> {
        match self.relative(raw)? {
            Some(relative) => {
                let path = self.place(raw, &relative)?;
                Ok((relative, path))
            }
            None => {
                let path = String::from_utf8_lossy(raw).chars().take(200).collect();
                Err(SdistFault::Top { top: "a folder".to_owned(), path })
            }
        }
    }

    pub(super) fn file(
        &mut self,
        raw: &[u8],
        executable: bool,
        size: u64,
        content: &mut dyn Read,
    ) -> Result<(), SdistFault> {
        let (relative, path) = self.within(raw)?;
        let mode = if executable { Mode::PROGRAM } else { Mode::FILE };
        if relative != "pyproject.toml" {
            return self.sink.file(path, mode, Owner::ROOT, content).map_err(SdistFault::of_sink);
        }
        // What says how to build has to be text: without it the build would be another one.
        if size > MOST_SMALL {
            return Err(SdistFault::TooLarge { path: relative, found: size });
        }
        let mut bytes = Vec::new();
        content
            .take(MOST_SMALL)
            .read_to_end(&mut bytes)
            .map_err(|source| SdistFault::of_sink(SinkError::Read { path: path.clone(), source }))?;
        if std::str::from_utf8(&bytes).is_err() {
            return Err(SdistFault::Text { path: relative });
        }
        Ok(self.sink.file(path, mode, Owner::ROOT, &mut Cursor::new(&bytes))?)
    }

    pub(super) fn symlink(&mut self, raw: &[u8], target: &[u8]) -> Result<(), SdistFault> {
        let (relative, path) = self.within(raw)?;
        let depth = relative.matches('/').count();
        match std::str::from_utf8(target) {
            Ok(target) if stays_inside(depth, target) => {
                Ok(self.sink.symlink(path, Arc::from(target), Owner::ROOT)?)
            }
            _ => {
                let target = String::from_utf8_lossy(target).chars().take(200).collect();
                Err(entry(raw, EntryFault::Target { target }))
            }
        }
    }

    pub(super) fn hard_link(&mut self, raw: &[u8], original: &[u8]) -> Result<(), SdistFault> {
        let (_, path) = self.within(raw)?;
        let (_, first) = self.within(original)?;
        self.sink.copy(path, &first).map_err(|error| match error {
            SinkError::Read { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                let original = String::from_utf8_lossy(original).chars().take(200).collect();
                entry(raw, EntryFault::HardLink { original })
            }
            other => SdistFault::Sink(other),
        })
    }

    pub(super) fn finish(self) -> Result<(), SdistFault> {
        self.name.map(drop).ok_or(SdistFault::Empty)
    }
}

/// Whether a link `depth` folders below the top leads to a place in the tree, whatever other links there are.
///
/// The folders above the link are real, as a sink sees to: what `..` at the start names is known. After a name, which
/// may be that of a link, it is not.
fn stays_inside(depth: usize, target: &str) -> bool {
    if target.is_empty() || target.len() > 4095 || target.starts_with('/') || target.contains('\0') {
        return false;
    }
    let mut climbed = 0;
    let mut descending = false;
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." if descending => return false,
            ".." => climbed += 1,
            _ => descending = true,
        }
    }
    climbed <= depth
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_targets_that_cannot_lead_out_are_taken() {
        for (depth, target) in [(0, "a"), (0, "a/b/"), (1, "../a"), (2, ".././../a/b"), (1, ".."), (0, "./.")]
        {
            assert!(stays_inside(depth, target), "{target}");
        }
        for (depth, target) in
            [(0, ""), (0, ".."), (1, "../../a"), (3, "/a"), (5, "a/../b"), (9, "../a/.."), (1, "a\0b")]
        {
            assert!(!stays_inside(depth, target), "{target}");
        }
    }
}
