//! Values as Nix prints them.
use crate::arena::Thunk;
use crate::evaluator::Evaluator;
use crate::ids::ThunkId;
use crate::value::Value;

/// Lists and sets inside each other that are printed.
const DEEPEST: usize = 200;

impl Evaluator {
    /// A value as `nix-instantiate --eval` prints it: `strict` computes what is inside, otherwise that is a mark.
    ///
    /// What fails is printed as a mark; [`force_all`](Self::force_all) tells beforehand.
    pub fn show(&mut self, id: ThunkId, strict: bool) -> String {
        let mut text = String::new();
        let mut printer = Printer { strict, seen: std::collections::BTreeSet::new() };
        printer.print(self, id, DEEPEST, &mut text);
        text
    }
}

/// What makes two lists or sets the same one: of a set its attributes, of a list the value, as Nix has it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Identity {
    Thunk(ThunkId),
    Attributes(usize),
}

struct Printer {
    strict: bool,
    /// Lists and sets that were printed.
    seen: std::collections::BTreeSet<Identity>,
}

impl Printer {
    fn print(&mut self, evaluator: &mut Evaluator, id: ThunkId, depth: usize, text: &mut String) {
        if !self.strict && !matches!(evaluator.arena.get(id).0, Thunk::Value(_)) {
            return text.push_str("<CODE>");
        }
        let Ok(value) = evaluator.force(id) else { return text.push_str("«error»") };
        if depth == 0 || evaluator.charge(16, crate::place::Spot::NOWHERE).is_err() {
            return text.push('…');
        }
        let identity = match &value {
            Value::List(items) if !items.is_empty() => Some(Identity::Thunk(id)),
            Value::Set(set) if !set.is_empty() => {
                Some(Identity::Attributes(std::rc::Rc::as_ptr(set) as usize))
            }
            _ => None,
        };
        if let Some(identity) = identity
            && !self.seen.insert(identity)
        {
            return text.push_str("«repeated»");
        }
        match value {
            Value::List(items) => {
                text.push('[');
                for &item in items.iter() {
                    text.push(' ');
                    self.print(evaluator, item, depth - 1, text);
                }
                text.push_str(" ]");
            }
            Value::Set(set) => {
                text.push('{');
                for item in evaluator.sorted(&set) {
                    text.push(' ');
                    text.push_str(&attribute_name(&evaluator.text_of(item.name)));
                    text.push_str(" = ");
                    self.print(evaluator, item.value, depth - 1, text);
                    text.push(';');
                }
                text.push_str(" }");
            }
            value => scalar(evaluator, &value, text),
        }
    }
}

fn scalar(evaluator: &Evaluator, value: &Value, text: &mut String) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
        Value::Int(number) => text.push_str(&number.to_string()),
        Value::Float(number) => text.push_str(&float(*number)),
        Value::String(string) => quote(&string.text, text),
        Value::Path(path) => text.push_str(path),
        Value::Function(_) => text.push_str("<LAMBDA>"),
        Value::Builtin(partial) if partial.arguments.is_empty() => text.push_str("<PRIMOP>"),
        Value::Builtin(_) => text.push_str("<PRIMOP-APP>"),
        Value::Symbol(symbol) => text.push_str(&format!("«{}»", evaluator.describe(*symbol))),
        Value::List(_) | Value::Set(_) => {}
    }
}

/// A float with six digits, as C's `%g` has it.
pub(crate) fn float(number: f64) -> String {
    if number == 0.0 {
        return if number.is_sign_negative() { "-0".into() } else { "0".into() };
    }
    if !number.is_finite() {
        return if number.is_nan() {
            "nan".into()
        } else if number > 0.0 {
            "inf".into()
        } else {
            "-inf".into()
        };
    }
    let rounded = format!("{number:.5e}");
    let (digits, exponent) = rounded.split_once('e').expect("this format has an exponent");
    let exponent: i32 = exponent.parse().expect("an exponent is a number");
    let trim = |digits: &str| match digits.contains('.') {
        true => digits.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => digits.to_owned(),
    };
    if (-4..6).contains(&exponent) {
        let places = usize::try_from(5 - exponent).unwrap_or_default();
        trim(&format!("{number:.places$}"))
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{}e{sign}{:02}", trim(digits), exponent.abs())
    }
}

/// Appends a string between quotes.
fn quote(value: &str, text: &mut String) {
    text.push('"');
    let mut letters = value.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' | '\\' => text.extend(['\\', letter]),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '$' if letters.peek() == Some(&'{') => text.push_str("\\$"),
            letter => text.push(letter),
        }
    }
    text.push('"');
}

/// A name as an attribute, between quotes if it is no identifier.
fn attribute_name(name: &str) -> String {
    const KEYWORDS: [&str; 9] = ["assert", "else", "if", "in", "inherit", "let", "rec", "then", "with"];
    let is_start = |letter: char| letter.is_ascii_alphabetic() || letter == '_';
    let is_plain = name.starts_with(is_start)
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "_'-".contains(letter))
        && !KEYWORDS.contains(&name);
    if is_plain {
        return name.to_owned();
    }
    let mut text = String::new();
    quote(name, &mut text);
    text
}
