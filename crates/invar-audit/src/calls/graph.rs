//! All programs that a Dockerfile starts, in their order, with what their arguments come to.
use std::collections::BTreeSet;

use invar_dockerfile::{
    Base, Dockerfile, Expansion, Instruction, InstructionKind, RunScript, Scope, Script, ShellCommand,
    ShellPart, ShellWord, Span, Stages, run_commands, split_commands,
};

use super::call::{Argument, Call, OutputUse};
use super::scripts::{Content, ScriptFile, Scripts, names_a_time};
use super::stage_files::StageFiles;
use super::wrappers::{is_mere_wrapper, started_by};
use crate::paths::joined;
use crate::surroundings::Surroundings;

/// Calls that are read at most; rules compare each with others, and real files have some hundred.
pub(crate) const LIMIT: usize = 2_000;

/// The programs that a Dockerfile starts.
pub(crate) struct CallGraph<'a> {
    /// The calls, stage by stage, in the order of the text.
    pub calls: Vec<Call>,
    /// For each stage, the stage that it starts from.
    parents: Vec<Option<usize>>,
    stages: &'a Stages<'a>,
    text: &'a str,
    /// Where the instructions start that name a time as snapshots do.
    times: BTreeSet<usize>,
    /// The scripts that are run and are in the build's folder.
    pub scripts: Vec<ScriptFile>,
}

impl<'a> CallGraph<'a> {
    pub(crate) fn of(
        file: &'a Dockerfile,
        stages: &'a Stages<'a>,
        text: &'a str,
        surroundings: &Surroundings<'_>,
    ) -> Self {
        let mut calls = Vec::new();
        let mut pipelines = 0;
        let mut scripts = Scripts::new(surroundings);
        let parent = |base: &Base| if let Base::Stage(index) = base { Some(*index) } else { None };
        for stage in &stages.stages {
            let mut walk = stages.walk(stage);
            let mut ground = scripts.ground_of(parent(&stage.base));
            while let Some((instruction, scope)) = walk.step() {
                let number =
                    file.instructions.partition_point(|other| other.span.start < instruction.span.start);
                let instruction = delayed(instruction);
                ground.follow(instruction, scope, stages, stage.index);
                let InstructionKind::Run(command) = &instruction.kind else { continue };
                if !scope.shell_is_posix() {
                    continue;
                }
                let RunScript::Shell(script) = run_commands(command, instruction) else { continue };
                let mut reader = Reader {
                    calls: &mut calls,
                    scope: scope.clone(),
                    stage: stage.index,
                    instruction: (number, instruction.span.end),
                    pipelines: &mut pipelines,
                    seen: BTreeSet::new(),
                    directory: ground.directory.clone(),
                    ground: &ground,
                    scripts: &mut scripts,
                    script: None,
                    order: Vec::new(),
                    most: LIMIT + Scripts::CALLS,
                };
                reader.script(&script, &OutputUse::Nothing);
            }
            scripts.grounds.push(ground);
        }
        let parents = stages.stages.iter().map(|stage| parent(&stage.base)).collect();
        let of_instruction =
            |instruction: &&Instruction| names_a_time(text.get(instruction.span.range()).unwrap_or_default());
        let times = file.instructions.iter().filter(of_instruction).map(|instruction| instruction.span.start);
        Self { calls, parents, stages, text, times: times.collect(), scripts: scripts.read }
    }

    /// Whether `stage` is `other`, or starts from it.
    fn starts_from(&self, stage: usize, other: usize) -> bool {
        let mut at = Some(stage);
        while let Some(index) = at {
            if index == other {
                return true;
            }
            at = self.parents.get(index).copied().flatten();
        }
        false
    }

    /// The calls that have run in the call's stage, or in one that it starts from, before it.
    pub(crate) fn before<'b>(&'b self, call: &'b Call) -> impl Iterator<Item = &'b Call> {
        let earlier = |other: &&Call| other.order < call.order && self.starts_from(call.stage, other.stage);
        self.calls.iter().filter(earlier)
    }

    /// The calls that run in the call's stage after it, in their order.
    pub(crate) fn after<'b>(&'b self, call: &'b Call) -> impl Iterator<Item = &'b Call> {
        let later = |other: &&Call| other.stage == call.stage && other.order > call.order;
        self.calls.iter().filter(later)
    }

    /// The other calls of the call's pipeline.
    pub(crate) fn pipeline<'b>(&'b self, call: &'b Call) -> impl Iterator<Item = &'b Call> {
        self.calls.iter().filter(|other| other.pipeline == call.pipeline && !other.is_at(call))
    }

    /// The instructions of the call's stage, and of those that it starts from, up to and with the call's own.
    pub(crate) fn instructions_before(&self, call: &Call) -> Vec<&'a Instruction> {
        let within = self.stages.stages.iter().filter(|stage| self.starts_from(call.stage, stage.index));
        let all = within.flat_map(|stage| stage.instructions);
        all.filter(|instruction| instruction.span.start < call.instruction_end).collect()
    }

    /// Whether an instruction that has run before the call, or its own, names a time as snapshots do.
    pub(crate) fn has_named_a_time(&self, call: &Call) -> bool {
        let of_scripts = |call: &Call| {
            call.script.and_then(|number| self.scripts.get(number)).is_some_and(|script| script.names_a_time)
        };
        if of_scripts(call) || (!self.scripts.is_empty() && self.before(call).any(of_scripts)) {
            return true;
        }
        !self.times.is_empty()
            && self.instructions_before(call).iter().any(|before| self.times.contains(&before.span.start))
    }

    /// The text of the instruction, or of the script, that the call is in.
    pub(crate) fn text_around(&self, call: &Call) -> &str {
        match call.script.and_then(|number| self.scripts.get(number)) {
            Some(script) => &script.text,
            None => {
                let own = self.instructions_before(call).pop();
                own.map(|instruction| self.text_of(instruction)).unwrap_or_default()
            }
        }
    }

    /// The text of an instruction.
    pub(crate) fn text_of(&self, instruction: &Instruction) -> &'a str {
        self.text.get(instruction.span.range()).unwrap_or_default()
    }
}

/// The instruction that an `ONBUILD` delays, or the instruction itself.
fn delayed(instruction: &Instruction) -> &Instruction {
    match &instruction.kind {
        InstructionKind::Onbuild(inner) => delayed(inner),
        _ => instruction,
    }
}

struct Reader<'a, 'b> {
    calls: &'a mut Vec<Call>,
    scope: Scope,
    stage: usize,
    instruction: (usize, usize),
    pipelines: &'a mut usize,
    /// Where the calls are that were read already. `sh -c "$(call)"` holds its call as a word and as a script.
    seen: BTreeSet<(usize, usize)>,
    /// The folder that the commands are in, as far as it is known.
    directory: String,
    /// What the stage holds.
    ground: &'a StageFiles,
    scripts: &'a mut Scripts<'b>,
    /// The script that is read.
    script: Option<usize>,
    /// The places of the calls that run it.
    order: Vec<usize>,
    /// How many calls there can be.
    most: usize,
}

impl Reader<'_, '_> {
    fn script(&mut self, script: &Script, inside: &OutputUse) {
        // The script's own numbers start again in each script.
        let mut current = None;
        for command in &script.commands {
            let pipeline = match current {
                Some((number, pipeline)) if number == command.pipeline => pipeline,
                _ => {
                    *self.pipelines += 1;
                    *self.pipelines
                }
            };
            current = Some((command.pipeline, pipeline));
            self.command(command, inside, pipeline);
        }
    }

    fn command(&mut self, command: &ShellCommand, inside: &OutputUse, pipeline: usize) {
        let mut assigned = Vec::new();
        for assignment in &command.assignments {
            self.scripts_of(&assignment.value, &OutputUse::Assignment(assignment.name.clone()));
            let value = self.expand(&assignment.value);
            let text = value.filter(|value| value.missing.is_empty()).map(|value| value.text);
            if command.words.is_empty() {
                self.scope.set_env(&assignment.name, text);
            } else {
                assigned.push((assignment.name.clone(), text.unwrap_or_default()));
            }
        }
        let Some(first) = command.words.first() else { return };
        let program = first.as_str().to_owned();
        if matches!(program.as_str(), "export" | "local" | "declare" | "readonly" | "typeset") {
            for word in &command.words[1..] {
                self.exported(word);
            }
            return;
        }
        for word in &command.words {
            self.scripts_of(word, &OutputUse::Argument(program.clone()));
        }
        for redirect in &command.redirects {
            self.scripts_of(&redirect.target, &OutputUse::Argument(program.clone()));
        }
        let mut arguments = Vec::new();
        for word in &command.words {
            self.arguments_of(word, &mut arguments);
        }
        let words: Vec<Span> = command.words.iter().map(|word| word.span).collect();
        let span = words.iter().fold(first.span, |all, word| all.to(*word));
        self.unwrapped(arguments, span, command, inside, pipeline, &assigned);
        if let Some(inner) = &command.inner {
            self.script(inner, inside);
        }
    }

    /// `NAME=VALUE` after `export` and similar.
    fn exported(&mut self, word: &ShellWord) {
        let name = word.as_str().split('=').next().unwrap_or_default().to_owned();
        self.scripts_of(word, &OutputUse::Assignment(name.clone()));
        if word.as_str().contains('=') {
            let value = self.expand(word).filter(|value| value.missing.is_empty());
            let text = value.and_then(|value| value.text.split_once('=').map(|(_, text)| text.to_owned()));
            self.scope.set_env(&name, text);
        }
    }

    fn scripts_of(&mut self, word: &ShellWord, inside: &OutputUse) {
        for script in word.scripts() {
            self.script(script, inside);
        }
    }

    fn expand(&self, word: &ShellWord) -> Option<Expansion> {
        word.expand(&self.scope).ok()
    }

    /// Replaces names, and splits what is not quoted at white space, as the shell does.
    fn arguments_of(&self, word: &ShellWord, arguments: &mut Vec<Argument>) {
        let computed = word.scripts().next().is_some();
        let expansion = self.expand(word);
        let known = expansion.as_ref().is_some_and(|expansion| expansion.missing.is_empty());
        let text = expansion.map_or_else(|| word.as_str().to_owned(), |expansion| expansion.text);
        let one = |text: &str| Argument { text: text.to_owned(), known, computed, span: word.span };
        let splits = !word.quoted && word.parts.iter().any(|part| !matches!(part, ShellPart::Literal(_)));
        if splits {
            let before = arguments.len();
            arguments.extend(text.split_whitespace().map(one));
            if arguments.len() == before && !known {
                arguments.push(one(""));
            }
        } else {
            arguments.push(one(&text));
        }
    }

    /// Adds the call, and those that it starts: `sudo CALL`, `env A=B CALL`, `uv run CALL`, `python -m CALL`.
    fn unwrapped(
        &mut self,
        mut words: Vec<Argument>,
        span: Span,
        command: &ShellCommand,
        inside: &OutputUse,
        pipeline: usize,
        assigned: &[(String, String)],
    ) {
        let mut assigned = assigned.to_vec();
        for _ in 0..8 {
            if words.is_empty() || self.calls.len() >= self.most {
                return;
            }
            let program = words.remove(0);
            let start = if program.span.start >= span.start { program.span.start } else { span.start };
            let own_span = Span::new(start, span.end.max(program.span.end));
            let environment = Call::environment_of(&self.scope, &assigned);
            let mut call = Call::new(
                &program.text,
                words,
                own_span,
                pipeline,
                inside.clone(),
                self.stage,
                self.instruction,
                environment,
            );
            for redirect in &command.redirects {
                let target =
                    self.expand(&redirect.target).map(|expansion| expansion.text).unwrap_or_default();
                if redirect.operator.contains('>') && !matches!(redirect.descriptor, Some(2..)) {
                    call.outputs.push(target);
                } else if redirect.operator.starts_with('<') {
                    call.inputs
                        .push(redirect.content.as_ref().map_or(target, |text| text.as_str().to_owned()));
                }
            }
            let started = started_by(&call);
            let keeps = started.is_none() || !is_mere_wrapper(&call.program);
            words = started
                .map(|(names, at)| {
                    assigned.extend(names);
                    call.arguments[at..].to_vec()
                })
                .unwrap_or_default();
            if keeps && self.seen.insert((call.span.start, call.span.end)) {
                call.script = self.script;
                call.is_known = program.known;
                call.order = self.order.iter().copied().chain([call.span.start]).collect();
                if let ("cd" | "pushd", [argument]) = (call.program.as_str(), call.arguments.as_slice())
                    && argument.known
                {
                    self.directory = joined(&self.directory, &argument.text);
                }
                self.calls.push(call);
                self.script_of_last();
            }
        }
    }

    /// Reads the script that the last call runs, where the stage has it.
    fn script_of_last(&mut self) {
        let at = self.calls.len() - 1;
        let Some(call) = self.calls.last().filter(|_| self.order.len() < Scripts::DEEPEST) else { return };
        let Some(content) = self.scripts.find(call, &self.directory, self.ground) else { return };
        let order = call.order.clone();
        let (text, script) = match content {
            // What is in the Dockerfile has its place there.
            Content::Here(text) => (text, self.script),
            Content::InDirectory(path, text) => {
                let Some(number) = self.scripts.begin(&path, text.as_str()) else {
                    self.calls[at].runs_read_script = self.scripts.has(&path);
                    return;
                };
                (text, Some(number))
            }
        };
        let most = self.calls.len() + self.scripts.left;
        let mut reader = Reader {
            calls: self.calls,
            scope: self.scope.clone(),
            stage: self.stage,
            instruction: self.instruction,
            pipelines: self.pipelines,
            seen: BTreeSet::new(),
            directory: self.directory.clone(),
            ground: self.ground,
            scripts: self.scripts,
            script,
            order,
            most,
        };
        reader.script(&split_commands(&text, &[]), &OutputUse::Nothing);
        // One that has too many is reported by its name only, as if it had not been seen.
        let kept = self.calls.len() < most;
        if kept {
            self.scripts.left = most - self.calls.len();
            self.calls[at].runs_read_script = true;
        } else {
            self.calls.truncate(at + 1);
            self.scripts.forget(script.filter(|_| script != self.script));
        }
    }
}
