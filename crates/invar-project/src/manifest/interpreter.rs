use std::collections::BTreeMap;

use invar_python::{ConfigSetting, DistributionName, Requirement, config_settings};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::manifest::image::texts;
use crate::manifest::reader::Value;
use crate::manifest::schema::{ConfigSettingSchema, PythonName};
use crate::manifest::{EnvironmentName, PackageRequest, RelativePath, packages};
use crate::{Glob, ValueError};

/// How to install Python packages in the image.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Python {
    /// Which to use if a package has both: its wheel, or its source distribution, which is then built. Default: the
    /// wheel.
    #[schemars(default)]
    pub prefer: Prefer,
    /// Whether to compile Python files to bytecode, so that programs start faster. Default: true.
    #[schemars(default = "yes")]
    pub bytecode: bool,
    /// Settings for single packages, by name.
    #[schemars(with = "BTreeMap<PythonName, Override>", default)]
    pub overrides: BTreeMap<DistributionName, Override>,
}

impl Default for Python {
    fn default() -> Self {
        Self { prefer: Prefer::Wheel, bytecode: yes(), overrides: BTreeMap::new() }
    }
}

fn yes() -> bool {
    true
}

/// Which form of a Python package to use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Prefer {
    /// The wheel, if there is one that fits.
    #[default]
    Wheel,
    /// The source distribution, if there is one; it is built.
    Sdist,
}

impl JsonSchema for Prefer {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Prefer".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": "Which form of a Python package to use.", "enum": ["wheel", "sdist"] })
    }
}

/// Settings for one Python package: how to build it, and which of its files to install.
#[derive(Debug, Clone, Default, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Override {
    /// Which to use if the package has both, instead of `python.prefer`: `"wheel"` or `"sdist"`.
    pub prefer: Option<Prefer>,
    /// Debian packages for its build, each `"name"` or `"name=version"`, such as `"libpq-dev"`.
    /// They are not in the image.
    #[schemars(default)]
    pub packages: Vec<PackageRequest>,
    /// Environment variables during its build.
    #[schemars(default)]
    pub env: BTreeMap<EnvironmentName, String>,
    /// Paths of patches for its source, relative to the project, applied in this order like `patch -p1`.
    #[schemars(default)]
    pub patches: Vec<RelativePath>,
    /// Patterns for files of the installed package to exclude: `"psycopg2/tests/**"`, relative to site-packages;
    /// `"bin/NAME"` for a program; `".venv/share/**"` for anything else that it installs.
    #[schemars(default)]
    pub exclude: Vec<Glob>,
    /// Settings for its build backend: strings or arrays of strings.
    #[schemars(with = "BTreeMap<String, ConfigSettingSchema>", default)]
    pub config_settings: BTreeMap<String, ConfigSetting>,
    /// Additional build requirements, such as `"setuptools<80"`.
    #[schemars(schema_with = "requirements_schema", default)]
    pub build_requires: Vec<Requirement>,
}

fn requirements_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": { "type": "string", "examples": ["setuptools<80"] } })
}

impl Override {
    /// Whether the package is built in a root of its own.
    pub fn has_root(&self) -> bool {
        !self.packages.is_empty() || !self.patches.is_empty()
    }
}

impl Python {
    pub(super) fn read(value: &Value<'_, '_>) -> Option<Self> {
        let mut section = value.table()?;
        let prefer = section.take("prefer").and_then(|value| prefer(&value)).unwrap_or_default();
        let bytecode = section.take("bytecode").and_then(Value::boolean).unwrap_or_else(yes);
        let overrides = section.take("overrides").and_then(|value| {
            let read = value.named()?.into_iter();
            let read = read.filter_map(|(name, value)| Some((name, Override::read(&value)?)));
            Some(read.collect())
        });
        section.refuse_the_rest(&[]);
        Some(Self { prefer, bytecode, overrides: overrides.unwrap_or_default() })
    }
}

impl Override {
    fn read(value: &Value<'_, '_>) -> Option<Self> {
        let mut section = value.table()?;
        let prefer = section.take("prefer").and_then(|value| prefer(&value));
        let packages = section.take("packages").and_then(|value| packages(&value));
        let env = section.take("env").and_then(texts);
        let patches = section.take("patches").and_then(|value| {
            value.unique_list(Value::parsed::<RelativePath>, |path| (path.clone(), path.to_string()))
        });
        let exclude = section.take("exclude").and_then(|value| value.parsed_list());
        let config_settings = section.take("config-settings").and_then(|value| config_settings(&value));
        let build_requires = section.take("build-requires").and_then(|value| value.parsed_list());
        section.refuse_the_rest(&[]);
        Some(Self {
            prefer,
            packages: packages.unwrap_or_default(),
            env: env.unwrap_or_default(),
            patches: patches.unwrap_or_default(),
            exclude: exclude.unwrap_or_default(),
            config_settings: config_settings.unwrap_or_default(),
            build_requires: build_requires.unwrap_or_default(),
        })
    }
}

fn prefer(value: &Value<'_, '_>) -> Option<Prefer> {
    match value.text()? {
        "wheel" => Some(Prefer::Wheel),
        "sdist" => Some(Prefer::Sdist),
        text => {
            let expected = "\"wheel\" and \"sdist\"";
            value.bad(ValueError::Choice { text: text.to_owned(), expected });
            None
        }
    }
}
