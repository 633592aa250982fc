//! How many CPUs the command sees: as many as was asked for, whatever the host has.
//!
//! They are numbered `0..N`. Where the command runs on just these, the kernel itself says so. Where it runs on fewer or
//! on others, the filter hands the two calls by which programs ask and choose (sched_setaffinity(2)) to the init, which
//! answers for CPUs `0..N`. What files say about CPUs is in the module `cpu_files`.
//!
//! # Limits
//! * `Cpus_allowed` in `/proc/PID/status` and getcpu(2) show the host's CPUs.
//! * What a process has chosen is what its children have while it runs, even if it chose after it had started them.
use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::FileExt;

use rustix::io::Errno;
use rustix::process::Pid;
use rustix::thread::CpuSet;

use crate::caller::{Caller, Reply};
use crate::filter;
use crate::wire::Order;

/// The bytes of a word: the kernel reads and writes sets in whole words.
const WORD: usize = size_of::<libc::c_ulong>();

/// After so many choices those of threads that have ended are forgotten.
const MANY: usize = 8192;

/// The CPUs on which the command runs: as many as it is to see, or as there are.
///
/// Which ones goes by the name of the scratch folder, so that several sandboxes do not crowd on the same.
pub(crate) fn used(order: &Order) -> io::Result<CpuSet> {
    let allowed = rustix::thread::sched_getaffinity(None)?;
    let all: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|cpu| allowed.is_set(*cpu)).collect();
    let first: usize = order.scratch.0.iter().map(|byte| usize::from(*byte)).sum();
    let mut chosen = CpuSet::new();
    for offset in 0..all.len().min(wanted(order).unwrap_or(usize::MAX)) {
        chosen.set(all[(first + offset) % all.len()]);
    }
    Ok(chosen)
}

/// How many CPUs the command has to be shown because it runs on fewer, or on others; nothing if the kernel reports
/// them.
pub(crate) fn pretended(order: &Order) -> io::Result<Option<usize>> {
    let Some(wanted) = wanted(order).filter(|_| filter::is_known()) else { return Ok(None) };
    Ok((used(order)? != first(wanted)).then_some(wanted))
}

/// The CPUs `0..count`.
fn first(count: usize) -> CpuSet {
    let mut all = CpuSet::new();
    (0..count).for_each(|cpu| all.set(cpu));
    all
}

/// How many CPUs the command sees.
pub(crate) fn seen(order: &Order) -> io::Result<usize> {
    match pretended(order)? {
        Some(count) => Ok(count),
        None => Ok(used(order)?.count() as usize),
    }
}

fn wanted(order: &Order) -> Option<usize> {
    order.cpus.map(|count| (count as usize).clamp(1, CpuSet::MAX_CPU))
}

/// Which CPUs each thread may use, of those that do not all exist.
pub(crate) struct Choices {
    count: usize,
    /// By the number of a thread and the moment at which it was started: numbers are given again.
    chosen: BTreeMap<(u32, u64), CpuSet>,
}

/// What the kernel reports of a thread.
struct Thread {
    /// The process that it belongs to.
    process: u32,
    parent: u32,
    /// In ticks since the kernel was started.
    started: u64,
}

impl Choices {
    /// Nobody has chosen among `count` CPUs.
    pub(crate) fn among(count: usize) -> Self {
        Self { count, chosen: BTreeMap::new() }
    }

    /// Answers a call that asks for CPUs or chooses some; nothing if it is another.
    pub(crate) fn answer(
        &mut self,
        call: &libc::seccomp_notif,
        still_waits: &dyn Fn() -> bool,
    ) -> Option<io::Result<Reply>> {
        let [thread, length, address, ..] = call.data.args;
        // Registers are 64 bits wide, these arguments 32: the rest of the register means nothing.
        let (thread, length) = (thread as i32, length as u32 as usize);
        let caller = Caller { process: call.pid, still_waits };
        match libc::c_long::from(call.data.nr) {
            libc::SYS_sched_getaffinity => Some(self.tell(&caller, thread, length, address)),
            libc::SYS_sched_setaffinity => Some(self.choose(&caller, thread, length, address)),
            _ => None,
        }
    }

    fn tell(&self, caller: &Caller<'_>, thread: i32, length: usize, address: u64) -> io::Result<Reply> {
        let needed = self.count.div_ceil(8).next_multiple_of(WORD);
        if length < needed || !length.is_multiple_of(WORD) {
            return Err(Errno::INVAL.into());
        }
        let set = self.of(meant(caller, thread)?);
        let bytes = bytes_of(&set, needed);
        caller.memory()?.write_all_at(&bytes, address).map_err(|_| io::Error::from(Errno::FAULT))?;
        Ok(Reply::Value(needed as i64))
    }

    fn choose(&mut self, caller: &Caller<'_>, thread: i32, length: usize, address: u64) -> io::Result<Reply> {
        let mut bytes = vec![0; length.min(CpuSet::MAX_CPU / 8)];
        caller.memory()?.read_exact_at(&mut bytes, address).map_err(|_| io::Error::from(Errno::FAULT))?;
        let mut set = CpuSet::new();
        for cpu in 0..self.count.min(bytes.len() * 8) {
            if bytes[cpu / 8] >> (cpu % 8) & 1 == 1 {
                set.set(cpu);
            }
        }
        if set.count() == 0 {
            return Err(Errno::INVAL.into());
        }
        let number = meant(caller, thread)?;
        let started = Thread::read(number).ok_or(Errno::SRCH)?.started;
        if self.chosen.len() >= MANY {
            self.chosen.retain(|(number, started), _| {
                Thread::read(*number).is_some_and(|thread| thread.started == *started)
            });
        }
        self.chosen.insert((number, started), set);
        Ok(Reply::Value(0))
    }

    /// What a thread may use: what it has chosen, or its process, or one of the parents of that.
    fn of(&self, thread: u32) -> CpuSet {
        let mut number = thread;
        // Most programs never choose; then there is nothing to look for.
        while !self.chosen.is_empty() && number > 1 {
            let Some(thread) = Thread::read(number) else { break };
            if let Some(set) = self.chosen.get(&(number, thread.started)) {
                return *set;
            }
            number = if thread.process == number { thread.parent } else { thread.process };
        }
        first(self.count)
    }
}

/// The thread that a call is about, which has to exist.
fn meant(caller: &Caller<'_>, thread: i32) -> io::Result<u32> {
    if thread == 0 {
        return Ok(caller.process);
    }
    let there = Pid::from_raw(thread.max(0)).ok_or(Errno::SRCH)?;
    rustix::thread::sched_getaffinity(Some(there))?;
    Ok(thread.unsigned_abs())
}

/// A set in the form of the kernel: the lowest CPU is the lowest bit of the first byte, as both processors that the
/// filter knows are little-endian.
fn bytes_of(set: &CpuSet, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    for cpu in (0..length * 8).filter(|cpu| *cpu < CpuSet::MAX_CPU && set.is_set(*cpu)) {
        bytes[cpu / 8] |= 1 << (cpu % 8);
    }
    bytes
}

impl Thread {
    /// Reads `/proc/NUMBER`; nothing if there is no such thread any more.
    fn read(number: u32) -> Option<Self> {
        let status = std::fs::read_to_string(format!("/proc/{number}/status")).ok()?;
        let process = status.lines().find_map(|line| line.strip_prefix("Tgid:")?.trim().parse().ok())?;
        let stat = std::fs::read(format!("/proc/{number}/stat")).ok()?;
        let (parent, started) = parent_and_start(&stat)?;
        Some(Self { process, parent, started })
    }
}

/// Fields 4 and 22 of proc_pid_stat(5). The second is a name in parentheses, which may hold anything.
fn parent_and_start(stat: &[u8]) -> Option<(u32, u64)> {
    let end = stat.iter().rposition(|byte| *byte == b')')?;
    let rest = std::str::from_utf8(&stat[end + 1..]).ok()?;
    let mut fields = rest.split_ascii_whitespace().skip(1);
    let parent = fields.next()?.parse().ok()?;
    Some((parent, fields.nth(17)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_written_in_whole_words() {
        let mut set = CpuSet::new();
        [0, 1, 9, 64].iter().for_each(|cpu| set.set(*cpu));
        assert_eq!(bytes_of(&set, 8), [3, 2, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bytes_of(&set, 16)[8..], [1, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn a_name_may_look_like_fields() {
        let line = b"7 (a) 1 (\xff)) S 5 7 7 0 -1 4194560 96 0 0 0 0 0 0 0 20 0 1 0 123456 2453504 194";
        assert_eq!(parent_and_start(line), Some((5, 123_456)));
        assert_eq!(parent_and_start(b"7 (a"), None);
        assert_eq!(parent_and_start(b"7 (a) S 5"), None);
    }
}
