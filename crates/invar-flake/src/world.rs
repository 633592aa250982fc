//! The preludes: what a flake's inputs mean, written in Nix.
use std::rc::Rc;

use invar_nix::{EvalError, Evaluator, ThunkId, Value};

/// The library's groups, by the name that the others know them by.
const GROUPS: [(&str, &str); 7] = [
    ("trivial", include_str!("prelude/lib/trivial.nix")),
    ("lists", include_str!("prelude/lib/lists.nix")),
    ("strings", include_str!("prelude/lib/strings.nix")),
    ("attrsets", include_str!("prelude/lib/attrsets.nix")),
    ("modules", include_str!("prelude/lib/modules.nix")),
    ("sources", include_str!("prelude/lib/sources.nix")),
    ("data", include_str!("prelude/lib/data.nix")),
];

/// All other preludes.
const FILES: [(&str, &str); 13] = [
    ("lib", include_str!("prelude/lib/default.nix")),
    ("package", include_str!("prelude/package.nix")),
    ("builders", include_str!("prelude/builders.nix")),
    ("docker", include_str!("prelude/docker.nix")),
    ("python", include_str!("prelude/python.nix")),
    ("pkgs", include_str!("prelude/pkgs.nix")),
    ("flakeUtils", include_str!("prelude/flake_utils.nix")),
    ("flakeParts", include_str!("prelude/flake_parts.nix")),
    ("pyproject", include_str!("prelude/pyproject.nix")),
    ("uv2nix", include_str!("prelude/uv2nix.nix")),
    ("nix2container", include_str!("prelude/nix2container.nix")),
    ("blueprint", include_str!("prelude/blueprint.nix")),
    ("inputs", include_str!("prelude/inputs.nix")),
];

/// The name that places give to what the preludes write: no file of a project starts so.
pub(crate) const PRELUDE: &str = "/invar/";

/// Loads the preludes with `facts`; gives the set of `outputs` and `world`.
pub(crate) fn load(evaluator: &mut Evaluator, facts: &serde_json::Value) -> Result<Value, Box<EvalError>> {
    let facts = value(evaluator, facts);
    evaluator.set_facts(facts);
    let parse = |evaluator: &mut Evaluator, files: &[(&'static str, &'static str)]| {
        let mut parsed: Vec<(&str, ThunkId)> = Vec::with_capacity(files.len());
        for (name, text) in files {
            parsed.push((name, evaluator.prelude(text, &format!("{PRELUDE}{name}.nix"))?));
        }
        Ok::<_, Box<EvalError>>(parsed)
    };
    let groups = parse(evaluator, &GROUPS)?;
    let mut files = parse(evaluator, &FILES)?;
    files.push(("groups", evaluator.allocate_set(&groups)));
    let files = evaluator.allocate_set(&files);
    let root = evaluator.prelude(include_str!("prelude/root.nix"), &format!("{PRELUDE}root.nix"))?;
    evaluator.apply(root, files)
}

/// JSON as a value of Nix.
pub(crate) fn value(evaluator: &mut Evaluator, json: &serde_json::Value) -> ThunkId {
    let plain = match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(flag) => Value::Bool(*flag),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(number) => Value::Int(number),
            None => Value::Float(number.as_f64().unwrap_or_default()),
        },
        serde_json::Value::String(text) => Value::text(Rc::from(text.as_str())),
        serde_json::Value::Array(items) => {
            let items: Vec<ThunkId> = items.iter().map(|item| value(evaluator, item)).collect();
            return evaluator.allocate_list(&items);
        }
        serde_json::Value::Object(fields) => {
            let fields: Vec<(&str, ThunkId)> =
                fields.iter().map(|(name, field)| (name.as_str(), value(evaluator, field))).collect();
            return evaluator.allocate_set(&fields);
        }
    };
    evaluator.allocate(plain)
}
