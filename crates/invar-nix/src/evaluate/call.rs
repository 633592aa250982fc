//! Calling functions, builtins, and what stands for them.
use std::rc::Rc;

use super::Continuation;
use crate::code::{Env, Node};
use crate::error::{ErrorKind, Outcome};
use crate::evaluator::Evaluator;
use crate::ids::ThunkId;
use crate::place::Spot;
use crate::symbol::Origin;
use crate::value::{Builtin, Partial, Value};

impl Evaluator {
    #[inline(never)]
    pub(super) fn application(
        &mut self,
        function: &Rc<Node>,
        arguments: &[Rc<Node>],
        env: &Env,
        spot: Spot,
    ) -> Outcome<Continuation> {
        let mut value = self.evaluate(function, env)?;
        let mut index = 0;
        while index < arguments.len() {
            let left = arguments.len() - index;
            match &value {
                Value::Function(closure) => {
                    let argument = self.delay(&arguments[index], env)?;
                    let scope = self.enter(closure, argument, spot)?;
                    if left == 1 {
                        return Ok(Continuation::Code(Rc::clone(&closure.lambda.body), scope));
                    }
                    let body = Rc::clone(&closure.lambda.body);
                    value = self.evaluate(&body, &scope)?;
                    index += 1;
                }
                Value::Builtin(partial) => {
                    let wanted = partial.builtin.arity - partial.arguments.len();
                    let given = &arguments[index..arguments.len().min(index + wanted)];
                    let mut all = partial.arguments.clone();
                    for argument in given {
                        all.push(self.delay(argument, env)?);
                    }
                    index += given.len();
                    value = self.call_builtin(partial.builtin, all, spot)?;
                }
                _ => {
                    let argument = self.delay(&arguments[index], env)?;
                    value = self.call(&value, argument, spot)?;
                    index += 1;
                }
            }
        }
        Ok(Continuation::Value(value))
    }

    /// `function argument`.
    pub(crate) fn call(&mut self, function: &Value, argument: ThunkId, spot: Spot) -> Outcome<Value> {
        match function {
            Value::Function(closure) => {
                let scope = self.enter(closure, argument, spot)?;
                self.evaluate(&closure.lambda.body, &scope)
            }
            Value::Builtin(partial) => {
                let mut arguments = partial.arguments.clone();
                arguments.push(argument);
                self.call_builtin(partial.builtin, arguments, spot)
            }
            Value::Set(set) => match set.get(self.known.functor) {
                Some(functor) => {
                    let functor = functor.value;
                    let itself = self.ready(function.clone(), spot)?;
                    self.call_functor(functor, itself, argument, spot)
                }
                None => Err(self.mismatch("a function", function, spot)),
            },
            Value::Symbol(symbol) => match self.known_attribute(*symbol, self.known.functor) {
                Some(functor) => {
                    let itself = self.ready(function.clone(), spot)?;
                    self.call_functor(functor, itself, argument, spot)
                }
                None => self.symbol_of(Origin::Apply { function: *symbol, argument }, spot),
            },
            other => Err(self.mismatch("a function", other, spot)),
        }
    }

    fn call_functor(
        &mut self,
        functor: ThunkId,
        itself: ThunkId,
        argument: ThunkId,
        spot: Spot,
    ) -> Outcome<Value> {
        let functor = self.force(functor)?;
        self.deeper(spot, |evaluator| evaluator.call_with(functor, &[itself, argument], spot))
    }

    /// `function a b`.
    pub(crate) fn call_with(&mut self, function: Value, arguments: &[ThunkId], spot: Spot) -> Outcome<Value> {
        let mut value = function;
        for &argument in arguments {
            value = self.call(&value, argument, spot)?;
        }
        Ok(value)
    }

    /// Calls `builtin` if all its arguments are there. What it cannot know of a symbol makes its result one.
    pub(super) fn call_builtin(
        &mut self,
        builtin: Builtin,
        arguments: Vec<ThunkId>,
        spot: Spot,
    ) -> Outcome<Value> {
        if arguments.len() < builtin.arity {
            self.charge(48, spot)?;
            return Ok(Value::Builtin(Rc::new(Partial { builtin, arguments })));
        }
        self.step(1, spot)?;
        let action = self.actions[builtin.action];
        match self.deeper(spot, |evaluator| action(evaluator, &arguments, spot)) {
            Err(error) if matches!(error.kind, ErrorKind::Unknown { .. }) => {
                self.symbol_of(Origin::Operation { operator: builtin.name, operands: arguments }, spot)
            }
            Err(mut error) => {
                if error.place.is_none() {
                    error.place = self.place(spot);
                }
                Err(error)
            }
            value => value,
        }
    }
}
