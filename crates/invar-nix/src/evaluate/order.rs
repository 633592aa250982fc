//! Equality and order.
use std::rc::Rc;

use crate::error::{ErrorKind, Outcome};
use crate::evaluator::Evaluator;
use crate::ids::{SymbolId, ThunkId};
use crate::place::Spot;
use crate::symbol::Origin;
use crate::value::{AttrSet, NixString, Value};

impl Evaluator {
    /// Whether two values are equal; an error if that depends on a symbol.
    #[inline(never)]
    pub(crate) fn equals(&mut self, left: &Value, right: &Value, spot: Spot) -> Outcome<bool> {
        self.step(1, spot)?;
        Ok(match (left, right) {
            (Value::Symbol(one), Value::Symbol(other)) if one == other => true,
            (Value::Symbol(one), Value::Symbol(other)) => return self.equal_symbols(*one, *other, spot),
            (Value::Symbol(symbol), other) | (other, Value::Symbol(symbol)) => {
                if self.is_made(*symbol) && !matches!(other, Value::Symbol(_) | Value::Set(_)) {
                    return Ok(false);
                }
                return Err(self.unknown(*symbol, "a value to compare with", spot));
            }
            (Value::Null, Value::Null) => true,
            (Value::Bool(one), Value::Bool(other)) => one == other,
            (Value::Int(one), Value::Int(other)) => one == other,
            (Value::Float(one), Value::Float(other)) => one == other,
            (Value::Int(one), Value::Float(other)) | (Value::Float(other), Value::Int(one)) => {
                *one as f64 == *other
            }
            (Value::String(one), Value::String(other)) => {
                if one.text == other.text {
                    return Ok(true);
                }
                self.settle(one, spot)?;
                self.settle(other, spot)?;
                false
            }
            (Value::Path(one), Value::Path(other)) => one == other,
            (Value::List(one), Value::List(other)) => {
                if one.len() != other.len() {
                    return Ok(false);
                }
                for (&one, &other) in one.iter().zip(other.iter()) {
                    if !self.equal_thunks(one, other, spot)? {
                        return Ok(false);
                    }
                }
                true
            }
            (Value::Set(one), Value::Set(other)) => return self.equal_sets(one, other, spot),
            _ => false,
        })
    }

    /// Derivations of equal arguments are equal; of other symbols nobody knows.
    fn equal_symbols(&mut self, left: SymbolId, right: SymbolId, spot: Spot) -> Outcome<bool> {
        let (one, other) = (self.made(left), self.made(right));
        match (one.map(|id| &self.symbols.get(id).origin), other.map(|id| &self.symbols.get(id).origin)) {
            (
                Some(Origin::Made { kind: one, arguments: left }),
                Some(Origin::Made { kind: other, arguments: right }),
            ) if one == other && &**one == "derivation" => {
                let (left, right) = (*left, *right);
                self.equal_thunks(left, right, spot)
            }
            _ => Err(self.unknown(left, "a value to compare with", spot)),
        }
    }

    fn equal_sets(&mut self, one: &Rc<AttrSet>, other: &Rc<AttrSet>, spot: Spot) -> Outcome<bool> {
        if self.is_derivation(one)? && self.is_derivation(other)? {
            let out = self.known.out_path;
            if let (Some(one), Some(other)) = (one.get(out), other.get(out)) {
                let (one, other) = (one.value, other.value);
                return self.equal_thunks(one, other, spot);
            }
        }
        if one.len() != other.len() {
            return Ok(false);
        }
        // By name, so that of several errors it is the same one each time.
        let (one, other) = (self.sorted(one), self.sorted(other));
        if one.iter().zip(&other).any(|(one, other)| one.name != other.name) {
            return Ok(false);
        }
        for (one, other) in one.iter().zip(&other) {
            if !self.equal_thunks(one.value, other.value, spot)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// As Nix does, a value is equal to itself even if it is a function.
    fn equal_thunks(&mut self, left: ThunkId, right: ThunkId, spot: Spot) -> Outcome<bool> {
        let value = self.force(left)?;
        if left == right {
            return Ok(true);
        }
        let other = self.force(right)?;
        self.deeper(spot, |evaluator| evaluator.equals(&value, &other, spot))
    }

    /// An error if the text of `string` may turn out to be anything, since a symbol is in it.
    pub(crate) fn settle(&self, string: &NixString, spot: Spot) -> Outcome<()> {
        match string.context.symbols().find(|&symbol| !self.is_made(symbol)) {
            Some(symbol) => Err(self.unknown(symbol, "its text", spot)),
            None => Ok(()),
        }
    }

    fn is_derivation(&mut self, set: &AttrSet) -> Outcome<bool> {
        let Some(kind) = set.get(self.known.kind) else { return Ok(false) };
        let kind = self.force(kind.value)?;
        Ok(matches!(kind, Value::String(kind) if &*kind.text == "derivation"))
    }

    /// Whether `left` comes before `right`.
    #[inline(never)]
    pub(crate) fn is_less(&mut self, left: &Value, right: &Value, spot: Spot) -> Outcome<bool> {
        self.step(1, spot)?;
        Ok(match (left, right) {
            (Value::Int(one), Value::Int(other)) => one < other,
            (Value::Float(one), Value::Float(other)) => one < other,
            (Value::Int(one), Value::Float(other)) => (*one as f64) < *other,
            (Value::Float(one), Value::Int(other)) => *one < *other as f64,
            (Value::String(one), Value::String(other)) => {
                self.settle(one, spot)?;
                self.settle(other, spot)?;
                one.text < other.text
            }
            (Value::Path(one), Value::Path(other)) => one < other,
            (Value::List(one), Value::List(other)) => {
                for (&one, &other) in one.iter().zip(other.iter()) {
                    if !self.equal_thunks(one, other, spot)? {
                        let (one, other) = (self.force(one)?, self.force(other)?);
                        return self.deeper(spot, |evaluator| evaluator.is_less(&one, &other, spot));
                    }
                }
                one.len() < other.len()
            }
            (Value::Symbol(symbol), _) | (_, Value::Symbol(symbol)) => {
                return Err(self.unknown(*symbol, "a value to compare with", spot));
            }
            (left, right) => {
                let kind = ErrorKind::Incomparable { left: left.kind(), right: right.kind() };
                return Err(self.error(kind, spot));
            }
        })
    }
}
