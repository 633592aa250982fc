//! The user's uv, which resolves what builds need.
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use invar_python::{DistributionName, Target, UvLock, build_requirements_project};
use invar_realise::Event;

use crate::context::LockContext;
use crate::uv::uv_lock_command;
use crate::{BuildsError, LockError};

/// What may be built in order to build.
#[derive(Debug, Clone, Copy)]
pub(super) struct Builds<'a> {
    /// Nothing: only wheels are chosen.
    pub none: bool,
    /// Not these.
    pub without: &'a BTreeSet<DistributionName>,
}

/// Whether uv can be asked what the builds of `names` need.
///
/// # Errors
/// [`BuildsError::NoUv`].
pub(super) fn check(context: &LockContext<'_>, names: &[&str]) -> Result<(), LockError> {
    let none = |problem: String| LockError::from(BuildsError::NoUv { names: names.join(", "), problem });
    if context.sources.fetcher.is_offline() {
        return Err(none("--offline is set".to_owned()));
    }
    let mut command = Command::new(context.uv);
    let ran = command.arg("--version").stdin(Stdio::null()).output();
    let program = context.uv.display();
    match ran {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(none(format!("{program} does not work: {}", output.status))),
        Err(error) => Err(none(format!("cannot run {program}: {error}"))),
    }
}

/// Has uv resolve the requirements of builds, each for itself. The inner error is what uv says where it cannot.
///
/// # Errors
/// [`BuildsError::Uv`] where uv cannot be asked, and what the disk and the lock's reader say.
pub(super) fn lock(
    context: &LockContext<'_>,
    project: &Path,
    target: &Target,
    requires: &BTreeMap<DistributionName, Vec<String>>,
    builds: Builds<'_>,
) -> Result<Result<UvLock, String>, LockError> {
    let failed = |problem: String| LockError::from(BuildsError::Uv { problem });
    if context.sources.fetcher.is_offline() {
        return Err(failed("build requirements are not locked, and --offline is set".to_owned()));
    }
    let scratch = context.sources.store.scratch()?;
    let folder = scratch.path();
    let text = build_requirements_project(target.python.series(), requires);
    let text = with_indexes(&text, &fs::read_to_string(project.join("pyproject.toml")).unwrap_or_default());
    let pyproject = folder.join("pyproject.toml");
    fs::write(&pyproject, text).map_err(|source| BuildsError::Write { path: pyproject, source })?;
    let names: Vec<&str> = requires.keys().map(DistributionName::as_str).collect();
    // Wheels alone are tried first: a second attempt is the same work to whoever watches.
    if builds.none {
        context.sources.reporter.event(&Event::LockingBuilds { names: &names });
    }
    let output = uv_lock_command(context.uv, folder)
        .arg("--quiet")
        .args(builds.none.then_some("--no-build"))
        .args(builds.without.iter().flat_map(|name| ["--no-build-package", name.as_str()]))
        .output()
        .map_err(|error| {
            let program = context.uv.display();
            failed(format!(
                "cannot run {program}: {error}; install uv to resolve the build requirements of {}",
                names.join(", ")
            ))
        })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Ok(Err(said.trim().to_owned()));
    }
    let path = folder.join("uv.lock");
    let text =
        fs::read_to_string(&path).map_err(|source| BuildsError::Read { path: path.clone(), source })?;
    UvLock::parse(&text)
        .map(Ok)
        .map_err(|source| BuildsError::UvLock { path, source: Box::new(source) }.into())
}

/// `text`, a project's settings, with the indexes that `project` names: uv takes from there what builds need, as it takes
/// what is installed.
fn with_indexes(text: &str, project: &str) -> String {
    const KEYS: [&str; 5] = ["index", "index-url", "extra-index-url", "index-strategy", "exclude-newer"];
    let uv_of = |table: &toml::Table| table.get("tool")?.as_table()?.get("uv")?.as_table().cloned();
    let Some(given) = project.parse::<toml::Table>().ok().as_ref().and_then(uv_of) else {
        return text.to_owned();
    };
    let mut all: toml::Table = text.parse().expect("it was written a moment ago");
    let uv = all.get_mut("tool").and_then(|tool| tool.get_mut("uv")).and_then(toml::Value::as_table_mut);
    let uv = uv.expect("it was written a moment ago");
    for key in KEYS {
        if let Some(value) = given.get(key) {
            uv.insert(key.to_owned(), value.clone());
        }
    }
    all.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_of_the_project_are_used() {
        let text = "[project]\nname = \"x\"\n\n[tool.uv]\npackage = false\n";
        assert_eq!(with_indexes(text, ""), text);
        assert_eq!(with_indexes(text, "broken ="), text);
        let project = "[tool.uv]\nindex-strategy = \"first-index\"\nno-build = true\n[[tool.uv.index]]\nname = \"inner\"\n\
                       url = \"https://index.example/simple\"\n";
        let all: toml::Table = with_indexes(text, project).parse().expect("it is TOML");
        let uv = all["tool"]["uv"].as_table().expect("it is a table");
        assert_eq!(uv["index"][0]["url"].as_str(), Some("https://index.example/simple"));
        assert_eq!(uv.keys().collect::<Vec<_>>(), ["index", "index-strategy", "package"]);
    }
}
