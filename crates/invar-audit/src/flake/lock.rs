//! A flake's inputs, and whether flake.lock locks them.
use std::collections::BTreeMap;

use invar_dockerfile::Span;
use rnix::SyntaxNode;
use rnix::ast::{AttrSet, AttrpathValue, Entry, Expr, HasEntry as _, Param, Root};
use rowan::ast::AstNode as _;
use serde_json::Value;

use crate::finding::Finding;
use crate::flake::{FlakeError, Lock, span};
use crate::rule::Rule;

/// Versions of the lock's format that Nix reads.
const VERSIONS: std::ops::RangeInclusive<u64> = 5..=7;

pub(super) fn check(
    root: &SyntaxNode,
    lock: Lock<'_>,
    findings: &mut Vec<Finding>,
) -> Result<(), FlakeError> {
    let Some(flake) = Root::cast(root.clone()).and_then(|root| root.expr()) else { return Ok(()) };
    let Expr::AttrSet(flake) = flake else { return Ok(()) };
    let inputs = inputs(&flake);
    let Some(first) = inputs.values().min_by_key(|place| place.start) else { return Ok(()) };
    let text = match lock {
        Lock::Text(text) => text,
        _ => {
            let names = inputs.keys().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let message = format!("flake.lock is missing, so {names} can change");
            findings.push(Finding::new(Rule::FlakeWithoutLock, *first, message));
            return Ok(());
        }
    };
    let lock = read(text)?;
    for (name, place) in &inputs {
        if let Some(message) = unlocked(name, &lock) {
            findings.push(Finding::new(Rule::FlakeInputNotLocked, *place, message));
        }
    }
    Ok(())
}

fn read(text: &str) -> Result<Value, FlakeError> {
    let fail = |message: String| FlakeError::Lock { message };
    let lock: Value = serde_json::from_str(text).map_err(|error| fail(error.to_string()))?;
    let version =
        lock.get("version").and_then(Value::as_u64).ok_or_else(|| fail("it has no version".to_owned()))?;
    if !VERSIONS.contains(&version) {
        return Err(fail(format!("unsupported version {version}; expected 5 to 7")));
    }
    Ok(lock)
}

/// Why the lock does not lock the input, where it does not.
fn unlocked(name: &str, lock: &Value) -> Option<String> {
    let nodes = lock.get("nodes");
    let root = lock.get("root").and_then(Value::as_str).unwrap_or("root");
    let input = nodes.and_then(|nodes| nodes.get(root)?.get("inputs")?.get(name));
    let node = match input {
        None => return Some(format!("flake.lock has no input `{name}`")),
        // It follows another input.
        Some(Value::Array(_)) => return None,
        Some(node) => nodes.and_then(|nodes| nodes.get(node.as_str()?)),
    };
    let locked = node.and_then(|node| node.get("locked"));
    match locked.and_then(|locked| locked.get("narHash")).and_then(Value::as_str) {
        Some(hash) if !hash.is_empty() => None,
        _ => Some(format!("flake.lock has no hash for `{name}`")),
    }
}

/// The inputs that a flake names, with where: those of `inputs`, and the arguments of `outputs`, which are looked up in
/// the registry where `inputs` does not have them.
fn inputs(flake: &AttrSet) -> BTreeMap<String, Span> {
    let mut inputs = BTreeMap::new();
    for pair in pairs(flake) {
        let path = path(&pair);
        match path.split_first() {
            Some((first, [])) if first == "inputs" => {
                let Some(Expr::AttrSet(set)) = pair.value() else { continue };
                for input in pairs(&set) {
                    let place = span(input.syntax().text_range());
                    inputs.entry(self::path(&input).swap_remove(0)).or_insert(place);
                }
            }
            Some((first, [name, ..])) if first == "inputs" => {
                inputs.entry(name.clone()).or_insert_with(|| span(pair.syntax().text_range()));
            }
            _ => {}
        }
    }
    for pair in pairs(flake).filter(|pair| path(pair) == ["outputs"]) {
        let Some(Expr::Lambda(lambda)) = pair.value() else { continue };
        let Some(Param::Pattern(pattern)) = lambda.param() else { continue };
        for entry in pattern.pat_entries() {
            let Some(name) = entry.ident().map(|ident| ident.to_string()) else { continue };
            if name != "self" && entry.default().is_none() {
                inputs.entry(name).or_insert_with(|| span(entry.syntax().text_range()));
            }
        }
    }
    inputs.retain(|name, _| !name.is_empty() && name != "self");
    inputs
}

fn pairs(set: &AttrSet) -> impl Iterator<Item = AttrpathValue> {
    set.entries().filter_map(|entry| match entry {
        Entry::AttrpathValue(pair) => Some(pair),
        Entry::Inherit(_) => None,
    })
}

/// The parts of a name with dots, without quotes; at least one.
fn path(pair: &AttrpathValue) -> Vec<String> {
    let parts = pair.attrpath().into_iter().flat_map(|path| path.attrs().collect::<Vec<_>>());
    let mut parts: Vec<String> =
        parts.map(|part| part.syntax().text().to_string().trim_matches('"').to_owned()).collect();
    if parts.is_empty() {
        parts.push(String::new());
    }
    parts
}
