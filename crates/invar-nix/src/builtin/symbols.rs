//! `invar`: how preludes make symbols.
use super::{Builtin, allocate, builtin};
use crate::arena::Thunk;
use crate::error::{ErrorKind, Outcome};
use crate::evaluator::Evaluator;
use crate::ids::ThunkId;
use crate::place::Spot;
use crate::symbol::Origin;
use crate::value::{AttrSet, Value};
use std::rc::Rc;

static TABLE: &[Builtin] = &[
    builtin("symbol", 1, |evaluator, arguments, spot| {
        let name = evaluator.known_string(arguments[0], spot)?.text;
        evaluator.symbol_of(Origin::Root(name), spot)
    }),
    builtin("open", 1, |evaluator, arguments, spot| {
        let set = evaluator.force(arguments[0])?;
        let name = required(evaluator, &set, "name", spot)?;
        let name = evaluator.known_string(name, spot)?.text;
        let (attributes, missing) = optional(evaluator, &set, spot)?;
        let origin = Origin::Root(name);
        let attributes = attributes.unwrap_or_default();
        evaluator.add_symbol(origin, None, Some(attributes), missing, None, spot).map(Value::Symbol)
    }),
    builtin("make", 1, |evaluator, arguments, spot| {
        let set = evaluator.force(arguments[0])?;
        let kind = required(evaluator, &set, "kind", spot)?;
        let kind = evaluator.known_string(kind, spot)?.text;
        let name = required(evaluator, &set, "name", spot)?;
        let name = evaluator.string_argument(name, spot)?.text;
        let arguments = required(evaluator, &set, "arguments", spot)?;
        let (attributes, missing) = optional(evaluator, &set, spot)?;
        let origin = Origin::Made { kind, arguments };
        evaluator.make(origin, name, attributes.as_deref(), missing, spot).map(Value::Symbol)
    }),
    builtin("isSymbol", 1, |evaluator, arguments, _| {
        Ok(Value::Bool(matches!(evaluator.force(arguments[0])?, Value::Symbol(_))))
    }),
    builtin("load", 1, |evaluator, arguments, spot| {
        let name = evaluator.known_string(arguments[0], spot)?.text;
        let path = format!("/invar/{name}.nix");
        if let Some(&id) = evaluator.imported.get(&*path) {
            return evaluator.force(id);
        }
        let Some(&text) = evaluator.preludes.get(&*name) else {
            return Err(evaluator.error(ErrorKind::FileMissing(path.into()), spot));
        };
        let id = evaluator.deeper(spot, |evaluator| evaluator.prelude(text, &path))?;
        evaluator.imported.insert(path.into(), id);
        evaluator.force(id)
    }),
    builtin("known", 1, |evaluator, arguments, spot| match evaluator.force(arguments[0])? {
        Value::Symbol(symbol) => Ok(Value::Set(Rc::new(evaluator.known_attributes(symbol)))),
        value @ Value::Set(_) => Ok(value),
        other => Err(evaluator.mismatch("a set", &other, spot)),
    }),
    builtin("path", 1, |evaluator, arguments, spot| {
        let path = evaluator.path_argument(arguments[0], spot)?;
        let path = evaluator.source_path(&path.text);
        evaluator.new_text(path, spot)
    }),
    builtin("isMade", 1, |evaluator, arguments, _| match evaluator.force(arguments[0])? {
        Value::Symbol(symbol) => Ok(Value::Bool(evaluator.is_made(symbol))),
        _ => Ok(Value::Bool(false)),
    }),
    builtin("describe", 1, |evaluator, arguments, spot| match evaluator.force(arguments[0])? {
        Value::Symbol(symbol) => {
            let text = evaluator.describe(symbol);
            evaluator.new_text(text, spot)
        }
        _ => {
            let text = evaluator.show(arguments[0], false);
            evaluator.new_text(text, spot)
        }
    }),
    builtin("place", 1, |evaluator, arguments, _| {
        let place = evaluator.span(arguments[0]);
        Ok(place.map_or(Value::Null, |place| Value::text(place.to_string())))
    }),
];

fn required(evaluator: &mut Evaluator, set: &Value, name: &str, spot: Spot) -> Outcome<ThunkId> {
    match evaluator.attribute_of(set, name)? {
        Some(found) => Ok(found),
        None => Err(evaluator.error(ErrorKind::MissingAttribute { name: name.into() }, spot)),
    }
}

/// The attributes that are known, and the function for the others.
fn optional(
    evaluator: &mut Evaluator,
    set: &Value,
    spot: Spot,
) -> Outcome<(Option<Rc<AttrSet>>, Option<ThunkId>)> {
    let attributes = match evaluator.attribute_of(set, "attributes")? {
        Some(attributes) => Some(evaluator.set_argument(attributes, spot)?),
        None => None,
    };
    let missing = match evaluator.attribute_of(set, "missing")? {
        Some(missing) if !matches!(evaluator.force(missing)?, Value::Null) => Some(missing),
        _ => None,
    };
    Ok((attributes, missing))
}

/// What `invar` is.
pub(crate) fn primitives(evaluator: &mut Evaluator) -> ThunkId {
    if let Some(primitives) = evaluator.primitives {
        return primitives;
    }
    let mut items = Vec::new();
    for builtin in TABLE {
        items.push((builtin.name, allocate(evaluator, builtin)));
    }
    let facts = evaluator.allocate_set(&[]);
    items.push(("facts", facts));
    let primitives = evaluator.allocate_set(&items);
    evaluator.primitives = Some(primitives);
    primitives
}

/// Makes `facts` what `invar.facts` is.
pub(crate) fn set_facts(evaluator: &mut Evaluator, facts: ThunkId) {
    let primitives = primitives(evaluator);
    let name = evaluator.names.intern("facts");
    let (Thunk::Value(Value::Set(set)), _) = evaluator.arena.get(primitives) else { return };
    let new = crate::value::Attribute { name, value: facts, spot: Spot::NOWHERE };
    let set = set.update(&AttrSet::new(vec![new]));
    *evaluator.arena.get_mut(primitives) = Thunk::Value(Value::Set(Rc::new(set)));
}
