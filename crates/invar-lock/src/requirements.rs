//! What builds require, as far as it is known before anything is fetched.
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use invar_checkout::ProjectFiles;
use invar_python::{ChosenSource, DistributionName, ExtraBuildDependency, SourceLocation, build_system};

use crate::error::BuildsError;

/// What the project says that the build of a package needs in addition.
pub(crate) fn added_requirements(
    files: &ProjectFiles,
    name: &DistributionName,
    runtime: &BTreeMap<DistributionName, String>,
) -> Result<BTreeSet<String>, BuildsError> {
    let mut requires = BTreeSet::new();
    if let Some(own) = files.manifest.python.overrides.get(name) {
        requires.extend(own.build_requires.iter().map(ToString::to_string));
    }
    if let Some(project) = &files.manifest.project
        && let Some(extra) = project.uv.extra_build_dependencies.get(name)
    {
        for ExtraBuildDependency { requirement, match_runtime } in extra {
            let mut requirement = requirement.clone();
            if *match_runtime {
                // A build against one version must not meet another one where it runs.
                let needed = &requirement.name;
                let missing =
                    || BuildsError::NoRuntime { name: name.to_string(), needed: needed.to_string() };
                let version = runtime.get(needed).ok_or_else(missing)?;
                let exact = format!("=={version}").parse().map_err(|_| missing())?;
                requirement.specifiers = exact;
            }
            requires.insert(requirement.to_string());
        }
    }
    Ok(requires)
}

/// What of the requirements of a build is known without fetching anything: what the project says, and what its own
/// folders declare. What is wrong with these is reported when they are built.
pub(crate) fn known_requirements(
    files: &ProjectFiles,
    name: &DistributionName,
    chosen: &ChosenSource,
    runtime: &BTreeMap<DistributionName, String>,
) -> BTreeSet<String> {
    let mut requires = added_requirements(files, name, runtime).unwrap_or_default();
    if let SourceLocation::Directory { path, .. } = &chosen.source {
        let pyproject = fs::read_to_string(files.folder.join(path).join("pyproject.toml")).ok();
        requires.extend(build_system(pyproject.as_deref()).into_iter().flat_map(|system| system.requires));
    }
    requires
}
