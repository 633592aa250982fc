//! The processes of the sandbox before the command: the same program as the caller's, started again.
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, Signal};

use crate::arguments::{CHECK, CHECK_FAKES, MARKER, OVERRIDE_HOST, RUN};
use crate::init;
use crate::kernel;
use crate::namespaces::{keep_mounts_private, leave_host, namespaces};
use crate::report::{failed, refused, send};
use crate::terminal::Foreground;
use crate::wire::{Order, Report};

/// If this process was started to become the sandbox, becomes it and never returns; else does nothing.
///
/// To be called first of all in `main`, before any thread is started or file is opened.
pub fn enter_if_asked() {
    let mut arguments = std::env::args_os();
    if arguments.next().is_none_or(|name| name != MARKER) {
        return;
    }
    let arguments: Vec<String> = arguments.filter_map(|word| word.into_string().ok()).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words[..] {
        [RUN, control, order] => kernel::inherited(control)
            .and_then(|control| Ok((control, kernel::inherited(order)?)))
            .map(|(control, order)| outer(control, order)),
        [CHECK, control] => kernel::inherited(control).map(|control| check(&control, false)),
        [CHECK_FAKES, control] => kernel::inherited(control).map(|control| check(&control, true)),
        [OVERRIDE_HOST, place] => Err(crate::host_overrides::go(place)),
        _ => Err(io::ErrorKind::InvalidInput.into()),
    };
    // 125 as other container tools use it: the tool itself failed. The caller goes by the report.
    kernel::exit(if done.is_ok() { 0 } else { 125 });
}

fn check(control: &OwnedFd, fakes: bool) {
    let tried = leave_host(0, 0, namespaces(true)).and_then(|()| keep_mounts_private());
    let tried = tried.and_then(|()| if fakes { check_tracing() } else { Ok(()) });
    send(control, &tried.err().unwrap_or(Report::Available));
}

/// Whether one process may trace another here.
fn check_tracing() -> Result<(), Report> {
    let (ready, done) = io::pipe().map_err(failed("making a pipe"))?;
    match kernel::fork().map_err(refused("starting the first process"))? {
        Some(child) => {
            drop(ready);
            let traced = crate::tracer::trace(child).map_err(failed("tracing a process"));
            drop(done);
            traced
        }
        None => {
            drop(done);
            // It waits until the other has tried.
            let _ = io::copy(&mut File::from(OwnedFd::from(ready)), &mut io::sink());
            kernel::exit(0)
        }
    }
}

/// Makes the namespaces, starts the init in them, and ends it when the caller is gone.
fn outer(control: OwnedFd, order: OwnedFd) {
    // What is typed at a terminal reaches all of the caller's group; what it means is for the command and the caller.
    for signal in [
        libc::SIGINT,
        libc::SIGQUIT,
        libc::SIGHUP,
        libc::SIGTERM,
        libc::SIGUSR1,
        libc::SIGUSR2,
        libc::SIGPIPE,
    ] {
        kernel::ignore(signal);
    }
    if let Err(report) = start(&control, order) {
        send(&control, &report);
    }
}

fn start(control: &OwnedFd, order: OwnedFd) -> Result<(), Report> {
    let order: Order = serde_json::from_reader(io::BufReader::new(File::from(order)))
        .map_err(|_| failed("reading what to run")(io::Error::from(io::ErrorKind::InvalidData)))?;
    // Seen from inside, process groups of the host have no number, so this is asked here.
    let foreground = if order.lines { None } else { Foreground::remember() };
    let take_foreground = foreground.is_some();
    // The caller gives it back, in every case.
    std::mem::forget(foreground);
    let mut groups = Vec::new();
    for group in &order.cgroups {
        // Opened here, because the right to move a process goes by who opened the file.
        let file = group.path().join("cgroup.procs");
        let opened = std::fs::OpenOptions::new().write(true).open(file);
        groups.push(opened.map_err(failed("entering the control group"))?);
    }
    leave_host(order.user, order.group, namespaces(!order.host_network))?;
    keep_mounts_private()?;
    // The writing end is held by this process alone: when it ends, so does the pipe.
    let (alive, held) = io::pipe().map_err(failed("making a pipe"))?;
    match kernel::fork().map_err(refused("starting the first process"))? {
        Some(child) => {
            drop((alive, groups));
            watch(control, child);
            drop(held);
            Ok(())
        }
        None => {
            drop(held);
            init::run(&order, control, alive.into(), take_foreground, groups);
            kernel::exit(0)
        }
    }
}

/// Waits for the init, and ends it, and with it all others, when the caller is gone.
fn watch(control: &OwnedFd, child: Pid) {
    let handle = rustix::process::pidfd_open(child, PidfdFlags::empty());
    if let Ok(handle) = &handle {
        loop {
            let mut ready = [PollFd::new(handle, PollFlags::IN), PollFd::new(control, PollFlags::empty())];
            match poll(&mut ready, None) {
                Ok(_) if !ready[0].revents().is_empty() => break,
                Ok(_) => {
                    let _ = rustix::process::kill_process(child, Signal::KILL);
                    break;
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => break,
            }
        }
    }
    let _ = rustix::io::retry_on_intr(|| {
        rustix::process::waitpid(Some(child), rustix::process::WaitOptions::empty())
    });
}
