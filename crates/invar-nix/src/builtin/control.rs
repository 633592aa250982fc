//! Order of evaluation, errors, other files.
use std::rc::Rc;

use super::{Builtin, builtin};
use crate::arena::Thunk;
use crate::error::{ErrorKind, Outcome};
use crate::evaluator::Evaluator;
use crate::files::{FileKind, normalize};
use crate::ids::{SymbolId, ThunkId};
use crate::place::Spot;
use crate::symbol::Origin;
use crate::value::Value;

/// Traces that are kept.
const MOST_TRACES: usize = 1000;

pub(super) static TABLE: &[Builtin] = &[
    builtin("abort", 1, |evaluator, arguments, spot| {
        let text = message(evaluator, arguments[0], spot)?;
        Err(evaluator.error(ErrorKind::Abort(text.as_ref().into()), spot))
    }),
    builtin("throw", 1, |evaluator, arguments, spot| {
        let text = message(evaluator, arguments[0], spot)?;
        Err(evaluator.error(ErrorKind::Throw(text.as_ref().into()), spot))
    }),
    builtin("addErrorContext", 2, |evaluator, arguments, _| evaluator.force(arguments[1])),
    builtin("break", 1, |evaluator, arguments, _| evaluator.force(arguments[0])),
    builtin("seq", 2, |evaluator, arguments, _| {
        evaluator.force(arguments[0])?;
        evaluator.force(arguments[1])
    }),
    builtin("deepSeq", 2, |evaluator, arguments, spot| {
        evaluator.force_deep(arguments[0], spot)?;
        evaluator.force(arguments[1])
    }),
    builtin("trace", 2, |evaluator, arguments, spot| {
        let text = match evaluator.force(arguments[0])? {
            Value::String(string) => string.text.to_string(),
            _ => evaluator.show(arguments[0], false),
        };
        evaluator.note(text, spot)?;
        evaluator.force(arguments[1])
    }),
    builtin("traceVerbose", 2, |evaluator, arguments, _| evaluator.force(arguments[1])),
    builtin("warn", 2, |evaluator, arguments, spot| {
        let text = evaluator.string_argument(arguments[0], spot)?;
        evaluator.note(format!("warning: {}", text.text), spot)?;
        evaluator.force(arguments[1])
    }),
    builtin("tryEval", 1, |evaluator, arguments, spot| {
        let (success, value) = match evaluator.force(arguments[0]) {
            Ok(_) => (true, arguments[0]),
            Err(error) if error.kind.is_catchable() => (false, evaluator.ready(Value::Bool(false), spot)?),
            Err(error) => return Err(error),
        };
        let success = evaluator.ready(Value::Bool(success), spot)?;
        evaluator.named_set([("success", success), ("value", value)], spot)
    }),
    builtin("import", 1, |evaluator, arguments, spot| evaluator.import(arguments[0], spot)),
    builtin("scopedImport", 2, |evaluator, arguments, spot| {
        let scope = evaluator.set_argument(arguments[0], spot)?;
        let path = evaluator.path_argument(arguments[1], spot)?;
        let path = evaluator.source_path(&path.text);
        let text = evaluator.file_text(&path, spot)?;
        let variables: Vec<_> = scope.items().iter().map(|item| (item.name, item.value)).collect();
        let id = evaluator.deeper(spot, |evaluator| evaluator.compile(&text, &path, &variables))?;
        evaluator.force(id)
    }),
];

fn message(evaluator: &mut Evaluator, id: ThunkId, spot: Spot) -> Outcome<Rc<str>> {
    let value = evaluator.force(id)?;
    Ok(evaluator.coerce(&value, crate::coerce::Style::INTERPOLATION, spot)?.text)
}

impl Evaluator {
    fn note(&mut self, text: String, spot: Spot) -> Outcome<()> {
        self.charge(text.len(), spot)?;
        if self.traces.len() < MOST_TRACES {
            self.traces.push(text);
        }
        Ok(())
    }

    /// A set of thunks.
    pub(crate) fn named_set<const N: usize>(
        &mut self,
        items: [(&str, ThunkId); N],
        spot: Spot,
    ) -> Outcome<Value> {
        let attributes = items.map(|(name, value)| crate::value::Attribute {
            name: self.names.intern(name),
            value,
            spot: Spot::NOWHERE,
        });
        self.new_set(attributes.to_vec(), spot)
    }

    /// Computes all that is inside a value; symbols stay as they are.
    ///
    /// # Errors
    /// [`EvalError`](crate::EvalError).
    pub fn force_all(&mut self, id: ThunkId) -> Outcome<Value> {
        self.force_deep(id, Spot::NOWHERE)?;
        self.force(id)
    }

    pub(crate) fn force_deep(&mut self, id: ThunkId, spot: Spot) -> Outcome<()> {
        let mut seen = std::collections::BTreeSet::new();
        self.force_deeper(id, &mut seen, spot)
    }

    fn force_deeper(
        &mut self,
        id: ThunkId,
        seen: &mut std::collections::BTreeSet<ThunkId>,
        spot: Spot,
    ) -> Outcome<()> {
        let value = self.force(id)?;
        match &value {
            Value::List(_) | Value::Set(_) if !seen.insert(id) => return Ok(()),
            _ => {}
        }
        self.step(1, spot)?;
        match value {
            Value::List(items) => {
                self.charge(48, spot)?;
                for &item in items.iter() {
                    self.deeper(spot, |evaluator| evaluator.force_deeper(item, seen, spot))?;
                }
            }
            Value::Set(set) => {
                self.charge(48, spot)?;
                for item in self.sorted(&set) {
                    self.deeper(spot, |evaluator| evaluator.force_deeper(item.value, seen, spot))?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn import(&mut self, id: ThunkId, spot: Spot) -> Outcome<Value> {
        let value = self.force(id)?;
        let found = match &value {
            Value::Symbol(symbol) => Some((*symbol, String::new())),
            Value::Path(_) => None,
            value => {
                let text = self.coerce(value, crate::coerce::Style::PATH, spot)?;
                match self.pieces(&text.text).as_slice() {
                    [crate::symbol::TextPiece::Symbol(symbol)] => Some((*symbol, String::new())),
                    [crate::symbol::TextPiece::Symbol(symbol), crate::symbol::TextPiece::Literal(rest)] => {
                        Some((*symbol, rest.clone()))
                    }
                    _ => None,
                }
            }
        };
        if let Some((symbol, rest)) = found
            && self.symbol_path(symbol).is_none()
        {
            return self.import_symbol(symbol, &rest, id, spot);
        }
        let path = self.path_argument(id, spot)?;
        let path = self.source_path(&path.text);
        let id = self.import_file(&path, spot)?;
        self.force(id)
    }

    /// `import symbol`: what its attribute `__import` makes of the path inside it, or a symbol.
    fn import_symbol(&mut self, symbol: SymbolId, rest: &str, id: ThunkId, spot: Spot) -> Outcome<Value> {
        let name = self.names.intern("__import");
        match self.known_attribute(symbol, name) {
            Some(function) => {
                let function = self.force(function)?;
                let rest = self.new_text(rest, spot)?;
                let rest = self.ready(rest, spot)?;
                self.call(&function, rest, spot)
            }
            None => self.symbol_of(Origin::Operation { operator: "import", operands: vec![id] }, spot),
        }
    }

    /// The path in the project that a copied path was copied from.
    pub(crate) fn symbol_path(&self, symbol: SymbolId) -> Option<Rc<str>> {
        let Origin::Made { kind, arguments } = &self.symbols.get(symbol).origin else { return None };
        match (&**kind, self.arena.get(*arguments)) {
            ("path", (Thunk::Value(Value::Path(path)), _)) => Some(Rc::clone(path)),
            // A selection of files: what is read of it is read of where it was taken from.
            ("source", (Thunk::Value(Value::Set(set)), _)) => {
                let root = set.get(self.names.find("root")?)?.value;
                match self.arena.get(root) {
                    (Thunk::Value(Value::Path(path)), _) => Some(Rc::clone(path)),
                    (Thunk::Value(Value::String(path)), _) if path.context.is_empty() => {
                        Some(Rc::clone(&path.text))
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// `text` as a path in the virtual root: what is below a copied path is what it was copied from.
    pub(crate) fn source_path(&self, text: &str) -> String {
        match self.pieces(text).as_slice() {
            [crate::symbol::TextPiece::Symbol(symbol), rest @ ..] => {
                let rest = match rest {
                    [crate::symbol::TextPiece::Literal(rest)] => rest,
                    _ => "",
                };
                match self.symbol_path(*symbol) {
                    Some(path) => normalize(&format!("{path}{rest}")),
                    None => normalize(text),
                }
            }
            _ => normalize(text),
        }
    }

    /// The value of the file at `path`, or of the `default.nix` in it, which is evaluated once.
    pub(crate) fn import_file(&mut self, path: &str, spot: Spot) -> Outcome<ThunkId> {
        let mut path = normalize(path);
        if self.files.kind(&path) == Some(FileKind::Directory) {
            path = normalize(&format!("{path}/default.nix"));
        }
        if let Some(&id) = self.imported.get(&*path) {
            return Ok(id);
        }
        let text = self.file_text(&path, spot)?;
        let id = self.deeper(spot, |evaluator| evaluator.compile(&text, &path, &[]))?;
        self.imported.insert(path.into(), id);
        Ok(id)
    }

    pub(crate) fn file_text(&mut self, path: &str, spot: Spot) -> Outcome<Rc<str>> {
        match self.files.text(path) {
            Some(text) => {
                self.charge(text.len(), spot)?;
                Ok(text)
            }
            None => Err(self.error(ErrorKind::FileMissing(path.into()), spot)),
        }
    }
}
