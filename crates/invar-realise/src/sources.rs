use std::path::PathBuf;

use invar_fetch::Fetcher;
use invar_store::Store;

use crate::event::Reporter;
use crate::mirrors::Mirrors;
use crate::python_index::PythonIndexes;
use crate::registries::Registries;

/// Where files come from and where they are kept: what everything that fetches is given.
pub struct Sources<'a> {
    /// Where everything is kept.
    pub store: Store,
    /// The network.
    pub fetcher: Fetcher,
    /// Where files are on it.
    pub upstreams: Upstreams,
    /// A store whose downloads are taken instead of the network's.
    pub lender: Option<Store>,
    /// The threads that unpack.
    pub pool: Pool,
    /// Who receives the report.
    pub reporter: &'a dyn Reporter,
}

/// Where files are on the network, and the programs that know more about it.
#[derive(Debug)]
pub struct Upstreams {
    /// Where Debian's files are.
    pub mirrors: Mirrors,
    /// Where wheels are other than the places that `uv.lock` names.
    pub python_indexes: PythonIndexes,
    /// Registries of other tools.
    pub registries: Registries,
    /// git, which fetches what `uv.lock` has from git repositories.
    pub git: PathBuf,
    /// npm, which knows its registry where a lock leaves it out.
    pub npm: PathBuf,
}

/// The threads that unpack packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    /// How many packages are unpacked at once.
    pub threads: usize,
    /// Whether downloads are started in the opposite order, to find out whether it matters.
    pub backwards: bool,
}
