//! What a program inside may try, one system call each. Gives `done`, or the name of the error.
#![expect(unsafe_code, reason = "system calls with arguments that are numbers or constant strings")]
use std::io;

/// Tries something, by its name.
pub(crate) fn attempt(what: &str, arguments: &[&str]) -> String {
    let number = |at: usize| arguments.get(at).and_then(|word| word.parse::<i64>().ok()).unwrap_or(0);
    let null = std::ptr::null::<libc::c_char>();
    // SAFETY: every pointer is null or a constant string that ends in zero.
    let result = unsafe {
        match what {
            "mount" => {
                libc::syscall(libc::SYS_mount, c"none".as_ptr(), c"/tmp".as_ptr(), c"tmpfs".as_ptr(), 0, null)
            }
            "umount" => libc::syscall(libc::SYS_umount2, c"/proc".as_ptr(), libc::MNT_DETACH),
            "unshare" => libc::syscall(libc::SYS_unshare, libc::CLONE_NEWUSER),
            "unshare-mounts" => libc::syscall(libc::SYS_unshare, libc::CLONE_NEWNS),
            "clone" => libc::syscall(libc::SYS_clone, libc::CLONE_NEWUSER | libc::SIGCHLD, 0, 0, 0, 0),
            "clone3" => libc::syscall(libc::SYS_clone3, 0, 0),
            "keyctl" => libc::syscall(libc::SYS_keyctl, 0, -3, 1),
            "bpf" => libc::syscall(libc::SYS_bpf, 0, 0, 0),
            "io_uring" => libc::syscall(libc::SYS_io_uring_setup, 1, 0),
            "tiocsti" => libc::syscall(libc::SYS_ioctl, 0, libc::TIOCSTI, c"x".as_ptr()),
            "setuid" => libc::syscall(libc::SYS_setuid, number(0)),
            "groups" => libc::syscall(libc::SYS_getgroups, 0, 0),
            "kill" => libc::syscall(libc::SYS_kill, number(0), number(1)),
            "pause" => {
                // The command itself says so, and not a shell before it, which could swallow a signal between the two.
                println!("ready");
                libc::c_long::from(libc::pause())
            }
            "connect" => return connect(arguments),
            "abstract" => return connect_abstract(arguments),
            _ => return "no such attempt".to_owned(),
        }
    };
    if result < 0 { name(&io::Error::last_os_error()) } else { "done".to_owned() }
}

fn name(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(libc::EPERM) => "EPERM".to_owned(),
        Some(libc::ENOSYS) => "ENOSYS".to_owned(),
        Some(libc::ECONNREFUSED) => "ECONNREFUSED".to_owned(),
        Some(libc::EINVAL) => "EINVAL".to_owned(),
        Some(libc::ESRCH) => "ESRCH".to_owned(),
        _ => error.to_string(),
    }
}

fn connect(arguments: &[&str]) -> String {
    match std::net::TcpStream::connect(arguments.concat()) {
        Ok(_) => "done".to_owned(),
        Err(error) => name(&error),
    }
}

fn connect_abstract(arguments: &[&str]) -> String {
    use std::os::linux::net::SocketAddrExt;
    let address = std::os::unix::net::SocketAddr::from_abstract_name(arguments.concat());
    match address.and_then(|address| std::os::unix::net::UnixStream::connect_addr(&address)) {
        Ok(_) => "done".to_owned(),
        Err(error) => name(&error),
    }
}
