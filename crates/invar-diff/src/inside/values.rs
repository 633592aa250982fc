use serde_json::Value;

use super::{Inside, ValueChange};

/// How many changes are kept.
const CHANGES: usize = 200;

/// How deep values are inspected; `serde_json` and `toml` read no deeper than 128 themselves.
const DEEPEST: usize = 64;

/// By key, where the name says that both are JSON or TOML and they can be read as that.
pub(super) fn compare(name: &str, old: &str, new: &str) -> Option<Inside> {
    let (format, old, new): (&str, Value, Value) = if name.ends_with(".json") {
        ("JSON", serde_json::from_str(old).ok()?, serde_json::from_str(new).ok()?)
    } else if name.ends_with(".toml") || name.ends_with(".lock") {
        let read = |text: &str| serde_json::to_value(text.parse::<toml::Table>().ok()?).ok();
        ("TOML", read(old)?, read(new)?)
    } else {
        return None;
    };
    Some(Inside::Values { format, changes: value_changes(&old, &new) })
}

/// What is not the same at which key.
pub(crate) fn value_changes(old: &Value, new: &Value) -> Vec<ValueChange> {
    let mut changes = Vec::new();
    walk(String::new(), Some(old), Some(new), 0, &mut changes);
    changes
}

fn walk(key: String, old: Option<&Value>, new: Option<&Value>, depth: usize, changes: &mut Vec<ValueChange>) {
    if old == new || changes.len() >= CHANGES {
        return;
    }
    match (old, new) {
        (Some(Value::Object(one)), Some(Value::Object(two))) if depth < DEEPEST => {
            let names: std::collections::BTreeSet<&String> = one.keys().chain(two.keys()).collect();
            for name in names {
                let key = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
                walk(key, one.get(name), two.get(name), depth + 1, changes);
            }
        }
        // Lists of one length are compared place by place; where one grew, a place says nothing.
        (Some(Value::Array(one)), Some(Value::Array(two))) if depth < DEEPEST && one.len() == two.len() => {
            for (index, (one, two)) in one.iter().zip(two).enumerate() {
                walk(format!("{key}[{index}]"), Some(one), Some(two), depth + 1, changes);
            }
        }
        _ => changes.push(ValueChange { key, old: old.cloned(), new: new.cloned() }),
    }
}
