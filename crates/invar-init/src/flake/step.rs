//! The steps that put files, links and wrapped programs into the image.
use std::collections::BTreeMap;

use toml::{Table, Value};

use crate::draft::{DraftStep, Keys};

/// What steps put into the image.
#[derive(Debug, Default)]
pub(super) struct Steps {
    /// By step, in the order in which they were found.
    all: Vec<(String, Step)>,
}

/// What one step puts into the image.
#[derive(Debug, Default)]
struct Step {
    /// From a path of the project to places; a path with several is in several steps.
    outputs: BTreeMap<String, Vec<Value>>,
    files: BTreeMap<String, Value>,
    links: BTreeMap<String, Value>,
    wraps: Vec<Table>,
}

impl Steps {
    fn step(&mut self, name: &str) -> &mut Step {
        let at = match self.all.iter().position(|(known, _)| known == name) {
            Some(at) => at,
            None => {
                self.all.push((name.to_owned(), Step::default()));
                self.all.len() - 1
            }
        };
        &mut self.all[at].1
    }

    /// A file or directory of the project, `""` for all of it.
    pub(super) fn copy(&mut self, step: &str, from: &str, to: &str, executable: bool) {
        let from = if from.is_empty() { "." } else { from };
        let value: Value = match executable {
            true => {
                Table::from_iter([("path".to_owned(), to.into()), ("executable".to_owned(), true.into())])
                    .into()
            }
            false => to.into(),
        };
        let places = self.step(step).outputs.entry(from.to_owned()).or_default();
        if !places.contains(&value) {
            places.push(value);
        }
    }

    /// A file with a text.
    pub(super) fn file(&mut self, step: &str, to: &str, text: &str, executable: bool) {
        let value: Value = match executable {
            true => {
                Table::from_iter([("text".to_owned(), text.into()), ("executable".to_owned(), true.into())])
                    .into()
            }
            false => text.into(),
        };
        self.step(step).files.insert(to.to_owned(), value);
    }

    /// A symbolic link.
    pub(super) fn link(&mut self, step: &str, place: &str, target: &str) {
        self.step(step).links.insert(place.to_owned(), target.into());
    }

    /// A wrapped program.
    pub(super) fn wrap(&mut self, step: &str, wrap: Table) {
        let wraps = &mut self.step(step).wraps;
        if !wraps.contains(&wrap) {
            wraps.push(wrap);
        }
    }

    /// Whether something is put at `place`.
    pub(super) fn has(&self, place: &str) -> bool {
        self.all.iter().any(|(_, step)| {
            let copied = step.outputs.values().flatten().any(|value| match value {
                Value::Table(table) => table.get("path").and_then(Value::as_str) == Some(place),
                value => value.as_str() == Some(place),
            });
            let wrapped = |wrap: &Table| wrap.get("as").and_then(Value::as_str) == Some(place);
            copied
                || step.files.contains_key(place)
                || step.links.contains_key(place)
                || step.wraps.iter().any(wrapped)
        })
    }

    /// The places of programs in `/bin`.
    pub(super) fn programs(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (_, step) in &self.all {
            for value in step.outputs.values().flatten() {
                if let Value::Table(table) = value {
                    found.extend(table.get("path").and_then(Value::as_str));
                }
            }
            let executable = step.files.iter().filter(|(_, value)| value.is_table());
            found.extend(executable.map(|(place, _)| place.as_str()));
            found.extend(step.links.keys().map(String::as_str));
            found.extend(step.wraps.iter().filter_map(|wrap| wrap.get("as").and_then(Value::as_str)));
        }
        found.into_iter().filter(|place| place.starts_with("/bin/")).map(str::to_owned).collect()
    }

    /// Takes the wrap at `place`, if it is all that there is, starts a program of the environment that is called as it is,
    /// and does nothing but set variables. Gives the program and the variables.
    pub(super) fn take_plain_wrap(&mut self, place: &str) -> Option<(String, Table)> {
        let [(_, step)] = self.all.as_slice() else { return None };
        let [wrap] = step.wraps.as_slice() else { return None };
        let is_alone = step.outputs.is_empty() && step.files.is_empty() && step.links.is_empty();
        let is_plain = wrap.keys().all(|key| matches!(key.as_str(), "program" | "as" | "env"));
        let program = wrap.get("program")?.as_str()?;
        let name = program.strip_prefix("/app/.venv/bin/")?;
        let is_own =
            place.rsplit('/').next() == Some(name) && wrap.get("as").and_then(Value::as_str) == Some(place);
        if !is_alone || !is_plain || !is_own || name.starts_with("python") {
            return None;
        }
        let env = wrap.get("env").and_then(Value::as_table).cloned().unwrap_or_default();
        let found = (program.to_owned(), env);
        self.all.clear();
        Some(found)
    }

    /// Whether any of the project's files is put somewhere.
    pub(super) fn copies(&self) -> bool {
        self.all.iter().any(|(_, step)| !step.outputs.is_empty())
    }

    /// The steps as a manifest has them.
    pub(super) fn into_drafts(self) -> Vec<DraftStep> {
        let mut drafts = Vec::new();
        for (name, mut step) in self.all {
            // A path has one place in each step.
            let rounds = step.outputs.values().map(Vec::len).max().unwrap_or(0).max(1);
            for round in 0..rounds {
                let outputs: Table = step
                    .outputs
                    .iter()
                    .filter_map(|(from, places)| Some((from.clone(), places.get(round)?.clone())))
                    .collect();
                let mut keys = Keys::default();
                keys.set("name", if round == 0 { name.clone() } else { format!("{name}-{}", round + 1) });
                // All files of the project are named as a pattern.
                if outputs.contains_key(".") {
                    keys.set("inputs", vec!["**"]);
                }
                if !outputs.is_empty() {
                    keys.set("outputs", outputs);
                }
                if round == 0 {
                    if !step.files.is_empty() {
                        keys.set("files", std::mem::take(&mut step.files).into_iter().collect::<Table>());
                    }
                    if !step.links.is_empty() {
                        keys.set("links", std::mem::take(&mut step.links).into_iter().collect::<Table>());
                    }
                    match step.wraps.len() {
                        0 => {}
                        1 => keys.set("wrap", std::mem::take(&mut step.wraps).remove(0)),
                        _ => {
                            let wraps = std::mem::take(&mut step.wraps).into_iter().map(Value::Table);
                            keys.set("wrap", Value::Array(wraps.collect()));
                        }
                    }
                }
                drafts.push(DraftStep { keys });
            }
        }
        drafts
    }
}

/// A name as steps have it: lower-case letters, digits and hyphens.
pub(super) fn step_name(name: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = name.chars().map(allowed).collect();
    let parts: Vec<&str> = name.split('-').filter(|part| !part.is_empty()).collect();
    let name: String = parts.join("-").chars().take(60).collect();
    match name.trim_matches('-') {
        "" => "files".to_owned(),
        name => name.to_owned(),
    }
}
