//! Which setting of the host forbids a sandbox.
use std::io;

use rustix::io::Errno;

use crate::error::SandboxError;

/// What the host's settings are, as far as they can forbid a sandbox.
struct HostSettings {
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

impl HostSettings {
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
    let (setting, remedy) = HostSettings::read().explain(&step, Errno::from_raw_os_error(errno));
    SandboxError::Forbidden { setting, remedy, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_names_the_setting() {
        let free = || HostSettings {
            namespaces: Some(9),
            clone: None,
            apparmor: None,
            filtered: false,
            root: false,
        };
        let check = |host: HostSettings, step: &str, error: Errno, expected: &str| {
            let (setting, _) = host.explain(step, error);
            assert!(setting.contains(expected), "{setting:?} should contain {expected:?}");
        };
        check(
            HostSettings { namespaces: Some(0), ..free() },
            "",
            Errno::NOSPC,
            "user.max_user_namespaces is 0",
        );
        check(free(), "", Errno::NOSPC, "exhausted");
        check(HostSettings { clone: Some(0), ..free() }, "", Errno::PERM, "unprivileged_userns_clone");
        check(HostSettings { apparmor: Some(1), ..free() }, "", Errno::ACCESS, "apparmor_restrict");
        check(HostSettings { apparmor: Some(1), root: true, ..free() }, "", Errno::PERM, "security module");
        check(HostSettings { filtered: true, ..free() }, "", Errno::PERM, "seccomp");
        check(HostSettings { filtered: true, ..free() }, PROC, Errno::PERM, "/proc");
        check(free(), "", Errno::INVAL, "without user namespaces");
    }
}
