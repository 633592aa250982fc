//! TOML.
use toml::Value as Toml;

use super::lists::fail;
use super::{Builtin, builtin};
use crate::error::Outcome;
use crate::evaluator::Evaluator;
use crate::place::Spot;
use crate::value::{Attribute, Value};

pub(super) static TABLE: &[Builtin] = &[builtin("fromTOML", 1, |evaluator, arguments, spot| {
    let text = evaluator.known_string(arguments[0], spot)?;
    evaluator.step(text.text.len() / 16, spot)?;
    evaluator.charge(super::json::tree_size(&text.text), spot)?;
    match toml::from_str::<toml::Table>(&text.text) {
        Ok(table) => evaluator.read_toml(&Toml::Table(table), spot),
        Err(error) => {
            let message = error.message().to_owned();
            fail(evaluator, "fromTOML", format!("invalid TOML: {message}"), spot)
        }
    }
})];

impl Evaluator {
    fn read_toml(&mut self, toml: &Toml, spot: Spot) -> Outcome<Value> {
        Ok(match toml {
            Toml::String(text) => {
                self.no_nul("fromTOML", text, spot)?;
                self.new_text(text.as_str(), spot)?
            }
            Toml::Integer(number) => Value::Int(*number),
            Toml::Float(number) => Value::Float(*number),
            Toml::Boolean(value) => Value::Bool(*value),
            Toml::Datetime(_) => {
                return fail(self, "fromTOML", "dates and times are not supported".into(), spot);
            }
            Toml::Array(items) => {
                let mut thunks = Vec::with_capacity(items.len());
                for item in items {
                    let value = self.deeper(spot, |evaluator| evaluator.read_toml(item, spot))?;
                    thunks.push(self.ready(value, spot)?);
                }
                self.new_list(thunks, spot)?
            }
            Toml::Table(items) => {
                let mut attributes = Vec::with_capacity(items.len());
                for (name, item) in items {
                    self.no_nul("fromTOML", name, spot)?;
                    let value = self.deeper(spot, |evaluator| evaluator.read_toml(item, spot))?;
                    let value = self.ready(value, spot)?;
                    attributes.push(Attribute { name: self.names.intern(name), value, spot: Spot::NOWHERE });
                }
                self.new_set(attributes, spot)?
            }
        })
    }
}
