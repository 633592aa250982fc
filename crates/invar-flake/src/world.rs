//! The preludes: what a flake's inputs mean, written in Nix.
use std::rc::Rc;

use invar_nix::{EvalError, Evaluator, ThunkId, Value};

/// All preludes but the root, by the names that they load each other by.
const FILES: [(&str, &str); 20] = [
    ("lib/trivial", include_str!("prelude/lib/trivial.nix")),
    ("lib/lists", include_str!("prelude/lib/lists.nix")),
    ("lib/strings", include_str!("prelude/lib/strings.nix")),
    ("lib/attrsets", include_str!("prelude/lib/attrsets.nix")),
    ("lib/modules", include_str!("prelude/lib/modules.nix")),
    ("lib/sources", include_str!("prelude/lib/sources.nix")),
    ("lib/data", include_str!("prelude/lib/data.nix")),
    ("lib/default", include_str!("prelude/lib/default.nix")),
    ("package", include_str!("prelude/package.nix")),
    ("builders", include_str!("prelude/builders.nix")),
    ("docker", include_str!("prelude/docker.nix")),
    ("python", include_str!("prelude/python.nix")),
    ("pkgs", include_str!("prelude/pkgs.nix")),
    ("flake_utils", include_str!("prelude/flake_utils.nix")),
    ("flake_parts", include_str!("prelude/flake_parts.nix")),
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
    for (name, text) in FILES {
        evaluator.add_prelude(name, text);
    }
    let root = evaluator.prelude(include_str!("prelude/root.nix"), &format!("{PRELUDE}root.nix"))?;
    evaluator.force(root)
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
