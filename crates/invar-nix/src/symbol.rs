//! Values that are known only by how they came about.
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::ids::{SymbolId, ThunkId};
use crate::name::Name;
use crate::place::Spot;
use crate::value::AttrSet;

/// How a symbol came about.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Origin {
    /// `invar.symbol` or `invar.open`: something that a prelude names.
    Root(Rc<str>),
    /// `symbol.attribute`; the attribute is the symbol's name.
    Select {
        /// Whose attribute.
        of: SymbolId,
        /// Which.
        name: Rc<str>,
    },
    /// `symbol argument`.
    Apply {
        /// What is called.
        function: SymbolId,
        /// With what.
        argument: ThunkId,
    },
    /// `invar.make`, `derivation`, a path that is copied and similar: a known thing.
    Made {
        /// Which, such as `derivation` or `path`.
        kind: Rc<str>,
        /// What it was made of.
        arguments: ThunkId,
    },
    /// `if symbol then … else …`: not guessed.
    Choice {
        /// What decides.
        condition: SymbolId,
        /// The value if it is true.
        yes: ThunkId,
        /// The value if it is false.
        no: ThunkId,
    },
    /// An operator or builtin over a symbol.
    Operation {
        /// Its sign or name; `?` for a test whether there is an attribute.
        operator: &'static str,
        /// What it was used on, as written.
        operands: Vec<ThunkId>,
    },
}

/// A symbol.
#[derive(Debug, Clone)]
pub struct Symbol {
    /// How it came about.
    pub origin: Origin,
    /// What its store path is named after.
    pub name: Option<Rc<str>>,
    /// Attributes that are known.
    pub attributes: Option<Rc<AttrSet>>,
    /// A function from the name of another attribute to its value.
    pub missing: Option<ThunkId>,
    /// The symbol whose attributes the others are: of `symbol // { … }`, the left side.
    pub fallback: Option<SymbolId>,
    pub(crate) spot: Spot,
}

/// All symbols of an evaluation.
#[derive(Debug, Default)]
pub(crate) struct Symbols {
    all: Vec<Symbol>,
    selected: BTreeMap<(SymbolId, Name), ThunkId>,
    /// Paths that were copied.
    pub(crate) copied: BTreeMap<Rc<str>, SymbolId>,
}

impl Symbols {
    pub(crate) fn push(&mut self, symbol: Symbol) -> SymbolId {
        self.all.push(symbol);
        SymbolId(self.all.len() as u32 - 1)
    }

    pub(crate) fn get(&self, id: SymbolId) -> &Symbol {
        &self.all[id.0 as usize]
    }

    pub(crate) fn get_mut(&mut self, id: SymbolId) -> &mut Symbol {
        &mut self.all[id.0 as usize]
    }

    /// The symbol whose number a placeholder has.
    pub(crate) fn find(&self, number: u32) -> Option<(SymbolId, &Symbol)> {
        self.all.get(number as usize).map(|symbol| (SymbolId(number), symbol))
    }

    pub(crate) fn selected(&self, of: SymbolId, name: Name) -> Option<ThunkId> {
        self.selected.get(&(of, name)).copied()
    }

    pub(crate) fn remember(&mut self, of: SymbolId, name: Name, selected: ThunkId) {
        self.selected.insert((of, name), selected);
    }
}

/// A part of a text with placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextPiece {
    /// As it is.
    Literal(String),
    /// Where the symbol's store path is.
    Symbol(SymbolId),
}
