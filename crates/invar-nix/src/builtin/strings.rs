//! Strings and their contexts.
use std::ops::Range;
use std::rc::Rc;

use super::lists::fail;
use super::{Builtin, builtin};
use crate::coerce::Style;
use crate::error::Outcome;
use crate::evaluator::Evaluator;
use crate::ids::ThunkId;
use crate::place::Spot;
use crate::symbol::TextPiece;
use crate::value::{Attribute, Context, NixString, Value};

pub(super) static TABLE: &[Builtin] = &[
    builtin("concatStringsSep", 2, |evaluator, arguments, spot| {
        let separator = evaluator.string_argument(arguments[0], spot)?;
        let items = evaluator.list_argument(arguments[1], spot)?;
        let mut text = String::new();
        let mut context = separator.context.clone();
        for (index, &item) in items.iter().enumerate() {
            if index > 0 {
                text.push_str(&separator.text);
            }
            let value = evaluator.force(item)?;
            let part = evaluator.coerce(&value, Style::INTERPOLATION, spot)?;
            evaluator.charge(part.text.len() + separator.text.len(), spot)?;
            text.push_str(&part.text);
            context.join(&part.context);
        }
        Ok(Value::String(NixString { text: text.into(), context }))
    }),
    builtin("replaceStrings", 3, replace),
    builtin("stringLength", 1, |evaluator, arguments, spot| {
        let value = known(evaluator, arguments[0], spot)?;
        let string = evaluator.coerce(&value, Style::INTERPOLATION, spot)?;
        evaluator.settle(&string, spot)?;
        Ok(Value::Int(string.text.len() as i64))
    }),
    builtin("substring", 3, |evaluator, arguments, spot| {
        let start = evaluator.int_argument(arguments[0], spot)?;
        let length = evaluator.int_argument(arguments[1], spot)?;
        let Ok(start) = usize::try_from(start) else {
            return fail(evaluator, "substring", format!("the start {start} is negative"), spot);
        };
        let value = known(evaluator, arguments[2], spot)?;
        let string = evaluator.coerce(&value, Style::INTERPOLATION, spot)?;
        let bytes = string.text.as_bytes();
        let start = start.min(bytes.len());
        // A negative length takes the rest.
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let end = start.saturating_add(length).min(bytes.len());
        let placeholders = evaluator.placeholders(&string);
        evaluator.cut(&placeholders, start, spot)?;
        evaluator.cut(&placeholders, end, spot)?;
        // How long the text of an unknown value is, and so what is after it, is unknown either.
        let shifts = |range: &Range<usize>| range.end <= start || (range.start < end && end < bytes.len());
        let unknown = placeholders.iter().find(|(range, id)| shifts(range) && !evaluator.is_made(*id));
        if let Some((_, symbol)) = unknown {
            return Err(evaluator.unknown(*symbol, "the length of its text", spot));
        }
        let text = String::from_utf8_lossy(&bytes[start..end]);
        evaluator.charge(text.len(), spot)?;
        Ok(Value::String(NixString { text: text.into(), context: string.context }))
    }),
    builtin("hasContext", 1, |evaluator, arguments, spot| {
        let string = evaluator.known_string(arguments[0], spot)?;
        Ok(Value::Bool(!string.context.is_empty()))
    }),
    builtin("unsafeDiscardStringContext", 1, |evaluator, arguments, spot| {
        let value = evaluator.force(arguments[0])?;
        let string = evaluator.coerce(&value, Style::INTERPOLATION, spot)?;
        Ok(Value::String(NixString { text: string.text, context: Context::default() }))
    }),
    builtin("unsafeDiscardOutputDependency", 1, |evaluator, arguments, spot| {
        let value = evaluator.force(arguments[0])?;
        evaluator.coerce(&value, Style::INTERPOLATION, spot).map(Value::String)
    }),
    builtin("addDrvOutputDependencies", 1, |evaluator, arguments, spot| {
        let value = evaluator.force(arguments[0])?;
        let string = evaluator.coerce(&value, Style::INTERPOLATION, spot)?;
        let count = string.context.symbols().count();
        if count != 1 {
            let problem = format!("a string with exactly one dependency is needed, this one has {count}");
            return fail(evaluator, "addDrvOutputDependencies", problem, spot);
        }
        Ok(Value::String(string))
    }),
    builtin("getContext", 1, |evaluator, arguments, spot| {
        let string = evaluator.string_argument(arguments[0], spot)?;
        let mut attributes = Vec::new();
        for symbol in string.context.symbols() {
            let mut path = evaluator.placeholder(symbol, spot)?.text;
            let mut details = Vec::new();
            if evaluator.symbol_path(symbol).is_some() {
                let yes = evaluator.ready(Value::Bool(true), spot)?;
                details.push(Attribute { name: evaluator.names.intern("path"), value: yes, spot });
            } else {
                path = format!("{path}.drv").into();
                let output = evaluator.ready(Value::text("out"), spot)?;
                let outputs = evaluator.new_list(vec![output], spot)?;
                let outputs = evaluator.ready(outputs, spot)?;
                details.push(Attribute { name: evaluator.names.intern("outputs"), value: outputs, spot });
            }
            let details = evaluator.new_set(details, spot)?;
            let value = evaluator.ready(details, spot)?;
            attributes.push(Attribute { name: evaluator.names.intern(&path), value, spot });
        }
        evaluator.new_set(attributes, spot)
    }),
    builtin("appendContext", 2, |evaluator, arguments, spot| {
        let mut string = evaluator.string_argument(arguments[0], spot)?;
        for item in evaluator.set_argument(arguments[1], spot)?.items() {
            let path = evaluator.text_of(item.name);
            for piece in evaluator.pieces(&path) {
                if let TextPiece::Symbol(symbol) = piece {
                    string.context.join(&Context::of(symbol));
                }
            }
        }
        Ok(Value::String(string))
    }),
];

/// A value whose text is looked at: not of something that may be any string.
fn known(evaluator: &mut Evaluator, id: ThunkId, spot: Spot) -> Outcome<Value> {
    let value = evaluator.force(id)?;
    match &value {
        Value::Symbol(symbol) if !evaluator.is_made(*symbol) => {
            Err(evaluator.unknown(*symbol, "a string", spot))
        }
        _ => Ok(value),
    }
}

fn replace(evaluator: &mut Evaluator, arguments: &[ThunkId], spot: Spot) -> Outcome<Value> {
    let from = evaluator.list_argument(arguments[0], spot)?;
    let to = evaluator.list_argument(arguments[1], spot)?;
    if from.len() != to.len() {
        let problem = format!("{} texts to replace, but {} replacements", from.len(), to.len());
        return fail(evaluator, "replaceStrings", problem, spot);
    }
    let from: Outcome<Vec<NixString>> =
        from.iter().map(|&item| evaluator.string_argument(item, spot)).collect();
    let from = from?;
    let mut replacements: Vec<Option<NixString>> = vec![None; to.len()];
    let string = evaluator.string_argument(arguments[2], spot)?;
    let mut context = string.context.clone();
    let text = &*string.text;
    // What a placeholder stands for is not inspected; if it is all there is, nothing is known of the result.
    let placeholders = evaluator.placeholders(&string);
    if let [(range, symbol)] = placeholders.as_slice()
        && *range == (0..text.len())
        && !evaluator.is_made(*symbol)
    {
        return Err(evaluator.unknown(*symbol, "its text", spot));
    }
    let mut ranges = placeholders.into_iter().map(|(range, _)| range).peekable();
    let mut result = String::with_capacity(text.len());
    let mut position = 0;
    // An empty text is found before each letter and at the end.
    while position <= text.len() {
        evaluator.step(1 + from.len() / 8, spot)?;
        let rest = &text[position..];
        let letter = rest.chars().next();
        if let Some(range) = ranges.next_if(|range| range.start == position) {
            result.push_str(&text[range.clone()]);
            position = range.end;
            continue;
        }
        let end = ranges.peek().map_or(text.len(), |range| range.start);
        let fits =
            |wanted: &NixString| position + wanted.text.len() <= end && rest.starts_with(&*wanted.text);
        let Some(index) = from.iter().position(fits) else {
            result.extend(letter);
            position += letter.map_or(1, char::len_utf8);
            continue;
        };
        let replacement = match &replacements[index] {
            Some(replacement) => replacement,
            None => {
                let replacement = evaluator.string_argument(to[index], spot)?;
                context.join(&replacement.context);
                replacements[index].insert(replacement)
            }
        };
        evaluator.charge(replacement.text.len(), spot)?;
        result.push_str(&replacement.text);
        if from[index].text.is_empty() {
            result.extend(letter);
            position += letter.map_or(1, char::len_utf8);
        } else {
            position += from[index].text.len();
        }
    }
    evaluator.charge(result.len(), spot)?;
    Ok(Value::String(NixString { text: Rc::from(result), context }))
}
