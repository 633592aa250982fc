//! Trees and their contents, given to a sink.
use std::sync::Arc;

use invar_store::{Checkout, Key, Store, StoreError};
use invar_tree::{Contents, Entry, ImagePath, Node, Sink, SinkError, Tree};

use crate::RealiseError;

/// Gives `tree`, whose files are in `contents`, to `sink`.
///
/// # Errors
/// What the contents' source or the sink says.
pub fn copy_tree(tree: &Tree, contents: &dyn Contents, sink: &mut dyn Sink) -> Result<(), RealiseError> {
    copy_entries(tree.iter(), contents, sink)
}

/// As [`copy_tree`], but only files and links.
///
/// # Errors
/// As [`copy_tree`].
pub fn copy_files(tree: &Tree, contents: &dyn Contents, sink: &mut dyn Sink) -> Result<(), RealiseError> {
    copy_entries(tree.iter().filter(|(_, entry)| !entry.is_directory()), contents, sink)
}

fn copy_entries<'a>(
    entries: impl Iterator<Item = (&'a ImagePath, &'a Entry)>,
    contents: &dyn Contents,
    sink: &mut dyn Sink,
) -> Result<(), RealiseError> {
    for (path, entry) in entries {
        let Entry { node, mode, owner, .. } = entry;
        match node {
            Node::Directory => sink.directory(path.clone(), *mode, *owner).map_err(sink_failure)?,
            Node::Symlink { target } => {
                sink.symlink(path.clone(), Arc::clone(target), *owner).map_err(sink_failure)?;
            }
            Node::File { .. } => {
                let mut content = contents.open(path).map_err(RealiseError::Write)?;
                sink.file(path.clone(), *mode, *owner, &mut content).map_err(sink_failure)?;
            }
        }
    }
    Ok(())
}

/// Writes `tree` to the store as real files, unless they are there already.
///
/// # Errors
/// As [`copy_tree`], and what the store says.
pub fn check_out<E: From<StoreError>>(
    store: &Store,
    key: &Key,
    make: impl FnOnce(&mut dyn Sink) -> Result<(), E>,
) -> Result<Checkout, E> {
    if let Some(checkout) = store.checkout(key)? {
        return Ok(checkout);
    }
    let mut writer = store.checkout_writer(key)?;
    make(&mut writer)?;
    Ok(writer.commit()?)
}

/// A sink's refusal as a failure of the store.
pub fn sink_failure(error: SinkError) -> RealiseError {
    match error {
        SinkError::Write { source, .. } | SinkError::Read { source, .. } => RealiseError::Write(source),
        other => RealiseError::Write(std::io::Error::other(other)),
    }
}
