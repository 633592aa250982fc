//! A program of the image, as `run` and `shell` start it.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use invar_build::{BuildError, Environment, Mount, RunRequest, Session, StartFault};
use invar_run::RunError;
use invar_sandbox::{SandboxError, Status};

use crate::failure::Failure;
use crate::machine::variable;

/// A name as a host may have it (RFC 1123): the last part of the image's.
pub fn host_name(image: &str) -> String {
    let last = image.rsplit('/').next().unwrap_or(image);
    last.chars()
        .map(|character| if character.is_ascii_alphanumeric() { character } else { '-' })
        .take(63)
        .collect()
}

/// Starts the program, passes signals on, and waits for it. If it does not start, `explain` is asked why; `errors` gets what
/// it writes to standard error, if the request says so.
///
/// # Errors
/// [`Failure`].
pub fn start(
    session: &Session<'_>,
    place: &Environment,
    request: &RunRequest,
    explain: &dyn Fn(&str) -> Option<StartFault>,
    errors: &mut dyn FnMut(&[u8]),
) -> Result<ExitCode, Failure> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH};
    let mut signals =
        signal_hook::iterator::Signals::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH])
            .map_err(BuildError::Deliver)?;
    let started = place.start(session, request)?;
    let to_program = started.running.signals();
    std::thread::spawn(move || {
        for signal in signals.forever() {
            // The program may have ended by itself in the meantime.
            let _ = to_program.signal(signal);
        }
    });
    let finished = match started.wait(errors) {
        Ok(finished) => finished,
        Err(BuildError::Run(RunError::Sandbox { source, .. })) => match *source {
            // As shells and Docker say it.
            SandboxError::NotFound { ref program } => {
                return Err(Failure::of_program(127, &source.to_string(), explain(program)));
            }
            SandboxError::NotExecutable { ref program, .. } => {
                return Err(Failure::of_program(126, &source.to_string(), explain(program)));
            }
            _ => {
                let label = "running a program in the image".to_owned();
                return Err(BuildError::from(RunError::Sandbox { label, source }).into());
            }
        },
        Err(error) => return Err(error.into()),
    };
    Ok(match finished {
        Status::Exited(code) => code.into(),
        // As shells say it.
        Status::Signaled(signal) => u8::try_from(128 + signal).unwrap_or(u8::MAX).into(),
        Status::TimedOut | Status::OutOfMemory | Status::OutOfDisk => ExitCode::FAILURE,
    })
}

/// `NAME=VALUE`, or `NAME` for this machine's own value, as `docker run` has it.
///
/// # Errors
/// Where there is no name.
pub fn environment(given: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    let mut all = BTreeMap::new();
    for one in given {
        let (name, value) = match one.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (one.as_str(), variable(one)),
        };
        if name.is_empty() {
            return Err(Failure::input(format!("{one:?} is not of the form NAME=VALUE"), None));
        }
        if let Some(value) = value {
            all.insert(name.to_owned(), value);
        }
    }
    Ok(all)
}

/// `SOURCE:TARGET[:ro]`, as `docker run` has it.
///
/// # Errors
/// Where it is of another form, or there is nothing here.
pub fn mounts(given: &[String]) -> Result<Vec<Mount>, Failure> {
    let mount = |one: &String| {
        let wrong = |problem: &str| {
            let hint = "write --volume SOURCE:TARGET, or SOURCE:TARGET:ro for a read-only mount";
            Failure::input(format!("--volume {one}: {problem}"), Some(hint))
        };
        let mut parts = one.split(':');
        let (Some(here), Some(there)) = (parts.next(), parts.next()) else {
            return Err(wrong("the target is missing"));
        };
        let writable = match (parts.next(), parts.next()) {
            (None | Some("rw"), None) => true,
            (Some("ro"), None) => false,
            _ => return Err(wrong("the last part must be \"ro\" or \"rw\"")),
        };
        if !there.starts_with('/') {
            return Err(wrong("the target must be an absolute path"));
        }
        let source: PathBuf = std::fs::canonicalize(Path::new(here))
            .map_err(|error| wrong(&format!("cannot use {here}: {error}")))?;
        Ok(Mount { source, target: there.to_owned(), writable })
    };
    given.iter().map(mount).collect()
}
