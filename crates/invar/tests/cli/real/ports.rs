//! The ports that apps choose themselves.
use std::fs::File;
use std::path::Path;

/// Waits until no other test has them, and keeps them until it is dropped.
///
/// A file, since tests may run in processes of their own.
pub fn all() -> File {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ports.lock");
    let file = File::create(path).expect("the target directory is writable");
    file.lock().expect("a file can be locked");
    file
}
