//! Hides the page from which the C library reads the time without asking the kernel (vdso(7)).
//!
//! The kernel tells a new program where the page is, in the auxiliary vector on its stack. The init, as the tracer of
//! all processes inside (ptrace(2)), lets no program start before it has taken that out. Programs then make the system
//! calls, which the filter hands over.
//!
//! Programs inside cannot trace others meanwhile: a process has one tracer.
#![expect(unsafe_code, reason = "tracing has no safe form")]
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;

use rustix::io::Errno;
use rustix::process::Pid;

/// The kinds of entries of the auxiliary vector (`linux/auxvec.h`): its end, one without meaning, the page's place.
const AT_NULL: u64 = 0;
const AT_IGNORE: u64 = 1;
const AT_SYSINFO_EHDR: u64 = 33;

/// So many pointers of a stack are looked at: more than the kernel allows as arguments.
const MOST: u64 = 1 << 22;

/// Becomes the tracer of a process and of all that it will start.
pub(crate) fn trace(process: Pid) -> io::Result<()> {
    let options = libc::PTRACE_O_TRACEEXEC
        | libc::PTRACE_O_TRACEFORK
        | libc::PTRACE_O_TRACEVFORK
        | libc::PTRACE_O_TRACECLONE
        | libc::PTRACE_O_EXITKILL;
    let nothing = std::ptr::null_mut::<libc::c_void>();
    // SAFETY: the call takes numbers.
    let done = unsafe { libc::ptrace(libc::PTRACE_SEIZE, process.as_raw_nonzero().get(), nothing, options) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// A process that has ended, with its status as wait(2) gives it. All that have stopped meanwhile go on.
pub(crate) fn ended() -> Option<(Pid, i32)> {
    loop {
        let mut status = 0;
        // SAFETY: the kernel writes one number.
        let process = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG | libc::__WALL) };
        let process = Pid::from_raw(process.max(0))?;
        if !libc::WIFSTOPPED(status) {
            return Some((process, status));
        }
        go_on(process, status);
    }
}

/// Lets a stopped process go on, as it would without a tracer.
fn go_on(process: Pid, status: i32) {
    let signal = libc::WSTOPSIG(status);
    let (request, signal) = match status >> 16 {
        0 => (libc::PTRACE_CONT, signal),
        libc::PTRACE_EVENT_STOP
            if [libc::SIGSTOP, libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU].contains(&signal) =>
        {
            // It was stopped by a signal, and stays so until it gets another.
            (libc::PTRACE_LISTEN, 0)
        }
        libc::PTRACE_EVENT_EXEC => {
            if hide_page(process).is_err() {
                // It would see the real time, and a result would be called the same that was never put to the test.
                (libc::PTRACE_CONT, libc::SIGKILL)
            } else {
                (libc::PTRACE_CONT, 0)
            }
        }
        _ => (libc::PTRACE_CONT, 0),
    };
    let nothing = std::ptr::null_mut::<libc::c_void>();
    // SAFETY: the call takes numbers. A process that was killed meanwhile needs no permission to end.
    unsafe { libc::ptrace(request, process.as_raw_nonzero().get(), nothing, signal as libc::c_long) };
}

/// Takes the page's place out of what a program that is about to start is told.
fn hide_page(process: Pid) -> io::Result<()> {
    let number = process.as_raw_nonzero();
    let memory = File::options().read(true).write(true).open(format!("/proc/{number}/mem"))?;
    let stack =
        Stack { memory, start: start_of_stack(&fs::read_to_string(format!("/proc/{number}/stat"))?)? };
    // The number of arguments, the arguments, a zero, the environment, a zero, and then pairs.
    let mut at = stack.word(0)?.checked_add(2).ok_or(Errno::FAULT)?;
    while at < MOST && stack.word(at)? != 0 {
        at += 1;
    }
    at += 1;
    while at < MOST {
        match stack.word(at)? {
            AT_NULL => return Ok(()),
            AT_SYSINFO_EHDR => return stack.write(at, AT_IGNORE),
            _ => at += 2,
        }
    }
    Err(Errno::FAULT.into())
}

/// The stack of a program that has not started, in words of eight bytes.
struct Stack {
    memory: File,
    start: u64,
}

impl Stack {
    fn place(&self, at: u64) -> io::Result<u64> {
        Ok(at.checked_mul(8).and_then(|offset| self.start.checked_add(offset)).ok_or(Errno::FAULT)?)
    }

    fn word(&self, at: u64) -> io::Result<u64> {
        let mut bytes = [0; 8];
        self.memory.read_exact_at(&mut bytes, self.place(at)?)?;
        Ok(u64::from_ne_bytes(bytes))
    }

    fn write(&self, at: u64, word: u64) -> io::Result<()> {
        self.memory.write_all_at(&word.to_ne_bytes(), self.place(at)?)
    }
}

/// The field `startstack` of `/proc/PID/stat`, the 28th. The second is the program's name in brackets and may hold
/// anything; the third comes after the last closing one.
fn start_of_stack(stat: &str) -> io::Result<u64> {
    let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
    let start = after.split_whitespace().nth(28 - 3).and_then(|text| text.parse().ok());
    start.filter(|start| *start != 0).ok_or_else(|| Errno::FAULT.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stack_is_found_whatever_the_programs_name_is() {
        let fields: Vec<String> = (3..=52).map(|field| (field * 100).to_string()).collect();
        let stat = format!("7 (a ) (b)) {}", fields.join(" "));
        assert_eq!(start_of_stack(&stat).unwrap(), 2800);
        assert!(start_of_stack("7 (x) R 1").is_err());
    }
}
