//! `COPY` and `ADD`: which of the project's files the image has, and what else.
use std::collections::BTreeSet;

use invar_dockerfile::{Instruction, Scope, Source, Stage, Stages, Transfer};

use crate::dockerfile::Reader;
use crate::dockerfile::front_end;
use crate::dockerfile::place::{PROJECT, is_all, joined, making};
use crate::draft::{DraftStep, Keys};

/// Files that images are made with, and that none needs.
const MAKING: [&str; 12] = [
    ".dockerignore",
    ".gitignore",
    "Containerfile",
    "Dockerfile",
    "Makefile",
    "Pipfile",
    "Pipfile.lock",
    "compose.yaml",
    "docker-compose.yaml",
    "docker-compose.yml",
    "invar.lock",
    "poetry.lock",
];

impl<'a> Reader<'a> {
    pub(super) fn copy(
        &mut self,
        transfer: &Transfer,
        instruction: &Instruction,
        scope: &Scope,
        stages: &Stages<'a>,
        stage: &Stage<'a>,
    ) {
        if let Some(from) = instruction.flag_value("from") {
            self.copy_from(&from.text.clone(), transfer, instruction, scope, stages, stage);
            return;
        }
        for source in &transfer.sources {
            let path = match source {
                Source::Path(path) => path,
                Source::Heredoc(_) => {
                    self.note(instruction, "write this into a file of the project, or make it in a step");
                    continue;
                }
            };
            let Some(path) = self.expand(instruction, scope, path) else { continue };
            let Some(destination) = self.expand(instruction, scope, &transfer.destination) else { continue };
            if path.contains("://") {
                self.download(&path, &destination, instruction);
            } else {
                self.copy_path(&path, &destination, instruction);
            }
        }
    }

    fn copy_path(&mut self, path: &str, destination: &str, instruction: &Instruction) {
        if is_all(path) {
            self.copies_all = true;
            return;
        }
        // Builders look at nothing outside of the context: `..` of its folder is the folder.
        let path = joined("/", path).trim_start_matches('/').to_owned();
        if path.is_empty() {
            self.copies_all = true;
            return;
        }
        let name = path.rsplit('/').next().unwrap_or(&path);
        // The contents of a folder go into the destination; a file goes under its own name into a folder.
        let has_inside = self.context.files.keys().any(|file| file.starts_with(&format!("{path}/")));
        let is_directory =
            has_inside || !self.context.files.contains_key(&path) && !name.contains(['.', '*']);
        let goes_inside = !is_directory && (destination.ends_with('/') || destination == ".");
        let wanted = if goes_inside {
            format!("{}/{name}", destination.trim_end_matches('/'))
        } else {
            destination.to_owned()
        };
        if making(&path) {
            return;
        }
        let (here, there) = (format!("{PROJECT}/{path}"), self.places.seen_from_workdir(&wanted));
        if here != there && !path.contains(['*', '?', '[']) {
            let why = format!("it is at {here} in the image, not at {there}");
            self.note(instruction, &why);
        }
        self.copied.push(path);
    }

    fn copy_from(
        &mut self,
        from: &str,
        transfer: &Transfer,
        instruction: &Instruction,
        scope: &Scope,
        stages: &Stages<'a>,
        stage: &Stage<'a>,
    ) {
        let source = stages.find(from, stage.index).and_then(|index| stages.stages.get(index));
        for path in &transfer.sources {
            let Source::Path(path) = path else { continue };
            let Some(path) = self.expand(instruction, scope, path) else { continue };
            match source {
                // uv, and what it or pip has installed, comes from uv.lock.
                None if path == "/uv" || path == "/uvx" || path.ends_with("/uv") || path.ends_with("/uvx") => {
                    self.draft.pin("uv", format!("{from} (copied from an image)"), "not in the image: uv.lock is read directly");
                }
                None => self.note(instruction, "what this image has at that path is not known: a Debian package or a step has to bring it"),
                Some(stage) if front_end::is_one(stage) => {}
                // uv itself, from its own image or where pip put it.
                Some(stage) if stage.base_name.text.contains("/uv:") || path.ends_with("/uv") || path.ends_with("/uvx") => {}
                Some(_) if self.places.is_environment(&path) || is_installed(&path) => {}
                Some(_) if self.places.seen_from_workdir(&path).starts_with(&format!("{PROJECT}/")) || path == "." => {
                    // The project's files, by way of another stage.
                    self.copies_all = true;
                }
                Some(_) => self.note(instruction, "what this stage makes at that path has to be made in a step"),
            }
        }
    }

    /// A file from the network, whose hash the lock holds.
    fn download(&mut self, url: &str, destination: &str, instruction: &Instruction) {
        let is_git =
            url.starts_with("git@") || url.split(['#', '?']).next().is_some_and(|url| url.ends_with(".git"));
        if is_git || !url.starts_with("https://") {
            self.note(instruction, "fetch this in a step, from an address with https");
            return;
        }
        let name =
            url.split(['?', '#']).next().unwrap_or(url).rsplit('/').next().unwrap_or("file").to_owned();
        let mut target = self.places.seen_from_workdir(destination);
        if destination.ends_with('/') {
            target = format!("{target}/{name}");
        }
        if target.starts_with("/tmp") {
            self.note(
                instruction,
                "what a later command makes of this has to be made in a step, which can fetch it",
            );
            return;
        }
        let mut fetch = toml::Table::new();
        fetch.insert("url".to_owned(), url.into());
        let mut after = "its sha256, which `invar lock` finds out".to_owned();
        if let Some(digest) = instruction
            .flag_value("checksum")
            .and_then(|value| value.text.strip_prefix("sha256:").map(str::to_owned))
        {
            after = "its sha256".to_owned();
            fetch.insert("sha256".to_owned(), digest.into());
        }
        self.draft.pin("download", url, after);
        let mut keys = Keys::default();
        keys.set("name", format!("download-{}", self.draft.steps.len() + 1));
        keys.set("fetch", vec![toml::Value::Table(fetch)]);
        keys.set("run", "true");
        keys.set_in("outputs", &name, target);
        self.draft.steps.push(DraftStep { keys });
    }

    /// Which of the project's files the image gets, where that is not what it gets by itself.
    pub(super) fn include(&mut self) {
        let mut include: BTreeSet<String> = BTreeSet::new();
        if self.copies_all {
            if !self.context.is_package {
                return;
            }
            // A package's own files are not in the image by themselves. Patterns do not ask ignore files, so each
            // file or folder that is source is named.
            let tops = self.context.files.keys().filter_map(|path| path.split('/').next());
            include
                .extend(tops.filter(|top| !MAKING.contains(top) && !top.starts_with('.')).map(str::to_owned));
        } else {
            include.extend(self.copied.iter().cloned());
        }
        if !include.is_empty() {
            let list: Vec<toml::Value> = include.into_iter().map(toml::Value::String).collect();
            self.draft.include = Some(list.into());
        }
    }
}

/// Where installers put packages and their programs.
fn is_installed(path: &str) -> bool {
    path.contains("site-packages")
        || path.contains("dist-packages")
        || path.contains("/.local")
        || path == "/usr/local/bin"
        || path == "/usr/local"
        || path == "/install"
        || path.contains("wheels")
        || path.contains("requirements")
        || path.contains(".venv")
        || path.contains("venv")
}
