//! What expressions evaluate to.
use std::collections::BTreeSet;
use std::rc::Rc;

use crate::code::{Env, Lambda};
use crate::ids::{SymbolId, ThunkId};
use crate::name::Name;
use crate::place::Spot;

/// The symbols that a string depends on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context(Option<Rc<BTreeSet<SymbolId>>>);

impl Context {
    /// A context of one symbol.
    #[must_use]
    pub fn of(symbol: SymbolId) -> Self {
        Self(Some(Rc::new(BTreeSet::from([symbol]))))
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|symbols| symbols.is_empty())
    }

    /// The symbols in it, sorted.
    pub fn symbols(&self) -> impl Iterator<Item = SymbolId> + '_ {
        self.0.iter().flat_map(|symbols| symbols.iter().copied())
    }

    /// Adds what `other` has.
    pub fn join(&mut self, other: &Self) {
        match (&mut self.0, &other.0) {
            (_, None) => {}
            (mine @ None, Some(_)) => *mine = other.0.clone(),
            (Some(mine), Some(theirs)) => {
                if !Rc::ptr_eq(mine, theirs) && !theirs.is_subset(mine) {
                    Rc::make_mut(mine).extend(theirs.iter().copied());
                }
            }
        }
    }
}

/// A string with what it depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NixString {
    /// The text, with a placeholder for each symbol: `/nix/store/<32 digits>-<name>`.
    pub text: Rc<str>,
    /// The symbols that the text was built from.
    pub context: Context,
}

impl<T: Into<Rc<str>>> From<T> for NixString {
    fn from(text: T) -> Self {
        Self { text: text.into(), context: Context::default() }
    }
}

/// One attribute of a set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attribute {
    pub(crate) name: Name,
    pub(crate) value: ThunkId,
    pub(crate) spot: Spot,
}

/// Attributes, which the evaluator looks up by name.
#[derive(Debug, Clone, Default)]
pub struct AttrSet {
    /// Sorted by number of name, which is not the order of the names' texts.
    items: Vec<Attribute>,
}

impl AttrSet {
    /// A set of `items`; of two with one name, the later one counts.
    pub(crate) fn new(mut items: Vec<Attribute>) -> Self {
        if !items.is_sorted_by(|left, right| left.name < right.name) {
            items.reverse();
            items.sort_by_key(|item| item.name);
            items.dedup_by_key(|item| item.name);
        }
        Self { items }
    }

    pub(crate) fn get(&self, name: Name) -> Option<&Attribute> {
        self.items.binary_search_by_key(&name, |item| item.name).ok().map(|index| &self.items[index])
    }

    /// All attributes, in no order that shows.
    pub(crate) fn items(&self) -> &[Attribute] {
        &self.items
    }

    /// The number of attributes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The attributes of both, where those of `right` count.
    pub(crate) fn update(&self, right: &Self) -> Self {
        let mut items = Vec::with_capacity(self.len() + right.len());
        let (mut left, mut right) = (self.items.iter().peekable(), right.items.iter().peekable());
        loop {
            match (left.peek(), right.peek()) {
                (Some(old), Some(new)) => {
                    if old.name < new.name {
                        items.extend(left.next());
                    } else {
                        if old.name == new.name {
                            left.next();
                        }
                        items.extend(right.next());
                    }
                }
                (Some(_), None) => items.extend(left.by_ref()),
                (None, Some(_)) => items.extend(right.by_ref()),
                (None, None) => return Self { items },
            }
        }
    }
}

/// A function with the variables it was written among.
#[derive(Debug)]
pub struct Closure {
    pub(crate) lambda: Rc<Lambda>,
    pub(crate) env: Env,
}

/// A builtin function, as values know it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Builtin {
    pub(crate) name: &'static str,
    /// The number of its arguments.
    pub(crate) arity: usize,
    /// Which of the evaluator's actions it is.
    pub(crate) action: usize,
}

/// A builtin function with the arguments it has so far.
#[derive(Debug)]
pub struct Partial {
    pub(crate) builtin: Builtin,
    pub(crate) arguments: Vec<ThunkId>,
}

impl Partial {
    /// The name of the builtin, such as `map`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.builtin.name
    }
}

/// What an expression evaluates to: its outermost shape; what is inside lists and sets is a [`ThunkId`] each.
#[derive(Debug, Clone)]
pub enum Value {
    /// `null`.
    Null,
    /// A Boolean.
    Bool(bool),
    /// A 64-bit integer.
    Int(i64),
    /// A floating-point number.
    Float(f64),
    /// A string.
    String(NixString),
    /// A path inside the virtual root: absolute and normalized.
    Path(Rc<str>),
    /// A list.
    List(Rc<[ThunkId]>),
    /// A set of attributes.
    Set(Rc<AttrSet>),
    /// A function of the text.
    Function(Rc<Closure>),
    /// A builtin function.
    Builtin(Rc<Partial>),
    /// A value that is known only by how it came about.
    Symbol(SymbolId),
}

impl Value {
    /// A string without context.
    #[must_use]
    pub fn text(text: impl Into<Rc<str>>) -> Self {
        Self::String(text.into().into())
    }

    /// What messages call this kind of value.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a Boolean",
            Self::Int(_) => "an integer",
            Self::Float(_) => "a float",
            Self::String(_) => "a string",
            Self::Path(_) => "a path",
            Self::List(_) => "a list",
            Self::Set(_) => "a set",
            Self::Function(_) => "a function",
            Self::Builtin(_) => "a built-in function",
            Self::Symbol(_) => "a value that is unknown",
        }
    }
}
