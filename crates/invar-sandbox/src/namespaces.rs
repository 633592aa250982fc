//! Leaving the host's namespaces.
use std::io::{self, Write as _};

use rustix::thread::UnshareFlags;

use crate::kernel;
use crate::report::refused;
use crate::wire::Report;

/// Leaves the host's namespaces and maps the caller's user to the one inside.
///
/// There is one mapping whoever the caller is: a range would need root or a helper with its rights, and would make
/// results differ.
pub(crate) fn leave_host(user: u32, group: u32, flags: UnshareFlags) -> Result<(), Report> {
    // Only root can give its further groups up; the filter of system calls hides those of everyone else.
    let _ = rustix::thread::set_thread_groups(&[]);
    let (own_user, own_group) = (rustix::process::geteuid(), rustix::process::getegid());
    kernel::unshare(flags).map_err(refused("making namespaces"))?;
    let write = |path: &str, text: String| -> io::Result<()> {
        // One write, as the kernel demands.
        std::fs::OpenOptions::new().write(true).open(path)?.write_all(text.as_bytes())
    };
    let map = || -> io::Result<()> {
        write("/proc/self/setgroups", "deny".to_owned())?;
        write("/proc/self/uid_map", format!("{user} {} 1\n", own_user.as_raw()))?;
        write("/proc/self/gid_map", format!("{group} {} 1\n", own_group.as_raw()))
    };
    map().map_err(refused("mapping the user"))
}

/// The namespaces that a sandbox has for itself.
pub(crate) fn namespaces(own_network: bool) -> UnshareFlags {
    let flags = UnshareFlags::NEWUSER
        | UnshareFlags::NEWNS
        | UnshareFlags::NEWPID
        | UnshareFlags::NEWIPC
        | UnshareFlags::NEWUTS
        | UnshareFlags::NEWCGROUP;
    if own_network { flags | UnshareFlags::NEWNET } else { flags }
}

/// Keeps what is mounted here from being seen on the host.
pub(crate) fn keep_mounts_private() -> Result<(), Report> {
    use rustix::mount::{MountPropagationFlags as Flags, mount_change};
    mount_change("/", Flags::PRIVATE | Flags::REC).map_err(refused("keeping mounts private"))
}
