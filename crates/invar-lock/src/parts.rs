//! What each part of a project needs of a lock: its own image, each further one, the shell.
//!
//! What only one part needs does not hold up another: where it cannot be locked, the lock is created without it.
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use invar_checkout::ProjectFiles;
use invar_plan::{build_root_name, python_packages, shell_manifest};
use invar_project::{ClosureName, InvarLock, LockPart, Manifest, Platform, Purpose};
use invar_python::{ChosenSource, DistributionName, Selected};
use invar_realise::Event;

use crate::context::LockContext;
use crate::{BuildsError, LockError};

/// A part that is not in a lock, and why.
pub(crate) struct Deferred {
    pub part: LockPart,
    pub error: LockError,
}

/// The parts of a project, in the order in which they are locked: what comes later has no say in what comes before. A
/// manifest that is derived for a purpose has only the parts that this is about.
pub(crate) fn parts(files: &ProjectFiles) -> Vec<LockPart> {
    let is_for = |purposes: &[Purpose]| {
        files.derived.as_ref().is_none_or(|derived| purposes.iter().any(|it| derived.purposes.contains(it)))
    };
    let mut parts = Vec::new();
    if is_for(&[Purpose::Build, Purpose::Run]) {
        parts.push(LockPart::Image);
        parts.extend(files.whole_manifest().images.keys().cloned().map(LockPart::Further));
    }
    if is_for(&[Purpose::Shell]) {
        parts.push(LockPart::Shell);
    }
    parts
}

/// The manifest of `part`, which is one of those of `manifest`.
fn manifest_of(manifest: &Manifest, part: &LockPart) -> Option<Manifest> {
    match part {
        LockPart::Image => Some(manifest.clone()),
        LockPart::Further(key) => manifest.image(key.as_str()),
        LockPart::Shell => Some(shell_manifest(manifest)),
    }
}

/// All that is to be built for `part` on `platform`.
///
/// # Errors
/// What choosing the packages says; for other parts than the image as [`LockError::Part`].
pub(crate) fn sources(
    files: &ProjectFiles,
    lock: &InvarLock,
    platform: Platform,
    part: &LockPart,
) -> Result<BTreeMap<DistributionName, ChosenSource>, LockError> {
    let mut all = BTreeMap::new();
    let Some(manifest) = manifest_of(files.whole_manifest(), part) else { return Ok(all) };
    let selected = python_packages(&manifest, lock, files.uv_lock.as_ref(), platform);
    for selected in selected.map_err(|error| of_part(part, error.into()))? {
        let Selected::Source(chosen) = selected else { continue };
        all.insert(chosen.name.clone(), chosen);
    }
    Ok(all)
}

/// The versions of what the parts of the project install on `platform`, those of the first part that installs it; nothing
/// if no build asks for them.
///
/// # Errors
/// As [`sources`].
pub(crate) fn runtime_versions(
    files: &ProjectFiles,
    lock: &InvarLock,
    platform: Platform,
) -> Result<BTreeMap<DistributionName, String>, LockError> {
    let mut versions = BTreeMap::new();
    let project = files.manifest.project.as_ref();
    let mut extra =
        project.into_iter().flat_map(|project| project.uv.extra_build_dependencies.values().flatten());
    if !extra.any(|extra| extra.match_runtime) {
        return Ok(versions);
    }
    for part in parts(files) {
        let Some(manifest) = manifest_of(files.whole_manifest(), &part) else { continue };
        // What cannot be chosen for another part is said when its builds are locked.
        let Ok(selected) = python_packages(&manifest, lock, files.uv_lock.as_ref(), platform) else {
            continue;
        };
        for selected in selected {
            if let Some(version) = selected.version() {
                versions.entry(selected.name().clone()).or_insert_with(|| version.to_owned());
            }
        }
    }
    Ok(versions)
}

/// `error`, which is one of `part`.
pub(crate) fn of_part(part: &LockPart, error: LockError) -> LockError {
    match (part, error) {
        (LockPart::Image, error) | (_, error @ LockError::Part { .. }) => error,
        (part, error) => LockError::Part { part: part.clone(), source: Box::new(error) },
    }
}

/// The roots in which Python packages are built for `platform`. What cannot be chosen for another part than `required`
/// has none.
pub(crate) fn build_roots(
    files: &ProjectFiles,
    lock: &InvarLock,
    platform: Platform,
    required: &LockPart,
) -> Result<BTreeSet<ClosureName>, LockError> {
    let mut roots = BTreeSet::new();
    if files.uv_lock.is_none() {
        return Ok(roots);
    }
    for part in parts(files) {
        match sources(files, lock, platform, &part) {
            Ok(sources) => {
                roots.extend(sources.keys().map(|name| build_root_name(&files.manifest, name)));
            }
            Err(error) if part == *required => return Err(error),
            // Said when its builds are locked.
            Err(_) => {}
        }
    }
    Ok(roots)
}

/// Says what is not in the lock, and how it gets there.
pub(crate) fn report(context: &LockContext<'_>, folder: &Path, deferred: &[Deferred]) {
    let mut told = BTreeSet::new();
    for Deferred { part, error } in deferred.iter().filter(|deferred| told.insert(deferred.part.clone())) {
        let mut causes = error.to_string();
        let mut cause = std::error::Error::source(error);
        while let Some(next) = cause {
            causes.push_str(&format!(": {next}"));
            cause = next.source();
        }
        let sentence = match error {
            LockError::Part { .. } => format!("{causes}; everything else is locked"),
            _ => format!("{part} is not locked, everything else is: {causes}"),
        };
        let sentence = format!("{sentence}; run `{}` to lock it", part.command(folder));
        // Without uv, that is how it has to be; everything else somebody should look at.
        let is_usual = matches!(error, LockError::Builds(BuildsError::NoUv { .. }));
        context.sources.reporter.event(&if is_usual {
            Event::Note(&sentence)
        } else {
            Event::Warning(&sentence)
        });
    }
}
