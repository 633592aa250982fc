//! Builders that are known by name: texts, links, files with values put in, packages that are joined.
use super::{Builder, JOINED, read_within};
use crate::datum::{Data, Datum};
use crate::phase::{Entry, FileContent, Interpreter, PhaseLine, PhaseTree, UnknownCommand};
use crate::thing::FlakeValue;

impl Builder<'_> {
    /// A text: a file, or a script in `bin`.
    pub(super) fn text(&mut self, short: &str) -> PhaseTree {
        let mut tree = PhaseTree::default();
        let destination = self.text_of("destination").unwrap_or_default().trim_start_matches('/').to_owned();
        let field = self.attributes.get("text").or_else(|| self.attributes.get("content"));
        let Some(text) = field.and_then(Datum::text) else {
            let why = match field.map(|field| &field.value) {
                Some(Data::Unreadable(why)) => why.why.clone(),
                _ => "its text depends on an unknown value".to_owned(),
            };
            let put = FileContent::Unknown { command: short.to_owned(), why };
            tree.entries.insert(destination, Entry { put, mode: None, at: Self::at("text") });
            return tree;
        };
        let (before, lines_before) = self.before_text(short);
        let content = format!("{before}{text}");
        let content =
            if content.ends_with('\n') || !self.is_true("executable") { content } else { content + "\n" };
        let mode = self.is_true("executable").then_some(0o755);
        // Lines of messages count from the text that the flake has.
        let at = PhaseLine { phase: "text".to_owned(), line: usize::from(lines_before == 0) };
        tree.entries.insert(destination, Entry { put: FileContent::Text { content }, mode, at });
        tree
    }

    /// What the function puts before a script's own text, and how many lines that is.
    fn before_text(&mut self, short: &str) -> (String, usize) {
        let text = match short {
            "writeShellScript" | "writeShellScriptBin" | "writeBash" | "writeBashBin" => {
                "#!/bin/bash\n".to_owned()
            }
            "writeDash" | "writeDashBin" => "#!/bin/sh\n".to_owned(),
            "writePython3" | "writePython3Bin" => "#!/usr/bin/env python3\n".to_owned(),
            "writeJS" | "writeJSBin" => "#!/usr/bin/env node\n".to_owned(),
            "writePerl" | "writePerlBin" => "#!/usr/bin/env perl\n".to_owned(),
            "writeShellApplication" => {
                let mut text = "#!/bin/bash\nset -o errexit\nset -o nounset\nset -o pipefail\n".to_owned();
                let env = self.attributes.get("runtimeEnv").and_then(Datum::attributes);
                for (name, field) in env.into_iter().flatten() {
                    if let Some(value) = self.flake.variable(field) {
                        text += &format!("export {name}='{}'\n", value.replace('\'', "'\\''"));
                    }
                }
                let inputs = self.attributes.get("runtimeInputs").map(Datum::items).unwrap_or_default();
                let inputs: Vec<String> = inputs
                    .iter()
                    .filter_map(|input| Some(format!("{}/bin", self.flake.variable(input)?)))
                    .collect();
                if !inputs.is_empty() {
                    text += &format!("export PATH=\"{}:$PATH\"\n", inputs.join(":"));
                }
                text
            }
            _ => String::new(),
        };
        let lines = text.lines().count();
        (text, lines)
    }

    /// Links by name.
    pub(super) fn link_farm(&mut self) -> PhaseTree {
        let mut tree = PhaseTree::default();
        let entries = self.attributes.get("entries").map(Datum::items).unwrap_or_default();
        for entry in entries {
            let attributes = entry.attributes();
            let name = attributes.and_then(|set| set.get("name")).and_then(Datum::text);
            let path = attributes.and_then(|set| set.get("path"));
            let Some((name, path)) = name.zip(path) else {
                tree.unread.push(Self::unread("entries", "", "a link of it is unknown"));
                continue;
            };
            let Some(to) = self.flake.variable(path) else {
                tree.unread.push(Self::unread("entries", name, "where the link leads is unknown"));
                continue;
            };
            let name = name.trim_matches('/').to_owned();
            tree.entries
                .insert(name, Entry { put: FileContent::Link { to }, mode: None, at: Self::at("entries") });
        }
        tree
    }

    /// A file of the project with values instead of names.
    pub(super) fn replaced(&mut self) -> PhaseTree {
        let mut tree = PhaseTree::default();
        let path = self.attributes.get("src").and_then(|src| self.source_path(src));
        let text = path.as_ref().and_then(|path| self.files.get(path)).and_then(Option::as_ref);
        let put = match text {
            Some(text) => {
                let mut text = text.clone();
                let given = self.attributes.get("replacements").and_then(Datum::attributes);
                for (name, field) in given.unwrap_or(self.attributes) {
                    if let Some(value) = self.flake.variable(field)
                        && text.len() < 1 << 20
                    {
                        text = text.replace(&format!("@{name}@"), &value);
                    }
                }
                FileContent::Text { content: text }
            }
            None => FileContent::Unknown {
                command: self.function.to_owned(),
                why: "the text of its source is unknown".to_owned(),
            },
        };
        let mode = self.is_true("isExecutable").then_some(0o755);
        tree.entries.insert(String::new(), Entry { put, mode, at: Self::at("src") });
        tree
    }

    /// Several packages as one, and what is done to it afterwards.
    pub(super) fn joined(&mut self) -> PhaseTree {
        let mut interpreter = self.start();
        let mut missing = Vec::new();
        let mut stars = 0;
        for item in self.attributes.get("paths").map(Datum::items).unwrap_or_default() {
            self.join(&mut interpreter, item, &mut missing, &mut stars);
        }
        if let Some(field) = self.attributes.get("postBuild") {
            self.run(&mut interpreter, "postBuild", field, &mut missing);
        }
        let mut tree = interpreter.finish();
        missing.append(&mut tree.unread);
        tree.unread = missing;
        tree
    }

    fn join(
        &mut self,
        interpreter: &mut Interpreter<'_>,
        item: &Datum,
        missing: &mut Vec<UnknownCommand>,
        stars: &mut usize,
    ) {
        let at = Self::at("paths");
        let from = match &item.value {
            Data::List(items) => {
                for item in items {
                    self.join(interpreter, item, missing, stars);
                }
                return;
            }
            Data::Thing(number) => match &*self.flake.thing(*number) {
                FlakeValue::Derivation(_) if self.flake.joined >= JOINED => {
                    let unread = Self::unread("paths", "", "too many packages are joined in it");
                    if missing.last() != Some(&unread) {
                        missing.push(unread);
                    }
                    return;
                }
                FlakeValue::Derivation(derivation) if self.depth > 0 => {
                    self.flake.joined += 1;
                    let output = self.flake.store_path(*number);
                    let depth = self.depth - 1;
                    let mut inner = read_within(derivation, &output, self.files, self.flake, depth);
                    for (path, entry) in std::mem::take(&mut inner.tree.entries) {
                        if entry.put != FileContent::Directory {
                            interpreter.put_with(&path, entry.put, entry.mode, &at);
                        }
                    }
                    self.inner.push(inner);
                    return;
                }
                _ => self.flake.store_path(*number),
            },
            Data::Text(text) => text.clone(),
            Data::Path(path) => {
                interpreter.put("", FileContent::Directory, &at);
                let files: Vec<String> = self.files.keys().cloned().collect();
                let start = if path.is_empty() { String::new() } else { format!("{path}/") };
                let names: std::collections::BTreeSet<&str> =
                    files.iter().filter_map(|file| file.strip_prefix(&start)?.split('/').next()).collect();
                for name in names {
                    interpreter.put(name, FileContent::Project { from: format!("{start}{name}") }, &at);
                }
                return;
            }
            Data::Unreadable(why) => {
                missing.push(Self::unread("paths", "", &why.why));
                return;
            }
            _ => {
                missing.push(Self::unread("paths", "", "one of them is unknown"));
                return;
            }
        };
        *stars += 1;
        interpreter.put(&"*".repeat(*stars), FileContent::Foreign { from: format!("{from}/*") }, &at);
    }
}
