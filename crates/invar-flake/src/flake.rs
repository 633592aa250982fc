//! A flake: read once, then asked for its outputs.
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use invar_nix::{Evaluator, Limits, SymbolId, TextPiece, ThunkId, Value};

use crate::datum::{Data, Datum, EvaluationFailure};
use crate::error::FlakeError;
use crate::facts::gather;
use crate::files::{PROJECT, ProjectFiles};
use crate::input::{Input, read_inputs};
use crate::lock::FlakeLock;
use crate::output::{App, Output, OutputKind, OutputName, Piece, Purpose};
use crate::read::{Reader, unreadable, written};
use crate::thing::FlakeValue;
use crate::world;

/// The system that outputs are read for. Images for other platforms consist of the same names.
pub const SYSTEM: &str = "x86_64-linux";

/// A flake that was read.
#[derive(Debug)]
pub struct Flake {
    evaluator: Evaluator,
    files: ProjectFiles,
    inputs: Vec<Input>,
    description: Option<String>,
    outputs: Value,
    things: BTreeMap<SymbolId, Rc<FlakeValue>>,
    /// Derivations that were read while one is: those that are joined in it.
    pub(crate) joined: usize,
}

impl Flake {
    /// Reads the flake `text`. `files` are the project's, by path relative to the flake's directory, with the text of
    /// those that are Nix, TOML, JSON or locks; others are known by name only.
    ///
    /// # Errors
    /// If what all outputs need cannot be evaluated. A single output or attribute that fails is no error here.
    pub fn read(text: &str, files: &BTreeMap<String, Option<String>>) -> Result<Self, FlakeError> {
        let files = ProjectFiles::new(text, files);
        let lock = files.project_text("flake.lock").map(FlakeLock::read).unwrap_or_default();
        let mut evaluator = Evaluator::new(Box::new(files.clone()), Limits::default());
        let failed = |error: Box<invar_nix::EvalError>| FlakeError::Evaluation(unreadable(&error));
        let id = evaluator.file(&format!("{PROJECT}/flake.nix")).map_err(failed)?;
        let flake = evaluator.force(id).map_err(failed)?;
        if !matches!(flake, Value::Set(_)) {
            return Err(FlakeError::NoOutputs("the file is not a set of attributes"));
        }
        let inputs = read_inputs(&mut evaluator, &flake, &lock);
        let description = match evaluator.select(&flake, "description") {
            Ok(Some(Value::String(text))) => Some(text.text.to_string()),
            _ => None,
        };
        let Ok(Some(function)) = evaluator.attribute_of(&flake, "outputs") else {
            return Err(FlakeError::NoOutputs("the attribute is missing"));
        };
        let facts = gather(&files, SYSTEM, &inputs, &lock);
        let world = world::load(&mut evaluator, &facts).map_err(failed)?;
        let outputs = apply(&mut evaluator, &world, &inputs, function).map_err(failed)?;
        Ok(Self { evaluator, files, inputs, description, outputs, things: BTreeMap::new(), joined: 0 })
    }

    /// The files that were read so far, by path relative to the flake's directory: those that it imports and reads, and
    /// `flake.nix` itself. What is known of the Python project is not among them.
    #[must_use]
    pub fn files_read(&self) -> BTreeSet<String> {
        self.files.read()
    }

    /// The inputs, in the order of their names.
    #[must_use]
    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// The flake's description.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// The names of all outputs for [`SYSTEM`], in the order of category and name.
    pub fn outputs(&mut self) -> Vec<OutputName> {
        const NAMED: [&str; 5] = ["apps", "checks", "devShells", "legacyPackages", "packages"];
        const SINGLE: [&str; 3] = ["defaultApp", "defaultPackage", "devShell"];
        // Attributes that `callPackage` gives a set of packages.
        const NOT_OUTPUTS: [&str; 3] = ["override", "overrideAttrs", "overrideDerivation"];
        let mut names = Vec::new();
        if matches!(self.outputs, Value::Symbol(_)) {
            return names;
        }
        for category in NAMED {
            let found = match self.evaluator.select(&self.outputs, &format!("{category}.{SYSTEM}")) {
                Ok(Some(found)) => self.evaluator.attributes(&found).map(|attributes| (found, attributes)),
                Ok(None) => continue,
                Err(error) => Err(error),
            };
            let (found, attributes) = match found {
                // The packages of nixpkgs itself, handed on, are not the flake's.
                Ok((Value::Symbol(_), _)) if category == "legacyPackages" => continue,
                Ok(found) => found,
                Err(error) => {
                    let unreadable = Some(unreadable(&error));
                    let category = category.to_owned();
                    names.push(OutputName { category, name: String::new(), place: None, unreadable });
                    continue;
                }
            };
            for (name, id) in attributes {
                if NOT_OUTPUTS.contains(&&*name) {
                    continue;
                }
                let place = written(self.evaluator.attribute_place(&found, &name))
                    .or_else(|| written(self.evaluator.span(id)));
                let (category, name) = (category.to_owned(), name.to_string());
                names.push(OutputName { category, name, place, unreadable: None });
            }
        }
        for category in SINGLE {
            if let Ok(Some(found)) = self.evaluator.select(&self.outputs, category)
                && let Ok(Some(id)) = self.evaluator.attribute_of(&found, SYSTEM)
            {
                let place = written(self.evaluator.span(id));
                let (category, name) = (category.to_owned(), "default".to_owned());
                names.push(OutputName { category, name, place, unreadable: None });
            }
        }
        names
    }

    /// The output `name` (`x`, `default`, `packages.x86_64-linux.x`), looked up as Nix does for `purpose`.
    ///
    /// # Errors
    /// If there is none, or it cannot be evaluated.
    pub fn output(&mut self, name: &str, purpose: Purpose) -> Result<Output, FlakeError> {
        let name = if name.is_empty() { "default" } else { name };
        if let Value::Symbol(symbol) = self.outputs {
            let why = format!("the outputs are what `{}` gives, which is unknown", self.describe(symbol));
            return Err(FlakeError::Evaluation(EvaluationFailure { place: None, why }));
        }
        let mut paths = candidates(name, purpose);
        // A full path is one: everything else would be a package of nixpkgs, where these are handed on.
        if split_path(name).len() > 1
            && let Some(full) = paths.last()
            && full.get(1).is_some_and(|system| system == SYSTEM)
            && matches!(self.find(&full[..1]), Ok(Some(_)))
        {
            paths.rotate_right(1);
        }
        for path in paths {
            match self.find(&path) {
                Ok(Some(id)) => return self.read_output(name, path, id),
                Ok(None) => {}
                Err(error) => {
                    return Err(FlakeError::Output { name: path.join("."), why: unreadable(&error) });
                }
            }
        }
        let known = self.outputs().into_iter().map(|output| format!("{}.{}", output.category, output.name));
        Err(FlakeError::NoSuchOutput { name: name.to_owned(), system: SYSTEM, known: known.collect() })
    }

    /// The thunk at `path` of the outputs.
    fn find(&mut self, path: &[String]) -> Result<Option<ThunkId>, Box<invar_nix::EvalError>> {
        let mut value = self.outputs.clone();
        let mut found = None;
        for name in path {
            if let Some(id) = found {
                value = self.evaluator.force(id)?;
            }
            if !matches!(value, Value::Set(_) | Value::Symbol(_)) {
                return Ok(None);
            }
            found = self.evaluator.attribute_of(&value, name)?;
            if found.is_none() {
                return Ok(None);
            }
        }
        Ok(found)
    }

    fn read_output(&mut self, name: &str, path: Vec<String>, id: ThunkId) -> Result<Output, FlakeError> {
        let failed = |error: Box<invar_nix::EvalError>| FlakeError::Output {
            name: name.to_owned(),
            why: unreadable(&error),
        };
        let value = self.evaluator.force(id).map_err(failed)?;
        if matches!(path.first().map(String::as_str), Some("apps" | "defaultApp"))
            && let Ok(Some(program)) = self.evaluator.attribute_of(&value, "program")
        {
            let place = self.evaluator.attribute_place(&value, "program");
            let program = Reader::new(&mut self.evaluator).placed(program, place);
            let kind = self.evaluator.attribute_of(&value, "type").ok().flatten();
            let kind = kind.map(|kind| Reader::new(&mut self.evaluator).datum(kind));
            let place = written(self.evaluator.span(id)).or_else(|| program.place.clone());
            return Ok(Output { path, place, symbol: None, kind: OutputKind::App(App { program, kind }) });
        }
        let datum = Reader::new(&mut self.evaluator).datum(id);
        let mut place = datum.place.clone();
        let symbol = datum.thing();
        let kind = match datum.value {
            Data::Thing(symbol) => match &*self.thing(symbol) {
                FlakeValue::Image(image) => OutputKind::Image(image.clone()),
                FlakeValue::Derivation(derivation) if derivation.is_shell() => {
                    OutputKind::Shell(Box::new(derivation.clone()))
                }
                FlakeValue::Derivation(derivation) => OutputKind::Package(Box::new(derivation.clone())),
                other => OutputKind::Thing(Box::new(other.clone())),
            },
            Data::Unreadable(why) => return Err(FlakeError::Output { name: name.to_owned(), why }),
            _ => OutputKind::Value(datum),
        };
        if place.is_none()
            && let OutputKind::Package(derivation) | OutputKind::Shell(derivation) = &kind
        {
            // Frameworks hand on what modules define: what is known is where its first attribute is.
            place = derivation.attributes.values().filter_map(|datum| datum.place.clone()).min();
        }
        Ok(Output { path, place, symbol, kind })
    }

    /// What a symbol of the flake's data stands for.
    pub fn thing(&mut self, symbol: SymbolId) -> Rc<FlakeValue> {
        if let Some(thing) = self.things.get(&symbol) {
            return Rc::clone(thing);
        }
        let thing = Rc::new(Reader::new(&mut self.evaluator).thing(symbol));
        self.things.insert(symbol, Rc::clone(&thing));
        thing
    }

    /// What a datum stands for, if that is a thing.
    pub fn thing_of(&mut self, datum: &Datum) -> Option<Rc<FlakeValue>> {
        datum.thing().map(|symbol| self.thing(symbol))
    }

    /// How a symbol came about, as one would write it.
    #[must_use]
    pub fn describe(&self, symbol: SymbolId) -> String {
        self.evaluator.describe(symbol)
    }

    /// The line of a text's first line, which of a string in `''` is the one after its opening quotes most often.
    #[must_use]
    pub fn first_line(&self, datum: &Datum) -> Option<u32> {
        let place = datum.place.as_ref()?;
        let text = self.files.project_text(&place.file)?;
        let line = text.lines().nth((place.line as usize).checked_sub(1)?)?;
        let rest = line.get((place.column as usize).checked_sub(1)?..)?;
        // The place of `name = ''…` that is inherited or computed may be that of the name.
        let after = rest.split_once("''").map(|(_, after)| after);
        Some(place.line + u32::from(after.is_some_and(|after| after.trim().is_empty())))
    }

    /// The store path of the thing `symbol`, as texts have it: a placeholder.
    pub fn store_path(&mut self, symbol: SymbolId) -> String {
        match self.evaluator.string(&Value::Symbol(symbol)) {
            Ok(path) => path.text.to_string(),
            // A thing without a path, such as a set: no text refers to it by this one.
            Err(_) => format!("/nix/store/{:032}-none", symbol.number()),
        }
    }

    /// `text` in pieces: characters, and the store paths of things. The project's own directory stays in it as a
    /// literal that starts with [`PROJECT`].
    #[must_use]
    pub fn pieces(&self, text: &str) -> Vec<Piece> {
        let pieces = self.evaluator.pieces(text).into_iter();
        let pieces = pieces.map(|piece| match piece {
            TextPiece::Literal(text) => Piece::Literal(text),
            TextPiece::Symbol(symbol) => Piece::Thing(symbol),
        });
        pieces.collect()
    }
}

/// The paths that `name` may lead to, in the order in which they are tried.
fn candidates(name: &str, purpose: Purpose) -> Vec<Vec<String>> {
    let parts: Vec<String> = split_path(name);
    let mut paths = Vec::new();
    for (category, single) in purpose.categories() {
        let mut path = vec![(*category).to_owned(), SYSTEM.to_owned()];
        path.extend(parts.iter().cloned());
        paths.push(path);
        if name == "default" && !single.is_empty() {
            paths.push(vec![(*single).to_owned(), SYSTEM.to_owned()]);
        }
    }
    if parts.len() > 1 {
        paths.push(parts);
    }
    paths
}

/// The names of an attribute path, of which those in quotes may have dots.
fn split_path(path: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    for character in path.chars() {
        match character {
            '"' => quoted = !quoted,
            '.' if !quoted => parts.push(String::new()),
            other => {
                if let Some(last) = parts.last_mut() {
                    last.push(other);
                }
            }
        }
    }
    parts
}

/// The outputs of the flake whose `outputs` is `function`.
fn apply(
    evaluator: &mut Evaluator,
    world: &Value,
    inputs: &[Input],
    function: ThunkId,
) -> Result<Value, Box<invar_nix::EvalError>> {
    let names: Vec<serde_json::Value> = inputs.iter().map(|input| input.name.clone().into()).collect();
    let names = world::value(evaluator, &names.into());
    let directory = evaluator.allocate(Value::text(PROJECT));
    let argument = evaluator.allocate_set(&[("names", names), ("folder", directory), ("outputs", function)]);
    let read = evaluator.attribute_of(world, "outputs")?;
    let read = read.expect("the root prelude has it");
    evaluator.apply(read, argument)
}
