//! Files of the project that an image has elsewhere than the project: a step puts them there.
use std::collections::BTreeMap;

use toml::Value;

use crate::dockerfile::Reader;
use crate::dockerfile::files::Files;
use crate::dockerfile::place::{PROJECT, below};
use crate::draft::{DraftStep, Keys, Source};

/// A file or folder of the project that the image has at another place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Relocation {
    /// Where the project has it.
    pub from: String,
    /// Where the image has it.
    pub to: String,
    /// Whether it is a folder.
    pub is_directory: bool,
}

impl Reader<'_> {
    /// The step that puts what is moved where it belongs; additional ones for what goes to several places.
    pub(super) fn move_files(&mut self) {
        let files = Files(self.context.files);
        let is_lost = |moved: &Relocation| moved.to == "/" && files.within(&moved.from).next().is_none();
        for lost in self.moved.extract_if(.., |moved| is_lost(moved)).collect::<Vec<_>>() {
            let why = "the project has no such file, and a step cannot write to the root: copy its contents instead";
            self.draft.note(Source { file: "Dockerfile", line: 0 }, &format!("COPY {} /", lost.from), why);
        }
        let mut left = spread(std::mem::take(&mut self.moved), files);
        self.make_room(&left);
        self.moved_to = left.iter().map(|moved| moved.to.clone()).collect();
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
            let sources: Vec<&str> = outputs.keys().map(String::as_str).collect();
            keys.set("run", self.change_command(&sources).unwrap_or_else(|| "true".to_owned()));
            keys.set(
                "outputs",
                outputs.into_iter().map(|(from, to)| (from, Value::String(to))).collect::<toml::Table>(),
            );
            self.draft.steps.push(DraftStep { keys });
            left = again;
        }
    }

    /// Leaves out of the image what is where something else of the project is moved to.
    fn make_room(&mut self, moved: &[Relocation]) {
        let files = Files(self.context.files);
        for moved in moved {
            let Some(to) = below(&moved.to, PROJECT).map(|to| to.trim_start_matches('/')) else { continue };
            for file in files.within(&moved.from) {
                let Some(rest) = below(file, &moved.from) else { continue };
                let there = format!("{to}{rest}").trim_matches('/').to_owned();
                if there != *file && self.context.files.contains_key(&there) {
                    self.draft.exclude.insert(there);
                }
            }
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

/// `all`, with folders taken apart as far as a step can tell what goes where: two folders whose contents go into one,
/// and what goes into the root, into something of another step, or over something else. Of two files at one place, the
/// later one is there, as in the Dockerfile's image.
fn spread(mut all: Vec<Relocation>, files: Files<'_>) -> Vec<Relocation> {
    // Each round goes one folder deeper.
    for _ in 0..DEEPEST {
        let is_shared = |moved: &Relocation| {
            moved.to == "/"
                || all.iter().any(|other| {
                    other.from != moved.from && other.to == moved.to
                        || other.from == moved.from
                            && other.to != moved.to
                            && (below(&other.to, &moved.to).is_some()
                                || below(&moved.to, &other.to).is_some())
                })
        };
        let apart: Vec<bool> = all.iter().map(|moved| moved.is_directory && is_shared(moved)).collect();
        if !apart.contains(&true) {
            break;
        }
        let mut next: Vec<Relocation> = Vec::new();
        for (moved, apart) in all.iter().zip(apart) {
            match apart {
                true => next.extend(inside(moved, files)),
                false => next.push(moved.clone()),
            }
        }
        all = next;
    }
    let mut last: Vec<Relocation> = Vec::new();
    for moved in all {
        last.retain(|before| before.to != moved.to);
        last.push(moved);
    }
    last
}

/// The deepest folder that is taken apart.
const DEEPEST: usize = 16;

/// What is in a folder that is moved, each with its place.
fn inside(moved: &Relocation, files: Files<'_>) -> Vec<Relocation> {
    let mut found: Vec<Relocation> = Vec::new();
    let directory = moved.from.trim_end_matches('/');
    for file in files.within(directory) {
        let Some(rest) = below(file, directory).map(|rest| rest.trim_start_matches('/')) else { continue };
        let name = rest.split('/').next().unwrap_or_default();
        let from = if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") };
        if !name.is_empty() && found.last().is_none_or(|last| last.from != from) {
            let to = format!("{}/{name}", moved.to.trim_end_matches('/'));
            found.push(Relocation { from, to, is_directory: rest.contains('/') });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_taken_apart_where_they_meet() {
        let list = ["a/x", "a/y/1", "b/y/2", "b/x", "c/z", "root/etc/k"];
        let map = list.iter().map(|path| ((*path).to_owned(), None)).collect();
        let check = |moved: &[(&str, &str)], expected: &str| {
            let files = Files(&map);
            let all = moved.iter().map(|(from, to)| Relocation {
                from: (*from).to_owned(),
                to: (*to).to_owned(),
                is_directory: files.is_directory(from),
            });
            let found = spread(all.collect(), files);
            let found: Vec<String> =
                found.iter().map(|moved| format!("{}>{}", moved.from, moved.to)).collect();
            assert_eq!(found.join(" "), expected);
        };
        check(&[("a", "/s"), ("c", "/t")], "a>/s c>/t");
        check(&[("a", "/s"), ("b", "/s")], "a/y/1>/s/y/1 b/x>/s/x b/y/2>/s/y/2");
        check(&[("root", "/"), ("a/x", "/")], "root/etc>/etc a/x>/");
        check(&[("a", "/s"), ("a", "/s/in")], "a/x>/s/x a/y>/s/y a/x>/s/in/x a/y>/s/in/y");
    }
}
