//! Contexts whose `invar` reaches Debian's archives and the package index.
use std::path::Path;

use crate::support::Context;

/// A context with an empty store.
pub fn with_empty_store() -> Context {
    Context::new().with_archives()
}

/// A context whose store is shared by all tests that build from the real archives, so that each package is downloaded
/// once.
pub fn with_shared_store() -> Context {
    with_empty_store().with_store(Path::new(env!("CARGO_TARGET_TMPDIR")).join("shared-store"))
}
