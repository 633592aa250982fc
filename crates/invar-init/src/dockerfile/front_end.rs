//! A stage in which Node builds a front end becomes a step.
use std::collections::BTreeSet;

use invar_dockerfile::{Base, Command, ImageReference, Instruction, InstructionKind, Source, Stage, Stages};

use crate::dockerfile::Reader;
use crate::dockerfile::files::{Files, relative};
use crate::dockerfile::place::joined;
use crate::draft::{DraftStep, Keys};

/// Package managers whose locks are not read.
const OTHERS: [&str; 4] = ["bun", "bunx", "pnpm", "yarn"];

/// Whether `word` is one of the words of `command`.
fn has_word(command: &str, word: &str) -> bool {
    command.split(|c: char| c.is_whitespace() || ";|&()".contains(c)).any(|part| part == word)
}

/// A command as a step runs it, without a network; nothing where a step does not need it.
fn offline(command: &str) -> Option<String> {
    let command = command.replace("\\\n", " ");
    let words: Vec<&str> = command.split_whitespace().collect();
    match words.as_slice() {
        ["npm", "install" | "i" | "ci" | "clean-install", rest @ ..] => {
            if rest.iter().any(|word| ["-g", "--global"].contains(word)) {
                return None;
            }
            // What it would add to the lock is what a step cannot have.
            let options = rest.iter().filter(|word| word.starts_with('-') && !word.starts_with("--prefer"));
            let words: Vec<&str> = ["npm", "ci", "--offline"].into_iter().chain(options.copied()).collect();
            Some(words.join(" "))
        }
        [] | ["npm", "cache" | "config" | "-v" | "--version", ..] => None,
        ["node", "-v" | "--version"] => None,
        ["corepack" | "apk" | "apt-get", ..] if !OTHERS.iter().any(|other| has_word(&command, other)) => None,
        words => Some(words.join(" ")),
    }
}

/// Whether `stage` starts from Node's image.
pub(super) fn is_one(stage: &Stage<'_>) -> bool {
    stage.base == Base::Image
        && ImageReference::parse(&stage.base_name.text)
            .is_ok_and(|reference| reference.short_name() == "node")
}

impl<'a> Reader<'a> {
    /// Makes `stage` a step, with what the stage `target` copies from it as its outputs.
    pub(super) fn front_end(&mut self, stages: &Stages<'a>, stage: &Stage<'a>, target: usize) {
        let before = format!("{} (unpinned)", stage.base_name.text);
        self.draft.pin(
            "Node",
            before,
            "Debian's nodejs and npm, pinned by sha256; npm packages, pinned by package-lock.json",
        );
        let (mut workdir, mut directory, mut commands) = ("/".to_owned(), None::<String>, Vec::new());
        let (mut inputs, mut env) = (BTreeSet::new(), toml::Table::new());
        let files = Files(self.context.files);
        let mut walk = stages.walk(stage);
        while let Some((instruction, scope)) = walk.step() {
            let expand =
                |text: &str| scope.expand(text, '\\').map(|expansion| expansion.text).unwrap_or_default();
            match &instruction.kind {
                InstructionKind::Workdir(path) => workdir = joined(&workdir, &expand(&path.text)),
                InstructionKind::Copy(transfer) if instruction.flag("from").is_none() => {
                    for source in &transfer.sources {
                        let Source::Path(path) = source else { continue };
                        let path = relative(&expand(&path.text));
                        inputs.insert(match files.is_directory(&path) {
                            _ if path.is_empty() => "**".to_owned(),
                            true => format!("{path}/**"),
                            false => path.clone(),
                        });
                        // Files of one folder of the project, or of the project's own.
                        let above = match path.rsplit_once('/') {
                            Some((above, _)) if !files.is_directory(&path) => above,
                            None if !files.is_directory(&path) => "",
                            _ => path.as_str(),
                        };
                        directory.get_or_insert_with(|| above.to_owned());
                    }
                }
                InstructionKind::Run(Command::Shell(line)) => {
                    commands.extend(line.as_str().split("&&").filter_map(offline));
                    let known = scope.env().filter_map(|(name, value)| Some((name, value.text.as_deref()?)));
                    let known = known.filter(|(name, _)| *name != "PATH");
                    env = known.map(|(name, value)| (name.to_owned(), value.to_owned().into())).collect();
                }
                _ => {}
            }
        }
        let directory = directory.unwrap_or_default();
        let outputs = self.outputs(stages, stage, target, &workdir, &directory);
        let line = self.file.line(stage.from.span.start);
        let is_npms = commands.iter().any(|command| command.starts_with("npm "))
            && !commands.iter().any(|command| OTHERS.iter().any(|other| has_word(command, other)));
        if outputs.is_empty() || !is_npms {
            self.note(
                stage.from,
                "convert this stage to a step: only stages that use npm are converted automatically",
            );
            return;
        }
        let mut keys = Keys::default();
        keys.set("name", stage.name.clone().unwrap_or_else(|| format!("stage-{line}")));
        keys.set("packages", vec!["nodejs", "npm"]);
        // Patterns are one below the other where the Dockerfile copies what tools read first.
        let whole: Vec<String> =
            inputs.iter().filter_map(|input| input.strip_suffix("**")).map(str::to_owned).collect();
        let is_within = |input: &String| {
            whole.iter().any(|directory| input.starts_with(directory) && input.len() != directory.len() + 2)
        };
        let inputs: Vec<String> = inputs.iter().filter(|input| !is_within(input)).cloned().collect();
        keys.set("inputs", inputs);
        let enter = if directory.is_empty() { String::new() } else { format!("cd {directory} && ") };
        keys.set("run", format!("{enter}{}", commands.join(" && ")));
        if !env.is_empty() {
            keys.set("env", env);
        }
        for (from, to) in outputs {
            keys.set_in("outputs", &from, to);
        }
        self.draft.steps.push(DraftStep { keys });
    }

    /// What `target` copies from `stage`: from a path of the project's folder to one of the image.
    fn outputs(
        &self,
        stages: &Stages<'a>,
        stage: &Stage<'a>,
        target: usize,
        workdir: &str,
        directory: &str,
    ) -> Vec<(String, String)> {
        let mut outputs = Vec::new();
        let Some(last) = stages.stages.get(target) else { return outputs };
        let is_from = |instruction: &&Instruction| {
            let from = instruction.flag_value("from").map(|from| from.text.as_str());
            from.and_then(|from| stages.find(from, last.index)) == Some(stage.index)
        };
        for instruction in last.instructions.iter().filter(is_from) {
            let InstructionKind::Copy(transfer) = &instruction.kind else { continue };
            for source in &transfer.sources {
                let Source::Path(path) = source else { continue };
                let path = joined(workdir, &path.text);
                let Some(inside) = path.strip_prefix(workdir.trim_end_matches('/')) else { continue };
                let inside = inside.trim_matches('/');
                let from =
                    if directory.is_empty() { inside.to_owned() } else { format!("{directory}/{inside}") };
                outputs.push((from, self.places.seen_from_workdir(&transfer.destination.text)));
            }
        }
        outputs
    }
}
