//! What to run: plain data, with no default for anything that could reach a result.
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::SandboxError;

/// A command and all that it is to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sandbox {
    /// The program that calls [`enter_if_asked`](crate::enter_if_asked) first of all: usually `/proc/self/exe`.
    pub program: PathBuf,
    /// Folders that hold checked-out trees, the lowest first. They are never written to.
    pub root: Vec<PathBuf>,
    /// An empty private folder (mode 0700) on a real disk, for what the command writes. The caller removes it.
    pub scratch: PathBuf,
    /// The program and its arguments: an absolute path inside the root, or a name that is looked up in the `PATH` of
    /// [`environment`](Sandbox::environment).
    pub command: Vec<OsString>,
    /// The whole environment: nothing of the caller's is added.
    pub environment: BTreeMap<OsString, OsString>,
    /// The working directory inside, absolute. It is created if it is missing, and then stays in the writable layer.
    pub directory: String,
    /// Folders and files of the host that are to be seen inside, mounted in this order.
    pub binds: Vec<Bind>,
    /// Which network there is.
    pub network: Network,
    /// The user id of the command, inside.
    pub user: u32,
    /// The group id of the command, inside.
    pub group: u32,
    /// The host name inside: at most 64 bytes.
    pub host_name: String,
    /// What the command may use up.
    pub limits: Limits,
    /// What a change of owner does.
    pub ownership: Ownership,
    /// How many CPUs the command is to see, at least 1; nothing: those that the caller may use. They are numbered from
    /// 0 and have no name in `/proc/cpuinfo`; if there are fewer, it is told of that many all the same. On processors
    /// on which [`SyscallFakes`] are unknown, the kernel reports their numbers.
    pub cpus: Option<u32>,
    /// Where the command's standard streams go.
    pub standard: StandardStreams,
    /// What it is to see that is not so.
    pub fakes: SyscallFakes,
}

/// False answers to system calls, to find out whether what a command makes depends on the true ones. Not known on
/// processors other than x86-64 and aarch64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyscallFakes {
    /// How many seconds its wall clock is ahead of the host's. The times of files are not.
    pub clock: i64,
    /// Whether folders are listed backwards.
    pub backwards: bool,
}

impl SyscallFakes {
    /// Everything is as it is.
    pub const NONE: Self = Self { clock: 0, backwards: false };
}

/// A folder or file of the host, to be seen inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bind {
    /// What: a folder or a file of the host.
    pub source: PathBuf,
    /// Where: an absolute path inside. A missing mount point is created in the writable layer and removed at the end;
    /// one that is in an earlier writable bind is created, and stays, in that bind's source.
    pub target: String,
    /// Whether the command may write to it. If not, nothing that is mounted below it can be written to either.
    pub writable: bool,
}

/// Which network the command has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// A loopback interface of its own, and nothing else. `/etc/hosts`, read-only, names `localhost` and
    /// [`Sandbox::host_name`].
    None,
    /// The host's, with the host's `/etc/resolv.conf` and `/etc/hosts`, read-only, over those of the root;
    /// [`Sandbox::host_name`] is added to the latter.
    Host,
}

/// What the command may use up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long it may run.
    pub time: Option<Duration>,
    /// How many bytes of memory all processes together may use. Held only where the caller may make a control group
    /// that counts memory; without one there is no limit.
    pub memory: Option<u64>,
    /// How many processes and threads there may be. Held by a control group where the caller may make one, else by
    /// `RLIMIT_NPROC`, which the kernel does not apply to the host's root.
    pub processes: Option<u64>,
    /// How many bytes one file may have.
    pub file_size: Option<u64>,
    /// How many bytes of disk the scratch folder and the sources of writable binds may take, what is there beforehand
    /// included. Looked at from time to time.
    pub disk: Option<u64>,
    /// How many bytes `/tmp` may hold, and `/dev/shm` as many again. They are memory, not disk.
    pub temporary: u64,
}

/// What happens when the command changes the owner of a file, or its own user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// What the kernel says: only [`Sandbox::user`] and [`Sandbox::group`] exist, all others are refused.
    Mapped,
    /// For a user 0: it appears to succeed, and the new owner of a file is noted in [`Owners`](crate::Owners). `stat`
    /// shows the old one still. A process that changes its own user goes on as it was. For other users it is the same
    /// as `Mapped`. Not known on processors other than x86-64 and aarch64.
    Recorded,
}

/// Where the command's standard streams go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StandardStreams {
    /// To the caller's own. If standard input is a terminal, the command gets its own place in the foreground.
    Inherit,
    /// The same, but errors go to the caller, who passes them on.
    Errors,
    /// Input is empty; output and errors go, merged, to the caller.
    Lines,
}

impl Sandbox {
    /// Refuses what could not be handed to the kernel, before anything is started.
    pub(crate) fn check(&self) -> Result<(), SandboxError> {
        let invalid = |what, found: &str| Err(SandboxError::Invalid { what, found: found.to_owned() });
        match self.command.first() {
            None => return invalid("a command with at least the program's name", ""),
            Some(name) if name.is_empty() => return invalid("a command whose program has a name", ""),
            Some(_) => {}
        }
        if self.root.is_empty() {
            return invalid("at least one tree for the root", "");
        }
        for path in std::iter::once(&self.directory).chain(self.binds.iter().map(|bind| &bind.target)) {
            let climbs = path.split('/').any(|part| part == "..");
            if !path.starts_with('/') || climbs || path.contains('\0') {
                return invalid("an absolute path inside the sandbox, without `..`", path);
            }
        }
        if self.host_name.len() > 64 || self.host_name.contains('\0') {
            return invalid("a host name of at most 64 bytes", &self.host_name);
        }
        if self.user == u32::MAX || self.group == u32::MAX {
            return invalid("a user and a group below 4294967295, which means `unchanged` to the kernel", "");
        }
        let words = self.command.iter().chain(self.environment.keys()).chain(self.environment.values());
        for word in words {
            if word.as_bytes().contains(&0) {
                return invalid("arguments and environment without zero bytes", &word.to_string_lossy());
            }
        }
        for name in self.environment.keys() {
            if name.is_empty() || name.as_bytes().contains(&b'=') {
                return invalid("environment variables with a name without `=`", &name.to_string_lossy());
            }
        }
        Ok(())
    }
}
