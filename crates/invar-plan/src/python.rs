//! Which Python packages an image gets.
use std::collections::{BTreeMap, BTreeSet};

use invar_debian::DebianVersion;
use invar_project::{Extras, InvarLock, LockedInterpreter, LockedPlatform, Manifest, Platform, Prefer};
use invar_python::{
    EnvironmentLayout, PythonVersion, Selected, Selection, SourcePolicy, Target, UvLock, select,
};
use invar_tree::ImagePath;

use crate::ENVIRONMENT;
use crate::error::PlanError;

/// The Python packages for `manifest` on `platform`, sorted by name: wheels, and what has to be built.
///
/// # Errors
/// [`PlanError::Interpreter`], [`PlanError::Platform`], [`PlanError::Version`], [`PlanError::Select`].
pub fn python_packages(
    manifest: &Manifest,
    lock: &InvarLock,
    uv_lock: Option<&UvLock>,
    platform: Platform,
) -> Result<Vec<Selected>, PlanError> {
    let (Some(uv_lock), Some(project)) = (uv_lock, &manifest.project) else { return Ok(Vec::new()) };
    let target = target(lock, platform)?;
    select(uv_lock, Some(project.name.as_str()), &target, &selection(manifest), &policy(manifest))
        .map_err(|source| PlanError::Select { platform, source: Box::new(source) })
}

/// The Python and the machine of the image.
///
/// # Errors
/// [`PlanError::Interpreter`], [`PlanError::Platform`], [`PlanError::Version`].
pub fn target(lock: &InvarLock, platform: Platform) -> Result<Target, PlanError> {
    let locked = lock.platforms.get(&platform).ok_or(PlanError::Platform { platform })?;
    let interpreter = lock.interpreter.as_ref().ok_or(PlanError::Interpreter)?;
    Ok(Target { python: python_version(interpreter)?, machine: platform.machine(), glibc: glibc(locked)? })
}

/// What of the project the image has.
pub(crate) fn selection(manifest: &Manifest) -> Selection {
    let (extras, all_extras) = match &manifest.extras {
        Extras::All => (BTreeSet::new(), true),
        Extras::Named(names) => (names.iter().cloned().collect(), false),
    };
    let groups = manifest.groups.iter().cloned().collect();
    Selection { extras, all_extras, groups, project: true }
}

pub(crate) fn policy(manifest: &Manifest) -> SourcePolicy {
    let Some(project) = &manifest.project else { return SourcePolicy::default() };
    let prefer = manifest
        .python
        .overrides
        .iter()
        .filter_map(|(name, own)| Some((name.clone(), own.prefer? == Prefer::Sdist)));
    SourcePolicy {
        prefer_sdist: manifest.python.prefer == Prefer::Sdist,
        prefer: prefer.collect::<BTreeMap<_, _>>(),
        no_build: project.uv.no_build,
        no_build_packages: project.uv.no_build_package.clone(),
        no_binary: project.uv.no_binary,
        no_binary_packages: project.uv.no_binary_package.clone(),
        project_is_package: project.is_package(),
    }
}

pub(crate) fn python_version(interpreter: &LockedInterpreter) -> Result<PythonVersion, PlanError> {
    let version = interpreter.version.to_string();
    version.parse().map_err(|_| PlanError::Version {
        what: interpreter.package.to_string(),
        version: version.clone(),
        expected: "3.13.5",
    })
}

/// The version of the C library in the image, which decides which wheels work there.
fn glibc(locked: &LockedPlatform) -> Result<(u32, u32), PlanError> {
    let Some(libc) = locked.packages.get("libc6") else {
        // Without a C library no wheel with native code can work; pure ones do not ask.
        return Ok((2, 0));
    };
    series(&libc.version).ok_or_else(|| PlanError::Version {
        what: "libc6".to_owned(),
        version: libc.version.to_string(),
        expected: "2.41-12",
    })
}

fn series(version: &DebianVersion) -> Option<(u32, u32)> {
    let (major, rest) = version.upstream().split_once('.')?;
    let digits = rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len());
    Some((major.parse().ok()?, rest[..digits].parse().ok()?))
}

/// The layout of the virtual environment that `interpreter` runs.
///
/// # Errors
/// [`PlanError::Version`].
pub(crate) fn environment(interpreter: &LockedInterpreter) -> Result<EnvironmentLayout, PlanError> {
    let prefix = ImagePath::parse(ENVIRONMENT).expect("it is a relative path");
    Ok(EnvironmentLayout { prefix, python: python_version(interpreter)?.series() })
}
