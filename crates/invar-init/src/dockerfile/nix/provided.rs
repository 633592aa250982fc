//! What a manifest puts at which path of the image.
use toml::Value;

use crate::dockerfile::place::below;
use crate::draft::Draft;

/// Whether a step of `draft` puts something at `path`, or a folder that it is in.
pub(in crate::dockerfile) fn provides(draft: &Draft, path: &str) -> bool {
    let is_there = |place: &str| below(path, place).is_some() || below(place, path).is_some();
    draft.steps.iter().any(|step| {
        let table = |key: &str| step.keys.get(key).and_then(Value::as_table);
        // A place is a text, or a table with it.
        let place = |value: &Value| value.as_str().or_else(|| value.get("path")?.as_str()).map(str::to_owned);
        let outputs = table("outputs").into_iter().flat_map(|outputs| outputs.values().filter_map(place));
        let named = ["files", "links"].into_iter().filter_map(table);
        let named = named.flat_map(|places| places.keys().cloned());
        let wraps = match step.keys.get("wrap") {
            Some(Value::Array(wraps)) => wraps.clone(),
            Some(wrap) => vec![wrap.clone()],
            None => Vec::new(),
        };
        let wraps = wraps.into_iter().filter_map(|wrap| {
            wrap.get("as").or_else(|| wrap.get("program")).and_then(Value::as_str).map(str::to_owned)
        });
        outputs.chain(named).chain(wraps).any(|place| is_there(&place))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::{DraftStep, Keys};

    #[test]
    fn places_of_all_kinds_are_found() {
        let text = "outputs = { a = \"/app/bin/a\", b = { path = \"/app/bin/b\", executable = true } }\n\
                    files = { \"/etc/x\" = \"1\" }\nlinks = { \"/bin/l\" = \"/usr/bin/l\" }\n\
                    wrap = [{ program = \"/p\", as = \"/bin/w\" }, { program = \"/bin/q\" }]";
        let table: toml::Table = toml::from_str(text).expect("it is TOML");
        let mut keys = Keys::default();
        table.into_iter().for_each(|(key, value)| keys.set(&key, value));
        let mut draft = Draft::default();
        draft.steps.push(DraftStep { keys });
        for path in ["/app/bin/a", "/app/bin/b", "/app/bin", "/etc/x", "/bin/l", "/bin/w", "/bin/q"] {
            assert!(provides(&draft, path), "{path}");
        }
        for path in ["/app/bin/c", "/p", "/app/bin/ab"] {
            assert!(!provides(&draft, path), "{path}");
        }
    }
}
