//! Runs a command, and says what may help where it fails.
use std::fs;

use invar_realise::{Event, sink_failure};
use invar_sandbox::Status;
use rustix::process::Signal;

use crate::RunError;
use crate::context::{BuildContext, not_run};
use crate::executor::{Command, Limits, OutputError, Outputs};
use crate::failure::{Size, StepFailure};
use crate::hints::{self, PackagesOf};
use crate::log::Log;

/// How many of its last lines a failure shows.
pub const LAST_LINES: usize = 20;

/// What to say where a command fails.
#[derive(Debug, Default)]
pub struct Advice {
    /// Whose `packages` of the manifest it finds.
    pub packages_of: Option<PackagesOf>,
    /// What gives it more time, as a sentence.
    pub longer: Option<&'static str>,
}

impl BuildContext<'_> {
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

/// How a command ended that failed, as the end of a sentence.
fn problem(status: Status, limits: &Limits) -> String {
    match status {
        Status::Exited(code) => format!("failed with exit code {code}"),
        Status::Signaled(signal) => format!("was killed by signal {signal}"),
        Status::TimedOut => format!("took longer than {:?}", limits.time),
        Status::OutOfMemory => {
            format!("ran out of memory: the limit is {}", Size(limits.memory.unwrap_or_default()))
        }
        Status::OutOfDisk => format!("wrote too much: the limit is {} of disk", Size(limits.disk)),
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
