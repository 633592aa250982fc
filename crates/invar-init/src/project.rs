//! What a uv project is, as far as its files show it: what its image runs, and what it needs.
mod application;

use std::collections::{BTreeMap, BTreeSet};

use toml::Table;

use crate::draft::{Draft, Source};
use crate::needs::need;

/// What is known of a project.
#[derive(Debug, Clone, Copy)]
pub struct ProjectView<'a> {
    /// The text of `pyproject.toml`.
    pub pyproject: &'a str,
    /// The text of `uv.lock`, if there is one.
    pub uv_lock: Option<&'a str>,
    /// The project's files, each relative to its folder with `/` between names; Python files with their text.
    pub files: &'a BTreeMap<String, Option<String>>,
}

/// The parts of `pyproject.toml` and `uv.lock` that matter here.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// The project's normalised name.
    pub name: String,
    /// Names of the programs that the project installs.
    pub scripts: Vec<String>,
    /// Whether the project is installed as a package.
    pub is_package: bool,
    /// The normalised names of all packages of `uv.lock`, or of the direct dependencies where there is none.
    pub packages: BTreeSet<String>,
    /// The normalised names of those packages that have no wheel at all.
    pub without_wheels: BTreeSet<String>,
}

/// The smallest manifest for `view` that can be expected to work; with its command, if that `is_wanted`.
///
/// # Errors
/// What the TOML reader says of `pyproject.toml` or `uv.lock`, with the file's name.
pub fn read_project(
    view: &ProjectView<'_>,
    is_wanted: bool,
) -> Result<Draft, (&'static str, toml::de::Error)> {
    let facts = Facts::read(view)?;
    let mut draft = Draft::default();
    add_needs(&mut draft, &facts);
    if is_wanted {
        application::add_command(&mut draft, &facts, view.files);
    }
    Ok(draft)
}

/// The Debian packages that the project's Python packages are known to need.
pub(crate) fn add_needs(draft: &mut Draft, facts: &Facts) {
    for name in &facts.packages {
        let Some(need) = need(name) else { continue };
        draft.packages.extend(need.run().map(str::to_owned));
        if facts.without_wheels.contains(name) {
            let packages: Vec<&str> = need.build().collect();
            if !packages.is_empty() {
                draft.overrides.entry(name.clone()).or_default().set("packages", packages);
            }
        }
    }
    let unknown = facts.without_wheels.iter().filter(|name| need(name).is_none());
    for name in unknown {
        let source = Source { file: "uv.lock", line: 0 };
        let why = format!(
            "has no wheel and is built from source; if that needs a compiler, add \
             python.overrides.{name}.packages = [\"gcc\", \"libc6-dev\"]"
        );
        draft.note(source, name, why);
    }
}

impl Facts {
    pub(crate) fn read(view: &ProjectView<'_>) -> Result<Self, (&'static str, toml::de::Error)> {
        let document: Table = toml::from_str(view.pyproject).map_err(|error| ("pyproject.toml", error))?;
        let mut facts = Self::default();
        let project = document.get("project").and_then(|value| value.as_table());
        let text = |table: &Table, key: &str| Some(table.get(key)?.as_str()?.to_owned());
        if let Some(project) = project {
            facts.name = normalise(&text(project, "name").unwrap_or_default());
            let scripts = project.get("scripts").and_then(|value| value.as_table());
            facts.scripts = scripts.into_iter().flat_map(|table| table.keys().cloned()).collect();
            let dependencies = project.get("dependencies").and_then(|value| value.as_array());
            let names = dependencies.into_iter().flatten().filter_map(|value| value.as_str());
            facts.packages = names.map(requirement_name).collect();
        }
        let uv = document.get("tool").and_then(|tool| tool.get("uv"));
        let package = uv.and_then(|uv| uv.get("package")).and_then(|value| value.as_bool());
        facts.is_package = package.unwrap_or(document.contains_key("build-system"));
        if let Some(lock) = view.uv_lock {
            let lock: Table = toml::from_str(lock).map_err(|error| ("uv.lock", error))?;
            facts.add_lock(&lock);
        }
        Ok(facts)
    }

    /// What the project needs at run time: `uv.lock` also has the packages of groups and extras, which are left out
    /// here as they are by default in an image.
    fn add_lock(&mut self, lock: &Table) {
        let packages = lock.get("package").and_then(|value| value.as_array());
        let mut by_name: BTreeMap<&str, &Table> = BTreeMap::new();
        for package in packages.into_iter().flatten().filter_map(|value| value.as_table()) {
            if let Some(name) = package.get("name").and_then(|value| value.as_str()) {
                by_name.insert(name, package);
            }
        }
        let dependencies = |package: &Table| -> Vec<String> {
            let list = package.get("dependencies").and_then(|value| value.as_array());
            let names = list.into_iter().flatten().filter_map(|value| value.get("name")?.as_str());
            names.map(str::to_owned).collect()
        };
        let mut open: Vec<String> = self.packages.iter().cloned().collect();
        open.push(self.name.clone());
        let mut seen = BTreeSet::new();
        while let Some(name) = open.pop() {
            if !seen.insert(name.clone()) {
                continue;
            }
            let Some(package) = by_name.get(name.as_str()) else { continue };
            open.extend(dependencies(package));
            if name == self.name {
                continue;
            }
            let from_registry = package.get("source").is_some_and(|source| source.get("registry").is_some());
            let wheels = package.get("wheels").and_then(|value| value.as_array());
            if from_registry && wheels.is_none_or(|wheels| wheels.is_empty()) {
                self.without_wheels.insert(name.clone());
            }
            self.packages.insert(name);
        }
    }

    /// Whether the project has the Python package `name`.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.packages.contains(name)
    }
}

/// The normalised name of the distribution that a requirement (PEP 508) begins with.
fn requirement_name(requirement: &str) -> String {
    let end = requirement
        .find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | '.'))
        .unwrap_or(requirement.len());
    normalise(&requirement[..end])
}

/// PEP 503's normal form of a name.
fn normalise(name: &str) -> String {
    let mut normal = String::with_capacity(name.len());
    for character in name.trim().chars() {
        match character {
            '-' | '_' | '.' if normal.ends_with('-') => {}
            '-' | '_' | '.' => normal.push('-'),
            other => normal.push(other.to_ascii_lowercase()),
        }
    }
    normal
}

#[cfg(test)]
mod tests;
