//! What sets and `let` bind: `a.b = 1; a.c = 2;` is one attribute `a`.
use std::collections::BTreeMap;
use std::rc::Rc;

use rnix::ast::{self, Attr, Entry, Expr, HasEntry};

use super::{Compiler, Names};
use crate::code::{Binding, BindingValue, Bindings, Code, Key, Node};
use crate::error::{ErrorKind, Outcome};
use crate::name::Name;
use crate::place::Spot;

/// Attributes that are being collected.
pub(super) struct Group {
    recursive: bool,
    entries: BTreeMap<Name, (Spot, Definition)>,
    dynamics: Vec<(Expr, Spot, Definition)>,
    origins: Vec<Expr>,
}

/// What an attribute is.
enum Definition {
    Expression(Expr),
    Group(Box<Group>),
    Outer(Spot),
    From(usize),
}

/// A part of an attribute path that is not yet compiled.
enum PathPart {
    Static(Name),
    Dynamic(Expr),
}

impl Group {
    fn new(recursive: bool) -> Self {
        Self { recursive, entries: BTreeMap::new(), dynamics: Vec::new(), origins: Vec::new() }
    }
}

impl Compiler<'_> {
    /// Collects `entries`; in `let`, names have to be written out.
    pub(super) fn group(
        &mut self,
        entries: impl Iterator<Item = Entry>,
        recursive: bool,
        is_let: bool,
    ) -> Outcome<Group> {
        let mut group = Group::new(recursive);
        for entry in entries {
            match entry {
                Entry::Inherit(inherit) => self.inherit(&mut group, &inherit)?,
                Entry::AttrpathValue(entry) => {
                    let spot = self.spot(&entry);
                    let path = self.part(entry.attrpath(), spot)?;
                    let parts: Outcome<Vec<PathPart>> =
                        path.attrs().map(|attribute| self.attribute_part(attribute)).collect();
                    let parts = parts?;
                    if is_let && matches!(parts.first(), Some(PathPart::Dynamic(_))) {
                        return self.error("this is not Nix: names in `let` cannot be computed", spot);
                    }
                    let value = self.part(entry.value(), spot)?;
                    let value = match plain_set(&value) {
                        Some(set) => {
                            let nested = self.nested(spot, |compiler| {
                                compiler.group(set.entries(), set.rec_token().is_some(), false)
                            })?;
                            Definition::Group(Box::new(nested))
                        }
                        None => Definition::Expression(value),
                    };
                    self.define(&mut group, parts, value, spot)?;
                }
            }
        }
        Ok(group)
    }

    fn inherit(&mut self, group: &mut Group, inherit: &ast::Inherit) -> Outcome<()> {
        let spot = self.spot(inherit);
        let origin = match inherit.from() {
            Some(from) => {
                let origin = self.part(from.expr(), spot)?;
                group.origins.push(origin);
                Some(group.origins.len() - 1)
            }
            None => None,
        };
        for attribute in inherit.attrs() {
            let spot = self.spot(&attribute);
            let PathPart::Static(name) = self.attribute_part(attribute)? else {
                return self.error("this is not Nix: `inherit` takes no computed names", spot);
            };
            let definition = origin.map_or(Definition::Outer(spot), Definition::From);
            if let Some((first, _)) = group.entries.insert(name, (spot, definition)) {
                return self.duplicate(name, first, spot);
            }
        }
        Ok(())
    }

    fn define(
        &mut self,
        mut group: &mut Group,
        parts: Vec<PathPart>,
        value: Definition,
        spot: Spot,
    ) -> Outcome<()> {
        let mut parts = parts.into_iter().peekable();
        while let Some(part) = parts.next() {
            let is_last = parts.peek().is_none();
            match part {
                PathPart::Dynamic(name) if is_last => {
                    group.dynamics.push((name, spot, value));
                    return Ok(());
                }
                PathPart::Dynamic(name) => {
                    let nested = Definition::Group(Box::new(Group::new(false)));
                    group.dynamics.push((name, spot, nested));
                    let last = group.dynamics.last_mut().expect("one was pushed");
                    let Definition::Group(next) = &mut last.2 else { return Ok(()) };
                    group = next;
                }
                PathPart::Static(name) if is_last => return self.define_last(group, name, value, spot),
                PathPart::Static(name) => {
                    let (first, definition) = group
                        .entries
                        .entry(name)
                        .or_insert_with(|| (spot, Definition::Group(Box::new(Group::new(false)))));
                    match definition {
                        Definition::Group(next) => group = next,
                        _ => {
                            let first = *first;
                            return self.duplicate(name, first, spot);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn define_last(&mut self, group: &mut Group, name: Name, value: Definition, spot: Spot) -> Outcome<()> {
        let Some((first, old)) = group.entries.get_mut(&name) else {
            group.entries.insert(name, (spot, value));
            return Ok(());
        };
        let (Definition::Group(old), Definition::Group(new)) = (old, value) else {
            let first = *first;
            return self.duplicate(name, first, spot);
        };
        // Whether the attributes see each other is what the first definition says, as in Nix.
        let offset = old.origins.len();
        old.origins.extend(new.origins);
        old.dynamics.extend(new.dynamics);
        for (name, (spot, mut definition)) in new.entries {
            if let Definition::From(index) = &mut definition {
                *index += offset;
            }
            if let Some((first, _)) = old.entries.insert(name, (spot, definition)) {
                return self.duplicate(name, first, spot);
            }
        }
        Ok(())
    }

    fn duplicate<T>(&self, name: Name, first: Spot, spot: Spot) -> Outcome<T> {
        let name = self.evaluator.text_of(name);
        match self.evaluator.place(first) {
            Some(first) => {
                let name = name.as_ref().into();
                Err(self.evaluator.error(ErrorKind::Duplicate { name, first }, spot))
            }
            None => self.error("this is not Nix: an attribute is defined twice", spot),
        }
    }

    fn attribute_part(&mut self, attribute: Attr) -> Outcome<PathPart> {
        let spot = self.spot(&attribute);
        Ok(match attribute {
            Attr::Ident(ident) => PathPart::Static(self.ident(Some(ident), spot)?),
            Attr::Str(string) => match self.plain_text(&string) {
                Some(text) => PathPart::Static(self.evaluator.names.intern(&text)),
                None => PathPart::Dynamic(Expr::Str(string)),
            },
            Attr::Dynamic(dynamic) => {
                let expression = self.part(dynamic.expr(), spot)?;
                match &expression {
                    Expr::Str(string) => match self.plain_text(string) {
                        Some(text) => PathPart::Static(self.evaluator.names.intern(&text)),
                        None => PathPart::Dynamic(expression),
                    },
                    _ => PathPart::Dynamic(expression),
                }
            }
        })
    }

    /// The parts of `a.b.${c}`.
    pub(super) fn attribute_path(&mut self, path: Option<ast::Attrpath>, spot: Spot) -> Outcome<Box<[Key]>> {
        let path = self.part(path, spot)?;
        path.attrs()
            .map(|attribute| {
                let spot = self.spot(&attribute);
                Ok(match self.attribute_part(attribute)? {
                    PathPart::Static(name) => Key::Static(name, spot),
                    PathPart::Dynamic(expression) => Key::Dynamic(self.expression(&expression)?),
                })
            })
            .collect()
    }

    /// Compiles a group, and gives the scope that it makes.
    pub(super) fn bindings(&mut self, group: Group) -> Outcome<(Bindings, Names)> {
        let slots = || group.entries.keys().copied().zip(0..).collect();
        let outside = self.scopes.len();
        if group.recursive {
            self.scopes.push(Names::Variables(slots()));
        }
        let names = Names::Variables(slots());
        let overrides = self.evaluator.known.overrides;
        let overrides = group.entries.keys().position(|&name| group.recursive && name == overrides);
        let origins: Outcome<_> = group.origins.iter().map(|origin| self.expression(origin)).collect();
        let origins = origins?;
        let mut dynamics = Vec::new();
        for (name, spot, definition) in group.dynamics {
            let name = self.expression(&name)?;
            dynamics.push((name, self.definition(definition, spot)?));
        }
        let mut items = Vec::new();
        for (name, (spot, definition)) in group.entries {
            let value = match definition {
                Definition::From(index) => BindingValue::From(index),
                Definition::Outer(spot) => {
                    let inner = self.scopes.split_off(outside);
                    let text = self.evaluator.text_of(name);
                    let code = self.named(&text, spot);
                    self.scopes.extend(inner);
                    BindingValue::Outer(Rc::new(Node { spot, code: code? }))
                }
                definition => BindingValue::Code(self.definition(definition, spot)?),
            };
            items.push(Binding { name, spot, value });
        }
        self.scopes.truncate(outside);
        let bindings = Bindings {
            recursive: group.recursive,
            items: items.into(),
            origins,
            dynamics: dynamics.into(),
            overrides,
        };
        Ok((bindings, names))
    }

    fn definition(&mut self, definition: Definition, spot: Spot) -> Outcome<Rc<Node>> {
        match definition {
            Definition::Expression(expression) => self.expression(&expression),
            Definition::Group(group) => {
                let (bindings, _) = self.nested(spot, |compiler| compiler.bindings(*group))?;
                Ok(Rc::new(Node { spot, code: Code::Set(Rc::new(bindings)) }))
            }
            Definition::Outer(_) | Definition::From(_) => {
                self.error("this is not Nix: `inherit` takes no computed names", spot)
            }
        }
    }
}

/// `{ … }`, also in parentheses.
fn plain_set(expression: &Expr) -> Option<ast::AttrSet> {
    let mut expression = expression.clone();
    loop {
        expression = match expression {
            Expr::AttrSet(set) => return Some(set),
            Expr::Paren(paren) => paren.expr()?,
            _ => return None,
        };
    }
}
