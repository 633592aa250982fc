//! `mkShell`: the author's own shell. Nothing of it is in the image.
use std::rc::Rc;

use invar_flake::{Data, Datum, Derivation, FlakeValue};
use invar_nix::SymbolId;

use crate::flake::overrides::flat;
use crate::flake::reader::{EnvironmentChoice, Reader};

/// Attributes of `mkShell` that name packages.
const PACKAGES: [&str; 5] =
    ["packages", "buildInputs", "nativeBuildInputs", "propagatedBuildInputs", "propagatedNativeBuildInputs"];
/// Attributes that mean nothing for the shell itself.
const WITHOUT_MEANING: [&str; 12] = [
    "name",
    "pname",
    "version",
    "meta",
    "passthru",
    "phases",
    "shell",
    "outputs",
    "stdenv",
    "preferLocalBuild",
    "hardeningDisable",
    "strictDeps",
];
/// Variables that uv2nix's shells set for their own sake.
const OF_UV: [&str; 4] = ["UV_NO_SYNC", "UV_PYTHON", "UV_PYTHON_DOWNLOADS", "UV_NO_MANAGED_PYTHON"];

impl Reader<'_> {
    /// Reads a shell.
    pub(super) fn shell(&mut self, derivation: &Derivation) {
        let outside = std::mem::take(&mut self.environment);
        self.in_shell = true;
        self.shell_attributes(derivation, 0);
        self.in_shell = false;
        let EnvironmentChoice { groups, .. } = std::mem::replace(&mut self.environment, outside);
        self.shell_groups(&groups);
    }

    fn shell_attributes(&mut self, derivation: &Derivation, depth: usize) {
        for (name, datum) in &derivation.attributes {
            match name.as_str() {
                name if PACKAGES.contains(&name) => self.shell_packages(datum),
                "inputsFrom" => self.inputs_from(datum, depth),
                "shellHook" => self.shell_hook(datum),
                "env" => {
                    for (variable, value) in datum.attributes().into_iter().flatten() {
                        self.shell_variable(variable, value);
                    }
                }
                name if WITHOUT_MEANING.contains(&name) => {}
                variable => self.shell_variable(variable, datum),
            }
        }
    }

    fn shell_packages(&mut self, list: &Datum) {
        for item in flat(list) {
            let place = item.place.clone().or_else(|| list.place.clone());
            if let Data::Unreadable(unreadable) = &item.value {
                let why = unreadable.why.clone();
                self.note(place.as_ref(), "", &why);
                continue;
            }
            let Some(symbol) = item.thing() else {
                self.note(place.as_ref(), "", "this part of the shell is unknown");
                continue;
            };
            if let Err(why) = self.at(place.as_ref(), |reader| reader.shell_thing(symbol)) {
                let name = self.name_of(symbol);
                self.note(place.as_ref(), &name, &why);
            }
        }
    }

    fn shell_thing(&mut self, symbol: SymbolId) -> Result<(), String> {
        match &*Rc::clone(&self.flake.thing(symbol)) {
            // uv and the environment's interpreter are there by themselves.
            FlakeValue::Package(package) if matches!(package.name().as_str(), "uv" | "makeWrapper") => Ok(()),
            FlakeValue::Package(_)
            | FlakeValue::Environment(_)
            | FlakeValue::Interpreter(_)
            | FlakeValue::InterpreterEnvironment { .. }
            | FlakeValue::PythonPackage(_)
            | FlakeValue::Application { .. } => self.locate(symbol, "/bin").map(|_| ()),
            FlakeValue::Joined(parts) => {
                parts.iter().for_each(|part| self.shell_packages(part));
                Ok(())
            }
            FlakeValue::Derivation(derivation) => Err(format!(
                "a package built by the flake, of {}: the shell does not include it",
                derivation.function
            )),
            _ => Err("this part of the shell is unknown".to_owned()),
        }
    }

    /// The inputs of other derivations.
    fn inputs_from(&mut self, list: &Datum, depth: usize) {
        for item in flat(list) {
            match item.thing().map(|symbol| self.flake.thing(symbol)).as_deref() {
                Some(FlakeValue::Derivation(derivation)) if depth < 8 => {
                    if derivation.is_shell() {
                        self.shell_attributes(derivation, depth + 1);
                    } else {
                        for name in PACKAGES {
                            if let Some(datum) = derivation.get(name) {
                                self.shell_packages(datum);
                            }
                        }
                    }
                }
                // The project's environment, of which the shell has its own.
                Some(
                    FlakeValue::Environment(_)
                    | FlakeValue::Application { .. }
                    | FlakeValue::PythonPackage(_),
                ) => {}
                _ => self.note(
                    item.place.as_ref().or(list.place.as_ref()),
                    "",
                    "the requirements of this are unknown",
                ),
            }
        }
    }

    fn shell_variable(&mut self, name: &str, value: &Datum) {
        if OF_UV.contains(&name) {
            return;
        }
        let text = self.flake.variable(value);
        match text.map(|text| self.variable(name, &text)) {
            Some(Ok(Some(text))) => self.draft.dev_shell.set_in("env", name, text),
            Some(Ok(None)) => {}
            Some(Err(why)) => self.note(value.place.as_ref(), name, &why),
            None => {
                let why = match &value.value {
                    Data::Unreadable(unreadable) => unreadable.why.clone(),
                    _ => "the value of this variable is unknown".to_owned(),
                };
                self.note(value.place.as_ref(), name, &why);
            }
        }
    }

    /// The commands that the shell starts with, without those that uv2nix needs for itself.
    fn shell_hook(&mut self, datum: &Datum) {
        let Some(text) = datum.text().map(str::to_owned) else {
            let why = match &datum.value {
                Data::Null => return,
                Data::Unreadable(unreadable) => unreadable.why.clone(),
                _ => "the shell's hook is unknown".to_owned(),
            };
            self.note(datum.place.as_ref(), "shellHook", &why);
            return;
        };
        let mut lines = Vec::new();
        let mut missing = None;
        for line in text.lines() {
            let plain = line.trim();
            let sets_uv =
                OF_UV.iter().any(|name| plain.strip_prefix("export ").unwrap_or(plain).starts_with(name));
            let is_own = plain.is_empty()
                || plain.starts_with('#')
                || plain == "unset PYTHONPATH"
                || plain.contains("REPO_ROOT")
                || sets_uv;
            if is_own {
                continue;
            }
            match self.resolve(line.trim_end()) {
                Ok(line) => lines.push(line),
                // The libraries of packages are found without being named.
                Err(_) if is_search_path(plain) => {}
                Err(why) => {
                    missing.get_or_insert_with(|| why.clone());
                    self.note(datum.place.as_ref(), plain, &why);
                }
            }
        }
        let hook = lines.join("\n");
        if missing.is_some() && !is_balanced(&hook) {
            self.note(datum.place.as_ref(), "shellHook", "the hook is omitted, because a part of it is");
        } else if !lines.is_empty() {
            self.draft.dev_shell.set("hook", hook);
        }
    }
}

/// Whether a line only adds directories of libraries to a variable.
fn is_search_path(line: &str) -> bool {
    line.strip_prefix("export ").unwrap_or(line).starts_with("LD_LIBRARY_PATH=")
        && !line.contains(['&', '|', '`'])
}

/// Whether each compound command in a script has its end.
fn is_balanced(script: &str) -> bool {
    let count = |wanted: &str| {
        script.split(|c: char| c.is_whitespace() || c == ';').filter(|word| *word == wanted).count()
    };
    [("if", "fi"), ("do", "done"), ("case", "esac"), ("{", "}")]
        .iter()
        .all(|(open, close)| count(open) == count(close))
}
