//! The first process of a container, which the kernel treats in its own way.
use invar_dockerfile::Command;
use toml::Value;

use crate::dockerfile::Reader;
use crate::dockerfile::runner::without_runner;

/// What to put before a program so that it is not the first process.
const INIT: [&str; 2] = ["tini", "--"];

/// Programs that are made to be the first process.
const INITS: [&str; 4] = ["catatonit", "dumb-init", "s6-svscan", "tini"];

/// Programs, also as modules of Python, that do not ask for `SIGTERM`. What a project's own program does is unknown.
const DEAF: [&str; 2] = ["flask", "http.server"];

impl Reader<'_> {
    /// Puts a first process before the program. The kernel drops signals that the first process does not ask for, so
    /// that a program to which `uv run` passed `SIGTERM` on would be killed when the engine's time is up.
    pub(super) fn add_init(&mut self) {
        let entrypoint = match self.draft.image.get("entrypoint") {
            Some(Value::Array(words)) => words.clone(),
            _ => Vec::new(),
        };
        let first = entrypoint.first().and_then(Value::as_str).unwrap_or_default();
        if INITS.contains(&first.rsplit('/').next().unwrap_or(first)) {
            return;
        }
        let words = INIT.iter().map(|word| Value::String((*word).to_owned())).chain(entrypoint);
        self.draft.image.set("entrypoint", words.collect::<Vec<_>>());
        self.draft.packages.insert(INIT[0].to_owned());
    }
}

/// Whether `command` starts its program by `uv run` or similar.
pub(super) fn has_runner(command: &Command) -> bool {
    let words: Vec<String> = match command {
        Command::Exec(words) => words.iter().map(|word| word.text.clone()).collect(),
        Command::Shell(line) => line.as_str().split_whitespace().map(str::to_owned).collect(),
    };
    without_runner(words.clone()).len() < words.len()
}

/// Whether the program of `words` does not hear as the first process that it is to end.
pub(super) fn is_deaf(words: &[String]) -> bool {
    let program = match words {
        [python, flag, module, ..] if python.starts_with("python") && flag == "-m" => module,
        [first, ..] => first,
        [] => return false,
    };
    DEAF.contains(&program.rsplit('/').next().unwrap_or(program))
}
