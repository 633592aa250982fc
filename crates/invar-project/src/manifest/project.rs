use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use pep440_rs::{Version, VersionSpecifiers};
use toml::de::DeTable;

use crate::ValueError;
use crate::manifest::error::Problem;
use crate::manifest::python::{requirement, specifiers};
use crate::manifest::reader::{Reader, Section, Value};
use crate::manifest::{NormalisedName, Requirement, UvSettings};
use crate::nearest::nearest;

/// What `pyproject.toml` says about the Python project: `[project]` (PEP 621), `[dependency-groups]` (PEP 735),
/// `[build-system]` (PEP 518) and the keys of `[tool.uv]` that matter for an image.
///
/// Keys that are not listed here belong to other tools and are not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// The name, normalized.
    pub name: NormalisedName,
    /// The version; `None` if it is dynamic.
    pub version: Option<Version>,
    /// The fields that the build backend fills in.
    pub dynamic: BTreeSet<String>,
    /// Which versions of Python the project runs on.
    pub requires_python: Option<VersionSpecifiers>,
    /// What the project needs.
    pub dependencies: Vec<Requirement>,
    /// What each extra needs in addition.
    pub optional_dependencies: BTreeMap<NormalisedName, Vec<Requirement>>,
    /// What each dependency group needs, with included groups expanded in place and without repetitions.
    pub groups: BTreeMap<NormalisedName, Vec<Requirement>>,
    /// What the project is built with; `None` without a `[build-system]`.
    pub build_system: Option<BuildSystem>,
    /// The names of the commands that an installed project has (`scripts` and `gui-scripts`).
    pub scripts: BTreeSet<String>,
    /// What `[tool.uv]` says.
    pub uv: UvSettings,
}

/// What a project is built with (PEP 518, "build-system table"; PEP 517, "Source trees").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildSystem {
    /// What its build needs, as Python requirements in the author's spelling.
    pub requires: Vec<String>,
    /// The build backend, `module` or `module:object`; `None` where the author leaves it to setuptools.
    pub build_backend: Option<String>,
    /// The folders, relative to the project, in which the backend is looked for first.
    pub backend_path: Vec<String>,
}

/// The deepest nesting of dependency groups that is followed.
const DEEPEST: usize = 64;
/// The most requirements of all groups together: a few lines of groups that include each other could ask for
/// billions.
const MOST_REQUIREMENTS: usize = 100_000;

impl Project {
    /// Whether the project itself is built and installed, not only its dependencies.
    pub fn is_package(&self) -> bool {
        self.uv.package.unwrap_or(self.build_system.is_some())
    }

    /// Reads a `pyproject.toml`. `None` if it has no `[project]`, or a finding says why.
    pub(super) fn read<'a>(reader: &'a Reader<'a>, root: &'a DeTable<'_>) -> Option<Self> {
        let mut root = Section::new(reader, "", root);
        let project_value = root.take("project")?;
        let mut project = project_value.table()?;
        let name = project.take("name");
        if name.is_none() {
            let key = "project.name".to_owned();
            reader.report(project_value.key_span.clone(), Problem::Missing { key });
        }
        let name = name.and_then(|name| name.parsed());
        let version = project.take("version").and_then(|value| {
            let text = value.text()?;
            let error = |_| value.bad(ValueError::PythonVersion { text: text.to_owned() });
            text.parse().map_err(error).ok()
        });
        let dynamic = project.take("dynamic").and_then(|value| {
            Some(value.list()?.iter().filter_map(|field| Some(field.text()?.to_owned())).collect())
        });
        let requires_python = project
            .take("requires-python")
            .and_then(|value| specifiers(value.text()?).map_err(|error| value.bad(error)).ok());
        let dependencies = project.take("dependencies").and_then(|value| requirements(&value));
        let optional_dependencies = project.take("optional-dependencies").and_then(|value| extras(&value));
        // What is wrong with them is for the build backend to say.
        let scripts = ["scripts", "gui-scripts"].map(|key| project.take(key));
        let scripts = scripts.into_iter().flatten().filter_map(|value| value.value.as_table());
        let scripts = scripts.flat_map(|table| table.keys().map(|name| name.get_ref().to_string())).collect();
        let groups = root.take("dependency-groups").and_then(|value| groups(&value));
        let build_system = root.take("build-system").and_then(|value| BuildSystem::read(&value));
        let uv = root.take("tool").and_then(|tool| UvSettings::read(&tool)).unwrap_or_default();
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
    /// Reads a `[build-system]`. `None` only if there is a finding.
    fn read(value: &Value<'_, '_>) -> Option<Self> {
        let mut section = value.table()?;
        let requires = section.take("requires");
        let build_backend = section.take("build-backend").and_then(|value| value.plain_text());
        let backend_path = section
            .take("backend-path")
            .and_then(|value| Some(value.list()?.iter().filter_map(Value::plain_text).collect()));
        let Some(requires) = requires else {
            let key = "build-system.requires".to_owned();
            value.reader.report(value.key_span.clone(), Problem::Missing { key });
            return None;
        };
        let checked = |item: Value<'_, '_>| one_requirement(&item).and(item.text()).map(str::to_owned);
        let requires = requires.list()?.into_iter().filter_map(checked).collect();
        Some(Self { requires, build_backend, backend_path: backend_path.unwrap_or_default() })
    }
}

pub(super) fn requirements(value: &Value<'_, '_>) -> Option<Vec<Requirement>> {
    Some(value.list()?.iter().filter_map(one_requirement).collect())
}

pub(super) fn one_requirement(value: &Value<'_, '_>) -> Option<Requirement> {
    requirement(value.text()?).map_err(|error| value.bad(error)).ok()
}

/// The tables of lists that name extras and groups: each name once, whatever its spelling.
pub(super) fn named<'a, 'i>(
    value: &Value<'a, 'i>,
) -> Option<Vec<(NormalisedName, Range<usize>, Value<'a, 'i>)>> {
    let mut seen = BTreeMap::new();
    let mut found = Vec::new();
    for (key, key_span, item) in value.table()?.entries() {
        let name = match key.parse::<NormalisedName>() {
            Ok(name) => name,
            Err(error) => {
                value.reader.report(key_span, Problem::BadValue { key: value.name.clone(), error });
                continue;
            }
        };
        if let Some(first) = seen.insert(name.clone(), key_span.clone()) {
            let problem = Problem::Duplicate { key: value.name.clone(), name: name.to_string() };
            value.reader.report_at(Some(key_span), Some(first), problem);
            continue;
        }
        found.push((name, key_span, item));
    }
    Some(found)
}

fn extras(value: &Value<'_, '_>) -> Option<BTreeMap<NormalisedName, Vec<Requirement>>> {
    let extras = named(value)?;
    Some(extras.into_iter().filter_map(|(name, _, value)| Some((name, requirements(&value)?))).collect())
}

/// A dependency group as it is written.
struct Group {
    key_span: Range<usize>,
    items: Vec<Item>,
}

enum Item {
    Requirement(Box<Requirement>),
    Include(NormalisedName, Range<usize>),
}

fn groups(value: &Value<'_, '_>) -> Option<BTreeMap<NormalisedName, Vec<Requirement>>> {
    let mut written = BTreeMap::new();
    for (name, key_span, value) in named(value)? {
        let items = value.list().into_iter().flatten().filter_map(|item| group_item(&item)).collect();
        written.insert(name, Group { key_span, items });
    }
    let mut expansion = Expansion {
        reader: value.reader,
        written: &written,
        expanded: BTreeMap::new(),
        path: Vec::new(),
        size: 0,
    };
    for name in written.keys() {
        expansion.expand(name);
    }
    Some(expansion.expanded)
}

fn group_item(value: &Value<'_, '_>) -> Option<Item> {
    if !value.value.is_table() {
        return Some(Item::Requirement(Box::new(one_requirement(value)?)));
    }
    let mut section = value.table()?;
    let include = section.take("include-group");
    section.refuse_the_rest(&[]);
    let include = include?;
    Some(Item::Include(include.parsed()?, include.span))
}

/// The expansion of all groups of a project (PEP 735, "Dependency Group Include").
struct Expansion<'a> {
    reader: &'a Reader<'a>,
    written: &'a BTreeMap<NormalisedName, Group>,
    expanded: BTreeMap<NormalisedName, Vec<Requirement>>,
    /// The groups that are being expanded, from the outermost.
    path: Vec<&'a NormalisedName>,
    size: usize,
}

impl<'a> Expansion<'a> {
    fn expand(&mut self, name: &'a NormalisedName) {
        let Some(group) = self.written.get(name) else { return };
        if self.expanded.contains_key(name) {
            return;
        }
        if self.path.len() >= DEEPEST || self.size > MOST_REQUIREMENTS {
            // One finding is enough; the empty result keeps the others from following.
            self.too_large(name, group);
            return;
        }
        self.path.push(name);
        let mut seen = BTreeSet::new();
        let mut requirements = Vec::new();
        for item in &group.items {
            match item {
                Item::Requirement(requirement) => {
                    if seen.insert(requirement.to_string()) {
                        requirements.push((**requirement).clone());
                    }
                }
                Item::Include(included, span) => {
                    for requirement in self.include(included, span) {
                        if seen.insert(requirement.to_string()) {
                            requirements.push(requirement);
                        }
                    }
                }
            }
            if self.size + requirements.len() > MOST_REQUIREMENTS {
                requirements.clear();
                self.too_large(name, group);
                break;
            }
        }
        self.path.pop();
        self.size += requirements.len();
        self.expanded.insert(name.clone(), requirements);
    }

    fn too_large(&mut self, name: &NormalisedName, group: &Group) {
        self.reader.report(group.key_span.clone(), Problem::GroupTooLarge { name: name.to_string() });
        self.expanded.insert(name.clone(), Vec::new());
    }

    fn include(&mut self, name: &NormalisedName, span: &Range<usize>) -> Vec<Requirement> {
        let Some((name, _)) = self.written.get_key_value(name) else {
            let known = self.written.keys().map(NormalisedName::as_str);
            let nearest = nearest(name.as_str(), known).map(str::to_owned);
            self.reader.report(span.clone(), Problem::UnknownGroup { name: name.to_string(), nearest });
            return Vec::new();
        };
        if let Some(start) = self.path.iter().position(|outer| *outer == name) {
            let path = self.path[start..].iter().chain([&name]).map(ToString::to_string).collect();
            self.reader.report(span.clone(), Problem::GroupCycle { name: name.to_string(), path });
            return Vec::new();
        }
        self.expand(name);
        self.expanded.get(name).cloned().unwrap_or_default()
    }
}
