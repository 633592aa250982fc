//! What commands are run with, and what becomes of a failure.
use std::fs;

use invar_checkout::ProjectFiles;
use invar_project::{InvarLock, Platform};
use invar_realise::{Event, RealiseError, Sources, sink_failure, snapshot_times};
use invar_sandbox::Status;
use rustix::process::Signal;

use crate::RunError;
use crate::executor::{Command, Executor, ExecutorError, Limits, OutputError, Outputs};
use crate::failure::{Size, StepFailure};
use crate::hints::{self, PackagesOf};
use crate::log::Log;

/// How many of its last lines a failure shows.
pub const LAST_LINES: usize = 20;

/// How many processes and threads one build may have at once.
const PROCESSES: u64 = 4096;

/// What runs commands, and within what limits.
pub struct Runner<'a> {
    /// What runs them.
    pub executor: Box<dyn Executor + 'a>,
    /// What one of them may use up.
    pub limits: RunLimits,
}

/// What one command may use up while something is built. No limit changes what is built: a command that comes to one has
/// failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunLimits {
    /// How many bytes of memory, `/tmp` included. Held only where a control group can be made that counts memory.
    pub memory: Option<u64>,
    /// How many bytes of disk, its inputs included.
    pub disk: u64,
}

/// The project that things are built for, and what they are built with.
#[derive(Clone, Copy)]
pub struct BuildContext<'a> {
    /// Where files come from and where they are kept.
    pub sources: &'a Sources<'a>,
    /// What runs commands.
    pub runner: &'a Runner<'a>,
    /// The project.
    pub files: &'a ProjectFiles,
    /// Its lock.
    pub lock: &'a InvarLock,
    /// What is built for.
    pub platform: Platform,
}

/// What to say where a command fails.
#[derive(Debug, Default)]
pub struct Advice {
    /// Whose `packages` of the manifest it finds.
    pub packages_of: Option<PackagesOf>,
    /// What gives it more time, as a sentence.
    pub longer: Option<&'static str>,
}

impl<'a> BuildContext<'a> {
    /// The moments at which the snapshot service has the packages of `suite`.
    pub fn times(&self, suite: &str) -> Vec<String> {
        let found = self.lock.suites.iter().find(|(name, _)| name.as_str() == suite);
        found.map(|(_, suite)| snapshot_times(suite.date)).unwrap_or_default()
    }

    fn executor(&self) -> &'a dyn Executor {
        &*self.runner.executor
    }

    /// Whether programs of the platform can be run.
    ///
    /// # Errors
    /// [`RunError::ForeignPlatform`].
    pub fn check_platform(&self, label: &str) -> Result<(), RunError> {
        check_platform(self.runner, self.platform, label)
    }

    /// Whether commands can be run, before anything is fetched for one.
    ///
    /// # Errors
    /// [`RunError::ForeignPlatform`], [`RunError::Sandbox`].
    pub fn check(&self, label: &str) -> Result<(), RunError> {
        check_runner(self.runner, self.platform, label)
    }

    /// What a command may use up that may take `time`.
    pub fn limits(&self, time: std::time::Duration) -> Limits {
        let given = &self.runner.limits;
        Limits { time, memory: given.memory, disk: given.disk, processes: PROCESSES }
    }

    /// Runs `command`.
    ///
    /// # Errors
    /// [`RunError::Sandbox`], [`RunError::Step`], and what the disk says.
    pub fn run(&self, command: &Command<'_>, advice: &Advice) -> Result<Outputs, RunError> {
        let label = command.label;
        let scratch = self.sources.store.scratch()?;
        let log_path = scratch.path().join("log");
        let mut log = Log::new(&log_path, self.sources.reporter, label)?;
        self.sources.reporter.event(&Event::StepStarted { label });
        let ran = self.executor().run(command, &mut |bytes| log.take(bytes));
        let (mut lines, written) = log.finish();
        let outputs = ran.map_err(|error| not_run(label, error))?;
        written.map_err(|source| RunError::Disk { path: log_path.clone(), source })?;
        let status = outputs.status;
        if status == Status::Exited(0) {
            self.sources.reporter.event(&Event::StepFinished { label });
            return Ok(outputs);
        }
        let log = self.sources.store.path().join("logs").join(format!("{}.log", command.file_name()));
        let moved =
            fs::create_dir_all(log.parent().unwrap_or(&log)).and_then(|()| fs::rename(&log_path, &log));
        moved.map_err(|source| RunError::Disk { path: log.clone(), source })?;
        let hint = match status {
            Status::TimedOut => advice.longer.map(str::to_owned),
            Status::OutOfMemory => Some(hints::MORE_MEMORY.to_owned()),
            Status::OutOfDisk => Some(hints::MORE_DISK.to_owned()),
            // A file that became larger than it may.
            Status::Signaled(signal) if signal == Signal::XFSZ.as_raw() => Some(hints::MORE_DISK.to_owned()),
            _ => hints::hint(self, &lines, advice.packages_of.as_ref(), &command.root),
        };
        let last_lines = lines.split_off(lines.len().saturating_sub(LAST_LINES));
        let (label, problem) = (label.to_owned(), problem(status, &command.limits));
        let kept = outputs.kept;
        Err(RunError::Step(Box::new(StepFailure { label, problem, last_lines, log, kept, hint })))
    }
}

fn check_platform(runner: &Runner<'_>, platform: Platform, label: &str) -> Result<(), RunError> {
    match runner.executor.runs(platform) {
        true => Ok(()),
        false => Err(RunError::ForeignPlatform { label: label.to_owned(), platform }),
    }
}

/// Whether commands for `platform` can be run.
///
/// # Errors
/// [`RunError::ForeignPlatform`], [`RunError::Sandbox`].
pub(crate) fn check_runner(runner: &Runner<'_>, platform: Platform, label: &str) -> Result<(), RunError> {
    check_platform(runner, platform, label)?;
    runner.executor.check().map_err(|error| not_run(label, error))
}

/// How a command ended that failed, as the end of a sentence.
fn problem(status: Status, limits: &Limits) -> String {
    match status {
        Status::Exited(code) => format!("failed with exit code {code}"),
        Status::Signaled(signal) => format!("was ended by signal {signal}"),
        Status::TimedOut => format!("took longer than {:?}", limits.time),
        Status::OutOfMemory => {
            format!("ran out of memory: it may use {}", Size(limits.memory.unwrap_or_default()))
        }
        Status::OutOfDisk => format!("wrote too much: it may use {} of disk", Size(limits.disk)),
    }
}

/// That `label` could not be run.
fn not_run(label: &str, error: ExecutorError) -> RunError {
    match error {
        ExecutorError::Sandbox(source) => RunError::Sandbox { label: label.to_owned(), source },
        ExecutorError::Contents(source) => RealiseError::Write(source).into(),
        ExecutorError::Disk { path, source } => RunError::Disk { path, source },
        ExecutorError::Store(error) => error.into(),
    }
}

/// That what `label` left at `place` cannot be used.
pub fn unusable(label: &str, place: &str, error: OutputError) -> RunError {
    let label = label.to_owned();
    match error {
        OutputError::Missing => RunError::NoOutput { label, output: place.to_owned() },
        OutputError::Capture(source) => RunError::Capture { label, source },
        OutputError::Sink(error) => sink_failure(error).into(),
    }
}
