//! XML.
use super::{Builtin, builtin};
use crate::code::{Lambda, Parameter};
use crate::error::Outcome;
use crate::evaluator::Evaluator;
use crate::ids::ThunkId;
use crate::place::Spot;
use crate::print::float;
use crate::value::{AttrSet, Context, NixString, Value};

pub(super) static TABLE: &[Builtin] = &[builtin("toXML", 1, |evaluator, arguments, spot| {
    let mut writer = Writer { text: String::new(), context: Context::default(), depth: 1 };
    writer.text.push_str("<?xml version='1.0' encoding='utf-8'?>\n<expr>\n");
    writer.value(evaluator, arguments[0], spot)?;
    writer.text.push_str("</expr>\n");
    Ok(Value::String(NixString { text: writer.text.into(), context: writer.context }))
})];

/// Writes elements, each on a line of its own.
struct Writer {
    text: String,
    context: Context,
    depth: usize,
}

impl Writer {
    /// Writes the start of an element.
    fn start(&mut self, name: &str, attributes: &[(&str, &str)], end: &str) {
        self.text.extend(std::iter::repeat_n("  ", self.depth));
        self.text.push('<');
        self.text.push_str(name);
        for (name, value) in attributes {
            self.text.push_str(&format!(" {name}=\""));
            for letter in value.chars() {
                match letter {
                    '"' => self.text.push_str("&quot;"),
                    '<' => self.text.push_str("&lt;"),
                    '>' => self.text.push_str("&gt;"),
                    '&' => self.text.push_str("&amp;"),
                    // An attribute's line end would become a space.
                    '\n' => self.text.push_str("&#xA;"),
                    letter => self.text.push(letter),
                }
            }
            self.text.push('"');
        }
        self.text.push_str(end);
    }

    fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.start(name, attributes, " />\n");
    }

    fn open(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.start(name, attributes, ">\n");
        self.depth += 1;
    }

    fn close(&mut self, name: &str) {
        self.depth -= 1;
        self.text.extend(std::iter::repeat_n("  ", self.depth));
        self.text.push_str(&format!("</{name}>\n"));
    }

    fn value(&mut self, evaluator: &mut Evaluator, id: ThunkId, spot: Spot) -> Outcome<()> {
        let value = evaluator.force(id)?;
        evaluator.step(1, spot)?;
        evaluator.charge(48 + 2 * self.depth, spot)?;
        match value {
            Value::Null => self.empty("null", &[]),
            Value::Bool(value) => self.empty("bool", &[("value", if value { "true" } else { "false" })]),
            Value::Int(number) => self.empty("int", &[("value", &number.to_string())]),
            Value::Float(number) => self.empty("float", &[("value", &float(number))]),
            Value::String(string) => {
                self.context.join(&string.context);
                evaluator.charge(string.text.len(), spot)?;
                self.empty("string", &[("value", &string.text)]);
            }
            Value::Path(path) => self.empty("path", &[("value", &path)]),
            Value::List(items) => {
                self.open("list", &[]);
                for &item in items.iter() {
                    evaluator.deeper(spot, |evaluator| self.value(evaluator, item, spot))?;
                }
                self.close("list");
            }
            Value::Set(set) => {
                self.open("attrs", &[]);
                self.attributes(evaluator, &set, spot)?;
                self.close("attrs");
            }
            Value::Function(closure) => self.function(evaluator, &closure.lambda),
            Value::Builtin(_) => self.empty("unevaluated", &[]),
            Value::Symbol(symbol) if evaluator.is_made(symbol) => {
                let path =
                    evaluator.coerce(&Value::Symbol(symbol), crate::coerce::Style::INTERPOLATION, spot)?;
                self.context.join(&path.context);
                self.empty("derivation", &[("outPath", &path.text)]);
            }
            Value::Symbol(symbol) => return Err(evaluator.unknown(symbol, "a value for XML", spot)),
        }
        Ok(())
    }

    fn attributes(&mut self, evaluator: &mut Evaluator, set: &AttrSet, spot: Spot) -> Outcome<()> {
        for item in evaluator.sorted(set) {
            self.open("attr", &[("name", &evaluator.text_of(item.name))]);
            evaluator.deeper(spot, |evaluator| self.value(evaluator, item.value, spot))?;
            self.close("attr");
        }
        Ok(())
    }

    fn function(&mut self, evaluator: &Evaluator, lambda: &Lambda) {
        self.open("function", &[]);
        match &lambda.parameter {
            Parameter::Name(name) => self.empty("varpat", &[("name", &evaluator.text_of(*name))]),
            Parameter::Pattern { fields, open, whole } => {
                let mut attributes = Vec::new();
                let whole = whole.map(|whole| evaluator.text_of(whole));
                if *open {
                    attributes.push(("ellipsis", "1"));
                }
                if let Some(whole) = &whole {
                    attributes.push(("name", whole));
                }
                self.open("attrspat", &attributes);
                let mut names: Vec<_> = fields.iter().map(|field| evaluator.text_of(field.name)).collect();
                names.sort();
                for name in names {
                    self.empty("attr", &[("name", &name)]);
                }
                self.close("attrspat");
            }
        }
        self.close("function");
    }
}
