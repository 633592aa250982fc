//! Wheels and source archives, brought into the store from where the lock says or an index has them.
use invar_fetch::{FetchError, Request};
use invar_project::AbsoluteUrl;

use crate::event::Downloads;
use crate::python_index::IndexFile;
use crate::sources::Sources;

/// Where a wheel may be.
enum Place<'a> {
    /// Wherever this index has it.
    Index(&'a AbsoluteUrl),
    /// At a URL or path.
    File(String),
}

/// Brings a wheel or source archive into the store. `request` has the places that the lock names; `index_file` is what
/// indexes are asked for.
///
/// # Errors
/// [`FetchError`], with what happened at each place and each index.
pub fn fetch_distribution(
    sources: &Sources<'_>,
    index_file: Option<IndexFile<'_>>,
    request: &Request,
) -> Result<(), FetchError> {
    let indexes = &sources.upstreams.python_indexes;
    // Offline nobody is asked.
    let (named, settings) = match index_file.is_some() && !sources.fetcher.is_offline() {
        true => (indexes.named.as_slice(), indexes.settings.as_slice()),
        false => Default::default(),
    };
    let Request { label, urls, digest, size } = request;
    let failed = |failures| FetchError::Exhausted { label: label.clone(), failures };
    let places = named.iter().map(Place::Index);
    let places = places.chain(urls.iter().cloned().map(Place::File)).chain(settings.iter().map(Place::Index));
    let (mut tried, mut failures) = (Vec::new(), Vec::new());
    for place in places {
        let url = match place {
            Place::Index(index) => indexes.find(
                &sources.fetcher,
                sources.reporter,
                index,
                index_file.expect("indexes are asked for a file"),
            ),
            Place::File(url) => Ok(url),
        };
        let attempt = url.and_then(|url| {
            // An index often names the very file that the lock does.
            if tried.contains(&url) {
                return Err(failed(Vec::new()));
            }
            tried.push(url.clone());
            let request = Request { label: label.clone(), urls: vec![url], digest: *digest, size: *size };
            sources.fetcher.fetch(&sources.store, &request, &Downloads(sources.reporter))
        });
        match attempt {
            Err(FetchError::Exhausted { failures: more, .. }) => failures.extend(more),
            done => return done,
        }
    }
    Err(failed(failures))
}
