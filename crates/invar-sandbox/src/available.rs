//! Whether this host allows sandboxes, and if not, what forbids it.
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::io::Errno;

use crate::enter::{CHECK, CHECK_ILLUSIONS, MARKER};
use crate::error::SandboxError;
use crate::kernel;
use crate::running::read_report;
use crate::wire::Report;

/// Whether sandboxes can be made here: makes an empty one, in which nothing is mounted or run. It takes about as long
/// as starting `program`, which is the binary that calls [`enter_if_asked`](crate::enter_if_asked).
///
/// # Errors
/// [`SandboxError::Forbidden`] says which setting of the host forbids it; the others, that `program` cannot be run.
pub fn available(program: &Path) -> Result<(), SandboxError> {
    ask(program, CHECK)
}

/// Whether sandboxes with an [`Illusion`](crate::Illusion) can be made here; takes as long as [`available`].
///
/// # Errors
/// As [`available`], and [`SandboxError::Setup`] where processes may not be traced.
pub fn illusions_available(program: &Path) -> Result<(), SandboxError> {
    if cfg!(not(any(target_arch = "x86_64", target_arch = "aarch64"))) {
        let source = io::Error::from(io::ErrorKind::Unsupported);
        return Err(SandboxError::Setup { step: "filtering system calls".to_owned(), source });
    }
    ask(program, CHECK_ILLUSIONS)
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

/// What the host's settings are, as far as they can forbid a sandbox.
struct Host {
    /// `user.max_user_namespaces`.
    namespaces: Option<u64>,
    /// `kernel.unprivileged_userns_clone`, of Debian's older kernels.
    clone: Option<u64>,
    /// `kernel.apparmor_restrict_unprivileged_userns`, of Ubuntu since 23.10.
    apparmor: Option<u64>,
    /// Whether a filter of system calls is on this process.
    filtered: bool,
    root: bool,
}

impl Host {
    fn read() -> Self {
        let number = |path: &str| std::fs::read_to_string(path).ok()?.trim().parse().ok();
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        Self {
            namespaces: number("/proc/sys/user/max_user_namespaces"),
            clone: number("/proc/sys/kernel/unprivileged_userns_clone"),
            apparmor: number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"),
            filtered: status.lines().any(|line| line.strip_prefix("Seccomp:").map(str::trim) == Some("2")),
            root: rustix::process::geteuid().is_root(),
        }
    }

    /// The setting that explains the error, and what to do about it.
    fn explain(&self, step: &str, error: Errno) -> (&'static str, &'static str) {
        if self.namespaces == Some(0) {
            return (
                "user.max_user_namespaces is 0",
                "set it, as root, with `sysctl user.max_user_namespaces=15000`",
            );
        }
        if error == Errno::NOSPC {
            return (
                "user.max_user_namespaces is exhausted, or namespaces are nested 32 levels deep",
                "raise it, as root, with `sysctl`, or stop other sandboxes",
            );
        }
        if self.clone == Some(0) && !self.root {
            return (
                "kernel.unprivileged_userns_clone is 0",
                "set it, as root, with `sysctl kernel.unprivileged_userns_clone=1`",
            );
        }
        if self.apparmor == Some(1) && !self.root {
            return (
                "kernel.apparmor_restrict_unprivileged_userns is 1",
                "give this program an AppArmor profile with `userns,`, or set it, as root, with \
                 `sysctl kernel.apparmor_restrict_unprivileged_userns=0`",
            );
        }
        if error == Errno::NOSYS || error == Errno::INVAL {
            return (
                "the kernel was built without user namespaces",
                "use a kernel with CONFIG_USER_NS, CONFIG_PID_NS and CONFIG_NET_NS",
            );
        }
        if step == PROC {
            return (
                "parts of /proc are hidden, as in most container engines",
                "start the container with `--security-opt systempaths=unconfined`",
            );
        }
        if self.filtered {
            return (
                "a seccomp filter, as set by container engines",
                "start the container with `--security-opt seccomp=unconfined`, or with a profile that allows \
                 unshare and mount",
            );
        }
        (
            "a security module, or a root directory changed with chroot",
            "run it outside of the chroot, or allow user namespaces in the policy (AppArmor, SELinux)",
        )
    }
}

/// The step that mounts `/proc`: what forbids it differs from what forbids namespaces.
pub(crate) const PROC: &str = "mounting /proc";

/// The error for a step that hosts may forbid.
pub(crate) fn forbidden(step: String, errno: i32) -> SandboxError {
    let source = io::Error::from_raw_os_error(errno);
    let (setting, remedy) = Host::read().explain(&step, Errno::from_raw_os_error(errno));
    SandboxError::Forbidden { setting, remedy, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_names_the_setting() {
        let free = || Host { namespaces: Some(9), clone: None, apparmor: None, filtered: false, root: false };
        let check = |host: Host, step: &str, error: Errno, expected: &str| {
            let (setting, _) = host.explain(step, error);
            assert!(setting.contains(expected), "{setting:?} should contain {expected:?}");
        };
        check(Host { namespaces: Some(0), ..free() }, "", Errno::NOSPC, "user.max_user_namespaces is 0");
        check(free(), "", Errno::NOSPC, "exhausted");
        check(Host { clone: Some(0), ..free() }, "", Errno::PERM, "unprivileged_userns_clone");
        check(Host { apparmor: Some(1), ..free() }, "", Errno::ACCESS, "apparmor_restrict");
        check(Host { apparmor: Some(1), root: true, ..free() }, "", Errno::PERM, "security module");
        check(Host { filtered: true, ..free() }, "", Errno::PERM, "seccomp");
        check(Host { filtered: true, ..free() }, PROC, Errno::PERM, "/proc");
        check(free(), "", Errno::INVAL, "without user namespaces");
    }
}
