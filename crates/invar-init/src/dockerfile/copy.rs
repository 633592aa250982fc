//! `COPY` and `ADD`: which of the project's files the image has, and what else.
use std::collections::BTreeSet;

use invar_dockerfile::{Instruction, InstructionKind, Scope, Source as Copied, Stage, Stages, Transfer};

use crate::dockerfile::Reader;
use crate::dockerfile::files::{Files, relative};
use crate::dockerfile::moved::Relocation;
use crate::dockerfile::place::{ENVIRONMENT, PROJECT, below, is_directory, making};
use crate::dockerfile::script::makes_executable;
use crate::draft::{DraftStep, Keys, Source};

/// Ends of archives that `ADD` unpacks.
const ARCHIVES: [&str; 7] = [".tar", ".tar.bz2", ".tar.gz", ".tar.xz", ".tar.zst", ".tbz2", ".tgz"];

/// Files that images are built with, and that none needs.
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
            self.copy_from(&from.text, transfer, instruction, scope, stages, stage);
            return;
        }
        for source in &transfer.sources {
            let path = match source {
                Copied::Path(path) => path,
                Copied::Heredoc(at) => {
                    self.copy_text(*at, transfer, instruction, scope);
                    continue;
                }
            };
            let Some(path) = self.expand(instruction, scope, path) else { continue };
            let Some(destination) = self.expand(instruction, scope, &transfer.destination) else { continue };
            let into = transfer.sources.len() > 1 || is_directory(&destination);
            if path.contains("://") {
                self.download(&path, &destination, instruction);
                continue;
            }
            let is_add = matches!(instruction.kind, InstructionKind::Add(_));
            if is_add && ARCHIVES.iter().any(|end| path.ends_with(end)) {
                self.note(instruction, "ADD unpacks this archive: do that in a step");
                continue;
            }
            let parents = instruction.flag("parents").is_some();
            let above = path.rsplit_once('/').filter(|_| parents).map(|(above, _)| relative(above));
            match above {
                Some(above) => {
                    let destination = format!("{}/{above}/", destination.trim_end_matches('/'));
                    self.copy_path(&path, &destination, true);
                }
                None => self.copy_path(&path, &destination, into),
            }
            let excluded = instruction.flags.iter().filter(|flag| flag.name == "exclude");
            let excluded = excluded.filter_map(|flag| flag.value.as_ref()).map(|value| value.text.clone());
            if relative(&path).is_empty() {
                self.draft.exclude.extend(excluded);
            }
            let mode = instruction.flag_value("chmod").map(|mode| mode.text.as_str());
            if mode.is_some_and(makes_executable) {
                self.start_files(&path);
            }
        }
    }

    /// A here-document becomes a file whose text is in the manifest.
    fn copy_text(&mut self, at: usize, transfer: &Transfer, instruction: &Instruction, scope: &Scope) {
        let destination = self.expand(instruction, scope, &transfer.destination);
        let (Some(destination), Some(heredoc)) = (destination, instruction.heredocs.get(at)) else { return };
        let text = heredoc.content.as_str();
        let text = if heredoc.expand {
            scope
                .expand_names(text, self.file.escape)
                .ok()
                .filter(|text| text.missing.is_empty())
                .map(|text| text.text)
        } else {
            Some(text.to_owned())
        };
        let (Some(text), false) = (text, is_directory(&destination)) else {
            self.note(instruction, "write this to a file in the project, or create it in a step");
            return;
        };
        let mut file = toml::Table::new();
        file.insert("text".to_owned(), text.into());
        let mode = instruction.flag_value("chmod").map(|mode| mode.text.as_str());
        if mode.is_some_and(makes_executable) {
            file.insert("executable".to_owned(), true.into());
        }
        let mut keys = Keys::default();
        keys.set("name", self.step_name("text"));
        keys.set_in("files", &self.places.seen_from_here(&destination), file);
        self.draft.steps.push(DraftStep { keys });
    }

    /// Files that `--chmod` makes executable: of a folder, those that somebody would start.
    fn start_files(&mut self, path: &str) {
        let files = Files(self.context.files);
        let path = relative(path);
        let is_pattern = path.contains(['*', '?', '[']);
        let found = if is_pattern { files.matching(&path) } else { vec![path] };
        for found in found {
            let is_script = |file: &&str| {
                let text = self.context.files.get(*file).and_then(|text| text.as_deref());
                **file == found || file.ends_with(".sh") || text.is_some_and(|text| text.starts_with("#!"))
            };
            let started: Vec<String> = files.within(&found).filter(is_script).map(str::to_owned).collect();
            started.into_iter().for_each(|file| self.start(file));
        }
    }

    /// Files of the project: those that are elsewhere in the image than the project has them are moved by a step.
    pub(super) fn copy_path(&mut self, path: &str, destination: &str, into: bool) {
        let path = relative(path);
        if path.is_empty() {
            self.copies_all = true;
            return;
        }
        // A folder that is there already need not end with a slash.
        let into = into
            || self.places.is_here(destination)
            || [Some(PROJECT.to_owned()), self.places.workdir()]
                .contains(&Some(self.places.seen_from_workdir(destination)));
        let files = Files(self.context.files);
        let is_pattern = path.contains(['*', '?', '[']);
        let found = if is_pattern { files.matching(&path) } else { vec![path.clone()] };
        let mut stays = true;
        let is_any = found.iter().any(|found| !making(found));
        for found in found.into_iter().filter(|found| !making(found)) {
            let is_directory = files.is_directory(&found);
            let name = found.rsplit('/').next().unwrap_or(&found);
            let wanted = match into && !is_directory {
                true => format!("{}/{name}", destination.trim_end_matches('/')),
                false => destination.to_owned(),
            };
            let there = self.places.seen_from_here(&wanted);
            if below(&there, ENVIRONMENT).is_some() {
                let why =
                    "the environment contains only packages from uv.lock: copy this to another directory";
                self.draft.note(Source { file: "Dockerfile", line: 0 }, &format!("COPY {found}"), why);
                stays = false;
            } else if there == format!("{PROJECT}/{found}") {
                if !is_pattern {
                    self.copied.push(found);
                }
            } else {
                stays = false;
                self.moved.push(Relocation { from: found, to: there, is_directory });
            }
        }
        if is_pattern && stays && is_any {
            self.copied.push(path);
        }
    }

    /// A file from the network, whose hash the lock holds.
    fn download(&mut self, url: &str, destination: &str, instruction: &Instruction) {
        let is_git =
            url.starts_with("git@") || url.split(['#', '?']).next().is_some_and(|url| url.ends_with(".git"));
        if is_git || !url.starts_with("https://") {
            self.note(instruction, "fetch this in a step, from an https URL");
            return;
        }
        let name =
            url.split(['?', '#']).next().unwrap_or(url).rsplit('/').next().unwrap_or("file").to_owned();
        let mut target = self.places.seen_from_here(destination);
        if destination.ends_with('/') {
            target = format!("{target}/{name}");
        }
        if target.starts_with("/tmp") {
            self.note(instruction, "later commands use this: fetch and process it in a step");
            return;
        }
        let mut fetch = toml::Table::new();
        fetch.insert("url".to_owned(), url.into());
        let mut after = "its sha256, recorded by `invar lock`".to_owned();
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

    /// Which of the project's files the image gets, where that is not what it gets on its own.
    pub(super) fn include(&mut self) {
        let mut include: BTreeSet<String> = BTreeSet::new();
        if self.copies_all {
            if !self.context.is_package {
                // A flake that Nix builds next to it may need less.
                self.draft.include = None;
                return;
            }
            // A package's own files are not in the image by themselves. Patterns do not ask ignore files, so each
            // file or folder that is source is named.
            let tops = self.context.files.keys().filter_map(|path| path.split('/').next());
            include.extend(
                tops.filter(|top| {
                    !MAKING.contains(top) && !top.starts_with('.') && !self.draft.exclude.contains(*top)
                })
                .map(str::to_owned),
            );
        } else {
            include.extend(self.copied.iter().cloned());
        }
        // Where everything that is copied is moved, nothing is in its own place.
        let is_none = !self.copies_all && !self.context.is_package && !self.moved.is_empty();
        if !include.is_empty() || is_none {
            if let Some(toml::Value::Array(known)) = &self.draft.include {
                include.extend(known.iter().filter_map(|path| path.as_str().map(str::to_owned)));
            }
            let list: Vec<toml::Value> = include.into_iter().map(toml::Value::String).collect();
            self.draft.include = Some(list.into());
        }
    }
}
