//! What operations over symbols give.
use std::ops::Range;
use std::rc::Rc;

use crate::arena::Thunk;
use crate::coerce::Style;
use crate::error::Outcome;
use crate::evaluator::Evaluator;
use crate::ids::{SymbolId, ThunkId};
use crate::name::Name;
use crate::place::Spot;
use crate::symbol::{Origin, Symbol, TextPiece};
use crate::value::{AttrSet, Attribute, Context, NixString, Value};

/// What placeholders start with: where Nix would put what a symbol stands for.
const STORE: &str = "/nix/store/";

/// Digits of a placeholder: as many as the letters of a store path's hash.
const DIGITS: usize = 32;

impl Evaluator {
    /// A symbol.
    #[must_use]
    pub fn symbol(&self, id: SymbolId) -> &Symbol {
        self.symbols.get(id)
    }

    /// Whether a symbol surely has the attribute `name`.
    #[must_use]
    pub fn known(&self, symbol: SymbolId, name: &str) -> bool {
        self.names.find(name).is_some_and(|name| self.known_attribute(symbol, name).is_some())
    }

    /// Cuts `text` at its placeholders.
    #[must_use]
    pub fn pieces(&self, text: &str) -> Vec<TextPiece> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(start) = rest.find(STORE) {
            let after = &rest[start + STORE.len()..];
            let found = after.get(..DIGITS).and_then(|digits| {
                let all = digits.bytes().all(|byte| byte.is_ascii_digit());
                let (id, _) = self.symbols.find(all.then(|| digits.parse().ok())??)?;
                let end = after[DIGITS..].strip_prefix('-')?.strip_prefix(&*self.store_name(id))?;
                Some((id, end))
            });
            match found {
                Some((id, end)) => {
                    literal.push_str(&rest[..start]);
                    if !literal.is_empty() {
                        pieces.push(TextPiece::Literal(std::mem::take(&mut literal)));
                    }
                    pieces.push(TextPiece::Symbol(id));
                    rest = end;
                }
                None => {
                    literal.push_str(&rest[..start + STORE.len()]);
                    rest = after;
                }
            }
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            pieces.push(TextPiece::Literal(literal));
        }
        pieces
    }

    /// Where the placeholders of `string` are.
    pub(crate) fn placeholders(&self, string: &NixString) -> Vec<(Range<usize>, SymbolId)> {
        if string.context.is_empty() {
            return Vec::new();
        }
        let mut position = 0;
        let mut found = Vec::new();
        for piece in self.pieces(&string.text) {
            let start = position;
            match piece {
                TextPiece::Literal(text) => position += text.len(),
                TextPiece::Symbol(symbol) => {
                    position += STORE.len() + DIGITS + 1 + self.store_name(symbol).len();
                    found.push((start..position, symbol));
                }
            }
        }
        found
    }

    /// An error if `cut` is inside a placeholder, of which only the start is as Nix has it, and that only of a known
    /// thing.
    pub(crate) fn cut(
        &self,
        placeholders: &[(Range<usize>, SymbolId)],
        cut: usize,
        spot: Spot,
    ) -> Outcome<()> {
        let is_inside = |(range, symbol): &&(Range<usize>, SymbolId)| {
            let known = if self.is_made(*symbol) { STORE.len() } else { 0 };
            range.start + known < cut && cut < range.end
        };
        match placeholders.iter().find(is_inside) {
            Some((_, symbol)) => Err(self.unknown(*symbol, "a part of its text", spot)),
            None => Ok(()),
        }
    }

    /// A new symbol with nothing but an origin.
    pub(crate) fn new_symbol(&mut self, origin: Origin, spot: Spot) -> Outcome<SymbolId> {
        self.add_symbol(origin, None, None, None, None, spot)
    }

    /// The same as a value.
    pub(crate) fn symbol_of(&mut self, origin: Origin, spot: Spot) -> Outcome<Value> {
        self.new_symbol(origin, spot).map(Value::Symbol)
    }

    pub(crate) fn add_symbol(
        &mut self,
        origin: Origin,
        name: Option<Rc<str>>,
        attributes: Option<Rc<AttrSet>>,
        missing: Option<ThunkId>,
        fallback: Option<SymbolId>,
        spot: Spot,
    ) -> Outcome<SymbolId> {
        self.charge(size_of::<Symbol>() + 32, spot)?;
        Ok(self.symbols.push(Symbol { origin, name, attributes, missing, fallback, spot }))
    }

    /// A known thing: it has a store path, so it can be in strings as a derivation can.
    pub(crate) fn make(
        &mut self,
        origin: Origin,
        name: Rc<str>,
        attributes: Option<&AttrSet>,
        missing: Option<ThunkId>,
        spot: Spot,
    ) -> Outcome<SymbolId> {
        let id = self.add_symbol(origin, Some(Rc::clone(&name)), None, missing, None, spot)?;
        let path = self.placeholder(id, spot)?;
        let recipe = NixString { text: format!("{}.drv", path.text).into(), context: path.context.clone() };
        let mut own = Vec::new();
        for (key, value) in [
            ("outPath", Value::String(path)),
            ("drvPath", Value::String(recipe)),
            ("type", Value::text("derivation")),
            ("name", Value::text(name)),
        ] {
            let value = self.ready(value, spot)?;
            own.push(Attribute { name: self.names.intern(key), value, spot });
        }
        let mut all = AttrSet::new(own);
        if let Some(attributes) = attributes {
            self.charge(16 * attributes.len(), spot)?;
            all = all.update(attributes);
        }
        self.symbols.get_mut(id).attributes = Some(Rc::new(all));
        Ok(id)
    }

    /// Whether a symbol is a known thing, so that its store path is not just any text.
    pub(crate) fn is_made(&self, id: SymbolId) -> bool {
        self.made(id).is_some()
    }

    /// The known thing that `id` is, or that it adds attributes to.
    #[must_use]
    pub fn made(&self, id: SymbolId) -> Option<SymbolId> {
        let mut next = Some(id);
        while let Some(id) = next {
            let symbol = self.symbols.get(id);
            if matches!(symbol.origin, Origin::Made { .. }) {
                return Some(id);
            }
            next = symbol.fallback;
        }
        None
    }

    /// An attribute that a symbol surely has.
    pub(crate) fn known_attribute(&self, symbol: SymbolId, name: Name) -> Option<ThunkId> {
        let mut next = Some(symbol);
        while let Some(id) = next {
            let symbol = self.symbols.get(id);
            if let Some(found) = symbol.attributes.as_ref().and_then(|attributes| attributes.get(name)) {
                return Some(found.value);
            }
            next = symbol.fallback;
        }
        None
    }

    /// All attributes that a symbol surely has.
    pub(crate) fn known_attributes(&self, symbol: SymbolId) -> AttrSet {
        let mut chain = Vec::new();
        let mut next = Some(symbol);
        while let Some(id) = next {
            let symbol = self.symbols.get(id);
            chain.extend(symbol.attributes.as_deref());
            next = symbol.fallback;
        }
        chain.into_iter().rev().fold(AttrSet::default(), |all, attributes| all.update(attributes))
    }

    /// The attribute `name`: of a symbol always something, of what is no set nothing.
    pub(crate) fn attribute(&mut self, value: &Value, name: Name, spot: Spot) -> Outcome<Option<ThunkId>> {
        match value {
            Value::Set(set) => Ok(set.get(name).map(|found| found.value)),
            Value::Symbol(symbol) => self.symbol_attribute(*symbol, name, spot).map(Some),
            _ => Ok(None),
        }
    }

    fn symbol_attribute(&mut self, symbol: SymbolId, name: Name, spot: Spot) -> Outcome<ThunkId> {
        if let Some(found) = self.known_attribute(symbol, name) {
            return Ok(found);
        }
        if let Some(found) = self.symbols.selected(symbol, name) {
            return Ok(found);
        }
        // The last symbol of the chain, or the first that computes its attributes.
        let mut of = symbol;
        while let (None, Some(next)) = (self.symbols.get(of).missing, self.symbols.get(of).fallback) {
            of = next;
        }
        let found = match (self.symbols.selected(of, name), self.symbols.get(of).missing) {
            (Some(found), _) => found,
            (None, Some(function)) => {
                let text = Value::text(self.text_of(name));
                let argument = self.ready(text, spot)?;
                self.later(Thunk::Call(function, argument), spot)?
            }
            // Where it is, is where it is in strings.
            (None, None) if name == self.known.out_path => {
                let path = self.placeholder(of, spot)?;
                self.ready(Value::String(path), spot)?
            }
            (None, None) => {
                let text = self.text_of(name);
                let selected = self.new_symbol(Origin::Select { of, name: text }, spot)?;
                self.ready(Value::Symbol(selected), spot)?
            }
        };
        self.symbols.remember(of, name, found);
        self.symbols.remember(symbol, name, found);
        Ok(found)
    }

    /// `left // right`, one of which is a symbol.
    pub(crate) fn update_symbol(&mut self, left: Value, right: Value, spot: Spot) -> Outcome<Value> {
        let (attributes, fallback) = match (&left, &right) {
            (Value::Symbol(symbol), Value::Set(set)) => (Rc::clone(set), Some(*symbol)),
            (Value::Set(set), Value::Symbol(symbol)) => {
                (Rc::new(set.update(&self.known_attributes(*symbol))), Some(*symbol))
            }
            (Value::Symbol(one), Value::Symbol(other)) => {
                let known = self.known_attributes(*one).update(&self.known_attributes(*other));
                (Rc::new(known), None)
            }
            _ => return Err(self.mismatch("a set", &left, spot)),
        };
        self.charge(16 * attributes.len(), spot)?;
        let name = fallback.and_then(|symbol| self.symbols.get(symbol).name.clone());
        let operands = vec![self.ready(left, spot)?, self.ready(right, spot)?];
        let origin = Origin::Operation { operator: "//", operands };
        self.add_symbol(origin, name, Some(attributes), None, fallback, spot).map(Value::Symbol)
    }

    pub(crate) fn coerce_symbol(&mut self, symbol: SymbolId, style: Style, spot: Spot) -> Outcome<NixString> {
        if let Some(function) = self.known_attribute(symbol, self.known.to_string) {
            let function = self.force(function)?;
            let itself = self.ready(Value::Symbol(symbol), spot)?;
            let result = self.call(&function, itself, spot)?;
            return self.deeper(spot, |evaluator| evaluator.coerce(&result, style, spot));
        }
        if let Some(path) = self.known_attribute(symbol, self.known.out_path) {
            let path = self.force(path)?;
            if !matches!(path, Value::Symbol(other) if other == symbol) {
                return self.deeper(spot, |evaluator| evaluator.coerce(&path, style, spot));
            }
        }
        self.placeholder(symbol, spot)
    }

    /// The text that stands for a symbol.
    pub(crate) fn placeholder(&mut self, symbol: SymbolId, spot: Spot) -> Outcome<NixString> {
        let name = self.store_name(symbol);
        self.charge(STORE.len() + DIGITS + 1 + name.len() + 64, spot)?;
        let text = format!("{STORE}{:0DIGITS$}-{name}", symbol.0);
        Ok(NixString { text: text.into(), context: Context::of(symbol) })
    }

    /// What a symbol's store path is named after.
    fn store_name(&self, id: SymbolId) -> String {
        let mut symbol = self.symbols.get(id);
        let name: &str = loop {
            if let Some(name) = &symbol.name {
                break name;
            }
            symbol = match &symbol.origin {
                Origin::Root(name) => break name.rsplit('.').next().unwrap_or_default(),
                Origin::Select { name, .. } => break name,
                Origin::Apply { function, .. } => self.symbols.get(*function),
                Origin::Made { kind, .. } => break kind,
                Origin::Choice { .. } => break "choice",
                Origin::Operation { .. } => break "value",
            };
        };
        let is_kept = |letter: char| letter.is_ascii_alphanumeric() || "+-._?=".contains(letter);
        let name: String =
            name.chars().take(80).map(|letter| if is_kept(letter) { letter } else { '-' }).collect();
        if name.is_empty() { "unnamed".into() } else { name }
    }
}
