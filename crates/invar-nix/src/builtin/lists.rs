//! Lists.
use std::collections::BTreeMap;

use super::{Builtin, builtin};
use crate::arena::Thunk;
use crate::error::{ErrorKind, Outcome};
use crate::evaluator::Evaluator;
use crate::ids::ThunkId;
use crate::place::Spot;
use crate::value::{Attribute, Value};

pub(super) static TABLE: &[Builtin] = &[
    builtin("all", 2, |evaluator, arguments, spot| find(evaluator, arguments, false, spot)),
    builtin("any", 2, |evaluator, arguments, spot| find(evaluator, arguments, true, spot)),
    builtin("concatLists", 1, |evaluator, arguments, spot| {
        let lists = evaluator.list_argument(arguments[0], spot)?;
        concat(evaluator, &lists, spot)
    }),
    builtin("concatMap", 2, |evaluator, arguments, spot| {
        let function = arguments[0];
        evaluator.function_argument(function, spot)?;
        let items = evaluator.list_argument(arguments[1], spot)?;
        let lists: Outcome<Vec<ThunkId>> =
            items.iter().map(|&item| evaluator.later(Thunk::Call(function, item), spot)).collect();
        concat(evaluator, &lists?, spot)
    }),
    builtin("elem", 2, |evaluator, arguments, spot| {
        let wanted = evaluator.force(arguments[0])?;
        for &item in evaluator.list_argument(arguments[1], spot)?.iter() {
            let item = evaluator.force(item)?;
            if evaluator.equals(&wanted, &item, spot)? {
                return Ok(Value::Bool(true));
            }
        }
        Ok(Value::Bool(false))
    }),
    builtin("elemAt", 2, |evaluator, arguments, spot| {
        let items = evaluator.list_argument(arguments[0], spot)?;
        let index = evaluator.int_argument(arguments[1], spot)?;
        match usize::try_from(index).ok().and_then(|index| items.get(index)) {
            Some(&item) => evaluator.force(item),
            None => fail(evaluator, "elemAt", format!("index {index} of {} items", items.len()), spot),
        }
    }),
    builtin("filter", 2, |evaluator, arguments, spot| {
        let items = evaluator.list_argument(arguments[1], spot)?;
        if items.is_empty() {
            return evaluator.force(arguments[1]);
        }
        let function = evaluator.function_argument(arguments[0], spot)?;
        let mut kept = Vec::new();
        for &item in items.iter() {
            let keep = evaluator.call(&function, item, spot)?;
            if evaluator.bool_of(&keep, spot)? {
                kept.push(item);
            }
        }
        evaluator.new_list(kept, spot)
    }),
    builtin("foldl'", 3, |evaluator, arguments, spot| {
        let function = evaluator.function_argument(arguments[0], spot)?;
        let items = evaluator.list_argument(arguments[2], spot)?;
        let mut state = arguments[1];
        for &item in items.iter() {
            let value = evaluator.call_with(function.clone(), &[state, item], spot)?;
            state = evaluator.ready(value, spot)?;
        }
        evaluator.force(state)
    }),
    builtin("genList", 2, |evaluator, arguments, spot| {
        let length = evaluator.int_argument(arguments[1], spot)?;
        let Ok(length) = usize::try_from(length) else {
            return fail(evaluator, "genList", format!("a list of {length} items"), spot);
        };
        if length > 0 {
            evaluator.function_argument(arguments[0], spot)?;
        }
        evaluator.step(length, spot)?;
        let mut items = Vec::new();
        for index in 0..length {
            let index = evaluator.ready(Value::Int(index as i64), spot)?;
            items.push(evaluator.later(Thunk::Call(arguments[0], index), spot)?);
        }
        evaluator.new_list(items, spot)
    }),
    builtin("genericClosure", 1, generic_closure),
    builtin("groupBy", 2, |evaluator, arguments, spot| {
        let function = evaluator.function_argument(arguments[0], spot)?;
        let items = evaluator.list_argument(arguments[1], spot)?;
        let mut groups: BTreeMap<_, Vec<ThunkId>> = BTreeMap::new();
        for &item in items.iter() {
            let name = evaluator.call(&function, item, spot)?;
            let name = evaluator.name_text(&name, spot)?;
            groups.entry(evaluator.names.intern(&name)).or_default().push(item);
        }
        let mut attributes = Vec::new();
        for (name, group) in groups {
            let list = evaluator.new_list(group, spot)?;
            attributes.push(Attribute { name, value: evaluator.ready(list, spot)?, spot: Spot::NOWHERE });
        }
        evaluator.new_set(attributes, spot)
    }),
    builtin("head", 1, |evaluator, arguments, spot| {
        match evaluator.list_argument(arguments[0], spot)?.first() {
            Some(&item) => evaluator.force(item),
            None => fail(evaluator, "head", "the list is empty".into(), spot),
        }
    }),
    builtin("length", 1, |evaluator, arguments, spot| {
        Ok(Value::Int(evaluator.list_argument(arguments[0], spot)?.len() as i64))
    }),
    builtin("map", 2, |evaluator, arguments, spot| {
        let items = evaluator.list_argument(arguments[1], spot)?;
        if !items.is_empty() {
            evaluator.function_argument(arguments[0], spot)?;
        }
        let items: Outcome<Vec<ThunkId>> =
            items.iter().map(|&item| evaluator.later(Thunk::Call(arguments[0], item), spot)).collect();
        evaluator.new_list(items?, spot)
    }),
    builtin("partition", 2, |evaluator, arguments, spot| {
        let function = evaluator.function_argument(arguments[0], spot)?;
        let items = evaluator.list_argument(arguments[1], spot)?;
        let (mut right, mut wrong) = (Vec::new(), Vec::new());
        for &item in items.iter() {
            let is_right = evaluator.call(&function, item, spot)?;
            if evaluator.bool_of(&is_right, spot)? { &mut right } else { &mut wrong }.push(item);
        }
        let (right, wrong) = (evaluator.new_list(right, spot)?, evaluator.new_list(wrong, spot)?);
        evaluator.set_of([("right", right), ("wrong", wrong)], spot)
    }),
    builtin("sort", 2, sort),
    builtin("tail", 1, |evaluator, arguments, spot| {
        match evaluator.list_argument(arguments[0], spot)?.split_first() {
            Some((_, rest)) => evaluator.new_list(rest.to_vec(), spot),
            None => fail(evaluator, "tail", "the list is empty".into(), spot),
        }
    }),
];

pub(super) fn fail<T>(
    evaluator: &Evaluator,
    builtin: &'static str,
    problem: String,
    spot: Spot,
) -> Outcome<T> {
    Err(evaluator.error(ErrorKind::Argument { builtin, problem }, spot))
}

/// Whether the predicate is `wanted` for any item.
fn find(evaluator: &mut Evaluator, arguments: &[ThunkId], wanted: bool, spot: Spot) -> Outcome<Value> {
    let function = evaluator.function_argument(arguments[0], spot)?;
    for &item in evaluator.list_argument(arguments[1], spot)?.iter() {
        let found = evaluator.call(&function, item, spot)?;
        if evaluator.bool_of(&found, spot)? == wanted {
            return Ok(Value::Bool(wanted));
        }
    }
    Ok(Value::Bool(!wanted))
}

fn concat(evaluator: &mut Evaluator, lists: &[ThunkId], spot: Spot) -> Outcome<Value> {
    let mut all = Vec::new();
    for &list in lists {
        let items = evaluator.list_argument(list, spot)?;
        evaluator.charge(4 * items.len(), spot)?;
        all.extend_from_slice(&items);
    }
    evaluator.new_list(all, spot)
}

/// Sorts by merging, so that a comparison which contradicts itself still ends.
fn sort(evaluator: &mut Evaluator, arguments: &[ThunkId], spot: Spot) -> Outcome<Value> {
    let items = evaluator.list_argument(arguments[1], spot)?;
    if items.is_empty() {
        return evaluator.force(arguments[1]);
    }
    let less = evaluator.function_argument(arguments[0], spot)?;
    let mut sorted = items.to_vec();
    let mut width = 1;
    while width < sorted.len() {
        let mut merged = Vec::with_capacity(sorted.len());
        for run in sorted.chunks(2 * width) {
            let (mut left, mut right) = run.split_at(width.min(run.len()));
            while let (Some((&one, rest)), Some((&other, others))) = (left.split_first(), right.split_first())
            {
                // The right one comes first only if it is less, so equal ones keep their order.
                let is_less = evaluator.call_with(less.clone(), &[other, one], spot)?;
                if evaluator.bool_of(&is_less, spot)? {
                    merged.push(other);
                    right = others;
                } else {
                    merged.push(one);
                    left = rest;
                }
            }
            merged.extend_from_slice(left);
            merged.extend_from_slice(right);
        }
        sorted = merged;
        width *= 2;
    }
    if let [only] = sorted.as_slice() {
        evaluator.force(*only)?;
    }
    evaluator.new_list(sorted, spot)
}

/// All sets that an operator leads to from some, one of each key.
fn generic_closure(evaluator: &mut Evaluator, arguments: &[ThunkId], spot: Spot) -> Outcome<Value> {
    let set = evaluator.force(arguments[0])?;
    if !matches!(set, Value::Set(_)) {
        return Err(evaluator.mismatch("a set", &set, spot));
    }
    let [start, operator, key] = ["startSet", "operator", "key"].map(|name| evaluator.names.intern(name));
    let start = evaluator.selected(&set, start, spot)?;
    let mut work: std::collections::VecDeque<ThunkId> =
        evaluator.list_argument(start, spot)?.iter().copied().collect();
    if work.is_empty() {
        return evaluator.new_list(Vec::new(), spot);
    }
    let operator = evaluator.selected(&set, operator, spot)?;
    let operator = evaluator.function_argument(operator, spot)?;
    // Sorted by key, for which Nix's order has to be asked.
    let mut keys: Vec<Value> = Vec::new();
    let mut found = Vec::new();
    while let Some(item) = work.pop_front() {
        let value = evaluator.force(item)?;
        if !matches!(value, Value::Set(_)) {
            return Err(evaluator.mismatch("a set", &value, spot));
        }
        let key = evaluator.selected(&value, key, spot)?;
        let key = evaluator.force(key)?;
        let (mut low, mut high) = (0, keys.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            if evaluator.is_less(&keys[middle], &key, spot)? { low = middle + 1 } else { high = middle }
        }
        if let Some(next) = keys.get(low).cloned()
            && !evaluator.is_less(&key, &next, spot)?
        {
            continue;
        }
        if keys.is_empty() {
            // A single key is never compared with another one, but has to be comparable.
            evaluator.is_less(&key, &key, spot)?;
        }
        evaluator.charge(64, spot)?;
        evaluator.step(1 + keys.len() / 64, spot)?;
        keys.insert(low, key);
        found.push(item);
        let more = evaluator.call(&operator, item, spot)?;
        match more {
            Value::List(items) => {
                evaluator.charge(4 * items.len(), spot)?;
                work.extend(items.iter().copied());
            }
            other => return Err(evaluator.mismatch("a list", &other, spot)),
        }
    }
    evaluator.new_list(found, spot)
}
