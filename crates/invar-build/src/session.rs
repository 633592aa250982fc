use invar_fetch::Fetcher;
use invar_store::Store;

use crate::{Mirrors, PythonIndexes, Reporter};

/// What the work is done with: all that comes from the machine and none of which may reach an image.
pub struct Session<'a> {
    /// Where everything is kept.
    pub store: Store,
    /// The network.
    pub fetcher: Fetcher,
    /// Where Debian's files are.
    pub mirrors: Mirrors,
    /// Where wheels are besides the places that `uv.lock` names.
    pub python_indexes: PythonIndexes,
    /// How many packages are unpacked at once.
    pub jobs: usize,
    /// Whether the network may be used.
    pub offline: bool,
    /// The time, in seconds since 1970-01-01T00:00:00Z: only to judge whether an archive's signature has expired, and
    /// never when building from a lock.
    pub now: i64,
    /// Who is told.
    pub reporter: &'a dyn Reporter,
}
