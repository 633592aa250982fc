//! The filter of system calls that every process inside runs under: see seccomp(2) and the kernel's
//! `Documentation/userspace-api/seccomp_filter.rst`.
//!
//! It forbids what a build has no use for and what has been a way out before: mounts, namespaces, keys, kernel
//! modules, `bpf`, `io_uring`. It hides the further groups of a caller that is not root and so cannot give them up.
//! And it hands to the init what that is to answer: changes of owner if they are recorded, what its fakes need, and
//! questions for CPUs where there are too few.
#![expect(unsafe_code, reason = "installing a filter passes a pointer to the kernel")]
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};

use libc::{BPF_ABS, BPF_JEQ, BPF_JGE, BPF_JMP, BPF_JSET, BPF_K, BPF_LD, BPF_RET, BPF_W, sock_filter};

use crate::sandbox::SyscallFakes;
use crate::syscall_fakes::{FUTEX_WALL_CLOCK, WALL_CLOCKS};

/// The native architecture, as `AUDIT_ARCH_*` of `linux/audit.h`; nothing on those where no filter is known to work.
const ARCHITECTURE: Option<u32> = if cfg!(target_arch = "x86_64") {
    Some(0xC000_003E)
} else if cfg!(target_arch = "aarch64") {
    Some(0xC000_00B7)
} else {
    None
};

/// Calls that fail with `EPERM`.
const FORBIDDEN: &[libc::c_long] = &[
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_setns,
    libc::SYS_open_by_handle_at,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_reboot,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_syslog,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_lookup_dcookie,
    libc::SYS_vhangup,
];

/// Calls that the kernel seems not to have, so that programs fall back to what the filter can look into.
const ABSENT: &[libc::c_long] =
    &[libc::SYS_clone3, libc::SYS_io_uring_setup, libc::SYS_io_uring_enter, libc::SYS_io_uring_register];

/// Calls that the init answers if changes of owner are recorded.
pub(crate) const RECORDED: &[libc::c_long] = &[
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chown,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_lchown,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_setuid,
    libc::SYS_setgid,
    libc::SYS_setreuid,
    libc::SYS_setregid,
    libc::SYS_setresuid,
    libc::SYS_setresgid,
    libc::SYS_setgroups,
    libc::SYS_setfsuid,
    libc::SYS_setfsgid,
];

/// Calls by which a program asks for the CPUs that it may use, and chooses among them.
const CPU_CALLS: &[libc::c_long] = &[libc::SYS_sched_getaffinity, libc::SYS_sched_setaffinity];

/// Calls that tell the time of day and nothing else.
const TELLING_THE_TIME: &[libc::c_long] = &[
    #[cfg(target_arch = "x86_64")]
    libc::SYS_time,
    libc::SYS_gettimeofday,
];

/// What the init answers for the command.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AnsweredCalls {
    /// Changes of owner.
    pub(crate) recorded: bool,
    /// What is not so.
    pub(crate) fakes: SyscallFakes,
    /// For how many CPUs, where there are fewer.
    pub(crate) cpus: Option<usize>,
}

impl AnsweredCalls {
    /// Whether it answers anything.
    pub(crate) fn any(&self) -> bool {
        self.recorded || self.fakes != SyscallFakes::NONE || self.cpus.is_some()
    }
}

/// Where `struct seccomp_data` has the architecture; the number of the call is at 0.
const AT_ARCHITECTURE: u32 = 4;
/// Where it has the low half of the first argument (of a little-endian processor, as both are).
const AT_FIRST: u32 = 16;
/// The low half of the second.
const AT_SECOND: u32 = 24;

const fn statement(code: u32, value: u32) -> sock_filter {
    sock_filter { code: code as u16, jt: 0, jf: 0, k: value }
}

const fn load(offset: u32) -> sock_filter {
    statement(BPF_LD | BPF_W | BPF_ABS, offset)
}

const fn answer(action: u32) -> sock_filter {
    statement(BPF_RET | BPF_K, action)
}

/// Goes on with the next if the test holds, else skips that many.
const fn unless_skip(test: u32, value: u32, skip: u8) -> sock_filter {
    sock_filter { code: (BPF_JMP | test | BPF_K) as u16, jt: 0, jf: skip, k: value }
}

const fn error(number: i32) -> u32 {
    libc::SECCOMP_RET_ERRNO | number.unsigned_abs()
}

/// The number of a call; all are small.
fn number(call: libc::c_long) -> u32 {
    u32::try_from(call).expect("numbers of system calls are small and positive")
}

fn program(architecture: u32, answered: AnsweredCalls) -> Vec<sock_filter> {
    let AnsweredCalls { recorded, fakes, cpus } = answered;
    let mut program = vec![
        load(AT_ARCHITECTURE),
        sock_filter { jt: 1, jf: 0, ..unless_skip(BPF_JEQ, architecture, 0) },
        // Calls of another architecture (32-bit programs) have other numbers, which this filter does not know.
        answer(error(libc::ENOSYS)),
        load(0),
    ];
    if cfg!(target_arch = "x86_64") {
        // The x32 variant: the same calls under other numbers.
        program.extend([unless_skip(BPF_JGE, 0x4000_0000, 1), answer(error(libc::ENOSYS))]);
    }
    let mut on = |calls: &[libc::c_long], action: u32| {
        for call in calls {
            program.extend([unless_skip(BPF_JEQ, number(*call), 1), answer(action)]);
        }
    };
    if recorded {
        on(RECORDED, libc::SECCOMP_RET_USER_NOTIF);
    }
    if cpus.is_some() {
        on(CPU_CALLS, libc::SECCOMP_RET_USER_NOTIF);
    }
    if fakes.backwards {
        on(&[libc::SYS_getdents64], libc::SECCOMP_RET_USER_NOTIF);
    }
    if fakes.clock != 0 {
        on(TELLING_THE_TIME, libc::SECCOMP_RET_USER_NOTIF);
    }
    on(FORBIDDEN, error(libc::EPERM));
    on(ABSENT, error(libc::ENOSYS));
    // Zero groups, which is what a root that gave them up has.
    on(&[libc::SYS_getgroups], error(0));
    if fakes.clock != 0 {
        program.extend([unless_skip(BPF_JEQ, number(libc::SYS_clock_gettime), 8), load(AT_FIRST)]);
        for clock in WALL_CLOCKS {
            let of_the_day = unless_skip(BPF_JEQ, clock.unsigned_abs(), 1);
            program.extend([of_the_day, answer(libc::SECCOMP_RET_USER_NOTIF)]);
        }
        program.extend([
            answer(libc::SECCOMP_RET_ALLOW),
            unless_skip(BPF_JEQ, number(libc::SYS_futex), 4),
            load(AT_SECOND),
            unless_skip(BPF_JSET, FUTEX_WALL_CLOCK, 1),
            answer(libc::SECCOMP_RET_USER_NOTIF),
            answer(libc::SECCOMP_RET_ALLOW),
        ]);
    }
    for call in [libc::SYS_clone, libc::SYS_unshare] {
        program.extend([
            unless_skip(BPF_JEQ, number(call), 4),
            load(AT_FIRST),
            unless_skip(BPF_JSET, libc::CLONE_NEWUSER.unsigned_abs(), 1),
            answer(error(libc::EPERM)),
            answer(libc::SECCOMP_RET_ALLOW),
        ]);
    }
    // What these two put into a terminal's input, a shell outside would read as typed.
    program.extend([unless_skip(BPF_JEQ, number(libc::SYS_ioctl), 5), load(AT_SECOND)]);
    for request in [0x5412, 0x541C] {
        program.extend([unless_skip(BPF_JEQ, request, 1), answer(error(libc::EPERM))]);
    }
    program.push(answer(libc::SECCOMP_RET_ALLOW));
    program
}

/// Whether a filter is known to work on this processor.
pub(crate) const fn is_known() -> bool {
    ARCHITECTURE.is_some()
}

/// Puts this process, and all that it starts, under the filter. Gives what the init listens on, if it answers any
/// calls. Needs `no_new_privs`.
pub(crate) fn install(answered: AnsweredCalls) -> io::Result<Option<OwnedFd>> {
    let listens = answered.any();
    let Some(architecture) = ARCHITECTURE else {
        return if listens { Err(io::ErrorKind::Unsupported.into()) } else { Ok(None) };
    };
    let mut program = program(architecture, answered);
    let length = u16::try_from(program.len()).expect("the filter has a few hundred instructions");
    let program = libc::sock_fprog { len: length, filter: program.as_mut_ptr() };
    let set = |flags: libc::c_ulong| {
        // SAFETY: the structure points to `length` instructions, which outlive the call.
        unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program) }
    };
    if !listens {
        return if set(0) < 0 { Err(io::Error::last_os_error()) } else { Ok(None) };
    }
    // The second flag (Linux 5.19) keeps a signal from interrupting a call that was already answered.
    let listen = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
    let mut fd = set(listen | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
    if fd < 0 {
        fd = set(listen);
    }
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    let fd = i32::try_from(fd).expect("a descriptor is a small number");
    // SAFETY: the kernel just made this descriptor for us.
    Ok(Some(unsafe { OwnedFd::from_raw_fd(fd) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_jump_lands_inside_the_filter() {
        let all = SyscallFakes { clock: 1, backwards: true };
        let nothing = AnsweredCalls { recorded: false, fakes: SyscallFakes::NONE, cpus: None };
        let owners = AnsweredCalls { recorded: true, ..nothing };
        for answered in [nothing, owners, AnsweredCalls { recorded: true, fakes: all, cpus: Some(2) }] {
            let program = program(1, answered);
            for (at, instruction) in program.iter().enumerate() {
                if u32::from(instruction.code) & 7 == BPF_JMP {
                    let furthest = at + 1 + usize::from(instruction.jt.max(instruction.jf));
                    assert!(furthest < program.len(), "instruction {at}");
                }
            }
            assert_eq!(program.last().unwrap().k, libc::SECCOMP_RET_ALLOW);
        }
    }
}
