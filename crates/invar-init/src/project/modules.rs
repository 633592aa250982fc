//! Modules that the project's program imports and its image would not have.
use std::collections::{BTreeMap, BTreeSet};

use invar_project::STABLE;
use invar_python::{
    DistributionName, Import, OptionalPart, UvLock, debian_package, distributions_with, optional_part_with,
    reached_imports, removed_module, started_files,
};
use toml::Value;

use crate::draft::{Draft, Note, Source};
use crate::project::Facts;

/// Adds to `draft` what the modules are in that its command imports as soon as it starts: Debian packages, and with a note
/// the project's own extras and dependency groups, unless something else than the project says what is installed.
pub(super) fn add_missing(
    draft: &mut Draft,
    facts: &Facts,
    uv_lock: Option<&UvLock>,
    files: &BTreeMap<String, Option<String>>,
) {
    let minor = facts.python.as_deref().and_then(|python| python.split_once('.')?.1.parse().ok());
    let Some(minor) = minor else { return };
    let words = |key: &str| draft.image.get(key).and_then(Value::as_array).into_iter().flatten();
    let command: Vec<String> = words("entrypoint")
        .chain(words("command"))
        .filter_map(|word| Some(word.as_str()?.to_owned()))
        .collect();
    let started = started_files(&command, &facts.scripts, files);
    let mut added: BTreeSet<DistributionName> = BTreeSet::new();
    for (path, import) in reached_imports(&started, files) {
        for module in modules(&import) {
            let has_it = |name: &DistributionName| facts.has(name.as_str()) || added.contains(name);
            if distributions_with(&module, true).iter().any(has_it) {
                continue;
            }
            if let Some(package) = debian_package(&module, minor) {
                draft.packages.insert(package.to_owned());
                break;
            }
            if let Some((last, package)) = removed_module(&module, minor) {
                let has_it = package.is_some_and(|package| facts.has(package));
                if !has_it {
                    note(draft, &path, &import, removed(&module, minor, last, package));
                }
                break;
            }
            if let Some(lock) = uv_lock
                && let Some(found) = optional_part_with(lock, &facts.name, &module, false)
            {
                add_part(draft, &path, &import, found.name.as_str(), &found.part);
                added.extend(found.all);
                break;
            }
        }
    }
}

/// What may be a module of `import`: `dbm.gnu` of `from dbm import gnu`.
fn modules(import: &Import) -> Vec<String> {
    let inner = import.names.iter().map(|name| format!("{}.{name}", import.module));
    inner.chain([import.module.clone()]).collect()
}

fn add_part(draft: &mut Draft, path: &str, import: &Import, package: &str, part: &OptionalPart) {
    match part {
        OptionalPart::Extra(extra) => {
            let mut extras = match draft.extras.take() {
                None => Vec::new(),
                Some(Value::Array(extras)) => extras,
                all => {
                    draft.extras = all;
                    return;
                }
            };
            let name = Value::from(extra.as_str());
            let is_new = !extras.contains(&name);
            if is_new {
                extras.push(name);
            }
            draft.extras = Some(Value::Array(extras));
            if is_new {
                note(
                    draft,
                    path,
                    import,
                    format!("{package} comes with the extra {extra}, so that is installed"),
                );
            }
        }
        OptionalPart::Group(group) => {
            if draft.groups.insert(group.to_string()) {
                let why = format!("{package} comes with the dependency group {group}, so that is installed");
                note(draft, path, import, why);
            }
        }
    }
}

/// What helps where Python no longer has a module.
fn removed(module: &str, minor: u32, last: u32, package: Option<&str>) -> String {
    let older = STABLE.iter().find(|release| release.series().1 <= last);
    let add = package.map(|package| format!("`uv add {package}`"));
    let older = older.map(|release| format!("suite = \"{}\", with Python {}", release.suite, release.python));
    let both: Vec<String> = add.into_iter().chain(older).collect();
    format!("Python 3.{minor} no longer has {module}; add it with {}", both.join(", or use "))
}

fn note(draft: &mut Draft, path: &str, import: &Import, why: String) {
    let mut note =
        Note::new(Source { file: "", line: import.line }, &format!("import {}", import.module), why);
    note.file = Some(path.to_owned());
    draft.add_note(note);
}
