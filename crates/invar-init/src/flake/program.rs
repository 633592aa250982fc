//! Packages and apps: what is started.
use std::rc::Rc;

use invar_flake::{App, Derivation, FlakeValue, Piece};
use invar_nix::SymbolId;
use toml::Value;

use crate::draft::Source;
use crate::flake::place::ENVIRONMENT;
use crate::flake::reader::Reader;
use crate::nixpkgs::counterpart;

impl Reader<'_> {
    /// A package: what it puts where is in the root, and its program is what the image runs.
    pub(super) fn package(&mut self, symbol: Option<SymbolId>, derivation: &Derivation) {
        let Some(symbol) = symbol else {
            let place = self.output_place.clone();
            self.note(place.as_ref(), "", "this output is not a known package");
            return;
        };
        if self.python_application(symbol, derivation) {
            return;
        }
        if let Some(why) = self.unbuildable(derivation) {
            let place = self.output_place.clone();
            self.note(place.as_ref(), "", &why);
            return;
        }
        let root = self.root.clone();
        self.lay(symbol, derivation, &root, None);
        self.lay_all();
        let program = derivation.main_program().unwrap_or_default();
        self.start_program(&program);
    }

    /// `buildPythonApplication`: the project itself, installed.
    pub(super) fn python_application(&mut self, symbol: SymbolId, derivation: &Derivation) -> bool {
        if !matches!(derivation.function.as_str(), "buildPythonApplication" | "buildPythonPackage") {
            return false;
        }
        self.add_python_derivation(symbol, derivation);
        let program = derivation.main_program().unwrap_or_default();
        self.start_program(&program);
        true
    }

    /// An app: its program, which a package has.
    pub(super) fn app(&mut self, app: &App) {
        let Some(text) = app.program.text().map(str::to_owned) else {
            self.note(app.program.place.as_ref(), "", "the program of this app is unknown");
            return;
        };
        if let Some(Piece::Thing(symbol)) = self.flake.pieces(&text).first().cloned() {
            self.lay_root(symbol);
        }
        match self.resolve(&text) {
            Ok(program) => {
                self.lay_all();
                self.start_at(&program);
            }
            Err(why) => self.note(app.program.place.as_ref(), &text, &why),
        }
    }

    /// Lays a derivation over the root, if it is one that is known.
    fn lay_root(&mut self, symbol: SymbolId) {
        if let FlakeValue::Derivation(derivation) = &*Rc::clone(&self.flake.thing(symbol)) {
            if self.python_application(symbol, derivation) {
                return;
            }
            // A script without a directory is no root.
            let is_file = derivation.text("destination") == Some("");
            if self.unbuildable(derivation).is_none() && !is_file {
                let root = self.root.clone();
                self.lay(symbol, derivation, &root, None);
            }
        }
    }

    /// An output that is no derivation: an environment, a package of nixpkgs, an application.
    pub(super) fn thing_as_image(&mut self, symbol: Option<SymbolId>, thing: &FlakeValue) {
        let place = self.output_place.clone();
        match thing {
            FlakeValue::Environment(environment) => {
                self.add_to_environment(environment);
                if let Some(symbol) = symbol {
                    self.lay_changes(symbol, &environment.changes);
                }
                let name = environment.changes.get("meta").and_then(|meta| meta.get("mainProgram"));
                let name = name.and_then(invar_flake::Datum::text).unwrap_or_default().to_owned();
                self.start_program(&name);
            }
            FlakeValue::Application { environment, package, .. } => {
                if let Some(symbol) = symbol.or(environment.thing())
                    && let Err(why) = self.locate(symbol, "")
                {
                    self.note(place.as_ref(), "", &why);
                }
                let name = package.thing().map(|symbol| self.name_of(symbol)).unwrap_or_default();
                self.start_program(&name);
            }
            FlakeValue::PythonPackage(package) => {
                self.environment.is_used = true;
                self.start_program(&package.name.clone());
            }
            FlakeValue::Package(package) => {
                let name = package.name();
                if let Some(symbol) = symbol {
                    match self.locate(symbol, &format!("/bin/{name}")) {
                        Ok(_) => {
                            if let Some(found) = counterpart(&name) {
                                self.start_at(&found.main_program());
                            }
                        }
                        Err(why) => self.note(place.as_ref(), &name, &why),
                    }
                }
            }
            FlakeValue::Interpreter(_) | FlakeValue::InterpreterEnvironment { .. } => {
                if let Some(symbol) = symbol
                    && let Err(why) = self.locate(symbol, "/bin/python")
                {
                    self.note(place.as_ref(), "", &why);
                }
            }
            FlakeValue::Choice { condition, yes, .. } => {
                let why = format!("it depends on {condition}, which is unknown and assumed to be true");
                self.note(place.as_ref(), "", &why);
                if let Some(symbol) = yes.thing() {
                    match &*Rc::clone(&self.flake.thing(symbol)) {
                        FlakeValue::Derivation(derivation) => self.package(Some(symbol), derivation),
                        FlakeValue::Choice { .. } => {}
                        other => self.thing_as_image(Some(symbol), other),
                    }
                }
            }
            FlakeValue::Unknown(description) => {
                self.note(
                    place.as_ref(),
                    "",
                    &format!("{description} is unknown, so it cannot be converted"),
                );
            }
            FlakeValue::Call { function, .. } => {
                let why = format!("the result of pkgs.{} is unknown", function.join("."));
                self.note(place.as_ref(), "", &why);
            }
            _ => self.note(place.as_ref(), "", "this output cannot be an image"),
        }
    }

    /// Starts the program `name` of what is in the root, or of the environment.
    fn start_program(&mut self, name: &str) {
        if !self.starts {
            return;
        }
        let program = format!("/bin/{name}");
        if !name.is_empty() && self.steps.has(&program) {
            return self.start_at(&program);
        }
        let only: Vec<String> = self.steps.programs();
        if let [only] = only.as_slice() {
            return self.start_at(&only.clone());
        }
        let of_project = self.project.scripts.contains(name) || name.is_empty();
        let is_only = self.project.scripts.iter().next().filter(|_| self.project.scripts.len() == 1);
        let script =
            if self.project.scripts.contains(name) { Some(name.to_owned()) } else { is_only.cloned() };
        if let Some(script) = script.filter(|_| of_project) {
            self.draft.image.set("command", vec![script.as_str()]);
            self.note_uninstalled(&script);
        }
        // Otherwise the project's files show what it runs: `read_project` knows how.
    }

    /// Notes that uv does not install a program which uv2nix does: it builds with setuptools what names no build
    /// system.
    fn note_uninstalled(&mut self, script: &str) {
        if !self.project.is_package && self.project.scripts.contains(script) {
            let why = "uv only installs it if pyproject.toml has a build system: add `[build-system]`, with requires = [\"setuptools\"]";
            self.draft.note(
                Source { file: "pyproject.toml", line: 0 },
                &format!("[project.scripts] {script}"),
                why,
            );
        }
    }

    /// Starts what is at `path`.
    pub(super) fn start_at(&mut self, path: &str) {
        if !self.starts {
            return;
        }
        if let Some(name) = path.strip_prefix(ENVIRONMENT).and_then(|rest| rest.strip_prefix("/bin/")) {
            self.note_uninstalled(name);
            self.draft.image.set("command", vec![name]);
            return;
        }
        // A wrapper that only sets variables for a program of the environment is what the image itself can say.
        if let Some((program, env)) = self.steps.take_plain_wrap(path) {
            let name = program.rsplit('/').next().unwrap_or(&program).to_owned();
            self.draft.image.set("command", vec![name]);
            for (name, value) in env {
                self.draft.image.set_in("env", &name, value);
            }
            return;
        }
        self.draft.image.set("entrypoint", Value::Array(vec![path.into()]));
    }
}
