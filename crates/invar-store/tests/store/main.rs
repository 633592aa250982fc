//! The store as its users see it: what is found, what is refused, and what a crash, a full disk or another process
//! cannot do to it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "child processes and skipped tests report so")]

mod blob;
mod checkout;
mod child;
mod disk;
mod domains;
mod layout;
mod partial;
mod real;
mod result;
mod tree;

use std::path::{Path, PathBuf};

use invar_store::{Key, KeyWriter, Keyed, Store};
use tempfile::TempDir;

/// A store in a folder of its own, which is removed at the end.
struct Fixture {
    store: Store,
    directory: TempDir,
}

fn fixture() -> Fixture {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("store")).unwrap();
    Fixture { store, directory }
}

/// What a test makes, by a name.
struct Named<'a>(&'a str);

impl Keyed for Named<'_> {
    const DOMAIN: &'static str = "test";
    const VERSION: u32 = 1;

    fn encode(&self, writer: &mut KeyWriter) {
        writer.text(self.0);
    }
}

fn key(name: &str) -> Key {
    Named(name).key()
}

/// The files and folders below `directory`, sorted; folders end in a slash. A folder that is missing has none.
fn list(directory: &Path) -> Vec<String> {
    fn walk(directory: &Path, prefix: &str, names: &mut Vec<String>) {
        #[expect(clippy::disallowed_methods, reason = "sorted below")]
        for entry in std::fs::read_dir(directory).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
            if entry.file_type().unwrap().is_dir() {
                names.push(format!("{name}/"));
                walk(&entry.path(), &format!("{name}/"), names);
            } else {
                names.push(name);
            }
        }
    }
    let mut names = Vec::new();
    if directory.exists() {
        walk(directory, "", &mut names);
    }
    names.sort();
    names
}

/// Where a key's entry is, found through its name in the store.
fn entry(store: &Store, kind: &str, key: &Key) -> PathBuf {
    let hex = key.to_string();
    store.path().join(kind).join(&hex[..2]).join(hex)
}

/// Overwrites a finished file, which is not writable.
fn overwrite(path: &Path, bytes: &[u8]) {
    std::fs::remove_file(path).unwrap();
    std::fs::write(path, bytes).unwrap();
}
