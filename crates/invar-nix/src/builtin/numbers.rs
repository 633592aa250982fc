//! Arithmetic and order.
use super::{Builtin, builtin};
use crate::code::Operator;
use crate::error::{ErrorKind, Outcome};
use crate::evaluator::Evaluator;
use crate::ids::ThunkId;
use crate::place::Spot;
use crate::value::Value;

pub(super) static TABLE: &[Builtin] = &[
    builtin("add", 2, |evaluator, arguments, spot| operate(evaluator, Operator::Add, arguments, spot)),
    builtin("sub", 2, |evaluator, arguments, spot| operate(evaluator, Operator::Subtract, arguments, spot)),
    builtin("mul", 2, |evaluator, arguments, spot| operate(evaluator, Operator::Multiply, arguments, spot)),
    builtin("div", 2, |evaluator, arguments, spot| {
        let divisor = evaluator.force(arguments[1])?;
        if matches!(divisor, Value::Int(0) | Value::Float(0.0)) {
            return Err(evaluator.error(ErrorKind::DivisionByZero, spot));
        }
        if !matches!(divisor, Value::Int(_) | Value::Float(_) | Value::Symbol(_)) {
            return Err(evaluator.mismatch("a float", &divisor, spot));
        }
        operate(evaluator, Operator::Divide, arguments, spot)
    }),
    builtin("bitAnd", 2, |evaluator, arguments, spot| bits(evaluator, arguments, spot, |a, b| a & b)),
    builtin("bitOr", 2, |evaluator, arguments, spot| bits(evaluator, arguments, spot, |a, b| a | b)),
    builtin("bitXor", 2, |evaluator, arguments, spot| bits(evaluator, arguments, spot, |a, b| a ^ b)),
    builtin("ceil", 1, |evaluator, arguments, spot| round(evaluator, "ceil", arguments[0], spot, f64::ceil)),
    builtin("floor", 1, |evaluator, arguments, spot| {
        round(evaluator, "floor", arguments[0], spot, f64::floor)
    }),
    builtin("lessThan", 2, |evaluator, arguments, spot| {
        let (left, right) = (evaluator.force(arguments[0])?, evaluator.force(arguments[1])?);
        evaluator.is_less(&left, &right, spot).map(Value::Bool)
    }),
];

fn operate(
    evaluator: &mut Evaluator,
    operator: Operator,
    arguments: &[ThunkId],
    spot: Spot,
) -> Outcome<Value> {
    let (left, right) = (evaluator.force(arguments[0])?, evaluator.force(arguments[1])?);
    evaluator.arithmetic(operator, left, right, spot)
}

fn bits(
    evaluator: &mut Evaluator,
    arguments: &[ThunkId],
    spot: Spot,
    operation: impl FnOnce(i64, i64) -> i64,
) -> Outcome<Value> {
    let left = evaluator.int_argument(arguments[0], spot)?;
    let right = evaluator.int_argument(arguments[1], spot)?;
    Ok(Value::Int(operation(left, right)))
}

fn round(
    evaluator: &mut Evaluator,
    builtin: &'static str,
    id: ThunkId,
    spot: Spot,
    operation: impl FnOnce(f64) -> f64,
) -> Outcome<Value> {
    match evaluator.force(id)? {
        Value::Int(number) => Ok(Value::Int(number)),
        Value::Float(number) => {
            let result = operation(number);
            // Both bounds are powers of two, so they are exact.
            if (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&result) {
                Ok(Value::Int(result as i64))
            } else {
                let problem = format!("{number} does not fit in 64 bits");
                Err(evaluator.error(ErrorKind::Argument { builtin, problem }, spot))
            }
        }
        other => Err(evaluator.mismatch("a float", &other, spot)),
    }
}
