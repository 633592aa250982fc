//! The manifest's reference for people, made from its JSON Schema.
use std::fmt::Write as _;

use serde_json::Value;

use crate::manifest::schema;

/// Each table of a manifest: its name as the author writes it, and its definition in the schema.
const TABLES: [(&str, &str); 15] = [
    ("[tool.invar]", ""),
    ("[tool.invar.image]", "Image"),
    ("[tool.invar.image.health-check]", "HealthCheck"),
    ("[tool.invar.image.users.NAME]", "Account"),
    ("[tool.invar.images.NAME]", "ImageOverride"),
    ("[tool.invar.python]", "Python"),
    ("[tool.invar.python.overrides.NAME]", "Override"),
    ("[[tool.invar.step]]", "Step"),
    ("[[tool.invar.step]] outputs", "Output"),
    ("[[tool.invar.step]] files", "FileText"),
    ("[[tool.invar.step]] fetch", "StepFetch"),
    ("[[tool.invar.step]] wrap", "Wrap"),
    ("[[tool.invar.step]] wrap.prefix", "ListValues"),
    ("[tool.invar.shell]", "DevShell"),
    ("[tool.invar.mirror]", "Mirror"),
];

/// The reference of the manifest, in Markdown.
pub fn reference() -> String {
    let schema = schema();
    let mut page = String::from(
        "# The manifest\n\nGenerated from the program's definitions; `INVAR_BLESS=1 cargo test -p invar-project` updates \
         it.\n\nPut these keys in `[tool.invar]` of `pyproject.toml`, or, for a project without Python, at the top level \
         of `invar.toml`. Editors can use the [JSON Schema](invar.schema.json).\n",
    );
    for (title, name) in TABLES {
        let definition = if name.is_empty() { &schema } else { &schema["$defs"][name] };
        let Some(properties) = definition["properties"].as_object() else { continue };
        // Infallible: it writes to memory, here and below.
        let _ = write!(page, "\n## `{title}`\n\n{}\n", sentence(&definition["description"]));
        let _ = write!(page, "\n| key | value | meaning |\n| --- | --- | --- |\n");
        let required = |key: &str| {
            definition["required"].as_array().is_some_and(|list| list.iter().any(|name| name == key))
        };
        for (key, property) in properties {
            let needed = if required(key) { " Required." } else { "" };
            let meaning = format!("{}{needed}", sentence(&property["description"])).replace('|', "\\|");
            let _ = writeln!(
                page,
                "| `{key}` | {} | {} |",
                kind(property, &schema).replace('|', "\\|"),
                meaning.trim()
            );
        }
    }
    page
}

fn sentence(description: &Value) -> &str {
    description.as_str().unwrap_or_default()
}

/// What a value looks like, in a word or two.
fn kind(property: &Value, schema: &Value) -> String {
    let definition = |reference: &str| &schema["$defs"][reference.trim_start_matches("#/$defs/")];
    if let Some(reference) = property["$ref"].as_str() {
        let name = reference.trim_start_matches("#/$defs/");
        if TABLES.iter().any(|(_, table)| *table == name) {
            return "table".to_owned();
        }
        return kind(definition(reference), schema);
    }
    for key in ["anyOf", "oneOf"] {
        if let Some(choices) = property[key].as_array() {
            let mut kinds: Vec<String> = Vec::new();
            for choice in choices {
                let kind = kind(choice, schema);
                if !kinds.contains(&kind) {
                    kinds.push(kind);
                }
            }
            return kinds.join(" or ");
        }
    }
    if let Some(choices) = property["enum"].as_array() {
        let choices: Vec<String> = choices.iter().map(|choice| format!("`{choice}`")).collect();
        return choices.join(" or ");
    }
    if property.get("const").is_some() {
        return format!("`{}`", property["const"]);
    }
    match property["type"].as_str() {
        Some("array") => match kind(&property["items"], schema).as_str() {
            "" => "array".to_owned(),
            inner => format!("array of {}", plural(inner)),
        },
        Some("string") => "string".to_owned(),
        Some("boolean") => "true or false".to_owned(),
        Some("integer") => "number".to_owned(),
        Some("object") => "table".to_owned(),
        _ => String::new(),
    }
}

/// Several of what [`kind`] names; values that are written as they are stay so.
fn plural(kind: &str) -> String {
    let kinds = kind.split(" or ").map(|kind| match kind {
        "string" | "table" | "number" => format!("{kind}s"),
        other => other.to_owned(),
    });
    kinds.collect::<Vec<_>>().join(" or ")
}
