//! JSON.
use serde_json::Value as Json;

use super::lists::fail;
use super::{Builtin, builtin};
use crate::coerce::Style;
use crate::error::{ErrorKind, Outcome};
use crate::evaluator::Evaluator;
use crate::ids::ThunkId;
use crate::place::Spot;
use crate::value::{Attribute, Context, NixString, Value};

pub(super) static TABLE: &[Builtin] = &[
    builtin("fromJSON", 1, |evaluator, arguments, spot| {
        let text = evaluator.known_string(arguments[0], spot)?;
        evaluator.step(text.text.len() / 16, spot)?;
        evaluator.charge(tree_size(&text.text), spot)?;
        match serde_json::from_str(&text.text) {
            Ok(json) => evaluator.read_json(&json, spot),
            Err(error) => fail(evaluator, "fromJSON", format!("invalid JSON: {error}"), spot),
        }
    }),
    builtin("toJSON", 1, |evaluator, arguments, spot| {
        let mut text = String::new();
        let mut context = Context::default();
        evaluator.write_json(arguments[0], &mut text, &mut context, spot)?;
        Ok(Value::String(NixString { text: text.into(), context }))
    }),
];

/// Bytes that a parsed text takes at most, before its values are those of Nix: each value is behind a sign.
pub(super) fn tree_size(text: &str) -> usize {
    let signs = text.bytes().filter(|byte| matches!(byte, b',' | b'[' | b'{' | b':' | b'=' | b'\n')).count();
    text.len() + 64 * signs
}

impl Evaluator {
    /// A value of JSON, for preludes' facts and similar.
    ///
    /// # Errors
    /// If a number does not fit, a text has a NUL, or memory is used up.
    pub fn json(&mut self, json: &Json) -> Outcome<ThunkId> {
        let value = self.read_json(json, Spot::NOWHERE)?;
        Ok(self.allocate(value))
    }

    pub(crate) fn read_json(&mut self, json: &Json, spot: Spot) -> Outcome<Value> {
        Ok(match json {
            Json::Null => Value::Null,
            Json::Bool(value) => Value::Bool(*value),
            Json::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(number), _) => Value::Int(number),
                (None, Some(float)) if !number.is_u64() => Value::Float(float),
                _ => return fail(self, "fromJSON", format!("{number} does not fit in 64 bits"), spot),
            },
            Json::String(text) => {
                self.no_nul("fromJSON", text, spot)?;
                self.new_text(text.as_str(), spot)?
            }
            Json::Array(items) => {
                let mut thunks = Vec::with_capacity(items.len());
                for item in items {
                    let value = self.deeper(spot, |evaluator| evaluator.read_json(item, spot))?;
                    thunks.push(self.ready(value, spot)?);
                }
                self.new_list(thunks, spot)?
            }
            Json::Object(items) => {
                let mut attributes = Vec::with_capacity(items.len());
                for (name, item) in items {
                    self.no_nul("fromJSON", name, spot)?;
                    let value = self.deeper(spot, |evaluator| evaluator.read_json(item, spot))?;
                    let value = self.ready(value, spot)?;
                    attributes.push(Attribute { name: self.names.intern(name), value, spot: Spot::NOWHERE });
                }
                self.new_set(attributes, spot)?
            }
        })
    }

    pub(super) fn no_nul(&self, builtin: &'static str, text: &str, spot: Spot) -> Outcome<()> {
        if text.contains('\0') {
            return fail(self, builtin, "a text has a NUL in it, which Nix has not".into(), spot);
        }
        Ok(())
    }

    fn write_json(
        &mut self,
        id: ThunkId,
        text: &mut String,
        context: &mut Context,
        spot: Spot,
    ) -> Outcome<()> {
        let value = self.force(id)?;
        let start = text.len();
        self.step(1, spot)?;
        match &value {
            Value::Null => text.push_str("null"),
            Value::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
            Value::Int(number) => text.push_str(&number.to_string()),
            Value::Float(number) => text.push_str(&json_float(*number)),
            Value::String(_) | Value::Path(_) => {
                let string = self.coerce(&value, Style::INTERPOLATION, spot)?;
                quote(&string.text, text);
                context.join(&string.context);
            }
            Value::List(items) => {
                text.push('[');
                for (index, &item) in items.iter().enumerate() {
                    if index > 0 {
                        text.push(',');
                    }
                    self.deeper(spot, |evaluator| evaluator.write_json(item, text, context, spot))?;
                }
                text.push(']');
            }
            Value::Set(set) => {
                if set.get(self.known.to_string).is_some() {
                    let string = self.coerce(&value, Style::INTERPOLATION, spot)?;
                    quote(&string.text, text);
                    context.join(&string.context);
                } else if let Some(path) = set.get(self.known.out_path) {
                    let path = path.value;
                    self.deeper(spot, |evaluator| evaluator.write_json(path, text, context, spot))?;
                } else {
                    text.push('{');
                    for (index, item) in self.sorted(set).into_iter().enumerate() {
                        if index > 0 {
                            text.push(',');
                        }
                        quote(&self.text_of(item.name), text);
                        text.push(':');
                        self.deeper(spot, |evaluator| evaluator.write_json(item.value, text, context, spot))?;
                    }
                    text.push('}');
                }
            }
            Value::Symbol(symbol) if self.is_made(*symbol) => {
                let string = self.coerce(&value, Style::INTERPOLATION, spot)?;
                quote(&string.text, text);
                context.join(&string.context);
            }
            Value::Symbol(symbol) => return Err(self.unknown(*symbol, "a value for JSON", spot)),
            Value::Function(_) | Value::Builtin(_) => {
                let expected = "a value that JSON can hold";
                return Err(self.error(ErrorKind::Type { expected, found: value.kind() }, spot));
            }
        }
        self.charge(text.len().saturating_sub(start).min(64), spot)
    }
}

/// A float as JSON has it: the shortest digits that give the same number, never taken for an integer.
fn json_float(number: f64) -> String {
    if !number.is_finite() {
        return "null".into();
    }
    let shortest = format!("{number:e}");
    let (digits, exponent) = shortest.split_once('e').expect("this format has an exponent");
    let exponent: i32 = exponent.parse().expect("an exponent is a number");
    match exponent {
        -4..=14 => {
            let text = number.to_string();
            if text.contains('.') { text } else { format!("{text}.0") }
        }
        exponent => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.abs())
        }
    }
}

/// Appends a JSON string.
fn quote(value: &str, text: &mut String) {
    text.push_str(&Json::String(value.to_owned()).to_string());
}

#[cfg(test)]
mod tests {
    use super::json_float;

    #[test]
    fn floats_have_the_fewest_digits_that_give_them_back() {
        for (number, expected) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.5, "1.5"),
            (0.1 + 0.2, "0.30000000000000004"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1e14, "100000000000000.0"),
            (1e15, "1e+15"),
            (1.25e300, "1.25e+300"),
        ] {
            assert_eq!(json_float(number), expected);
        }
    }
}
