use std::path::PathBuf;

use invar_fetch::Fetcher;
use invar_store::Store;

use crate::{Executor, Mirrors, PythonIndexes, Registries, Reporter};

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
    /// Registries of other tools.
    pub registries: Registries,
    /// Programs of this machine.
    pub programs: Programs,
    /// What runs commands.
    pub executor: Box<dyn Executor + 'a>,
    /// What one command may use up while something is built.
    pub build_limits: BuildLimits,
    /// How many packages are unpacked at once.
    pub jobs: usize,
    /// Whether the network may be used.
    pub offline: bool,
    /// The time, in seconds since 1970-01-01T00:00:00Z: only to judge whether an archive's signature has expired, and
    /// never when building from a lock.
    pub now: i64,
    /// A store whose downloads are taken in the place of the network's.
    pub downloads: Option<Store>,
    /// Whether downloads, builds and steps are started in the opposite order, to find out whether it matters.
    pub backwards: bool,
    /// Who is told.
    pub reporter: &'a dyn Reporter,
}

/// What one command may use up while something is built. No limit changes what is made: a command that comes to one has
/// failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuildLimits {
    /// How many bytes of memory, `/tmp` included. Held only where a control group can be made that counts memory.
    pub memory: Option<u64>,
    /// How many bytes of disk, its inputs included.
    pub disk: u64,
}

/// Programs of this machine that the work is done with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programs {
    /// What calls [`invar_sandbox::enter_if_asked`] first of all: this program itself.
    pub sandbox: PathBuf,
    /// git, which fetches what `uv.lock` has from git repositories.
    pub git: PathBuf,
    /// uv, which resolves what builds need.
    pub uv: PathBuf,
    /// npm, which knows its registry where a lock leaves it out.
    pub npm: PathBuf,
}
