//! Files that a repository keeps elsewhere, with Git LFS.
use std::io::Read as _;

use invar_store::StoredTree;
use invar_tree::{Contents as _, Node, Tree};

use crate::BuildError;

/// What every pointer begins with (Git LFS specification, "The Pointer").
const BEGINNING: &[u8] = b"version https://git-lfs.github.com/spec/v1\n";

/// Pointers are shorter than this, says the specification; in bytes.
const LONGEST: u64 = 1024;

/// Whether a commit that is wanted with the files of Git LFS has any: these are not fetched, and a package with pointers
/// in their places would be another one.
///
/// # Errors
/// [`BuildError::Git`] with the first such file.
pub(crate) fn check(label: &str, tree: &Tree, stored: &StoredTree) -> Result<(), BuildError> {
    for (path, entry) in tree.iter() {
        let Node::File { size, .. } = &entry.node else { continue };
        if *size < BEGINNING.len() as u64 || *size >= LONGEST {
            continue;
        }
        let mut beginning = [0; BEGINNING.len()];
        let read = stored.open(path).and_then(|mut file| file.read_exact(&mut beginning));
        read.map_err(|source| BuildError::Read { path: path.as_str().into(), source })?;
        if beginning == BEGINNING {
            let problem = format!(
                "uv.lock wants the files that Git LFS has (`lfs = true`), and {} is one: these are not fetched",
                path.as_str()
            );
            return Err(BuildError::Git { label: label.to_owned(), problem });
        }
    }
    Ok(())
}
