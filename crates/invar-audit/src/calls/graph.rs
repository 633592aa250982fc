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
                let directory = ground.directory.clone();
                let mut reader = Reader {
                    calls: &mut calls,
                    shell: ShellState::of(scope.clone()),
                    outside: Vec::new(),
                    stage: stage.index,
                    instruction: (number, instruction.span.end),
                    pipelines: &mut pipelines,
                    seen: BTreeSet::new(),
                    directory,
                    ground: &mut ground,
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

    /// The call as it is written.
    pub(crate) fn text_at(&self, call: &Call) -> &str {
        let text = match call.script.and_then(|number| self.scripts.get(number)) {
            Some(script) => &script.text,
            None => self.text,
        };
        text.get(call.span.range()).unwrap_or_default()
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

/// What a shell knows at a point of its script.
#[derive(Clone)]
struct ShellState {
    scope: Scope,
    /// Variables that the shell has and the programs that it starts do not: set without `export`, or unset.
    hidden: BTreeSet<String>,
    /// Variables that were exported before they have a value.
    exported: BTreeSet<String>,
    /// Whether what is set is exported, too: `set -a`.
    exports_all: bool,
}

impl ShellState {
    fn of(scope: Scope) -> Self {
        Self { scope, hidden: BTreeSet::new(), exported: BTreeSet::new(), exports_all: false }
    }

    /// Takes in that `name` gets a value.
    fn assigned(&mut self, name: &str) {
        if !self.exports_all && !self.exported.contains(name) && self.scope.get(name).is_none() {
            self.hidden.insert(name.to_owned());
        }
    }

    fn export(&mut self, name: &str) {
        self.hidden.remove(name);
        self.exported.insert(name.to_owned());
    }

    fn hide(&mut self, name: &str) {
        self.exported.remove(name);
        self.hidden.insert(name.to_owned());
    }
}

struct Reader<'a, 'b> {
    calls: &'a mut Vec<Call>,
    shell: ShellState,
    /// For each `(` and each shell in a shell, how deep it is, and what was known before the first change inside.
    outside: Vec<(usize, Option<ShellState>)>,
    stage: usize,
    instruction: (usize, usize),
    pipelines: &'a mut usize,
    /// Where the calls are that were read already. `sh -c "$(call)"` holds its call as a word and as a script.
    seen: BTreeSet<(usize, usize)>,
    /// The folder that the commands are in, as far as it is known.
    directory: String,
    /// What the stage holds.
    ground: &'a mut StageFiles,
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
        let base = self.outside.len();
        for command in &script.commands {
            // Nothing of what is set inside of `( … )` is known after it.
            self.leave(base, command.depth);
            let depth = self.outside[base..].last().map_or(0, |(depth, _)| *depth);
            if command.depth > depth {
                self.outside.push((command.depth, None));
            }
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
        self.leave(base, 0);
    }

    /// Forgets what was set in those of the shells from number `base` on that are deeper than `depth`.
    fn leave(&mut self, base: usize, depth: usize) {
        while self.outside.len() > base && self.outside.last().is_some_and(|(inner, _)| *inner > depth) {
            if let Some((_, Some(before))) = self.outside.pop() {
                self.shell = before;
            }
        }
    }

    /// What the shell knows, to be changed. Where it is one in another, that one's is kept.
    fn change(&mut self) -> &mut ShellState {
        if let Some((_, before @ None)) = self.outside.last_mut() {
            *before = Some(self.shell.clone());
        }
        &mut self.shell
    }

    fn command(&mut self, command: &ShellCommand, inside: &OutputUse, pipeline: usize) {
        let mut assigned = Vec::new();
        for assignment in &command.assignments {
            self.scripts_of(&assignment.value, &OutputUse::Assignment(assignment.name.clone()));
            let value = self.expand(&assignment.value);
            let text = value.filter(|value| value.missing.is_empty()).map(|value| value.text);
            if command.words.is_empty() {
                let shell = self.change();
                shell.assigned(&assignment.name);
                shell.scope.set_env(&assignment.name, text);
            } else {
                assigned.push((assignment.name.clone(), text.unwrap_or_default()));
            }
        }
        let Some(first) = command.words.first() else { return };
        let program = first.as_str().to_owned();
        let rest = &command.words[1..];
        let has_option = |option: char| {
            let options = rest.iter().map(ShellWord::as_str).filter(|word| word.starts_with('-'));
            options.into_iter().any(|word| word.contains(option))
        };
        match program.as_str() {
            "export" | "local" | "declare" | "readonly" | "typeset" => {
                let exports = match program.as_str() {
                    "export" => !has_option('n'),
                    "local" | "readonly" => false,
                    _ => has_option('x'),
                };
                let hides = program == "export" && !exports;
                for word in rest {
                    self.exported(word, exports, hides);
                }
                return;
            }
            "unset" => rest.iter().for_each(|word| self.change().hide(word.as_str())),
            "set" => {
                let words: Vec<&str> = rest.iter().map(ShellWord::as_str).collect();
                let all = |sign: char| {
                    let short = |word: &&str| word.starts_with(sign) && word.contains('a') && word.len() < 6;
                    words.iter().any(short)
                        || words
                            .windows(2)
                            .any(|pair| pair[0] == format!("{sign}o") && pair[1] == "allexport")
                };
                let (on, off) = (all('-'), all('+'));
                if on || off {
                    self.change().exports_all = on;
                }
            }
            _ => {}
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
        self.written_by(command);
        let Some(inner) = &command.inner else { return };
        if program == "eval" {
            return self.script(inner, inside);
        }
        // A shell of its own: it has what it is given, and keeps what it sets.
        self.outside.push((usize::MAX, None));
        let given = command.words.iter().skip(1).map_while(|word| match word.as_str() {
            option if option.starts_with('-') => Some(None),
            word => word.split_once('=').map(|(name, value)| Some((name.to_owned(), value.to_owned()))),
        });
        let given = given.flatten().filter(|_| matches!(program.as_str(), "env" | "sudo" | "doas"));
        for (name, value) in assigned.into_iter().chain(given.collect::<Vec<_>>()) {
            let shell = self.change();
            shell.export(&name);
            shell.scope.set_env(&name, Some(value));
        }
        self.script(inner, inside);
        if let Some((_, Some(before))) = self.outside.pop() {
            self.shell = before;
        }
    }

    /// Keeps what the command writes into a file, where its own text has that: it may be a script that is run.
    fn written_by(&mut self, command: &ShellCommand) {
        let Some(text) = command.output_text() else { return };
        let is_output = |operator: &str, descriptor: Option<u32>| {
            operator.starts_with('>') && !operator.contains('&') && matches!(descriptor, None | Some(1))
        };
        let redirected = command
            .redirects
            .iter()
            .filter(|redirect| is_output(redirect.operator, redirect.descriptor))
            .map(|redirect| &redirect.target);
        let operands = command.words.iter().skip(1).filter(|word| !word.as_str().starts_with('-'));
        let operands = operands.filter(|_| command.program() == Some("tee"));
        let places: Vec<&ShellWord> = redirected.chain(operands).collect();
        for place in places {
            if let Some(place) = self.expand(place).filter(|place| place.missing.is_empty()) {
                let path = joined(&self.directory, &place.text);
                self.ground.write(&path, text.clone());
            }
        }
    }

    /// `NAME=VALUE`, or a name alone, after `export` and similar.
    fn exported(&mut self, word: &ShellWord, exports: bool, hides: bool) {
        let name = word.as_str().split('=').next().unwrap_or_default().to_owned();
        self.scripts_of(word, &OutputUse::Assignment(name.clone()));
        if name.starts_with('-') {
            return;
        }
        let has_value = word.as_str().contains('=');
        match (exports, hides) {
            (true, _) => self.change().export(&name),
            (_, true) => self.change().hide(&name),
            _ if has_value => self.change().assigned(&name),
            _ => {}
        }
        if has_value {
            let value = self.expand(word).filter(|value| value.missing.is_empty());
            let text = value.and_then(|value| value.text.split_once('=').map(|(_, text)| text.to_owned()));
            self.change().scope.set_env(&name, text);
        }
    }

    fn scripts_of(&mut self, word: &ShellWord, inside: &OutputUse) {
        for script in word.scripts() {
            self.script(script, inside);
        }
    }

    fn expand(&self, word: &ShellWord) -> Option<Expansion> {
        word.expand(&self.shell.scope).ok()
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
            let environment = Call::environment_of(&self.shell.scope, &assigned, &self.shell.hidden);
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
        // Such a script is a part of the one that names it.
        let is_part = matches!(call.program.as_str(), "." | "source");
        let mut reader = Reader {
            calls: self.calls,
            shell: self.shell.clone(),
            outside: Vec::new(),
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
        if is_part {
            let shell = reader.shell;
            *self.change() = shell;
        }
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
