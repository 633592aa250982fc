use std::fs;
use std::path::Path;

use invar_apt::Keyring;
use invar_checkout::CheckoutError;

use crate::LockError;

/// The keys in the file at `path`.
///
/// # Errors
/// [`LockError::Keyring`], and where the file cannot be read.
pub fn read_keyring(path: &Path) -> Result<Keyring, LockError> {
    let bytes = fs::read(path).map_err(|source| CheckoutError::Read { path: path.to_owned(), source })?;
    Keyring::parse(&bytes)
        .map_err(|source| LockError::Keyring { path: path.to_owned(), source: Box::new(source) })
}
