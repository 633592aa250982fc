//! Texts in the image: files, and scripts with what they need.
use invar_dockerfile::{Text, split_commands};
use invar_nix::Position;

use crate::flake::place::ENVIRONMENT;
use crate::flake::reader::Reader;

/// Programs of Debian's `coreutils` that scripts run most.
const COREUTILS: [&str; 27] = [
    "basename", "cat", "chmod", "chown", "cp", "cut", "date", "dirname", "env", "head", "id", "install",
    "ln", "ls", "mkdir", "mktemp", "mv", "rm", "seq", "sleep", "sort", "tail", "tee", "touch", "tr", "uniq",
    "wc",
];

/// Commands that shells have themselves and that do something apart from starting a program.
const BUILTINS: [&str; 10] = ["[", "cd", "echo", "eval", "exit", "printf", "read", "source", "test", "wait"];

/// Whether a shell has the command `name` itself, or it is one of the small programs that scripts consist of.
pub(super) fn is_of_shell(name: &str) -> bool {
    BUILTINS.contains(&name) || package_of(name).is_some()
}

/// The Debian package of a small program that scripts run.
fn package_of(name: &str) -> Option<&'static str> {
    match name {
        name if COREUTILS.contains(&name) => Some("coreutils"),
        "grep" | "egrep" => Some("grep"),
        "sed" => Some("sed"),
        "find" | "xargs" => Some("findutils"),
        "awk" | "gawk" => Some("gawk"),
        _ => None,
    }
}

impl Reader<'_> {
    pub(super) fn lay_text(
        &mut self,
        content: &str,
        place: &str,
        step: &str,
        is_executable: bool,
        written: Option<&Position>,
    ) {
        let mut content = content.to_owned();
        if let Some(rest) = content.strip_prefix("#!/usr/bin/env python") {
            let line = rest.find('\n').unwrap_or(rest.len());
            self.environment.is_used = true;
            content = format!("#!{ENVIRONMENT}/bin/python3{}", &rest[line..]);
        }
        match self.resolve(&content) {
            Ok(text) => {
                if is_executable {
                    self.needs_of_text(&text);
                }
                self.steps.file(step, place, &text, is_executable);
            }
            Err(why) => self.note(written, place, &why),
        }
    }

    /// What a script of the project needs to be started.
    pub(super) fn needs_of_script(&mut self, path: &str) {
        if let Some(Some(text)) = self.files.get(path).filter(|text| text.is_some()) {
            let first = text.lines().next().unwrap_or_default().to_owned();
            if first.starts_with("#!/usr/bin/env ") {
                self.draft.packages.insert("coreutils".to_owned());
            }
            if first.starts_with("#!") && first.ends_with("sh") {
                self.needs_of_text(text);
            }
        }
    }

    /// The shell and the programs that a script runs.
    fn needs_of_text(&mut self, text: &str) {
        let first = text.lines().next().unwrap_or_default();
        let interpreter = first.strip_prefix("#!").unwrap_or_default().trim();
        if !invar_dockerfile::is_shell(interpreter) {
            return;
        }
        self.draft.shell = true;
        if interpreter.contains("bash") {
            self.draft.packages.insert("bash".to_owned());
        }
        let script = split_commands(&Text::new(text, 0), &[]);
        for program in script.all().iter().filter_map(|command| command.program()) {
            let Some(package) = package_of(program) else { continue };
            self.draft.packages.insert(package.to_owned());
        }
    }
}
