//! Files that steps fetch.
use std::collections::BTreeMap;

use invar_checkout::ProjectFiles;
use invar_project::{InvarLock, LockedFetch};
use invar_realise::{Downloads, RealiseError, Sources, checked_blob};

/// The sizes and digests of the files that steps fetch. What `old` has is not asked for again.
pub(crate) fn lock_fetches(
    sources: &Sources<'_>,
    files: &ProjectFiles,
    old: Option<&InvarLock>,
) -> Result<BTreeMap<String, LockedFetch>, RealiseError> {
    /// The largest file that is fetched without knowing its digest, in bytes.
    const LARGEST: u64 = 4 << 30;
    let mut all = BTreeMap::new();
    for fetch in files.manifest.steps.iter().flat_map(|step| &step.fetch) {
        let url = fetch.url.to_string();
        let fits = |locked: &&LockedFetch| fetch.sha256.is_none_or(|digest| locked.sha256 == digest);
        if let Some(known) = old.and_then(|old| old.fetches.get(&url)).filter(fits) {
            all.insert(url, *known);
            continue;
        }
        let (digest, size) = match fetch.sha256 {
            Some(digest) => {
                let request =
                    invar_fetch::Request { label: url.clone(), urls: vec![url.clone()], digest, size: None };
                let (file, ()) = checked_blob(sources, &request, None, || ())?;
                let length = file.metadata().map(|metadata| metadata.len());
                (digest, length.map_err(|source| RealiseError::Read { path: url.clone().into(), source })?)
            }
            None => {
                let fetched =
                    sources.fetcher.get(std::slice::from_ref(&url), LARGEST, &Downloads(sources.reporter))?;
                let mut writer = sources.store.blob_writer()?;
                std::io::Write::write_all(&mut writer, &fetched.bytes).map_err(RealiseError::Write)?;
                writer.commit()?
            }
        };
        all.insert(url, LockedFetch { size, sha256: digest });
    }
    Ok(all)
}
