//! Attributes: `a.b or c`, `a ? b`, and names that a `with` gives.
use std::rc::Rc;

use super::Continuation;
use crate::code::{Env, Key, Node, variable};
use crate::error::{ErrorKind, EvalError, Outcome};
use crate::evaluator::Evaluator;
use crate::ids::ThunkId;
use crate::name::Name;
use crate::place::Spot;
use crate::symbol::Origin;
use crate::value::Value;

impl Evaluator {
    /// A name that only a `with` gives. Of several, the innermost that surely has it counts; what is unknown is asked
    /// last.
    #[inline(never)]
    pub(super) fn ambient(&mut self, name: Name, levels: &[u32], env: &Env, spot: Spot) -> Outcome<Value> {
        let mut unknown = None;
        for &level in levels {
            let value = self.force(variable(env, level, 0))?;
            match &value {
                Value::Set(set) => {
                    if let Some(found) = set.get(name) {
                        let id = found.value;
                        return self.force(id);
                    }
                }
                Value::Symbol(symbol) => match self.known_attribute(*symbol, name) {
                    Some(id) => return self.force(id),
                    None => unknown = unknown.or(Some(value)),
                },
                other => return Err(self.mismatch("a set", other, spot)),
            }
        }
        match unknown {
            Some(symbol) => {
                let id = self.selected(&symbol, name, spot)?;
                self.force(id)
            }
            None => Err(self.error(ErrorKind::UndefinedVariable(self.text_of(name).as_ref().into()), spot)),
        }
    }

    #[inline(never)]
    pub(super) fn selection(
        &mut self,
        of: &Rc<Node>,
        path: &[Key],
        default: Option<&Rc<Node>>,
        env: &Env,
        spot: Spot,
    ) -> Outcome<Continuation> {
        let mut value = self.evaluate(of, env)?;
        for key in path {
            let (name, spot) = self.key(key, env, spot)?;
            let found = self.attribute(&value, name, spot)?;
            value = match (found, default) {
                (Some(id), _) => self.force(id).map_err(|error| self.trace(error, spot))?,
                (None, Some(default)) => return Ok(Continuation::Code(Rc::clone(default), env.clone())),
                (None, None) => return Err(self.missing(&value, name, spot)),
            };
        }
        Ok(Continuation::Value(value))
    }

    /// The attribute `name`, which has to be there.
    pub(crate) fn selected(&mut self, value: &Value, name: Name, spot: Spot) -> Outcome<ThunkId> {
        match self.attribute(value, name, spot)? {
            Some(id) => Ok(id),
            None => Err(self.missing(value, name, spot)),
        }
    }

    #[cold]
    fn missing(&self, value: &Value, name: Name, spot: Spot) -> Box<EvalError> {
        let Value::Set(set) = value else { return self.mismatch("a set", value, spot) };
        let name = self.text_of(name);
        if Rc::ptr_eq(set, &self.builtins)
            && let Some(why) = crate::builtin::why_impure(&name)
        {
            return self.error(ErrorKind::Impure { what: format!("builtins.{name}"), why }, spot);
        }
        self.error(ErrorKind::MissingAttribute { name: name.as_ref().into() }, spot)
    }

    fn key(&mut self, key: &Key, env: &Env, outer: Spot) -> Outcome<(Name, Spot)> {
        match key {
            Key::Static(name, spot) => Ok((*name, *spot)),
            Key::Dynamic(node) => {
                let value = self.evaluate(node, env)?;
                let text = self.name_text(&value, outer)?;
                Ok((self.names.intern(&text), node.spot))
            }
        }
    }

    #[inline(never)]
    pub(super) fn has(&mut self, of: &Rc<Node>, path: &[Key], env: &Env, spot: Spot) -> Outcome<Value> {
        let mut value = self.evaluate(of, env)?;
        for (index, key) in path.iter().enumerate() {
            let (name, spot) = self.key(key, env, spot)?;
            let found = match &value {
                Value::Set(set) => set.get(name).map(|found| found.value),
                Value::Symbol(symbol) => match self.known_attribute(*symbol, name) {
                    Some(id) => Some(id),
                    None => {
                        let text = Value::text(self.text_of(name));
                        let operands = vec![self.ready(value.clone(), spot)?, self.ready(text, spot)?];
                        return self.symbol_of(Origin::Operation { operator: "?", operands }, spot);
                    }
                },
                _ => None,
            };
            match found {
                None => return Ok(Value::Bool(false)),
                Some(id) if index + 1 < path.len() => value = self.force(id)?,
                Some(_) => {}
            }
        }
        Ok(Value::Bool(true))
    }
}
