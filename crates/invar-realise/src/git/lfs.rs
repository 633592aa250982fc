//! Files that a repository keeps elsewhere, with Git LFS.
use std::io::Read as _;

use invar_store::StoredTree;
use invar_tree::{Contents as _, Node, Tree};

use crate::RealiseError;

/// What every pointer begins with (Git LFS specification, "The Pointer").
const BEGINNING: &[u8] = b"version https://git-lfs.github.com/spec/v1\n";

/// Pointers are shorter than this, says the specification; in bytes.
const LONGEST: u64 = 1024;

/// Whether a commit that is wanted with the files of Git LFS has any: these are not fetched, and a package with pointers
/// in their places would be another one.
///
/// # Errors
/// [`RealiseError::Git`] with the first such file.
pub fn check(label: &str, tree: &Tree, stored: &StoredTree) -> Result<(), RealiseError> {
    for (path, entry) in tree.iter() {
        let Node::File { size, .. } = &entry.node else { continue };
        if *size < BEGINNING.len() as u64 || *size >= LONGEST {
            continue;
        }
        let mut beginning = [0; BEGINNING.len()];
        let read = stored.open(path).and_then(|mut file| file.read_exact(&mut beginning));
        read.map_err(|source| RealiseError::Read { path: path.as_str().into(), source })?;
        if beginning == BEGINNING {
            let problem = format!(
                "uv.lock requests Git LFS files (`lfs = true`), such as {}, which is not supported",
                path.as_str()
            );
            return Err(RealiseError::Git { label: label.to_owned(), problem });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use invar_store::{Keyed as _, Store};
    use invar_tree::{ImagePath, Mode, Origin, Owner, Sink as _};

    use super::*;

    /// What is said of a commit with one file.
    fn said(path: &str, content: &str) -> String {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let store = Store::open(&folder.path().join("store")).expect("a store can be made");
        let mut tree =
            store.tree_writer(&crate::git::GitCommit("commit").key()).expect("a tree can be written");
        let path = ImagePath::parse(path).expect("it is a path");
        tree.file(path, Mode::FILE, Owner::ROOT, &mut content.as_bytes()).expect("it is written");
        let stored = tree.commit(&[]).expect("it is stored");
        let tree = stored.tree(&Arc::new(Origin::Source)).expect("it is there");
        check("the repository", &tree, &stored).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn pointers_are_not_taken_for_files() {
        let pointer = "version https://git-lfs.github.com/spec/v1\n\
                       oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";
        let refused = said("data/model.bin", pointer);
        assert!(refused.contains("such as data/model.bin, which is not supported"), "{refused}");
        // A text on pointers, one that only begins alike, and an empty file.
        assert_eq!(said("README.md", &format!("# Pointers\n\n{pointer}")), "");
        assert_eq!(said("next", &pointer.replace("spec/v1", "spec/v2")), "");
        assert_eq!(said("empty", ""), "");
        assert_eq!(said("long", &format!("{pointer}{}", "x".repeat(1024))), "", "no pointer is that long");
    }
}
