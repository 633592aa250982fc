//! Values as strings, and what builtins take their arguments for.
use std::rc::Rc;

use crate::error::{ErrorKind, Outcome};
use crate::evaluator::Evaluator;
use crate::files::base_name;
use crate::ids::ThunkId;
use crate::place::Spot;
use crate::symbol::Origin;
use crate::value::{AttrSet, Attribute, Context, NixString, Value};

/// Which values become strings, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    /// Also numbers, Booleans, `null` and lists, as `toString` does.
    anything: bool,
    /// A path becomes where it is copied to, rather than where it is.
    copies: bool,
}

impl Style {
    /// `"${…}"`.
    pub(crate) const INTERPOLATION: Self = Self { anything: false, copies: true };
    /// What is added to a path.
    pub(crate) const PATH: Self = Self { anything: false, copies: false };
    /// `toString`.
    pub(crate) const TO_STRING: Self = Self { anything: true, copies: false };
}

impl Evaluator {
    /// `value` as a string.
    #[inline(never)]
    pub(crate) fn coerce(&mut self, value: &Value, style: Style, spot: Spot) -> Outcome<NixString> {
        self.step(1, spot)?;
        Ok(match value {
            Value::String(string) => string.clone(),
            Value::Path(path) if style.copies => self.copied(path, spot)?,
            Value::Path(path) => Rc::clone(path).into(),
            Value::Set(set) => return self.coerce_set(value, set, style, spot),
            Value::Symbol(symbol) => return self.coerce_symbol(*symbol, style, spot),
            Value::Bool(true) if style.anything => "1".into(),
            Value::Bool(false) | Value::Null if style.anything => "".into(),
            Value::Int(number) if style.anything => number.to_string().into(),
            Value::Float(number) if style.anything => format!("{number:.6}").into(),
            Value::List(items) if style.anything => return self.coerce_list(items, style, spot),
            other => return Err(self.error(ErrorKind::NotText(other.kind()), spot)),
        })
    }

    fn coerce_set(&mut self, value: &Value, set: &AttrSet, style: Style, spot: Spot) -> Outcome<NixString> {
        let (to_string, out_path) = (set.get(self.known.to_string), set.get(self.known.out_path));
        if let Some(function) = to_string {
            let function = self.force(function.value)?;
            let itself = self.ready(value.clone(), spot)?;
            let result = self.call(&function, itself, spot)?;
            return self.deeper(spot, |evaluator| evaluator.coerce(&result, style, spot));
        }
        match out_path {
            Some(path) => {
                let path = self.force(path.value)?;
                self.deeper(spot, |evaluator| evaluator.coerce(&path, style, spot))
            }
            None => Err(self.error(ErrorKind::NotText("a set"), spot)),
        }
    }

    fn coerce_list(&mut self, items: &[ThunkId], style: Style, spot: Spot) -> Outcome<NixString> {
        let mut text = String::new();
        let mut context = Context::default();
        for (index, &item) in items.iter().enumerate() {
            let value = self.force(item)?;
            let part = self.deeper(spot, |evaluator| evaluator.coerce(&value, style, spot))?;
            self.charge(part.text.len() + 1, spot)?;
            text.push_str(&part.text);
            context.join(&part.context);
            // As in Nix, an empty list has no space after it.
            if index + 1 < items.len() && !matches!(value, Value::List(items) if items.is_empty()) {
                text.push(' ');
            }
        }
        Ok(NixString { text: text.into(), context })
    }

    /// The store path that `path` would be copied to: a placeholder of a symbol that knows the path.
    pub(crate) fn copied(&mut self, path: &Rc<str>, spot: Spot) -> Outcome<NixString> {
        if let Some(&symbol) = self.symbols.copied.get(path) {
            return self.placeholder(symbol, spot);
        }
        if self.files.kind(path).is_none() {
            return Err(self.error(ErrorKind::FileMissing(path.as_ref().into()), spot));
        }
        let arguments = self.ready(Value::Path(Rc::clone(path)), spot)?;
        let name = if &**path == "/" { "source" } else { base_name(path) };
        let made = Origin::Made { kind: "path".into(), arguments };
        let symbol = self.make(made, name.into(), None, None, spot)?;
        self.symbols.copied.insert(Rc::clone(path), symbol);
        self.placeholder(symbol, spot)
    }

    /// `value` as the name of an attribute.
    pub(crate) fn name_text(&mut self, value: &Value, spot: Spot) -> Outcome<Rc<str>> {
        match value {
            Value::String(string) => Ok(Rc::clone(&string.text)),
            Value::Symbol(_) => Ok(self.coerce(value, Style::INTERPOLATION, spot)?.text),
            other => Err(self.mismatch("a string", other, spot)),
        }
    }

    pub(crate) fn string_argument(&mut self, id: ThunkId, spot: Spot) -> Outcome<NixString> {
        match self.force(id)? {
            Value::String(string) => Ok(string),
            // What is unknown may be a string, and a placeholder stands for it.
            Value::Symbol(symbol) => self.coerce_symbol(symbol, Style::INTERPOLATION, spot),
            other => Err(self.mismatch("a string", &other, spot)),
        }
    }

    /// A string whose text is looked at: not of something that is unknown.
    pub(crate) fn known_string(&mut self, id: ThunkId, spot: Spot) -> Outcome<NixString> {
        match self.force(id)? {
            Value::String(string) => Ok(string),
            other => Err(self.mismatch("a string", &other, spot)),
        }
    }

    pub(crate) fn name_argument(&mut self, id: ThunkId, spot: Spot) -> Outcome<Rc<str>> {
        let value = self.force(id)?;
        self.name_text(&value, spot)
    }

    pub(crate) fn list_argument(&mut self, id: ThunkId, spot: Spot) -> Outcome<Rc<[ThunkId]>> {
        match self.force(id)? {
            Value::List(items) => {
                self.step(items.len(), spot)?;
                Ok(items)
            }
            other => Err(self.mismatch("a list", &other, spot)),
        }
    }

    pub(crate) fn set_argument(&mut self, id: ThunkId, spot: Spot) -> Outcome<Rc<AttrSet>> {
        match self.force(id)? {
            Value::Set(set) => {
                self.step(set.len(), spot)?;
                Ok(set)
            }
            other => Err(self.mismatch("a set", &other, spot)),
        }
    }

    pub(crate) fn int_argument(&mut self, id: ThunkId, spot: Spot) -> Outcome<i64> {
        match self.force(id)? {
            Value::Int(number) => Ok(number),
            other => Err(self.mismatch("an integer", &other, spot)),
        }
    }

    pub(crate) fn bool_of(&mut self, value: &Value, spot: Spot) -> Outcome<bool> {
        match value {
            Value::Bool(value) => Ok(*value),
            other => Err(self.mismatch("a Boolean", other, spot)),
        }
    }

    /// A function, or something that can be called like one.
    pub(crate) fn function_argument(&mut self, id: ThunkId, spot: Spot) -> Outcome<Value> {
        let value = self.force(id)?;
        match &value {
            Value::Function(_) | Value::Builtin(_) | Value::Symbol(_) => Ok(value),
            Value::Set(set) if set.get(self.known.functor).is_some() => Ok(value),
            other => Err(self.mismatch("a function", other, spot)),
        }
    }

    /// A path, or a string that is one.
    pub(crate) fn path_argument(&mut self, id: ThunkId, spot: Spot) -> Outcome<NixString> {
        let value = self.force(id)?;
        let text = self.coerce(&value, Style::PATH, spot)?;
        if !text.text.starts_with('/') {
            let kind = ErrorKind::Argument {
                builtin: "path",
                problem: format!("`{}` is not an absolute path", text.text),
            };
            return Err(self.error(kind, spot));
        }
        Ok(text)
    }

    /// A set of `items`.
    pub(crate) fn set_of<const N: usize>(&mut self, items: [(&str, Value); N], spot: Spot) -> Outcome<Value> {
        let mut attributes = Vec::with_capacity(N);
        for (name, value) in items {
            let value = self.ready(value, spot)?;
            attributes.push(Attribute { name: self.names.intern(name), value, spot: Spot::NOWHERE });
        }
        self.new_set(attributes, spot)
    }

    pub(crate) fn new_set(&mut self, attributes: Vec<Attribute>, spot: Spot) -> Outcome<Value> {
        self.charge(32 + 16 * attributes.len(), spot)?;
        Ok(Value::Set(Rc::new(AttrSet::new(attributes))))
    }

    pub(crate) fn new_list(&mut self, items: Vec<ThunkId>, spot: Spot) -> Outcome<Value> {
        self.charge(16 + 4 * items.len(), spot)?;
        Ok(Value::List(items.into()))
    }

    pub(crate) fn new_text(&mut self, text: impl Into<Rc<str>>, spot: Spot) -> Outcome<Value> {
        let text = text.into();
        self.charge(text.len(), spot)?;
        Ok(Value::text(text))
    }
}
