//! What a command is made to see that is not so: another time, and folders listed backwards.
//!
//! Both are answers to system calls that the filter hands over, so they reach every program, however it was built, on
//! every file system. The C library would not ask the kernel for the time but read it from a page that the kernel
//! shares with every process (vdso(7)); the module `tracer` hides that page.
//!
//! # Limits
//! * The times of files are the real ones: what a command writes has the time at which it is written.
//! * A deadline of the wall clock is set right where a program waits for a lock or condition, which is how the C library
//!   waits; other waits with such a deadline (`timerfd`, `clock_nanosleep`) would take longer by the difference.
//! * A folder is listed backwards in portions, as the program reads it: usually 32 KiB, some thousand names.
#![expect(unsafe_code, reason = "the two calls that are made for another process have no safe form")]
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags};

use crate::caller::{Caller, Reply};
use crate::sandbox::SyscallFakes;

/// The clocks that tell the time of day: `CLOCK_REALTIME`, `CLOCK_REALTIME_COARSE`, `CLOCK_TAI`.
pub(crate) const WALL_CLOCKS: [libc::clockid_t; 3] =
    [libc::CLOCK_REALTIME, libc::CLOCK_REALTIME_COARSE, libc::CLOCK_TAI];

/// The flag of futex(2) for a deadline of the wall clock.
pub(crate) const FUTEX_WALL_CLOCK: u32 = libc::FUTEX_CLOCK_REALTIME as u32;

/// The most of a folder that is read at once, in bytes: what a program asks for beyond that it gets next time.
const LARGEST: u64 = 1 << 20;

/// Answers a call that is handed over for a fake; nothing if it is another.
pub(crate) fn answer(
    fakes: SyscallFakes,
    call: &libc::seccomp_notif,
    still_waits: &dyn Fn() -> bool,
) -> Option<io::Result<Reply>> {
    let [first, second, third, fourth, ..] = call.data.args;
    let of = Caller { process: call.pid, still_waits };
    Some(match libc::c_long::from(call.data.nr) {
        libc::SYS_getdents64 => of.list(first, second, third),
        libc::SYS_clock_gettime => of.tell(fakes, first as libc::clockid_t, second, TimeFormat::Nanoseconds),
        libc::SYS_gettimeofday => of.tell(fakes, libc::CLOCK_REALTIME, first, TimeFormat::Microseconds),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_time => of.tell(fakes, libc::CLOCK_REALTIME, first, TimeFormat::Seconds),
        libc::SYS_futex => of.set_deadline_right(fakes, fourth),
        _ => return None,
    })
}

/// How a call wants to have the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TimeFormat {
    Seconds,
    Microseconds,
    Nanoseconds,
}

impl Caller<'_> {
    fn tell(
        &self,
        fakes: SyscallFakes,
        clock: libc::clockid_t,
        address: u64,
        form: TimeFormat,
    ) -> io::Result<Reply> {
        let (seconds, nanoseconds) = time(clock)?;
        let seconds = seconds.saturating_add(fakes.clock);
        let parts = match form {
            TimeFormat::Seconds => vec![seconds],
            TimeFormat::Microseconds => vec![seconds, nanoseconds / 1000],
            TimeFormat::Nanoseconds => vec![seconds, nanoseconds],
        };
        if address != 0 {
            let bytes: Vec<u8> = parts.into_iter().flat_map(i64::to_ne_bytes).collect();
            self.memory()?.write_all_at(&bytes, address).map_err(|_| io::Error::from(Errno::FAULT))?;
        }
        Ok(Reply::Value(if form == TimeFormat::Seconds { seconds } else { 0 }))
    }

    /// Puts a deadline that was reckoned from the time that the process was told into the real time.
    ///
    /// It is changed where the process has it. A deadline that was changed before is not changed again: it is nearer to
    /// the real time than to the other.
    fn set_deadline_right(&self, fakes: SyscallFakes, address: u64) -> io::Result<Reply> {
        let mut bytes = [0; 8];
        if address == 0 || fakes.clock == 0 {
            return Ok(Reply::GoOn);
        }
        let memory = self.memory()?;
        if memory.read_exact_at(&mut bytes, address).is_ok() {
            let deadline = i64::from_ne_bytes(bytes);
            let right = deadline.saturating_sub(fakes.clock);
            let (now, _) = time(libc::CLOCK_REALTIME)?;
            if right.abs_diff(now) < deadline.abs_diff(now) {
                // Where it cannot be written, the wait takes longer, and the limit of the whole command ends it.
                let _ = memory.write_all_at(&right.to_ne_bytes(), address);
            }
        }
        Ok(Reply::GoOn)
    }

    /// Reads a portion of a folder for the process, which has the folder open, and gives it the entries backwards.
    fn list(&self, descriptor: u64, address: u64, length: u64) -> io::Result<Reply> {
        let leader = leader(self.process)?;
        let process = rustix::process::pidfd_open(leader, PidfdFlags::empty())?;
        let directory = rustix::process::pidfd_getfd(process, descriptor as i32, PidfdGetfdFlags::empty())?;
        let memory = self.memory()?;
        // The kernel takes the length as 32 bits, and ours is no longer.
        let mut portion = vec![0_u8; u64::from(length as u32).min(LARGEST) as usize];
        // SAFETY: the kernel writes at most as many bytes as are given, and they are there.
        let read = unsafe {
            libc::syscall(
                libc::SYS_getdents64,
                directory.as_raw_fd(),
                portion.as_mut_ptr(),
                portion.len() as libc::c_uint,
            )
        };
        let read = usize::try_from(read).map_err(|_| io::Error::last_os_error())?;
        portion.truncate(read);
        memory.write_all_at(&backwards(&portion), address).map_err(|_| io::Error::from(Errno::FAULT))?;
        Ok(Reply::Value(read as i64))
    }
}

/// The entries of a portion of a folder (`struct linux_dirent64`, getdents(2)), backwards except for `.` and `..`.
///
/// ```text
/// inode: u64, position of the next: i64, length of this: u16, kind: u8, name, zero
/// ```
/// The positions stay in their order: reading goes on after the last one.
fn backwards(portion: &[u8]) -> Vec<u8> {
    let (mut dots, mut others, mut positions) = (Vec::new(), Vec::new(), Vec::new());
    let mut rest = portion;
    while let Some(length) = rest.get(16..18) {
        let length = usize::from(u16::from_ne_bytes([length[0], length[1]]));
        let Some(entry) = rest.get(..length).filter(|entry| entry.len() > 19) else { break };
        positions.push(&entry[8..16]);
        let name = &entry[19..];
        let is_dots = name.starts_with(b".\0") || name.starts_with(b"..\0");
        if is_dots {
            dots.push(entry)
        } else {
            others.push(entry)
        }
        rest = &rest[length..];
    }
    let mut turned = Vec::with_capacity(portion.len());
    for (entry, position) in dots.iter().chain(others.iter().rev()).zip(positions) {
        turned.extend_from_slice(&entry[..8]);
        turned.extend_from_slice(position);
        turned.extend_from_slice(&entry[16..]);
    }
    // What is not an entry stays where it is.
    turned.extend_from_slice(rest);
    turned
}

/// Seconds and nanoseconds of a clock.
fn time(clock: libc::clockid_t) -> io::Result<(i64, i64)> {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes one such structure.
    if unsafe { libc::clock_gettime(clock, &raw mut now) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok((now.tv_sec, now.tv_nsec))
}

/// The process that a thread belongs to: only that can be asked for its descriptors.
fn leader(thread: u32) -> io::Result<Pid> {
    let status = std::fs::read_to_string(format!("/proc/{thread}/status"))?;
    let number = status.lines().find_map(|line| line.strip_prefix("Tgid:")?.trim().parse().ok());
    number.and_then(Pid::from_raw).ok_or_else(|| Errno::SRCH.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, inode: u64, position: i64) -> Vec<u8> {
        let length = (19 + name.len() + 1).next_multiple_of(8);
        let mut bytes = [&inode.to_ne_bytes()[..], &position.to_ne_bytes()].concat();
        bytes.extend((length as u16).to_ne_bytes());
        bytes.push(8);
        bytes.extend(name.as_bytes());
        bytes.resize(length, 0);
        bytes
    }

    #[test]
    fn entries_are_turned_and_positions_stay() {
        let portion =
            [entry("a", 1, 10), entry(".", 2, 20), entry("a longer name", 3, 30), entry("..", 4, 40)]
                .concat();
        let turned =
            [entry(".", 2, 10), entry("..", 4, 20), entry("a longer name", 3, 30), entry("a", 1, 40)]
                .concat();
        assert_eq!(backwards(&portion), turned);
    }

    #[test]
    fn what_is_no_entry_is_kept() {
        assert_eq!(backwards(b""), b"");
        assert_eq!(backwards(&[7; 30]), [7; 30]);
        let short = [entry("a", 1, 1), vec![0; 18]].concat();
        assert_eq!(backwards(&short), short);
    }
}
