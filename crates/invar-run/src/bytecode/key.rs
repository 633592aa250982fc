//! What compiled files depend on.
use invar_python::{BYTECODE_VERSION, COMPILER};
use invar_store::{Key, KeyWriter, Keyed};
use invar_tree::{Digest, ImagePath};

/// The compiled files of a tree.
pub(super) struct CompiledTree<'a> {
    pub(super) interpreter: &'a Key,
    pub(super) tree: &'a Digest,
}

impl Keyed for CompiledTree<'_> {
    const DOMAIN: &'static str = "bytecode";
    const VERSION: u32 = BYTECODE_VERSION;

    fn encode(&self, writer: &mut KeyWriter) {
        writer.digest(&Digest::of(COMPILER.as_bytes()));
        writer.key(self.interpreter);
        writer.digest(self.tree);
    }
}

/// The compiled form of one file.
pub(super) struct CompiledFile<'a> {
    pub(super) interpreter: &'a Key,
    pub(super) path: &'a ImagePath,
    pub(super) source: Option<&'a Digest>,
}

impl Keyed for CompiledFile<'_> {
    const DOMAIN: &'static str = "bytecode-file";
    const VERSION: u32 = BYTECODE_VERSION;

    fn encode(&self, writer: &mut KeyWriter) {
        writer.digest(&Digest::of(COMPILER.as_bytes()));
        writer.key(self.interpreter);
        writer.text(self.path.as_str());
        writer.optional(self.source, KeyWriter::digest);
    }
}

#[cfg(test)]
mod keys {
    use super::*;
    use crate::debian::ConfiguredPackages;

    const CHANGED: &str = "if this is intended, raise the VERSION of the domain and pin the new key";

    #[test]
    fn the_keys_are_pinned() {
        let (interpreter, digest) = (&ConfiguredPackages(&[]).key(), &Digest::of(b"tree"));
        let path = &ImagePath::parse("app/main.py").unwrap();
        assert_eq!(
            CompiledTree { interpreter, tree: digest }.describe(),
            "bytecode 1 b54badbde1ea07cae0bb5f5231d4c0e939af255f5f2170855574d28dbc7d594f",
            "{CHANGED}"
        );
        assert_eq!(
            CompiledFile { interpreter, path, source: Some(digest) }.describe(),
            "bytecode-file 1 8b1d268491faee8e2a2db759d40f493483f761366e32ef0cb2962b46f37c89f4",
            "{CHANGED}"
        );
    }
}
