//! The project's environment: its interpreter, and which extras and groups it has.
use std::collections::BTreeSet;

use invar_flake::{Data, Datum, Derivation, Environment, FlakeValue, Interpreter, PythonSet};
use invar_nix::{Position, SymbolId};
use toml::Value;

use crate::flake::reader::Reader;
use crate::nixpkgs::python_minor;
use crate::project::normalize;

/// The interpreters that Debian has, by minor version, and the suites that have them.
const SUITES: [(u32, &str); 2] = [(11, "bookworm"), (13, "trixie")];

impl Reader<'_> {
    /// Adds what an environment has to that of the image, or of the shell.
    pub(super) fn add_to_environment(&mut self, environment: &Environment) {
        self.environment.is_used = true;
        self.add_dependencies(&environment.dependencies);
        if let Some(symbol) = environment.set.thing() {
            self.add_set(symbol);
        }
        for (name, datum) in &environment.changes {
            // Which of two packages wins where both have a file is uv's to say.
            let ignored =
                ["venvIgnoreCollisions", "venvSkip", "passthru", "meta", "nativeBuildInputs", "buildInputs"];
            let is_phase = name.starts_with("pre") || name.starts_with("post") || name.ends_with("Phase");
            if !ignored.contains(&name.as_str()) && !is_phase {
                self.note(
                    datum.place.as_ref(),
                    "",
                    &format!("{name} of the environment has no equivalent in Invar"),
                );
            }
        }
    }

    /// `{ project = [ "extra" "group" ]; other = [ ]; }`
    fn add_dependencies(&mut self, dependencies: &Datum) {
        let Some(all) = dependencies.attributes() else {
            if let Data::Thing(symbol) = dependencies.value {
                let description = self.name_of(symbol);
                let why = "these extras and groups are unknown: set `extras` and `groups`";
                self.note(dependencies.place.as_ref(), &description, why);
            } else if let Data::Unreadable(unreadable) = &dependencies.value {
                let why = unreadable.why.clone();
                self.note(dependencies.place.as_ref(), "", &why);
            }
            return;
        };
        let all: Vec<(String, Datum)> =
            all.iter().map(|(name, datum)| (name.clone(), datum.clone())).collect();
        for (name, chosen) in all {
            let place = chosen.place.clone().or_else(|| dependencies.place.clone());
            let mut names = Vec::new();
            for item in chosen.items() {
                match item.text() {
                    Some(text) if text.contains("/nix/store/") => {
                        self.note(place.as_ref(), text, "this extra or group is unknown");
                    }
                    Some(text) => names.push(normalize(text)),
                    None => self.note(place.as_ref(), "", "this extra or group is unknown"),
                }
            }
            let package = normalize(&name);
            if self.project.name == package || self.project.name.is_empty() {
                self.choose_names(&names, place.as_ref());
            } else if !self.project.dependencies.contains(&package)
                && !self.project.locked.contains_key(&package)
            {
                let why = match python_module(&package) {
                    Some(debian) => {
                        if self.in_shell {
                            self.draft.dev_shell.add("packages", debian);
                        } else {
                            self.draft.packages.insert(debian.to_owned());
                        }
                        continue;
                    }
                    None => format!("`{package}` is not in uv.lock: add it with `uv add {package}`"),
                };
                self.note(place.as_ref(), &name, &why);
            } else if !names.is_empty() {
                let why = format!(
                    "request extras of `{package}` in the project's requirements: `uv add '{package}[{}]'`",
                    names.join(",")
                );
                self.note(place.as_ref(), &name, &why);
            }
        }
    }

    fn choose_names(&mut self, names: &[String], place: Option<&Position>) {
        for name in names {
            let (is_extra, is_group) =
                (self.project.extras.contains(name), self.project.groups.contains(name));
            if is_extra {
                self.environment.extras.insert(name.clone());
            }
            if is_group {
                self.environment.groups.insert(name.clone());
            }
            if !is_extra && !is_group && self.project.has_pyproject {
                self.note(place, name, "the project has no such extra or dependency group");
            } else if !is_extra && !is_group {
                self.environment.extras.insert(name.clone());
            }
        }
    }

    /// Writes the extras and groups into the draft.
    pub(super) fn add_environment(&mut self) {
        let chosen = std::mem::take(&mut self.environment);
        if !chosen.extras.is_empty() {
            let all = self.project.extras == chosen.extras && chosen.extras.len() > 1;
            let names: Vec<Value> = chosen.extras.iter().map(|name| name.as_str().into()).collect();
            self.draft.extras = Some(if all { "all".into() } else { Value::Array(names) });
        }
        self.draft.groups.extend(chosen.groups);
    }

    /// The set of packages that an environment consists of: its interpreter, its sources, what is overridden.
    pub(super) fn add_set(&mut self, symbol: SymbolId) {
        let thing = self.flake.thing(symbol);
        let FlakeValue::PythonSet(set) = &*thing else { return };
        self.add_interpreter_of(set);
        // How packages are built is read of the set that the image's are from: the shell's are editable.
        if self.in_shell || !self.sets.insert(symbol) {
            return;
        }
        for workspace in &set.workspaces {
            if workspace.source_preference == "sdist" {
                self.draft.python.set("prefer", "sdist");
            }
            if !workspace.directory.is_empty() {
                let why = format!(
                    "the manifest belongs next to this pyproject.toml: run `invar init` in {}",
                    workspace.directory
                );
                self.note(None, &format!("workspaceRoot {}", workspace.directory), &why);
            }
        }
        for unread in &set.unread {
            self.note(None, unread, "the changes of this overlay are unknown");
        }
        for (name, datum) in &set.changed {
            self.add_override(name, datum);
        }
    }

    fn add_interpreter_of(&mut self, set: &PythonSet) {
        let place = set.python.place.clone();
        if let Some(symbol) = set.python.thing() {
            match &*self.flake.thing(symbol) {
                FlakeValue::Interpreter(interpreter) => {
                    self.add_interpreter(&interpreter.clone(), place.as_ref())
                }
                FlakeValue::Package(package) => {
                    let name = package.name();
                    let why = format!("the interpreter is Debian's, not nixpkgs' {name}");
                    self.note(place.as_ref(), &name, &why);
                }
                _ => self.note(place.as_ref(), "", "this interpreter is unknown"),
            }
        }
    }

    /// The interpreter that the flake names.
    pub(super) fn add_interpreter(&mut self, interpreter: &Interpreter, place: Option<&Position>) {
        if interpreter.is_default() {
            return;
        }
        let Some(minor) = python_minor(&interpreter.attribute)
            .or_else(|| interpreter.version.strip_prefix("3.").and_then(|minor| minor.parse().ok()))
        else {
            return;
        };
        match SUITES.iter().find(|(known, _)| *known == minor) {
            // It is what `invar lock` chooses by itself where `requires-python` allows it.
            Some((_, "trixie")) => {}
            Some((_, suite)) => self.draft.suite = Some((*suite).to_owned()),
            None => {
                let known: Vec<String> =
                    SUITES.iter().map(|(minor, suite)| format!("3.{minor} ({suite})")).collect();
                let why = format!("Debian has no Python 3.{minor}, but {}", known.join(" and "));
                let text = format!("pkgs.{}", interpreter.attribute);
                if !self.draft.notes.iter().any(|note| note.text == text && note.why == why) {
                    self.note(place, &text, &why);
                }
            }
        }
    }

    /// `python3.withPackages (…)`: packages of nixpkgs that the project has to name itself.
    pub(super) fn add_interpreter_environment(&mut self, interpreter: &Datum, packages: &Datum) {
        self.environment.is_used = true;
        if let Some(symbol) = interpreter.thing()
            && let FlakeValue::Interpreter(interpreter) = &*self.flake.thing(symbol)
        {
            let place = self.reading.clone().or_else(|| self.output_place.clone());
            self.add_interpreter(&interpreter.clone(), place.as_ref());
        }
        for item in packages.items().to_vec() {
            self.add_python_requirement(&item);
        }
    }

    /// A Python package of nixpkgs that something needs.
    fn add_python_requirement(&mut self, item: &Datum) {
        let Some(symbol) = item.thing() else {
            if !matches!(item.value, Data::Null) {
                self.note(item.place.as_ref(), "", "this Python package is unknown");
            }
            return;
        };
        match &*self.flake.thing(symbol) {
            FlakeValue::Package(package) => {
                let name = package.path.last().cloned().unwrap_or_default();
                let normal = normalize(&name);
                let is_there =
                    self.project.locked.contains_key(&normal) || self.project.dependencies.contains(&normal);
                if let Some(debian) = python_module(&normal) {
                    if self.in_shell {
                        self.draft.dev_shell.add("packages", debian);
                    } else {
                        self.draft.packages.insert(debian.to_owned());
                    }
                } else if !is_there {
                    let why = format!("nixpkgs' build of a Python package: `uv add {normal}`");
                    self.note(item.place.as_ref(), &package.name(), &why);
                }
            }
            FlakeValue::PythonPackage(_) | FlakeValue::Interpreter(_) | FlakeValue::Hook(_) => {}
            FlakeValue::Derivation(derivation) => {
                let name = derivation.text("pname").map(normalize).unwrap_or_default();
                if name != self.project.name && !self.project.locked.contains_key(&name) {
                    let why =
                        "a Python package built by the flake: add its source to pyproject.toml with `uv add`";
                    self.note(item.place.as_ref(), &name, why);
                }
            }
            _ => self.note(item.place.as_ref(), "", "this Python package is unknown"),
        }
    }

    /// `buildPythonApplication`: the project, with what nixpkgs has for its requirements.
    pub(super) fn add_python_derivation(&mut self, symbol: SymbolId, derivation: &Derivation) {
        self.environment.is_used = true;
        if !self.changed.insert(symbol) {
            return;
        }
        let name = derivation.text("pname").map(normalize).unwrap_or_default();
        if self.project.has_pyproject && name != self.project.name {
            let why = format!("the project is named {}, and is installed", self.project.name);
            self.note(derivation.get("pname").and_then(|pname| pname.place.as_ref()), &name, &why);
        } else if !self.project.has_pyproject {
            self.note(None, &name, "no pyproject.toml: create it with `uv init --bare` and `uv add`");
        }
        for key in ["dependencies", "propagatedBuildInputs"] {
            for item in derivation.items(key).to_vec() {
                self.add_requirement_or_package(&item);
            }
        }
        for key in ["buildInputs", "makeWrapperArgs"] {
            if let Some(datum) = derivation.get(key).cloned() {
                self.add_run_inputs(&datum);
            }
        }
        for key in
            ["postInstall", "postFixup", "preFixup", "installPhase", "postPatch", "preBuild", "patches"]
        {
            if let Some(datum) = derivation.get(key)
                && !matches!(datum.value, Data::Null)
                && datum.text() != Some("")
                && !datum.items().is_empty()
            {
                let place = datum.place.clone();
                self.note(
                    place.as_ref(),
                    key,
                    "a change to the project's build: move it to the project's build configuration",
                );
            }
        }
    }

    /// Something that a Python application needs when it runs: a Python package, or a program.
    fn add_requirement_or_package(&mut self, item: &Datum) {
        let is_python = match item.thing().map(|symbol| self.flake.thing(symbol)).as_deref() {
            Some(FlakeValue::Package(package)) => package.name().starts_with("python3"),
            Some(_) => true,
            None => true,
        };
        if is_python {
            self.add_python_requirement(item);
        } else {
            self.add_run_inputs(item);
        }
    }

    /// Packages among inputs, or in the texts of a wrapper's arguments.
    fn add_run_inputs(&mut self, datum: &Datum) {
        let mut words = datum.items().iter();
        while let Some(item) = words.next() {
            let result = match (&item.value, item.thing()) {
                (_, Some(symbol)) => self.locate(symbol, "/bin").map(|_| ()),
                (Data::Text(text), _) => match text.as_str() {
                    "--set" | "--set-default" => {
                        let (name, value) = (words.next(), words.next());
                        match (name.and_then(Datum::text), value.and_then(Datum::text)) {
                            (Some(name), Some(value)) => match self.variable(name, value) {
                                Ok(Some(value)) => {
                                    self.draft.image.set_in("env", name, value);
                                    Ok(())
                                }
                                Ok(None) => Ok(()),
                                Err(why) => Err(why),
                            },
                            _ => Err("a variable of the wrapper is unknown".to_owned()),
                        }
                    }
                    "--prefix" | "--suffix" => {
                        let (_, separator, value) = (words.next(), words.next(), words.next());
                        let separator = separator.and_then(Datum::text).and_then(|text| text.chars().next());
                        let value = value.and_then(Datum::text).unwrap_or_default();
                        self.resolve_list(value, separator.unwrap_or(':')).map(|_| ())
                    }
                    text if text.starts_with("--") => {
                        Err(format!("{text} of the wrapper has no equivalent in Invar"))
                    }
                    text => self.resolve_list(&text.replace(' ', ":"), ':').map(|_| ()),
                },
                _ => Ok(()),
            };
            if let Err(why) = result {
                self.note(item.place.as_ref().or(datum.place.as_ref()), "", &why);
            }
        }
    }

    /// The groups of the shell's environment, if they are not those that it has anyway.
    pub(super) fn shell_groups(&mut self, groups: &BTreeSet<String>) {
        let usual: BTreeSet<String> =
            self.project.groups.iter().filter(|name| *name == "dev").cloned().collect();
        if !groups.is_empty() && *groups != usual {
            let names: Vec<Value> = groups.iter().map(|name| name.as_str().into()).collect();
            self.draft.dev_shell.set("groups", Value::Array(names));
        }
    }
}

/// The Debian package of a part of Python's own library that nixpkgs has apart.
fn python_module(name: &str) -> Option<&'static str> {
    match name {
        "tkinter" => Some("python3-tk"),
        "gdbm" => Some("python3-gdbm"),
        _ => None,
    }
}
