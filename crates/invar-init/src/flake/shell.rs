//! `mkShell`: the author's own shell.
use rowan::ast::AstNode as _;

use crate::flake::nix::{Value, attributes, calls, value};
use crate::flake::{Reader, unknown};
use crate::nixpkgs::{counterpart, python_minor};

/// Attributes of `mkShell` that name packages.
const PACKAGES: [&str; 4] = ["packages", "buildInputs", "nativeBuildInputs", "inputsFrom"];

/// Variables that uv2nix's shells set for their own sake.
const UV: [&str; 3] = ["UV_NO_SYNC", "UV_PYTHON", "UV_PYTHON_DOWNLOADS"];

impl Reader<'_> {
    pub(super) fn shell(&mut self) {
        let shells = calls(&self.root.clone(), &["mkShell", "mkShellNoCC"]);
        for (number, call) in shells.iter().enumerate() {
            let Some(Value::Set(set)) = call.arguments.first().map(value) else {
                self.note(&call.node, "what is in this shell cannot be read");
                continue;
            };
            if number > 0 {
                self.note(&call.node, "a project has one shell here: the first of the flake");
                continue;
            }
            for (path, content) in attributes(&set) {
                match path.join(".").as_str() {
                    name if PACKAGES.contains(&name) => self.shell_packages(&value(&content)),
                    "shellHook" => self.hook(&value(&content), content.syntax()),
                    "name" => {}
                    name => {
                        let name = name.trim_start_matches("env.");
                        if UV.contains(&name) {
                            continue;
                        }
                        match self.text(&value(&content)) {
                            Some(text) => self.draft.dev_shell.set_in("env", name, text),
                            None => {
                                self.note(content.syntax(), "this variable of the shell has to be computed")
                            }
                        }
                    }
                }
            }
        }
    }

    fn shell_packages(&mut self, list: &Value) {
        let Value::List(items) = list else { return };
        for item in items {
            match item {
                Value::Package(package) if python_minor(package).is_some() => {}
                Value::Package(package) => {
                    let why = match counterpart(package) {
                        Some(counterpart) => {
                            counterpart
                                .packages()
                                .for_each(|name| self.draft.dev_shell.add("packages", name));
                            counterpart.why().map(|why| format!("nixpkgs' {package}: {why}"))
                        }
                        None => Some(unknown(package, "add it to `packages` of the shell")),
                    };
                    if let Some(why) = why {
                        let source = crate::draft::Source { line: 0, ..self.source(&self.root) };
                        self.draft.note(source, "", why);
                    }
                }
                // The environment is there by itself, with the development groups.
                Value::Call(call) if call.function == "mkVirtualEnv" => {}
                Value::Call(call) => self.note(&call.node.clone(), "this part of the shell cannot be read"),
                Value::Unknown(expr) => {
                    self.note(&expr.syntax().clone(), "this part of the shell cannot be read")
                }
                _ => {}
            }
        }
    }

    /// The commands that the shell starts with, without those that uv2nix needs for itself.
    fn hook(&mut self, hook: &Value, node: &rnix::SyntaxNode) {
        let Some(text) = self.text(hook) else {
            self.note(node, "the shell's hook has to be computed");
            return;
        };
        let own = |line: &&str| {
            let line = line.trim();
            !line.is_empty() && line != "unset PYTHONPATH" && !line.contains("REPO_ROOT")
        };
        let lines: Vec<&str> = text.lines().filter(own).map(str::trim_end).collect();
        if !lines.is_empty() {
            self.draft.dev_shell.set("hook", lines.join("\n"));
        }
    }
}
