//! A Dockerfile as a manifest: what a container of its image is at run time, made of locked packages.
//!
//! What runs in the end is carried over: packages, variables, user, folder, ports, command. How it was created is not:
//! `uv.lock` and `invar.lock` do that. A line that neither says something about the one nor is taken over by the other
//! is left as a comment.
mod account;
mod base;
mod build_packages;
mod collect;
mod command;
mod copy;
mod environment;
mod files;
mod first_process;
mod from_stage;
mod front_end;
mod hard_coded;
mod install;
mod layout;
mod moved;
mod nix;
mod path_text;
mod place;
mod programs;
mod python;
mod run;
mod runner;
mod script;
mod within;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use invar_dockerfile::{
    Assignment, Base, BuildArguments, Dockerfile, Expansion, ImageReference, Instruction, InstructionKind,
    ParseError, Scope, Stage, StageFault, Stages, Word, parse,
};
use invar_project::Release;

use crate::dockerfile::account::Accounts;
use crate::dockerfile::build_packages::BuildPackages;
use crate::dockerfile::collect::FileCollection;
use crate::dockerfile::files::Files;
use crate::dockerfile::first_process::{has_runner, is_deaf};
use crate::dockerfile::moved::Relocation;
use crate::dockerfile::nix::Nix;
use crate::dockerfile::place::ImagePaths;
use crate::dockerfile::script::Changes;
use crate::dockerfile::within::see_from_project;
use crate::draft::{Draft, Source};
use crate::package_names::PackageNames;
use crate::suite;

pub use nix::DockerfileFlake;

/// Why a Dockerfile cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DockerfileError {
    /// It is none.
    #[error("{0}")]
    Syntax(#[from] ParseError),
    /// Its stages cannot be distinguished.
    #[error("{0}")]
    Stages(#[from] StageFault),
    /// It has no stage.
    #[error("it has no FROM")]
    Empty,
    /// There is no such stage.
    #[error("it has no stage {name}")]
    NoStage {
        /// The stage that was asked for.
        name: String,
    },
    /// It installs Python packages that nothing pins.
    #[error("line {line}: {text} installs Python packages, but the project has no pyproject.toml")]
    NoProject {
        /// The line, from 1.
        line: usize,
        /// The command.
        text: String,
    },
}

/// What is known of the project next to its Dockerfile.
#[derive(Debug, Clone, Copy)]
pub struct DockerfileContext<'a> {
    /// The project's folder, as an absolute path: the Dockerfile may name its files from a folder above it.
    pub directory: &'a str,
    /// The project's source files, each relative to its folder; those that matter with their text.
    pub files: &'a BTreeMap<String, Option<String>>,
    /// The release of Debian that the image gets on its own; `None` where none has a Python that the project allows.
    pub release: Option<Release>,
    /// Those of the files that are executable.
    pub executable: &'a BTreeSet<String>,
    /// Whether there is a `pyproject.toml`.
    pub has_project: bool,
    /// Whether the project is installed as a package, so that its files are not copied by themselves.
    pub is_package: bool,
    /// The names of the project's dependency groups.
    pub groups: &'a BTreeSet<String>,
    /// The names of those groups that uv installs without being asked to.
    pub default_groups: &'a BTreeSet<String>,
    /// The names of the project's extras.
    pub extras: &'a BTreeSet<String>,
    /// The stage to read; the last one where it is not given.
    pub target: Option<&'a str>,
    /// The project's flake, for a stage that builds it with Nix.
    pub flake: Option<DockerfileFlake<'a>>,
}

/// A Dockerfile that is being read.
struct Reader<'a> {
    file: &'a Dockerfile,
    text: &'a str,
    context: &'a DockerfileContext<'a>,
    draft: Draft,
    places: ImagePaths,
    build_packages: BuildPackages,
    accounts: Accounts,
    /// The suite of Debian that the image is built from, as far as it is known.
    suite: Option<String>,
    /// The packages of that suite, where they are known.
    names: Option<PackageNames>,
    /// Paths of the project that are copied into the image, in the order of the file.
    copied: Vec<String>,
    /// Those that the image has at other places than the project.
    moved: Vec<Relocation>,
    /// The places that something was moved to by a step.
    moved_to: Vec<String>,
    /// Whether apt has been told of another archive than Debian's.
    has_foreign_archive: bool,
    /// What Nix has built.
    nix: Nix,
    /// Commands that gather files for a web server.
    collects: Vec<FileCollection>,
    /// Whether all of the project is copied.
    copies_all: bool,
    /// What is done to files before the image gets them.
    changes: Changes,
    /// The entrypoint's and the command's lines with the names that they see, to be looked at when everything else is
    /// known.
    entrypoint: Option<(&'a Instruction, Scope)>,
    command: Option<(&'a Instruction, Scope)>,
}

/// Reads the Dockerfile `text` and adds what it says to `draft`.
///
/// # Errors
/// [`DockerfileError`].
pub fn read_dockerfile(
    text: &str,
    context: &DockerfileContext<'_>,
    draft: Draft,
) -> Result<Draft, DockerfileError> {
    let mut file = parse(text.as_bytes())?;
    let outside = see_from_project(&mut file, context);
    let stages = Stages::of(&file, &BuildArguments::default())?;
    let last = stages.stages.len().checked_sub(1).ok_or(DockerfileError::Empty)?;
    let target = match context.target {
        None => last,
        Some(name) => {
            stages.find(name, last + 1).ok_or_else(|| DockerfileError::NoStage { name: name.into() })?
        }
    };
    let mut reader = Reader {
        file: &file,
        text,
        context,
        draft,
        places: ImagePaths::default(),
        build_packages: BuildPackages::default(),
        accounts: Accounts::default(),
        suite: None,
        names: None,
        copied: Vec::new(),
        moved: Vec::new(),
        moved_to: Vec::new(),
        has_foreign_archive: false,
        nix: Nix::default(),
        collects: Vec::new(),
        copies_all: false,
        changes: Changes::default(),
        entrypoint: None,
        command: None,
    };
    let needed = stages.needed_by(target);
    let built: BTreeSet<usize> = needed
        .iter()
        .flat_map(|index| stages.stages[*index].instructions.iter())
        .map(|instruction| instruction.span.start)
        .collect();
    for (offset, path) in outside.into_iter().filter(|(offset, _)| built.contains(offset)) {
        let source = Source { file: "Dockerfile", line: file.line(offset) };
        let why = "it is outside the project directory, so it cannot be in the image";
        reader.draft.note(source, &format!("COPY {path}"), why);
    }
    let chain = chain(&stages, target);
    reader.base(&stages, &chain);
    let release = match &reader.draft.suite {
        Some(suite) => Release::of_suite(suite),
        None => context.release,
    };
    reader.suite = reader.draft.suite.clone().or_else(|| release.map(|release| release.suite.to_owned()));
    reader.names = reader.suite.as_deref().and_then(PackageNames::of);
    reader.places =
        ImagePaths::of(&stages, &chain, Files(context.files), release.map(|release| release.python));
    if let Some(release) = release {
        reader.add_version(&stages.stages[chain[0]], release);
    }
    reader.read_nix(&stages, target, &chain);
    reader.other_stages(&stages, target, &chain)?;
    for &index in &chain {
        let stage = &stages.stages[index];
        let mut walk = stages.walk(stage);
        while let Some((instruction, scope)) = walk.step() {
            reader.instruction(instruction, scope, &stages, stage)?;
        }
    }
    reader.finish();
    let mut draft = reader.draft;
    if let Some(suite) = draft.suite.clone() {
        suite::rename(&mut draft, &suite);
    }
    draft.keep_valid(Source { file: "Dockerfile", line: 0 });
    draft.notes.sort_by_key(|note| note.source);
    Ok(draft)
}

/// The ports that a word of `EXPOSE` names, and what comes after them.
fn ports_of(word: &str) -> Option<(RangeInclusive<i64>, &str)> {
    const MOST: i64 = 100;
    let end = word.find('/').unwrap_or(word.len());
    let (first, last) = word[..end].split_once('-').unwrap_or((&word[..end], &word[..end]));
    let ports = first.parse().ok()?..=last.parse().ok()?;
    let is_few = ports.start() <= ports.end() && ports.end() - ports.start() < MOST;
    (is_few && ["", "/tcp", "/udp"].contains(&&word[end..])).then_some((ports, &word[end..]))
}

/// The stages that `target` is built on, the lowest first, and itself.
fn chain(stages: &Stages<'_>, target: usize) -> Vec<usize> {
    let mut chain = vec![target];
    // A stage starts from an earlier one, so this ends.
    while let Base::Stage(base) = stages.stages[chain[chain.len() - 1]].base {
        chain.push(base);
    }
    chain.reverse();
    chain
}

impl<'a> Reader<'a> {
    fn source(&self, instruction: &Instruction) -> Source {
        Source { file: "Dockerfile", line: self.file.line(instruction.span.start) }
    }

    /// Leaves the whole `instruction` as a comment.
    fn note(&mut self, instruction: &Instruction, why: &str) {
        let text = self.text.get(instruction.span.range()).unwrap_or_default();
        self.draft.note(self.source(instruction), &text.replace("\\\n", " "), why);
    }

    /// `word` with its names replaced; where one is unknown, the instruction is left as a comment.
    fn expand(&mut self, instruction: &Instruction, scope: &Scope, word: &Word) -> Option<String> {
        match scope.expand(&word.text, self.file.escape) {
            Ok(Expansion { text, missing, .. }) if missing.is_empty() => Some(text),
            Ok(Expansion { missing, .. }) => {
                let names: Vec<String> = missing.into_iter().collect();
                self.note(instruction, &format!("{} has no value here", names.join(", ")));
                None
            }
            Err(fault) => {
                self.note(instruction, &fault.to_string());
                None
            }
        }
    }

    /// Stages that the image only copies from.
    fn other_stages(
        &mut self,
        stages: &Stages<'a>,
        target: usize,
        chain: &[usize],
    ) -> Result<(), DockerfileError> {
        let needed: BTreeSet<usize> = stages.needed_by(target);
        for stage in needed.iter().map(|index| &stages.stages[*index]) {
            if stage.base == Base::Image && !front_end::is_one(stage) {
                let image = ImageReference::parse(&stage.base_name.text).ok();
                image.iter().for_each(|image| self.build_packages.look_at(image));
            }
        }
        for index in needed.into_iter().filter(|index| !chain.contains(index)) {
            let stage = &stages.stages[index];
            if front_end::is_one(stage) {
                self.front_end(stages, stage, target);
                continue;
            }
            self.places.leave();
            for base in crate::dockerfile::chain(stages, index) {
                let mut walk = stages.walk(&stages.stages[base]);
                while let Some((instruction, scope)) = walk.step() {
                    match &instruction.kind {
                        InstructionKind::Run(command) if base == index => {
                            self.run(command, instruction, scope, false)?;
                        }
                        InstructionKind::Workdir(directory) => self.enter(directory, scope),
                        _ => {}
                    }
                }
            }
        }
        self.places.leave();
        Ok(())
    }

    fn instruction(
        &mut self,
        instruction: &'a Instruction,
        scope: &Scope,
        stages: &Stages<'a>,
        stage: &Stage<'a>,
    ) -> Result<(), DockerfileError> {
        match &instruction.kind {
            InstructionKind::Run(command) => self.run(command, instruction, scope, true)?,
            InstructionKind::Copy(transfer) | InstructionKind::Add(transfer) => {
                self.copy(transfer, instruction, scope, stages, stage)
            }
            InstructionKind::Env(assignments) => {
                for assignment in assignments {
                    self.variable(assignment, instruction, scope);
                }
            }
            InstructionKind::Label(assignments) => {
                for Assignment { name, value, .. } in assignments {
                    let Some(name) = self.expand(instruction, scope, name) else { continue };
                    let Some(value) = value.as_ref().and_then(|value| self.expand(instruction, scope, value))
                    else {
                        continue;
                    };
                    self.draft.image.set_in("labels", &name, value);
                }
            }
            InstructionKind::Expose(ports) => {
                for port in ports {
                    let Some(port) = self.expand(instruction, scope, port) else { continue };
                    match ports_of(&port) {
                        Some((ports, "/udp")) => {
                            ports.for_each(|port| self.draft.image.add("ports", format!("{port}/udp")));
                        }
                        Some((ports, _)) => ports.for_each(|port| self.draft.image.add("ports", port)),
                        None => self.note(instruction, "list each port of the range"),
                    }
                }
            }
            InstructionKind::Volume(directories) => {
                for directory in directories {
                    if let Some(directory) = self.expand(instruction, scope, directory) {
                        let directory = self.places.in_image(&directory);
                        self.draft.image.add("volumes", directory);
                    }
                }
            }
            InstructionKind::User(user) => {
                if let Some(user) = self.expand(instruction, scope, user) {
                    self.user(&user, instruction);
                }
            }
            InstructionKind::StopSignal(signal) => {
                if let Some(signal) = self.expand(instruction, scope, signal) {
                    self.draft.image.set("stop-signal", signal);
                }
            }
            InstructionKind::Healthcheck(check) => self.health_check(check, instruction, scope),
            InstructionKind::Entrypoint(_) => {
                self.entrypoint = Some((instruction, scope.clone()));
                // As in Docker, an entrypoint makes the command of a lower stage void.
                self.command = None;
            }
            InstructionKind::Cmd(_) => self.command = Some((instruction, scope.clone())),
            InstructionKind::Onbuild(_) => {
                self.note(instruction, "images cannot be used as a base for other images")
            }
            InstructionKind::Workdir(directory) => self.enter(directory, scope),
            InstructionKind::Maintainer(name) => {
                self.draft.image.set_in("labels", "org.opencontainers.image.authors", name.text.clone());
            }
            // Names are replaced where they are, and shells are what lines for them start with.
            InstructionKind::Arg(_) | InstructionKind::From { .. } | InstructionKind::Shell(_) => {}
        }
        Ok(())
    }

    fn enter(&mut self, directory: &Word, scope: &Scope) {
        let directory = scope.expand(&directory.text, self.file.escape).map(|expansion| expansion.text);
        self.places.enter(&directory.unwrap_or_default());
    }

    /// What can be said only when everything was read.
    fn finish(&mut self) {
        self.places.enter_last();
        self.add_build_packages();
        for (key, found) in [("entrypoint", self.entrypoint.take()), ("command", self.command.take())] {
            let Some((instruction, scope)) = found else { continue };
            let (InstructionKind::Entrypoint(command) | InstructionKind::Cmd(command)) = &instruction.kind
            else {
                continue;
            };
            let words = self.command_words(command, instruction, &scope);
            let Some(words) = words.filter(|words| !words.is_empty()) else { continue };
            let needs_init = has_runner(command) && is_deaf(&words);
            self.draft.image.set(key, words);
            if needs_init {
                self.add_init();
            }
        }
        if let Some(directory) = self.places.workdir().filter(|directory| directory != "/app") {
            self.draft.image.set("workdir", directory);
        }
        self.change_files();
        self.include();
        self.move_files();
        self.link_directories();
        self.collect_files();
        self.add_directories();
    }
}

#[cfg(test)]
mod tests;
