//! Values of the evaluator as data and things.
use std::collections::BTreeMap;

use invar_nix::{ErrorKind, EvalError, Evaluator, Origin, Position, SymbolId, ThunkId, Value};

use crate::datum::{Data, Datum, EvaluationFailure};
use crate::files::PROJECT;
use crate::image::Image;
use crate::thing::{
    Derivation, Environment, FlakeValue, Interpreter, Package, PythonPackage, PythonSet, Workspace,
};
use crate::world::PRELUDE;

/// Lists and sets inside each other that are followed.
const DEEPEST: usize = 16;
/// Values that one thing may have, with those inside its lists and sets.
const MOST: usize = 50_000;

/// Attributes of a flake that differ from checkout to checkout.
const IMPURE: [&str; 9] = [
    "rev",
    "shortRev",
    "dirtyRev",
    "dirtyShortRev",
    "revCount",
    "lastModified",
    "lastModifiedDate",
    "narHash",
    "submodules",
];

/// Why `error` happened, as one line.
pub(crate) fn unreadable(error: &EvalError) -> EvaluationFailure {
    let why = match &error.kind {
        ErrorKind::MissingAttribute { name } if IMPURE.contains(&&**name) => {
            format!("`{name}` of the flake differs with each commit, so it is not reproducible")
        }
        kind => kind.to_string(),
    };
    EvaluationFailure {
        place: written(error.place.clone())
            .or_else(|| error.trace.iter().cloned().find_map(|place| written(Some(place)))),
        why,
    }
}

/// A place in the project's own files.
pub(crate) fn written(place: Option<Position>) -> Option<Position> {
    let mut place = place.filter(|place| !place.file.starts_with(PRELUDE))?;
    if let Some(relative) = place.file.strip_prefix(PROJECT).and_then(|rest| rest.strip_prefix('/')) {
        place.file = relative.into();
    }
    Some(place)
}

/// A path of the project, relative to the flake's directory.
pub(crate) fn project_path(path: &str) -> Option<String> {
    let rest = path.strip_prefix(PROJECT)?;
    (rest.is_empty() || rest.starts_with('/')).then(|| rest.trim_start_matches('/').to_owned())
}

/// Reads values, counting them.
pub(crate) struct Reader<'a> {
    pub(crate) evaluator: &'a mut Evaluator,
    left: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(evaluator: &'a mut Evaluator) -> Self {
        Self { evaluator, left: MOST }
    }

    /// The value of `id`, evaluated to the end.
    pub(crate) fn datum(&mut self, id: ThunkId) -> Datum {
        self.deep(id, None, 0)
    }

    /// The same; `attribute` is where the attribute is that has it.
    pub(crate) fn placed(&mut self, id: ThunkId, attribute: Option<Position>) -> Datum {
        self.deep(id, attribute, 0)
    }

    fn deep(&mut self, id: ThunkId, attribute: Option<Position>, depth: usize) -> Datum {
        let place = written(self.evaluator.span(id)).or_else(|| written(attribute));
        let value = match self.evaluator.force(id) {
            Ok(value) => value,
            Err(error) => return Datum { value: Data::Unreadable(unreadable(&error)), place },
        };
        // What a variable names is written where the variable is defined.
        let place = place.or_else(|| written(self.evaluator.span(id)));
        let value = if depth >= DEEPEST || self.left == 0 {
            let why = "the value has too many parts".to_owned();
            Data::Unreadable(EvaluationFailure { place: place.clone(), why })
        } else {
            self.left -= 1;
            self.data(&value, depth)
        };
        Datum { value, place }
    }

    fn data(&mut self, value: &Value, depth: usize) -> Data {
        match value {
            Value::Null => Data::Null,
            Value::Bool(flag) => Data::Bool(*flag),
            Value::Int(number) => Data::Int(*number),
            Value::Float(number) => Data::Float(*number),
            Value::String(string) => Data::Text(string.text.to_string()),
            Value::Path(path) => match project_path(path) {
                Some(path) => Data::Path(path),
                None => Data::Text(path.to_string()),
            },
            Value::List(items) => {
                let mut data = Vec::new();
                for &item in items.iter() {
                    // The first that is too many says so, and stands for the rest.
                    let is_last = self.left == 0;
                    data.push(self.deep(item, None, depth + 1));
                    if is_last {
                        break;
                    }
                }
                Data::List(data)
            }
            Value::Set(_) => self.set(value, depth),
            Value::Function(_) | Value::Builtin(_) => Data::Function,
            Value::Symbol(symbol) => self.symbol(*symbol, value, depth),
        }
    }

    fn symbol(&mut self, symbol: SymbolId, value: &Value, depth: usize) -> Data {
        // Definitions of options that no module declares are what they are.
        match self.evaluator.known(symbol, "invarKept") {
            true => Data::Set(self.fields(value, depth, &["invarKept"])),
            false => Data::Thing(self.bare(symbol)),
        }
    }

    fn set(&mut self, value: &Value, depth: usize) -> Data {
        if let Ok(Some(Value::Symbol(symbol))) = self.evaluator.select(value, "invarThing") {
            // Other outputs of a derivation are sets of their own, with its other attributes.
            let output = self.evaluator.select(value, "outPath").ok().flatten();
            if let Some(Value::String(path)) = output
                && let Some(own) = path.context.symbols().next()
                && matches!(&self.evaluator.symbol(own).origin, Origin::Made { kind, .. } if &**kind == "output")
            {
                return Data::Thing(own);
            }
            return Data::Thing(symbol);
        }
        if let Ok(Some(Value::String(kind))) = self.evaluator.select(value, "_type")
            && &*kind.text == "flake"
            && let Ok(Some(path)) = self.evaluator.select(value, "outPath")
        {
            return match path {
                Value::String(path) if project_path(&path.text).is_some() => {
                    Data::Path(project_path(&path.text).unwrap_or_default())
                }
                other => self.data(&other, depth),
            };
        }
        Data::Set(self.fields(value, depth, &[]))
    }

    /// The attributes of a set or symbol, evaluated to the end, without those of `hidden`.
    fn fields(&mut self, value: &Value, depth: usize, hidden: &[&str]) -> BTreeMap<String, Datum> {
        let attributes = self.evaluator.attributes(value).unwrap_or_default();
        let mut fields = BTreeMap::new();
        for (name, id) in attributes {
            let is_last = self.left == 0;
            if !hidden.contains(&&*name) {
                let place = self.evaluator.attribute_place(value, &name);
                fields.insert(name.to_string(), self.deep(id, place, depth + 1));
            }
            if is_last {
                break;
            }
        }
        fields
    }

    /// The symbol that `symbol // { … }` is about.
    fn bare(&mut self, mut symbol: SymbolId) -> SymbolId {
        for _ in 0..DEEPEST {
            match self.evaluator.symbol(symbol).fallback {
                Some(below) => symbol = below,
                None => break,
            }
        }
        symbol
    }

    /// What `symbol` stands for.
    pub(crate) fn thing(&mut self, symbol: SymbolId) -> FlakeValue {
        let symbol = self.bare(symbol);
        let origin = self.evaluator.symbol(symbol).origin.clone();
        match origin {
            Origin::Made { kind, arguments } => match self.made(&kind, arguments) {
                Some(thing) => thing,
                None => FlakeValue::Unknown(self.evaluator.describe(symbol)),
            },
            Origin::Choice { condition, yes, no } => FlakeValue::Choice {
                condition: self.evaluator.describe(condition),
                yes: Box::new(self.datum(yes)),
                no: Box::new(self.datum(no)),
            },
            Origin::Operation { operator: "++", operands } => {
                FlakeValue::Joined(operands.iter().map(|&operand| self.datum(operand)).collect())
            }
            _ => FlakeValue::Unknown(self.evaluator.describe(symbol)),
        }
    }

    fn made(&mut self, kind: &str, arguments: ThunkId) -> Option<FlakeValue> {
        let value = self.evaluator.force(arguments).ok()?;
        if kind == "path" {
            return match value {
                Value::Path(path) => Some(FlakeValue::Path(project_path(&path)?)),
                _ => None,
            };
        }
        if kind.starts_with("fetch") {
            let function = vec!["builtins".to_owned(), kind.to_owned()];
            return Some(FlakeValue::Call { function, argument: self.datum(arguments) });
        }
        let part = |reader: &mut Self, name: &str| match reader.evaluator.attribute_of(&value, name) {
            Ok(Some(id)) => {
                let place = reader.evaluator.attribute_place(&value, name);
                reader.deep(id, place, 0)
            }
            Ok(None) => Datum { value: Data::Null, place: None },
            Err(error) => Datum { value: Data::Unreadable(unreadable(&error)), place: None },
        };
        Some(match kind {
            "package" => FlakeValue::Package(package(
                &part(self, "path"),
                &part(self, "output"),
                &part(self, "changes"),
            )),
            "derivation" => {
                let function = text(&part(self, "function"));
                FlakeValue::Derivation(Derivation { function, attributes: self.attributes(&value) })
            }
            "output" => FlakeValue::Output { of: part(self, "of").thing()?, name: text(&part(self, "name")) },
            "image" => {
                let function = text(&part(self, "function"));
                FlakeValue::Image(Box::new(Image::new(function, self.attributes(&value))))
            }
            "base" => FlakeValue::BaseImage {
                function: text(&part(self, "function")),
                attributes: self.attributes(&value),
            },
            "layer" => FlakeValue::Layer { attributes: self.attributes(&value) },
            "part" => FlakeValue::ImagePart(text(&part(self, "name"))),
            "hook" => FlakeValue::Hook(text(&part(self, "name"))),
            "virtualenv" => FlakeValue::Environment(Environment {
                name: part(self, "name"),
                dependencies: part(self, "spec"),
                set: part(self, "set"),
                changes: set(part(self, "changes")),
            }),
            "python-package" => FlakeValue::PythonPackage(PythonPackage {
                name: text(&part(self, "name")),
                version: part(self, "version").text().map(str::to_owned),
                locked: part(self, "locked").boolean().unwrap_or_default(),
                local: present(part(self, "local")),
                editable: present(part(self, "editable")),
                changes: set(part(self, "changes")),
                given: set(part(self, "given")),
            }),
            "python-set" => {
                let python = part(self, "python");
                FlakeValue::PythonSet(Box::new(self.python_set(&value, python)))
            }
            "application" => FlakeValue::Application {
                environment: part(self, "venv"),
                package: part(self, "package"),
                changes: set(part(self, "changes")),
            },
            "interpreter" => FlakeValue::Interpreter(Interpreter {
                attribute: text(&part(self, "wanted")),
                version: text(&part(self, "version")),
                changed: names(&part(self, "changes")),
            }),
            "interpreter-environment" => FlakeValue::InterpreterEnvironment {
                interpreter: part(self, "interpreter"),
                packages: part(self, "packages"),
            },
            "source" => {
                let files = match part(self, "files").value {
                    Data::List(items) if self.left > 0 => {
                        items.iter().map(|item| project_path(item.text()?)).collect()
                    }
                    _ => None,
                };
                FlakeValue::Source { root: part(self, "root"), selection: part(self, "selection"), files }
            }
            "call" => FlakeValue::Call {
                function: names(&part(self, "function")),
                argument: part(self, "argument"),
            },
            _ => return None,
        })
    }

    /// The `attributes` among a thing's arguments. What only tests and other flakes ask of it is left out.
    fn attributes(&mut self, arguments: &Value) -> BTreeMap<String, Datum> {
        const HIDDEN: [&str; 4] = ["passthru", "finalPackage", "override", "overrideAttrs"];
        match self.evaluator.select(arguments, "attributes") {
            Ok(Some(attributes)) => self.fields(&attributes, 0, &HIDDEN),
            Ok(None) => BTreeMap::new(),
            Err(error) => {
                let why = Datum { value: Data::Unreadable(unreadable(&error)), place: None };
                BTreeMap::from([("attributes".to_owned(), why)])
            }
        }
    }

    fn python_set(&mut self, arguments: &Value, python: Datum) -> PythonSet {
        let hidden: Vec<String> = match self.evaluator.attribute_of(arguments, "hidden") {
            Ok(Some(id)) => names(&self.datum(id)),
            _ => Vec::new(),
        };
        let mut set =
            PythonSet { python, workspaces: Vec::new(), changed: BTreeMap::new(), unread: Vec::new() };
        let Ok(Some(packages)) = self.evaluator.select(arguments, "packages") else { return set };
        let mut locked: Vec<String> = Vec::new();
        if let Ok(Some(workspaces)) = self.evaluator.attribute_of(&packages, "invarWorkspaces") {
            let found = self.datum(workspaces);
            set.workspaces.extend(found.items().iter().map(workspace));
            locked = found.items().iter().filter_map(|own| own.get("names")).flat_map(names).collect();
        }
        let is_locked = set.workspaces.iter().any(|workspace| workspace.locked);
        for (name, id) in self.evaluator.attributes(&packages).unwrap_or_default() {
            match &*name {
                "invarWorkspaces" => {}
                "invarUnread" => {
                    for overlay in self.datum(id).items() {
                        if let Some(symbol) = overlay.thing() {
                            set.unread.push(self.evaluator.describe(symbol));
                        }
                    }
                }
                _ if hidden.iter().any(|hidden| **hidden == *name) => {}
                _ => {
                    let place = self.evaluator.attribute_place(&packages, &name);
                    let datum = self.deep(id, place, 0);
                    let plain = match datum.value {
                        Data::Thing(symbol) => {
                            matches!(self.thing(symbol), FlakeValue::PythonPackage(package) if package.is_plain())
                        }
                        Data::Function => true,
                        // An override of what the lock does not have is never asked for.
                        Data::Unreadable(_) => is_locked && !locked.iter().any(|locked| **locked == *name),
                        _ => false,
                    };
                    if !plain {
                        set.changed.insert(name.to_string(), datum);
                    }
                }
            }
        }
        set
    }
}

fn text(datum: &Datum) -> String {
    datum.text().unwrap_or_default().to_owned()
}

fn set(datum: Datum) -> BTreeMap<String, Datum> {
    match datum.value {
        Data::Set(fields) => fields,
        Data::Null => BTreeMap::new(),
        // What failed is kept under the only name that there is for it.
        _ => BTreeMap::from([("attributes".to_owned(), datum)]),
    }
}

fn present(datum: Datum) -> Option<Datum> {
    (datum.value != Data::Null).then_some(datum)
}

fn names(datum: &Datum) -> Vec<String> {
    let mut found = Vec::new();
    for item in datum.items() {
        match &item.value {
            Data::Text(text) => found.push(text.clone()),
            Data::List(_) => found.extend(names(item)),
            _ => {}
        }
    }
    found
}

fn package(path: &Datum, output: &Datum, changes: &Datum) -> Package {
    let changed = changes.items().iter().filter_map(Datum::attributes).flat_map(|change| {
        let inner = change.values().filter_map(Datum::attributes);
        inner.flat_map(|fields| fields.keys().cloned())
    });
    Package { path: names(path), output: output.text().map(str::to_owned), changed: changed.collect() }
}

fn workspace(datum: &Datum) -> Workspace {
    let field = |name: &str| datum.get(name).and_then(Datum::text).unwrap_or_default();
    Workspace {
        directory: project_path(field("folder")).unwrap_or_default(),
        source_preference: field("sourcePreference").to_owned(),
        locked: datum.get("locked").and_then(Datum::boolean).unwrap_or_default(),
    }
}
