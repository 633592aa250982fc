//! The way of files into the tree that a build is kept as.
use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::sync::Arc;

use invar_tree::{ImagePath, Mode, Owner, Sink, SinkError};

use crate::needs::NeededRecorder;

/// Gives some files another name or mode on their way into a sink, and notes which libraries they need.
pub struct OutputSink<'a> {
    sink: &'a mut dyn Sink,
    /// Where files and links go that do not keep their place.
    pub moves: BTreeMap<ImagePath, ImagePath>,
    /// Whether files are executable; `None` where they are as they were.
    pub executable: Option<bool>,
    needed: NeededRecorder,
}

impl<'a> OutputSink<'a> {
    /// Everything passes as it is.
    pub fn new(sink: &'a mut dyn Sink) -> Self {
        Self { sink, moves: BTreeMap::new(), executable: None, needed: NeededRecorder::default() }
    }

    /// What was noted.
    pub fn finish(self) -> NeededRecorder {
        self.needed
    }

    /// The place of `path`, which is noted.
    fn place(&mut self, path: ImagePath) -> ImagePath {
        let path = self.moves.get(&path).cloned().unwrap_or(path);
        self.needed.name(path.name());
        path
    }
}

impl Sink for OutputSink<'_> {
    fn directory(&mut self, path: ImagePath, mode: Mode, owner: Owner) -> Result<(), SinkError> {
        self.sink.directory(path, mode, owner)
    }

    fn file(
        &mut self,
        path: ImagePath,
        mode: Mode,
        owner: Owner,
        content: &mut dyn Read,
    ) -> Result<(), SinkError> {
        let path = self.place(path);
        let mode = match self.executable {
            None => mode,
            Some(true) => Mode::PROGRAM,
            Some(false) => Mode::FILE,
        };
        let start = self.needed.file(content);
        let start = start.map_err(|source| SinkError::Read { path: path.clone(), source })?;
        self.sink.file(path, mode, owner, &mut Cursor::new(start).chain(content))
    }

    fn symlink(&mut self, path: ImagePath, target: Arc<str>, owner: Owner) -> Result<(), SinkError> {
        let path = self.place(path);
        self.sink.symlink(path, target, owner)
    }

    fn copy(&mut self, path: ImagePath, original: &ImagePath) -> Result<(), SinkError> {
        let original = self.moves.get(original).unwrap_or(original).clone();
        let path = self.place(path);
        self.sink.copy(path, &original)
    }
}

#[cfg(test)]
mod tests {
    use invar_tree::{Contents as _, MemoryTree, Origin};

    use super::*;

    #[test]
    fn files_get_their_place_and_mode_and_keep_their_bytes() {
        let path = |path: &str| ImagePath::parse(path).expect("it is a path");
        let mut tree = MemoryTree::new(Origin::Source);
        let mut sink = OutputSink::new(&mut tree);
        sink.moves.insert(path("bin/x"), path("bin/.x-wrapped"));
        sink.file(path("bin/x"), Mode::PROGRAM, Owner::ROOT, &mut &b"\x7fEL"[..]).expect("memory takes it");
        sink.copy(path("bin/y"), &path("bin/x")).expect("its original is there");
        sink.executable = Some(false);
        sink.file(path("share/z"), Mode::PROGRAM, Owner::ROOT, &mut &b"text"[..]).expect("memory takes it");
        sink.moves.clear();
        sink.symlink(path("bin/x"), ".x-wrapped".into(), Owner::ROOT).expect("the place is free");
        let files: Vec<String> =
            tree.tree().iter().map(|(path, entry)| format!("{} {path}", entry.mode)).collect();
        let expected = [
            "0755 /bin",
            "0755 /bin/.x-wrapped",
            "0777 /bin/x",
            "0755 /bin/y",
            "0755 /share",
            "0644 /share/z",
        ];
        assert_eq!(files, expected);
        assert_eq!(tree.read(&path("bin/y")).expect("it is there"), b"\x7fEL");
        assert_eq!(tree.read(&path("share/z")).expect("it is there"), b"text");
    }
}
