//! What others ask an evaluator.
use std::rc::Rc;

use crate::arena::Thunk;
use crate::builtin;
use crate::coerce::Style;
use crate::error::Outcome;
use crate::evaluator::{Evaluator, Limits};
use crate::files::Files;
use crate::ids::ThunkId;
use crate::name::Name;
use crate::place::{Position, Spot};
use crate::value::{NixString, Value};

impl Evaluator {
    /// An evaluator that reads `files` and stops at `limits`.
    #[must_use]
    pub fn new(files: Box<dyn Files>, limits: Limits) -> Self {
        let mut evaluator = Self::empty(files, limits);
        builtin::install(&mut evaluator);
        evaluator
    }

    /// Evaluates the file at `path`, or the `default.nix` of a directory.
    ///
    /// # Errors
    /// If it does not exist, or is not Nix.
    pub fn file(&mut self, path: &str) -> Outcome<ThunkId> {
        self.import_file(path, Spot::NOWHERE)
    }

    /// Compiles the expression `text`; `name` is the path that messages give it, and relative paths start at its directory.
    ///
    /// # Errors
    /// If it is not Nix.
    pub fn expression(&mut self, text: &str, name: &str) -> Outcome<ThunkId> {
        self.expression_with(text, name, &[])
    }

    /// Like [`expression`](Self::expression), with variables.
    ///
    /// # Errors
    /// If it is not Nix.
    pub fn expression_with(
        &mut self,
        text: &str,
        name: &str,
        variables: &[(&str, ThunkId)],
    ) -> Outcome<ThunkId> {
        let variables: Vec<(Name, ThunkId)> =
            variables.iter().map(|&(name, value)| (self.names.intern(name), value)).collect();
        self.compile(text, name, &variables)
    }

    /// Compiles a text that may use `invar`: the primitives from which preludes make symbols.
    ///
    /// # Errors
    /// If it is not Nix.
    pub fn prelude(&mut self, text: &str, name: &str) -> Outcome<ThunkId> {
        let primitives = builtin::primitives(self);
        self.expression_with(text, name, &[("invar", primitives)])
    }

    /// Lets preludes load `text` as `invar.load name`, which is compiled when it is first asked for. Messages call it
    /// `/invar/NAME.nix`.
    pub fn add_prelude(&mut self, name: &'static str, text: &'static str) {
        self.preludes.insert(name, text);
    }

    /// What `invar.facts` is in preludes that are loaded from now on.
    pub fn set_facts(&mut self, facts: ThunkId) {
        builtin::set_facts(self, facts);
    }

    /// Adds an entry to the search path: `<prefix/…>` is found below `path`; without a prefix, any name is.
    pub fn add_search_path(&mut self, prefix: &str, path: &str) {
        let (prefix, path) = (self.allocate(Value::text(prefix)), self.allocate(Value::text(path)));
        let entry = self.allocate_set(&[("prefix", prefix), ("path", path)]);
        let whole = self.search_path;
        let mut entries = match self.force(whole) {
            Ok(Value::List(entries)) => entries.to_vec(),
            _ => Vec::new(),
        };
        entries.push(entry);
        *self.arena.get_mut(whole) = Thunk::Value(Value::List(entries.into()));
    }

    /// What `<name>` is.
    pub fn set_search(&mut self, name: &str, value: ThunkId) {
        self.search.insert(name.into(), value);
    }

    /// What `trace` and `warn` were given so far, in order.
    #[must_use]
    pub fn traces(&self) -> &[String] {
        &self.traces
    }

    /// `function argument`.
    ///
    /// # Errors
    /// [`EvalError`](crate::EvalError).
    pub fn apply(&mut self, function: ThunkId, argument: ThunkId) -> Outcome<Value> {
        let function = self.force(function)?;
        self.call(&function, argument, Spot::NOWHERE)
    }

    /// The attribute `path`, whose names are separated by dots, of a set or symbol; `None` if one of them is missing.
    ///
    /// # Errors
    /// [`EvalError`](crate::EvalError).
    pub fn select(&mut self, value: &Value, path: &str) -> Outcome<Option<Value>> {
        let mut value = value.clone();
        for name in path.split('.') {
            let name = self.names.intern(name);
            match self.attribute(&value, name, Spot::NOWHERE)? {
                Some(found) => value = self.force(found)?,
                None => return Ok(None),
            }
        }
        Ok(Some(value))
    }

    /// The attribute `name` of a set or symbol; `None` if it is missing.
    ///
    /// # Errors
    /// [`EvalError`](crate::EvalError).
    pub fn attribute_of(&mut self, value: &Value, name: &str) -> Outcome<Option<ThunkId>> {
        let name = self.names.intern(name);
        self.attribute(value, name, Spot::NOWHERE)
    }

    /// The attributes of a set, or those that are known of a symbol, sorted by name.
    ///
    /// # Errors
    /// If it is another kind of value.
    pub fn attributes(&mut self, value: &Value) -> Outcome<Vec<(Rc<str>, ThunkId)>> {
        let set = match value {
            Value::Set(set) => Rc::clone(set),
            Value::Symbol(symbol) => match &self.symbols.get(*symbol).attributes {
                Some(attributes) => Rc::clone(attributes),
                None => return Err(self.unknown(*symbol, "a set", Spot::NOWHERE)),
            },
            other => return Err(self.mismatch("a set", other, Spot::NOWHERE)),
        };
        Ok(self.sorted(&set).into_iter().map(|item| (self.text_of(item.name), item.value)).collect())
    }

    /// Where the attribute `name` of a set or symbol is written.
    #[must_use]
    pub fn attribute_place(&self, value: &Value, name: &str) -> Option<Position> {
        let set = match value {
            Value::Set(set) => set,
            Value::Symbol(symbol) => self.symbols.get(*symbol).attributes.as_ref()?,
            _ => return None,
        };
        self.place(set.get(self.names.find(name)?)?.spot)
    }

    /// The items of a list.
    ///
    /// # Errors
    /// If it is another kind of value.
    pub fn list(&mut self, value: &Value) -> Outcome<Rc<[ThunkId]>> {
        match value {
            Value::List(items) => Ok(Rc::clone(items)),
            other => Err(self.mismatch("a list", other, Spot::NOWHERE)),
        }
    }

    /// The value as an interpolation `"${…}"` has it: a string, a path that is copied, a derivation's store path.
    ///
    /// # Errors
    /// If it is another kind of value.
    pub fn string(&mut self, value: &Value) -> Outcome<NixString> {
        self.coerce(value, Style::INTERPOLATION, Spot::NOWHERE)
    }
}
