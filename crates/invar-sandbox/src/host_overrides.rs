//! Starts the calling program again as if on another machine: another user, host name, umask and number of CPUs.
//!
//! ```text
//! caller  -- spawn -->  this program, which changes what was asked for  -- exec -->  this program, as itself
//! ```
//!
//! Another user is one of a user namespace, mapped to the caller's: the files of the caller are that user's, nobody has
//! special rights, and it needs none. It can make sandboxes as any other user can.
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Output};

use rustix::fs::Mode;
use rustix::thread::{CpuSet, UnshareFlags};
use serde::{Deserialize, Serialize};

use crate::arguments::{MARKER, OVERRIDE_HOST};
use crate::error::SandboxError;
use crate::host_settings::forbidden;
use crate::namespaces::leave_host;
use crate::report::failed;
use crate::wire::{Bytes, Report};

/// The exit code of a process that could not go elsewhere: 125, as other container tools use it for their own failure.
const REFUSED: i32 = 125;

/// What the other machine is like; nothing means that it is as here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostOverrides {
    /// The numbers of the user and the group.
    pub user: Option<(u32, u32)>,
    /// The host name: at most 64 bytes.
    pub host_name: Option<String>,
    /// The umask.
    pub umask: Option<u32>,
    /// How many CPUs there are to use, at least 1.
    pub cpus: Option<u32>,
}

/// What is handed to the process that becomes the other.
#[derive(Serialize, Deserialize)]
struct Restart {
    name: Bytes,
    place: HostOverrides,
}

impl HostOverrides {
    /// A command that starts `program`, which calls [`enter_if_asked`](crate::enter_if_asked), under the name `name`
    /// (its argument 0). Environment, working directory and standard streams are for the caller to set; where the other
    /// place cannot be had, the command says so in a form that [`refusal`] reads.
    #[must_use]
    pub fn command(&self, program: &Path, name: &str) -> Command {
        let place = Restart { name: Bytes(name.as_bytes().to_vec()), place: self.clone() };
        let place = serde_json::to_string(&place).expect("numbers and strings can always be written");
        let mut command = Command::new(program);
        command.arg0(MARKER).args([OVERRIDE_HOST, &place]);
        command
    }
}

/// Why the program of [`HostOverrides::command`] was not started; nothing if it was, and `output` is its own.
#[must_use]
pub fn refusal(output: &Output) -> Option<SandboxError> {
    if ExitStatus::code(&output.status) != Some(REFUSED) {
        return None;
    }
    match serde_json::from_slice(&output.stdout).ok()? {
        Report::Refused { step, errno } => Some(forbidden(step, errno)),
        Report::Setup { step, errno } => {
            Some(SandboxError::Setup { step, source: io::Error::from_raw_os_error(errno) })
        }
        _ => None,
    }
}

/// Becomes this program again, there. Returns only what failed, after it is written to standard output.
pub(crate) fn go(place: &str) -> io::Error {
    let report = match serde_json::from_str(place) {
        Ok(Restart { name, place }) => enter(&place).err().unwrap_or_else(|| start(&name)),
        Err(_) => failed("reading where to go")(io::Error::from(io::ErrorKind::InvalidInput)),
    };
    let json = serde_json::to_vec(&report).expect("numbers and strings can always be written");
    let mut out = io::stdout();
    // What ends this process does not flush.
    out.write_all(&json).and_then(|()| out.flush()).err().unwrap_or_else(|| io::ErrorKind::Other.into())
}

fn enter(place: &HostOverrides) -> Result<(), Report> {
    if place.user.is_some() || place.host_name.is_some() {
        let own = || (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        let (user, group) = place.user.unwrap_or_else(own);
        let mut flags = UnshareFlags::NEWUSER;
        if place.host_name.is_some() {
            flags |= UnshareFlags::NEWUTS;
        }
        leave_host(user, group, flags)?;
    }
    if let Some(name) = &place.host_name {
        rustix::system::sethostname(name.as_bytes()).map_err(failed("setting the host name"))?;
    }
    if let Some(umask) = place.umask {
        rustix::process::umask(Mode::from_raw_mode(umask));
    }
    if let Some(cpus) = place.cpus {
        choose(cpus).map_err(failed("choosing CPUs"))?;
    }
    Ok(())
}

fn choose(cpus: u32) -> io::Result<()> {
    let allowed = rustix::thread::sched_getaffinity(None)?;
    let mut chosen = CpuSet::new();
    for cpu in (0..CpuSet::MAX_CPU).filter(|cpu| allowed.is_set(*cpu)).take(cpus.max(1) as usize) {
        chosen.set(cpu);
    }
    Ok(rustix::thread::sched_setaffinity(None, &chosen)?)
}

/// Starts the program; so it returns only what failed.
fn start(name: &Bytes) -> Report {
    let name = std::ffi::OsStr::from_bytes(&name.0);
    failed("starting the program again")(Command::new("/proc/self/exe").arg0(name).exec())
}
