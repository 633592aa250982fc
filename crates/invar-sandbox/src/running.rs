//! The caller's side: start a sandbox, send it signals, wait for it.
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::MemfdFlags;

use crate::arguments::{MARKER, RUN};
use crate::cgroup::Groups;
use crate::disk::DiskWatch;
use crate::error::SandboxError;
use crate::host_settings::forbidden;
use crate::kernel;
use crate::layer;
use crate::owners::Owners;
use crate::sandbox::{Network, Ownership, Sandbox, StandardStreams};
use crate::terminal::Foreground;
use crate::wire::{BoundPath, Bytes, Ending, Order, Report};

/// What is read at once from the command's output, in bytes.
const CHUNK: usize = 64 << 10;

/// What became of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandResult {
    /// How it ended.
    pub status: Status,
    /// The owners it gave to files, if they were [recorded](Ownership::Recorded); else empty.
    pub owners: Owners,
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// By itself, with this code.
    Exited(u8),
    /// By this signal.
    Signaled(i32),
    /// It was killed when its time was up.
    TimedOut,
    /// It failed after the kernel had killed a process because memory ran out. Known only where memory is limited.
    OutOfMemory,
    /// It was killed when it had written more to disk than it may.
    OutOfDisk,
}

/// A sandbox that was started. Dropped before it has ended, it is killed with all that is inside.
#[derive(Debug)]
pub struct SandboxProcess {
    sandbox: Sandbox,
    child: Child,
    control: Arc<UnixStream>,
    output: Option<OwnedFd>,
    // Both undo what they did when they are dropped.
    groups: Groups,
    disk: Option<DiskWatch>,
    _foreground: Option<Foreground>,
    waited: bool,
}

/// Sends signals to the command of a sandbox; can be kept and used while another thread waits for the sandbox.
#[derive(Clone, Debug)]
pub struct Signals(Arc<UnixStream>);

impl Signals {
    /// Sends a signal, by its number, to the command; and `SIGINT` and `SIGQUIT`, as a terminal does, to its whole
    /// process group, where that is not the caller's.
    ///
    /// # Errors
    /// If the sandbox has ended, or the number is no signal's.
    pub fn signal(&self, signal: i32) -> io::Result<()> {
        let byte = u8::try_from(signal).ok().filter(|number| (1..=64).contains(number));
        let byte = byte.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        rustix::net::send(&*self.0, &[byte], rustix::net::SendFlags::NOSIGNAL)?;
        Ok(())
    }
}

/// Runs a command and waits for it. `output` gets what it writes if [`StandardStreams::Lines`] was asked for, and its
/// errors if [`StandardStreams::Errors`] was, in pieces that follow no lines.
///
/// # Errors
/// If the sandbox could not be set up, or the command not started; see [`SandboxError`].
pub fn run(sandbox: &Sandbox, output: &mut dyn FnMut(&[u8])) -> Result<CommandResult, SandboxError> {
    spawn(sandbox)?.wait_with(output)
}

/// Starts a sandbox. Whether its command could be started is only known to [`SandboxProcess::wait`].
///
/// # Errors
/// If the description makes no sense, or the program cannot be started.
pub fn spawn(sandbox: &Sandbox) -> Result<SandboxProcess, SandboxError> {
    sandbox.check()?;
    let setup = |step: &str| {
        let step = step.to_owned();
        move |source: io::Error| SandboxError::Setup { step, source }
    };
    let groups = Groups::make(&sandbox.limits);
    let mut order = order_file(&order(sandbox, &groups)).map_err(setup("writing down what to run"))?;
    order.seek(SeekFrom::Start(0)).map_err(setup("writing down what to run"))?;
    let (control, inner) = UnixStream::pair().map_err(setup("making a socket"))?;

    let mut command = Command::new(&sandbox.program);
    command.arg0(MARKER).arg(RUN).env_clear();
    command.arg(inner.as_raw_fd().to_string()).arg(order.as_raw_fd().to_string());
    let mut output = None;
    let mut foreground = None;
    match sandbox.standard {
        StandardStreams::Inherit => foreground = Foreground::remember(),
        StandardStreams::Errors => {
            foreground = Foreground::remember();
            let (read, write) = io::pipe().map_err(setup("making a pipe"))?;
            command.stderr(write);
            output = Some(OwnedFd::from(read));
        }
        StandardStreams::Lines => {
            let (read, write) = io::pipe().map_err(setup("making a pipe"))?;
            let second = write.try_clone().map_err(setup("making a pipe"))?;
            command.stdin(Stdio::null()).stdout(write).stderr(second);
            output = Some(OwnedFd::from(read));
        }
    }
    kernel::keep_open(&mut command, &[inner.as_raw_fd(), order.as_raw_fd()]);
    let child =
        command.spawn().map_err(|source| SandboxError::Spawn { program: sandbox.program.clone(), source })?;
    // The command holds the writing ends of the pipe; `inner` and `order` are closed here as well, so that the socket
    // ends when the sandbox does.
    drop((command, inner, order));
    let control = Arc::new(control);
    Ok(SandboxProcess {
        sandbox: sandbox.clone(),
        child,
        control,
        output,
        groups,
        disk: DiskWatch::of(sandbox),
        _foreground: foreground,
        waited: false,
    })
}

impl SandboxProcess {
    /// The process id, on the host, of the outermost process of the sandbox. Killing it ends the sandbox.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal, by its number, to the command; and `SIGINT` and `SIGQUIT`, as a terminal does, to its whole
    /// process group, where that is not the caller's.
    ///
    /// # Errors
    /// If the sandbox has ended, or the number is no signal's.
    pub fn signal(&self, signal: i32) -> io::Result<()> {
        self.signals().signal(signal)
    }

    /// Something that sends signals, for another thread than the one that waits.
    #[must_use]
    pub fn signals(&self) -> Signals {
        Signals(Arc::clone(&self.control))
    }

    /// Waits until the command has ended, and with it all that is inside. Output is thrown away.
    ///
    /// # Errors
    /// If the sandbox could not be set up, or the command not started; see [`SandboxError`].
    pub fn wait(self) -> Result<CommandResult, SandboxError> {
        self.wait_with(&mut |_| {})
    }

    /// Waits as [`SandboxProcess::wait`] does, and hands on what the command writes if [`StandardStreams::Lines`] was asked for,
    /// or its errors if [`StandardStreams::Errors`] was.
    ///
    /// # Errors
    /// If the sandbox could not be set up, or the command not started; see [`SandboxError`].
    pub fn wait_with(mut self, output: &mut dyn FnMut(&[u8])) -> Result<CommandResult, SandboxError> {
        let (report, passed) = self.read_all(output).map_err(|source| SandboxError::Setup {
            step: "reading what the sandbox reports".to_owned(),
            source,
        })?;
        let ended = self
            .child
            .wait()
            .map_err(|source| SandboxError::Setup { step: "waiting for the sandbox".to_owned(), source })?;
        self.waited = true;
        layer::remove_work(&self.sandbox.scratch);
        layer::remove_mount_points(&self.sandbox);
        if passed {
            // Whatever was to be reported, what it left is not to be used.
            return Ok(CommandResult { status: Status::OutOfDisk, owners: Owners::default() });
        }
        let program = self.sandbox.program.clone();
        let report = serde_json::from_slice(&report).map_err(|_| SandboxError::Died { program, ended })?;
        self.finish(report)
    }

    fn finish(&self, report: Report) -> Result<CommandResult, SandboxError> {
        let asked = || self.sandbox.command[0].to_string_lossy().into_owned();
        let (ending, owners) = match report {
            Report::Ended { ending, owners } => (ending, owners),
            Report::NotFound => return Err(SandboxError::NotFound { program: asked() }),
            Report::NotExecutable { errno } => {
                let source = io::Error::from_raw_os_error(errno);
                return Err(SandboxError::NotExecutable { program: asked(), source });
            }
            Report::Refused { step, errno } => return Err(forbidden(step, errno)),
            Report::Setup { step, errno } => {
                return Err(SandboxError::Setup { step, source: io::Error::from_raw_os_error(errno) });
            }
            Report::Available => {
                let source = io::Error::from(io::ErrorKind::InvalidData);
                return Err(SandboxError::Setup { step: "reading the report".to_owned(), source });
            }
        };
        let killed = ending != Ending::Exited(0) && self.groups.killed_for_memory();
        let status = match ending {
            Ending::TimedOut => Status::TimedOut,
            _ if killed => Status::OutOfMemory,
            Ending::Exited(code) => Status::Exited(code),
            Ending::Signaled(signal) => Status::Signaled(signal),
        };
        Ok(CommandResult { status, owners: owners.into_iter().collect() })
    }

    /// Reads output and report until both have ended, which is when the last process of the sandbox is gone. Gives the
    /// report, and whether the sandbox was ended because it had written too much.
    fn read_all(&mut self, output: &mut dyn FnMut(&[u8])) -> io::Result<(Vec<u8>, bool)> {
        let mut passed = false;
        let mut report = Vec::new();
        let mut chunk = vec![0; CHUNK];
        let mut reporting = true;
        while reporting || self.output.is_some() {
            let mut ready = Vec::with_capacity(2);
            if reporting {
                ready.push(PollFd::new(&*self.control, PollFlags::IN));
            }
            if let Some(pipe) = &self.output {
                ready.push(PollFd::new(pipe, PollFlags::IN));
            }
            let wait = self.disk.as_ref().map(|watch| Timespec {
                tv_sec: 0,
                // One more than what is left, so that the time has really come when it wakes.
                tv_nsec: i64::from(watch.wait().subsec_nanos()) + 1,
            });
            match poll(&mut ready, wait.as_ref()) {
                Ok(_) => {}
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            }
            let mut ready = ready.iter().map(|fd| !fd.revents().is_empty()).collect::<Vec<_>>().into_iter();
            let report_ready = reporting && ready.next() == Some(true);
            let output_ready = ready.next() == Some(true);
            if self.disk.as_mut().is_some_and(DiskWatch::is_passed) {
                (passed, self.disk) = (true, None);
                self.child.kill()?;
            }
            if report_ready {
                match read(self.control.as_fd(), &mut chunk)? {
                    0 => reporting = false,
                    size => report.extend_from_slice(&chunk[..size]),
                }
            }
            if output_ready && let Some(pipe) = &self.output {
                match read(pipe.as_fd(), &mut chunk)? {
                    0 => self.output = None,
                    size => output(&chunk[..size]),
                }
            }
        }
        Ok((report, passed))
    }
}

impl Drop for SandboxProcess {
    fn drop(&mut self) {
        if !self.waited {
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}

fn read(fd: std::os::fd::BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    match rustix::io::retry_on_intr(|| rustix::io::read(fd, &mut *buffer)) {
        // A socket whose other end died with unread data in it says so instead of just ending.
        Err(rustix::io::Errno::CONNRESET) => Ok(0),
        other => Ok(other?),
    }
}

/// Writes the order to a memory file.
fn order_file(order: &Order) -> io::Result<File> {
    let mut file = File::from(rustix::fs::memfd_create("invar-sandbox", MemfdFlags::CLOEXEC)?);
    serde_json::to_writer(&mut file, order)?;
    file.flush()?;
    Ok(file)
}

fn order(sandbox: &Sandbox, groups: &Groups) -> Order {
    let limits = &sandbox.limits;
    Order {
        root: sandbox.root.iter().map(Bytes::of).collect(),
        scratch: Bytes::of(&sandbox.scratch),
        command: sandbox.command.iter().map(Bytes::of).collect(),
        environment: sandbox
            .environment
            .iter()
            .map(|(name, value)| (Bytes::of(name), Bytes::of(value)))
            .collect(),
        directory: sandbox.directory.clone(),
        binds: sandbox
            .binds
            .iter()
            .map(|bind| BoundPath {
                source: Bytes::of(&bind.source),
                target: bind.target.clone(),
                writable: bind.writable,
            })
            .collect(),
        host_network: sandbox.network == Network::Host,
        user: sandbox.user,
        group: sandbox.group,
        host_name: sandbox.host_name.clone(),
        time_ms: limits.time.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
        processes: limits.processes,
        file_size: limits.file_size,
        temporary: limits.temporary,
        recorded: sandbox.ownership == Ownership::Recorded,
        cpus: sandbox.cpus,
        lines: sandbox.standard == StandardStreams::Lines,
        fakes: sandbox.fakes,
        cgroups: groups.paths().map(Bytes::of).collect(),
    }
}
