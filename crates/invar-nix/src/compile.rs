//! From syntax to code: resolves variables, merges attribute paths, unescapes texts.
mod bindings;
mod text;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::rc::Rc;

use rnix::ast::{self, AstToken, BinOpKind, Expr, HasEntry, LiteralKind, UnaryOpKind};
use rowan::ast::AstNode;

use crate::code::{Code, Field, Key, Lambda, Node, Operator, Parameter};
use crate::error::{ErrorKind, EvalError, Outcome};
use crate::evaluator::Evaluator;
use crate::ids::ThunkId;
use crate::name::Name;
use crate::place::{Source, Spot};
use crate::syntax::{self, NixError};
use crate::value::Value;

/// Bytes of an asserted condition that an error repeats.
const LONGEST_CONDITION: usize = 100;

/// What is between an expression and the global names.
enum Names {
    /// Variables, and the slot of each.
    Variables(BTreeMap<Name, u32>),
    /// The attributes of a set.
    With,
}

/// The compiler of one text.
struct Compiler<'a> {
    evaluator: &'a mut Evaluator,
    source: u32,
    /// The directory that relative paths start at.
    directory: String,
    scopes: Vec<Names>,
}

impl Evaluator {
    /// Compiles `text`, which may use `variables` in addition to the global names.
    pub(crate) fn compile(
        &mut self,
        text: &str,
        name: &str,
        variables: &[(Name, ThunkId)],
    ) -> Outcome<ThunkId> {
        let text = &*unix_lines(text);
        let source = self.sources.len() as u32;
        self.sources.push(Source::new(name, text));
        self.charge(text.len() * 4, Spot::NOWHERE)?;
        let start = Spot { source, offset: 0 };
        let root = syntax::parse(text).map_err(|error| {
            let offset = match &error {
                NixError::Syntax { span, .. } => span.start as u32,
                _ => 0,
            };
            self.error(ErrorKind::Syntax(error.to_string()), Spot { source, offset })
        })?;
        let expression = root.expr().ok_or_else(|| {
            self.error(ErrorKind::Syntax("this is not Nix: there is no expression".into()), start)
        })?;
        let (names, slots): (BTreeMap<_, _>, Vec<_>) =
            variables.iter().enumerate().map(|(slot, &(name, value))| ((name, slot as u32), value)).unzip();
        let scopes = if variables.is_empty() { vec![] } else { vec![Names::Variables(names)] };
        let env = (!variables.is_empty())
            .then(|| Rc::new(crate::code::Scope { up: None, slots: slots.into_boxed_slice() }));
        let directory = crate::files::directory(name).to_owned();
        let node = Compiler { evaluator: self, source, directory, scopes }.expression(&expression)?;
        self.delay(&node, &env)
    }
}

/// `text` with a line feed where a carriage return ends a line on its own, as Nix reads it.
fn unix_lines(text: &str) -> Cow<'_, str> {
    let is_alone = |at: usize| text.as_bytes().get(at + 1) != Some(&b'\n');
    if !text.match_indices('\r').any(|(at, _)| is_alone(at)) {
        return Cow::Borrowed(text);
    }
    text.char_indices()
        .map(|(at, letter)| if letter == '\r' && is_alone(at) { '\n' } else { letter })
        .collect()
}

impl Compiler<'_> {
    fn spot(&self, node: &impl AstNode<Language = rnix::NixLanguage>) -> Spot {
        Spot { source: self.source, offset: node.syntax().text_range().start().into() }
    }

    fn error<T>(&self, message: impl Into<String>, spot: Spot) -> Outcome<T> {
        Err(self.syntax_error(message, spot))
    }

    fn syntax_error(&self, message: impl Into<String>, spot: Spot) -> Box<EvalError> {
        self.evaluator.error(ErrorKind::Syntax(message.into()), spot)
    }

    /// A part of the syntax that the parser has to give.
    fn part<T>(&self, part: Option<T>, spot: Spot) -> Outcome<T> {
        part.ok_or_else(|| self.syntax_error("this is not Nix: something is missing here", spot))
    }

    /// Compiles an expression that has to be there.
    fn required(&mut self, expression: Option<Expr>, spot: Spot) -> Outcome<Rc<Node>> {
        let expression = self.part(expression, spot)?;
        self.expression(&expression)
    }

    fn expression(&mut self, expression: &Expr) -> Outcome<Rc<Node>> {
        let spot = self.spot(expression);
        self.evaluator.charge(96, spot)?;
        if let Expr::Paren(paren) = expression {
            let inner = self.part(paren.expr(), spot)?;
            return self.nested(spot, |compiler| compiler.expression(&inner));
        }
        let code = self.nested(spot, |compiler| compiler.code(expression, spot))?;
        Ok(Rc::new(Node { spot, code }))
    }

    /// Runs `work` one level deeper, as far as the stack allows.
    fn nested<T>(&mut self, spot: Spot, work: impl FnOnce(&mut Self) -> Outcome<T>) -> Outcome<T> {
        self.evaluator.deeper(spot, |_| Ok(()))?;
        self.evaluator.depth += 1;
        let result = work(self);
        self.evaluator.depth -= 1;
        result
    }

    fn code(&mut self, expression: &Expr, spot: Spot) -> Outcome<Code> {
        Ok(match expression {
            Expr::Literal(literal) => self.literal(literal, spot)?,
            Expr::Str(string) => self.string(string, spot)?,
            Expr::Ident(ident) => self.variable(ident, spot)?,
            Expr::Paren(paren) => Code::Not(self.required(paren.expr(), spot)?),
            Expr::Apply(_) => self.application(expression, spot)?,
            Expr::Lambda(lambda) => self.lambda(lambda, spot)?,
            Expr::LetIn(binding) => self.let_in(binding, spot)?,
            Expr::LegacyLet(binding) => self.legacy_let(binding, spot)?,
            Expr::AttrSet(set) => self.attr_set(set, spot)?,
            Expr::List(list) => {
                let items: Outcome<_> = list.items().map(|item| self.expression(&item)).collect();
                Code::List(items?)
            }
            Expr::Select(select) => self.select(select, spot)?,
            Expr::HasAttr(has) => Code::Has {
                of: self.required(has.expr(), spot)?,
                path: self.attribute_path(has.attrpath(), spot)?,
            },
            Expr::IfElse(choice) => Code::If {
                condition: self.required(choice.condition(), spot)?,
                yes: self.required(choice.body(), spot)?,
                no: self.required(choice.else_body(), spot)?,
            },
            Expr::Assert(assert) => self.assert(assert, spot)?,
            Expr::With(with) => self.with(with, spot)?,
            Expr::PathAbs(path) => self.path(&path.parts(), spot)?,
            Expr::PathRel(path) => self.path(&path.parts(), spot)?,
            Expr::PathHome(_) => Code::Home,
            Expr::PathSearch(path) => {
                let text = path.syntax().text().to_string();
                let find = Rc::new(Node { spot, code: self.named("__findFile", spot)? });
                let paths = Rc::new(Node { spot, code: self.named("__nixPath", spot)? });
                Code::Search { find, paths, name: text.trim_matches(['<', '>']).into() }
            }
            Expr::UnaryOp(operation) => {
                let operand = self.required(operation.expr(), spot)?;
                match self.part(operation.operator(), spot)? {
                    UnaryOpKind::Invert => Code::Not(operand),
                    UnaryOpKind::Negate => Code::Negate(operand),
                }
            }
            Expr::BinOp(operation) => self.operation(operation, spot)?,
            Expr::CurPos(_) => Code::Position,
            Expr::Error(_) | Expr::Root(_) => return self.error("this is not Nix", spot),
        })
    }

    fn constant(&mut self, value: Value, spot: Spot) -> Outcome<Code> {
        Ok(Code::Constant(self.evaluator.ready(value, spot)?))
    }

    fn literal(&mut self, literal: &ast::Literal, spot: Spot) -> Outcome<Code> {
        let value = match literal.kind() {
            LiteralKind::Integer(number) => {
                let number = number.value().map_err(|_| {
                    self.syntax_error(format!("`{}` does not fit in 64 bits", number.syntax().text()), spot)
                })?;
                Value::Int(number)
            }
            LiteralKind::Float(number) => {
                let value = number.value().map_err(|_| {
                    self.syntax_error(format!("`{}` is no number", number.syntax().text()), spot)
                })?;
                Value::Float(value)
            }
            LiteralKind::Uri(uri) => Value::text(uri.syntax().text()),
        };
        self.constant(value, spot)
    }

    fn variable(&mut self, ident: &ast::Ident, spot: Spot) -> Outcome<Code> {
        let token = self.part(ident.ident_token(), spot)?;
        self.named(token.text(), spot)
    }

    /// What `text` stands for here.
    fn named(&mut self, text: &str, spot: Spot) -> Outcome<Code> {
        let name = self.evaluator.names.intern(text);
        let mut levels = Vec::new();
        for (level, scope) in (0_u32..).zip(self.scopes.iter().rev()) {
            match scope {
                Names::Variables(slots) => {
                    if let Some(&slot) = slots.get(&name) {
                        return Ok(Code::Local { level, slot });
                    }
                }
                Names::With => levels.push(level),
            }
        }
        if let Some(&value) = self.evaluator.globals.get(&name) {
            return Ok(Code::Constant(value));
        }
        if levels.is_empty() {
            return Err(self.evaluator.error(ErrorKind::UndefinedVariable(text.into()), spot));
        }
        Ok(Code::Ambient { name, levels: levels.into() })
    }

    /// `f a b` as one call.
    fn application(&mut self, expression: &Expr, spot: Spot) -> Outcome<Code> {
        let mut arguments = Vec::new();
        let mut function = expression.clone();
        while let Expr::Apply(apply) = &function {
            arguments.push(self.required(apply.argument(), spot)?);
            function = self.part(apply.lambda(), spot)?;
        }
        arguments.reverse();
        Ok(Code::Apply { function: self.expression(&function)?, arguments: arguments.into() })
    }

    fn lambda(&mut self, lambda: &ast::Lambda, spot: Spot) -> Outcome<Code> {
        let parameter = self.part(lambda.param(), spot)?;
        let (pattern, names) = match parameter {
            ast::Param::IdentParam(parameter) => {
                let name = self.ident(parameter.ident(), spot)?;
                (None, BTreeMap::from([(name, 0)]))
            }
            ast::Param::Pattern(pattern) => {
                let mut names = BTreeMap::new();
                for entry in pattern.pat_entries() {
                    let name = self.ident(entry.ident(), spot)?;
                    if names.insert(name, names.len() as u32).is_some() {
                        return self.error("this is not Nix: an argument is there twice", spot);
                    }
                }
                if let Some(bind) = pattern.pat_bind() {
                    let name = self.ident(bind.ident(), spot)?;
                    if names.insert(name, names.len() as u32).is_some() {
                        return self.error("this is not Nix: an argument is there twice", spot);
                    }
                }
                (Some(pattern), names)
            }
        };
        let single = names.keys().next().copied();
        self.scopes.push(Names::Variables(names));
        let parameter = match pattern {
            None => Parameter::Name(self.part(single, spot)?),
            Some(pattern) => {
                let mut fields = Vec::new();
                for entry in pattern.pat_entries() {
                    let name = self.ident(entry.ident(), spot)?;
                    let default = entry.default().map(|default| self.expression(&default)).transpose()?;
                    fields.push(Field { name, spot: self.spot(&entry), default });
                }
                let whole = match pattern.pat_bind() {
                    Some(bind) => Some(self.ident(bind.ident(), spot)?),
                    None => None,
                };
                Parameter::Pattern { fields: fields.into(), open: pattern.ellipsis_token().is_some(), whole }
            }
        };
        let body = self.required(lambda.body(), spot)?;
        self.scopes.pop();
        Ok(Code::Lambda(Rc::new(Lambda { spot, parameter, body })))
    }

    fn ident(&mut self, ident: Option<ast::Ident>, spot: Spot) -> Outcome<Name> {
        let ident = self.part(ident, spot)?;
        let token = self.part(ident.ident_token(), spot)?;
        Ok(self.evaluator.names.intern(token.text()))
    }

    fn let_in(&mut self, binding: &ast::LetIn, spot: Spot) -> Outcome<Code> {
        let group = self.group(binding.entries(), true, true)?;
        let (bindings, names) = self.bindings(group)?;
        self.scopes.push(names);
        let body = self.required(binding.body(), spot)?;
        self.scopes.pop();
        Ok(Code::Let { bindings: Rc::new(bindings), body })
    }

    /// `let { …; body = …; }` is `rec { … }.body`.
    fn legacy_let(&mut self, binding: &ast::LegacyLet, spot: Spot) -> Outcome<Code> {
        let group = self.group(binding.entries(), true, false)?;
        let (bindings, _) = self.bindings(group)?;
        let of = Rc::new(Node { spot, code: Code::Set(Rc::new(bindings)) });
        let body = self.evaluator.names.intern("body");
        Ok(Code::Select { of, path: [Key::Static(body, spot)].into(), default: None })
    }

    fn attr_set(&mut self, set: &ast::AttrSet, _: Spot) -> Outcome<Code> {
        let group = self.group(set.entries(), set.rec_token().is_some(), false)?;
        Ok(Code::Set(Rc::new(self.bindings(group)?.0)))
    }

    fn select(&mut self, select: &ast::Select, spot: Spot) -> Outcome<Code> {
        let of = self.required(select.expr(), spot)?;
        let path = self.attribute_path(select.attrpath(), spot)?;
        let default = select.default_expr().map(|default| self.expression(&default)).transpose()?;
        Ok(Code::Select { of, path, default })
    }

    fn assert(&mut self, assert: &ast::Assert, spot: Spot) -> Outcome<Code> {
        let condition = self.part(assert.condition(), spot)?;
        let mut text = condition.syntax().text().to_string();
        if text.len() > LONGEST_CONDITION {
            text.truncate(text.floor_char_boundary(LONGEST_CONDITION));
            text.push('…');
        }
        Ok(Code::Assert {
            condition: self.expression(&condition)?,
            body: self.required(assert.body(), spot)?,
            text: text.into(),
        })
    }

    fn with(&mut self, with: &ast::With, spot: Spot) -> Outcome<Code> {
        let namespace = self.required(with.namespace(), spot)?;
        self.scopes.push(Names::With);
        let body = self.required(with.body(), spot)?;
        self.scopes.pop();
        Ok(Code::With { namespace, body })
    }

    fn operation(&mut self, operation: &ast::BinOp, spot: Spot) -> Outcome<Code> {
        let left = self.required(operation.lhs(), spot)?;
        let right = self.required(operation.rhs(), spot)?;
        let operator = match self.part(operation.operator(), spot)? {
            BinOpKind::Concat => Operator::Concat,
            BinOpKind::Update => Operator::Update,
            BinOpKind::Add => Operator::Add,
            BinOpKind::Sub => Operator::Subtract,
            BinOpKind::Mul => Operator::Multiply,
            BinOpKind::Div => Operator::Divide,
            BinOpKind::And => Operator::And,
            BinOpKind::Equal => Operator::Equal,
            BinOpKind::Implication => Operator::Implies,
            BinOpKind::Less => Operator::Less,
            BinOpKind::LessOrEq => Operator::LessOrEqual,
            BinOpKind::More => Operator::Greater,
            BinOpKind::MoreOrEq => Operator::GreaterOrEqual,
            BinOpKind::NotEqual => Operator::Unequal,
            BinOpKind::Or => Operator::Or,
            BinOpKind::PipeRight => {
                return Ok(Code::Apply { function: right, arguments: [left].into() });
            }
            BinOpKind::PipeLeft => {
                return Ok(Code::Apply { function: left, arguments: [right].into() });
            }
        };
        Ok(Code::Binary { operator, left, right })
    }
}
