//! A Dockerfile around Nix: what a stage builds of the project's flake, and where the image has it.
//!
//! The image has the flake's package as [`read_flake_at`] puts it together from Debian's packages, at the folder that
//! the Dockerfile copies it to; the entry point, variables and the rest are the Dockerfile's. The closure that is
//! copied next to it, `/nix/store`, has no counterpart, and needs none.
mod command;
mod provided;
mod tree;

use std::collections::{BTreeMap, BTreeSet};

use invar_dockerfile::{Command, Instruction, InstructionKind, RunScript, Stages, run_commands};
use invar_project::Purpose;

use crate::dockerfile::nix::command::{Installable, NixCommand, Verb};
use crate::dockerfile::nix::provided::provides;
use crate::dockerfile::nix::tree::{Built, BuiltOutput, Tree};
use crate::dockerfile::place::{below, is_directory, joined};
use crate::dockerfile::{DockerfileContext, Reader};
use crate::draft::{Draft, DraftStep, Keys, Source};
use crate::flake::{FlakeContext, FlakeError, read_flake_at};
use crate::nixpkgs::{absence, counterpart, python_minor};

/// The project's flake, for a Dockerfile that builds it.
#[derive(Debug, Clone, Copy)]
pub struct DockerfileFlake<'a> {
    /// The text of `flake.nix`.
    pub text: &'a str,
    /// The text of `flake.lock`.
    pub lock: Option<&'a str>,
    /// The text of `pyproject.toml`.
    pub pyproject: Option<&'a str>,
}

/// What a Dockerfile has of Nix.
#[derive(Debug, Default)]
pub(super) struct Nix {
    /// What each stage has, by its number.
    built: BTreeMap<usize, Built>,
    /// The outputs that the image has something of, each with where that is.
    pub trees: Vec<Tree>,
    outputs: Vec<BuiltOutput>,
    /// What `nix run` starts.
    program: Vec<String>,
}

impl<'a> Reader<'a> {
    /// Reads what Nix builds for the stages `chain` of the image, of which `target` is the last.
    pub(super) fn read_nix(&mut self, stages: &Stages<'a>, target: usize, chain: &[usize]) {
        let needed: BTreeSet<usize> = stages.needed_by(target);
        self.nix.built = needed.iter().map(|index| (*index, Built::of(stages, *index))).collect();
        self.find_trees(stages, target, chain);
        self.place_trees();
        // What Nix has built brings its own Python: the one of what the last stage starts from is not used.
        if !self.nix.trees.is_empty() {
            self.draft.suite = None;
            self.suite = self.context.release.map(|release| release.suite.to_owned());
        }
        for number in 0..self.nix.outputs.len() {
            self.lay_output(number);
        }
        for (index, at) in self.unused(chain) {
            let output = &self.nix.built[&index].outputs[at];
            let (source, text) = (self.source_at(output.at), shown(&output.installable));
            self.draft.note(source, &text, "nothing built here is copied into the image");
        }
        self.read_started(stages, chain);
    }

    /// Finds what of Nix's outputs the image has where.
    fn find_trees(&mut self, stages: &Stages<'a>, target: usize, chain: &[usize]) {
        let mut found: Vec<(usize, Vec<Tree>)> = Vec::new();
        if let Some(own) = self.nix.built.get(&target) {
            let trees = own.trees.iter().filter(|tree| below(&tree.at, "/nix/store").is_none());
            found.push((target, trees.cloned().collect()));
        }
        let mut workdir = "/".to_owned();
        for &index in chain {
            let stage = &stages.stages[index];
            let mut walk = stages.walk(stage);
            while let Some((instruction, scope)) = walk.step() {
                let expanded = |text: &str| scope.expand(text, '\\').unwrap_or_default().text;
                match &instruction.kind {
                    InstructionKind::Workdir(directory) => {
                        workdir = joined(&workdir, &expanded(&directory.text))
                    }
                    InstructionKind::Copy(transfer) | InstructionKind::Add(transfer) => {
                        let Some(from) = instruction.flag_value("from") else { continue };
                        let Some(source) = stages.find(&expanded(&from.text), stage.index) else { continue };
                        let Some(built) = self.nix.built.get(&source) else { continue };
                        let destination = expanded(&transfer.destination.text);
                        let into = transfer.sources.len() > 1 || is_directory(&destination);
                        let destination = joined(&workdir, &destination);
                        for path in &transfer.sources {
                            let invar_dockerfile::Source::Path(path) = path else { continue };
                            let path = joined("/", &expanded(&path.text));
                            found.push((source, built.copied(&path, &destination, into).0));
                        }
                    }
                    _ => {}
                }
            }
        }
        // One number for what is built in several stages.
        for (stage, trees) in found {
            for tree in trees.into_iter().filter(|tree| below(&tree.at, "/nix/store").is_none()) {
                let output = &self.nix.built[&stage].outputs[tree.output];
                let outputs = &mut self.nix.outputs;
                let known = outputs.iter().position(|known| known.installable == output.installable);
                let number = known.unwrap_or_else(|| {
                    outputs.push(output.clone());
                    outputs.len() - 1
                });
                self.nix.trees.push(Tree { output: number, ..tree });
            }
        }
    }

    /// Says of what is built where an Invar image has it: there, except for what is within the project's own files.
    fn place_trees(&mut self) {
        let overlaps = |project: &str| {
            let mut trees = self.nix.trees.iter();
            trees.any(|tree| below(project, &tree.at).is_some() || below(&tree.at, project).is_some())
        };
        // What is copied to where the program starts is there, and no file of the project's.
        let is_shared = self.places.project.as_deref().is_some_and(overlaps);
        if !self.nix.trees.is_empty() && !self.places.is_whole && (self.places.is_guessed || is_shared) {
            self.places.project = None;
            self.places.inner.clear();
        }
        for tree in &mut self.nix.trees {
            let there = self.places.in_image(&tree.at);
            if there == tree.at {
                self.places.trees.push(there);
            } else {
                tree.at = there;
            }
        }
    }

    /// The outputs of which nothing is in the image: the stage and the number there.
    fn unused(&self, chain: &[usize]) -> Vec<(usize, usize)> {
        let mut unused = Vec::new();
        for (stage, built) in &self.nix.built {
            for (number, output) in built.outputs.iter().enumerate() {
                let is_used = self.nix.outputs.iter().any(|used| used.installable == output.installable);
                // A stage that others start from has it, too.
                let is_first = !unused.iter().any(|(stage, number): &(usize, usize)| {
                    self.nix.built[stage].outputs[*number].installable == output.installable
                });
                if !is_used && is_first && !(chain.contains(stage) && built.trees.is_empty()) {
                    unused.push((*stage, number));
                }
            }
        }
        unused
    }

    /// Puts the output `number` where the Dockerfile has it.
    fn lay_output(&mut self, number: usize) {
        let output = self.nix.outputs[number].clone();
        let trees: Vec<Tree> = self.nix.trees.iter().filter(|tree| tree.output == number).cloned().collect();
        // All of it, or a part in a folder whose name says of what.
        let whole = trees.iter().find(|tree| tree.inner.is_empty()).map(|tree| tree.at.clone());
        let part = || {
            trees.iter().find_map(|tree| {
                let root = tree.at.strip_suffix(tree.inner.as_str())?;
                Some(if root.is_empty() { "/".to_owned() } else { root.to_owned() })
            })
        };
        let place = whole.or_else(part).unwrap_or_else(|| "/".to_owned());
        if !self.read_output(&output.installable, output.at, &place, Purpose::Build) {
            return;
        }
        let mut links: Vec<(String, String)> = Vec::new();
        for tree in trees {
            let there = joined(&place, tree.inner.trim_start_matches('/'));
            if there == tree.at {
                continue;
            }
            if tree.at != "/" && provides(&self.draft, &there) {
                links.push((tree.at, there));
            } else {
                let why = format!(
                    "{} of the package belongs here, but the flake does not build it: add a step that does",
                    if tree.inner.is_empty() { "all" } else { tree.inner.trim_start_matches('/') }
                );
                self.draft.note(self.source_at(output.at), &tree.at, why);
            }
        }
        self.link(links);
    }

    /// Adds a step that leaves links at places, each to another.
    pub(super) fn link(&mut self, links: Vec<(String, String)>) {
        if links.is_empty() {
            return;
        }
        let mut keys = Keys::default();
        keys.set("name", self.step_name("links"));
        for (place, target) in links {
            keys.set_in("links", &place, target);
        }
        self.draft.steps.push(DraftStep { keys });
    }

    /// Reads what is built into the draft; returns whether it could be.
    fn read_output(&mut self, installable: &Installable, at: usize, place: &str, purpose: Purpose) -> bool {
        let verb = match purpose {
            Purpose::Build => "build",
            Purpose::Run => "run",
            Purpose::Shell => "develop",
        };
        let (source, text) =
            (self.source_at(at), shown(installable).replace("nix build", &format!("nix {verb}")));
        let attribute = match installable {
            Installable::Project(attribute) => attribute.as_deref(),
            Installable::Nixpkgs(name) => {
                self.add_nixpkgs(name, source, &text);
                return true;
            }
            Installable::Other(_) => {
                let why = "only the project's flake is read: add a step for anything from elsewhere";
                self.draft.note(source, &text, why);
                return false;
            }
        };
        let Some(flake) = &self.context.flake else {
            self.draft.note(source, &text, "the project has no flake.nix next to the Dockerfile");
            return false;
        };
        let draft = std::mem::take(&mut self.draft);
        let before = draft.clone();
        match nix_build(self.context, flake, attribute, place, purpose, draft) {
            Ok(draft) => self.draft = draft,
            Err(error) => {
                self.draft = before;
                self.draft.note(source, &text, error.to_string());
                return false;
            }
        }
        // A closure brings no configuration of an image.
        self.nix.program = ["entrypoint", "command"]
            .iter()
            .filter_map(|key| self.draft.image.get(key).and_then(toml::Value::as_array).cloned())
            .flatten()
            .filter_map(|word| word.as_str().map(str::to_owned))
            .collect();
        self.draft.image.remove("entrypoint");
        self.draft.image.remove("command");
        self.draft.image.remove("name");
        self.draft.image.remove("tag");
        if purpose == Purpose::Shell {
            let packages = self.draft.dev_shell.get("packages").and_then(toml::Value::as_array).cloned();
            let names = packages.into_iter().flatten().filter_map(|name| name.as_str().map(str::to_owned));
            self.draft.packages.extend(names);
        }
        true
    }

    /// What the container's command starts by Nix.
    fn read_started(&mut self, stages: &Stages<'a>, chain: &[usize]) {
        let (mut entrypoint, mut command) = (None, None);
        for &index in chain {
            for instruction in stages.stages[index].instructions {
                match &instruction.kind {
                    InstructionKind::Entrypoint(words) => {
                        (entrypoint, command) = (Some((instruction, words)), None)
                    }
                    InstructionKind::Cmd(words) => command = Some((instruction, words)),
                    _ => {}
                }
            }
        }
        for (instruction, command) in [entrypoint, command].into_iter().flatten() {
            let Some(nix) = started(command, instruction) else { continue };
            let purpose = match nix.verb {
                Verb::Run => Purpose::Run,
                Verb::Develop => Purpose::Shell,
                Verb::Shell => Purpose::Build,
                _ => continue,
            };
            for installable in &nix.installables {
                self.read_output(installable, instruction.span.start, "/", purpose);
            }
        }
    }

    /// The words of a container's command without Nix, which is not in the image; `None` where nothing is left.
    pub(super) fn without_nix(
        &mut self,
        words: Vec<String>,
        instruction: &Instruction,
    ) -> Option<Vec<String>> {
        let Some(nix) = NixCommand::of(&words) else { return Some(words) };
        let inner = match nix.verb {
            Verb::Run if !self.nix.program.is_empty() => [self.nix.program.clone(), nix.inner].concat(),
            Verb::Develop | Verb::Shell if !nix.inner.is_empty() => nix.inner,
            _ => {
                self.note(instruction, "Nix is not in the image: set the program to run");
                return None;
            }
        };
        Some(inner)
    }

    /// Reads a command of Nix in a `RUN`; returns the command that it starts, and nothing if it is not a Nix command.
    pub(super) fn nix_command(
        &mut self,
        words: &[String],
        instruction: &Instruction,
        is_final: bool,
    ) -> Option<Vec<String>> {
        let nix = NixCommand::of(words)?;
        let source = self.source(instruction);
        match nix.verb {
            Verb::Install if is_final => {
                for installable in &nix.installables {
                    match installable {
                        Installable::Nixpkgs(name) => self.add_nixpkgs(name, source, name),
                        other => _ = self.read_output(other, instruction.span.start, "/", Purpose::Build),
                    }
                }
                Some(Vec::new())
            }
            Verb::Develop | Verb::Shell => Some(nix.inner),
            Verb::Run if is_final => {
                self.note(instruction, "if the image needs this, do it in a step");
                Some(Vec::new())
            }
            _ => Some(Vec::new()),
        }
    }

    /// Adds the Debian packages for a package of nixpkgs.
    fn add_nixpkgs(&mut self, name: &str, source: Source, text: &str) {
        // Nix itself, and what is in every image or replaced by locks.
        if python_minor(name).is_some() || ["nix", "python3", "uv"].contains(&name) {
            return;
        }
        match counterpart(name) {
            Some(found) => {
                // Of a package with programs, its libraries come with them.
                let libraries: Vec<&str> = found.libraries().collect();
                let is_all = found.packages().all(|package| libraries.contains(&package));
                let packages: Vec<String> = found
                    .packages()
                    .filter(|package| is_all || !libraries.contains(package))
                    .map(str::to_owned)
                    .collect();
                if let Some(why) = found.why() {
                    self.draft.note(source, text, why);
                }
                if packages.is_empty() {
                    return;
                }
                let before = format!("nixpkgs' {name} (unpinned channel)");
                self.draft.pin("package", before, format!("{}, pinned by sha256", packages.join(", ")));
                self.draft.packages.extend(packages);
            }
            None if name.starts_with("python3") && name.contains("ackages.") => {
                let why =
                    format!("add {} to the project with `uv add`", name.rsplit('.').next().unwrap_or(name));
                self.draft.note(source, text, why);
            }
            None => {
                let unknown = || format!("no known Debian package for {name}: add it to `packages`");
                self.draft.note(source, text, absence(name).map_or_else(unknown, str::to_owned));
            }
        }
    }

    /// Whether what the stage `index` has at `path` is Nix's; leaves a comment on what else it has there.
    pub(super) fn is_nixs(&mut self, index: usize, path: &str, instruction: &Instruction) -> bool {
        let Some(built) = self.nix.built.get(&index).filter(|built| !built.is_empty()) else { return false };
        if !built.copied(path, "/", false).1 {
            return false;
        }
        let written: Vec<String> = built.written_below(path).into_iter().map(str::to_owned).collect();
        if !written.is_empty() {
            let why = format!("commands write to {}: do that in a step", written.join(", "));
            self.note(instruction, &why);
        }
        true
    }

    /// `word`, a path, as the image has it: a program that the package has is called by its name where the package is
    /// not put together there.
    pub(super) fn of_tree(&self, word: &str) -> Option<String> {
        let there = self.places.seen_from_workdir(word);
        let tree = self.nix.trees.iter().find(|tree| below(&there, &tree.at).is_some())?;
        if provides(&self.draft, &there) {
            return Some(there);
        }
        let inner = format!("{}{}", tree.inner, below(&there, &tree.at).unwrap_or_default());
        let name = inner.strip_prefix("/bin/").filter(|name| !name.contains('/'))?;
        Some(name.to_owned())
    }

    fn source_at(&self, offset: usize) -> Source {
        Source { file: "Dockerfile", line: self.file.line(offset) }
    }
}

/// The command of Nix that a container's command is.
fn started(command: &Command, instruction: &Instruction) -> Option<NixCommand> {
    let words = match command {
        Command::Exec(words) => words.iter().map(|word| word.text.clone()).collect(),
        Command::Shell(_) => {
            let RunScript::Shell(script) = run_commands(command, instruction) else { return None };
            let [one] = script.commands.as_slice() else { return None };
            let words: Vec<String> = one.words.iter().map(|word| word.as_str().to_owned()).collect();
            if words.first().is_some_and(|first| first == "exec") { words[1..].to_vec() } else { words }
        }
    };
    NixCommand::of(&words)
}

/// `installable` as a message shows it.
fn shown(installable: &Installable) -> String {
    match installable {
        Installable::Project(None) => "nix build".to_owned(),
        Installable::Project(Some(attribute)) => format!("nix build .#{attribute}"),
        Installable::Nixpkgs(name) => format!("nixpkgs#{name}"),
        Installable::Other(text) => text.clone(),
    }
}

/// What the flake's output `attribute` brings into an image that has it at `place`.
fn nix_build(
    context: &DockerfileContext<'_>,
    flake: &DockerfileFlake<'_>,
    attribute: Option<&str>,
    place: &str,
    purpose: Purpose,
    draft: Draft,
) -> Result<Draft, FlakeError> {
    // `nix run` starts what the output starts; otherwise the Dockerfile says where it is, and starts something there.
    let root = (purpose == Purpose::Build).then_some(place);
    let context = FlakeContext {
        files: context.files,
        lock: flake.lock,
        pyproject: flake.pyproject,
        output: Some(attribute.unwrap_or("default")),
        purpose,
    };
    read_flake_at(flake.text, &context, root, draft)
}
