//! Sets of attributes.
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::{Builtin, builtin};
use crate::arena::Thunk;
use crate::ids::ThunkId;
use crate::place::Spot;
use crate::symbol::Origin;
use crate::value::{AttrSet, Attribute, Value};

pub(super) static TABLE: &[Builtin] = &[
    builtin("attrNames", 1, |evaluator, arguments, spot| {
        let set = evaluator.set_argument(arguments[0], spot)?;
        let mut names = Vec::new();
        for item in evaluator.sorted(&set) {
            let text = Value::text(evaluator.text_of(item.name));
            names.push(evaluator.ready(text, spot)?);
        }
        evaluator.new_list(names, spot)
    }),
    builtin("attrValues", 1, |evaluator, arguments, spot| {
        let set = evaluator.set_argument(arguments[0], spot)?;
        let values = evaluator.sorted(&set).into_iter().map(|item| item.value).collect();
        evaluator.new_list(values, spot)
    }),
    builtin("catAttrs", 2, |evaluator, arguments, spot| {
        let name = evaluator.name_argument(arguments[0], spot)?;
        let name = evaluator.names.intern(&name);
        let mut values = Vec::new();
        for &item in evaluator.list_argument(arguments[1], spot)?.iter() {
            let set = evaluator.set_argument(item, spot)?;
            values.extend(set.get(name).map(|found| found.value));
        }
        evaluator.new_list(values, spot)
    }),
    builtin("getAttr", 2, |evaluator, arguments, spot| {
        let name = evaluator.name_argument(arguments[0], spot)?;
        let name = evaluator.names.intern(&name);
        let set = evaluator.force(arguments[1])?;
        let found = evaluator.selected(&set, name, spot)?;
        evaluator.force(found)
    }),
    builtin("hasAttr", 2, |evaluator, arguments, spot| {
        let name = evaluator.name_argument(arguments[0], spot)?;
        let name = evaluator.names.intern(&name);
        match evaluator.force(arguments[1])? {
            Value::Set(set) => Ok(Value::Bool(set.get(name).is_some())),
            Value::Symbol(symbol) if evaluator.known_attribute(symbol, name).is_some() => {
                Ok(Value::Bool(true))
            }
            Value::Symbol(_) => {
                let operands = vec![arguments[1], arguments[0]];
                evaluator.symbol_of(Origin::Operation { operator: "?", operands }, spot)
            }
            other => Err(evaluator.mismatch("a set", &other, spot)),
        }
    }),
    builtin("intersectAttrs", 2, |evaluator, arguments, spot| {
        let left = evaluator.set_argument(arguments[0], spot)?;
        let right = match evaluator.force(arguments[1])? {
            // What the left side names is taken from a symbol that surely has it.
            Value::Symbol(symbol) => Rc::new(evaluator.known_attributes(symbol)),
            _ => evaluator.set_argument(arguments[1], spot)?,
        };
        let items = right.items().iter().filter(|item| left.get(item.name).is_some()).copied().collect();
        evaluator.new_set(items, spot)
    }),
    builtin("listToAttrs", 1, |evaluator, arguments, spot| {
        let [key, content] = ["name", "value"].map(|name| evaluator.names.intern(name));
        let mut seen = BTreeSet::new();
        let mut attributes = Vec::new();
        for &item in evaluator.list_argument(arguments[0], spot)?.iter() {
            let item = evaluator.force(item)?;
            if !matches!(item, Value::Set(_) | Value::Symbol(_)) {
                return Err(evaluator.mismatch("a set", &item, spot));
            }
            let name = evaluator.selected(&item, key, spot)?;
            let name = evaluator.name_argument(name, spot)?;
            let name = evaluator.names.intern(&name);
            // The first of a name counts.
            if seen.insert(name) {
                let value = evaluator.selected(&item, content, spot)?;
                attributes.push(Attribute { name, value, spot: Spot::NOWHERE });
            }
        }
        evaluator.new_set(attributes, spot)
    }),
    builtin("mapAttrs", 2, |evaluator, arguments, spot| {
        let set = evaluator.set_argument(arguments[1], spot)?;
        if !set.is_empty() {
            evaluator.function_argument(arguments[0], spot)?;
        }
        let mut attributes = Vec::with_capacity(set.len());
        for item in set.items() {
            let text = Value::text(evaluator.text_of(item.name));
            let name = evaluator.ready(text, spot)?;
            let value = evaluator.later(Thunk::Call2(arguments[0], name, item.value), item.spot)?;
            attributes.push(Attribute { value, ..*item });
        }
        evaluator.new_set(attributes, spot)
    }),
    builtin("removeAttrs", 2, |evaluator, arguments, spot| {
        let value = evaluator.force(arguments[0])?;
        let set = match &value {
            Value::Symbol(symbol) => Rc::new(evaluator.known_attributes(*symbol)),
            _ => evaluator.set_argument(arguments[0], spot)?,
        };
        let mut names = BTreeSet::new();
        for &item in evaluator.list_argument(arguments[1], spot)?.iter() {
            let name = evaluator.name_argument(item, spot)?;
            names.extend(evaluator.names.find(&name));
        }
        let items = set.items().iter().filter(|item| !names.contains(&item.name)).copied().collect();
        if let Value::Symbol(_) = value {
            // What else a symbol has is as unknown as before; what is left of what is known is not.
            let origin = Origin::Operation { operator: "removeAttrs", operands: arguments.to_vec() };
            let known = (!set.is_empty()).then(|| Rc::new(AttrSet::new(items)));
            return evaluator.add_symbol(origin, None, known, None, None, spot).map(Value::Symbol);
        }
        evaluator.new_set(items, spot)
    }),
    builtin("unsafeGetAttrPos", 2, |evaluator, arguments, spot| {
        let name = evaluator.name_argument(arguments[0], spot)?;
        let set = evaluator.set_argument(arguments[1], spot)?;
        let found = evaluator.names.find(&name).and_then(|name| set.get(name)).map(|item| item.spot);
        match found {
            Some(spot) => evaluator.position_set(spot),
            None => Ok(Value::Null),
        }
    }),
    builtin("zipAttrsWith", 2, |evaluator, arguments, spot| {
        let function = arguments[0];
        evaluator.function_argument(function, spot)?;
        let sets = evaluator.list_argument(arguments[1], spot)?;
        let mut groups: BTreeMap<_, (Spot, Vec<ThunkId>)> = BTreeMap::new();
        for &set in sets.iter() {
            for item in evaluator.set_argument(set, spot)?.items() {
                let first = || (item.spot, Vec::new());
                groups.entry(item.name).or_insert_with(first).1.push(item.value);
            }
        }
        let mut attributes = Vec::new();
        for (name, (first, values)) in groups {
            let text = Value::text(evaluator.text_of(name));
            let text = evaluator.ready(text, spot)?;
            let values = evaluator.new_list(values, spot)?;
            let values = evaluator.ready(values, spot)?;
            let value = evaluator.later(Thunk::Call2(function, text, values), spot)?;
            attributes.push(Attribute { name, value, spot: first });
        }
        evaluator.new_set(attributes, spot)
    }),
];
