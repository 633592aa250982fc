//! Whether this host allows sandboxes, and if not, what forbids it.
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::arguments::{CHECK, CHECK_FAKES, MARKER};
use crate::error::SandboxError;
use crate::host_settings::forbidden;
use crate::kernel;
use crate::report::read_report;
use crate::wire::Report;

/// Whether sandboxes can be made here: makes an empty one, in which nothing is mounted or run. It takes about as long
/// as starting `program`, which is the binary that calls [`enter_if_asked`](crate::enter_if_asked).
///
/// # Errors
/// [`SandboxError::Forbidden`] says which setting of the host forbids it; the others, that `program` cannot be run.
pub fn available(program: &Path) -> Result<(), SandboxError> {
    ask(program, CHECK)
}

/// Whether sandboxes with [`SyscallFakes`](crate::SyscallFakes) can be made here; takes as long as [`available`].
///
/// # Errors
/// As [`available`], and [`SandboxError::Setup`] where processes may not be traced.
pub fn syscall_fakes_available(program: &Path) -> Result<(), SandboxError> {
    if cfg!(not(any(target_arch = "x86_64", target_arch = "aarch64"))) {
        let source = io::Error::from(io::ErrorKind::Unsupported);
        return Err(SandboxError::Setup { step: "filtering system calls".to_owned(), source });
    }
    ask(program, CHECK_FAKES)
}

fn ask(program: &Path, what: &str) -> Result<(), SandboxError> {
    let setup = |source| SandboxError::Setup { step: "asking whether it is possible".to_owned(), source };
    let (mut control, inner) = UnixStream::pair().map_err(setup)?;
    let mut command = Command::new(program);
    command.arg0(MARKER).arg(what).arg(inner.as_raw_fd().to_string());
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::null());
    kernel::keep_open(&mut command, &[inner.as_raw_fd()]);
    let spawned = command.spawn();
    let mut child = spawned.map_err(|source| SandboxError::Spawn { program: program.to_owned(), source })?;
    drop((command, inner));
    let report = read_report(&mut control);
    let ended = child.wait().map_err(setup)?;
    match serde_json::from_slice(&report.map_err(setup)?) {
        Ok(Report::Available) => Ok(()),
        Ok(Report::Refused { step, errno }) => Err(forbidden(step, errno)),
        Ok(Report::Setup { step, errno }) => {
            Err(SandboxError::Setup { step, source: io::Error::from_raw_os_error(errno) })
        }
        _ => Err(SandboxError::Died { program: program.to_owned(), ended }),
    }
}
