//! What a step puts into the image without a command: files of the project, of other steps and of the manifest, links.
use std::sync::Arc;

use invar_project::{BuildPath, Output, Step};
use invar_realise::{RealiseError, sink_failure};
use invar_store::StoredTree;
use invar_tree::{Contents, Entry, Mode, Node, Origin, Owner, Sink, SinkError, Tree};

use super::PreparedStep;
use super::fetch::fetch_file;
use crate::RunError;
use crate::context::BuildContext;
use crate::output_sink::OutputSink;

/// Gives the outputs of a step that runs nothing to `sink`: what its inputs have at these places.
///
/// # Errors
/// [`RunError::NoSource`], and what reading and the sink say.
pub(super) fn put_outputs(
    context: &BuildContext<'_>,
    prepared: &PreparedStep<'_>,
    before: &[StoredTree],
    sink: &mut OutputSink<'_>,
) -> Result<(), RunError> {
    let step = &prepared.planned.step;
    for (from, output) in &step.outputs {
        sink.executable = output.executable;
        let fetched = prepared.fetches.iter().find(|(fetch, _)| fetch.path.as_str() == from.as_str());
        let found = if let Some((fetch, digest)) = fetched {
            fetch_file(context, fetch, digest)?;
            let (mut file, _) = context.sources.store.open_blob(digest)?;
            sink.file(output.path.clone(), Mode::FILE, Owner::ROOT, &mut file).map_err(sink_failure)?;
            true
        } else if let Some(place) = from.as_str().strip_prefix('/') {
            let mut found = false;
            for stored in before {
                let tree = stored.tree(&Arc::new(Origin::Source))?;
                found |= put(&tree, stored, place, output, sink)?;
            }
            found
        } else {
            let source = &prepared.source;
            let place = if from.is_whole() { "" } else { from.as_str() };
            put(source.tree(), source, place, output, sink)?
        };
        if !found {
            return Err(no_source(context, step, from));
        }
    }
    sink.executable = None;
    Ok(())
}

/// Why the file does not exist.
pub(super) fn no_source(context: &BuildContext<'_>, step: &Step, from: &BuildPath) -> RunError {
    let is_there = !from.is_absolute() && context.files.folder.join(from.as_str()).exists();
    let reason = match (from.is_absolute(), is_there) {
        (true, _) => "which is not an output of a step among its inputs",
        (false, true) if step.inputs.iter().any(|input| input.as_str() == from.as_str()) => {
            "which exists, but is ignored by git"
        }
        (false, true) => "which exists, but is ignored by git or not among the inputs",
        (false, false) => "which the project does not have",
    };
    RunError::NoSource { step: step.name.to_string(), output: from.to_string(), reason }
}

/// Gives what `tree` has at `place` (everything, if that is empty) and below it to `sink`; returns whether it has any.
fn put(
    tree: &Tree,
    contents: &dyn Contents,
    place: &str,
    output: &Output,
    sink: &mut dyn Sink,
) -> Result<bool, RunError> {
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
                let mut content = contents.open(path).map_err(RealiseError::Write)?;
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
pub(super) fn put_given(step: &Step, sink: &mut dyn Sink) -> Result<(), RunError> {
    for (path, file) in &step.files {
        let mode = if file.executable { Mode::PROGRAM } else { Mode::FILE };
        sink.file(path.clone(), mode, Owner::ROOT, &mut file.text.as_bytes()).map_err(sink_failure)?;
    }
    for (path, target) in &step.links {
        sink.symlink(path.clone(), target.to_string().into(), Owner::ROOT).map_err(sink_failure)?;
    }
    Ok(())
}
