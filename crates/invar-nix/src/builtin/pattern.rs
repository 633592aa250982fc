//! Regular expressions: POSIX extended ones, on an engine whose time is linear in the text.
//!
//! Of several alternatives that match at one place, the engine takes the first, POSIX the longest: `split "a|ab"`
//! differs, and so do the groups of `match "(a|ab)(c|bcd)"`.
use std::rc::Rc;

use regex::{Regex, RegexBuilder};

use super::lists::fail;
use super::{Builtin, builtin};
use crate::error::Outcome;
use crate::evaluator::Evaluator;
use crate::ids::ThunkId;
use crate::place::Spot;
use crate::value::{NixString, Value};

/// Bytes of a compiled pattern.
const LARGEST: usize = 1 << 20;

/// Patterns that are kept.
const MOST_PATTERNS: usize = 24;

/// Steps for compiling a pattern, in addition to those for its length.
const COMPILING: usize = 4_000;

pub(super) static TABLE: &[Builtin] = &[
    builtin("match", 2, |evaluator, arguments, spot| {
        let (pattern, string) = prepare(evaluator, "match", arguments, true, spot)?;
        let Some(found) = pattern.captures(&string.text) else { return Ok(Value::Null) };
        let placeholders = evaluator.placeholders(&string);
        for group in found.iter().skip(1).flatten() {
            evaluator.cut(&placeholders, group.start(), spot)?;
            evaluator.cut(&placeholders, group.end(), spot)?;
        }
        groups(evaluator, &found, spot)
    }),
    builtin("split", 2, |evaluator, arguments, spot| {
        let (pattern, string) = prepare(evaluator, "split", arguments, false, spot)?;
        let placeholders = evaluator.placeholders(&string);
        let mut items = Vec::new();
        let (mut end, mut start) = (0, 0);
        while start <= string.text.len() {
            let Some(found) = pattern.captures_at(&string.text, start) else { break };
            evaluator.step(1, spot)?;
            let whole = found.get(0).expect("the whole is always a group");
            evaluator.cut(&placeholders, whole.start(), spot)?;
            evaluator.cut(&placeholders, whole.end(), spot)?;
            let before = text(evaluator, &string, &string.text[end..whole.start()], spot)?;
            items.push(before);
            let found = groups(evaluator, &found, spot)?;
            items.push(evaluator.ready(found, spot)?);
            end = whole.end();
            // Behind an empty match, the search goes on one letter later.
            let letter = if whole.is_empty() { string.text[end..].chars().next() } else { Some('\0') };
            let Some(letter) = letter else { break };
            start = if whole.is_empty() { end + letter.len_utf8() } else { end };
        }
        let rest = text(evaluator, &string, &string.text[end..], spot)?;
        items.push(rest);
        evaluator.new_list(items, spot)
    }),
];

fn text(evaluator: &mut Evaluator, of: &NixString, text: &str, spot: Spot) -> Outcome<ThunkId> {
    evaluator.charge(text.len(), spot)?;
    let string = NixString { text: text.into(), context: of.context.clone() };
    evaluator.ready(Value::String(string), spot)
}

fn groups(evaluator: &mut Evaluator, found: &regex::Captures<'_>, spot: Spot) -> Outcome<Value> {
    let mut items = Vec::new();
    for group in found.iter().skip(1) {
        let value = match group {
            Some(group) => evaluator.new_text(group.as_str(), spot)?,
            None => Value::Null,
        };
        items.push(evaluator.ready(value, spot)?);
    }
    evaluator.new_list(items, spot)
}

fn prepare(
    evaluator: &mut Evaluator,
    name: &'static str,
    arguments: &[ThunkId],
    whole: bool,
    spot: Spot,
) -> Outcome<(Rc<Regex>, NixString)> {
    let pattern = evaluator.known_string(arguments[0], spot)?;
    let string = evaluator.known_string(arguments[1], spot)?;
    evaluator.settle(&string, spot)?;
    evaluator.step(string.text.len() / 32, spot)?;
    let translated = match translate(&pattern.text) {
        Ok(translated) if whole => format!("^(?:{translated})$"),
        Ok(translated) => translated,
        Err(problem) => {
            return fail(
                evaluator,
                name,
                format!("invalid regular expression `{}`: {problem}", pattern.text),
                spot,
            );
        }
    };
    if let Some(compiled) = evaluator.patterns.get(&*translated) {
        return Ok((Rc::clone(compiled), string));
    }
    evaluator.step(COMPILING + translated.len() * 64, spot)?;
    let compiled = RegexBuilder::new(&translated)
        .dot_matches_new_line(true)
        .size_limit(LARGEST)
        .dfa_size_limit(LARGEST)
        .nest_limit(100)
        .build();
    let Ok(compiled) = compiled else {
        let problem = format!("invalid or too large regular expression `{}`", pattern.text);
        return fail(evaluator, name, problem, spot);
    };
    let compiled = Rc::new(compiled);
    if evaluator.patterns.len() >= MOST_PATTERNS {
        evaluator.patterns.clear();
    }
    evaluator.patterns.insert(translated.into(), Rc::clone(&compiled));
    Ok((compiled, string))
}

/// A POSIX extended expression in the words of the engine.
fn translate(pattern: &str) -> Result<String, String> {
    let mut result = String::with_capacity(pattern.len() + 8);
    let mut letters = pattern.chars().peekable();
    let mut depth = 0_usize;
    // Whether there is something that can be repeated.
    let mut is_atom = false;
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some(escaped) if escaped.is_ascii_alphanumeric() || !escaped.is_ascii() => {
                    return Err(format!("`\\{escaped}` means nothing"));
                }
                Some(escaped) => {
                    result.push_str(&regex::escape(escaped.encode_utf8(&mut [0; 4])));
                    is_atom = true;
                }
                None => return Err("it ends with a backslash".into()),
            },
            '[' => {
                bracket(&mut letters, &mut result)?;
                is_atom = true;
            }
            '(' => {
                depth += 1;
                result.push('(');
                is_atom = false;
            }
            ')' => {
                depth = depth.checked_sub(1).ok_or("a parenthesis is closed that was not opened")?;
                result.push(')');
                is_atom = true;
            }
            '*' | '+' | '?' => {
                if !is_atom {
                    return Err(format!("`{letter}` repeats nothing"));
                }
                // Twice is allowed, and must not be taken for the engine's lazy repetition.
                if result.ends_with(['*', '+', '?', '}']) && !result.ends_with("\\}") {
                    let start = group_start(&result);
                    result.insert_str(start, "(?:");
                    result.push(')');
                }
                result.push(letter);
            }
            '{' => {
                if !is_atom {
                    return Err("`{` repeats nothing".into());
                }
                let mut bound = String::new();
                loop {
                    match letters.next() {
                        Some('}') => break,
                        Some(letter) if letter.is_ascii_digit() || letter == ',' => bound.push(letter),
                        _ => return Err("a `{` is not closed, or holds no numbers".into()),
                    }
                }
                if !bound.starts_with(|letter: char| letter.is_ascii_digit())
                    || bound.matches(',').count() > 1
                {
                    return Err("a `{` holds no numbers".into());
                }
                result.push_str(&format!("{{{bound}}}"));
            }
            '|' => {
                result.push('|');
                is_atom = false;
            }
            '^' | '$' | '.' => {
                result.push(letter);
                is_atom = letter == '.';
            }
            letter => {
                result.push_str(&regex::escape(letter.encode_utf8(&mut [0; 4])));
                is_atom = true;
            }
        }
    }
    if depth > 0 {
        return Err("a parenthesis is not closed".into());
    }
    Ok(result)
}

/// Where the last atom of `translated` with its repetitions starts; all of it is wrapped when that is not simple.
fn group_start(translated: &str) -> usize {
    let body = translated.trim_end_matches(['*', '+', '?']);
    match body.char_indices().last() {
        Some((_, ')' | ']' | '}')) | None => {
            let mut depth = 0_usize;
            for (index, letter) in body.char_indices().rev() {
                match letter {
                    ')' | ']' => depth += 1,
                    '(' | '[' => {
                        depth = depth.saturating_sub(1);
                        if depth == 0 {
                            return index;
                        }
                    }
                    _ => {}
                }
            }
            0
        }
        Some((index, _)) if body[..index].ends_with('\\') => index - 1,
        Some((index, _)) => index,
    }
}

/// `[…]`, in which a backslash is a letter like others.
fn bracket(
    letters: &mut std::iter::Peekable<std::str::Chars<'_>>,
    result: &mut String,
) -> Result<(), String> {
    let open = || "a `[` is not closed".to_owned();
    result.push('[');
    if letters.next_if_eq(&'^').is_some() {
        result.push('^');
    }
    let mut is_first = true;
    loop {
        let letter = letters.next().ok_or_else(open)?;
        match letter {
            ']' if !is_first => break,
            '[' if letters.peek() == Some(&':') => {
                let mut name = String::new();
                letters.next();
                loop {
                    match letters.next().ok_or_else(open)? {
                        ':' if letters.peek() == Some(&']') => break,
                        letter => name.push(letter),
                    }
                }
                letters.next();
                const CLASSES: [&str; 12] = [
                    "alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space",
                    "upper", "xdigit",
                ];
                if !CLASSES.contains(&&*name) {
                    return Err(format!("there is no class `{name}`"));
                }
                result.push_str(&format!("[:{name}:]"));
            }
            '-' => {
                // Between two letters it is a range; first or last it is itself.
                if is_first || letters.peek() == Some(&']') {
                    result.push_str("\\-");
                } else {
                    result.push('-');
                }
            }
            '\\' | '[' | ']' | '^' | '&' | '~' => {
                result.push('\\');
                result.push(letter);
            }
            letter => result.push(letter),
        }
        is_first = false;
    }
    result.push(']');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::translate;

    #[test]
    fn posix_is_translated() {
        for (pattern, expected) in [
            ("a[]x]b", "a[\\]x]b"),
            ("[^]]*", "[^\\]]*"),
            ("[[:space:]]+", "[[:space:]]+"),
            ("[a-z\\.-]", "[a-z\\\\.\\-]"),
            ("(a|b){2,3}", "(a|b){2,3}"),
            ("\\.x", "\\.x"),
        ] {
            assert_eq!(translate(pattern).as_deref(), Ok(expected), "{pattern}");
        }
        for pattern in ["(", "a)", "[", "*a", "\\d", "a{x}", "[[:nope:]]"] {
            assert!(translate(pattern).is_err(), "{pattern}");
        }
    }
}
