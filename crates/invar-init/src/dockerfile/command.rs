//! The words of `CMD`, `ENTRYPOINT` and `HEALTHCHECK`.
use invar_dockerfile::{Command, Instruction, Scope, ShellCommand, Text, split_commands};

use crate::dockerfile::Reader;
use crate::dockerfile::place::{is_tool, joined};
use crate::dockerfile::runner::{Runner, lines_without_runner, runners_in, without_activation};

/// Words that only a shell knows, or that change the shell itself.
const BUILTINS: [&str; 21] = [
    "!", "((", ".", "[[", "case", "cd", "eval", "export", "for", "if", "local", "set", "shopt", "source",
    "trap", "type", "ulimit", "umask", "until", "while", "{",
];

/// A shell, as the word before a line names it.
struct Shell {
    /// The program with its options, and the option that takes the line.
    words: Vec<String>,
    /// The name of the program.
    name: String,
}

impl Reader<'_> {
    /// The program and its arguments as the image starts them; a shell is used only where the command needs one.
    pub(super) fn command_words(
        &mut self,
        command: &Command,
        instruction: &Instruction,
        scope: &Scope,
    ) -> Option<Vec<String>> {
        let line = match command {
            Command::Exec(words) => {
                let words = words.iter().map(|word| word.text.clone()).collect();
                let words = self.without_nix(words, instruction)?;
                let words = self.without_runner(words, instruction);
                return Some(self.image_words(words, instruction, scope));
            }
            Command::Shell(line) => line.as_str().trim().to_owned(),
        };
        let with_directories = self.with_directories(&without_activation(&line), scope);
        if let Some(words) = plain_words(&with_directories).filter(|_| scope.shell_is_posix()) {
            let words = self.without_nix(words, instruction)?;
            let words = self.without_runner(words, instruction);
            return Some(self.image_words(words, instruction, scope));
        }
        let shell = self.shell_of(instruction, scope)?;
        if !is_posix(&shell.name) {
            return Some([shell.words, vec![line]].concat());
        }
        let line = self.shell_line(&line, instruction, scope);
        self.look_into_scripts(std::slice::from_ref(&line));
        self.add_shell(&shell.name);
        Some([shell.words, vec![line]].concat())
    }

    /// The shell that lines are for, as `SHELL` names it; `None`, and a comment, where Debian has none such.
    fn shell_of(&mut self, instruction: &Instruction, scope: &Scope) -> Option<Shell> {
        let mut words = scope.shell().map(<[String]>::to_vec).unwrap_or_default();
        let at = words.iter().position(|word| !is_env(word)).unwrap_or(0);
        let Some(program) = words.get(at).cloned() else {
            return Some(Shell { words: vec!["/bin/sh".into(), "-c".into()], name: "sh".into() });
        };
        let name = program.rsplit(['/', '\\']).next().unwrap_or(&program).to_owned();
        let name = name.trim_end_matches(".exe").to_ascii_lowercase();
        if ["powershell", "pwsh", "cmd"].contains(&name.as_str()) {
            let why =
                format!("SHELL is {name} here, which Debian does not have: write the command as an array");
            self.note(instruction, &why);
            return None;
        }
        // `/usr/bin/env bash` finds it where the image has it.
        words.drain(..at);
        if name == "ash" || name == "busybox" {
            // What it knows beyond the standard, such as `pipefail`, bash knows.
            words.drain(..if name == "busybox" { 2.min(words.len()) } else { 1 });
            words.insert(0, "/bin/bash".to_owned());
            return Some(Shell { words, name: "bash".to_owned() });
        }
        if is_posix(&name) && !program.starts_with('/') {
            words[0] = format!("/bin/{name}");
        }
        if is_posix(&name) {
            // A login shell sets `PATH` to the system's own folders, which would hide the environment.
            let is_login = |word: &&String| {
                *word == "--login" || word.starts_with('-') && !word.starts_with("--") && word.contains('l')
            };
            if words.iter().skip(1).any(|word| is_login(&word)) {
                let why = "the shell is not a login shell here, because that would reset PATH";
                self.note(instruction, why);
                words = words
                    .iter()
                    .enumerate()
                    .map(|(index, word)| match index > 0 && is_login(&word) {
                        true => word.trim_start_matches("--login").replace('l', ""),
                        false => word.clone(),
                    })
                    .filter(|word| !matches!(word.as_str(), "" | "-"))
                    .collect();
            }
        }
        Some(Shell { words, name })
    }

    /// `line` with the names of folders replaced that the image has elsewhere.
    fn with_directories(&self, line: &str, scope: &Scope) -> String {
        let value = |name: &str| scope.text(name).filter(|_| scope.env().any(|(known, _)| known == name));
        let is_lost = |name: &str| is_tool(name) && name != "VIRTUAL_ENV";
        self.places.without_directory_names(line, value, is_lost)
    }

    /// A line for a shell as the image has it.
    fn shell_line(&mut self, line: &str, instruction: &Instruction, scope: &Scope) -> String {
        let line = self.with_directories(line, scope);
        for found in runners_in(&line) {
            self.read_runner(&found.runner, instruction);
        }
        let line = self.places.in_text(&lines_without_runner(&line));
        self.add_programs(&line);
        line
    }

    /// `words` without what runs a program in an environment: it is in one.
    fn without_runner(&mut self, words: Vec<String>, instruction: &Instruction) -> Vec<String> {
        let Some(runner) = Runner::of(&words) else { return words };
        self.read_runner(&runner, instruction);
        if let Some(directory) = runner.values("--directory").last() {
            let workdir = joined(self.places.workdir.as_deref().unwrap_or("/"), directory);
            self.places.workdir = Some(workdir);
        }
        runner.removed_from(&words)
    }

    /// What a runner is told to install, and what of it nothing here does.
    fn read_runner(&mut self, runner: &Runner, instruction: &Instruction) {
        for (name, value) in &runner.options {
            let value = value.as_deref().unwrap_or_default();
            let why = match name.as_str() {
                "--extra" | "--all-extras" | "--group" | "--all-groups" => {
                    let words = ["uv", "sync", "--no-dev", name, value];
                    self.choose(&words, instruction);
                    continue;
                }
                "--with" | "--with-editable" | "--with-requirements" | "-w" => {
                    format!("if {value} is not in uv.lock, add it with `uv add`")
                }
                "--env-file" => {
                    format!(
                        "the variables in {value} are not set: add them to `env`, or pass them to the container"
                    )
                }
                "--python" | "-p" => "the image always uses Debian's Python".to_owned(),
                "--package" => format!("the image contains the whole project environment, including {value}"),
                "--only-group" => "the image also contains the project's dependencies".to_owned(),
                _ => continue,
            };
            self.note(instruction, &why);
        }
    }

    /// `words` with places as the image has them.
    fn image_words(
        &mut self,
        mut words: Vec<String>,
        instruction: &Instruction,
        scope: &Scope,
    ) -> Vec<String> {
        for index in 0..words.len() {
            let word = words[index].clone();
            let is_started = index == 0 || words[index - 1] == "--";
            let is_line = index > 1 && shell_before(&words[..index]);
            words[index] = match (is_line, is_started) {
                (true, _) => self.shell_line(&word, instruction, scope),
                (_, true) => match self.of_tree(&word) {
                    Some(program) => {
                        // Without a project, nothing but the package itself could have brought it.
                        if !self.context.has_project && !program.contains('/') {
                            let why = format!("{program} is only built by Nix: add a step that builds it");
                            self.note(instruction, &why);
                        }
                        program
                    }
                    None => self.places.program(&word),
                },
                _ => self.places.in_text(&word),
            };
        }
        self.look_into_scripts(&words);
        if let Some(first) = words.first() {
            let name = first.rsplit('/').next().unwrap_or(first).to_owned();
            if ["dumb-init", "gosu", "tini"].contains(&name.as_str()) {
                self.draft.packages.insert(name.clone());
            }
        }
        let shells = words.iter().enumerate().filter(|(index, _)| *index == 0 || words[index - 1] == "--");
        let names: Vec<String> =
            shells.map(|(_, word)| word.rsplit('/').next().unwrap_or(word).to_owned()).collect();
        for name in names.iter().filter(|name| is_posix(name)) {
            self.add_shell(name);
        }
        words
    }

    /// The shell `name`.
    pub(super) fn add_shell(&mut self, name: &str) {
        self.draft.shell = true;
        if let Some(package) = ["bash", "ksh", "zsh"].into_iter().find(|package| *package == name) {
            self.draft.packages.insert(package.to_owned());
        }
    }
}

/// Whether `name` is a shell of the POSIX kind.
pub(super) fn is_posix(name: &str) -> bool {
    matches!(name, "sh" | "bash" | "dash" | "zsh" | "ksh")
}

/// Whether `word` is `env`, or an option of it.
fn is_env(word: &str) -> bool {
    word == "env" || word.ends_with("/env") || word == "-S"
}

/// Whether the next word after `words` is a line that a shell among them reads.
fn shell_before(words: &[String]) -> bool {
    let [.., shell, option] = words else { return false };
    let is_option = |word: &str| word.starts_with('-') && !word.starts_with("--");
    let takes_line = is_option(option) && option.ends_with('c');
    let mut before =
        words[..words.len() - 1].iter().rev().skip_while(|word| is_option(word) || *word == "pipefail");
    let name = before.next().unwrap_or(shell);
    takes_line && is_posix(name.rsplit('/').next().unwrap_or(name))
}

/// The words of a line that is one simple command, in which nothing is left to the moment when it is run.
fn plain_words(line: &str) -> Option<Vec<String>> {
    let script = split_commands(&Text::new(line, 0), &[]);
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
    let first = words.first()?;
    (!BUILTINS.contains(&first.as_str())).then_some(words)
}
