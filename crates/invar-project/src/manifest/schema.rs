//! The JSON Schema of a manifest.
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::manifest::{Extras, Manifest};

impl JsonSchema for Extras {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Extras".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "An array of extras, or `\"all\"`.",
            "anyOf": [
                { "const": "all" },
                { "type": "array", "items": generator.subschema_for::<PythonName>() },
            ],
        })
    }
}

/// Stands for the name of a Python distribution, an extra or a dependency group.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PythonName;

impl JsonSchema for PythonName {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PythonName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "The name of an extra or dependency group of the project.",
            "pattern": "^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$",
            "examples": ["web"],
        })
    }
}

/// Stands for a [`ConfigSetting`](invar_python::ConfigSetting).
pub(super) struct ConfigSettingSchema;

impl JsonSchema for ConfigSettingSchema {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ConfigSetting".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A setting for a build backend: a string or an array of strings.",
            "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }],
        })
    }
}

/// The JSON Schema of a list of Debian packages without versions.
pub(super) fn package_names_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "items": { "type": "string", "pattern": "^[a-z0-9][a-z0-9+.-]+$" },
        "uniqueItems": true,
    })
}

/// The JSON Schema (draft 2020-12) of `[tool.invar]`, for editors.
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Manifest).to_value();
    for_toml(&mut schema);
    schema
}

/// The JSON Schema of answers to debconf's questions.
pub(super) fn debconf_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": { "type": "string", "pattern": "^[ \\t]*[^# \\t]\\S*[ \\t]+\\S+[ \\t]+\\S+" } })
}

/// Takes `null` out of a schema: TOML has no such value, and an optional key is one that is left out. Descriptions
/// lose the line breaks of the source they come from.
fn for_toml(schema: &mut serde_json::Value) {
    use serde_json::Value;
    match schema {
        Value::Array(items) => items.iter_mut().for_each(for_toml),
        Value::Object(object) => {
            if let Some(Value::Array(types)) = object.get_mut("type") {
                types.retain(|name| name != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    object.insert("type".to_owned(), only);
                }
            }
            if let Some(Value::Array(choices)) = object.get_mut("anyOf") {
                choices.retain(|choice| choice.get("type").is_none_or(|name| name != "null"));
                if let [Value::Object(only)] = choices.as_slice() {
                    let only = only.clone();
                    object.remove("anyOf");
                    object.extend(only);
                }
            }
            if object.get("default").is_some_and(Value::is_null) {
                object.remove("default");
            }
            if let Some(Value::String(text)) = object.get_mut("description") {
                let paragraphs: Vec<String> =
                    text.split("\n\n").map(|text| text.replace('\n', " ")).collect();
                *text = paragraphs.join("\n\n");
            }
            object.values_mut().for_each(for_toml);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
