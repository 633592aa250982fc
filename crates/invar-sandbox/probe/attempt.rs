//! What a program inside may try, one system call each. Gives `done`, or the name of the error.
#![expect(unsafe_code, reason = "system calls with arguments that are numbers or constant strings")]
use std::io;

use rustix::thread::CpuSet;

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
            "time" => return now().to_string(),
            "time-in-thread" => {
                return std::thread::spawn(now).join().map_or("failed".to_owned(), |now| now.to_string());
            }
            "time-by-call" => return by_calls(),
            "wait-until" => return wait_until(),
            "cpus" => return cpus().to_string(),
            "affinity" => return affinity(),
            "affinity-in-thread" => {
                return std::thread::spawn(affinity).join().unwrap_or_else(|_| "failed".to_owned());
            }
            "affinity-short" => ask_for_cpus(0, 0),
            "affinity-odd" => ask_for_cpus(0, 1023),
            "affinity-nowhere" => libc::syscall(libc::SYS_sched_getaffinity, 0, 1024, 1),
            "affinity-nobody" => ask_for_cpus(0x3FFF_FFFF, 1024),
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
        Some(libc::EFAULT) => "EFAULT".to_owned(),
        Some(libc::ESRCH) => "ESRCH".to_owned(),
        _ => error.to_string(),
    }
}

/// User, group, host name, umask, number of CPUs, and the name that this program was started under.
pub(crate) fn place() -> String {
    let user = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let umask = rustix::process::umask(rustix::fs::Mode::empty()).bits();
    let cpus = cpus();
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let name = std::env::args().next().unwrap_or_default();
    format!("{} {} {host} {umask:03o} {cpus} {name}", user.0, user.1)
}

/// The number of CPUs, by the standard library.
fn cpus() -> usize {
    #[expect(clippy::disallowed_methods, reason = "what a program there sees is what is tried")]
    let cpus = std::thread::available_parallelism();
    cpus.map_or(0, usize::from)
}

/// Asks for the CPUs of a thread, with room for so many bytes, of at most 1024.
fn ask_for_cpus(thread: i32, room: usize) -> libc::c_long {
    let mut set = [0_u64; 128];
    // SAFETY: the kernel writes no more than there is room for.
    unsafe { libc::syscall(libc::SYS_sched_getaffinity, thread, room, set.as_mut_ptr()) }
}

/// The numbers of the CPUs that this thread may use.
fn affinity() -> String {
    match rustix::thread::sched_getaffinity(None) {
        Ok(set) => numbers(&set),
        Err(error) => name(&error.into()),
    }
}

fn numbers(set: &CpuSet) -> String {
    let all = (0..CpuSet::MAX_CPU).filter(|cpu| set.is_set(*cpu));
    all.map(|cpu| cpu.to_string()).collect::<Vec<_>>().join(" ")
}

/// Chooses CPUs, and determines which this program, a thread and another program that it starts may use then.
pub(crate) fn choose(cpus: &[&str]) -> String {
    let mut set = CpuSet::new();
    cpus.iter().filter_map(|cpu| cpu.parse().ok()).for_each(|cpu| set.set(cpu));
    if let Err(error) = rustix::thread::sched_setaffinity(None, &set) {
        return name(&error.into());
    }
    let child = std::process::Command::new("probe").args(["try", "affinity-in-thread"]).output();
    let child = child.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let thread = std::thread::spawn(affinity).join().unwrap_or_default();
    format!("{}, in a thread {thread}, in a child {}", affinity(), child.unwrap_or_default())
}

/// Seconds since 1970, by the standard library.
fn now() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "what a program inside sees of the clock is what is tried")]
    let now = std::time::SystemTime::now();
    now.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Seconds since 1970, by each system call that tells them.
fn by_calls() -> String {
    let (mut exact, mut coarse) =
        (libc::timespec { tv_sec: 0, tv_nsec: 0 }, libc::timespec { tv_sec: 0, tv_nsec: 0 });
    let mut of_day = libc::timeval { tv_sec: 0, tv_usec: 0 };
    let mut all = Vec::new();
    // SAFETY: the kernel writes into structures that are there.
    unsafe {
        libc::syscall(libc::SYS_clock_gettime, libc::CLOCK_REALTIME, &raw mut exact);
        libc::syscall(libc::SYS_clock_gettime, libc::CLOCK_REALTIME_COARSE, &raw mut coarse);
        libc::syscall(libc::SYS_gettimeofday, &raw mut of_day, std::ptr::null::<u8>());
        #[cfg(target_arch = "x86_64")]
        all.push(libc::syscall(libc::SYS_time, std::ptr::null::<u8>()));
    }
    all.extend([exact.tv_sec, coarse.tv_sec, of_day.tv_sec]);
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// Waits for a semaphore that nobody raises, until a moment of the wall clock that is near.
fn wait_until() -> String {
    // SAFETY: the semaphore is initialized before it is waited for, and the deadline is a valid structure.
    unsafe {
        let mut semaphore = std::mem::zeroed();
        libc::sem_init(&raw mut semaphore, 0, 0);
        let deadline = libc::timespec { tv_sec: now() as i64 + 1, tv_nsec: 0 };
        libc::sem_timedwait(&raw mut semaphore, &raw const deadline);
    }
    match io::Error::last_os_error().raw_os_error() {
        Some(libc::ETIMEDOUT) => "timed out".to_owned(),
        _ => name(&io::Error::last_os_error()),
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
