//! The evaluator: what it owns, and what others ask it.
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::arena::{Arena, Thunk};
use crate::builtin;
use crate::error::{Bound, ErrorKind, EvalError, LONGEST_TRACE, Outcome};
use crate::files::Files;
use crate::name::{Name, Names};
use crate::place::{Place, Source, Spot};
use crate::stack::Stack;
use crate::symbol::Symbols;
use crate::value::{AttrSet, Attribute, NixString, SymbolId, ThunkId, Value};

/// What an evaluation may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Steps: expressions that are evaluated, and items that builtins go through.
    pub steps: u64,
    /// Expressions whose evaluation waits for another one.
    pub depth: u32,
    /// Bytes of thunks, lists, sets and strings, estimated; nothing is freed before the evaluator is.
    pub memory: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { steps: 20_000_000, depth: 10_000, memory: 64 << 20 }
    }
}

/// Names that the evaluator itself asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known {
    pub(crate) out_path: Name,
    pub(crate) to_string: Name,
    pub(crate) functor: Name,
    pub(crate) overrides: Name,
    pub(crate) kind: Name,
    pub(crate) name: Name,
}

/// Evaluates expressions; owns all that they are made of.
pub struct Evaluator {
    pub(crate) files: Box<dyn Files>,
    pub(crate) limits: Limits,
    pub(crate) names: Names,
    pub(crate) known: Known,
    pub(crate) arena: Arena,
    pub(crate) symbols: Symbols,
    pub(crate) sources: Vec<Source>,
    /// Names that are there in every file.
    pub(crate) globals: BTreeMap<Name, ThunkId>,
    /// What `builtins` is.
    pub(crate) builtins: Rc<AttrSet>,
    /// What `invar` is in preludes.
    pub(crate) primitives: Option<ThunkId>,
    /// What `builtins.nixPath` is.
    pub(crate) search_path: ThunkId,
    /// What `<name>` is.
    pub(crate) search: BTreeMap<Rc<str>, ThunkId>,
    pub(crate) imported: BTreeMap<Rc<str>, ThunkId>,
    /// Texts that preludes may load, by name.
    pub(crate) preludes: BTreeMap<&'static str, &'static str>,
    pub(crate) patterns: BTreeMap<Rc<str>, Rc<regex::Regex>>,
    /// What `trace` and `warn` were given, in order.
    pub(crate) traces: Vec<String>,
    pub(crate) steps: u64,
    pub(crate) depth: u32,
    pub(crate) memory: usize,
    pub(crate) stack: Stack,
}

impl std::fmt::Debug for Evaluator {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Evaluator")
            .field("limits", &self.limits)
            .field("thunks", &self.arena.len())
            .field("steps", &self.steps)
            .field("memory", &self.memory)
            .finish_non_exhaustive()
    }
}

impl Evaluator {
    /// An evaluator that reads `files` and stops at `limits`.
    #[must_use]
    pub fn new(files: Box<dyn Files>, limits: Limits) -> Self {
        let mut names = Names::default();
        let known = Known {
            out_path: names.intern("outPath"),
            to_string: names.intern("__toString"),
            functor: names.intern("__functor"),
            overrides: names.intern("__overrides"),
            kind: names.intern("type"),
            name: names.intern("name"),
        };
        let mut evaluator = Self {
            files,
            limits,
            names,
            known,
            arena: Arena::default(),
            symbols: Symbols::default(),
            sources: Vec::new(),
            globals: BTreeMap::new(),
            builtins: Rc::default(),
            primitives: None,
            search_path: ThunkId(0),
            search: BTreeMap::new(),
            imported: BTreeMap::new(),
            preludes: BTreeMap::new(),
            patterns: BTreeMap::new(),
            traces: Vec::new(),
            steps: 0,
            depth: 0,
            memory: 0,
            stack: Stack::here(),
        };
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

    /// Compiles the expression `text`; `name` is the path that messages give it, and relative paths start at its
    /// directory.
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

    /// A thunk whose value is known.
    pub fn allocate(&mut self, value: Value) -> ThunkId {
        self.arena.push(Thunk::Value(value), Spot::NOWHERE)
    }

    /// A list of `items`.
    pub fn allocate_list(&mut self, items: &[ThunkId]) -> ThunkId {
        self.allocate(Value::List(items.into()))
    }

    /// A set of `items`.
    pub fn allocate_set(&mut self, items: &[(&str, ThunkId)]) -> ThunkId {
        let attributes = items
            .iter()
            .map(|&(name, value)| Attribute { name: self.names.intern(name), value, spot: Spot::NOWHERE })
            .collect();
        self.allocate(Value::Set(Rc::new(AttrSet::new(attributes))))
    }

    /// `function argument`.
    ///
    /// # Errors
    /// [`EvalError`].
    pub fn apply(&mut self, function: ThunkId, argument: ThunkId) -> Outcome<Value> {
        let function = self.force(function)?;
        self.call(&function, argument, Spot::NOWHERE)
    }

    /// `function argument`, when it is needed.
    pub fn apply_later(&mut self, function: ThunkId, argument: ThunkId) -> ThunkId {
        self.arena.push(Thunk::Call(function, argument), Spot::NOWHERE)
    }

    /// The attribute `path`, whose names are separated by dots, of a set or symbol; `None` if one of them is missing.
    ///
    /// # Errors
    /// [`EvalError`].
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
    /// [`EvalError`].
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
    pub fn attribute_place(&self, value: &Value, name: &str) -> Option<Place> {
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
        self.coerce(value, crate::coerce::Style::INTERPOLATION, Spot::NOWHERE)
    }

    /// Where the expression of a thunk is written.
    #[must_use]
    pub fn span(&self, id: ThunkId) -> Option<Place> {
        self.place(self.arena.get(id).1)
    }

    /// Where a symbol came about.
    #[must_use]
    pub fn position(&self, symbol: SymbolId) -> Option<Place> {
        self.place(self.symbols.get(symbol).spot)
    }

    pub(crate) fn place(&self, spot: Spot) -> Option<Place> {
        self.sources.get(spot.source as usize).map(|source| source.place(spot.offset))
    }

    pub(crate) fn text_of(&self, name: Name) -> Rc<str> {
        Rc::clone(self.names.text(name))
    }

    /// The attributes of `set` in the order of their names.
    pub(crate) fn sorted(&self, set: &AttrSet) -> Vec<Attribute> {
        let mut items = set.items().to_vec();
        items.sort_by(|left, right| self.names.text(left.name).cmp(self.names.text(right.name)));
        items
    }

    /// A thunk for an expression, or the one that is already there for a literal, a variable or a function.
    pub(crate) fn later(&mut self, thunk: Thunk, spot: Spot) -> Outcome<ThunkId> {
        self.charge(Arena::SIZE, spot)?;
        Ok(self.arena.push(thunk, spot))
    }

    /// A thunk with a known value.
    pub(crate) fn ready(&mut self, value: Value, spot: Spot) -> Outcome<ThunkId> {
        self.later(Thunk::Value(value), spot)
    }

    /// Counts `bytes`.
    pub(crate) fn charge(&mut self, bytes: usize, spot: Spot) -> Outcome<()> {
        self.memory = self.memory.saturating_add(bytes);
        if self.memory > self.limits.memory {
            return Err(self.limit(Bound::Memory, self.limits.memory as u64, spot));
        }
        Ok(())
    }

    /// Counts `steps`.
    pub(crate) fn step(&mut self, steps: usize, spot: Spot) -> Outcome<()> {
        self.steps = self.steps.saturating_add(steps as u64);
        if self.steps > self.limits.steps {
            return Err(self.limit(Bound::Steps, self.limits.steps, spot));
        }
        Ok(())
    }

    /// Runs `work` one level deeper.
    pub(crate) fn deeper<T>(&mut self, spot: Spot, work: impl FnOnce(&mut Self) -> Outcome<T>) -> Outcome<T> {
        if self.depth >= self.limits.depth || self.stack.is_exhausted() {
            return Err(self.limit(Bound::Depth, u64::from(self.depth), spot));
        }
        self.depth += 1;
        let result = work(self);
        self.depth -= 1;
        result
    }

    #[cold]
    fn limit(&self, bound: Bound, limit: u64, spot: Spot) -> Box<EvalError> {
        self.error(ErrorKind::Limit { bound, limit }, spot)
    }

    /// The error `kind` at `spot`.
    #[cold]
    pub(crate) fn error(&self, kind: ErrorKind, spot: Spot) -> Box<EvalError> {
        Box::new(EvalError { kind, place: self.place(spot), trace: Vec::new() })
    }

    /// The error that `found` is no `expected`; of a symbol, that it is unknown.
    #[cold]
    pub(crate) fn mismatch(&self, expected: &'static str, found: &Value, spot: Spot) -> Box<EvalError> {
        match found {
            Value::Symbol(symbol) => self.unknown(*symbol, expected, spot),
            found => self.error(ErrorKind::Type { expected, found: found.kind() }, spot),
        }
    }

    /// The error that `symbol` is unknown.
    #[cold]
    pub(crate) fn unknown(&self, symbol: SymbolId, needed: &'static str, spot: Spot) -> Box<EvalError> {
        let description = self.describe(symbol);
        self.error(ErrorKind::Unknown { symbol, description, needed }, spot)
    }

    /// Notes in `error` that what is at `spot` needed it.
    #[cold]
    pub(crate) fn trace(&self, mut error: Box<EvalError>, spot: Spot) -> Box<EvalError> {
        if error.trace.len() < LONGEST_TRACE
            && let Some(place) = self.place(spot)
        {
            if error.place.is_none() {
                error.place = Some(place);
            } else if error.trace.last() != Some(&place) {
                error.trace.push(place);
            }
        }
        error
    }
}
