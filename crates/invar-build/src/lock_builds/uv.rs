//! The user's uv, which resolves what builds need.
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::{Command, Stdio};

use invar_python::{DistributionName, Target, UvLock, build_requirements_project};

use crate::{BuildError, Event, Session};

/// What may be built in order to build.
#[derive(Debug, Clone, Copy)]
pub(super) struct Builds<'a> {
    /// Nothing: only wheels are chosen.
    pub none: bool,
    /// Not these.
    pub without: &'a BTreeSet<DistributionName>,
}

/// Has uv resolve the requirements of builds, each for itself. The inner error is what uv says where it cannot.
///
/// # Errors
/// [`BuildError::Uv`] where uv cannot be asked, and what the disk and the lock's reader say.
pub(super) fn lock(
    session: &Session<'_>,
    target: &Target,
    requires: &BTreeMap<DistributionName, Vec<String>>,
    builds: Builds<'_>,
) -> Result<Result<UvLock, String>, BuildError> {
    let failed = |problem: String| BuildError::Uv { problem };
    if session.offline {
        return Err(failed(
            "what builds need is not locked, and --offline forbids to find it out".to_owned(),
        ));
    }
    let scratch = session.store.scratch()?;
    let folder = scratch.path();
    let text = build_requirements_project(target.python.series(), requires, builds.none, builds.without);
    let pyproject = folder.join("pyproject.toml");
    fs::write(&pyproject, text).map_err(|source| BuildError::Output { path: pyproject, source })?;
    let names: Vec<&str> = requires.keys().map(DistributionName::as_str).collect();
    session.reporter.event(&Event::LockingBuilds { names: &names });
    let output = Command::new(&session.programs.uv)
        .args(["lock", "--quiet", "--no-progress", "--color", "never"])
        .current_dir(folder)
        .env_remove("VIRTUAL_ENV")
        .env_remove("UV_PROJECT")
        .env_remove("UV_FROZEN")
        .env_remove("UV_LOCKED")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| {
            let program = session.programs.uv.display();
            failed(format!(
                "cannot run {program}: {error}; uv resolves what {} needs to be built: install it",
                names.join(", ")
            ))
        })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Ok(Err(said.trim().to_owned()));
    }
    let path = folder.join("uv.lock");
    let text = fs::read_to_string(&path).map_err(|source| BuildError::Read { path: path.clone(), source })?;
    UvLock::parse(&text).map(Ok).map_err(|source| BuildError::UvLock { path, source: Box::new(source) })
}
