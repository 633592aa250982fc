//! Operators.
use std::rc::Rc;

use crate::code::{Env, Node, Operator};
use crate::coerce::Style;
use crate::error::{ErrorKind, Outcome};
use crate::evaluator::Evaluator;
use crate::files::normalize;
use crate::ids::ThunkId;
use crate::place::Spot;
use crate::symbol::Origin;
use crate::value::{NixString, Value};

impl Evaluator {
    /// `&&`, `||` and `->`.
    #[inline(never)]
    pub(super) fn logic(
        &mut self,
        operator: Operator,
        left: &Rc<Node>,
        right: &Rc<Node>,
        env: &Env,
    ) -> Outcome<Value> {
        let known = match self.evaluate(left, env)? {
            Value::Bool(value) => value,
            value @ Value::Symbol(_) => {
                let operands = vec![self.ready(value, left.spot)?, self.delay(right, env)?];
                return self.symbol_of(Origin::Operation { operator: operator.sign(), operands }, left.spot);
            }
            other => return Err(self.mismatch("a Boolean", &other, left.spot)),
        };
        match (operator, known) {
            (Operator::And, false) => Ok(Value::Bool(false)),
            (Operator::Or, true) | (Operator::Implies, false) => Ok(Value::Bool(true)),
            _ => match self.evaluate(right, env)? {
                value @ (Value::Bool(_) | Value::Symbol(_)) => Ok(value),
                other => Err(self.mismatch("a Boolean", &other, right.spot)),
            },
        }
    }

    /// An operator over values; not those of logic, whose right side may not be needed.
    #[inline(never)]
    pub(crate) fn operate(
        &mut self,
        operator: Operator,
        left: Value,
        right: Value,
        spot: Spot,
    ) -> Outcome<Value> {
        let truth = match operator {
            Operator::Add => return self.add(left, right, spot),
            Operator::Concat => return self.concat(left, right, spot),
            Operator::Update => return self.update(left, right, spot),
            Operator::Equal => self.equals(&left, &right, spot),
            Operator::Unequal => self.equals(&left, &right, spot).map(|equal| !equal),
            Operator::Less => self.is_less(&left, &right, spot),
            Operator::LessOrEqual => self.is_less(&right, &left, spot).map(|less| !less),
            Operator::Greater => self.is_less(&right, &left, spot),
            Operator::GreaterOrEqual => self.is_less(&left, &right, spot).map(|less| !less),
            _ => return self.arithmetic(operator, left, right, spot),
        };
        match truth {
            Ok(value) => Ok(Value::Bool(value)),
            Err(error) if matches!(error.kind, ErrorKind::Unknown { .. }) => {
                self.operation(operator.sign(), &[left, right], spot)
            }
            Err(error) => Err(error),
        }
    }

    fn concat(&mut self, left: Value, right: Value, spot: Spot) -> Outcome<Value> {
        match (&left, &right) {
            (Value::List(one), Value::List(other)) => {
                if other.is_empty() {
                    return Ok(left);
                }
                if one.is_empty() {
                    return Ok(right);
                }
                self.charge(16 + 4 * (one.len() + other.len()), spot)?;
                Ok(Value::List(one.iter().chain(other.iter()).copied().collect()))
            }
            (Value::List(_) | Value::Symbol(_), Value::List(_) | Value::Symbol(_)) => {
                self.operation("++", &[left, right], spot)
            }
            (Value::List(_) | Value::Symbol(_), other) | (other, _) => {
                Err(self.mismatch("a list", other, spot))
            }
        }
    }

    fn update(&mut self, left: Value, right: Value, spot: Spot) -> Outcome<Value> {
        match (&left, &right) {
            (Value::Set(one), Value::Set(other)) => {
                if other.is_empty() {
                    return Ok(left);
                }
                if one.is_empty() {
                    return Ok(right);
                }
                self.charge(32 + 16 * (one.len() + other.len()), spot)?;
                self.step((one.len() + other.len()) / 16, spot)?;
                Ok(Value::Set(Rc::new(one.update(other))))
            }
            (Value::Set(_) | Value::Symbol(_), Value::Set(_) | Value::Symbol(_)) => {
                self.update_symbol(left, right, spot)
            }
            (Value::Set(_) | Value::Symbol(_), other) | (other, _) => {
                Err(self.mismatch("a set", other, spot))
            }
        }
    }

    fn add(&mut self, left: Value, right: Value, spot: Spot) -> Outcome<Value> {
        match (&left, &right) {
            (Value::Int(_) | Value::Float(_), Value::Int(_) | Value::Float(_)) => {
                self.arithmetic(Operator::Add, left, right, spot)
            }
            (Value::Int(_) | Value::Float(_), Value::Symbol(_))
            | (Value::Symbol(_), Value::Int(_) | Value::Float(_)) => {
                self.operation("+", &[left, right], spot)
            }
            (Value::Symbol(one), Value::Symbol(other)) if !self.is_made(*one) && !self.is_made(*other) => {
                self.operation("+", &[left, right], spot)
            }
            (Value::Int(_) | Value::Float(_), other) => Err(self.mismatch("an integer", other, spot)),
            (Value::Path(path), _) => {
                let end = self.coerce(&right, Style::PATH, spot)?;
                self.charge(path.len() + end.text.len(), spot)?;
                Ok(Value::Path(normalize(&format!("{path}{}", end.text)).into()))
            }
            _ => {
                let style = if matches!(left, Value::String(_)) { Style::INTERPOLATION } else { Style::PATH };
                let mut start = self.coerce(&left, Style::INTERPOLATION, spot)?;
                let end = self.coerce(&right, style, spot)?;
                self.charge(start.text.len() + end.text.len(), spot)?;
                start.context.join(&end.context);
                let text = [&*start.text, &*end.text].concat().into();
                Ok(Value::String(NixString { text, context: start.context }))
            }
        }
    }

    pub(crate) fn arithmetic(
        &mut self,
        operator: Operator,
        left: Value,
        right: Value,
        spot: Spot,
    ) -> Outcome<Value> {
        let sign = operator.sign();
        let float = |value: &Value| match value {
            Value::Int(number) => Some(*number as f64),
            Value::Float(number) => Some(*number),
            _ => None,
        };
        match (&left, &right) {
            (Value::Int(one), Value::Int(other)) => {
                if *other == 0 && operator == Operator::Divide {
                    return Err(self.error(ErrorKind::DivisionByZero, spot));
                }
                let result = match operator {
                    Operator::Add => one.checked_add(*other),
                    Operator::Subtract => one.checked_sub(*other),
                    Operator::Multiply => one.checked_mul(*other),
                    _ => one.checked_div(*other),
                };
                let overflow = ErrorKind::Overflow { left: *one, operator: sign, right: *other };
                result.map(Value::Int).ok_or_else(|| self.error(overflow, spot))
            }
            (one, other) => match (float(one), float(other)) {
                (Some(_), Some(0.0)) if operator == Operator::Divide => {
                    Err(self.error(ErrorKind::DivisionByZero, spot))
                }
                (Some(one), Some(other)) => Ok(Value::Float(match operator {
                    Operator::Add => one + other,
                    Operator::Subtract => one - other,
                    Operator::Multiply => one * other,
                    _ => one / other,
                })),
                (first, second) => {
                    let is_float = matches!(one, Value::Float(_)) || matches!(other, Value::Float(_));
                    let expected = if is_float { "a float" } else { "an integer" };
                    match (first, second) {
                        (None, _) if !matches!(one, Value::Symbol(_)) => {
                            Err(self.mismatch(expected, one, spot))
                        }
                        (_, None) if !matches!(other, Value::Symbol(_)) => {
                            Err(self.mismatch(expected, other, spot))
                        }
                        _ => self.operation(sign, &[left, right], spot),
                    }
                }
            },
        }
    }

    /// The symbol for an operator over values.
    #[inline(never)]
    pub(crate) fn operation(
        &mut self,
        operator: &'static str,
        operands: &[Value],
        spot: Spot,
    ) -> Outcome<Value> {
        let operands: Outcome<Vec<ThunkId>> =
            operands.iter().map(|operand| self.ready(operand.clone(), spot)).collect();
        self.symbol_of(Origin::Operation { operator, operands: operands? }, spot)
    }
}
