//! What a flake changes of Python packages: what they need to be built, and when they run.
use std::collections::BTreeMap;

use invar_flake::{Data, Datum, FlakeValue};

use crate::draft::Keys;
use crate::flake::reader::Reader;
use crate::nixpkgs::{absence, counterpart};
use crate::project::normalize;

/// Attributes that mean something only for how nixpkgs builds and checks packages.
const WITHOUT_MEANING: [&str; 24] = [
    "passthru",
    "meta",
    "doCheck",
    "doInstallCheck",
    "checkPhase",
    "installCheckPhase",
    "nativeCheckInputs",
    "checkInputs",
    "pythonImportsCheck",
    "autoPatchelfIgnoreMissingDeps",
    "dontAutoPatchelf",
    "dontStrip",
    "dontWrapQtApps",
    "dontUseCmakeConfigure",
    "dontUsePytestCheck",
    "disabledTests",
    "format",
    "pyproject",
    "name",
    "pname",
    "version",
    "outputs",
    "dontCheckRuntimeDeps",
    "editableRoot",
];
/// Attributes that list what a package needs.
const INPUTS: [&str; 5] = [
    "buildInputs",
    "nativeBuildInputs",
    "propagatedBuildInputs",
    "propagatedNativeBuildInputs",
    "build-system",
];

impl Reader<'_> {
    /// A package of a set that the flake changes, adds or replaces.
    pub(super) fn add_override(&mut self, attribute: &str, datum: &Datum) {
        let Some(symbol) = datum.thing() else {
            if let Data::Unreadable(unreadable) = &datum.value {
                // What is not locked is not asked for, so that it is never evaluated.
                let name = normalize(attribute);
                if self.project.locked.contains_key(&name) || self.project.dependencies.contains(&name) {
                    let why = unreadable.why.clone();
                    self.note(datum.place.as_ref(), attribute, &why);
                }
            } else if !matches!(datum.value, Data::Function | Data::Null) {
                self.note(
                    datum.place.as_ref(),
                    attribute,
                    "the packages that the flake adds here are unknown",
                );
            }
            return;
        };
        let thing = self.flake.thing(symbol);
        let FlakeValue::PythonPackage(package) = &*thing else {
            let name = normalize(attribute);
            if self.project.locked.contains_key(&name) {
                let why = format!("the flake's own {name}: the one in uv.lock is used");
                self.note(datum.place.as_ref(), attribute, &why);
            }
            return;
        };
        let name = normalize(&package.name);
        if let Some(prebuilt) = package.given.get("nixpkgs") {
            let is_locked = self.project.locked.contains_key(&name);
            let is_module = matches!(normalize(attribute).as_str(), "tkinter" | "gdbm");
            if is_locked {
                let why = format!("nixpkgs' build of {name}: the one in uv.lock is used");
                self.note(prebuilt.place.as_ref().or(datum.place.as_ref()), attribute, &why);
            } else if !is_module {
                let why = format!("nixpkgs' build of {name} has no equivalent in Invar: run `uv add {name}`");
                self.note(prebuilt.place.as_ref().or(datum.place.as_ref()), attribute, &why);
            }
        }
        let is_own = name == self.project.name;
        // What is locked only for other projects is of no consequence.
        if !is_own && !self.project.locked.is_empty() && !self.project.locked.contains_key(&name) {
            return;
        }
        let mut keys = self.draft.overrides.remove(&name).unwrap_or_default();
        let changes: BTreeMap<String, Datum> = package.changes.clone();
        // In the order in which a manifest has them.
        let (inputs, others): (Vec<_>, Vec<_>) =
            changes.iter().partition(|(key, _)| INPUTS.contains(&key.as_str()));
        for (key, datum) in inputs.into_iter().chain(others) {
            self.override_attribute(&name, &mut keys, key, datum);
        }
        if !keys.is_empty() {
            self.draft.overrides.insert(name, keys);
        }
    }

    fn override_attribute(&mut self, name: &str, keys: &mut Keys, attribute: &str, datum: &Datum) {
        if let Data::Unreadable(unreadable) = &datum.value {
            let why = unreadable.why.clone();
            self.note(datum.place.as_ref(), &format!("{attribute} of {name}"), &why);
            return;
        }
        match attribute {
            inputs if INPUTS.contains(&inputs) => {
                for item in flat(datum) {
                    let item = Datum { place: item.place.or_else(|| datum.place.clone()), ..item };
                    self.needed(name, keys, inputs, &item);
                }
            }
            "patches" => {
                for item in flat(datum) {
                    match (&item.value, item.thing().map(|symbol| self.flake.thing(symbol)).as_deref()) {
                        (Data::Path(path), _) | (_, Some(FlakeValue::Path(path))) => {
                            keys.add("patches", path.as_str())
                        }
                        _ => {
                            let why = format!(
                                "copy this patch to the project and add it to python.overrides.{name}.patches"
                            );
                            self.note(item.place.as_ref().or(datum.place.as_ref()), "", &why);
                        }
                    }
                }
            }
            "env" => {
                for (variable, value) in datum.attributes().into_iter().flatten() {
                    self.build_variable(name, keys, variable, value);
                }
            }
            variable if is_variable(variable) => self.build_variable(name, keys, variable, datum),
            attribute if WITHOUT_MEANING.contains(&attribute) => {}
            _ if datum.text() == Some("")
                || datum.value == Data::Null
                || datum.value == Data::List(Vec::new()) => {}
            // The project's own source is what it is.
            "src" if name == self.project.name => {}
            attribute => {
                let why = match attribute {
                    "postInstall" | "postFixup" | "preFixup" | "installPhase" => {
                        format!(
                            "a change to what {name} installs: exclude files with python.overrides.{name}.exclude"
                        )
                    }
                    "postPatch" | "prePatch" | "preBuild" | "preConfigure" | "postUnpack" | "patchPhase"
                    | "buildPhase" => {
                        format!(
                            "commands before the build of {name}: use a patch instead, python.overrides.{name}.patches"
                        )
                    }
                    _ => format!("{attribute} of {name} has no equivalent in Invar"),
                };
                self.note(datum.place.as_ref(), "", &why);
            }
        }
    }

    fn build_variable(&mut self, name: &str, keys: &mut Keys, variable: &str, value: &Datum) {
        let text = self.flake.variable(value);
        match text.map(|text| self.variable(variable, &text)) {
            Some(Ok(Some(value))) => keys.set_in("env", variable, value),
            Some(Ok(None)) => {}
            Some(Err(why)) => self.note(value.place.as_ref(), &format!("{variable} of {name}"), &why),
            None => self.note(value.place.as_ref(), variable, "the value of this variable is unknown"),
        }
    }

    /// A library or a tool that a build needs, or a Python package that builds.
    fn needed(&mut self, name: &str, keys: &mut Keys, attribute: &str, item: &Datum) {
        let Some(symbol) = item.thing() else {
            match &item.value {
                Data::Set(set) => {
                    // A specification as `resolveBuildSystem` takes it.
                    for (package, extras) in set {
                        let extras: Vec<&str> = extras.items().iter().filter_map(Datum::text).collect();
                        keys.add("build-requires", requirement(package, &extras));
                    }
                }
                Data::Unreadable(unreadable) => {
                    let why = unreadable.why.clone();
                    self.note(item.place.as_ref(), &format!("{attribute} of {name}"), &why);
                }
                _ => self.note(
                    item.place.as_ref(),
                    "",
                    &format!("an item of {attribute} of {name} is unknown"),
                ),
            }
            return;
        };
        let thing = self.flake.thing(symbol);
        let is_built = !self.has_wheel(name);
        match &*thing {
            // What makes it editable is the shell's business, and a wheel is not built at all.
            FlakeValue::PythonPackage(package) if !is_built || package.name == "editables" => {}
            FlakeValue::PythonPackage(package) => keys.add("build-requires", package.name.as_str()),
            FlakeValue::Hook(_) | FlakeValue::Interpreter(_) | FlakeValue::PythonSet(_) => {}
            FlakeValue::Package(package) => {
                let package_name = package.name();
                let last = package.path.last().cloned().unwrap_or_default();
                if package_name.starts_with("python3") && package_name.contains("Packages.") {
                    if is_built && attribute != "buildInputs"
                        || !self.project.locked.contains_key(&normalize(&last))
                    {
                        keys.add("build-requires", normalize(&last));
                    }
                    return;
                }
                self.needed_package(name, keys, attribute, &package_name, item);
            }
            FlakeValue::Joined(parts) => {
                for part in parts.clone() {
                    for part in flat(&part) {
                        if part.thing() != Some(symbol) {
                            self.needed(name, keys, attribute, &part);
                        }
                    }
                }
            }
            _ => {
                let what = self.name_of(symbol);
                // What was there before stays.
                if !what.starts_with("pythonSet.")
                    && !what.contains("buildInputs")
                    && !what.contains("BuildInputs")
                {
                    self.note(item.place.as_ref(), &what, &format!("needed by {name}, but unknown"));
                }
            }
        }
    }

    fn needed_package(&mut self, name: &str, keys: &mut Keys, attribute: &str, package: &str, item: &Datum) {
        // What only makes compiled files find nixpkgs' libraries.
        if ["autoPatchelfHook", "makeWrapper", "makeBinaryWrapper", "stdenv.cc.cc", "gcc-unwrapped"]
            .contains(&package)
            || package.starts_with("stdenv.")
        {
            return;
        }
        let is_tool = attribute.starts_with("native") || attribute == "build-system";
        let has_wheel = self.has_wheel(name);
        if let Some(found) = counterpart(package) {
            // What a build is linked to, the program needs, too; of a wheel that is all there is.
            if has_wheel && !is_tool {
                self.draft.packages.extend(found.packages().map(str::to_owned));
            } else if !has_wheel {
                self.draft.packages.extend(found.libraries().map(str::to_owned));
                for name in ["gcc", "libc6-dev"].into_iter().chain(found.build_packages()) {
                    keys.add("packages", name);
                }
            }
            if let Some(why) = found.why()
                && self.told.insert(package.to_owned())
            {
                self.note(item.place.as_ref(), &format!("pkgs.{package}"), why);
            }
        } else {
            let names = self.unknown_libraries.entry((package.to_owned(), has_wheel)).or_default();
            names.names.insert(name.to_owned());
            names.place = names.place.take().or_else(|| item.place.clone());
        }
    }

    /// Whether the package is taken as a wheel, which is not built.
    fn has_wheel(&self, name: &str) -> bool {
        self.project.locked.get(name).copied().unwrap_or(false) && self.draft.python.get("prefer").is_none()
    }

    /// Notes the libraries that Python packages need and that are unknown, each once.
    pub(super) fn note_libraries(&mut self) {
        for ((package, has_wheel), needed) in std::mem::take(&mut self.unknown_libraries) {
            let mut names: Vec<String> = needed.names.into_iter().collect();
            let more = names.len().saturating_sub(3);
            names.truncate(3);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let names = names.join(", ");
            let why = if let Some(why) = absence(&package) {
                format!("{why}; {names}{more} may need it")
            } else if has_wheel {
                format!(
                    "no known Debian package for what {names}{more} may be linked to: add it to `packages`"
                )
            } else {
                let first = names.split(',').next().unwrap_or_default();
                format!(
                    "no known Debian package for what {names}{more} needs: add it to python.overrides.{first}.packages"
                )
            };
            self.note(needed.place.as_ref(), &format!("pkgs.{package}"), &why);
        }
    }
}

/// The items of a list, also of lists in it.
pub(super) fn flat(datum: &Datum) -> Vec<Datum> {
    let mut found = Vec::new();
    let mut open = vec![datum.clone()];
    while let Some(datum) = open.pop() {
        match &datum.value {
            Data::List(items) => {
                let place = datum.place.clone();
                let with_place = |item: &Datum| Datum {
                    place: item.place.clone().or_else(|| place.clone()),
                    ..item.clone()
                };
                open.extend(items.iter().rev().map(with_place));
            }
            Data::Null => {}
            _ => found.push(datum),
        }
    }
    found
}

/// A name that only an environment variable has.
fn is_variable(name: &str) -> bool {
    name.chars().any(|c| c.is_ascii_uppercase())
        && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

fn requirement(name: &str, extras: &[&str]) -> String {
    if extras.is_empty() { name.to_owned() } else { format!("{name}[{}]", extras.join(",")) }
}
