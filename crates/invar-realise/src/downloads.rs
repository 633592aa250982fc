//! Downloads that another store has already: they are copied from there, by their hash, instead of fetched again.
//!
//! Only what a lock names is asked for, so nothing that was built comes this way.
use std::io;
use std::sync::Arc;

use invar_store::{Key, StoreError, StoredTree};
use invar_tree::{Digest, Origin};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::RealiseError;
use crate::copy::copy_tree;
use crate::sources::Sources;

/// Whether the store has the download `digest` now. What is taken from the other store is hashed on the way.
///
/// # Errors
/// What the stores say.
pub fn is_here(sources: &Sources<'_>, digest: &Digest) -> Result<bool, RealiseError> {
    if sources.store.has_blob(digest) {
        return Ok(true);
    }
    let Some(lender) = sources.lender.as_ref().filter(|lender| lender.has_blob(digest)) else {
        return Ok(false);
    };
    let (mut file, _) = lender.open_blob(digest)?;
    let mut writer = sources.store.blob_writer()?;
    io::copy(&mut file, &mut writer).map_err(RealiseError::Write)?;
    match writer.commit_as(digest) {
        Ok(_) => Ok(true),
        // Damaged there: it is fetched.
        Err(StoreError::Mismatch { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// What a store remembers of a download under `key`.
///
/// # Errors
/// What the stores say.
pub fn remembered<T: DeserializeOwned + Serialize>(
    sources: &Sources<'_>,
    key: &Key,
) -> Result<Option<T>, RealiseError> {
    if let Some(found) = sources.store.result(key)? {
        return Ok(Some(found));
    }
    let Some(lender) = &sources.lender else { return Ok(None) };
    let found: Option<T> = lender.result(key)?;
    if let Some(found) = &found {
        sources.store.put_result(key, found)?;
    }
    Ok(found)
}

/// A downloaded tree: the files of a commit.
///
/// # Errors
/// What the stores say.
pub fn tree(sources: &Sources<'_>, key: &Key) -> Result<Option<StoredTree>, RealiseError> {
    if let Some(found) = sources.store.tree(key)? {
        return Ok(Some(found));
    }
    let Some(lender) = &sources.lender else { return Ok(None) };
    let Some(found) = lender.tree(key)? else { return Ok(None) };
    let mut writer = sources.store.tree_writer(key)?;
    copy_tree(&found.tree(&Arc::new(Origin::Source))?, &found, &mut writer)?;
    Ok(Some(writer.commit(&[])?))
}
