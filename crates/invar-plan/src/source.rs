//! Python packages that are built from their sources.
use std::collections::BTreeMap;

use invar_project::{ClosureName, LockedBuild, LockedInterpreter, LockedPlatform, Manifest, Override};
use invar_python::{
    Chosen, ChosenSource, ConfigSetting, DistributionName, EnvironmentLayout, Location, NeededBy,
    SourceLocation, WheelFile, WheelFilename, version_environment,
};
use invar_tree::{Digest, ImagePath};

use crate::BUILD_ENVIRONMENT;
use crate::build_mismatch::build_mismatch;
use crate::error::PlanError;
use crate::python::environment;
use crate::recipe::{PackageRecipe, WheelRecipe};
use crate::roots::root_packages;

/// How a Python package is built, and from what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceBuild {
    /// The package, and where its source is.
    pub chosen: ChosenSource,
    /// The digest of its source as `invar.lock` has it; `None` for folders of the project.
    pub digest: Option<Digest>,
    /// The Debian packages that are there while it is built.
    pub root: Vec<PackageRecipe>,
    /// The wheels that are there while it is built, in an environment of their own.
    pub wheels: Vec<WheelRecipe>,
    /// What is built before, and is there while it is built: what its build needs and has no wheel.
    pub needs: Vec<SourceBuild>,
    /// What its build asked for when `invar.lock` was created.
    pub requires: Vec<String>,
    /// Variables for its build.
    pub environment: BTreeMap<String, String>,
    /// Patches for its source, relative to the project, in their order.
    pub patches: Vec<String>,
    /// `config_settings` for its build backend (PEP 517), as JSON.
    pub settings: serde_json::Map<String, serde_json::Value>,
    /// Where it is installed.
    pub layout: EnvironmentLayout,
}

impl SourceBuild {
    /// How progress and errors call it: `psycopg2 2.9.10 (from source)`.
    pub fn label(&self) -> String {
        match &self.chosen.version {
            Some(version) => format!("{} {version} (from source)", self.chosen.name),
            None => format!("{} (from source)", self.chosen.name),
        }
    }

    /// Whether its source belongs to the project, and so changes as often.
    pub fn is_of_project(&self) -> bool {
        matches!(self.chosen.source, SourceLocation::Directory { .. })
    }
}

/// The root in which the distribution `name` is built.
pub fn build_root_name(manifest: &Manifest, name: &DistributionName) -> ClosureName {
    match manifest.python.overrides.get(name) {
        Some(own) if own.has_root() => ClosureName::python_package(name),
        _ => ClosureName::python(),
    }
}

/// The root in which the distribution `name` is built since another's build needs it: its own where it has one, else
/// the other's.
pub fn needed_root_name(
    manifest: &Manifest,
    name: &DistributionName,
    needed_in: &ClosureName,
) -> ClosureName {
    match manifest.python.overrides.get(name) {
        Some(own) if own.has_root() => ClosureName::python_package(name),
        _ => needed_in.clone(),
    }
}

/// The environment that a build has to itself.
///
/// # Errors
/// [`PlanError::Version`].
pub fn build_layout(interpreter: &LockedInterpreter) -> Result<EnvironmentLayout, PlanError> {
    let prefix = ImagePath::parse(BUILD_ENVIRONMENT).expect("it is a relative path");
    Ok(EnvironmentLayout { prefix, ..environment(interpreter)? })
}

/// How `wheels` are installed into the environment of a build.
///
/// # Errors
/// [`PlanError::Version`].
pub fn build_wheels(
    wheels: &[Chosen],
    interpreter: &LockedInterpreter,
) -> Result<Vec<WheelRecipe>, PlanError> {
    let layout = build_layout(interpreter)?;
    Ok(wheels.iter().cloned().map(|chosen| WheelRecipe { chosen, layout: layout.clone() }).collect())
}

/// What has to be built for `build`, which is built in `root`.
///
/// # Errors
/// [`PlanError::Build`] and similar for a lock that does not have all of it.
pub fn build_needs(
    manifest: &Manifest,
    locked: &LockedPlatform,
    interpreter: &LockedInterpreter,
    build: &LockedBuild,
    root: &ClosureName,
) -> Result<Vec<SourceBuild>, PlanError> {
    let layout = build_layout(interpreter)?;
    let need = |file: &String| -> Result<SourceBuild, PlanError> {
        let missing = || PlanError::Build { name: file.clone() };
        let source = locked.build_sources.get(file).ok_or_else(missing)?;
        let chosen = ChosenSource {
            name: source.name.clone(),
            version: source.build.version.clone(),
            source: SourceLocation::Archive {
                filename: file.clone(),
                location: Location::Url(source.url.clone()),
                digest: source.sha256,
                size: source.size,
                subdirectory: None,
            },
            direct: None,
            needed_by: NeededBy::Package(source.name.clone()),
        };
        let root = needed_root_name(manifest, &source.name, root);
        let context = Context { manifest, locked, interpreter };
        context.source_build(chosen, &source.build, &root, &layout)
    };
    build.sources.iter().map(need).collect()
}

pub(crate) fn source_build(
    manifest: &Manifest,
    locked: &LockedPlatform,
    interpreter: &LockedInterpreter,
    chosen: ChosenSource,
    layout: &EnvironmentLayout,
) -> Result<SourceBuild, PlanError> {
    let missing = || PlanError::Build { name: chosen.name.to_string() };
    let build = locked.builds.get(&chosen.name).ok_or_else(missing)?;
    if let Some(mismatch) = build_mismatch(build, &chosen) {
        return Err(mismatch.into());
    }
    let root = build_root_name(manifest, &chosen.name);
    Context { manifest, locked, interpreter }.source_build(chosen, build, &root, layout)
}

/// What every build is planned from.
struct Context<'a> {
    manifest: &'a Manifest,
    locked: &'a LockedPlatform,
    interpreter: &'a LockedInterpreter,
}

impl Context<'_> {
    fn source_build(
        &self,
        chosen: ChosenSource,
        build: &LockedBuild,
        root_name: &ClosureName,
        layout: &EnvironmentLayout,
    ) -> Result<SourceBuild, PlanError> {
        let Self { manifest, locked, interpreter } = *self;
        let own_layout = build_layout(interpreter)?;
        let wheels = build
            .wheels
            .iter()
            .map(|file| self.wheel(file, &chosen.name, &own_layout))
            .collect::<Result<_, _>>()?;
        let name = &chosen.name;
        let own = manifest.python.overrides.get(name).cloned().unwrap_or_default();
        let uv = manifest.project.as_ref().map(|project| &project.uv);
        if uv.is_some_and(|uv| uv.no_build_isolation || uv.no_build_isolation_package.contains(name)) {
            return Err(PlanError::NoIsolation);
        }
        let mut environment = BTreeMap::new();
        if let Some(version) = build.version.as_ref().or(chosen.version.as_ref()) {
            environment.extend(version_environment(&chosen.name, version));
        }
        if let Some(variables) = uv.and_then(|uv| uv.extra_build_variables.get(name)) {
            environment.extend(variables.clone());
        }
        let Override { env, patches, config_settings, .. } = own;
        environment.extend(env.iter().map(|(name, value)| (name.to_string(), value.clone())));
        let mut settings = serde_json::Map::new();
        if let Some(uv) = uv {
            settings.extend(uv.config_settings.iter().map(|(key, value)| (key.clone(), to_json(value))));
            if let Some(more) = uv.config_settings_package.get(name) {
                settings.extend(more.iter().map(|(key, value)| (key.clone(), to_json(value))));
            }
        }
        settings.extend(config_settings.iter().map(|(key, value)| (key.clone(), to_json(value))));
        Ok(SourceBuild {
            digest: build.source,
            root: root_packages(locked, root_name)?,
            wheels,
            needs: build_needs(manifest, locked, interpreter, build, root_name)?,
            requires: build.requires.iter().cloned().collect(),
            environment,
            patches: patches.iter().map(ToString::to_string).collect(),
            settings,
            layout: layout.clone(),
            chosen,
        })
    }

    /// A wheel that the build of `needed_by` gets.
    fn wheel(
        &self,
        file: &str,
        needed_by: &DistributionName,
        layout: &EnvironmentLayout,
    ) -> Result<WheelRecipe, PlanError> {
        let missing = || PlanError::Build { name: needed_by.to_string() };
        let found = self.locked.build_wheels.get(file).ok_or_else(missing)?;
        let bad = || PlanError::BuildWheel { file: file.to_owned() };
        let filename: WheelFilename = file.parse().map_err(|_| bad())?;
        let chosen = Chosen {
            name: filename.name.clone(),
            version: filename.version.to_string(),
            wheel: WheelFile {
                filename,
                location: Location::Url(found.url.clone()),
                digest: found.sha256,
                size: found.size,
            },
            direct: None,
            needed_by: NeededBy::Package(needed_by.clone()),
        };
        Ok(WheelRecipe { chosen, layout: layout.clone() })
    }
}

/// A setting in the form of the dictionary that a hook gets: a text, or an array of strings.
fn to_json(setting: &ConfigSetting) -> serde_json::Value {
    match setting {
        ConfigSetting::Text(text) => text.as_str().into(),
        ConfigSetting::List(texts) => texts.clone().into(),
    }
}
