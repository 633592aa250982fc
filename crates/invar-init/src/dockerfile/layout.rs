//! Where the instructions of a Dockerfile put the project and its environment.
use std::collections::{BTreeMap, BTreeSet};

use invar_dockerfile::{
    Base, Command, Expansion, Instruction, InstructionKind, RunScript, Scope, Source, Stage, Stages,
    Transfer, run_commands,
};

use crate::dockerfile::files::Files;
use crate::dockerfile::from_stage::brought;
use crate::dockerfile::hard_coded::names_directory;
use crate::dockerfile::place::{ImagePaths, PROJECT, below, is_all, is_directory, joined, making};

/// What the copies of an image say of where the project is.
#[derive(Debug, Default)]
struct ProjectCopies {
    /// The folder that all of the project is copied to.
    whole: Option<String>,
    /// The folder that all of the project is copied to by way of another stage.
    brought: Option<String>,
    /// What is copied otherwise.
    parts: Vec<ProjectCopy>,
    /// What is copied otherwise by way of another stage.
    brought_parts: Vec<ProjectCopy>,
}

impl ImagePaths {
    /// The places in the image that the stages `chain` make of the project's `files`.
    pub fn of(stages: &Stages<'_>, chain: &[usize], files: Files<'_>, python: Option<&'static str>) -> Self {
        let mut places =
            Self { python, files: files.0.keys().cloned().collect::<BTreeSet<String>>(), ..Self::default() };
        let mut copies = ProjectCopies::default();
        // Where each stage ends, which is where those start that start from it.
        let mut ends: Vec<String> = Vec::new();
        for stage in &stages.stages {
            let mut workdir = match stage.base {
                Base::Stage(base) => ends.get(base).cloned().unwrap_or_default(),
                _ => String::new(),
            };
            let is_in_chain = chain.contains(&stage.index);
            let mut walk = stages.walk(stage);
            while let Some((instruction, scope)) = walk.step() {
                match &instruction.kind {
                    InstructionKind::Workdir(directory) => {
                        workdir = joined(&workdir, &expanded(scope, &directory.text));
                        if is_in_chain {
                            places.workdir = Some(workdir.clone());
                        }
                    }
                    InstructionKind::Env(assignments) => {
                        for assignment in assignments {
                            let names = ["VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT"];
                            if names.contains(&assignment.name.text.as_str())
                                && let Some(value) = &assignment.value
                            {
                                places.add_environment(&joined(&workdir, &expanded(scope, &value.text)));
                            }
                        }
                    }
                    InstructionKind::Run(command) => {
                        places.add_environments_of(command, instruction, scope, &workdir)
                    }
                    InstructionKind::Copy(transfer) | InstructionKind::Add(transfer) if is_in_chain => {
                        match instruction.flag_value("from") {
                            None => copies.add(transfer, scope, &workdir, files),
                            Some(from) => {
                                let from = expanded(scope, &from.text);
                                let source = stages.find(&from, stage.index);
                                if let Some(source) = source.and_then(|index| stages.stages.get(index)) {
                                    copies.add_brought(transfer, scope, &workdir, (stages, source), files);
                                }
                            }
                        }
                    }
                    _ => {}
                }
            }
            places.add_environment(&joined(&workdir, ".venv"));
            ends.push(workdir);
        }
        places.is_whole = copies.whole.is_some() || copies.brought.is_some();
        let parts = || common(&copies.parts).or_else(|| common(&copies.brought_parts));
        if let Some(project) = copies.whole.clone().or(copies.brought.clone()) {
            places.project = Some(project);
        } else if let Some((inner, project)) = parts() {
            places.inner = inner;
            places.project = Some(project);
        }
        // What the project looks for in a folder of that name stays there.
        if let Some(project) = places.project.as_deref().filter(|_| !places.is_whole)
            && below(PROJECT, project).is_none()
            && names_directory(files, project)
        {
            places.project = None;
            places.inner.clear();
        } else if places.project.is_none() {
            places.is_guessed = true;
            places.project = places.workdir.clone().or_else(|| Some("/".to_owned()));
        }
        if places.project.as_deref() == Some("/") {
            let tops = files.0.keys().filter_map(|path| path.split('/').next());
            places.kept =
                tops.filter(|top| names_directory(files, &format!("/{top}"))).map(str::to_owned).collect();
        }
        places
    }

    /// `python -m venv FOLDER`, `uv venv FOLDER`, and `uv sync --project FOLDER`, which has it in `.venv`.
    fn add_environments_of(
        &mut self,
        command: &Command,
        instruction: &Instruction,
        scope: &Scope,
        workdir: &str,
    ) {
        let RunScript::Shell(script) = run_commands(command, instruction) else { return };
        for command in script.all() {
            let words: Vec<String> = command
                .words
                .iter()
                .map(|word| word.expand(scope).map(|found| found.text).unwrap_or_default())
                .collect();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let makes =
                words.windows(2).position(|pair| matches!(pair, ["-m" | "uv", "venv" | "virtualenv"]));
            let rest = match makes {
                Some(at) => &words[at + 2..],
                None if words.first().is_some_and(|program| program.ends_with("virtualenv")) => &words[1..],
                None => &[],
            };
            let with_value = ["--python", "-p", "--prompt", "--seed-packages", "--index-url", "--cache-dir"];
            let directory = rest.iter().enumerate().find(|(index, word)| {
                !word.starts_with('-') && (*index == 0 || !with_value.contains(&rest[index - 1]))
            });
            if let Some((_, directory)) = directory {
                self.add_environment(&joined(workdir, directory));
            }
            let is_sync = words.first().is_some_and(|program| program.rsplit('/').next() == Some("uv"));
            if is_sync && words.contains(&"sync") {
                for option in ["--project", "--directory"] {
                    let value = words.windows(2).find(|pair| pair[0] == option).map(|pair| pair[1]);
                    let value = value.or_else(|| {
                        words.iter().find_map(|word| word.strip_prefix(option)?.strip_prefix('='))
                    });
                    if let Some(directory) = value {
                        self.add_environment(&joined(&joined(workdir, directory), ".venv"));
                    }
                }
            }
        }
    }
}

/// `word` with its names replaced, as far as they have values.
fn expanded(scope: &Scope, word: &str) -> String {
    scope.expand(word, '\\').map(|Expansion { text, .. }| text).unwrap_or_default()
}

impl ProjectCopies {
    /// Adds what a `COPY` has from the project itself.
    fn add(&mut self, transfer: &Transfer, scope: &Scope, workdir: &str, files: Files<'_>) {
        let destination = expanded(scope, &transfer.destination.text);
        let into = transfer.sources.len() > 1 || is_directory(&destination);
        let destination = joined(workdir, &destination);
        // A folder that is there already need not end with a slash.
        let into = into || destination == workdir;
        for source in &transfer.sources {
            let Source::Path(path) = source else { continue };
            let path = expanded(scope, &path.text);
            if is_all(&path) {
                self.whole = Some(destination.clone());
            } else if !making(&path) && !path.contains("://") {
                self.parts.extend(ProjectCopy::of(&path, &destination, into, files));
            }
        }
    }

    /// Adds what a `COPY --from` has of the project, which the stage has copied.
    fn add_brought(
        &mut self,
        transfer: &Transfer,
        scope: &Scope,
        workdir: &str,
        (stages, source): (&Stages<'_>, &Stage<'_>),
        files: Files<'_>,
    ) {
        let destination = joined(workdir, &expanded(scope, &transfer.destination.text));
        let found = brought(stages, source);
        for path in &transfer.sources {
            let Source::Path(path) = path else { continue };
            let path = joined("/", &expanded(scope, &path.text));
            for brought in &found {
                let Some(rest) = below(&brought.place, &path) else { continue };
                let place = joined(&destination, rest.trim_start_matches('/'));
                if brought.path.is_empty() {
                    self.brought = Some(place);
                } else if !making(&brought.path) {
                    self.brought_parts.extend(ProjectCopy::of(&brought.path, &place, false, files));
                }
            }
        }
    }
}

/// Folders of the system that no project lies in.
const SYSTEMS: [&str; 9] = [
    "/bin",
    "/etc",
    "/sbin",
    "/tmp",
    "/usr/bin",
    "/usr/local/bin",
    "/usr/local/lib",
    "/usr/local/sbin",
    "/usr/sbin",
];

/// What a `COPY` says of where the project is: that the files of its folder `inner` are in the folder `project`.
#[derive(Debug)]
struct ProjectCopy {
    /// The folder of the project, with a slash before it; nothing for the project's own.
    inner: String,
    /// The folder of the image.
    project: String,
    /// How many files are copied.
    weight: usize,
}

impl ProjectCopy {
    /// What copying `path` to `destination`, and `into` that folder, says; `None` where the file gets another name.
    fn of(path: &str, destination: &str, into: bool, files: Files<'_>) -> Option<Self> {
        let parts = |path: &str| -> Vec<String> {
            path.split('/').filter(|part| !matches!(*part, "" | ".")).map(str::to_owned).collect()
        };
        let (mut from, mut to) = (parts(path), parts(destination));
        // A file goes under its own name into a folder; a folder's files go into what is named.
        if !files.is_directory(path) && into {
            from.pop();
        } else if !files.is_directory(path) && from.last() != to.last() {
            return None;
        }
        while !from.is_empty() && from.last() == to.last() {
            from.pop();
            to.pop();
        }
        let joined = |parts: &[String]| parts.iter().map(|part| format!("/{part}")).collect::<String>();
        let project = joined(&to);
        let weight = files.within(path).count().max(1);
        // What lies there is the system's, whoever copies it.
        let is_systems = SYSTEMS.iter().any(|system| below(&project, system).is_some());
        (!project.is_empty() && !is_systems).then(|| Self { inner: joined(&from), project, weight })
    }
}

/// The folder of the project, with a slash before it, and the folder of the image that has its files: `/src` and `/app`
/// for `COPY src/a /app/a` and `COPY src/b /app/b`.
///
/// Where they do not agree, it is the project's own folder, if any is copied as it is there: what is elsewhere is
/// moved.
fn common(copies: &[ProjectCopy]) -> Option<(String, String)> {
    let mut weights: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for ProjectCopy { inner, project, weight } in copies {
        *weights.entry((inner, project)).or_default() += weight;
    }
    let has_own = weights.keys().any(|(inner, _)| inner.is_empty());
    weights
        .into_iter()
        .filter(|((inner, _), _)| inner.is_empty() || !has_own)
        .max_by_key(|(_, weight)| *weight)
        .map(|((inner, project), _)| (inner.to_owned(), project.to_owned()))
}
