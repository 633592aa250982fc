//! Symbols for people: as one would write them, shortened.
use crate::arena::Thunk;
use crate::code::Code;
use crate::evaluator::Evaluator;
use crate::ids::{SymbolId, ThunkId};
use crate::symbol::Origin;
use crate::value::Value;

/// Symbols inside each other that are written out.
const DEEPEST: usize = 6;

/// Bytes of a description.
const LONGEST: usize = 160;

impl Evaluator {
    /// How a symbol came about, as one would write it, such as `inputs.foo.lib.bar { … }`.
    #[must_use]
    pub fn describe(&self, symbol: SymbolId) -> String {
        let mut text = String::new();
        self.write_symbol(symbol, DEEPEST, &mut text);
        if text.len() > LONGEST {
            text.truncate(text.floor_char_boundary(LONGEST));
            text.push('…');
        }
        text
    }

    fn write_symbol(&self, id: SymbolId, depth: usize, text: &mut String) {
        let symbol = self.symbols.get(id);
        if depth == 0 || text.len() > LONGEST {
            text.push('…');
            return;
        }
        match &symbol.origin {
            Origin::Root(name) => text.push_str(name),
            Origin::Select { of, name } => {
                self.write_operand(*of, depth, text);
                text.push('.');
                text.push_str(name);
            }
            Origin::Apply { function, argument } => {
                self.write_symbol(*function, depth - 1, text);
                text.push(' ');
                self.write_thunk(*argument, depth - 1, text);
            }
            Origin::Made { kind, .. } => {
                text.push_str(kind);
                if let Some(name) = symbol.name.as_ref().filter(|name| **name != *kind) {
                    text.push(' ');
                    text.push_str(name);
                }
            }
            Origin::Choice { condition, yes, no } => {
                text.push_str("if ");
                self.write_symbol(*condition, depth - 1, text);
                text.push_str(" then ");
                self.write_thunk(*yes, depth - 1, text);
                text.push_str(" else ");
                self.write_thunk(*no, depth - 1, text);
            }
            Origin::Operation { operator, operands } => {
                let is_sign = !operator.starts_with(|letter: char| letter.is_ascii_alphabetic());
                match operands.as_slice() {
                    [left, right] if is_sign => {
                        self.write_thunk(*left, depth - 1, text);
                        text.push_str(&format!(" {operator} "));
                        self.write_thunk(*right, depth - 1, text);
                    }
                    operands => {
                        text.push_str(operator);
                        for operand in operands {
                            if !is_sign {
                                text.push(' ');
                            }
                            self.write_thunk(*operand, depth - 1, text);
                        }
                    }
                }
            }
        }
    }

    fn write_operand(&self, id: SymbolId, depth: usize, text: &mut String) {
        let is_simple = matches!(self.symbols.get(id).origin, Origin::Root(_) | Origin::Select { .. });
        if is_simple {
            self.write_symbol(id, depth - 1, text);
        } else {
            text.push('(');
            self.write_symbol(id, depth - 1, text);
            text.push(')');
        }
    }

    /// What is known of a thunk without computing it.
    fn write_thunk(&self, id: ThunkId, depth: usize, text: &mut String) {
        let value = match &self.arena.get(id).0 {
            Thunk::Value(value) => value,
            Thunk::Code(node, _) => return self.write_code(&node.code, depth, text),
            _ => return text.push('…'),
        };
        match value {
            Value::Null => text.push_str("null"),
            Value::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
            Value::Int(number) => text.push_str(&number.to_string()),
            Value::Float(number) => text.push_str(&number.to_string()),
            Value::String(string) => {
                let end = string.text.floor_char_boundary(40);
                text.push_str(&format!("\"{}\"", string.text[..end].escape_debug()));
            }
            Value::Path(path) => text.push_str(path),
            Value::List(items) => text.push_str(if items.is_empty() { "[ ]" } else { "[ … ]" }),
            Value::Set(set) => text.push_str(if set.is_empty() { "{ }" } else { "{ … }" }),
            Value::Function(_) => text.push_str("(…: …)"),
            Value::Builtin(partial) => text.push_str(partial.name()),
            Value::Symbol(symbol) => {
                if depth == 0 {
                    text.push('…');
                } else {
                    self.write_operand(*symbol, depth, text);
                }
            }
        }
    }

    /// What an expression evaluates to, as far as it is plain to see.
    fn write_code(&self, code: &Code, depth: usize, text: &mut String) {
        text.push_str(match code {
            Code::Constant(id) => return self.write_thunk(*id, depth, text),
            Code::Set(bindings) if bindings.items.is_empty() => "{ }",
            Code::Set(_) => "{ … }",
            Code::List(items) if items.is_empty() => "[ ]",
            Code::List(_) => "[ … ]",
            Code::Text(_) => "\"…\"",
            Code::Lambda(_) => "(…: …)",
            _ => "…",
        });
    }
}
