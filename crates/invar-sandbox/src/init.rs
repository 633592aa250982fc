//! The first process inside: sets the root up, starts the command, passes signals on, ends all.
//!
//! Its end is the end of everything inside: the kernel kills what is left of its process namespace.
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{DumpableBehavior, Pid, Signal, WaitOptions, WaitStatus};

use crate::command;
use crate::kernel;
use crate::notify::Recorder;
use crate::report::{failed, send};
use crate::root;
use crate::tracer;
use crate::wire::{Ending, Order, Report};

/// Does all that the first process does, and reports.
pub(crate) fn run(
    order: &Order,
    control: &OwnedFd,
    alive: OwnedFd,
    take_foreground: bool,
    groups: Vec<File>,
) {
    let report = set_up(order, &alive)
        .and_then(|entered| start(order, control, entered, take_foreground, groups))
        .unwrap_or_else(|report| report);
    send(control, &report);
}

fn set_up(order: &Order, alive: &OwnedFd) -> Result<root::EnteredRoot, Report> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(failed("tying to the parent"))?;
    // The parent may have ended before that; then the pipe, whose writing end it held alone, has ended too.
    let mut ready = [PollFd::new(alive, PollFlags::empty())];
    let nobody = poll(&mut ready, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }));
    if nobody.map_err(failed("looking for the parent"))? > 0 {
        kernel::exit(125);
    }
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    rustix::system::sethostname(order.host_name.as_bytes()).map_err(failed("setting the host name"))?;
    if !order.host_network {
        kernel::loopback_up().map_err(failed("switching the loopback interface on"))?;
    }
    let entered = root::enter(order)?;
    // Nobody inside may look at this process: through it, its program could be reached and overwritten.
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(failed("hiding the first process"))?;
    Ok(entered)
}

fn start(
    order: &Order,
    control: &OwnedFd,
    entered: root::EnteredRoot,
    take_foreground: bool,
    groups: Vec<File>,
) -> Result<Report, Report> {
    let children = kernel::children().map_err(failed("watching children"))?;
    let (trouble, trouble_in) = io::pipe().map_err(failed("making a pipe"))?;
    // Found out once: the number of CPUs may change at any moment.
    let answered = command::answered(order).map_err(failed("counting CPUs"))?;
    let (listener, listener_in) = if answered.any() {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().map_err(failed("making a socket"))?;
        (Some(OwnedFd::from(ours)), Some(OwnedFd::from(theirs)))
    } else {
        (None, None)
    };
    let deadline = order.time_ms.and_then(|time| Instant::now().checked_add(Duration::from_millis(time)));
    let (ready, ready_in) = io::pipe().map_err(failed("making a pipe"))?;
    let Some(child) = kernel::fork().map_err(failed("starting the command's process"))? else {
        drop((trouble, listener, ready_in));
        let foreground = take_foreground.then_some(OwnedFd::from(ready));
        command::become_it(order, foreground, groups, trouble_in.into(), answered, listener_in)
    };
    if take_foreground {
        // A process group is orphaned, and Ctrl-Z means nothing to it, if no parent of its processes is in the same
        // session. That is what the command's group has to be: stopped, nobody outside could ever let it go on. The
        // jobs of a shell inside have that shell for a parent, and stop as usual.
        rustix::process::setsid().map_err(failed("leaving the caller's session"))?;
    }
    drop((trouble_in, listener_in, groups, ready, ready_in));
    let mut recorder = None;
    if let Some(from) = listener {
        recorder = Recorder::receive(&from, entered.layer, (order.user, order.group), answered)
            .map_err(failed("taking the filter over"))?;
        if order.fakes.clock != 0 && recorder.is_some() {
            tracer::trace(child).map_err(failed("tracing the command, to shift its clock"))?;
            File::from(from).write_all(b"x").map_err(failed("letting the command start"))?;
        }
    }
    let mut told = Vec::new();
    File::from(OwnedFd::from(trouble)).read_to_end(&mut told).map_err(failed("starting the command"))?;
    if !told.is_empty() {
        return serde_json::from_slice(&told)
            .map_err(|_| failed("starting the command")(io::Error::from(io::ErrorKind::InvalidData)));
    }
    let grouped = command::has_own_group(order, take_foreground);
    let traced = order.fakes.clock != 0;
    let ending = watch(control, &children, child, grouped, deadline, &mut recorder, traced)?;
    // Nothing changes any more once the owners are counted.
    kernel::send_signal(-1, libc::SIGKILL);
    Ok(Report::Ended { ending, owners: recorder.map(Recorder::finish).unwrap_or_default() })
}

/// Waits for the command to end, and does meanwhile what is asked from both sides.
fn watch(
    control: &OwnedFd,
    children: &OwnedFd,
    child: Pid,
    grouped: bool,
    deadline: Option<Instant>,
    recorder: &mut Option<Recorder>,
    traced: bool,
) -> Result<Ending, Report> {
    loop {
        if let Some(ending) = if traced { reap_traced(child) } else { reap(child) } {
            return Ok(ending);
        }
        let left = deadline.map(|end| end.saturating_duration_since(Instant::now()));
        if left == Some(Duration::ZERO) {
            return Ok(Ending::TimedOut);
        }
        let timeout = left.map(|left| Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        });
        let mut ready = vec![PollFd::new(control, PollFlags::IN), PollFd::new(children, PollFlags::IN)];
        if let Some(listener) = recorder.as_ref().and_then(Recorder::listener) {
            ready.push(PollFd::from_borrowed_fd(listener, PollFlags::IN));
        }
        match poll(&mut ready, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(failed("waiting for the command")(error)),
        }
        let events: Vec<PollFlags> = ready.iter().map(PollFd::revents).collect();
        if !events[0].is_empty() {
            pass_signals(control, child, grouped);
        }
        if !events[1].is_empty() {
            // All that have ended are reaped at the top of the loop, however many this reports.
            let mut ignored = [0; 1024];
            let _ = rustix::io::read(children, &mut ignored);
        }
        if let (Some(events), Some(recorder)) = (events.get(2), recorder.as_mut()) {
            if events.contains(PollFlags::IN) {
                recorder.answer();
            } else if !events.is_empty() {
                recorder.rest();
            }
        }
    }
}

/// Passes on the signals that the caller sent; ends all if the caller is gone.
///
/// What a key of a terminal sends is for all that a person has started with one line, and so for the whole group: a
/// shell that waits for its child lets the child decide.
fn pass_signals(control: &OwnedFd, child: Pid, grouped: bool) {
    let mut signals = [0; 64];
    match rustix::io::read(control, &mut signals) {
        Ok(count) if count > 0 => {
            for signal in &signals[..count] {
                let (number, signal) = (child.as_raw_nonzero().get(), i32::from(*signal));
                let of_key = signal == libc::SIGINT || signal == libc::SIGQUIT;
                kernel::send_signal(if grouped && of_key { -number } else { number }, signal);
            }
        }
        Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
        _ => kernel::exit(125),
    }
}

/// Takes leave of all processes that have ended; shows how the command did, if it is among them.
fn reap(child: Pid) -> Option<Ending> {
    let mut ending = None;
    while let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::NOHANG) {
        if pid == child {
            ending = ending.or(how(status));
        }
    }
    ending
}

/// As [`reap`], and lets those go on that stopped for the tracer.
fn reap_traced(child: Pid) -> Option<Ending> {
    let mut ending = None;
    while let Some((pid, status)) = tracer::ended() {
        if pid == child {
            ending = ending.or(if libc::WIFEXITED(status) {
                Some(Ending::Exited((libc::WEXITSTATUS(status) & 0xFF) as u8))
            } else {
                Some(Ending::Signaled(libc::WTERMSIG(status)))
            });
        }
    }
    ending
}

fn how(status: WaitStatus) -> Option<Ending> {
    let code = status.exit_status().map(|code| Ending::Exited((code & 0xFF) as u8));
    code.or_else(|| status.terminating_signal().map(Ending::Signaled))
}
