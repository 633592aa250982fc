//! Scopes: of `let`, of recursive sets, of functions that are called.
use std::rc::Rc;

use crate::arena::Thunk;
use crate::code::{Binding, BindingValue, Bindings, Code, Env, Field, Node, Parameter, Scope};
use crate::error::{ErrorKind, Outcome};
use crate::evaluator::Evaluator;
use crate::ids::{SymbolId, ThunkId};
use crate::place::Spot;
use crate::symbol::Origin;
use crate::value::{AttrSet, Attribute, Closure, Value};

impl Evaluator {
    /// The scope and the attributes that `bindings` make.
    #[inline(never)]
    pub(super) fn bind(&mut self, bindings: &Bindings, env: &Env, spot: Spot) -> Outcome<(Env, AttrSet)> {
        let count = bindings.items.len();
        self.charge(48 + 20 * count, spot)?;
        // All thunks are there before any is filled: each may name each other one.
        let origins: Outcome<Vec<ThunkId>> =
            bindings.origins.iter().map(|origin| self.later(Thunk::Busy, origin.spot)).collect();
        let origins = origins?;
        let mut slots = Vec::with_capacity(count);
        for item in &bindings.items {
            slots.push(match &item.value {
                BindingValue::Outer(node) => self.delay(node, env)?,
                BindingValue::From(index) => {
                    self.later(Thunk::Select(origins[*index], item.name), item.spot)?
                }
                BindingValue::Code(node) => match &node.code {
                    Code::Constant(id) => *id,
                    _ if bindings.recursive => self.later(Thunk::Busy, node.spot)?,
                    _ => self.delay(node, env)?,
                },
            });
        }
        let mut scope = env.clone();
        if bindings.recursive {
            scope = Some(Rc::new(Scope { up: scope, slots: slots.clone().into() }));
            for (&id, item) in slots.iter().zip(&bindings.items) {
                if let BindingValue::Code(node) = &item.value
                    && !matches!(node.code, Code::Constant(_))
                {
                    *self.arena.get_mut(id) = unevaluated(node, &scope);
                }
            }
        }
        for (&id, origin) in origins.iter().zip(&bindings.origins) {
            *self.arena.get_mut(id) = Thunk::Code(Rc::clone(origin), scope.clone());
        }
        let attribute =
            |(item, &value): (&Binding, &ThunkId)| Attribute { name: item.name, value, spot: item.spot };
        let mut attributes: Vec<Attribute> = bindings.items.iter().zip(&slots).map(attribute).collect();
        if let Some(slot) = bindings.overrides {
            scope = self.override_with(slots[slot], bindings, &mut slots, &mut attributes, env)?;
        }
        if !bindings.dynamics.is_empty() {
            self.add_dynamics(bindings, &scope, &mut attributes)?;
        }
        Ok((scope, AttrSet::new(attributes)))
    }

    /// `__overrides`: its attributes replace those of the set, also as the other attributes see them.
    #[inline(never)]
    fn override_with(
        &mut self,
        overrides: ThunkId,
        bindings: &Bindings,
        slots: &mut [ThunkId],
        attributes: &mut Vec<Attribute>,
        env: &Env,
    ) -> Outcome<Env> {
        let spot = self.arena.get(overrides).1;
        let overrides = self.force(overrides)?;
        let Value::Set(overrides) = overrides else { return Err(self.mismatch("a set", &overrides, spot)) };
        for item in overrides.items() {
            match bindings.items.iter().position(|binding| binding.name == item.name) {
                Some(slot) => slots[slot] = item.value,
                None => attributes.push(*item),
            }
        }
        let scope: Env = Some(Rc::new(Scope { up: env.clone(), slots: (&*slots).into() }));
        for (slot, binding) in bindings.items.iter().enumerate() {
            if let Some(found) = attributes.iter_mut().find(|found| found.name == binding.name) {
                found.value = slots[slot];
            }
            if let BindingValue::Code(node) = &binding.value
                && overrides.get(binding.name).is_none()
                && !matches!(node.code, Code::Constant(_))
                && binding.name != self.known.overrides
            {
                *self.arena.get_mut(slots[slot]) = unevaluated(node, &scope);
            }
        }
        Ok(scope)
    }

    #[inline(never)]
    fn add_dynamics(
        &mut self,
        bindings: &Bindings,
        scope: &Env,
        attributes: &mut Vec<Attribute>,
    ) -> Outcome<()> {
        for (name, value) in &bindings.dynamics {
            let spot = name.spot;
            let found = self.evaluate(name, scope)?;
            if matches!(found, Value::Null) {
                continue;
            }
            let text = self.name_text(&found, spot)?;
            let name = self.names.intern(&text);
            if let Some(first) = attributes.iter().find(|attribute| attribute.name == name) {
                return Err(match self.place(first.spot) {
                    Some(first) => {
                        self.error(ErrorKind::Duplicate { name: text.as_ref().into(), first }, spot)
                    }
                    None => self.error(ErrorKind::Syntax("an attribute is defined twice".into()), spot),
                });
            }
            self.charge(16, spot)?;
            let value = self.delay(value, scope)?;
            attributes.push(Attribute { name, value, spot });
        }
        Ok(())
    }

    /// The scope of a function's body when it is called with `argument`.
    #[inline(never)]
    pub(super) fn enter(&mut self, closure: &Closure, argument: ThunkId, spot: Spot) -> Outcome<Env> {
        let Parameter::Pattern { fields, open, whole } = &closure.lambda.parameter else {
            self.charge(48, spot)?;
            return Ok(Some(Rc::new(Scope { up: closure.env.clone(), slots: [argument].into() })));
        };
        self.charge(48 + 4 * fields.len(), spot)?;
        let mut slots = Vec::with_capacity(fields.len() + 1);
        let mut defaults = Vec::new();
        let symbol = match self.force(argument)? {
            Value::Set(set) => {
                self.fill(&set, fields, *open, &mut slots, &mut defaults, closure, spot)?;
                None
            }
            Value::Symbol(symbol) => {
                self.fill_unknown(symbol, fields, &mut slots, &mut defaults, spot)?;
                Some(symbol)
            }
            other => return Err(self.mismatch("a set", &other, spot)),
        };
        if whole.is_some() {
            slots.push(argument);
        }
        let scope: Env = Some(Rc::new(Scope { up: closure.env.clone(), slots: slots.clone().into() }));
        for index in defaults {
            let Some(default) = &fields[index].default else { continue };
            let mut thunk = unevaluated(default, &scope);
            if let Some(symbol) = symbol {
                thunk = self.maybe_given(symbol, argument, &fields[index], thunk, spot)?;
            }
            *self.arena.get_mut(slots[index]) = thunk;
        }
        Ok(scope)
    }

    /// Takes the fields of a pattern from a set; `defaults` are those that are not there.
    #[expect(clippy::too_many_arguments, reason = "it is one half of the function above")]
    fn fill(
        &mut self,
        set: &AttrSet,
        fields: &[Field],
        open: bool,
        slots: &mut Vec<ThunkId>,
        defaults: &mut Vec<usize>,
        closure: &Closure,
        spot: Spot,
    ) -> Outcome<()> {
        for (index, field) in fields.iter().enumerate() {
            match (set.get(field.name), &field.default) {
                (Some(found), _) => slots.push(found.value),
                (None, Some(default)) => {
                    slots.push(self.later(Thunk::Busy, default.spot)?);
                    defaults.push(index);
                }
                (None, None) => {
                    let error = self
                        .error(ErrorKind::MissingArgument(self.text_of(field.name).as_ref().into()), spot);
                    return Err(self.trace(error, field.spot));
                }
            }
        }
        if fields.len() - defaults.len() < set.len() && !open {
            let is_taken = |item: &Attribute| fields.iter().any(|field| field.name == item.name);
            let extra = self.sorted(set).into_iter().find(|item| !is_taken(item));
            let extra = extra.expect("fewer are taken than there are");
            let error =
                self.error(ErrorKind::UnexpectedArgument(self.text_of(extra.name).as_ref().into()), spot);
            return Err(self.trace(error, closure.lambda.spot));
        }
        Ok(())
    }

    /// Takes the fields of a pattern from a symbol; `defaults` are those that it may not have.
    fn fill_unknown(
        &mut self,
        symbol: SymbolId,
        fields: &[Field],
        slots: &mut Vec<ThunkId>,
        defaults: &mut Vec<usize>,
        spot: Spot,
    ) -> Outcome<()> {
        for (index, field) in fields.iter().enumerate() {
            let known = self.known_attribute(symbol, field.name);
            slots.push(match (known, &field.default) {
                (Some(id), _) => id,
                (None, Some(default)) => {
                    defaults.push(index);
                    self.later(Thunk::Busy, default.spot)?
                }
                (None, None) => self.selected(&Value::Symbol(symbol), field.name, spot)?,
            });
        }
        Ok(())
    }

    /// A field with a default, when it is unknown whether the argument has it.
    fn maybe_given(
        &mut self,
        symbol: SymbolId,
        argument: ThunkId,
        field: &Field,
        default: Thunk,
        spot: Spot,
    ) -> Outcome<Thunk> {
        let yes = self.selected(&Value::Symbol(symbol), field.name, spot)?;
        let no = self.later(default, field.spot)?;
        let name = self.ready(Value::text(self.text_of(field.name)), spot)?;
        let test = Origin::Operation { operator: "?", operands: vec![argument, name] };
        let condition = self.new_symbol(test, spot)?;
        Ok(Thunk::Value(self.symbol_of(Origin::Choice { condition, yes, no }, spot)?))
    }
}

/// The thunk of an expression; a function is known at once.
fn unevaluated(node: &Rc<Node>, scope: &Env) -> Thunk {
    match &node.code {
        Code::Lambda(lambda) => {
            let closure = Closure { lambda: Rc::clone(lambda), env: scope.clone() };
            Thunk::Value(Value::Function(Rc::new(closure)))
        }
        _ => Thunk::Code(Rc::clone(node), scope.clone()),
    }
}
