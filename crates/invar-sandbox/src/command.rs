//! The command's own process, from the fork to the start of the program.
use std::ffi::CString;
use std::fs::File;
use std::io::{self, IsTerminal as _, Read, Write};
use std::os::fd::OwnedFd;

use rustix::fs::Mode;
use rustix::process::{DumpableBehavior, Resource, Rlimit, getrlimit, setrlimit};

use invar_tree::SEARCH_PATH;

use crate::capability;
use crate::cpus;
use crate::filter::{self, AnsweredCalls};
use crate::kernel;
use crate::report::failed;
use crate::wire::{Order, Report};

/// Where programs are looked for if the environment has no `PATH`.
const SEARCH: &[u8] = SEARCH_PATH.as_bytes();
/// How many files a process may have open, as it finds it and as it may raise it to. Programs that walk through all
/// possible descriptors take minutes where a host allows a billion.
const OPEN_FILES: (u64, u64) = (1024, 524_288);
/// The size of a stack, in bytes: what distributions have.
const STACK: u64 = 8 << 20;

/// Whether changes of owner are recorded: a user that is not root may not make any.
fn records(order: &Order) -> bool {
    order.recorded && order.user == 0
}

/// What the init answers for the command.
pub(crate) fn answered(order: &Order) -> io::Result<AnsweredCalls> {
    Ok(AnsweredCalls { recorded: records(order), fakes: order.fakes, cpus: cpus::pretended(order)? })
}

/// Whether the command has a process group of its own that is not the terminal's foreground.
///
/// What is typed at a terminal to which only the output goes reaches the caller, who passes it on: in the caller's
/// group, it would come twice.
pub(crate) fn has_own_group(order: &Order, foreground: bool) -> bool {
    order.lines || (!foreground && !io::stdin().is_terminal())
}

/// Becomes the command. If it is to have the foreground of the terminal, `foreground` ends when it may take it. What
/// fails is written to `trouble`, which closes by itself if nothing does.
pub(crate) fn become_it(
    order: &Order,
    foreground: Option<OwnedFd>,
    groups: Vec<File>,
    trouble: OwnedFd,
    answered: AnsweredCalls,
    listener_to: Option<OwnedFd>,
) -> ! {
    let report = prepare(order, foreground, groups, answered, listener_to).unwrap_or_else(|report| report);
    let json = serde_json::to_vec(&report).expect("numbers and strings can always be written");
    drop(File::from(trouble).write_all(&json));
    kernel::exit(127)
}

/// Does what is left to do and starts the program; so it returns only what failed.
fn prepare(
    order: &Order,
    foreground: Option<OwnedFd>,
    groups: Vec<File>,
    answered: AnsweredCalls,
    listener_to: Option<OwnedFd>,
) -> Result<Report, Report> {
    if order.lines {
        // Away from the caller's terminal.
        rustix::process::setsid().map_err(failed("starting a session"))?;
    } else if let Some(ready) = foreground {
        // It ends when the init has left the session, so that no Ctrl-Z comes before.
        io::copy(&mut File::from(ready), &mut io::sink()).map_err(failed("waiting for the first process"))?;
        kernel::take_foreground();
    } else if has_own_group(order, false) {
        rustix::process::setpgid(None, None).map_err(failed("making a process group"))?;
    }
    for mut group in groups {
        group.write_all(b"0").map_err(failed("entering the control group"))?;
    }
    limit(order);
    let used = cpus::used(order).map_err(failed("choosing CPUs"))?;
    rustix::thread::sched_setaffinity(None, &used).map_err(failed("choosing CPUs"))?;
    rustix::process::umask(Mode::from_raw_mode(0o022));
    rustix::process::chdir(order.directory.as_str())
        .map_err(failed(format!("entering the working directory {}", order.directory)))?;
    kernel::reset_signals();
    kernel::close_all_at_exec();
    capability::give_up(order.user).map_err(failed("giving capabilities up"))?;
    rustix::thread::set_no_new_privs(true).map_err(failed("forbidding new privileges"))?;
    let listener = filter::install(answered).map_err(failed("installing the filter of system calls"))?;
    if let (Some(listener), Some(to)) = (listener, listener_to) {
        let is_traced = order.fakes.clock != 0;
        if is_traced {
            // Hidden as the init is, this process could not be traced by it.
            rustix::process::set_dumpable_behavior(DumpableBehavior::Dumpable)
                .map_err(failed("allowing to be traced"))?;
        }
        crate::notify::hand_over(&listener, &to).map_err(failed("handing the filter over"))?;
        if is_traced {
            // The init says when it traces, or ends if it cannot.
            File::from(to).read_exact(&mut [0]).map_err(failed("waiting to be traced"))?;
        }
    }
    Ok(start(order))
}

/// Sets what a process may use up. Where the caller has less to give, that is what there is.
fn limit(order: &Order) {
    let set = |resource, soft: u64, hard: u64| {
        let most = getrlimit(resource).maximum.unwrap_or(u64::MAX);
        let (soft, hard) = (soft.min(most), hard.min(most));
        let _ = setrlimit(resource, Rlimit { current: Some(soft), maximum: Some(hard) });
    };
    set(Resource::Nofile, OPEN_FILES.0, OPEN_FILES.1);
    set(Resource::Core, 0, 0);
    let stack_most = getrlimit(Resource::Stack).maximum;
    let stack =
        Rlimit { current: Some(stack_most.map_or(STACK, |most| most.min(STACK))), maximum: stack_most };
    let _ = setrlimit(Resource::Stack, stack);
    if let Some(bytes) = order.file_size {
        set(Resource::Fsize, bytes, bytes);
    }
    if let Some(count) = order.processes {
        set(Resource::Nproc, count, count);
    }
}

/// Starts the program; so it returns only what failed.
fn start(order: &Order) -> Report {
    let words = |bytes: &[u8]| CString::new(bytes).ok();
    let arguments: Vec<CString> = order.command.iter().filter_map(|word| words(&word.0)).collect();
    let environment: Vec<CString> = order
        .environment
        .iter()
        .filter_map(|(name, value)| words(&[&name.0, &b"="[..], &value.0].concat()))
        .collect();
    let Some(name) = order.command.first().map(|word| &word.0[..]) else { return Report::NotFound };
    if name.contains(&b'/') {
        return try_one(name, &arguments, &environment).unwrap_or(Report::NotFound);
    }
    let search =
        order.environment.iter().find(|(name, _)| name.0 == b"PATH").map_or(SEARCH, |(_, path)| &path.0);
    let mut refusal = None;
    for folder in search.split(|byte| *byte == b':').filter(|folder| !folder.is_empty()) {
        let found = try_one(&[folder, &b"/"[..], name].concat(), &arguments, &environment);
        refusal = refusal.or(found);
    }
    refusal.unwrap_or(Report::NotFound)
}

/// Tries to start a program: nothing if there is none of that path.
fn try_one(path: &[u8], arguments: &[CString], environment: &[CString]) -> Option<Report> {
    let path = CString::new(path).ok()?;
    // Looked at first: "not found" from exec can also mean the interpreter's.
    let found = rustix::fs::stat(&path).ok()?;
    let error = if rustix::fs::FileType::from_raw_mode(found.st_mode).is_dir() {
        io::Error::from_raw_os_error(libc::EISDIR)
    } else {
        kernel::exec(&path, arguments, environment)
    };
    Some(Report::NotExecutable { errno: error.raw_os_error().unwrap_or(libc::EIO) })
}
