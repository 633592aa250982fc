//! `RUN`: packages that are installed, accounts that are created, and everything that a lock does instead.
use invar_dockerfile::{
    Command, Instruction, RunScript, Scope, ShellCommand, ShellWord, Text, run_commands, split_commands,
};

use crate::distribution::Manager;
use crate::dockerfile::command::is_posix;
use crate::dockerfile::moved::Relocation;
use crate::dockerfile::place::below;
use crate::dockerfile::python::installs_python;
use crate::dockerfile::runner::is_activation;
use crate::dockerfile::script::makes_executable;
use crate::dockerfile::{DockerfileError, Reader};

/// Commands that only serve others, or that leave nothing in an image that needs them; not where their output goes into
/// a file.
const SERVING: [&str; 36] = [
    ":", "[", "basename", "cat", "cd", "clear", "command", "cut", "date", "dirname", "echo", "exit",
    "export", "grep", "head", "hostname", "id", "ls", "mkdir", "nproc", "printenv", "printf", "pwd", "rm",
    "set", "sleep", "sort", "tail", "test", "tr", "true", "type", "uname", "unset", "wc", "which",
];

impl Reader<'_> {
    /// Reads a `RUN`; `is_final` where it is in the image itself, and not in a stage that the image copies from.
    pub(super) fn run(
        &mut self,
        command: &Command,
        instruction: &Instruction,
        scope: &Scope,
        is_final: bool,
    ) -> Result<(), DockerfileError> {
        let script = match run_commands(command, instruction) {
            RunScript::Shell(script) => script,
            RunScript::Program { .. } => {
                self.note(instruction, "do the work of this script in a step");
                return Ok(());
            }
        };
        if !scope.shell_is_posix() {
            if is_final {
                self.note(instruction, "SHELL is not a known shell: do the work of this command in a step");
            }
            return Ok(());
        }
        self.mounts(instruction);
        let mut left: Vec<String> = Vec::new();
        // Names that the script gives values itself are known from there on.
        let mut scope = scope.clone();
        for command in script.all() {
            assign(command, &mut scope);
            let words = expanded(command, &scope);
            // What is installed from it is noted.
            let adds_archive = adds_archive(&self.shown(command));
            self.has_foreign_archive |= adds_archive;
            // What installs packages, or leaves nothing, does so with whatever words.
            let is_enough = words.iter().all(Option::is_some) || shows_by_program(&words);
            if is_final {
                self.written(command, &scope);
            }
            let known: Vec<String> = words.iter().flatten().cloned().collect();
            let is_done = is_enough && self.command(&known, instruction, &scope, is_final)?;
            let is_done = is_done && !writes(command) || is_enough && self.collects(command, &known, &scope);
            if is_done && is_final && known.len() < words.len() && installs_packages(&known) {
                self.note(
                    instruction,
                    "this command installs more than it names: add the rest to `packages`",
                );
            }
            if !is_done && !adds_archive && is_final {
                left.push(self.shown(command));
            }
        }
        if !left.is_empty() {
            let source = self.source(instruction);
            self.draft.note(
                source,
                &format!("RUN {}", left.join(" && ")),
                "if the image needs this, do it in a step; with `environment = true` the step has the project's packages",
            );
        }
        Ok(())
    }

    /// What an instruction is given from outside, and no build of Invar has.
    fn mounts(&mut self, instruction: &Instruction) {
        let values = instruction.flags.iter().filter(|flag| flag.name == "mount");
        let values = values.filter_map(|flag| flag.value.as_ref());
        let is_kind = |kind: &str| {
            values
                .clone()
                .any(|value| value.text.split(',').any(|part| part.trim() == format!("type={kind}")))
        };
        if is_kind("secret") {
            let why = "builds and steps have no secrets; Python packages are fetched with your own credentials, as uv \
                       fetches them";
            self.note(instruction, why);
        }
        if is_kind("ssh") {
            self.note(
                instruction,
                "builds and steps have no SSH agent: fetch this over https, or pin it in uv.lock",
            );
        }
        if instruction.flag_value("security").is_some_and(|value| value.text == "insecure") {
            self.note(instruction, "steps have no additional privileges");
        }
    }

    /// Remembers the files that a command makes: they are no directories, whoever they are given to.
    fn written(&mut self, command: &ShellCommand, scope: &Scope) {
        let known = |word: &ShellWord| {
            word.expand(scope).ok().filter(|found| found.missing.is_empty()).map(|found| found.text)
        };
        let targets = command.redirects.iter().filter(|redirect| redirect.operator.starts_with('>'));
        let mut files: Vec<String> = targets.filter_map(|redirect| known(&redirect.target)).collect();
        let words: Vec<String> = command.words.iter().filter_map(known).collect();
        let mut arguments = words.iter().skip(1).filter(|word| !word.starts_with('-'));
        match command.program() {
            Some("touch" | "tee" | "truncate" | "mkfifo") => files.extend(arguments.cloned()),
            Some("cp" | "install" | "ln")
                if !words.iter().any(|word| is_option(word, 'r') || is_option(word, 'a')) =>
            {
                files.extend(arguments.next_back().filter(|path| !path.ends_with('/')).cloned());
            }
            Some("curl" | "wget") => {
                let is_output =
                    |word: &&String| ["-o", "-O", "--output", "--output-document"].contains(&word.as_str());
                let at = words.iter().position(|word| is_output(&word));
                files.extend(at.and_then(|at| words.get(at + 1)).cloned());
            }
            _ => {}
        }
        for file in files.into_iter().filter(|file| !file.starts_with('&')) {
            let file = self.places.absolute(&file);
            self.accounts.written.insert(file);
        }
    }

    /// `cp`, `mv`, `ln -s` or `install` of a file of the project to another place; returns whether it is that.
    fn copied_by(&mut self, program: &str, words: &[&str]) -> bool {
        let mut mode = None;
        let mut paths: Vec<&str> = Vec::new();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match *word {
                "-m" | "--mode" if program == "install" => mode = words.next().copied(),
                "-o" | "-g" | "--owner" | "--group" if program == "install" => _ = words.next(),
                "-t" | "--target-directory" | "-r" | "-R" | "-a" => return false,
                option if option.starts_with('-') => {
                    mode = option.strip_prefix("--mode=").or(option.strip_prefix("-m")).or(mode);
                }
                path => paths.push(path),
            }
        }
        let Some((destination, sources)) = paths.split_last().filter(|(_, sources)| !sources.is_empty())
        else {
            return false;
        };
        let into = sources.len() > 1 || destination.ends_with('/') || *destination == ".";
        let found: Vec<String> = sources.iter().filter_map(|source| self.project_file(source)).collect();
        if found.len() != sources.len() {
            return false;
        }
        for from in found {
            let name = from.rsplit('/').next().unwrap_or(&from);
            let to = match into {
                true => format!("{}/{name}", destination.trim_end_matches('/')),
                false => (*destination).to_owned(),
            };
            let to = self.places.seen_from_here(&to);
            // `install` makes executable what it is not told otherwise.
            if program == "install" && mode.is_none_or(makes_executable) {
                self.start(from.clone());
            }
            self.moved.push(Relocation { from, to, is_directory: false });
        }
        true
    }

    fn shown(&self, command: &ShellCommand) -> String {
        self.text.get(command.span.range()).unwrap_or_default().replace("\\\n", " ")
    }

    /// Reads one command; returns whether nothing of it is left.
    fn command(
        &mut self,
        words: &[String],
        instruction: &Instruction,
        scope: &Scope,
        is_final: bool,
    ) -> Result<bool, DockerfileError> {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let Some((first, rest)) = words.split_first() else { return Ok(true) };
        let program = first.rsplit('/').next().unwrap_or(first);
        if program == "sudo" || program == "exec" || program == "env" {
            let rest: Vec<String> =
                rest.iter().filter(|word| !word.contains('=')).map(|word| (*word).to_owned()).collect();
            return self.command(&rest, instruction, scope, is_final);
        }
        let owned: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        if let Some(inner) = self.nix_command(&owned, instruction, is_final) {
            // A line for a shell, in the one that Nix makes.
            let [shell, option, line, ..] = inner.as_slice() else {
                return self.command(&inner, instruction, scope, is_final);
            };
            if !is_posix(shell.rsplit('/').next().unwrap_or(shell)) || !is_option(option, 'c') {
                return self.command(&inner, instruction, scope, is_final);
            }
            let mut is_done = true;
            for command in split_commands(&Text::new(line, 0), &[]).all() {
                let words = expanded(command, scope);
                let known: Vec<String> = words.iter().flatten().cloned().collect();
                is_done &=
                    words.len() == known.len() && self.command(&known, instruction, scope, is_final)?;
            }
            return Ok(is_done);
        }
        if program == "mkdir" && is_final {
            self.make_directories(rest, instruction);
        }
        if program == "install" && rest.iter().any(|word| is_option(word, 'd') || *word == "--directory") {
            if is_final {
                self.install_directories(rest, instruction);
            }
            return Ok(true);
        }
        if ["cp", "install", "ln", "mv"].contains(&program) && is_final && self.copied_by(program, rest) {
            return Ok(true);
        }
        if is_posix(program) && matches!(rest, [option, _line] if is_option(option, 'c')) {
            return Ok(true);
        }
        if program == "for" && rest.get(1) == Some(&"in") {
            return Ok(true);
        }
        // What only tells its version is there for whoever reads the build's output.
        if SERVING.contains(&program) || matches!(rest, ["--version" | "-V"]) || is_activation(&words) {
            return Ok(true);
        }
        if let Some(manager) = Manager::of(program) {
            self.install(manager, rest, instruction, is_final);
            return Ok(true);
        }
        if installs_python(program, rest) {
            return self.python(&words, instruction, scope).map(|()| true);
        }
        match program {
            "useradd" | "adduser" | "groupadd" | "addgroup" => {
                self.account(program, rest);
                Ok(true)
            }
            "chown" => {
                if is_final {
                    self.own_directories(rest);
                }
                Ok(true)
            }
            // Files belong to root and can be read by everybody; what a program may write is a directory of its own.
            "chgrp" | "chmod" => {
                let mut is_opened = false;
                if program == "chmod" && is_final {
                    self.change_mode(rest);
                    is_opened = self.open_directories(rest);
                }
                let paths = rest.iter().filter(|word| !word.starts_with('-')).skip(1);
                Ok(is_opened || paths.into_iter().all(|path| self.is_project(path)))
            }
            // A script with another system's line ends would not start; one without any is as it would be afterwards.
            "sed" | "dos2unix" if program == "dos2unix" || rest.iter().any(|word| word.contains(r"\r")) => {
                let paths = rest.iter().filter(|word| !word.starts_with('-') && !word.contains(r"\r"));
                let has_none = |path: &&&str| {
                    let file =
                        self.project_file(path).and_then(|file| self.context.files.get(&file)?.as_deref());
                    file.is_some_and(|text| !text.contains('\r'))
                };
                let mut paths = paths.peekable();
                Ok(paths.peek().is_some() && paths.all(|path| has_none(&path)))
            }
            // Compiled ahead on its own.
            "python" | "python3" if rest.first() == Some(&"-m") && rest.get(1) == Some(&"compileall") => {
                Ok(true)
            }
            // Pinning tools by their checksums is what locks do.
            "apt-mark" | "update-ca-certificates" | "dpkg-reconfigure" | "ldconfig" | "corepack" => Ok(true),
            _ => Ok(false),
        }
    }

    /// Whether `path`, as a command in the project's folder names it, is in the project.
    fn is_project(&self, path: &str) -> bool {
        let directory = path.strip_suffix("/*").or(path.strip_suffix("/*.sh"));
        let has_moved = directory
            .is_some_and(|directory| self.moved.iter().any(|moved| below(&moved.to, directory).is_some()));
        has_moved
            || !path.starts_with('-') && self.places.is_project(&self.places.absolute(path))
            || path.ends_with(".sh")
            || self.project_file(path).is_some()
    }
}

/// Gives `scope` the values that `command` gives names: `A=b`, `export A=b`, `for a in b c`.
fn assign(command: &ShellCommand, scope: &mut Scope) {
    let known = |word: &ShellWord, scope: &Scope| {
        word.expand(scope).ok().filter(|found| found.missing.is_empty()).map(|found| found.text)
    };
    if command.words.is_empty() {
        for assignment in &command.assignments {
            let value = known(&assignment.value, scope);
            scope.set_env(&assignment.name, value);
        }
    }
    let words: Vec<Option<String>> = command.words.iter().map(|word| known(word, scope)).collect();
    let text = |at: usize| words.get(at).and_then(Option::as_deref);
    match text(0) {
        Some("export" | "readonly" | "local" | "declare") => {
            for word in words[1..].iter().flatten() {
                if let Some((name, value)) = word.split_once('=') {
                    scope.set_env(name, Some(value.to_owned()));
                }
            }
        }
        Some("for") if text(2) == Some("in") => {
            let values: Option<Vec<&str>> = words[3..].iter().map(Option::as_deref).collect();
            if let Some(name) = text(1) {
                scope.set_env(name, values.map(|values| values.join(" ")));
            }
        }
        _ => {}
    }
}

/// The words of `command`, each with its names replaced, and split where a shell splits it; `None` for those that are
/// not known.
fn expanded(command: &ShellCommand, scope: &Scope) -> Vec<Option<String>> {
    let mut words = Vec::new();
    for word in &command.words {
        let known = word.expand(scope).ok().filter(|found| found.missing.is_empty()).map(|found| found.text);
        let is_split = !word.quoted && word.literal().is_none();
        match known {
            Some(text) if is_split => words.extend(text.split_whitespace().map(|text| Some(text.to_owned()))),
            known => words.push(known),
        }
    }
    words
}

/// Whether the output of `command` goes into a file that an image has.
fn writes(command: &ShellCommand) -> bool {
    let passing = ["/dev/", "/tmp/", "/etc/apt/", "/etc/nix/", "/proc/"];
    command.redirects.iter().any(|redirect| {
        let target = redirect.target.as_str();
        redirect.operator.starts_with('>')
            && !redirect.operator.contains('&')
            && !passing.iter().any(|directory| target.starts_with(directory))
    })
}

/// Whether `words` start a package manager of a distribution.
fn installs_packages(words: &[String]) -> bool {
    let mut words = words.iter().map(|word| word.rsplit('/').next().unwrap_or(word));
    words.find(|word| *word != "sudo").is_some_and(|word| Manager::of(word).is_some())
}

/// Whether `word` is an option with the letter `letter`.
fn is_option(word: &str, letter: char) -> bool {
    word.starts_with('-') && !word.starts_with("--") && word.contains(letter)
}

/// Whether the program of `words`, of which some are unknown, is enough to know what a command does.
fn shows_by_program(words: &[Option<String>]) -> bool {
    let Some(Some(first)) = words.first() else { return false };
    let program = first.rsplit('/').next().unwrap_or(first);
    let rest: Vec<&str> = words[1..].iter().filter_map(Option::as_deref).collect();
    SERVING.contains(&program) || installs_python(program, &rest) || Manager::of(program).is_some()
}

/// Whether a command tells apt of an archive that is not Debian's own.
fn adds_archive(command: &str) -> bool {
    ["/etc/apt/sources.list", "/etc/apt/keyrings", "add-apt-repository ", "apt-key "]
        .iter()
        .any(|sign| command.contains(sign))
}
