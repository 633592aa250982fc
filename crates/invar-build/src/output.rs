//! The pieces of an archive as a file.
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use invar_oci::{ArchivePart, total_size};
use invar_store::Store;
use invar_tree::Hasher;

use crate::BuildError;
use crate::layer::copy_checked;

/// Whether the file at `path` has the bytes of `parts` already.
///
/// Reading is several times faster than writing, and where the file is another image's, the first piece tells. What
/// cannot be read is not the same.
pub(crate) fn is_written(parts: &[ArchivePart], path: &Path) -> bool {
    let same = || -> io::Result<bool> {
        // Asked before it is opened: a pipe would wait for its writer.
        let metadata = fs::metadata(path)?;
        if !metadata.is_file() || metadata.len() != total_size(parts) {
            return Ok(false);
        }
        let mut file = File::open(path)?;
        for part in parts {
            let same = match part {
                ArchivePart::Bytes(bytes) => {
                    let mut found = vec![0; bytes.len()];
                    file.read_exact(&mut found)?;
                    found == *bytes
                }
                ArchivePart::Blob { digest, size } => {
                    let mut hasher = Hasher::new();
                    io::copy(&mut (&file).take(*size), &mut hasher)?;
                    hasher.finish() == *digest
                }
            };
            if !same {
                return Ok(false);
            }
        }
        Ok(true)
    };
    same().unwrap_or(false)
}

/// Copies the pieces of an archive to `out`; blobs come from the store.
///
/// # Errors
/// [`BuildError::Deliver`] where `out` does not take them, and what the store says.
pub(crate) fn write_parts(store: &Store, parts: &[ArchivePart], out: &mut File) -> Result<(), BuildError> {
    for part in parts {
        match part {
            ArchivePart::Bytes(bytes) => out.write_all(bytes).map_err(BuildError::Deliver)?,
            ArchivePart::Blob { digest, .. } => {
                let (mut blob, _) = store.open_blob(digest)?;
                let failed = |source| BuildError::Read { path: store.blob_path(digest), source };
                copy_checked(&mut blob, *digest, out, failed, BuildError::Deliver)?;
            }
        }
    }
    Ok(())
}
