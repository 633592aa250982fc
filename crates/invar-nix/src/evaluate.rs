//! Evaluating code: one loop for what is evaluated last, recursion for what is needed first.
mod binding;
mod call;
mod operator;
mod order;
mod select;

use std::rc::Rc;

use crate::arena::Thunk;
use crate::code::{Code, Env, Node, Operator, Piece, Scope, variable};
use crate::coerce::Style;
use crate::error::{ErrorKind, Outcome};
use crate::evaluator::Evaluator;
use crate::files::normalize;
use crate::ids::ThunkId;
use crate::place::Spot;
use crate::symbol::Origin;
use crate::value::{Closure, Context, NixString, Value};

/// What an expression leads to.
enum Continuation {
    /// Its value.
    Value(Value),
    /// An expression that has the same value.
    Code(Rc<Node>, Env),
}

impl Evaluator {
    /// The value of a thunk: its outermost shape.
    ///
    /// # Errors
    /// [`EvalError`](crate::EvalError).
    pub fn force(&mut self, id: ThunkId) -> Outcome<Value> {
        let (thunk, spot) = self.arena.get(id);
        let spot = *spot;
        match thunk {
            Thunk::Value(value) => return Ok(value.clone()),
            Thunk::Busy => return Err(self.error(ErrorKind::InfiniteRecursion, spot)),
            Thunk::Failed(error) => return Err(error.clone()),
            Thunk::Code(..) | Thunk::Call(..) | Thunk::Call2(..) | Thunk::Select(..) => {}
        }
        let work = std::mem::replace(self.arena.get_mut(id), Thunk::Busy);
        let result = self.deeper(spot, |evaluator| evaluator.compute(&work, spot));
        *self.arena.get_mut(id) = match &result {
            Ok(value) => Thunk::Value(value.clone()),
            // Nearer to the end of a chain of calls, there may be room for it.
            Err(error) if matches!(error.kind, ErrorKind::Limit { .. }) => work,
            Err(error) => Thunk::Failed(error.clone()),
        };
        result.map_err(|error| self.trace(error, spot))
    }

    #[inline(never)]
    fn compute(&mut self, work: &Thunk, spot: Spot) -> Outcome<Value> {
        match work {
            Thunk::Code(node, env) => self.run(Rc::clone(node), env.clone()),
            Thunk::Call(function, argument) => {
                let function = self.force(*function)?;
                self.call(&function, *argument, spot)
            }
            Thunk::Call2(function, first, second) => {
                let function = self.force(*function)?;
                self.call_with(function, &[*first, *second], spot)
            }
            Thunk::Select(of, name) => {
                let value = self.force(*of)?;
                let id = self.selected(&value, *name, spot)?;
                self.force(id)
            }
            Thunk::Value(value) => Ok(value.clone()),
            Thunk::Busy | Thunk::Failed(_) => Err(self.error(ErrorKind::InfiniteRecursion, spot)),
        }
    }

    /// The value of an expression.
    pub(crate) fn evaluate(&mut self, node: &Rc<Node>, env: &Env) -> Outcome<Value> {
        // What is known at once needs no deeper level.
        match &node.code {
            Code::Constant(id) => self.force(*id),
            Code::Local { level, slot } => self.force(variable(env, *level, *slot)),
            _ => self.deeper(node.spot, |evaluator| evaluator.run(Rc::clone(node), env.clone())),
        }
    }

    fn run(&mut self, mut node: Rc<Node>, mut env: Env) -> Outcome<Value> {
        loop {
            self.step(1, node.spot)?;
            match self.next(&node, &env)? {
                Continuation::Value(value) => return Ok(value),
                Continuation::Code(code, scope) => (node, env) = (code, scope),
            }
        }
    }

    fn next(&mut self, node: &Rc<Node>, env: &Env) -> Outcome<Continuation> {
        let spot = node.spot;
        match &node.code {
            Code::Constant(id) => self.force(*id),
            Code::Local { level, slot } => self.force(variable(env, *level, *slot)),
            Code::Ambient { name, levels } => self.ambient(*name, levels, env, spot),
            Code::Apply { function, arguments } => return self.application(function, arguments, env, spot),
            Code::Lambda(lambda) => {
                Ok(Value::Function(Rc::new(Closure { lambda: Rc::clone(lambda), env: env.clone() })))
            }
            Code::Let { bindings, body } => {
                let scope = self.bind(bindings, env, spot)?.0;
                return Ok(Continuation::Code(Rc::clone(body), scope));
            }
            Code::Set(bindings) => self.bind(bindings, env, spot).map(|(_, set)| Value::Set(Rc::new(set))),
            Code::List(items) => self.list_of(items, env, spot),
            Code::Select { of, path, default } => {
                return self.selection(of, path, default.as_ref(), env, spot);
            }
            Code::Has { of, path } => self.has(of, path, env, spot),
            Code::If { condition, yes, no } => return self.choice(condition, yes, no, env),
            Code::Assert { condition, body, text } => {
                self.assert(condition, text, env)?;
                return Ok(Continuation::Code(Rc::clone(body), env.clone()));
            }
            Code::With { namespace, body } => {
                let namespace = self.delay(namespace, env)?;
                self.charge(64, spot)?;
                let scope = Scope { up: env.clone(), slots: [namespace].into() };
                return Ok(Continuation::Code(Rc::clone(body), Some(Rc::new(scope))));
            }
            Code::Text(pieces) => self.interpolation(pieces, env, spot),
            Code::Path(pieces) => self.path(pieces, env, spot),
            Code::Search { find, paths, name } => {
                let find = self.evaluate(find, env)?;
                let paths = self.delay(paths, env)?;
                let name = self.ready(Value::text(Rc::clone(name)), spot)?;
                self.call_with(find, &[paths, name], spot)
            }
            Code::Home => Err(self.error(
                ErrorKind::Impure {
                    what: "a path that starts with `~`".into(),
                    why: "each user has another home directory",
                },
                spot,
            )),
            Code::Not(operand) => self.not(operand, env),
            Code::Negate(operand) => self.negate(operand, env),
            Code::Binary { operator, left, right } => self.binary(*operator, left, right, env, spot),
            Code::Position => self.position_set(spot),
        }
        .map(Continuation::Value)
    }

    /// A thunk for an expression, or the one that is already there for a literal or a variable.
    pub(crate) fn delay(&mut self, node: &Rc<Node>, env: &Env) -> Outcome<ThunkId> {
        match &node.code {
            Code::Constant(id) => Ok(*id),
            Code::Local { level, slot } => Ok(variable(env, *level, *slot)),
            Code::Lambda(lambda) => {
                let closure = Closure { lambda: Rc::clone(lambda), env: env.clone() };
                self.charge(32, node.spot)?;
                self.ready(Value::Function(Rc::new(closure)), node.spot)
            }
            _ => self.later(Thunk::Code(Rc::clone(node), env.clone()), node.spot),
        }
    }

    #[inline(never)]
    fn list_of(&mut self, items: &[Rc<Node>], env: &Env, spot: Spot) -> Outcome<Value> {
        self.charge(16 + 4 * items.len(), spot)?;
        let items: Outcome<Rc<[ThunkId]>> = items.iter().map(|item| self.delay(item, env)).collect();
        items.map(Value::List)
    }

    #[inline(never)]
    fn choice(
        &mut self,
        condition: &Rc<Node>,
        yes: &Rc<Node>,
        no: &Rc<Node>,
        env: &Env,
    ) -> Outcome<Continuation> {
        let spot = condition.spot;
        match self.evaluate(condition, env)? {
            Value::Bool(true) => Ok(Continuation::Code(Rc::clone(yes), env.clone())),
            Value::Bool(false) => Ok(Continuation::Code(Rc::clone(no), env.clone())),
            Value::Symbol(condition) => {
                let (yes, no) = (self.delay(yes, env)?, self.delay(no, env)?);
                self.symbol_of(Origin::Choice { condition, yes, no }, spot).map(Continuation::Value)
            }
            other => Err(self.mismatch("a Boolean", &other, spot)),
        }
    }

    #[inline(never)]
    fn assert(&mut self, condition: &Rc<Node>, text: &Rc<str>, env: &Env) -> Outcome<()> {
        match self.evaluate(condition, env)? {
            // What is unknown is taken for what its author expects.
            Value::Bool(true) | Value::Symbol(_) => Ok(()),
            Value::Bool(false) => Err(self.error(ErrorKind::Assert(text.as_ref().into()), condition.spot)),
            other => Err(self.mismatch("a Boolean", &other, condition.spot)),
        }
    }

    #[inline(never)]
    fn interpolation(&mut self, pieces: &[Piece], env: &Env, spot: Spot) -> Outcome<Value> {
        let mut text = String::new();
        let mut context = Context::default();
        for piece in pieces {
            match piece {
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Value(node) => {
                    let value = self.evaluate(node, env)?;
                    let part = self.coerce(&value, Style::INTERPOLATION, node.spot)?;
                    self.charge(part.text.len(), spot)?;
                    text.push_str(&part.text);
                    context.join(&part.context);
                }
            }
        }
        self.charge(text.len(), spot)?;
        Ok(Value::String(NixString { text: text.into(), context }))
    }

    #[inline(never)]
    fn path(&mut self, pieces: &[Piece], env: &Env, spot: Spot) -> Outcome<Value> {
        let mut text = String::new();
        for piece in pieces {
            match piece {
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Value(node) => {
                    let value = self.evaluate(node, env)?;
                    let part = self.coerce(&value, Style::PATH, node.spot)?;
                    text.push_str(&part.text);
                }
            }
        }
        self.charge(text.len(), spot)?;
        Ok(Value::Path(normalize(&text).into()))
    }

    #[inline(never)]
    pub(crate) fn search(&mut self, name: &str, spot: Spot) -> Outcome<Value> {
        let (first, rest) = name.split_once('/').unwrap_or((name, ""));
        if let Some(&whole) = self.search.get(name) {
            return self.force(whole);
        }
        if let Some(&found) = self.search.get(first) {
            let value = self.force(found)?;
            return match value {
                Value::Path(path) => Ok(Value::Path(normalize(&format!("{path}/{rest}")).into())),
                value => {
                    let mut text = self.coerce(&value, Style::INTERPOLATION, spot)?;
                    text.text = format!("{}/{rest}", text.text).into();
                    Ok(Value::String(text))
                }
            };
        }
        Err(self.error(
            ErrorKind::Impure { what: format!("<{name}>"), why: "it depends on NIX_PATH of the machine" },
            spot,
        ))
    }

    #[inline(never)]
    fn not(&mut self, operand: &Rc<Node>, env: &Env) -> Outcome<Value> {
        match self.evaluate(operand, env)? {
            Value::Bool(value) => Ok(Value::Bool(!value)),
            value @ Value::Symbol(_) => self.operation("!", &[value], operand.spot),
            other => Err(self.mismatch("a Boolean", &other, operand.spot)),
        }
    }

    #[inline(never)]
    fn negate(&mut self, operand: &Rc<Node>, env: &Env) -> Outcome<Value> {
        let spot = operand.spot;
        match self.evaluate(operand, env)? {
            Value::Int(number) => match number.checked_neg() {
                Some(number) => Ok(Value::Int(number)),
                None => Err(self.error(ErrorKind::Overflow { left: 0, operator: "-", right: number }, spot)),
            },
            Value::Float(number) => Ok(Value::Float(0.0 - number)),
            value @ Value::Symbol(_) => self.operation("-", &[value], spot),
            other => Err(self.mismatch("an integer", &other, spot)),
        }
    }

    #[inline(never)]
    fn binary(
        &mut self,
        operator: Operator,
        left: &Rc<Node>,
        right: &Rc<Node>,
        env: &Env,
        spot: Spot,
    ) -> Outcome<Value> {
        if let Operator::And | Operator::Or | Operator::Implies = operator {
            return self.logic(operator, left, right, env);
        }
        let one = self.evaluate(left, env)?;
        let other = self.evaluate(right, env)?;
        self.operate(operator, one, other, spot)
    }

    /// What `__curPos` and `unsafeGetAttrPos` give.
    pub(crate) fn position_set(&mut self, spot: Spot) -> Outcome<Value> {
        let Some(place) = self.place(spot) else { return Ok(Value::Null) };
        let items = [
            ("file", Value::text(&*place.file)),
            ("line", Value::Int(place.line.into())),
            ("column", Value::Int(place.column.into())),
        ];
        self.set_of(items, spot)
    }
}
