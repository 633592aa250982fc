use std::fs;
use std::io::{ErrorKind, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::temporary::{Durability, TemporaryFile};
use crate::{Key, Store, StoreError};

impl Store {
    /// The result that was kept for `key`. One that is damaged, or has another form than `T`, counts as absent.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn result<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<T>, StoreError> {
        let path = self.result_path(key);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::reading(&path)(error)),
        };
        // Compact JSON has no line feed but the one at its end; what has none was cut off, though `12` of `123` parses.
        let Some(json) = bytes.strip_suffix(b"\n") else { return Ok(None) };
        Ok(serde_json::from_slice(json).ok())
    }

    /// Keeps `result` for `key`; an earlier one is replaced.
    ///
    /// # Errors
    /// [`StoreError::Encode`], [`StoreError::Full`], [`StoreError::ReadOnly`], [`StoreError::Io`].
    pub fn put_result<T: Serialize>(&self, key: &Key, result: &T) -> Result<(), StoreError> {
        let path = self.result_path(key);
        let mut json =
            serde_json::to_vec(result).map_err(|source| StoreError::Encode { path: path.clone(), source })?;
        json.push(b'\n');
        let mut file = TemporaryFile::create(self)?;
        file.write_all(&json).map_err(StoreError::writing(&path))?;
        file.rename(&path, Durability::Checked)
    }
}
