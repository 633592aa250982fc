//! What the preludes are told about the project: its workspaces by their locks, its projects, its inputs.
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::files::{PROJECT, ProjectFiles};
use crate::input::{Input, default_python};
use crate::lock::FlakeLock;

/// What is read of a `uv.lock`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Lock {
    requires_python: String,
    package: Vec<LockedPackage>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct LockedPackage {
    name: String,
    version: Option<String>,
    source: LockedSource,
    optional_dependencies: BTreeMap<String, toml::Value>,
    dev_dependencies: BTreeMap<String, toml::Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct LockedSource {
    editable: Option<String>,
    r#virtual: Option<String>,
    directory: Option<String>,
}

/// What is read of a `pyproject.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Pyproject {
    project: ProjectTable,
    build_system: BuildSystem,
    dependency_groups: BTreeMap<String, Vec<toml::Value>>,
    tool: Tool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct ProjectTable {
    name: Option<String>,
    version: Option<String>,
    requires_python: Option<String>,
    dependencies: Vec<String>,
    optional_dependencies: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct BuildSystem {
    requires: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Tool {
    uv: Uv,
    poetry: Poetry,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Uv {
    default_groups: Option<toml::Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Poetry {
    name: Option<String>,
    version: Option<String>,
    dependencies: BTreeMap<String, toml::Value>,
}

/// A project's name as package indexes have it (PEP 503).
pub(crate) fn normalize(name: &str) -> String {
    let parts = name.split(['-', '_', '.']).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-").to_ascii_lowercase()
}

/// The names of what requirements ask for.
fn required(requirements: &[String]) -> Vec<String> {
    let name = |requirement: &String| {
        let requirement = requirement.trim();
        let end = requirement.find(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c));
        normalize(&requirement[..end.unwrap_or(requirement.len())])
    };
    requirements.iter().map(name).filter(|name| !name.is_empty()).collect()
}

/// `relative` below `directory`, without `.` and `..`.
fn below(directory: &str, relative: &str) -> String {
    let mut parts: Vec<&str> = directory.split('/').collect();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => _ = parts.pop(),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn project(pyproject: &Pyproject) -> Value {
    let table = &pyproject.project;
    let poetry = &pyproject.tool.poetry;
    let mut dependencies = required(&table.dependencies);
    dependencies
        .extend(poetry.dependencies.keys().filter(|name| *name != "python").map(|name| normalize(name)));
    let groups: BTreeMap<&String, Vec<String>> = pyproject
        .dependency_groups
        .iter()
        .map(|(name, items)| {
            let texts = items.iter().filter_map(|item| item.as_str().map(str::to_owned));
            (name, required(&texts.collect::<Vec<_>>()))
        })
        .collect();
    let extras: BTreeMap<&String, Vec<String>> =
        table.optional_dependencies.iter().map(|(name, items)| (name, required(items))).collect();
    json!({
        "name": table.name.as_ref().or(poetry.name.as_ref()).map_or_else(|| "project".to_owned(), |name| name.clone()),
        "version": table.version.as_ref().or(poetry.version.as_ref()).map_or("0", String::as_str),
        "requires-python": table.requires_python.as_deref().unwrap_or_default(),
        "dependencies": dependencies,
        "optional-dependencies": extras,
        "dependency-groups": groups,
        "build-systems": required(&pyproject.build_system.requires),
    })
}

fn member(package: &LockedPackage, directory: &str, pyproject: Option<&Pyproject>) -> Value {
    let groups: Vec<&String> = package.dev_dependencies.keys().collect();
    // As uv2nix has it: the groups of `tool.uv.default-groups`, and none if it does not name any.
    let default_groups = match pyproject.and_then(|pyproject| pyproject.tool.uv.default_groups.as_ref()) {
        Some(toml::Value::Array(names)) => names.iter().filter_map(toml::Value::as_str).collect(),
        Some(_) => groups.iter().map(|name| name.as_str()).collect(),
        None => Vec::new(),
    };
    json!({
        "folder": directory,
        "extras": package.optional_dependencies.keys().collect::<Vec<_>>(),
        "groups": groups,
        "default-groups": default_groups,
    })
}

fn workspace(directory: &str, lock: &Lock, projects: &BTreeMap<&str, Pyproject>) -> Value {
    let mut members = serde_json::Map::new();
    let mut packages = Vec::new();
    for package in &lock.package {
        let source = &package.source;
        let local = source.editable.as_ref().or(source.r#virtual.as_ref());
        let place = local.or(source.directory.as_ref()).map(|path| below(directory, path));
        let pyproject = place.as_deref().and_then(|place| projects.get(place));
        if let (Some(_), Some(place)) = (local, &place) {
            members.insert(package.name.clone(), member(package, place, pyproject));
        }
        let version = package.version.clone().or_else(|| pyproject?.project.version.clone());
        packages.push(json!({ "name": package.name, "version": version, "folder": place }));
    }
    json!({ "packages": packages, "members": members, "requires-python": lock.requires_python, "locked": true })
}

/// A workspace that has no lock yet: its own project.
fn unlocked(directory: &str, pyproject: &Pyproject) -> Option<Value> {
    let name = normalize(pyproject.project.name.as_deref()?);
    let package = LockedPackage {
        optional_dependencies: pyproject
            .project
            .optional_dependencies
            .keys()
            .map(|name| (normalize(name), toml::Value::Boolean(true)))
            .collect(),
        dev_dependencies: pyproject
            .dependency_groups
            .keys()
            .map(|name| (normalize(name), toml::Value::Boolean(true)))
            .collect(),
        ..LockedPackage::default()
    };
    // What is asked for will be in the lock, and overlays change it already.
    let project = &pyproject.project;
    let groups =
        pyproject.dependency_groups.values().flatten().filter_map(toml::Value::as_str).map(str::to_owned);
    let mut wanted = required(&project.dependencies);
    wanted.extend(project.optional_dependencies.values().flat_map(|list| required(list)));
    wanted.extend(required(&groups.collect::<Vec<_>>()));
    wanted.retain(|other| *other != name);
    let mut packages = vec![json!({ "name": name, "version": project.version, "folder": directory })];
    packages.extend(wanted.iter().map(|name| json!({ "name": name, "version": null, "folder": null })));
    Some(json!({
        "packages": packages,
        "members": { name: member(&package, directory, Some(pyproject)) },
        "requires-python": pyproject.project.requires_python.as_deref().unwrap_or_default(),
        "locked": false,
    }))
}

/// Where an input is that is a part of the project.
fn local(url: &str) -> Option<String> {
    let path = url.strip_prefix("path:").unwrap_or(url);
    path.starts_with('.').then(|| below(PROJECT, path.split('?').next().unwrap_or_default()))
}

/// The facts: `system`, `python`, `inputs`, `workspaces`, `projects`.
pub(crate) fn gather(files: &ProjectFiles, system: &str, inputs: &[Input], lock: &FlakeLock) -> Value {
    let read = |text: &str| toml::from_str::<Pyproject>(text).unwrap_or_default();
    let projects: BTreeMap<&str, Pyproject> =
        files.named("pyproject.toml").map(|(directory, text)| (directory, read(text))).collect();
    let mut workspaces: BTreeMap<&str, Value> = projects
        .iter()
        .filter_map(|(directory, pyproject)| Some((*directory, unlocked(directory, pyproject)?)))
        .collect();
    for (directory, text) in files.named("uv.lock") {
        if let Ok(lock) = toml::from_str::<Lock>(text) {
            workspaces.insert(directory, workspace(directory, &lock, &projects));
        }
    }
    let nixpkgs = inputs.iter().find(|input| input.kind == crate::InputKind::Nixpkgs);
    let locked = nixpkgs.and_then(|input| lock.input(&input.name));
    let branch = locked.as_ref().and_then(|locked| locked.branch.clone());
    let branch = branch.or_else(|| nixpkgs?.url.clone());
    json!({
        "system": system,
        "python": default_python(branch.as_deref(), locked.and_then(|locked| locked.last_modified)),
        "inputs": inputs.iter().map(|input| (input.name.clone(), json!(input.kind.word()))).collect::<serde_json::Map<_, _>>(),
        "paths": inputs.iter().filter_map(|input| Some((input.name.clone(), json!(local(input.url.as_deref()?)?)))).collect::<serde_json::Map<_, _>>(),
        "workspaces": workspaces,
        "projects": projects.iter().map(|(directory, own)| ((*directory).to_owned(), project(own))).collect::<serde_json::Map<_, _>>(),
    })
}
