//! What a step puts into the image without a command: files of the project, of other steps and of the manifest, links.
use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use invar_project::{BuildPath, Output, Step};
use invar_realise::sink_failure;
use invar_store::StoredTree;
use invar_tree::{Contents, Entry, ImagePath, Mode, Node, Origin, Owner, Sink, SinkError, Tree};

use super::{Prepared, fetch_file};
use crate::BuildError;
use crate::workshop::Workshop;

/// Gives the outputs of a step that runs nothing to `sink`: what its inputs have at these places.
///
/// # Errors
/// [`BuildError::NoSource`], and what reading and the sink say.
pub(super) fn put_outputs(
    workshop: &Workshop<'_>,
    prepared: &Prepared<'_>,
    before: &[StoredTree],
    sink: &mut dyn Sink,
) -> Result<(), BuildError> {
    let step = &prepared.planned.step;
    for (from, output) in &step.outputs {
        let mut sink = Passing { sink, moves: &BTreeMap::new(), executable: output.executable };
        let fetched = prepared.fetches.iter().find(|(fetch, _)| fetch.path.as_str() == from.as_str());
        let found = if let Some((fetch, digest)) = fetched {
            fetch_file(workshop, fetch, digest)?;
            let (mut file, _) = workshop.session.store.open_blob(digest)?;
            sink.file(output.path.clone(), Mode::FILE, Owner::ROOT, &mut file).map_err(sink_failure)?;
            true
        } else if let Some(place) = from.as_str().strip_prefix('/') {
            let mut found = false;
            for stored in before {
                let tree = stored.tree(&Arc::new(Origin::Source))?;
                found |= put(&tree, stored, place, output, &mut sink)?;
            }
            found
        } else {
            let source = &prepared.source;
            let place = if from.is_whole() { "" } else { from.as_str() };
            put(source.tree(), source, place, output, &mut sink)?
        };
        if !found {
            return Err(no_source(workshop, step, from));
        }
    }
    Ok(())
}

/// Why the file does not exist.
pub(super) fn no_source(workshop: &Workshop<'_>, step: &Step, from: &BuildPath) -> BuildError {
    let is_there = !from.is_absolute() && workshop.files.folder.join(from.as_str()).exists();
    let reason = match (from.is_absolute(), is_there) {
        (true, _) => "which is not in the outputs of the steps among its inputs",
        (false, true) if step.inputs.iter().any(|input| input.as_str() == from.as_str()) => {
            "which is there, but git ignores it"
        }
        (false, true) => "which is there, but git ignores it or it is not among the inputs",
        (false, false) => "which the project does not have",
    };
    BuildError::NoSource { step: step.name.to_string(), output: from.to_string(), reason }
}

/// Gives what `tree` has at `place` (everything, if that is empty) and below it to `sink`; returns whether it has any.
fn put(
    tree: &Tree,
    contents: &dyn Contents,
    place: &str,
    output: &Output,
    sink: &mut dyn Sink,
) -> Result<bool, BuildError> {
    let mut found = false;
    for (path, entry) in tree.iter() {
        let inner = match place {
            "" => path.as_str(),
            place if path.is_within(place) => path.as_str()[place.len()..].trim_start_matches('/'),
            _ => continue,
        };
        let to = if inner.is_empty() { Ok(output.path.clone()) } else { output.path.join(inner) };
        let to = to.map_err(|error| {
            sink_failure(SinkError::Write { path: output.path.clone(), source: std::io::Error::other(error) })
        })?;
        let Entry { node, mode, owner, .. } = entry;
        match node {
            Node::Directory => sink.directory(to, *mode, *owner),
            Node::Symlink { target } => sink.symlink(to, Arc::clone(target), *owner),
            Node::File { .. } => {
                let mut content = contents.open(path).map_err(BuildError::Write)?;
                sink.file(to, *mode, *owner, &mut content)
            }
        }
        .map_err(sink_failure)?;
        found = true;
    }
    Ok(found)
}

/// Gives the files and links that the manifest has itself to `sink`.
///
/// # Errors
/// What the sink says.
pub(super) fn put_given(step: &Step, sink: &mut dyn Sink) -> Result<(), BuildError> {
    for (path, file) in &step.files {
        let mode = if file.executable { Mode::PROGRAM } else { Mode::FILE };
        sink.file(path.clone(), mode, Owner::ROOT, &mut file.text.as_bytes()).map_err(sink_failure)?;
    }
    for (path, target) in &step.links {
        sink.symlink(path.clone(), target.to_string().into(), Owner::ROOT).map_err(sink_failure)?;
    }
    Ok(())
}

/// Gives some files another name or mode on their way.
pub(super) struct Passing<'a> {
    pub sink: &'a mut dyn Sink,
    pub moves: &'a BTreeMap<ImagePath, ImagePath>,
    /// Whether files are executable; `None` where they are as they were.
    pub executable: Option<bool>,
}

impl Passing<'_> {
    fn name(&self, path: ImagePath) -> ImagePath {
        self.moves.get(&path).cloned().unwrap_or(path)
    }
}

impl Sink for Passing<'_> {
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
        let path = self.name(path);
        let mode = match self.executable {
            None => mode,
            Some(true) => Mode::PROGRAM,
            Some(false) => Mode::FILE,
        };
        self.sink.file(path, mode, owner, content)
    }

    fn symlink(&mut self, path: ImagePath, target: Arc<str>, owner: Owner) -> Result<(), SinkError> {
        let path = self.name(path);
        self.sink.symlink(path, target, owner)
    }

    fn copy(&mut self, path: ImagePath, original: &ImagePath) -> Result<(), SinkError> {
        let (path, original) = (self.name(path), self.name(original.clone()));
        self.sink.copy(path, &original)
    }
}
