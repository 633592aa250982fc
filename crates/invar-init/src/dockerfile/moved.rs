//! Files of the project that an image has elsewhere than the project: a step puts them there.
use std::collections::BTreeMap;

use toml::Value;

use crate::dockerfile::Reader;
use crate::draft::{DraftStep, Keys};

/// A file or folder of the project that the image has at another place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Moved {
    /// Where the project has it.
    pub from: String,
    /// Where the image has it.
    pub to: String,
    /// Whether it is a folder.
    pub is_directory: bool,
}

impl Reader<'_> {
    /// The step that puts what is moved where it belongs; further ones for what goes to several places.
    pub(super) fn move_files(&mut self, mut command: Option<String>) {
        let mut left = std::mem::take(&mut self.moved);
        while !left.is_empty() {
            let (mut inputs, mut outputs, mut again) = (Vec::new(), BTreeMap::new(), Vec::new());
            for moved in left {
                if outputs.get(&moved.from).is_some_and(|to| *to != moved.to) {
                    again.push(moved);
                    continue;
                }
                let pattern =
                    if moved.is_directory { format!("{}/**", moved.from) } else { moved.from.clone() };
                if !inputs.contains(&pattern) {
                    inputs.push(pattern);
                }
                outputs.insert(moved.from, moved.to);
            }
            let mut keys = Keys::default();
            keys.set("name", self.step_name("copy"));
            keys.set("inputs", inputs);
            // What it is given is what it leaves, unless something is to be changed.
            keys.set("run", command.take().unwrap_or_else(|| "true".to_owned()));
            keys.set(
                "outputs",
                outputs.into_iter().map(|(from, to)| (from, Value::String(to))).collect::<toml::Table>(),
            );
            self.draft.steps.push(DraftStep { keys });
            left = again;
        }
    }

    /// `name`, or with a number where there is a step of that name.
    pub(super) fn step_name(&self, name: &str) -> String {
        let names = || self.draft.steps.iter().filter_map(|step| step.keys.get("name")?.as_str());
        let numbered = (2..).map(|number| format!("{name}-{number}"));
        let mut free = std::iter::once(name.to_owned()).chain(numbered);
        free.find(|name| names().all(|known| known != name)).expect("there are more numbers than steps")
    }
}
