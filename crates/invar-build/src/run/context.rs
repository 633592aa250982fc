//! What commands are run with, and what becomes of a failure.
use std::fs;

use invar_checkout::ProjectFiles;
use invar_project::{InvarLock, Platform};
use invar_realise::{Event, sink_failure, snapshot_times};
use invar_sandbox::Status;
use rustix::process::Signal;

use crate::run::executor::{Command, Executor, ExecutorError, Limits, OutputError, Outputs};
use crate::run::failure::{Size, StepFailure};
use crate::run::hints::{self, PackagesOf};
use crate::run::log::Log;
use crate::{BuildError, Session};

/// How many of its last lines a failure shows.
pub(crate) const LAST_LINES: usize = 20;

/// How many processes and threads one build may have at once.
const PROCESSES: u64 = 4096;

/// The project that things are built for, and what they are built with.
#[derive(Clone, Copy)]
pub(crate) struct BuildContext<'a> {
    pub session: &'a Session<'a>,
    pub files: &'a ProjectFiles,
    pub lock: &'a InvarLock,
    pub platform: Platform,
}

/// What to say where a command fails.
#[derive(Debug, Default)]
pub(crate) struct Advice {
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
        &*self.session.executor
    }

    /// Whether programs of the platform can be run.
    ///
    /// # Errors
    /// [`BuildError::ForeignPlatform`].
    pub fn check_platform(&self, label: &str) -> Result<(), BuildError> {
        match self.executor().runs(self.platform) {
            true => Ok(()),
            false => Err(BuildError::ForeignPlatform { label: label.to_owned(), platform: self.platform }),
        }
    }

    /// Whether commands can be run, before anything is fetched for one.
    ///
    /// # Errors
    /// [`BuildError::ForeignPlatform`], [`BuildError::Sandbox`].
    pub fn check(&self, label: &str) -> Result<(), BuildError> {
        self.check_platform(label)?;
        self.executor().check().map_err(|error| not_run(label, error))
    }

    /// What a command may use up that may take `time`.
    pub fn limits(&self, time: std::time::Duration) -> Limits {
        let given = &self.session.build_limits;
        Limits { time, memory: given.memory, disk: given.disk, processes: PROCESSES }
    }

    /// Runs `command`.
    ///
    /// # Errors
    /// [`BuildError::Sandbox`], [`BuildError::Step`], and what the disk says.
    pub fn run(&self, command: &Command<'_>, advice: &Advice) -> Result<Outputs, BuildError> {
        let label = command.label;
        let scratch = self.session.store.scratch()?;
        let log_path = scratch.path().join("log");
        let mut log = Log::new(&log_path, self.session.reporter, label)?;
        self.session.reporter.event(&Event::StepStarted { label });
        let ran = self.executor().run(command, &mut |bytes| log.take(bytes));
        let (mut lines, written) = log.finish();
        let outputs = ran.map_err(|error| not_run(label, error))?;
        written.map_err(|source| BuildError::Output { path: log_path.clone(), source })?;
        let status = outputs.status;
        if status == Status::Exited(0) {
            self.session.reporter.event(&Event::StepFinished { label });
            return Ok(outputs);
        }
        let log = self.session.store.path().join("logs").join(format!("{}.log", command.file_name()));
        let moved =
            fs::create_dir_all(log.parent().unwrap_or(&log)).and_then(|()| fs::rename(&log_path, &log));
        moved.map_err(|source| BuildError::Output { path: log.clone(), source })?;
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
        Err(BuildError::Step(Box::new(StepFailure { label, problem, last_lines, log, kept, hint })))
    }
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
fn not_run(label: &str, error: ExecutorError) -> BuildError {
    match error {
        ExecutorError::Sandbox(source) => BuildError::Sandbox { label: label.to_owned(), source },
        ExecutorError::Contents(source) => BuildError::Write(source),
        ExecutorError::Disk { path, source } => BuildError::Output { path, source },
        ExecutorError::Store(error) => BuildError::Store(error),
    }
}

/// That what `label` left at `place` cannot be used.
pub(crate) fn unusable(label: &str, place: &str, error: OutputError) -> BuildError {
    let label = label.to_owned();
    match error {
        OutputError::Missing => BuildError::NoOutput { label, output: place.to_owned() },
        OutputError::Capture(source) => BuildError::Capture { label, source },
        OutputError::Sink(error) => sink_failure(error).into(),
    }
}
