//! Versions, as Nix compares them.
use std::cmp::Ordering;

use super::{Builtin, builtin};
use crate::value::Value;

pub(super) static TABLE: &[Builtin] = &[
    builtin("compareVersions", 2, |evaluator, arguments, spot| {
        let left = evaluator.known_string(arguments[0], spot)?;
        let right = evaluator.known_string(arguments[1], spot)?;
        evaluator.settle(&left, spot)?;
        evaluator.settle(&right, spot)?;
        Ok(Value::Int(compare(&left.text, &right.text) as i64))
    }),
    builtin("splitVersion", 1, |evaluator, arguments, spot| {
        let version = evaluator.known_string(arguments[0], spot)?;
        let mut items = Vec::new();
        for component in components(&version.text) {
            let text = evaluator.new_text(component, spot)?;
            items.push(evaluator.ready(text, spot)?);
        }
        evaluator.new_list(items, spot)
    }),
    builtin("parseDrvName", 1, |evaluator, arguments, spot| {
        let name = evaluator.known_string(arguments[0], spot)?;
        let (name, version) = parse(&name.text);
        let (name, version) = (evaluator.new_text(name, spot)?, evaluator.new_text(version, spot)?);
        evaluator.set_of([("name", name), ("version", version)], spot)
    }),
];

/// The name and the version of `hello-1.2`: the version starts after the first dash that no letter follows.
fn parse(text: &str) -> (&str, &str) {
    let bytes = text.as_bytes();
    let dash = bytes.windows(2).position(|pair| pair[0] == b'-' && !pair[1].is_ascii_alphabetic());
    dash.map_or((text, ""), |dash| (&text[..dash], &text[dash + 1..]))
}

/// Runs of digits and runs of other letters, without dots and dashes.
fn components(version: &str) -> impl Iterator<Item = &str> {
    let mut rest = version;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(['.', '-']);
        let is_number = rest.starts_with(|letter: char| letter.is_ascii_digit());
        let end = rest
            .find(|letter: char| matches!(letter, '.' | '-') || letter.is_ascii_digit() != is_number)
            .unwrap_or(rest.len());
        let (component, other) = rest.split_at(end);
        rest = other;
        (!component.is_empty()).then_some(component)
    })
}

fn compare(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (components(left), components(right));
    loop {
        let (one, other) = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (one, other) => (one.unwrap_or_default(), other.unwrap_or_default()),
        };
        if is_before(one, other) {
            return Ordering::Less;
        }
        if is_before(other, one) {
            return Ordering::Greater;
        }
    }
}

fn is_before(one: &str, other: &str) -> bool {
    let number = |text: &str| {
        let digits = text.trim_start_matches('0');
        (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| (digits.len(), digits.to_owned()))
    };
    match (number(one), number(other)) {
        (Some(one), Some(other)) => one < other,
        (None, Some(_)) if one.is_empty() => true,
        _ if one == "pre" && other != "pre" => true,
        _ if other == "pre" => false,
        // Letters come before numbers.
        (None, Some(_)) => true,
        (Some(_), None) => false,
        (None, None) => one < other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared() {
        for (left, right, expected) in [
            ("1.0", "2.3", Ordering::Less),
            ("2.1", "2.3", Ordering::Less),
            ("2.3", "2.3", Ordering::Equal),
            ("2.5", "2.3", Ordering::Greater),
            ("2.3.1", "2.3", Ordering::Greater),
            ("2.3.1", "2.3a", Ordering::Greater),
            ("2.3pre1", "2.3", Ordering::Less),
            ("2.3pre3", "2.3pre12", Ordering::Less),
            ("2.3a", "2.3c", Ordering::Less),
            ("2.3pre1", "2.3c", Ordering::Less),
            ("010", "10", Ordering::Equal),
        ] {
            assert_eq!(compare(left, right), expected, "{left} {right}");
            assert_eq!(compare(right, left), expected.reverse(), "{right} {left}");
        }
        assert_eq!(parse("a-b-1.2-x"), ("a-b", "1.2-x"));
        assert_eq!(components("1.2pre3-x").collect::<Vec<_>>(), ["1", "2", "pre", "3", "x"]);
    }
}
