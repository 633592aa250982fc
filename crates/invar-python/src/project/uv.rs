use std::collections::{BTreeMap, BTreeSet};

use invar_toml::{Finding, Problem};
use toml::de::DeTable;

use super::uv_table::uv_setting;
use super::{FieldError, KeyProblem, ProjectProblem, Reader, Section, UvSource, Value};
use crate::name::{DistributionName, GroupName};
use crate::requirement::Requirement;

/// The keys of `[tool.uv]` that matter for an image (uv, "Settings", "Project metadata" and "Configuration"); what becomes
/// of the others is in [`UV_SETTINGS`](super::UV_SETTINGS).
///
/// Names that come twice are one to uv, and to this.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UvSettings {
    /// Whether the project is to be installed as a package; without a word, a `[build-system]` decides.
    pub package: Option<bool>,
    /// Whether the project is the root of a workspace.
    pub is_workspace: bool,
    /// The workspace whose root the project is.
    pub workspace: Option<UvWorkspace>,
    /// The dependency groups that uv installs unasked; `None` where it does not say, which means `dev`.
    pub default_groups: Option<DefaultGroups>,
    /// `dev-dependencies`, which uv has in the group `dev`.
    pub dev_dependencies: Vec<Requirement>,
    /// Whether nothing may be built from a source distribution.
    pub no_build: bool,
    /// The packages that may not be built from a source distribution.
    pub no_build_package: BTreeSet<DistributionName>,
    /// Whether no published wheel may be taken.
    pub no_binary: bool,
    /// The packages of which no published wheel may be taken.
    pub no_binary_package: BTreeSet<DistributionName>,
    /// Settings for all build backends.
    pub config_settings: BTreeMap<String, ConfigSetting>,
    /// Settings for the build backend of one package.
    pub config_settings_package: BTreeMap<DistributionName, BTreeMap<String, ConfigSetting>>,
    /// What the build of a package needs in addition.
    pub extra_build_dependencies: BTreeMap<DistributionName, Vec<ExtraBuildDependency>>,
    /// Whether packages are built in whatever environment there is.
    pub no_build_isolation: bool,
    /// The packages that are built in whatever environment there is.
    pub no_build_isolation_package: BTreeSet<DistributionName>,
    /// Variables that are set while a package is built.
    pub extra_build_variables: BTreeMap<DistributionName, BTreeMap<String, String>>,
    /// Limits for what builds get: versions of distributions, wanted or not.
    pub build_constraints: Vec<Requirement>,
    /// `constraint-dependencies`, for comparing a lock; `None` where one of them cannot be read.
    pub constraints: Option<Vec<Requirement>>,
    /// `override-dependencies`, for comparing a lock; `None` where one of them cannot be read.
    pub overrides: Option<Vec<Requirement>>,
    /// Where single packages come from.
    pub sources: BTreeMap<DistributionName, UvSource>,
    /// Keys that no release of uv known here has.
    pub unknown: BTreeSet<String>,
}

/// The members of a workspace, as patterns for folders relative to the project (uv, "Using workspaces").
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UvWorkspace {
    /// The folders that are members.
    pub members: Vec<String>,
    /// The folders that are not, although `members` matches them.
    pub exclude: Vec<String>,
}

/// The dependency groups that uv installs unasked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DefaultGroups {
    /// All that the project has.
    All,
    /// Those of this list.
    Named(Vec<GroupName>),
}

/// What the build of a package needs in addition to what it says itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtraBuildDependency {
    /// What is needed.
    pub requirement: Requirement,
    /// Whether it must have the version that the project has.
    pub match_runtime: bool,
}

/// A setting for a build backend (PEP 517, "Config settings").
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigSetting {
    /// One text.
    Text(String),
    /// Several texts, in this order.
    List(Vec<String>),
}

impl UvSettings {
    /// The settings of a member of the workspace whose root has the settings `root`. As uv has it, a member says for
    /// itself only what it is and which of its groups are installed; how packages are built is the workspace's.
    #[must_use]
    pub fn of_member(self, root: &Self) -> Self {
        // A member's own source of a package comes before that of its workspace.
        let sources = root.sources.clone().into_iter().chain(self.sources).collect();
        Self { package: self.package, default_groups: self.default_groups, sources, ..root.clone() }
    }

    /// These settings where the project's folder, or its workspace's, has a `uv.toml` with the settings `file`. As uv has
    /// it, that takes the place of all settings but of what only a `pyproject.toml` may have.
    #[must_use]
    pub fn replaced_by(self, file: &Self) -> Self {
        Self {
            package: self.package,
            is_workspace: self.is_workspace,
            workspace: self.workspace,
            default_groups: self.default_groups,
            dev_dependencies: self.dev_dependencies,
            build_constraints: self.build_constraints,
            constraints: self.constraints,
            overrides: self.overrides,
            sources: self.sources,
            ..file.clone()
        }
    }

    /// Reads a `uv.toml`, whose table is `root` and which findings call `path`. Keys that only a `pyproject.toml` may have
    /// are findings, as uv refuses them.
    pub fn read_uv_toml(path: &str, root: &DeTable<'_>) -> (Self, Vec<Finding<ProjectProblem>>) {
        let reader = Reader::new(path);
        let section = Section::new(&reader, "", root);
        for (key, _, value) in section.entries() {
            if uv_setting(key).is_some_and(|setting| !setting.in_uv_toml) {
                value.bad(FieldError::NotInUvToml);
            }
        }
        let settings = Self::read_section(section);
        (settings, reader.finish())
    }

    /// Reads `[tool.uv]` in the table of a `pyproject.toml`, which findings call `path`, where it has one.
    pub fn read(path: &str, root: &DeTable<'_>) -> (Option<Self>, Vec<Finding<ProjectProblem>>) {
        let reader = Reader::new(path);
        let tool = Section::new(&reader, "", root).take("tool");
        let uv = tool.and_then(|tool| Self::read_table(&tool));
        (uv, reader.finish())
    }

    /// Reads the `uv` table of `[tool]`.
    pub(super) fn read_table(tool: &Value<'_, '_>) -> Option<Self> {
        Some(Self::read_section(tool.table()?.take("uv")?.table()?))
    }

    fn read_section(mut uv: Section<'_, '_>) -> Self {
        let unknown = uv.entries().map(|(key, ..)| key).filter(|key| uv_setting(key).is_none());
        let unknown = unknown.map(str::to_owned).collect();
        let workspace = uv.take("workspace");
        let mut flag = |key| uv.take(key).and_then(Value::boolean);
        let package = flag("package");
        let no_build = flag("no-build").unwrap_or(false);
        let no_binary = flag("no-binary").unwrap_or(false);
        let no_build_isolation = flag("no-build-isolation").unwrap_or(false);
        let mut names = |key| names(&mut uv, key).unwrap_or_default();
        let no_build_package = names("no-build-package");
        let no_binary_package = names("no-binary-package");
        let no_build_isolation_package = names("no-build-isolation-package");
        let settings = uv.take("config-settings").and_then(|value| config_settings(&value));
        let settings_package = uv.take("config-settings-package").and_then(|value| {
            let packages = value.named()?.into_iter();
            Some(packages.filter_map(|(name, value)| Some((name, config_settings(&value)?))).collect())
        });
        let extra = uv.take("extra-build-dependencies").and_then(|value| {
            let packages = value.named()?.into_iter();
            Some(packages.filter_map(|(name, value)| Some((name, extra_dependencies(&value)?))).collect())
        });
        let variables = uv.take("extra-build-variables").and_then(|value| {
            let packages = value.named()?.into_iter();
            Some(packages.filter_map(|(name, value)| Some((name, variables(&value)?))).collect())
        });
        let mut silent = |key| match uv.take(key) {
            Some(value) => {
                value.value.as_array()?.iter().map(|item| item.get_ref().as_str()?.parse().ok()).collect()
            }
            None => Some(Vec::new()),
        };
        let (constraints, overrides) = (silent("constraint-dependencies"), silent("override-dependencies"));
        let sources = uv.take("sources").and_then(|value| value.named()).unwrap_or_default();
        let sources = sources.into_iter().map(|(name, value)| (name, UvSource::read(&value))).collect();
        Self {
            package,
            constraints,
            overrides,
            sources,
            is_workspace: workspace.is_some(),
            workspace: workspace.and_then(|value| UvWorkspace::read(&value)),
            default_groups: uv.take("default-groups").and_then(|value| default_groups(&value)),
            dev_dependencies: uv
                .take("dev-dependencies")
                .and_then(|value| value.parsed_list())
                .unwrap_or_default(),
            no_build,
            no_build_package,
            no_binary,
            no_binary_package,
            config_settings: settings.unwrap_or_default(),
            config_settings_package: settings_package.unwrap_or_default(),
            extra_build_dependencies: extra.unwrap_or_default(),
            no_build_isolation,
            no_build_isolation_package,
            extra_build_variables: variables.unwrap_or_default(),
            build_constraints: uv
                .take("build-constraint-dependencies")
                .and_then(|value| value.parsed_list())
                .unwrap_or_default(),
            unknown,
        }
    }
}

fn variables(value: &Value<'_, '_>) -> Option<BTreeMap<String, String>> {
    let section = value.table()?;
    Some(
        section.entries().filter_map(|(key, _, value)| Some((key.to_owned(), value.plain_text()?))).collect(),
    )
}

impl UvWorkspace {
    fn read(value: &Value<'_, '_>) -> Option<Self> {
        let mut section = value.table()?;
        let mut texts = |key| -> Option<Vec<String>> {
            Some(section.take(key)?.list()?.iter().filter_map(Value::plain_text).collect())
        };
        let (members, exclude) = (texts("members"), texts("exclude"));
        Some(Self { members: members.unwrap_or_default(), exclude: exclude.unwrap_or_default() })
    }
}

fn names(section: &mut Section<'_, '_>, key: &'static str) -> Option<BTreeSet<DistributionName>> {
    Some(section.take(key)?.list()?.iter().filter_map(Value::parsed).collect())
}

fn default_groups(value: &Value<'_, '_>) -> Option<DefaultGroups> {
    if value.value.as_str() == Some("all") {
        return Some(DefaultGroups::All);
    }
    if !value.value.is_array() {
        value.wrong_type("an array of dependency groups, or \"all\"");
        return None;
    }
    value.parsed_list().map(DefaultGroups::Named)
}

fn extra_dependencies(value: &Value<'_, '_>) -> Option<Vec<ExtraBuildDependency>> {
    Some(value.list()?.iter().filter_map(extra_dependency).collect())
}

/// A requirement, or a table with one.
fn extra_dependency(value: &Value<'_, '_>) -> Option<ExtraBuildDependency> {
    if !value.value.is_table() {
        return Some(ExtraBuildDependency { requirement: value.parsed()?, match_runtime: false });
    }
    let mut section = value.table()?;
    let requirement = section.take("requirement");
    let match_runtime = section.take("match-runtime").and_then(Value::boolean).unwrap_or(false);
    let Some(requirement) = requirement else {
        let key = format!("{}.requirement", value.name);
        value.reader.report(value.key_span.clone(), KeyProblem::Missing { key });
        return None;
    };
    Some(ExtraBuildDependency { requirement: requirement.parsed()?, match_runtime })
}

/// Reads settings for a build backend.
pub fn config_settings<P: Problem>(
    value: &invar_toml::Value<'_, '_, P>,
) -> Option<BTreeMap<String, ConfigSetting>> {
    let section = value.table()?;
    let settings = section.entries().filter_map(|(key, _, value)| {
        let setting = if value.value.is_array() {
            ConfigSetting::List(value.list()?.iter().filter_map(|item| item.plain_text()).collect())
        } else if value.value.is_str() {
            ConfigSetting::Text(value.plain_text()?)
        } else {
            value.wrong_type("a string or an array of strings");
            return None;
        };
        Some((key.to_owned(), setting))
    });
    Some(settings.collect())
}
