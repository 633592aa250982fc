//! What commands are run with.

use invar_checkout::ProjectFiles;
use invar_project::{InvarLock, Platform};
use invar_realise::{RealiseError, Sources, snapshot_times};

use crate::RunError;
use crate::executor::{Executor, ExecutorError, Limits};

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

impl<'a> BuildContext<'a> {
    /// The moments at which the snapshot service has the packages of `suite`.
    pub fn times(&self, suite: &str) -> Vec<String> {
        let found = self.lock.suites.iter().find(|(name, _)| name.as_str() == suite);
        found.map(|(_, suite)| snapshot_times(suite.date)).unwrap_or_default()
    }

    pub(crate) fn executor(&self) -> &'a dyn Executor {
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

/// That `label` could not be run.
pub(crate) fn not_run(label: &str, error: ExecutorError) -> RunError {
    match error {
        ExecutorError::Sandbox(source) => RunError::Sandbox { label: label.to_owned(), source },
        ExecutorError::Contents(source) => RealiseError::Write(source).into(),
        ExecutorError::Disk { path, source } => RunError::Disk { path, source },
        ExecutorError::Store(error) => error.into(),
    }
}
