//! System calls that have no safe form elsewhere, each as a small safe function.
#![expect(unsafe_code, reason = "system calls that rustix does not offer, or offers as unsafe")]
use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::Pid;
use rustix::thread::UnshareFlags;

/// Lets a program inherit these descriptors. They must stay open until it is started.
pub(crate) fn keep_open(command: &mut Command, fds: &[RawFd]) {
    let fds = fds.to_vec();
    let keep = move || {
        for fd in &fds {
            // SAFETY: plain system call on a number; it allocates nothing and takes no lock, as is required here.
            if unsafe { libc::fcntl(*fd, libc::F_SETFD, 0) } < 0 {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(())
    };
    // SAFETY: between fork and exec, `keep` makes system calls only.
    unsafe { command.pre_exec(keep) };
}

/// Takes over a descriptor that the caller left open for this process, named by its number.
pub(crate) fn inherited(number: &str) -> io::Result<OwnedFd> {
    let fd: RawFd = number.parse().map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    // SAFETY: plain system call on a number, which fails if there is no such descriptor.
    if fd < 3 || unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) } < 0 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: it is open, and this runs first of all in a process that opened nothing, so nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Starts a copy of this process: its id for the original, nothing for the copy. There must be one thread only.
pub(crate) fn fork() -> io::Result<Option<Pid>> {
    // SAFETY: this process has a single thread (it was started for the sandbox alone), so no lock is held by another.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        id => Ok(Pid::from_raw(id)),
    }
}

/// Leaves the namespaces of the host.
pub(crate) fn unshare(flags: UnshareFlags) -> io::Result<()> {
    // SAFETY: descriptors are not unshared, so no descriptor changes its meaning.
    Ok(unsafe { rustix::thread::unshare_unsafe(flags) }?)
}

/// Ends this process at once, without running what was to run at its end.
pub(crate) fn exit(code: i32) -> ! {
    // SAFETY: it takes a number and does not return.
    unsafe { libc::_exit(code) }
}

/// Sets flags (`MOUNT_ATTR_*`) on a mount, and on all below it if so asked. See mount_setattr(2); Linux 5.12.
pub(crate) fn set_mount_flags(mount: impl AsFd, flags: u64, recursive: bool) -> io::Result<()> {
    let attributes = libc::mount_attr { attr_set: flags, attr_clr: 0, propagation: 0, userns_fd: 0 };
    let at = libc::AT_EMPTY_PATH | if recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the path is empty and ends in zero, and the structure has the size that is given.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_fd().as_raw_fd(),
            c"".as_ptr(),
            at,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Ignores a signal.
pub(crate) fn ignore(signal: i32) {
    // SAFETY: no handler is installed, so no code runs in a signal's context.
    unsafe { libc::signal(signal, libc::SIG_IGN) };
}

/// Gives every signal its default meaning, and blocks none.
pub(crate) fn reset_signals() {
    // All zero is the default, no flags, an empty mask, in the kernel's own form of the structure. The C library would
    // refuse the two signals that it keeps for itself, which the caller's caller may have left ignored.
    let default = [0_u64; 4];
    let mask_size = 8;
    for signal in 1..=64 {
        // SAFETY: the structure is no longer than what is given, and no handler is installed. KILL and STOP are
        // refused, which is right.
        unsafe {
            let nothing = std::ptr::null_mut::<u64>();
            libc::syscall(libc::SYS_rt_sigaction, signal, default.as_ptr(), nothing, mask_size);
        }
    }
    // SAFETY: the set is initialized by sigemptyset before it is used.
    unsafe {
        let mut none = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
    }
}

/// Turns the end of children into something that can be polled: each read reports one or more.
pub(crate) fn children() -> io::Result<OwnedFd> {
    // SAFETY: the set is initialized by sigemptyset before it is used; a new descriptor is owned by nobody else.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGCHLD);
        if libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) < 0 {
            return Err(io::Error::last_os_error());
        }
        match libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) {
            -1 => Err(io::Error::last_os_error()),
            fd => Ok(OwnedFd::from_raw_fd(fd)),
        }
    }
}

/// Does something to the terminal from the background, without being stopped for it.
pub(crate) fn without_terminal_stops(work: impl FnOnce()) {
    // SAFETY: the sets are initialized before they are used, and only this thread's mask is changed.
    unsafe {
        let mut set = std::mem::zeroed();
        let mut before = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGTTOU);
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, &raw mut before);
        work();
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, std::ptr::null_mut());
    }
}

/// Makes this process a group of its own, and puts it into the foreground of the terminal on standard input.
pub(crate) fn take_foreground() {
    without_terminal_stops(|| {
        // SAFETY: system calls on numbers. A terminal that is gone meanwhile has no foreground to take.
        unsafe {
            libc::setpgid(0, 0);
            libc::tcsetpgrp(0, libc::getpid());
        }
    });
}

/// Sends a signal by number; what is gone already needs none.
pub(crate) fn send_signal(process: i32, signal: i32) {
    // SAFETY: a system call on numbers.
    unsafe { libc::kill(process, signal) };
}

/// Marks every descriptor but the standard streams to be closed when the command starts.
pub(crate) fn close_all_at_exec() {
    // SAFETY: descriptors stay open until exec, so those that are owned here stay valid. Those of this program are
    // marked already; an old kernel without this call leaves what the caller's caller had left open.
    unsafe { libc::syscall(libc::SYS_close_range, 3, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
}

/// Becomes another program. Returns only if that failed.
pub(crate) fn exec(path: &CString, arguments: &[CString], environment: &[CString]) -> io::Error {
    let pointers = |list: &[CString]| -> Vec<*const libc::c_char> {
        list.iter().map(|item| item.as_ptr()).chain([std::ptr::null()]).collect()
    };
    let (arguments, environment) = (pointers(arguments), pointers(environment));
    // SAFETY: both lists end with a null pointer, and all strings outlive the call.
    unsafe { libc::execve(path.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
    io::Error::last_os_error()
}

/// Switches the loopback interface of this network namespace on.
pub(crate) fn loopback_up() -> io::Result<()> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
    let socket = socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    // SAFETY: all zero is a valid ifreq; its name is shorter than the field; the kernel reads and writes only it.
    unsafe {
        let mut request: libc::ifreq = std::mem::zeroed();
        for (field, byte) in request.ifr_name.iter_mut().zip(b"lo") {
            *field = (*byte).cast_signed() as libc::c_char;
        }
        request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
        if libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &raw mut request) < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}
