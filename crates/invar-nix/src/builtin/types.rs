//! What kind of value something is.
use super::{Builtin, builtin};
use crate::code::Parameter;
use crate::coerce::Style;
use crate::error::Outcome;
use crate::evaluator::Evaluator;
use crate::ids::ThunkId;
use crate::place::Spot;
use crate::value::{Attribute, Value};

pub(super) static TABLE: &[Builtin] = &[
    builtin("isAttrs", 1, |evaluator, arguments, spot| {
        is(evaluator, arguments[0], spot, |value| matches!(value, Value::Set(_) | Value::Symbol(_)))
    }),
    builtin("isBool", 1, |evaluator, arguments, spot| {
        is(evaluator, arguments[0], spot, |value| matches!(value, Value::Bool(_)))
    }),
    builtin("isFloat", 1, |evaluator, arguments, spot| {
        is(evaluator, arguments[0], spot, |value| matches!(value, Value::Float(_)))
    }),
    builtin("isFunction", 1, |evaluator, arguments, spot| {
        is(evaluator, arguments[0], spot, |value| matches!(value, Value::Function(_) | Value::Builtin(_)))
    }),
    builtin("isInt", 1, |evaluator, arguments, spot| {
        is(evaluator, arguments[0], spot, |value| matches!(value, Value::Int(_)))
    }),
    builtin("isList", 1, |evaluator, arguments, spot| {
        is(evaluator, arguments[0], spot, |value| matches!(value, Value::List(_)))
    }),
    builtin("isNull", 1, |evaluator, arguments, spot| {
        is(evaluator, arguments[0], spot, |value| matches!(value, Value::Null))
    }),
    builtin("isPath", 1, |evaluator, arguments, spot| {
        is(evaluator, arguments[0], spot, |value| matches!(value, Value::Path(_)))
    }),
    builtin("isString", 1, |evaluator, arguments, spot| {
        is(evaluator, arguments[0], spot, |value| matches!(value, Value::String(_)))
    }),
    builtin("typeOf", 1, |evaluator, arguments, spot| {
        let value = known(evaluator, arguments[0], spot)?;
        Ok(Value::text(match value {
            Value::Null => "null",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Float(_) => "float",
            Value::String(_) => "string",
            Value::Path(_) => "path",
            Value::List(_) => "list",
            Value::Set(_) | Value::Symbol(_) => "set",
            Value::Function(_) | Value::Builtin(_) => "lambda",
        }))
    }),
    builtin("toString", 1, |evaluator, arguments, spot| {
        let value = evaluator.force(arguments[0])?;
        Ok(Value::String(evaluator.coerce(&value, Style::TO_STRING, spot)?))
    }),
    builtin("functionArgs", 1, |evaluator, arguments, spot| {
        let closure = match evaluator.force(arguments[0])? {
            Value::Function(closure) => closure,
            Value::Builtin(_) => return evaluator.new_set(Vec::new(), spot),
            other => return Err(evaluator.mismatch("a function", &other, spot)),
        };
        let mut attributes = Vec::new();
        if let Parameter::Pattern { fields, .. } = &closure.lambda.parameter {
            for field in fields {
                let value = evaluator.ready(Value::Bool(field.default.is_some()), spot)?;
                attributes.push(Attribute { name: field.name, value, spot: field.spot });
            }
        }
        evaluator.new_set(attributes, spot)
    }),
];

/// The value, unless it is a symbol that may be anything.
fn known(evaluator: &mut Evaluator, id: ThunkId, spot: Spot) -> Outcome<Value> {
    let value = evaluator.force(id)?;
    match &value {
        Value::Symbol(symbol) if evaluator.known_attributes(*symbol).is_empty() => {
            Err(evaluator.unknown(*symbol, "its type", spot))
        }
        _ => Ok(value),
    }
}

fn is(
    evaluator: &mut Evaluator,
    id: ThunkId,
    spot: Spot,
    test: impl FnOnce(&Value) -> bool,
) -> Outcome<Value> {
    known(evaluator, id, spot).map(|value| Value::Bool(test(&value)))
}
