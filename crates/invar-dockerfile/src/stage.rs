//! Stages: what each starts from, and the names that its instructions see.
use std::collections::{BTreeMap, BTreeSet};

use crate::expand::Expansion;
use crate::instruction::{Assignment, Dockerfile, Instruction, InstructionKind, Word};
use crate::limits::Limits;
use crate::reference::ImageReference;
use crate::scope::{Origin, Scope};
use crate::stage_fault::StageFault;
use crate::values::check_values;

/// What whoever builds gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildArguments {
    /// Values for names that `ARG` declares.
    pub values: BTreeMap<String, String>,
    /// The platform that is built for, as `os/architecture[/variant]`.
    pub target: String,
    /// The platform that is built on.
    pub build: String,
}

impl Default for BuildArguments {
    /// No values, and `linux/amd64` on itself.
    fn default() -> Self {
        Self { values: BTreeMap::new(), target: "linux/amd64".into(), build: "linux/amd64".into() }
    }
}

/// What a stage starts from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Base {
    /// Nothing.
    Scratch,
    /// The stage of this number.
    Stage(usize),
    /// An image; [`Stage::base_name`] has its name, of which parts may not be known.
    Image,
}

/// A stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage<'a> {
    /// Its number, from 0.
    pub index: usize,
    /// Its name, in lower case.
    pub name: Option<String>,
    /// What it starts from.
    pub base: Base,
    /// What is in `FROM`, with names replaced.
    pub base_name: Expansion,
    /// The value of `--platform`, with names replaced.
    pub platform: Option<Expansion>,
    /// Its `FROM`.
    pub from: &'a Instruction,
    /// Its other instructions.
    pub instructions: &'a [Instruction],
    start: Scope,
    escape: char,
}

/// The stages of a Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stages<'a> {
    /// The stages, in their order; at least one.
    pub stages: Vec<Stage<'a>>,
    /// The names that are declared before the first `FROM`.
    pub globals: Scope,
    arguments: BuildArguments,
}

impl<'a> Stages<'a> {
    /// The stages of `file` when it is built with `arguments`.
    ///
    /// # Errors
    /// [`StageFault`].
    pub fn of(file: &'a Dockerfile, arguments: &BuildArguments) -> Result<Self, StageFault> {
        let mut globals = platforms(arguments);
        let is_from = |instruction: &Instruction| matches!(instruction.kind, InstructionKind::From { .. });
        let first = file.instructions.iter().position(is_from).unwrap_or(file.instructions.len());
        for instruction in &file.instructions[..first] {
            let InstructionKind::Arg(declared) = &instruction.kind else { continue };
            for assignment in declared {
                let default = match &assignment.value {
                    // BuildKit passes over what cannot be expanded here, and refuses it where it is used.
                    Some(value) => expand(&globals, value, file.escape).ok().map(|expansion| expansion.text),
                    None => None,
                };
                declare(&mut globals, assignment, default, arguments);
            }
        }
        let count = file.instructions.iter().filter(|instruction| is_from(instruction)).count();
        let mut stages: Vec<Stage<'a>> = Vec::new();
        let mut ends: Vec<Scope> = Vec::new();
        let mut rest = &file.instructions[first..];
        while let Some((from, after)) = rest.split_first() {
            if stages.len() == Limits::STAGES {
                return Err(StageFault::TooMany { limit: Limits::STAGES });
            }
            let length = after.iter().position(is_from).unwrap_or(after.len());
            let InstructionKind::From { image, name } = &from.kind else { break };
            let base_name = expand(&globals, image, file.escape)?;
            let platform =
                from.flag_value("platform").map(|word| expand(&globals, word, file.escape)).transpose()?;
            let earlier = stages.iter().rposition(|stage| stage.is_called(&base_name.text));
            let (base, start) = match earlier {
                Some(index) => (Base::Stage(index), ends[index].clone()),
                None if base_name.text == "scratch" => (Base::Scratch, Scope::default()),
                None => {
                    // A name that is not known here may be given when it is built.
                    let is_known = base_name.missing.is_empty();
                    // One that nothing declares is blank, whatever is given.
                    let is_blank = base_name.text.is_empty()
                        && base_name.missing.iter().all(|name| globals.get(name).is_none());
                    if is_blank {
                        return Err(StageFault::Reference { name: image.text.clone(), span: image.span });
                    }
                    if is_known && ImageReference::parse(&base_name.text).is_err() {
                        let name = base_name.text;
                        return Err(StageFault::Reference { name, span: image.span });
                    }
                    (Base::Image, Scope::default())
                }
            };
            let stage = Stage {
                index: stages.len(),
                name: name.as_ref().map(|name| name.text.to_ascii_lowercase()),
                base,
                base_name,
                platform,
                from,
                instructions: &after[..length],
                start,
                escape: file.escape,
            };
            check_sources(&stage, &stages, count)?;
            let mut walk = stage.walk(&globals, arguments);
            while walk.step().is_some() {}
            ends.push(walk.scope);
            stages.push(stage);
            rest = &after[length..];
        }
        let stages = Self { stages, globals, arguments: arguments.clone() };
        stages.check_built()?;
        Ok(stages)
    }

    /// Checks what the words of those stages come to that are built if no other is asked for.
    fn check_built(&self) -> Result<(), StageFault> {
        for index in self.needed_by(self.stages.len().saturating_sub(1)) {
            let Some(stage) = self.stages.get(index) else { continue };
            let mut walk = self.walk(stage);
            while let Some((instruction, scope)) = walk.step() {
                check_values(instruction, scope, stage.escape)?;
            }
        }
        Ok(())
    }

    /// The instructions of a stage, each with the names that it sees.
    pub fn walk<'b>(&'b self, stage: &'b Stage<'a>) -> Walk<'b> {
        stage.walk(&self.globals, &self.arguments)
    }

    /// The stage that `COPY --from=reference` or a mount's `from=` in the stage `user` means: by name, or by number.
    pub fn find(&self, reference: &str, user: usize) -> Option<usize> {
        let earlier = &self.stages[..user.min(self.stages.len())];
        let by_name = earlier.iter().rposition(|stage| stage.is_called(reference));
        by_name.or_else(|| reference.parse().ok().filter(|index| *index < earlier.len()))
    }

    /// The stages that building the stage `target` needs, itself among them.
    pub fn needed_by(&self, target: usize) -> BTreeSet<usize> {
        let mut needed = BTreeSet::new();
        let mut open = vec![target];
        while let Some(index) = open.pop() {
            let Some(stage) = self.stages.get(index).filter(|_| needed.insert(index)) else { continue };
            if let Base::Stage(base) = stage.base {
                open.push(base);
            }
            for instruction in stage.instructions {
                open.extend(instruction.sources().filter_map(|source| self.find(&source, index)));
            }
        }
        needed
    }
}

impl<'a> Stage<'a> {
    fn is_called(&self, name: &str) -> bool {
        self.name.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(name))
    }

    fn walk<'b>(&'b self, globals: &'b Scope, arguments: &'b BuildArguments) -> Walk<'b> {
        Walk {
            rest: self.instructions,
            scope: self.start.clone(),
            globals,
            arguments,
            escape: self.escape,
            pending: None,
        }
    }
}

impl Instruction {
    /// The images and stages that it names other than `FROM`'s: those of `--from=` and of `--mount=...,from=`.
    pub fn sources(&self) -> impl Iterator<Item = String> {
        self.flags.iter().filter_map(|flag| {
            let value = &flag.value.as_ref()?.text;
            match flag.name.as_str() {
                "from" => Some(value.clone()),
                "mount" => {
                    value.split(',').find_map(|part| part.trim().strip_prefix("from=")).map(str::to_owned)
                }
                _ => None,
            }
        })
    }
}

/// Goes through a stage's instructions.
#[derive(Debug)]
pub struct Walk<'a> {
    rest: &'a [Instruction],
    scope: Scope,
    globals: &'a Scope,
    arguments: &'a BuildArguments,
    escape: char,
    pending: Option<&'a Instruction>,
}

impl<'a> Walk<'a> {
    /// The next instruction, with the names that it sees: those of the instructions before it.
    pub fn step(&mut self) -> Option<(&'a Instruction, &Scope)> {
        if let Some(done) = self.pending.take() {
            self.apply(done);
        }
        let (next, rest) = self.rest.split_first()?;
        self.rest = rest;
        self.pending = Some(next);
        Some((next, &self.scope))
    }

    fn apply(&mut self, instruction: &Instruction) {
        match &instruction.kind {
            InstructionKind::Env(assignments) => {
                // All words of one ENV see the values from before it.
                let value = |assignment: &Assignment| {
                    let word = assignment.value.as_ref()?;
                    let expansion = self.scope.expand(&word.text, self.escape).ok()?;
                    expansion.missing.is_empty().then_some(expansion.text)
                };
                let values: Vec<Option<String>> = assignments.iter().map(value).collect();
                for (assignment, value) in assignments.iter().zip(values) {
                    self.scope.set_env(&assignment.name.text, value);
                }
            }
            InstructionKind::Arg(declared) => {
                for assignment in declared {
                    let name = &assignment.name.text;
                    let default = match &assignment.value {
                        Some(word) => self
                            .scope
                            .expand(&word.text, self.escape)
                            .ok()
                            .filter(|expansion| expansion.missing.is_empty())
                            .map(|expansion| expansion.text),
                        None => {
                            if let Some(global) = self.globals.get(name) {
                                self.scope.set_argument(name, global.text.clone(), global.origin);
                                continue;
                            }
                            None
                        }
                    };
                    declare(&mut self.scope, assignment, default, self.arguments);
                }
            }
            InstructionKind::Shell(words) => {
                self.scope.set_shell(words.iter().map(|word| word.text.clone()).collect())
            }
            _ => {}
        }
    }
}

fn declare(scope: &mut Scope, assignment: &Assignment, default: Option<String>, arguments: &BuildArguments) {
    let name = &assignment.name.text;
    match arguments.values.get(name) {
        Some(given) => scope.set_argument(name, Some(given.clone()), Origin::Given),
        None => scope.set_argument(name, default, Origin::Default),
    }
}

fn platforms(arguments: &BuildArguments) -> Scope {
    let mut scope = Scope::default();
    for (prefix, platform) in [("TARGET", &arguments.target), ("BUILD", &arguments.build)] {
        let mut parts = platform.splitn(3, '/').map(str::to_owned);
        let mut set = |name: &str, text: String| {
            scope.set_argument(&format!("{prefix}{name}"), Some(text), Origin::Platform);
        };
        set("PLATFORM", platform.clone());
        set("OS", parts.next().unwrap_or_default());
        set("ARCH", parts.next().unwrap_or_default());
        set("VARIANT", parts.next().unwrap_or_default());
    }
    scope
}

/// Checks that no instruction of `stage` copies from the stage itself, or from one whose number none of all the `count`
/// has. An `earlier` one of the same name is another.
fn check_sources(stage: &Stage<'_>, earlier: &[Stage<'_>], count: usize) -> Result<(), StageFault> {
    let is_again =
        stage.name.as_ref().is_some_and(|name| earlier.iter().any(|earlier| earlier.is_called(name)));
    for instruction in stage.instructions {
        for source in instruction.sources() {
            let span = instruction.span;
            let number = source.parse::<usize>().ok();
            let is_own = stage.is_called(&source) && !is_again;
            if is_own || number == Some(stage.index) {
                return Err(StageFault::Circular { name: source, span });
            }
            let is_name = || earlier.iter().any(|earlier| earlier.is_called(&source));
            if number.is_some_and(|number| number >= count) && !is_name() {
                return Err(StageFault::NoStage { name: source, span });
            }
        }
    }
    Ok(())
}

fn expand(scope: &Scope, word: &Word, escape: char) -> Result<Expansion, StageFault> {
    scope.expand(&word.text, escape).map_err(|source| StageFault::Expansion {
        word: word.text.clone(),
        span: word.span,
        source,
    })
}
