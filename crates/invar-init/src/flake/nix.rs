//! The part of Nix that flakes for images are written in: names are looked up where they are bound, and what would have
//! to be computed stays unknown.
use std::cell::Cell;

use rnix::ast::{self, AstToken as _, Attr, Expr, HasEntry as _, InterpolPart};
use rnix::{NodeOrToken, SyntaxNode};
use rowan::ast::AstNode as _;

/// How many names and calls one value may lead through.
const DEEPEST: usize = 48;

/// How many expressions are looked at for one value: names that stand for two of another one each would take for ever.
const MOST: usize = 20_000;

/// How far a value has been followed.
#[derive(Clone, Copy)]
struct Limit<'a> {
    depth: usize,
    left: &'a Cell<usize>,
}

impl Limit<'_> {
    fn deeper(self) -> Self {
        Self { depth: self.depth + 1, ..self }
    }

    /// Whether it ends here.
    fn is_reached(self) -> bool {
        let left = self.left.get();
        self.left.set(left.saturating_sub(1));
        left == 0 || self.depth > DEEPEST
    }
}

/// What an expression stands for, as far as it can be told without computing.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// A text, in pieces.
    Text(Vec<Piece>),
    /// A list.
    List(Vec<Value>),
    /// An attribute set.
    Set(ast::AttrSet),
    /// A package of nixpkgs, by its attribute path.
    Package(String),
    /// A call of the function whose last name is given, with its arguments.
    Call(Call),
    /// A path relative to the flake, such as `./nix/a.patch`.
    Path(String),
    /// nixpkgs itself.
    Nixpkgs,
    /// Something else, as it is written.
    Unknown(Expr),
}

/// A piece of a text.
#[derive(Debug, Clone)]
pub(super) enum Piece {
    /// Characters.
    Literal(String),
    /// What an expression stands for.
    Value(Box<Value>),
}

/// A call.
#[derive(Debug, Clone)]
pub(super) struct Call {
    /// The last name of the function: `mkShell` for `pkgs.mkShell`.
    pub function: String,
    /// The arguments, the first first.
    pub arguments: Vec<Expr>,
    /// The whole expression.
    pub node: SyntaxNode,
}

/// What `expr` stands for.
pub(super) fn value(expr: &Expr) -> Value {
    evaluate(expr, Limit { depth: 0, left: &Cell::new(MOST) })
}

fn evaluate(expr: &Expr, limit: Limit<'_>) -> Value {
    let unknown = || Value::Unknown(expr.clone());
    if limit.is_reached() {
        return unknown();
    }
    let next = |expr: Option<Expr>| expr.map_or_else(unknown, |expr| evaluate(&expr, limit.deeper()));
    match expr {
        Expr::Paren(paren) => next(paren.expr()),
        Expr::With(with) => next(with.body()),
        Expr::LetIn(bindings) => next(bindings.body()),
        Expr::Str(text) => Value::Text(pieces(text, limit)),
        Expr::List(list) => Value::List(list.items().map(|item| evaluate(&item, limit.deeper())).collect()),
        Expr::AttrSet(set) => Value::Set(set.clone()),
        Expr::Literal(_) => Value::Text(vec![Piece::Literal(expr.to_string())]),
        Expr::PathRel(_) => Value::Path(expr.to_string()),
        Expr::Ident(name) => {
            let name = name.to_string();
            match lookup(expr.syntax(), &name) {
                _ if name == "pkgs" || name == "nixpkgs" => Value::Nixpkgs,
                Some(bound) => evaluate(&bound, limit.deeper()),
                None if within_nixpkgs(expr.syntax(), limit) => Value::Package(name),
                None => unknown(),
            }
        }
        Expr::Select(select) => selected(select, limit),
        Expr::Apply(apply) => applied(apply, limit),
        Expr::BinOp(operation) => {
            use rnix::ast::BinOpKind::{Add, Concat};
            let (left, right) = (next(operation.lhs()), next(operation.rhs()));
            match (operation.operator(), left, right) {
                // Half of a list is better than none: the other half is said to be left by whoever wants it whole.
                (Some(Concat), Value::List(mut left), Value::List(right)) => {
                    left.extend(right);
                    Value::List(left)
                }
                (Some(Concat), Value::List(list), other) | (Some(Concat), other, Value::List(list)) => {
                    let mut all = vec![other];
                    all.extend(list);
                    Value::List(all)
                }
                (Some(Add), Value::Text(mut left), Value::Text(right)) => {
                    left.extend(right);
                    Value::Text(left)
                }
                _ => unknown(),
            }
        }
        _ => unknown(),
    }
}

fn pieces(text: &ast::Str, limit: Limit<'_>) -> Vec<Piece> {
    let parts = text.normalized_parts().into_iter();
    parts
        .map(|part| match part {
            InterpolPart::Literal(literal) => Piece::Literal(literal),
            InterpolPart::Interpolation(inner) => {
                let inner = inner.expr().map(|inner| evaluate(&inner, limit.deeper()));
                inner.map_or(Piece::Literal(String::new()), |inner| Piece::Value(Box::new(inner)))
            }
        })
        .collect()
}

/// `base.a.b`: an attribute of a set, or of nixpkgs.
fn selected(select: &ast::Select, limit: Limit<'_>) -> Value {
    let unknown = || Value::Unknown(select.clone().into());
    let (Some(base), Some(path)) = (select.expr(), select.attrpath()) else { return unknown() };
    let names: Vec<Option<String>> = path.attrs().map(|attr| name_of(&attr)).collect();
    match evaluate(&base, limit.deeper()) {
        Value::Nixpkgs => {
            // `nixpkgs.legacyPackages.${system}` is nixpkgs as well.
            let names: Vec<String> = names.into_iter().flatten().collect();
            let names = names.strip_prefix(["legacyPackages".to_owned()].as_slice()).unwrap_or(&names);
            let names = names.strip_prefix(["pkgs".to_owned()].as_slice()).unwrap_or(names);
            if names.is_empty() { Value::Nixpkgs } else { Value::Package(names.join(".")) }
        }
        Value::Set(set) => {
            let mut found = Value::Set(set);
            for name in names {
                let (Value::Set(set), Some(name)) = (found, name) else { return unknown() };
                let Some(inner) = attribute(&set, &name) else { return unknown() };
                found = evaluate(&inner, limit.deeper());
            }
            found
        }
        // An attribute of what a function gives for each system stands for what is in it, whatever the system is.
        Value::Call(call) => match per_system(&call, limit) {
            Some(value) if names.iter().all(Option::is_none) => value,
            Some(Value::Set(set)) => {
                let last = names.last().cloned().flatten();
                let found = last.and_then(|name| attribute(&set, &name));
                found.map_or_else(unknown, |found| evaluate(&found, limit.deeper()))
            }
            _ => unknown(),
        },
        Value::Package(package) => {
            let names: Vec<String> = names.into_iter().flatten().collect();
            Value::Package(format!("{package}.{}", names.join(".")))
        }
        // `final.pkgs.NAME`: a package set that has nixpkgs in it.
        _ if names.first().is_some_and(|name| name.as_deref() == Some("pkgs")) => {
            Value::Package(names.into_iter().skip(1).flatten().collect::<Vec<_>>().join("."))
        }
        _ => match (base.to_string().as_str(), names.last().cloned().flatten()) {
            // `self.packages.${system}.NAME`: by its name among all that the flake gives.
            ("self", Some(name)) if names.first().cloned().flatten().as_deref() == Some("packages") => {
                let found = package_of_flake(select.syntax(), &name);
                found.map_or_else(unknown, |found| evaluate(&found, limit.deeper()))
            }
            _ => unknown(),
        },
    }
}

/// The entry `name` of the flake's `packages`.
fn package_of_flake(from: &SyntaxNode, name: &str) -> Option<Expr> {
    let root = from.ancestors().last()?;
    let entries = root.descendants().filter_map(ast::AttrpathValue::cast);
    let mut packages = entries.filter(|entry| path_of(entry).first().map(String::as_str) == Some("packages"));
    packages.find_map(|entry| {
        let sets = entry.syntax().descendants().filter_map(ast::AttrSet::cast);
        sets.into_iter().find_map(|set| attribute(&set, name))
    })
}

fn applied(apply: &ast::Apply, limit: Limit<'_>) -> Value {
    let Some(call) = call_of(apply) else { return Value::Unknown(apply.clone().into()) };
    match call.function.as_str() {
        "import" if call.arguments.first().is_some_and(|first| first.to_string().contains("nixpkgs")) => {
            Value::Nixpkgs
        }
        "toString" => {
            call.arguments.first().map_or(Value::Call(call.clone()), |first| evaluate(first, limit.deeper()))
        }
        _ => Value::Call(call),
    }
}

/// What a function gives that is called with another one, of the system: the body of that.
fn per_system(call: &Call, limit: Limit<'_>) -> Option<Value> {
    let body = call.arguments.iter().find_map(|argument| match argument {
        Expr::Lambda(lambda) => lambda.body(),
        Expr::Paren(paren) => match paren.expr()? {
            Expr::Lambda(lambda) => lambda.body(),
            _ => None,
        },
        _ => None,
    })?;
    Some(evaluate(&body, limit.deeper()))
}

/// A call with all its arguments, where `apply` is not itself the function of another call.
pub(super) fn call_of(apply: &ast::Apply) -> Option<Call> {
    let mut arguments = Vec::new();
    let mut function = Expr::Apply(apply.clone());
    while let Expr::Apply(inner) = function {
        arguments.push(inner.argument()?);
        function = inner.lambda()?;
    }
    arguments.reverse();
    let name = match &function {
        Expr::Ident(name) => name.to_string(),
        Expr::Select(select) => select.attrpath()?.attrs().last().and_then(|attr| name_of(&attr))?,
        _ => return None,
    };
    Some(Call { function: name, arguments, node: apply.syntax().clone() })
}

/// All calls of `functions`, in the order of the text.
pub(super) fn calls(root: &SyntaxNode, functions: &[&str]) -> Vec<Call> {
    let outermost = |node: &SyntaxNode| {
        let above = node.parent().and_then(ast::Apply::cast);
        above.and_then(|above| above.lambda()).is_none_or(|function| function.syntax() != node)
    };
    let applies = root.descendants().filter(outermost).filter_map(ast::Apply::cast);
    applies
        .filter_map(|apply| call_of(&apply))
        .filter(|call| functions.contains(&call.function.as_str()))
        .collect()
}

/// The value of `name` in `set`. A path such as `a.b = 1` is an attribute `a` only for those who ask for all of it.
pub(super) fn attribute(set: &ast::AttrSet, name: &str) -> Option<Expr> {
    let plain = set.attrpath_values().find(|entry| path_of(entry) == [name]);
    plain.and_then(|entry| entry.value()).or_else(|| inherited(set.inherits(), name))
}

/// All attributes of `set` with their paths; sets in sets are gone through.
pub(super) fn attributes(set: &ast::AttrSet) -> Vec<(Vec<String>, Expr)> {
    let mut all = Vec::new();
    for entry in set.attrpath_values() {
        let (path, Some(content)) = (path_of(&entry), entry.value()) else { continue };
        match &content {
            Expr::AttrSet(inner) if inner.attrpath_values().next().is_some() && path.len() < DEEPEST => {
                let inner = attributes(inner).into_iter();
                all.extend(inner.map(|(rest, value)| ([path.clone(), rest].concat(), value)));
            }
            _ => all.push((path, content)),
        }
    }
    all
}

/// The names of an attribute's path, without those that are computed.
pub(super) fn path_of(entry: &ast::AttrpathValue) -> Vec<String> {
    let attrs = entry.attrpath().into_iter().flat_map(|path| path.attrs());
    attrs.filter_map(|attr| name_of(&attr)).collect()
}

fn name_of(attr: &Attr) -> Option<String> {
    match attr {
        Attr::Ident(name) => Some(name.to_string()),
        Attr::Str(text) => match text.normalized_parts().as_slice() {
            [InterpolPart::Literal(name)] => Some(name.clone()),
            _ => None,
        },
        Attr::Dynamic(_) => None,
    }
}

/// `inherit a;` binds `a` to the one outside, `inherit (x) a;` to `x.a`, which is not computed here.
fn inherited(mut inherits: impl Iterator<Item = ast::Inherit>, name: &str) -> Option<Expr> {
    let binds = |inherit: &ast::Inherit| inherit.attrs().any(|attr| name_of(&attr).as_deref() == Some(name));
    let found = inherits.find(binds)?;
    match found.from() {
        Some(_) => None,
        None => lookup(found.syntax().parent().as_ref()?, name),
    }
}

/// The expression that `name` is bound to where `from` stands.
fn lookup(from: &SyntaxNode, name: &str) -> Option<Expr> {
    for node in from.ancestors().skip(1).take(4 * DEEPEST) {
        let bound = match ast::Expr::cast(node.clone()) {
            Some(Expr::LetIn(bindings)) => {
                let mut entries = bindings.attrpath_values();
                entries.find(|entry| path_of(entry) == [name]).and_then(|entry| entry.value())
            }
            Some(Expr::AttrSet(set)) if set.rec_token().is_some() => {
                let mut entries = set.attrpath_values();
                entries.find(|entry| path_of(entry) == [name]).and_then(|entry| entry.value())
            }
            // A parameter: whoever calls knows it.
            Some(Expr::Lambda(lambda)) if takes(&lambda, name) => return None,
            _ => None,
        };
        // `x = x;` would look for itself.
        if let Some(bound) =
            bound.filter(|bound| !bound.syntax().text_range().contains_range(from.text_range()))
        {
            return Some(bound);
        }
    }
    None
}

fn takes(lambda: &ast::Lambda, name: &str) -> bool {
    match lambda.param() {
        Some(ast::Param::IdentParam(parameter)) => parameter.to_string() == name,
        Some(ast::Param::Pattern(pattern)) => {
            pattern.pat_entries().any(|entry| entry.ident().is_some_and(|ident| ident.to_string() == name))
        }
        None => false,
    }
}

/// Whether names that are bound nowhere are looked up in nixpkgs: `with pkgs;`.
fn within_nixpkgs(from: &SyntaxNode, limit: Limit<'_>) -> bool {
    let withs = from.ancestors().filter_map(ast::With::cast).take(DEEPEST);
    withs
        .filter_map(|with| with.namespace())
        .any(|namespace| matches!(evaluate(&namespace, limit.deeper()), Value::Nixpkgs))
}

/// The line on which `node` begins, from 1.
pub(super) fn line(text: &str, node: &SyntaxNode) -> usize {
    line_at(text, node.text_range().start().into())
}

/// The line of an offset, from 1.
pub(super) fn line_at(text: &str, offset: usize) -> usize {
    let end = offset.min(text.len());
    1 + text.as_bytes()[..end].iter().filter(|byte| **byte == b'\n').count()
}

/// The text of a node without comments.
pub(super) fn plain_text(node: &SyntaxNode) -> String {
    let tokens = node.descendants_with_tokens().filter_map(|element| match element {
        NodeOrToken::Token(token) if ast::Comment::can_cast(token.kind()) => None,
        NodeOrToken::Token(token) => Some(token.text().to_owned()),
        NodeOrToken::Node(_) => None,
    });
    tokens.collect()
}
