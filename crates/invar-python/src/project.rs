//! What `pyproject.toml` says about a Python project, read with the place of everything that is wrong with it.
use std::collections::{BTreeMap, BTreeSet};

use invar_toml::Finding;
use pep440_rs::{Version, VersionSpecifiers};
use toml::de::DeTable;

use crate::build_system::BuildSystem;
use crate::name::{DistributionName, ExtraName, GroupName};
use crate::requirement::Requirement;

mod groups;
mod problem;
mod source;
mod uv;
mod uv_table;

pub use problem::{FieldError, ProjectProblem};
pub use source::UvSource;
pub use uv::{ConfigSetting, DefaultGroups, ExtraBuildDependency, UvSettings, UvWorkspace, config_settings};
pub use uv_table::{Treatment, UV_SETTINGS, UvSetting, uv_setting};

type KeyProblem = invar_toml::KeyProblem<FieldError>;
type Reader<'a> = invar_toml::Reader<'a, ProjectProblem>;
type Section<'a, 'i> = invar_toml::Section<'a, 'i, ProjectProblem>;
type Value<'a, 'i> = invar_toml::Value<'a, 'i, ProjectProblem>;

/// What `pyproject.toml` says about the Python project: `[project]` (PEP 621), `[dependency-groups]` (PEP 735),
/// `[build-system]` (PEP 518) and the keys of `[tool.uv]` that matter for an image.
///
/// Other keys belong to other tools and are not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// The name.
    pub name: DistributionName,
    /// The version; `None` if it is dynamic.
    pub version: Option<Version>,
    /// The fields that the build backend fills in.
    pub dynamic: BTreeSet<String>,
    /// Which versions of Python the project runs on.
    pub requires_python: Option<VersionSpecifiers>,
    /// What the project needs.
    pub dependencies: Vec<Requirement>,
    /// What each extra needs in addition.
    pub optional_dependencies: BTreeMap<ExtraName, Vec<Requirement>>,
    /// What each dependency group needs, with included groups expanded in place and without repetitions.
    pub groups: BTreeMap<GroupName, Vec<Requirement>>,
    /// What the project is built with; `None` without a `[build-system]`.
    pub build_system: Option<BuildSystem>,
    /// The commands that an installed project has (`scripts` and `gui-scripts`), each with the function that it calls.
    pub scripts: BTreeMap<String, String>,
    /// What `[tool.uv]` says.
    pub uv: UvSettings,
}

impl Project {
    /// Whether the project itself is built and installed, not only its dependencies.
    pub fn is_package(&self) -> bool {
        self.uv.package.unwrap_or(self.build_system.is_some())
    }

    /// Reads the table of a `pyproject.toml`, which findings call `path`. There is no project if it has no `[project]`,
    /// or if a finding says why.
    pub fn read(path: &str, root: &DeTable<'_>) -> (Option<Self>, Vec<Finding<ProjectProblem>>) {
        let reader = Reader::new(path);
        let project = Self::read_table(&reader, root);
        (project, reader.finish())
    }

    fn read_table<'a>(reader: &'a Reader<'a>, root: &'a DeTable<'_>) -> Option<Self> {
        let mut root = Section::new(reader, "", root);
        let project_value = root.take("project")?;
        let mut project = project_value.table()?;
        let name = project.take("name");
        if name.is_none() {
            let key = "project.name".to_owned();
            reader.report(project_value.key_span.clone(), KeyProblem::Missing { key });
        }
        let name = name.and_then(|name| name.parsed());
        let version = project.take("version").and_then(|value| {
            let text = value.text()?;
            let error = |_| value.bad(FieldError::Version { text: text.to_owned() });
            text.parse().map_err(error).ok()
        });
        let dynamic = project.take("dynamic").and_then(|value| {
            Some(value.list()?.iter().filter_map(|field| Some(field.text()?.to_owned())).collect())
        });
        let requires_python = project.take("requires-python").and_then(|value| {
            let text = value.text()?;
            let error = |_| value.bad(FieldError::Specifiers { text: text.to_owned() });
            text.parse().map_err(error).ok()
        });
        let dependencies = project.take("dependencies").and_then(|value| value.parsed_list());
        let optional_dependencies = project.take("optional-dependencies").and_then(|value| extras(&value));
        // What is wrong with them is for the build backend to say.
        let scripts = ["scripts", "gui-scripts"].map(|key| project.take(key));
        let scripts = scripts.into_iter().flatten().filter_map(|value| value.value.as_table());
        let scripts = scripts.flat_map(|table| {
            let entry =
                |name: &str, target: Option<&str>| (name.to_owned(), target.unwrap_or_default().to_owned());
            table.iter().map(move |(name, target)| entry(name.get_ref(), target.get_ref().as_str()))
        });
        let scripts = scripts.collect();
        let groups = root.take("dependency-groups").and_then(|value| groups::read(&value));
        let build_system = root.take("build-system").and_then(|value| BuildSystem::read(&value));
        let uv = root.take("tool").and_then(|tool| UvSettings::read_table(&tool)).unwrap_or_default();
        let mut groups = groups.unwrap_or_default();
        if !uv.dev_dependencies.is_empty() {
            let dev = "dev".parse().expect("it is a name in its normal form");
            groups.entry(dev).or_default().extend(uv.dev_dependencies.iter().cloned());
        }
        Some(Self {
            name: name?,
            version,
            dynamic: dynamic.unwrap_or_default(),
            requires_python,
            dependencies: dependencies.unwrap_or_default(),
            optional_dependencies: optional_dependencies.unwrap_or_default(),
            groups,
            build_system,
            scripts,
            uv,
        })
    }
}

impl BuildSystem {
    /// Reads a `[build-system]`. What a finding is about is left out.
    fn read(value: &Value<'_, '_>) -> Option<Self> {
        let mut section = value.table()?;
        let requires = section.take("requires");
        let backend = section.take("build-backend").and_then(|value| value.plain_text());
        let backend_path = section
            .take("backend-path")
            .and_then(|value| Some(value.list()?.iter().filter_map(Value::plain_text).collect()));
        if requires.is_none() {
            let key = "build-system.requires".to_owned();
            value.reader.report(value.key_span.clone(), KeyProblem::Missing { key });
        }
        let checked = |item: Value<'_, '_>| item.parsed::<Requirement>().and(item.text()).map(str::to_owned);
        let requires =
            requires.and_then(|requires| requires.list()).into_iter().flatten().filter_map(checked).collect();
        Some(Self { requires, backend, backend_path: backend_path.unwrap_or_default() })
    }
}

fn extras(value: &Value<'_, '_>) -> Option<BTreeMap<ExtraName, Vec<Requirement>>> {
    let extras = value.named()?;
    Some(extras.into_iter().filter_map(|(name, value)| Some((name, value.parsed_list()?))).collect())
}

#[cfg(test)]
mod tests;
