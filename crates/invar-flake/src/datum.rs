//! Values of a flake as data: evaluated to the end, with a hole where that failed.
use std::collections::BTreeMap;
use std::fmt;

use invar_nix::{Position, SymbolId};

/// A value and where it is written.
#[derive(Debug, Clone, PartialEq)]
pub struct Datum {
    /// The value.
    pub value: Data,
    /// Where the flake's own files write it; none for what a prelude made.
    pub place: Option<Position>,
}

/// A value that is evaluated to the end. What is known by name is a [`FlakeValue`](crate::FlakeValue), looked up by its symbol.
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    /// `null`.
    Null,
    /// A Boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A floating-point number.
    Float(f64),
    /// A string; placeholders in it stand for things ([`Flake::pieces`](crate::Flake::pieces)).
    Text(String),
    /// A path of the project, relative to the flake's directory; `""` is the directory itself.
    Path(String),
    /// A list.
    List(Vec<Datum>),
    /// A set of attributes.
    Set(BTreeMap<String, Datum>),
    /// A package, derivation, environment or similar.
    Thing(SymbolId),
    /// A function.
    Function,
    /// A value that could not be evaluated.
    Unreadable(EvaluationFailure),
}

/// Why a value could not be evaluated.
#[derive(Debug, Clone, PartialEq)]
pub struct EvaluationFailure {
    /// Where the evaluation failed.
    pub place: Option<Position>,
    /// Why, as one line.
    pub why: String,
}

impl fmt::Display for EvaluationFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write!(formatter, "{place}: {}", self.why),
            None => formatter.write_str(&self.why),
        }
    }
}

impl Datum {
    /// The text, if it is a string.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Data::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The items, if it is a list; a single value is a list of itself, and `null` an empty one, as nixpkgs' functions have it.
    #[must_use]
    pub fn items(&self) -> &[Datum] {
        match &self.value {
            Data::List(items) => items,
            Data::Null => &[],
            _ => std::slice::from_ref(self),
        }
    }

    /// The attributes, if it is a set.
    #[must_use]
    pub fn attributes(&self) -> Option<&BTreeMap<String, Datum>> {
        match &self.value {
            Data::Set(attributes) => Some(attributes),
            _ => None,
        }
    }

    /// The attribute at `path`, whose names are separated by dots, of a set.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&Datum> {
        path.split('.').try_fold(self, |datum, name| datum.attributes()?.get(name))
    }

    /// The thing that it is.
    #[must_use]
    pub fn thing(&self) -> Option<SymbolId> {
        match &self.value {
            Data::Thing(symbol) => Some(*symbol),
            _ => None,
        }
    }

    /// The Boolean that it is.
    #[must_use]
    pub fn boolean(&self) -> Option<bool> {
        match &self.value {
            Data::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// All values inside it that could not be evaluated, and itself if it is one.
    #[must_use]
    pub fn unreadable(&self) -> Vec<&EvaluationFailure> {
        let mut found = Vec::new();
        let mut open = vec![self];
        while let Some(datum) = open.pop() {
            match &datum.value {
                Data::Unreadable(why) => found.push(why),
                Data::List(items) => open.extend(items.iter().rev()),
                Data::Set(attributes) => open.extend(attributes.values().rev()),
                _ => {}
            }
        }
        found
    }

    /// The line in `flake.nix` or another file where it is written.
    #[must_use]
    pub fn line(&self) -> Option<u32> {
        self.place.as_ref().map(|place| place.line)
    }
}
