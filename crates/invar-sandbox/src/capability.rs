//! What the command's user may do inside: see capabilities(7).
use rustix::io;
use rustix::thread::{
    CapabilitySet, CapabilitySets, clear_ambient_capability_set, remove_capability_from_bounding_set,
    set_capabilities,
};

/// What a root inside needs to install packages and build things. Not in it, among others: `SYS_ADMIN` (mounts and
/// namespaces), `NET_ADMIN`, `NET_RAW`, `SYS_PTRACE` (the init), and `SETFCAP` (an image cannot carry what it sets, and
/// scripts fall back to what it can).
const KEPT: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::KILL)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::SETPCAP)
    .union(CapabilitySet::NET_BIND_SERVICE)
    .union(CapabilitySet::SYS_CHROOT)
    .union(CapabilitySet::MKNOD);

/// How many capabilities are tried to be dropped: numbers that the kernel does not know yet are refused by it.
const NUMBERS: u32 = 64;

/// Gives up all that a user inside is not to have: everything for one that is not root.
pub(crate) fn give_up(user: u32) -> io::Result<()> {
    let kept = if user == 0 { KEPT } else { CapabilitySet::empty() };
    clear_ambient_capability_set()?;
    for number in 0..NUMBERS {
        let one = CapabilitySet::from_bits_retain(1 << number);
        if !kept.contains(one) && remove_capability_from_bounding_set(one) == Err(io::Errno::PERM) {
            return Err(io::Errno::PERM);
        }
    }
    set_capabilities(
        None,
        CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() },
    )
}
