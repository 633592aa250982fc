//! What of a step the image gets without a command: what it made, files with a text, links.
use std::collections::BTreeMap;
use std::ops::Range;

use invar_tree::ImagePath;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::manifest::BuildPath;
use crate::manifest::error::Problem;
use crate::manifest::image::path;
use crate::manifest::reader::{KeyProblem, Value};
use crate::manifest::runtime::absolute_path_schema;
use crate::manifest::runtime::image_path;
use crate::{Glob, ValueError};

/// The path of a step's file or directory in the image.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Output {
    /// The absolute path in the image.
    #[schemars(schema_with = "absolute_path_schema")]
    pub path: ImagePath,
    /// Whether the file, or each file in the directory, is executable. Default: the same as the source.
    #[schemars(default)]
    pub executable: Option<bool>,
}

/// A file with its text in the manifest.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FileText {
    /// The whole text of the file.
    pub text: String,
    /// Whether the file is executable.
    #[schemars(default)]
    pub executable: bool,
}

/// Something that is read with the place in the text that says where it goes.
pub(super) type Placed<K, V> = BTreeMap<K, (V, Range<usize>)>;

fn by_path_schema(generator: &mut SchemaGenerator, value: Schema) -> Schema {
    let mut patterns = serde_json::Map::new();
    if let Some(pattern) = absolute_path_schema(generator).get("pattern").and_then(|value| value.as_str()) {
        patterns.insert(pattern.to_owned(), value.to_value());
    }
    json_schema!({ "type": "object", "additionalProperties": false, "patternProperties": patterns })
}

pub(super) fn outputs_schema(generator: &mut SchemaGenerator) -> Schema {
    let pattern = BuildPath::json_schema(generator).get("pattern").cloned().unwrap_or_default();
    let mut patterns = serde_json::Map::new();
    if let Some(pattern) = pattern.as_str() {
        let (plain, table) = (absolute_path_schema(generator), generator.subschema_for::<Output>());
        patterns.insert(pattern.to_owned(), json_schema!({ "anyOf": [plain, table] }).to_value());
    }
    json_schema!({ "type": "object", "additionalProperties": false, "patternProperties": patterns })
}

pub(super) fn files_schema(generator: &mut SchemaGenerator) -> Schema {
    let table = generator.subschema_for::<FileText>();
    by_path_schema(generator, json_schema!({ "anyOf": [{ "type": "string" }, table] }))
}

pub(super) fn links_schema(generator: &mut SchemaGenerator) -> Schema {
    let target = absolute_path_schema(generator);
    by_path_schema(generator, target)
}

/// The project's virtual environment, relative to the root.
const ENVIRONMENT: &str = "app/.venv";

fn check_place(value: &Value<'_, '_>, place: &ImagePath) {
    if place.is_within(ENVIRONMENT) {
        value.bad(ValueError::InEnvironment { text: place.to_string() });
    }
}

/// Reads the outputs. `whole` is whether the whole folder can be one.
pub(super) fn outputs(value: &Value<'_, '_>, whole: bool) -> Option<Placed<BuildPath, Output>> {
    let mut outputs: Placed<BuildPath, Output> = BTreeMap::new();
    for (key, key_span, to) in value.table()?.entries() {
        let parsed = match key {
            "." | "./" if whole => Ok(BuildPath::whole()),
            key => key.parse::<BuildPath>(),
        };
        let from = match parsed {
            Ok(from) => from,
            Err(error) => {
                value.reader.report(key_span, KeyProblem::BadValue { key: value.name.clone(), error });
                continue;
            }
        };
        let Some((output, span)) = output(&to, &key_span) else { continue };
        if let Some((_, first)) = outputs.get(&from) {
            // Two spellings of one path are two keys to TOML.
            let problem = KeyProblem::Duplicate { key: value.name.clone(), name: from.to_string() };
            value.reader.report_at(Some(key_span), Some(first.clone()), problem);
            continue;
        }
        outputs.insert(from, (output, span));
    }
    Some(outputs)
}

fn output(value: &Value<'_, '_>, key_span: &Range<usize>) -> Option<(Output, Range<usize>)> {
    if !value.value.is_table() {
        let path = path(value)?;
        check_place(value, &path);
        return Some((Output { path, executable: None }, value.span.clone()));
    }
    let mut section = value.table()?;
    let Some(place) = section.take("path") else {
        // `outputs.main.py = …` is a table `main`.
        value.reader.report(key_span.clone(), Problem::DottedName { key: value.name.clone() });
        return None;
    };
    let executable = section.take("executable").and_then(Value::boolean);
    section.refuse_the_rest(&[]);
    let path = path(&place)?;
    check_place(&place, &path);
    Some((Output { path, executable }, place.span))
}

/// Reads files with their texts, by their places.
pub(super) fn files(value: &Value<'_, '_>) -> Option<Placed<ImagePath, FileText>> {
    by_place(value, |item| {
        if !item.value.is_table() {
            return Some(FileText { text: item.text()?.to_owned(), executable: false });
        }
        let mut section = item.table()?;
        let text = section.take("text");
        if text.is_none() {
            let key = format!("{}.text", item.name);
            item.reader.report(item.key_span.clone(), KeyProblem::Missing { key });
        }
        let executable = section.take("executable").and_then(Value::boolean).unwrap_or(false);
        section.refuse_the_rest(&[]);
        Some(FileText { text: text?.text()?.to_owned(), executable })
    })
}

/// Reads links: what they lead to, by their places.
pub(super) fn links(value: &Value<'_, '_>) -> Option<Placed<ImagePath, ImagePath>> {
    by_place(value, path)
}

fn by_place<T>(
    value: &Value<'_, '_>,
    read: impl Fn(&Value<'_, '_>) -> Option<T>,
) -> Option<Placed<ImagePath, T>> {
    let mut places: Placed<ImagePath, T> = BTreeMap::new();
    for (key, key_span, item) in value.table()?.entries() {
        let place = match image_path(key) {
            Ok(place) => place,
            Err(error) => {
                value.reader.report(key_span, KeyProblem::BadValue { key: value.name.clone(), error });
                continue;
            }
        };
        if place.is_within(ENVIRONMENT) {
            let error = ValueError::InEnvironment { text: place.to_string() };
            value.reader.report(key_span.clone(), KeyProblem::BadValue { key: value.name.clone(), error });
        }
        let Some(read) = read(&item) else { continue };
        if let Some((_, first)) = places.get(&place) {
            let problem = KeyProblem::Duplicate { key: value.name.clone(), name: place.to_string() };
            value.reader.report_at(Some(key_span), Some(first.clone()), problem);
            continue;
        }
        places.insert(place, (read, key_span));
    }
    Some(places)
}

/// The project files that the outputs of a step without a command name, as patterns.
pub(super) fn inputs<'a>(outputs: impl Iterator<Item = &'a BuildPath>) -> Vec<Glob> {
    outputs.filter(|from| !from.is_absolute()).filter_map(|from| Glob::literal(from.as_str())).collect()
}
