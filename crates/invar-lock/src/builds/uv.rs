//! The user's uv, which resolves what builds need.
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use invar_checkout::UV_TOML;
use invar_python::{DistributionName, Target, Treatment, UV_SETTINGS, UvLock, build_requirements_project};
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
    let text = with_settings(&text, project);
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

/// `text`, a project's settings, with those of the project in the folder `project` that matter for what builds get: uv
/// takes from the same indexes what they need and what is installed, and `build-constraint-dependencies` limit the versions.
fn with_settings(text: &str, project: &Path) -> String {
    let table = |name: &str| -> Option<toml::Table> {
        fs::read_to_string(project.join(name)).ok()?.parse::<toml::Table>().ok()
    };
    let of_project = table("pyproject.toml").and_then(|file| {
        let uv = file.get("tool")?.as_table()?.get("uv")?.as_table()?.clone();
        Some(uv)
    });
    // As uv has it, the one file takes the place of the other.
    let given = table(UV_TOML).or_else(|| of_project.clone()).unwrap_or_default();
    let mut of_project = of_project.unwrap_or_default();
    let constraints = of_project.remove("build-constraint-dependencies");
    let sources = of_project.get("sources").and_then(of_indexes);
    let passed = UV_SETTINGS.iter().filter(|setting| {
        const ALSO: [&str; 3] = ["dependency-metadata", "exclude-newer", "exclude-newer-package"];
        setting.treatment == Treatment::Passed || ALSO.contains(&setting.key)
    });
    let passed: Vec<(String, toml::Value)> = passed
        .filter_map(|setting| {
            Some((setting.key.to_owned(), absolute(setting.key, given.get(setting.key)?, project)))
        })
        .collect();
    if passed.is_empty() && constraints.is_none() && sources.is_none() {
        return text.to_owned();
    }
    let mut all: toml::Table = text.parse().expect("it was written a moment ago");
    let uv = all.get_mut("tool").and_then(|tool| tool.get_mut("uv")).and_then(toml::Value::as_table_mut);
    let uv = uv.expect("it was written a moment ago");
    uv.extend(passed);
    uv.extend(sources.map(|sources| ("sources".to_owned(), sources)));
    if let Some(constraints) = constraints {
        for key in ["constraint-dependencies", "build-constraint-dependencies"] {
            uv.insert(key.to_owned(), constraints.clone());
        }
    }
    all.to_string()
}

/// The sources in `sources` that are indexes, of what is not for an extra or group alone: those that builds can have too.
fn of_indexes(sources: &toml::Value) -> Option<toml::Value> {
    let is_index = |source: &toml::Value| {
        let has = |key| source.get(key).is_some();
        has("index") && !has("extra") && !has("group")
    };
    let kept = sources.as_table()?.iter().filter_map(|(name, source)| {
        let all = match source {
            toml::Value::Array(all) => all.clone(),
            one => vec![one.clone()],
        };
        let all: Vec<toml::Value> = all.into_iter().filter(is_index).collect();
        (!all.is_empty()).then(|| (name.clone(), toml::Value::Array(all)))
    });
    let kept: toml::Table = kept.collect();
    (!kept.is_empty()).then_some(toml::Value::Table(kept))
}

/// The value of `key`, in which directories are named from the root: uv is run elsewhere.
fn absolute(key: &str, value: &toml::Value, project: &Path) -> toml::Value {
    let is_place = matches!(key, "index-url" | "extra-index-url" | "find-links" | "url");
    match value {
        toml::Value::String(text) if is_place && !text.contains("://") && !text.starts_with('/') => {
            match std::path::absolute(project.join(text)) {
                Ok(path) => toml::Value::String(path.to_string_lossy().into_owned()),
                Err(_) => value.clone(),
            }
        }
        toml::Value::Array(items) => {
            items.iter().map(|item| absolute(key, item, project)).collect::<Vec<_>>().into()
        }
        toml::Value::Table(table) if key == "index" => {
            let entries = table.iter().map(|(key, value)| (key.clone(), absolute(key, value, project)));
            toml::Value::Table(entries.collect())
        }
        value => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of `[tool.uv]` where the project's folder has these files.
    fn settings(files: &[(&str, &str)]) -> toml::Table {
        let folder = tempfile::tempdir().expect("a folder can be made");
        for (name, text) in files {
            fs::write(folder.path().join(name), text).expect("it can be written");
        }
        let text = "[project]\nname = \"x\"\n\n[tool.uv]\npackage = false\n";
        let all: toml::Table = with_settings(text, folder.path()).parse().expect("it is TOML");
        let mut uv = all["tool"]["uv"].as_table().expect("it is a table").clone();
        assert_eq!(uv.remove("package"), Some(toml::Value::Boolean(false)));
        let links = uv.get_mut("find-links").and_then(toml::Value::as_array_mut);
        for link in links.into_iter().flatten() {
            let place = folder.path().to_string_lossy().into_owned();
            *link = toml::Value::String(link.as_str().expect("it is a text").replace(&place, "FOLDER"));
        }
        uv
    }

    #[test]
    fn settings_of_the_project_are_used() {
        assert!(settings(&[]).is_empty());
        assert!(settings(&[("pyproject.toml", "broken =")]).is_empty());
        let project = "[tool.uv]\nindex-strategy = \"first-index\"\nno-build = true\nfind-links = [\"wheels\", \
                       \"https://a.example\", \"/srv\"]\n[[tool.uv.index]]\nname = \"inner\"\n\
                       url = \"https://index.example/simple\"\n";
        let uv = settings(&[("pyproject.toml", project)]);
        assert_eq!(uv["index"][0]["url"].as_str(), Some("https://index.example/simple"));
        assert_eq!(uv.keys().collect::<Vec<_>>(), ["find-links", "index", "index-strategy"]);
        let links = [0, 1, 2].map(|link| uv["find-links"][link].as_str().expect("it is a text"));
        assert_eq!(links, ["FOLDER/wheels", "https://a.example", "/srv"]);
    }

    #[test]
    fn indexes_of_single_packages_are_used() {
        let project = "[tool.uv.sources]\na = { index = \"x\" }\nb = { path = \"../b\" }\n\
                       c = [{ index = \"x\", marker = \"os_name == 'posix'\" }, { index = \"y\", extra = \"z\" }]\n";
        let uv = settings(&[("pyproject.toml", project)]);
        let sources = uv["sources"].as_table().expect("it is a table");
        assert_eq!(sources.keys().collect::<Vec<_>>(), ["a", "c"]);
        assert_eq!(sources["c"].as_array().map(Vec::len), Some(1));
        assert!(settings(&[("pyproject.toml", "[tool.uv.sources]\nb = { workspace = true }\n")]).is_empty());
    }

    #[test]
    fn constraints_of_builds_limit_what_is_locked() {
        let project = "[tool.uv]\nindex-url = \"https://a.example\"\nconstraint-dependencies = [\"other<2\"]\n\
                       build-constraint-dependencies = [\"setuptools<70\"]\n";
        let uv = settings(&[("pyproject.toml", project)]);
        let constraint = |key: &str| uv[key][0].as_str().map(str::to_owned);
        assert_eq!(constraint("constraint-dependencies").as_deref(), Some("setuptools<70"));
        assert_eq!(constraint("build-constraint-dependencies").as_deref(), Some("setuptools<70"));
        // uv.toml takes the place of all but these.
        let file = "index-url = \"https://b.example\"\nbuild-constraint-dependencies = [\"setuptools<60\"]\n";
        let uv = settings(&[("pyproject.toml", project), ("uv.toml", file)]);
        assert_eq!(uv["index-url"].as_str(), Some("https://b.example"));
        assert_eq!(uv["constraint-dependencies"][0].as_str(), Some("setuptools<70"));
    }
}
