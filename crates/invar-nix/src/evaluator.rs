//! The evaluator: what it owns, and how it counts what it uses.
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::arena::{Arena, Thunk};
use crate::error::{Bound, ErrorKind, EvalError, LONGEST_TRACE, Outcome};
use crate::files::Files;
use crate::ids::{SymbolId, ThunkId};
use crate::name::{Name, Names};
use crate::place::{Position, Source, Spot};
use crate::stack::Stack;
use crate::symbol::Symbols;
use crate::value::{AttrSet, Attribute, Value};

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

/// What a builtin does with its arguments.
pub(crate) type Action = fn(&mut Evaluator, &[ThunkId], Spot) -> Outcome<Value>;

/// Names that the evaluator itself asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WellKnownNames {
    pub(crate) out_path: Name,
    pub(crate) to_string: Name,
    pub(crate) functor: Name,
    pub(crate) overrides: Name,
    pub(crate) kind: Name,
    pub(crate) name: Name,
}

/// Evaluates expressions; owns all that they consist of.
pub struct Evaluator {
    pub(crate) files: Box<dyn Files>,
    pub(crate) limits: Limits,
    pub(crate) names: Names,
    pub(crate) known: WellKnownNames,
    pub(crate) arena: Arena,
    pub(crate) symbols: Symbols,
    pub(crate) sources: Vec<Source>,
    /// Names that are there in every file.
    pub(crate) globals: BTreeMap<Name, ThunkId>,
    /// What builtins do, by their number.
    pub(crate) actions: Vec<Action>,
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
    /// An evaluator in which nothing is defined.
    pub(crate) fn empty(files: Box<dyn Files>, limits: Limits) -> Self {
        let mut names = Names::default();
        let known = WellKnownNames {
            out_path: names.intern("outPath"),
            to_string: names.intern("__toString"),
            functor: names.intern("__functor"),
            overrides: names.intern("__overrides"),
            kind: names.intern("type"),
            name: names.intern("name"),
        };
        Self {
            files,
            limits,
            names,
            known,
            arena: Arena::default(),
            symbols: Symbols::default(),
            sources: Vec::new(),
            globals: BTreeMap::new(),
            actions: Vec::new(),
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
        }
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

    /// `function argument`, when it is needed.
    pub fn apply_later(&mut self, function: ThunkId, argument: ThunkId) -> ThunkId {
        self.arena.push(Thunk::Call(function, argument), Spot::NOWHERE)
    }

    /// Where the expression of a thunk is written.
    #[must_use]
    pub fn span(&self, id: ThunkId) -> Option<Position> {
        self.place(self.arena.get(id).1)
    }

    /// Where a symbol came about.
    #[must_use]
    pub fn position(&self, symbol: SymbolId) -> Option<Position> {
        self.place(self.symbols.get(symbol).spot)
    }

    pub(crate) fn place(&self, spot: Spot) -> Option<Position> {
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
