//! Builtin functions.
mod control;
mod derivation;
mod hash;
mod impure;
mod json;
mod lists;
mod numbers;
mod paths;
mod pattern;
mod sets;
mod strings;
mod symbols;
mod toml;
mod types;
mod versions;
mod xml;

use std::rc::Rc;

use crate::evaluator::{Action, Evaluator};
use crate::ids::ThunkId;
use crate::place::Spot;
use crate::value::{self, AttrSet, Attribute, Partial, Value};

pub(crate) use impure::why_impure;
pub(crate) use symbols::{primitives, set_facts};

/// A builtin function.
pub(crate) struct Builtin {
    pub(crate) name: &'static str,
    /// The number of its arguments.
    pub(crate) arity: usize,
    pub(crate) action: Action,
}

/// A row of a table of builtins.
const fn builtin(name: &'static str, arity: usize, action: Action) -> Builtin {
    Builtin { name, arity, action }
}

/// All of them.
static TABLES: [&[Builtin]; 15] = [
    control::TABLE,
    derivation::TABLE,
    hash::TABLE,
    impure::TABLE,
    json::TABLE,
    lists::TABLE,
    numbers::TABLE,
    paths::TABLE,
    pattern::TABLE,
    sets::TABLE,
    strings::TABLE,
    toml::TABLE,
    types::TABLE,
    versions::TABLE,
    xml::TABLE,
];

/// Builtins that need no `builtins.` before them; the others have two underscores instead.
const GLOBAL: [&str; 19] = [
    "abort",
    "baseNameOf",
    "break",
    "derivation",
    "derivationStrict",
    "dirOf",
    "fetchGit",
    "fetchMercurial",
    "fetchTarball",
    "fetchTree",
    "fromTOML",
    "import",
    "isNull",
    "map",
    "placeholder",
    "removeAttrs",
    "scopedImport",
    "throw",
    "toString",
];

/// The version of Nix whose language this is, as `builtins.nixVersion` gives it.
const NIX_VERSION: &str = "2.28.0";

/// Gives `evaluator` the builtins and the global names.
pub(crate) fn install(evaluator: &mut Evaluator) {
    let mut all: Vec<(&str, ThunkId)> = Vec::new();
    for builtin in TABLES.iter().copied().flatten() {
        let id = if builtin.arity == 0 {
            let lazy = allocate(evaluator, builtin);
            let nothing = evaluator.allocate(Value::Null);
            evaluator.apply_later(lazy, nothing)
        } else {
            allocate(evaluator, builtin)
        };
        all.push((builtin.name, id));
    }
    for (name, value) in [
        ("true", Value::Bool(true)),
        ("false", Value::Bool(false)),
        ("null", Value::Null),
        ("nixVersion", Value::text(NIX_VERSION)),
        ("langVersion", Value::Int(6)),
        ("storeDir", Value::text("/nix/store")),
    ] {
        all.push((name, evaluator.allocate(value)));
    }
    evaluator.search_path = evaluator.allocate(Value::List(Rc::new([])));
    all.push(("nixPath", evaluator.search_path));
    let whole = evaluator.allocate(Value::Null);
    all.push(("builtins", whole));
    let mut attributes = Vec::new();
    for (name, value) in all {
        let is_plain = matches!(name, "true" | "false" | "null" | "builtins") || GLOBAL.contains(&name);
        let global = if is_plain { name.to_owned() } else { format!("__{name}") };
        let global = evaluator.names.intern(&global);
        evaluator.globals.insert(global, value);
        let name = evaluator.names.intern(name);
        attributes.push(Attribute { name, value, spot: Spot::NOWHERE });
    }
    evaluator.builtins = Rc::new(AttrSet::new(attributes));
    *evaluator.arena.get_mut(whole) = crate::arena::Thunk::Value(Value::Set(Rc::clone(&evaluator.builtins)));
}

/// The builtin as a value.
fn allocate(evaluator: &mut Evaluator, builtin: &Builtin) -> ThunkId {
    let Builtin { name, arity, action } = *builtin;
    evaluator.actions.push(action);
    let builtin = value::Builtin { name, arity, action: evaluator.actions.len() - 1 };
    evaluator.allocate(Value::Builtin(Rc::new(Partial { builtin, arguments: Vec::new() })))
}
