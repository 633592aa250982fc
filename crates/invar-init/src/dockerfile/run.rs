//! `RUN`: packages that are installed, accounts that are made, and everything that a lock does instead.
use invar_dockerfile::{Command, Instruction, RunScript, Scope, ShellCommand, run_commands};

use crate::distribution::{Counterpart, Manager};
use crate::dockerfile::python::installs_python;
use crate::dockerfile::{DockerfileError, Reader};

/// Commands that only serve others, or that leave nothing in an image that needs them.
const SERVING: [&str; 19] = [
    "set", "cd", "echo", "true", "export", "rm", "test", "[", "mkdir", "sleep", "ls", "printf", "exit", ":",
    "which", "type", "clear", "unset", "command",
];

/// Options of package managers that take a word of their own.
const WITH_VALUE: [&str; 7] = ["-t", "-o", "--target-release", "--virtual", "-c", "--repository", "-X"];

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
                self.note(instruction, "what this script does has to be done in a step");
                return Ok(());
            }
        };
        let mut left: Vec<String> = Vec::new();
        for command in script.all() {
            let words: Vec<Option<String>> = command
                .words
                .iter()
                .map(|word| {
                    word.expand(scope).ok().filter(|found| found.missing.is_empty()).map(|found| found.text)
                })
                .collect();
            // What is installed from it is noted.
            let adds_archive = adds_archive(&self.shown(command));
            self.has_foreign_archive |= adds_archive;
            // What installs Python packages, or leaves nothing, does so with whatever words.
            let is_enough = words.iter().all(Option::is_some) || shows_by_program(&words);
            let words: Vec<String> = words.into_iter().flatten().collect();
            let is_done = is_enough && self.command(&words, instruction, scope, is_final)?;
            let is_done = is_done || is_enough && self.collects(command, &words, scope);
            if !is_done && !adds_archive && is_final {
                left.push(self.shown(command));
            }
        }
        if !left.is_empty() {
            let source = self.source(instruction);
            self.draft.note(
                source,
                &format!("RUN {}", left.join(" && ")),
                "if the image needs what this does, make it in a step; with `environment = true` one has the project's packages",
            );
        }
        Ok(())
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
        if program == "mkdir" && is_final {
            self.make_directories(rest);
        }
        // What only tells its version is there for whoever reads the build's output.
        if SERVING.contains(&program) || matches!(rest, ["--version" | "-V"]) {
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
                if program == "chmod" && is_final {
                    self.change_mode(rest);
                }
                let paths = rest.iter().filter(|word| !word.starts_with('-')).skip(1);
                Ok(paths.into_iter().all(|path| self.is_project(path)))
            }
            // Compiled ahead by itself.
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
        !path.starts_with('-') && self.places.is_project(&self.places.absolute(path)) || path.ends_with(".sh")
    }

    fn install(&mut self, manager: Manager, words: &[&str], instruction: &Instruction, is_final: bool) {
        let verb = words.iter().find(|word| !word.starts_with('-')).copied().unwrap_or_default();
        if !["install", "add", "groupinstall"].contains(&verb) {
            return;
        }
        let mut names = Vec::new();
        let mut rest = words.iter().skip_while(|word| **word != verb).skip(1);
        let mut is_virtual = false;
        while let Some(word) = rest.next() {
            match *word {
                option if WITH_VALUE.contains(&option) => {
                    is_virtual |= option == "--virtual";
                    rest.next();
                }
                option if option.starts_with('-') => is_virtual |= option.starts_with("--virtual"),
                name if name.starts_with(['.', '/']) || name.contains("://") => {
                    self.note(
                        instruction,
                        "a package from a file or an address cannot be locked: name one of Debian's",
                    );
                }
                name => names.push(name),
            }
        }
        for name in &names {
            self.build_packages.add(manager, name);
        }
        // Alpine's virtual packages are taken away again when what they build is built.
        if is_virtual || !is_final {
            return;
        }
        if self.has_foreign_archive && manager == Manager::Apt && !names.is_empty() {
            let why = format!(
                "take those of {} out of `packages` that Debian does not have: a step can make what they bring from a \
                 file that it fetches",
                names.join(", ")
            );
            self.note(instruction, &why);
        }
        for name in names {
            let (name, version) = match name.split_once(['=', '~', '/']) {
                Some((name, version)) => (name, Some(version)),
                None => (name, None),
            };
            let name = name.split(':').next().unwrap_or(name);
            match manager.counterpart(name) {
                Counterpart::Packages(packages) if packages.is_empty() => {}
                Counterpart::Packages(packages) => {
                    let before = match version {
                        Some(version) => format!("{name} {version}, without a hash"),
                        None => format!("{name} (whatever is newest that day)"),
                    };
                    self.draft.pin("package", before, format!("{}, by sha256", packages.join(", ")));
                    self.draft.packages.extend(packages);
                }
                Counterpart::Unknown => {
                    let why = format!("no Debian package is known for {name}: add it to `packages`");
                    self.note(instruction, &why);
                }
            }
        }
    }
}

/// Whether the program of `words`, of which some are not known, is enough to know what a command does.
fn shows_by_program(words: &[Option<String>]) -> bool {
    let Some(Some(first)) = words.first() else { return false };
    let program = first.rsplit('/').next().unwrap_or(first);
    let rest: Vec<&str> = words[1..].iter().filter_map(Option::as_deref).collect();
    SERVING.contains(&program) || installs_python(program, &rest)
}

/// Whether a command tells apt of an archive that is not Debian's own.
fn adds_archive(command: &str) -> bool {
    ["/etc/apt/sources.list", "/etc/apt/keyrings", "add-apt-repository ", "apt-key "]
        .iter()
        .any(|sign| command.contains(sign))
}
