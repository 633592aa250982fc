//! Where commands are run: a sandbox over checked-out trees, with everything fixed that a build could see.
mod bench;
mod failure;
mod left;
mod log;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use invar_checkout::ProjectFiles;
use invar_oci::FILE_TIME;
use invar_project::{InvarLock, Platform};
use invar_realise::{Event, snapshot_times};
use invar_sandbox::{Bind, CommandResult, Limits, Network, Ownership, Sandbox, StandardStreams, Status};
use invar_store::Key;
use invar_tree::SEARCH_PATH;
use rustix::process::Signal;

pub(crate) use self::bench::Bench;
use self::failure::Size;
pub use self::failure::StepFailure;
pub(crate) use self::left::Left;
use self::log::Log;
use crate::hints::{self, PackagesOf};
use crate::{BuildError, Session};

/// The folder in which builds are run, without a leading slash. It is the same everywhere, since compilers write it
/// into what they make.
pub(crate) const BUILD: &str = "build";

/// How many CPUs a build sees, even where there are fewer: the host's own number must not reach what it makes.
const CPUS: u32 = 2;

/// How many of its last lines a failure shows.
pub(crate) const LAST_LINES: usize = 20;

/// How many processes and threads one build may have at once.
const PROCESSES: u64 = 4096;

/// The project that things are built for, and what they are built with.
#[derive(Clone, Copy)]
pub(crate) struct Workshop<'a> {
    pub session: &'a Session<'a>,
    pub files: &'a ProjectFiles,
    pub lock: &'a InvarLock,
    pub platform: Platform,
}

/// A command to run, and what it finds.
pub(crate) struct Job<'a> {
    /// How progress and errors call it.
    pub label: &'a str,
    /// Whose `packages` of the manifest it finds.
    pub packages_of: Option<PackagesOf>,
    /// What it depends on: the log of a failure is named after it.
    pub key: Key,
    /// The checked-out trees of its root, the lowest first.
    pub roots: Vec<PathBuf>,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Variables besides the fixed ones.
    pub environment: BTreeMap<String, String>,
    /// The working directory, relative to the build folder.
    pub directory: &'a str,
    /// What else is there.
    pub binds: Vec<Bind>,
    /// How long it may take.
    pub time: Duration,
    /// What gives it more time, as a sentence.
    pub longer: Option<&'static str>,
    /// What becomes of owners that it gives to files.
    pub ownership: Ownership,
}

impl<'a> Workshop<'a> {
    /// The moments at which the snapshot service has the packages of `suite`.
    pub fn times(&self, suite: &str) -> Vec<String> {
        let found = self.lock.suites.iter().find(|(name, _)| name.as_str() == suite);
        found.map(|(_, suite)| snapshot_times(suite.date)).unwrap_or_default()
    }

    /// Whether programs of the platform can be run here.
    ///
    /// # Errors
    /// [`BuildError::ForeignPlatform`].
    pub fn check_platform(&self, label: &str) -> Result<(), BuildError> {
        check_platform(self.platform, label)
    }

    /// Whether commands can be run here, before anything is fetched for one.
    ///
    /// # Errors
    /// [`BuildError::ForeignPlatform`], [`BuildError::Sandbox`].
    pub fn check(&self, label: &str) -> Result<(), BuildError> {
        check(self.session, self.platform, label)
    }

    /// An empty build folder.
    ///
    /// # Errors
    /// What the store says.
    pub fn bench(&self) -> Result<Bench, BuildError> {
        let bench = Bench { scratch: self.session.store.scratch()? };
        for folder in ["build", "layer"] {
            let path = bench.scratch.path().join(folder);
            fs::create_dir(&path).map_err(|source| BuildError::Output { path, source })?;
        }
        Ok(bench)
    }

    /// Runs `job` on `bench`.
    ///
    /// # Errors
    /// [`BuildError::Sandbox`], [`BuildError::Step`], and what the disk says.
    pub fn run(&self, bench: Bench, job: Job<'_>) -> Result<Left, BuildError> {
        let Job {
            label,
            packages_of,
            key,
            roots,
            command,
            environment,
            directory,
            mut binds,
            time,
            longer,
            ownership,
        } = job;
        let build = bench.build();
        binds.push(Bind { source: build, target: format!("/{BUILD}"), writable: true });
        let directory = match directory {
            "" => format!("/{BUILD}"),
            inner => format!("/{BUILD}/{inner}"),
        };
        let perturbation = &self.session.perturbation;
        let disturbing = perturbation.variables.get(self.platform.as_str()).cloned().unwrap_or_default();
        let environment = fixed_environment().into_iter().chain(disturbing).chain(environment);
        let sandbox = Sandbox {
            program: self.session.programs.sandbox.clone(),
            root: roots,
            scratch: bench.scratch.path().join("layer"),
            command: command.into_iter().map(OsString::from).collect(),
            environment: environment.map(|(name, value)| (name.into(), value.into())).collect(),
            directory,
            binds,
            network: Network::None,
            user: 0,
            group: 0,
            host_name: "invar".to_owned(),
            limits: Limits {
                time: Some(time),
                memory: self.session.build_limits.memory,
                processes: Some(PROCESSES),
                file_size: Some(self.session.build_limits.disk),
                disk: Some(self.session.build_limits.disk),
                temporary: 8 << 30,
            },
            ownership,
            cpus: Some(CPUS),
            standard: StandardStreams::Lines,
            illusion: perturbation.illusion,
        };
        let log_path = bench.scratch.path().join("log");
        let mut log = Log::new(&log_path, self.session, label)?;
        self.session.reporter.event(&Event::StepStarted { label });
        let finished = invar_sandbox::run(&sandbox, &mut |bytes| log.take(bytes));
        let (mut lines, written) = log.finish();
        let CommandResult { status, owners } = finished
            .map_err(|source| BuildError::Sandbox { label: label.to_owned(), source: Box::new(source) })?;
        written.map_err(|source| BuildError::Output { path: log_path.clone(), source })?;
        let problem = match status {
            Status::Exited(0) => {
                self.session.reporter.event(&Event::StepFinished { label });
                return Ok(Left { bench, sandbox, owners });
            }
            Status::Exited(code) => format!("failed with exit code {code}"),
            Status::Signaled(signal) => format!("was ended by signal {signal}"),
            Status::TimedOut => format!("took longer than {time:?}"),
            Status::OutOfMemory => {
                let most = self.session.build_limits.memory.unwrap_or_default();
                format!("ran out of memory: it may use {}", Size(most))
            }
            Status::OutOfDisk => {
                format!("wrote too much: it may use {} of disk", Size(self.session.build_limits.disk))
            }
        };
        let log = self.keep_log(&log_path, label, &key)?;
        let kept = match self.session.keep_failed {
            true => Some(keep(bench, label, &key)?),
            false => None,
        };
        let hint = match status {
            Status::TimedOut => longer.map(str::to_owned),
            Status::OutOfMemory => Some(hints::MORE_MEMORY.to_owned()),
            Status::OutOfDisk => Some(hints::MORE_DISK.to_owned()),
            // A file that became larger than it may.
            Status::Signaled(signal) if signal == Signal::XFSZ.as_raw() => Some(hints::MORE_DISK.to_owned()),
            _ => hints::hint(self, &lines, packages_of.as_ref(), &sandbox.root),
        };
        let last_lines = lines.split_off(lines.len().saturating_sub(LAST_LINES));
        let label = label.to_owned();
        Err(BuildError::Step(Box::new(StepFailure { label, problem, last_lines, log, kept, hint })))
    }

    /// Moves the log to where it outlives the build folder.
    fn keep_log(&self, log: &Path, label: &str, key: &Key) -> Result<PathBuf, BuildError> {
        let folder = self.session.store.path().join("logs");
        let path = folder.join(format!("{}.log", file_name(label, key)));
        let moved = fs::create_dir_all(&folder).and_then(|()| fs::rename(log, &path));
        moved.map_err(|source| BuildError::Output { path: path.clone(), source })?;
        Ok(path)
    }
}

fn check_platform(platform: Platform, label: &str) -> Result<(), BuildError> {
    let machine = platform.machine();
    let host = std::env::consts::ARCH == machine.as_str();
    // An emulator that the kernel has opened beforehand (flag F of binfmt_misc) works in any root.
    let emulated = || {
        let path = format!("/proc/sys/fs/binfmt_misc/qemu-{machine}");
        fs::read_to_string(path).is_ok_and(|text| {
            let flags = text.lines().find_map(|line| line.strip_prefix("flags:"));
            text.starts_with("enabled") && flags.is_some_and(|flags| flags.contains('F'))
        })
    };
    if !host && !emulated() {
        return Err(BuildError::ForeignPlatform { label: label.to_owned(), platform });
    }
    Ok(())
}

/// Whether commands for `platform` can be run here.
///
/// # Errors
/// [`BuildError::ForeignPlatform`], [`BuildError::Sandbox`].
pub(crate) fn check(session: &Session<'_>, platform: Platform, label: &str) -> Result<(), BuildError> {
    check_platform(platform, label)?;
    invar_sandbox::available(&session.programs.sandbox)
        .map_err(|source| BuildError::Sandbox { label: label.to_owned(), source: Box::new(source) })
}

/// Keeps a failed build's files beside the store's, where whoever asked for them may look and delete.
fn keep(bench: Bench, label: &str, key: &Key) -> Result<PathBuf, BuildError> {
    let store = bench.scratch.path().ancestors().nth(2).unwrap_or(Path::new("/")).to_owned();
    let folder = store.join("failed");
    let path = folder.join(file_name(label, key));
    let failed = |source| BuildError::Output { path: path.clone(), source };
    fs::create_dir_all(&folder).map_err(failed)?;
    if path.exists() {
        fs::remove_dir_all(&path).map_err(failed)?;
    }
    bench.scratch.keep(&path).map_err(failed)?;
    Ok(path)
}

fn file_name(label: &str, key: &Key) -> String {
    let plain = |character: char| match character {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '-' => character,
        _ => '-',
    };
    let label: String = label.chars().map(plain).take(80).collect();
    format!("{}-{}", label.trim_matches(['-', '.']), &key.to_string()[..12])
}

/// What every command finds in its environment, whatever the host's is.
fn fixed_environment() -> BTreeMap<String, String> {
    let time = FILE_TIME.to_string();
    [
        ("PATH", SEARCH_PATH),
        ("HOME", "/root"),
        ("USER", "root"),
        ("LOGNAME", "root"),
        ("SHELL", "/bin/sh"),
        ("TERM", "dumb"),
        ("TMPDIR", "/tmp"),
        ("TZ", "UTC"),
        ("LANG", "C.UTF-8"),
        ("LC_ALL", "C.UTF-8"),
        ("SOURCE_DATE_EPOCH", time.as_str()),
        ("PYTHONHASHSEED", "0"),
        ("PYTHONDONTWRITEBYTECODE", "1"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}
