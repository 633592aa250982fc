//! The commands that have a meaning here.
use invar_dockerfile::{ShellAssignment, ShellCommand};

use super::arguments::Arguments;
use super::files::{PathContent, is_within, relative};
use super::interpreter::{Interpreter, Outcome, Status};
use super::{FileContent, Owner};

/// Commands that change no file unless their output goes into one.
const PRINTING: [&str; 30] = [
    ":", "true", "echo", "printf", "cat", "ls", "pwd", "env", "printenv", "which", "type", "sleep", "date",
    "grep", "head", "tail", "wc", "sort", "uniq", "tr", "cut", "basename", "dirname", "realpath", "readlink",
    "uname", "id", "whoami", "diff", "cmp",
];
/// Commands of the shell and of nixpkgs' standard environment that change nothing of what is in the output.
const WITHOUT_EFFECT: [&str; 20] = [
    "set",
    "shopt",
    "runHook",
    "ulimit",
    "umask",
    "trap",
    "hash",
    "wait",
    "return",
    "exit",
    "strip",
    "stripHash",
    "patchShebangs",
    "patchPythonScript",
    "moveToOutput",
    "addToSearchPath",
    "nuke-refs",
    "remove-references-to",
    "dontRunHook",
    "sync",
];

impl Interpreter<'_> {
    /// Whether the command does nothing but print.
    pub(super) fn only_prints(&self, command: &ShellCommand) -> bool {
        let into_file = command.redirects.iter().any(|redirect| {
            let target = redirect.target.as_str();
            redirect.operator.contains('>')
                && !redirect.operator.ends_with('&')
                && target != "/dev/null"
                && target != "/dev/stderr"
        });
        let program = command.program().unwrap_or_default();
        !into_file && (PRINTING.contains(&program) || (program == "runHook"))
    }

    /// Does what the command does.
    pub(super) fn execute(&mut self, command: &ShellCommand) -> Outcome {
        if command.words.is_empty() {
            command.assignments.iter().for_each(|assignment| self.assign(assignment));
            return Outcome::DONE;
        }
        let words = match self.expand(&command.words) {
            Ok(words) => words,
            Err(unknown) => {
                if self.only_prints(command) || self.is_test(command) {
                    return Outcome { status: Status::Open, problem: None };
                }
                if matches!(command.program(), Some("export" | "declare" | "local" | "readonly" | "typeset"))
                {
                    self.forget(command);
                    return Outcome::DONE;
                }
                let why = format!("{unknown} is unknown");
                self.unknown_targets(command, &why);
                return Outcome::unread(why);
            }
        };
        let Some((program, rest)) = words.split_first() else { return Outcome::DONE };
        let name = program.rsplit('/').next().unwrap_or(program).to_owned();
        if let Some(target) = self.output_file(command) {
            return match target {
                Ok(target) => self.write(command, &words, &target),
                Err(why) => Outcome::unread(why),
            };
        }
        match name.as_str() {
            "export" | "declare" | "local" | "readonly" | "typeset" => self.export(rest),
            "unset" => {
                rest.iter().for_each(|name| self.variables.unset(name));
                Outcome::DONE
            }
            "false" => Outcome { status: Status::Failure, problem: None },
            "[" | "[[" | "test" => self.test(&words),
            "cd" | "pushd" => self.change_directory(rest),
            "popd" => Outcome::unread("where it goes back to is unknown"),
            "command" | "builtin" | "nice" if rest.first().is_some_and(|word| !word.starts_with('-')) => {
                self.named(rest, command)
            }
            // What makes the standard environment known is no file.
            "source" | "." if rest.first().is_some_and(|file| file.ends_with("/setup")) => Outcome::DONE,
            _ => self.named(&words, command),
        }
    }

    fn named(&mut self, words: &[String], command: &ShellCommand) -> Outcome {
        let Some((program, rest)) = words.split_first() else { return Outcome::DONE };
        let name = program.rsplit('/').next().unwrap_or(program);
        match name {
            "mkdir" => self.mkdir(rest),
            "rmdir" => Outcome::DONE,
            "touch" => self.touch(rest),
            "cp" => self.cp(rest),
            "install" => self.install(rest),
            "ln" => self.ln(rest),
            "mv" => self.mv(rest),
            "rm" => self.rm(rest),
            "chmod" => self.chmod(rest),
            "chown" | "chgrp" => self.chown(name, rest),
            "tee" => Outcome::unread("what it reads is unknown"),
            "sed" => self.sed(rest),
            "makeWrapper" | "makeBinaryWrapper" | "makeShellWrapper" => self.make_wrapper(rest),
            "wrapProgram" | "wrapProgramShell" | "wrapProgramBinary" => self.wrap_program(rest),
            "substituteInPlace" => self.substitute_in_place(rest),
            "substitute" | "substituteAll" => self.substitute(name, rest),
            "substituteAllInPlace" => {
                let files: Vec<String> = rest.to_vec();
                self.changed(&files, "substituteAllInPlace")
            }
            "installShellCompletion" => self.install_shell_completion(rest),
            "installBin" => self.install_into("bin", rest, Some(0o755)),
            "installManPage" | "installManPages" => self.install_manual(rest),
            name if PRINTING.contains(&name) || WITHOUT_EFFECT.contains(&name) => Outcome::DONE,
            _ => {
                let why = "what it does is unknown";
                self.unknown_targets(command, why);
                Outcome::unread(why)
            }
        }
    }

    fn assign(&mut self, assignment: &ShellAssignment) {
        if let Some(elements) = &assignment.elements {
            match self.expand(elements) {
                Ok(values) => self.variables.add_to_array(&assignment.name, values, assignment.appends),
                Err(_) => self.variables.set(&assignment.name, None),
            }
            return;
        }
        let value = self.expander().one(&assignment.value).ok();
        let value = match (assignment.appends, self.variables.get(&assignment.name)) {
            (true, Some(old)) => value.map(|new| format!("{old}{new}")),
            (true, None) if self.variables.has(&assignment.name) => None,
            _ => value,
        };
        self.variables.set(&assignment.name, value);
    }

    fn export(&mut self, words: &[String]) -> Outcome {
        for word in words {
            if let Some((name, value)) = word.split_once('=') {
                self.variables.set(name, Some(value.to_owned()));
            }
        }
        Outcome::DONE
    }

    /// The variables that an `export` gives a value that is unknown.
    fn forget(&mut self, command: &ShellCommand) {
        for word in &command.words[1..] {
            if let Some((name, _)) = word.as_str().split_once('=') {
                self.variables.set(name, None);
            }
        }
    }

    fn change_directory(&mut self, words: &[String]) -> Outcome {
        match words {
            [word] if word != "-" => {
                self.directory = self.path(word);
                Outcome::DONE
            }
            _ => Outcome::unread("where it goes is unknown"),
        }
    }

    /// Marks what an unknown command is told about in the output: files that it probably writes.
    pub(super) fn unknown_targets(&mut self, command: &ShellCommand, why: &str) {
        let source = self.source_of(command);
        let source = source.split_whitespace().collect::<Vec<_>>().join(" ");
        let targets = command.redirects.iter().filter(|redirect| redirect.operator.contains('>'));
        let words = command.words.iter().skip(1).chain(targets.map(|redirect| &redirect.target));
        let paths: Vec<String> = words.filter_map(|word| self.expander().one(word).ok()).collect();
        for word in paths {
            let path = self.path(&word);
            let is_new = matches!(self.files.find(&path), PathContent::Missing);
            if is_new && path != self.output && is_within(&path, &self.output) && self.output != "/" {
                let put = FileContent::Unknown { command: source.clone(), why: why.to_owned() };
                let at = self.at.clone();
                self.files.put(&path, put, None, &at);
            }
        }
    }

    fn chmod(&mut self, words: &[String]) -> Outcome {
        let arguments = Arguments::of(words, &["reference"]);
        // `-x` and similar are modes, not options.
        let Some(mode) = words.iter().find(|word| is_mode(word)).cloned() else {
            return Outcome::unread("the mode is unknown");
        };
        let recursive = arguments.has(&["R", "recursive"]);
        let bits = u32::from_str_radix(&mode, 8).ok().filter(|bits| *bits <= 0o7777);
        let executable = mode.contains('x') && mode.contains(['+', '=']);
        // The owner's right to write is of no consequence: nothing is written to an image.
        if bits.is_none() && !executable {
            return Outcome::DONE;
        }
        for word in words.iter().filter(|word| **word != mode && !word.starts_with('-')) {
            let path = self.path(word);
            let below = if recursive { self.files.below(&path) } else { Vec::new() };
            let below: Vec<String> = below.into_iter().map(|(path, _)| path).collect();
            self.settle(&path);
            for path in std::iter::once(&path).chain(&below) {
                if let Some(entry) = self.files.entry_mut(path) {
                    let is_directory = entry.put == FileContent::Directory;
                    match bits {
                        Some(bits) => entry.mode = Some(bits),
                        None if !is_directory => entry.mode = Some(entry.mode.unwrap_or(0o644) | 0o111),
                        None => {}
                    }
                }
            }
        }
        Outcome::DONE
    }

    /// Makes a part of what was put as a whole an entry of its own.
    pub(super) fn settle(&mut self, path: &str) {
        if self.files.entry_mut(path).is_none()
            && is_within(path, &self.output)
            && let PathContent::Put(put @ FileContent::Project { .. }, mode) = self.files.find(path)
        {
            let at = self.at.clone();
            self.files.put(path, put, mode, &at);
        }
    }

    fn chown(&mut self, program: &str, words: &[String]) -> Outcome {
        let arguments = Arguments::of(words, &["from", "reference"]);
        let Some((owner, paths)) = arguments.operands.split_first() else { return Outcome::DONE };
        let owner = if program == "chgrp" { format!(":{owner}") } else { owner.clone() };
        for word in paths {
            let path = self.path(word);
            if is_within(&path, &self.output) {
                let path = relative(&path, &self.output);
                let recursive = arguments.has(&["R", "recursive"]);
                self.owners.push(Owner { at: self.at.clone(), path, owner: owner.clone(), recursive });
            }
        }
        Outcome::DONE
    }
}

fn is_mode(word: &str) -> bool {
    let octal = !word.is_empty() && word.len() <= 4 && word.chars().all(|c| ('0'..='7').contains(&c));
    octal
        || (word.contains(['+', '=', '-'])
            && word.trim_start_matches('-') != "R"
            && word.chars().all(|c| "ugoarwxXst+-=,".contains(c)))
}
