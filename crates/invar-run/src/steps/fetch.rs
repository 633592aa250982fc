//! Files that a step has fetched.
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use invar_fetch::Request;
use invar_project::{Step, StepFetch};
use invar_realise::{RealiseError, checked_blob, sink_failure};
use invar_store::Store;
use invar_tree::{ContentReader, Contents, Digest, Entry, ImagePath, Mode, Node, Origin, Owner, Tree};

use crate::RunError;
use crate::context::BuildContext;

/// The files that a step has fetched, as a tree of the store's blobs.
pub(super) struct FetchedFiles<'a> {
    pub tree: Tree,
    digests: BTreeMap<ImagePath, Digest>,
    store: &'a Store,
}

impl<'a> FetchedFiles<'a> {
    /// Brings `fetches` into the store.
    ///
    /// # Errors
    /// What fetching and the store say.
    pub fn of(context: &BuildContext<'a>, fetches: &[(StepFetch, Digest)]) -> Result<Self, RunError> {
        let store = &context.sources.store;
        let (mut tree, mut digests) = (Tree::new(), BTreeMap::new());
        for (fetch, digest) in fetches {
            fetch_file(context, fetch, digest)?;
            let path = ImagePath::parse(fetch.path.as_str())
                .map_err(|error| RealiseError::Write(io::Error::other(error)))?;
            let size = store.blob_size(digest).unwrap_or_default();
            let node = Node::File { digest: *digest, size };
            let origin = Arc::new(Origin::Source);
            tree.insert(path.clone(), Entry { node, mode: Mode::FILE, owner: Owner::ROOT, origin })
                .map_err(sink_failure)?;
            digests.insert(path, *digest);
        }
        Ok(Self { tree, digests, store })
    }
}

impl Contents for FetchedFiles<'_> {
    fn open(&self, path: &ImagePath) -> io::Result<ContentReader<'_>> {
        let digest = self.digests.get(path).ok_or(io::ErrorKind::NotFound)?;
        let (file, _) = self.store.open_blob(digest).map_err(io::Error::other)?;
        Ok(Box::new(file))
    }
}

/// The files that a step has fetched, with their digests.
pub(super) fn fetches(context: &BuildContext<'_>, step: &Step) -> Result<Vec<(StepFetch, Digest)>, RunError> {
    let digest = |wanted: &StepFetch| {
        let url = wanted.url.to_string();
        let locked = context.lock.fetches.get(&url).map(|locked| locked.sha256);
        let unlocked = || RunError::NotLocked { what: format!("the file {url} of step {}", step.name) };
        Ok((wanted.clone(), wanted.sha256.or(locked).ok_or_else(unlocked)?))
    };
    step.fetch.iter().map(digest).collect()
}

/// Brings the file of `wanted` into the store.
pub(super) fn fetch_file(
    context: &BuildContext<'_>,
    wanted: &StepFetch,
    digest: &Digest,
) -> Result<(), RunError> {
    let url = wanted.url.to_string();
    let locked = context.lock.fetches.get(&url).filter(|locked| locked.sha256 == *digest);
    let size = locked.map(|locked| locked.size);
    let request = Request { label: url.clone(), urls: vec![url], digest: *digest, size };
    checked_blob(context.sources, &request, None, || ())?;
    Ok(())
}
