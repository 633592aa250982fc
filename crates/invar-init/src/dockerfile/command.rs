//! The words of `CMD`, `ENTRYPOINT` and `HEALTHCHECK`.
use invar_dockerfile::{Command, Instruction, RunScript, ShellCommand, run_commands};

use crate::dockerfile::Reader;

impl Reader<'_> {
    /// The program and its arguments as the image starts them; a shell is used only where the command needs one.
    pub(super) fn command_words(
        &mut self,
        command: &Command,
        instruction: &Instruction,
    ) -> Option<Vec<String>> {
        let words = match command {
            Command::Exec(words) => words.iter().map(|word| word.text.clone()).collect(),
            Command::Shell(line) => match self.plain_words(command, instruction) {
                Some(words) => words,
                None => {
                    self.draft.shell = true;
                    // Without the runner, of which the image has none.
                    let line = ["uv run ", "poetry run ", "pipenv run ", "pdm run "]
                        .iter()
                        .fold(line.as_str().trim().to_owned(), |line, runner| line.replace(runner, ""));
                    vec!["/bin/sh".to_owned(), "-c".to_owned(), line]
                }
            },
        };
        Some(self.image_words(words))
    }

    /// The words of a line that is one simple command, in which nothing is left to the moment when it is run.
    fn plain_words(&self, command: &Command, instruction: &Instruction) -> Option<Vec<String>> {
        let RunScript::Shell(script) = run_commands(command, instruction) else { return None };
        let commands: Vec<&ShellCommand> = script.commands.iter().collect();
        let one = match commands.as_slice() {
            [one] => one,
            // A health check's `|| exit 1` only says what every failure says.
            [one, exit] if exit.words.first().is_some_and(|word| word.as_str() == "exit") => one,
            _ => return None,
        };
        let is_plain =
            script.complete && one.assignments.is_empty() && one.redirects.is_empty() && one.inner.is_none();
        if !is_plain {
            return None;
        }
        let mut words: Vec<String> = Vec::new();
        for word in &one.words {
            let text = word.literal()?;
            // A pattern is the shell's to expand.
            if !word.quoted && text.contains(['*', '?', '[', '~']) {
                return None;
            }
            words.push(text.to_owned());
        }
        if words.first().is_some_and(|first| first == "exec") {
            words.remove(0);
        }
        let builtin =
            ["cd", "source", ".", "export", "set", "if", "while", "for", "ulimit", "umask", "trap", "eval"];
        let first = words.first()?;
        (!builtin.contains(&first.as_str())).then_some(words)
    }

    /// `words` with places as the image has them, and without what runs a program in an environment: it is in one.
    fn image_words(&mut self, words: Vec<String>) -> Vec<String> {
        let mut words = without_runner(words);
        if let Some(first) = words.first_mut() {
            *first = self.places.program(first);
        }
        for word in words.iter_mut().skip(1) {
            *word = self.places.in_image(word);
        }
        self.look_into_scripts(&words);
        if let Some(first) = words.first() {
            for program in ["tini", "dumb-init", "gosu"] {
                if first == program || first.ends_with(&format!("/{program}")) {
                    self.draft.packages.insert(program.to_owned());
                }
            }
            if first == "sh" || first == "bash" || first.ends_with("/sh") || first.ends_with("/bash") {
                self.add_shell(first.ends_with("bash"));
            }
        }
        words
    }

    pub(super) fn add_shell(&mut self, is_bash: bool) {
        self.draft.shell = true;
        if is_bash {
            self.draft.packages.insert("bash".to_owned());
        }
    }
}

/// The words after `uv run`, `poetry run` and the like, with their options.
pub(super) fn without_runner(words: Vec<String>) -> Vec<String> {
    let name = |word: &str| word.rsplit('/').next().unwrap_or(word).to_owned();
    let [program, run, ..] = words.as_slice() else { return words };
    if run != "run" || !["uv", "poetry", "pipenv", "pdm", "rye", "hatch"].contains(&name(program).as_str()) {
        return words;
    }
    // Options that take a word of their own.
    let with_value = [
        "--project",
        "--directory",
        "--extra",
        "--group",
        "--with",
        "--python",
        "-p",
        "--env-file",
        "--package",
        "--no-group",
    ];
    let mut rest = words.into_iter().skip(2).peekable();
    let mut command: Vec<String> = Vec::new();
    while let Some(word) = rest.next() {
        match word.as_str() {
            "--" => break,
            "-m" | "--module" => {
                command = vec!["python".to_owned(), "-m".to_owned()];
                break;
            }
            option if with_value.contains(&option) => {
                rest.next();
            }
            option if option.starts_with('-') => {}
            // `uv run main.py` runs it with the environment's Python.
            script if script.ends_with(".py") => {
                command = vec!["python".to_owned(), script.to_owned()];
                break;
            }
            _ => {
                command.push(word);
                break;
            }
        }
    }
    command.extend(rest);
    command
}
