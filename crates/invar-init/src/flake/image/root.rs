//! What is laid over an image's root.
use std::collections::BTreeSet;
use std::rc::Rc;

use invar_flake::{Data, Datum, FlakeValue};
use invar_nix::{Position, SymbolId};

use crate::flake::overrides::flat;
use crate::flake::reader::Reader;

/// How many packages are inspected, one inside the other.
const DEEPEST: usize = 200;

impl Reader<'_> {
    /// What is laid over the root.
    pub(super) fn contents(&mut self, contents: &Datum, only: Option<&Vec<String>>) {
        for item in flat(contents) {
            let place = item.place.clone().or_else(|| contents.place.clone());
            let result = match (&item.value, item.thing()) {
                (_, Some(symbol)) => {
                    self.at(place.as_ref(), |reader| reader.root_thing(symbol, only, place.as_ref()))
                }
                (Data::Path(path), _) => {
                    self.root_path(&path.clone(), None);
                    Ok(())
                }
                (Data::Text(text), _) => match self.flake.pieces(text).first() {
                    Some(invar_flake::Piece::Thing(symbol)) => self.root_thing(*symbol, only, place.as_ref()),
                    _ => Err("this part of the image is unknown".to_owned()),
                },
                (Data::Unreadable(unreadable), _) => Err(unreadable.why.clone()),
                _ => Err("this part of the image is unknown".to_owned()),
            };
            if let Err(why) = result {
                let name = item.thing().map(|symbol| self.name_of(symbol)).unwrap_or_default();
                self.note(place.as_ref(), &name, &why);
            }
        }
    }

    /// What is in a directory of the project, in the root; of it only what is selected.
    fn root_path(&mut self, path: &str, selected: Option<&[String]>) {
        let start = if path.is_empty() { String::new() } else { format!("{path}/") };
        let paths: Vec<String> = match selected {
            Some(selected) => selected.to_vec(),
            None => {
                let inside = self.files.range(start.clone()..).map(|(path, _)| path.as_str());
                let inside = inside.take_while(|path| path.starts_with(&start));
                let names: BTreeSet<&str> =
                    inside.filter_map(|path| path[start.len()..].split('/').next()).collect();
                names.into_iter().map(|name| format!("{start}{name}")).collect()
            }
        };
        for path in paths {
            let place = path.strip_prefix(&start).unwrap_or(&path);
            self.steps.copy("files", &path, &format!("/{place}"), false);
        }
    }

    fn root_thing(
        &mut self,
        symbol: SymbolId,
        only: Option<&Vec<String>>,
        place: Option<&Position>,
    ) -> Result<(), String> {
        if self.depth >= DEEPEST {
            return Err("the packages are nested too deeply".to_owned());
        }
        self.depth += 1;
        let result = self.root_thing_within(symbol, only, place);
        self.depth -= 1;
        result
    }

    fn root_thing_within(
        &mut self,
        symbol: SymbolId,
        only: Option<&Vec<String>>,
        place: Option<&Position>,
    ) -> Result<(), String> {
        match &*Rc::clone(&self.flake.thing(symbol)) {
            FlakeValue::Package(package) => {
                let name = package.name();
                let last = package.path.last().map(String::as_str).unwrap_or_default();
                if matches!(last, "bash" | "bashInteractive" | "bashNonInteractive" | "busybox" | "dash") {
                    self.draft.shell = true;
                    if last != "dash" && last != "busybox" {
                        self.draft.packages.insert("bash".to_owned());
                    }
                    return Ok(());
                }
                self.root_packages.insert(name);
                self.locate(symbol, "/bin").map(|_| ())
            }
            FlakeValue::ImagePart(part) => {
                self.image_part(part, place);
                Ok(())
            }
            FlakeValue::Environment(_) | FlakeValue::Application { .. } | FlakeValue::PythonPackage(_) => {
                self.has_root_environment = true;
                self.locate(symbol, "").map(|_| ())
            }
            FlakeValue::Interpreter(_) | FlakeValue::InterpreterEnvironment { .. } => {
                self.locate(symbol, "").map(|_| ())
            }
            FlakeValue::Derivation(derivation)
                if derivation.function == "buildEnv" || derivation.function == "symlinkJoin" =>
            {
                let shown: Vec<String> = derivation
                    .items("pathsToLink")
                    .iter()
                    .filter_map(|item| item.text().map(str::to_owned))
                    .collect();
                let only = if shown.is_empty() || shown.iter().any(|path| path == "/") {
                    only.cloned()
                } else {
                    Some(shown)
                };
                // Without commands of its own it is nothing but what is joined in it.
                if derivation.text("postBuild").is_none_or(str::is_empty) {
                    // Once is enough, in however many others it is.
                    let paths = derivation.get("paths").cloned();
                    if let Some(paths) = paths
                        && self.joined.insert((symbol, only.clone()))
                    {
                        self.contents(&paths, only.as_ref());
                    }
                    return Ok(());
                }
                self.lay(symbol, derivation, "/", only);
                Ok(())
            }
            FlakeValue::Derivation(derivation) => {
                if matches!(derivation.function.as_str(), "buildPythonApplication" | "buildPythonPackage") {
                    self.has_root_environment = true;
                    self.add_python_derivation(symbol, derivation);
                    return Ok(());
                }
                match self.unbuildable(derivation) {
                    Some(why) => Err(why),
                    None => {
                        self.lay(symbol, derivation, "/", only.cloned());
                        Ok(())
                    }
                }
            }
            FlakeValue::Output { of, .. } => self.root_thing(*of, only, place),
            FlakeValue::Path(path) => {
                self.root_path(path, None);
                Ok(())
            }
            FlakeValue::Source { root, files, .. } => match &root.value {
                Data::Path(path) => {
                    if files.is_none() {
                        self.note(place, "", "the files that this filter excludes are unknown: the whole directory is included");
                    }
                    self.root_path(path, files.as_deref());
                    Ok(())
                }
                _ => Err("these files are unknown".to_owned()),
            },
            FlakeValue::Joined(parts) => {
                parts.iter().for_each(|part| self.contents(part, only));
                Ok(())
            }
            FlakeValue::Choice { condition, .. } => {
                Err(format!("it depends on {condition}, which is unknown"))
            }
            FlakeValue::Call { function, .. } => {
                Err(format!("the result of pkgs.{} is unknown", function.join(".")))
            }
            FlakeValue::Unknown(description) => Err(format!("{description} is unknown")),
            _ => Err("this part of the image is unknown".to_owned()),
        }
    }

    /// Ready-made parts of `dockerTools`.
    fn image_part(&mut self, part: &str, place: Option<&Position>) {
        match part {
            // Debian's base has the accounts.
            "fakeNss" => {}
            "caCertificates" => _ = self.draft.packages.insert("ca-certificates".to_owned()),
            "binSh" => self.draft.shell = true,
            "usrBinEnv" => _ = self.draft.packages.insert("coreutils".to_owned()),
            other => self.note(place, other, "this part of dockerTools is not supported"),
        }
    }

    /// A layer of nix2container.
    pub(super) fn layer(&mut self, layer: &Datum, depth: usize) {
        let Some(symbol) = layer.thing() else {
            if layer.value != Data::Null {
                self.note(layer.place.as_ref(), "", "this layer is unknown");
            }
            return;
        };
        let thing = self.flake.thing(symbol);
        let FlakeValue::Layer { attributes } = &*thing else {
            self.note(layer.place.as_ref(), "", "this layer is unknown");
            return;
        };
        for (name, datum) in attributes {
            match name.as_str() {
                // What these need is in the image because something else in it refers to them.
                "copyToRoot" | "contents" => self.contents(datum, None),
                "deps" => self.layer_packages(datum),
                "layers" if depth < 8 => flat(datum).iter().for_each(|inner| self.layer(inner, depth + 1)),
                "reproducible" | "maxLayers" | "ignore" | "metadata" => {}
                "perms" if datum.items().is_empty() => {}
                "perms" => {
                    self.note(datum.place.as_ref(), "", "files belong to root and keep their modes");
                }
                other => self.note(
                    datum.place.as_ref(),
                    "",
                    &format!("{other} of a layer has no equivalent in Invar"),
                ),
            }
        }
    }

    /// Packages that a layer consists of: they are in the image, but not in its root.
    fn layer_packages(&mut self, datum: &Datum) {
        for item in flat(datum) {
            let result = match item.thing() {
                Some(symbol) => self.at(item.place.as_ref().or(datum.place.as_ref()), |reader| {
                    reader.locate(symbol, "/bin").map(|_| ())
                }),
                None => self
                    .flake
                    .variable(&item)
                    .map_or(Err("it is unknown".to_owned()), |text| self.resolve(&text).map(|_| ())),
            };
            if let Err(why) = result {
                self.note(item.place.as_ref().or(datum.place.as_ref()), "", &why);
            }
        }
    }
}
