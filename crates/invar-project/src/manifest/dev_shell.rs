use std::collections::BTreeMap;

use invar_python::GroupName;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::manifest::image::texts;
use crate::manifest::reader::Value;
use crate::manifest::schema::PythonName;
use crate::manifest::{EnvironmentName, Known, PackageRequest, groups, packages};

/// The development shell: what it has in addition to the image's packages.
#[derive(Debug, Clone, Default, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields, transform = with_image)]
pub struct DevShell {
    /// Whether the manifest has this table. Without it, the shell has what the image has.
    #[schemars(skip)]
    pub declared: bool,
    /// Debian packages for the shell, each `"name"` or `"name=version"`, such as `"git"`. They are not in the image.
    #[schemars(default)]
    pub packages: Vec<PackageRequest>,
    /// Environment variables in the shell.
    #[schemars(default)]
    pub env: BTreeMap<EnvironmentName, String>,
    /// Commands to run when the shell starts.
    pub hook: Option<String>,
    /// The project's dependency groups to install in the shell. Default: `default-groups` of `[tool.uv]`, or
    /// `dev` if the project has it.
    #[schemars(with = "Option<Vec<PythonName>>")]
    pub groups: Option<Vec<GroupName>>,
}

/// The key `image` of the table is not a field of the type: it is [`Manifest::shell`](super::Manifest::shell).
fn with_image(schema: &mut Schema) {
    let image = serde_json::json!({
        "description": "Whether the image has a shell, `/bin/sh`.",
        "type": "boolean",
        "default": false,
    });
    if let Some(properties) = schema.get_mut("properties").and_then(|properties| properties.as_object_mut()) {
        properties.insert("image".to_owned(), image);
    }
}

/// The JSON Schema of `shell`: whether the image has one, or a table.
pub(super) fn shell_schema(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({ "anyOf": [{ "type": "boolean" }, generator.subschema_for::<DevShell>()] })
}

impl DevShell {
    /// Reads `shell`: whether the image has one, and what is in the author's.
    pub(super) fn read(value: Value<'_, '_>, known: Known<'_>) -> Option<(bool, Self)> {
        if let Some(image) = value.value.as_bool() {
            return Some((image, Self::default()));
        }
        if !value.value.is_table() {
            value.wrong_type("true, false or a table");
            return None;
        }
        let mut section = value.table()?;
        let image = section.take("image").and_then(Value::boolean).unwrap_or(false);
        let packages = section.take("packages").and_then(|value| packages(&value)).unwrap_or_default();
        let env = section.take("env").and_then(texts).unwrap_or_default();
        let hook = section.take("hook").and_then(|value| value.plain_text());
        let groups = section.take("groups").and_then(|value| groups(&value, known));
        section.refuse_the_rest(&[]);
        Some((image, Self { declared: true, packages, env, hook, groups }))
    }
}
