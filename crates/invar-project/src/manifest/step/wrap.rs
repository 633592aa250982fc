//! Programs of the image that are started by way of a launcher.
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use invar_tree::ImagePath;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::ValueError;
use crate::manifest::EnvironmentName;
use crate::manifest::error::Problem;
use crate::manifest::image::{path, texts};
use crate::manifest::reader::{KeyProblem, Value};
use crate::manifest::runtime::absolute_path_schema;

/// A program in the image that is always started with certain environment variables or arguments.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Wrap {
    /// The program, as an absolute path in the image.
    #[schemars(schema_with = "absolute_path_schema")]
    pub program: ImagePath,
    /// The absolute path of the wrapped program in the image. Default: it replaces the program.
    #[schemars(rename = "as", schema_with = "absolute_path_schema", default)]
    pub at: Option<ImagePath>,
    /// Environment variables to set.
    #[schemars(default)]
    pub env: BTreeMap<EnvironmentName, String>,
    /// Environment variables to set unless they are already set.
    #[schemars(default)]
    pub env_default: BTreeMap<EnvironmentName, String>,
    /// Environment variables to remove.
    #[schemars(default)]
    pub unset: BTreeSet<EnvironmentName>,
    /// Values to prepend to environment variables, such as `{ PATH = ["/opt/tool/bin"] }`, separated by `":"`; use
    /// a table for another separator.
    #[schemars(schema_with = "values_schema", default)]
    pub prefix: BTreeMap<EnvironmentName, ListValues>,
    /// Values to append to environment variables, as in `prefix`.
    #[schemars(schema_with = "values_schema", default)]
    pub suffix: BTreeMap<EnvironmentName, ListValues>,
    /// Arguments to insert before its arguments.
    #[schemars(default)]
    pub args: Vec<String>,
    /// Arguments to append to its arguments.
    #[schemars(default)]
    pub args_after: Vec<String>,
    /// The absolute path of its working directory. Default: the current directory.
    #[schemars(schema_with = "absolute_path_schema", default)]
    pub workdir: Option<ImagePath>,
    /// The name passed to the program as argument zero. Default: the path of `program`.
    #[schemars(default)]
    pub argv0: Option<String>,
    /// Whether to pass the wrapped program's own argument zero to the program.
    #[schemars(default)]
    pub inherit_argv0: bool,
}

/// Values to prepend or append to an environment variable.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ListValues {
    /// The values.
    pub values: Vec<String>,
    /// The separator between values. Default: `":"`.
    #[schemars(default = "default_separator")]
    pub separator: String,
}

impl Wrap {
    /// Where the wrapped program is found.
    pub fn place(&self) -> &ImagePath {
        self.at.as_ref().unwrap_or(&self.program)
    }
}

fn default_separator() -> &'static str {
    ":"
}

pub(super) fn wraps_schema(generator: &mut SchemaGenerator) -> Schema {
    let wrap = generator.subschema_for::<Wrap>();
    json_schema!({ "anyOf": [wrap, { "type": "array", "items": wrap }] })
}

fn values_schema(generator: &mut SchemaGenerator) -> Schema {
    let list = json_schema!({ "type": "array", "items": { "type": "string" } });
    let table = generator.subschema_for::<ListValues>();
    json_schema!({ "type": "object", "additionalProperties": { "anyOf": [list, table] } })
}

/// Reads one wrapped program or a list of them, each with the place in the text that says where it is.
pub(super) fn wraps(value: &Value<'_, '_>) -> Vec<(Wrap, Range<usize>)> {
    if value.value.is_table() {
        return wrap(value).into_iter().collect();
    }
    if !value.value.is_array() {
        value.wrong_type("a table or an array of tables");
        return Vec::new();
    }
    let items = value.list().unwrap_or_default();
    if items.is_empty() {
        value.bad(ValueError::EmptyList);
    }
    items.iter().filter_map(wrap).collect()
}

fn wrap(value: &Value<'_, '_>) -> Option<(Wrap, Range<usize>)> {
    let mut section = value.table()?;
    let program = section.take("program");
    let at = section.take("as");
    let env = section.take("env").and_then(texts).unwrap_or_default();
    let env_default = section.take("env-default").and_then(texts).unwrap_or_default();
    let unset = section.take("unset").and_then(|value| names(&value)).unwrap_or_default();
    let prefix = section.take("prefix").and_then(|value| lists(&value)).unwrap_or_default();
    let suffix = section.take("suffix").and_then(|value| lists(&value)).unwrap_or_default();
    let args = section.take("args").and_then(|value| words(&value)).unwrap_or_default();
    let args_after = section.take("args-after").and_then(|value| words(&value)).unwrap_or_default();
    let workdir = section.take("workdir").and_then(|value| path(&value));
    let argv0 = section.take("argv0").and_then(|value| value.plain_text());
    let inherit = section.take("inherit-argv0");
    section.refuse_the_rest(&[]);
    let inherit_span = inherit.as_ref().map(|value| value.key_span.clone());
    let inherit_argv0 = inherit.and_then(Value::boolean).unwrap_or(false);
    if let (true, Some(_), Some(span)) = (inherit_argv0, &argv0, inherit_span) {
        value.reader.report(span, Problem::TwoNames { key: value.name.clone() });
    }
    let Some(program) = program else {
        let key = format!("{}.program", value.name);
        value.reader.report(value.key_span.clone(), KeyProblem::Missing { key });
        return None;
    };
    let place = at.as_ref().unwrap_or(&program).span.clone();
    let at = at.map(|at| path(&at));
    let program = path(&program)?;
    let at = at.map_or(Some(None), |at| at.map(Some))?;
    let wrap = Wrap {
        program,
        at,
        env,
        env_default,
        unset,
        prefix,
        suffix,
        args,
        args_after,
        workdir,
        argv0,
        inherit_argv0,
    };
    Some((wrap, place))
}

fn words(value: &Value<'_, '_>) -> Option<Vec<String>> {
    Some(value.list()?.iter().filter_map(Value::plain_text).collect())
}

fn names(value: &Value<'_, '_>) -> Option<BTreeSet<EnvironmentName>> {
    let names: Vec<EnvironmentName> =
        value.unique_list(|item| item.parsed(), |name: &EnvironmentName| (name.clone(), name.to_string()))?;
    Some(names.into_iter().collect())
}

/// Reads values by the names of their variables: lists, or tables with a separator.
fn lists(value: &Value<'_, '_>) -> Option<BTreeMap<EnvironmentName, ListValues>> {
    let mut lists = BTreeMap::new();
    for (name, key_span, item) in value.table()?.entries() {
        let name = match name.parse::<EnvironmentName>() {
            Ok(name) => name,
            Err(error) => {
                value.reader.report(key_span, KeyProblem::BadValue { key: value.name.clone(), error });
                continue;
            }
        };
        if let Some(list) = list(&item) {
            lists.insert(name, list);
        }
    }
    Some(lists)
}

fn list(value: &Value<'_, '_>) -> Option<ListValues> {
    let (values, separator) = if value.value.is_table() {
        let mut section = value.table()?;
        let values = section.take("values");
        if values.is_none() {
            let key = format!("{}.values", value.name);
            value.reader.report(value.key_span.clone(), KeyProblem::Missing { key });
        }
        let separator = section.take("separator").map(|value| value.plain_text());
        section.refuse_the_rest(&[]);
        (values?, separator.unwrap_or_else(|| Some(default_separator().to_owned()))?)
    } else if value.value.is_array() {
        let list = Value {
            name: value.name.clone(),
            span: value.span.clone(),
            key_span: value.key_span.clone(),
            ..*value
        };
        (list, default_separator().to_owned())
    } else {
        value.wrong_type("an array or a table");
        return None;
    };
    let words = words(&values)?;
    if words.is_empty() {
        values.bad(ValueError::EmptyList);
    }
    Some(ListValues { values: words, separator })
}
