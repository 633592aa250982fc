use std::path::Path;

use invar_apt::Keyring;
use invar_realise::{Backends, Sources};

/// What a lock is built with: all that comes from the machine, and from whoever asks for the lock.
#[derive(Clone, Copy)]
pub struct LockContext<'a> {
    /// Where packages come from and where they are kept.
    pub sources: &'a Sources<'a>,
    /// The keys that sign the archives.
    pub keyring: &'a Keyring,
    /// The time, in seconds since 1970-01-01T00:00:00Z: only to judge whether an archive's signature has expired.
    pub now: i64,
    /// uv, which resolves what builds need.
    pub uv: &'a Path,
    /// What build backends are asked by.
    pub backends: &'a dyn Backends,
}
