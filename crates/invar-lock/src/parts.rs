//! What each part of a project needs of a lock: its own image, each further one, the shell.
//!
//! What only one part needs does not hold up another: where it cannot be locked, the lock is created without it.
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use invar_checkout::ProjectFiles;
use invar_plan::{BuildMismatch, build_mismatch, build_root_name, python_packages, shell_manifest};
use invar_project::{ClosureName, InvarLock, LockPart, LockedBuild, Manifest, Mismatch, Platform, Purpose};
use invar_python::{ChosenSource, DistributionName, Selected, SourceLocation};
use invar_realise::Event;

use crate::builds::{Constraints, known_requirements};
use crate::context::LockContext;
use crate::{BuildsError, LockError};

/// A part that is not in a lock, and why.
pub(crate) struct Deferred {
    pub part: LockPart,
    pub error: LockError,
}

/// What of one part a lock does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unlocked {
    /// The part.
    pub part: LockPart,
    /// The Python packages that are to be built for it, and of which it is not locked what with. None where Debian
    /// packages are missing.
    pub builds: BTreeSet<DistributionName>,
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

/// What the lock has to have anew for `part`; `None` if it has everything. Where it belongs to something else,
/// [`ProjectFiles::checked_lock_for`] says so.
///
/// # Errors
/// What choosing the Python packages says.
pub fn outdated(files: &ProjectFiles, part: &LockPart) -> Result<Option<LockError>, LockError> {
    let Some(lock) = &files.lock else { return Ok(None) };
    if let Err(error) = files.check_uv_lock(part) {
        return Ok(Some(error.into()));
    }
    let mismatches = lock.check(files.whole_manifest());
    let concerned = mismatches.iter().filter(|it| it.part().is_none_or(|concerned| concerned == *part));
    let (missing, changed): (Vec<&Mismatch>, Vec<&Mismatch>) =
        concerned.partition(|mismatch| mismatch.is_missing() && mismatch.part().is_some());
    let mut findings: Vec<String> = changed.iter().map(ToString::to_string).collect();
    let mut builds = Builds::default();
    // Which packages are built depends on what is locked.
    if findings.is_empty() {
        builds = find_builds(files, lock, part)?;
        findings.append(&mut builds.changed);
    }
    if !findings.is_empty() {
        return Ok(Some(files.mismatch(findings, part).into()));
    }
    let is_missing = !missing.is_empty() || !builds.missing.is_empty();
    let unlocked = || Unlocked { part: part.clone(), builds: builds.missing };
    Ok(is_missing.then(|| unlocked().error(&files.folder)))
}

/// Checks the whole lock: that it belongs to the project, and that it has `required`. Gives the other parts that it
/// does not have.
///
/// # Errors
/// As [`ProjectFiles::checked_lock`], also for what another part has changed; [`LockError::PartNotLocked`].
pub fn check_parts(files: &ProjectFiles, required: &LockPart) -> Result<Vec<Unlocked>, LockError> {
    let lock = files.checked_lock()?;
    let mismatches = lock.check(files.whole_manifest());
    // What concerns all parts has been looked at.
    let changed = mismatches.iter().filter(|mismatch| !mismatch.is_missing());
    let mut findings: Vec<String> = changed.map(ToString::to_string).collect();
    let mut all = Vec::new();
    for part in parts(files) {
        let is_missing = mismatches.iter().any(|it| it.is_missing() && it.part().as_ref() == Some(&part));
        let builds = match find_builds(files, lock, &part) {
            Ok(builds) => builds,
            Err(error) if part == *required => return Err(error),
            // A part that cannot be chosen at all cannot be locked.
            Err(_) => {
                all.push(Unlocked { part, builds: BTreeSet::new() });
                continue;
            }
        };
        findings.extend(
            builds.changed.into_iter().filter(|changed| !findings.contains(changed)).collect::<Vec<_>>(),
        );
        if is_missing || !builds.missing.is_empty() {
            all.push(Unlocked { part, builds: builds.missing });
        }
    }
    if !findings.is_empty() {
        return Err(files.mismatch(findings, required).into());
    }
    match all.iter().find(|unlocked| unlocked.part == *required) {
        Some(unlocked) => Err(unlocked.clone().error(&files.folder)),
        None => Ok(all),
    }
}

/// The Python packages that are built for a part, as far as the lock does not have them.
#[derive(Default)]
struct Builds {
    /// Those of which nothing is locked.
    missing: BTreeSet<DistributionName>,
    /// A sentence for each of which something else is locked.
    changed: Vec<String>,
}

fn find_builds(files: &ProjectFiles, lock: &InvarLock, part: &LockPart) -> Result<Builds, LockError> {
    let mut builds = Builds::default();
    for (&platform, locked) in &lock.platforms {
        let constraints = Constraints::on(files, lock, platform);
        let runtime = runtime_versions(files, lock, platform)?;
        for (name, chosen) in sources(files, lock, platform, part)? {
            let Some(build) = locked.builds.get(&name) else {
                builds.missing.insert(name);
                continue;
            };
            let mut sentence = build_change(files, lock, build, &name, &chosen, &runtime);
            if sentence.is_none() && !constraints.allow(locked, build) {
                sentence =
                    Some(format!("the build of {name} has what build-constraint-dependencies do not allow"));
            }
            if let Some(sentence) = sentence
                && !builds.changed.contains(&sentence)
            {
                builds.changed.push(sentence);
            }
        }
    }
    Ok(builds)
}

/// In what way `build` is not what the project asks for.
fn build_change(
    files: &ProjectFiles,
    lock: &InvarLock,
    build: &LockedBuild,
    name: &DistributionName,
    chosen: &ChosenSource,
    runtime: &BTreeMap<DistributionName, String>,
) -> Option<String> {
    if let Some(mismatch) = build_mismatch(build, chosen) {
        return Some(mismatch.to_string());
    }
    // A lock of an older release does not say which commit it is for, but which `uv.lock`.
    let is_git = matches!(chosen.source, SourceLocation::Git { .. });
    if is_git && build.commit.is_none() && lock.uv_lock != files.uv_lock_digest {
        return Some(BuildMismatch::Source { name: name.clone() }.to_string());
    }
    let wanted = known_requirements(files, name, chosen, runtime);
    let more: Vec<&str> = wanted.difference(&build.requires).map(String::as_str).collect();
    (!more.is_empty()).then(|| format!("the build of {name} also requires {}", more.join(", ")))
}

impl Unlocked {
    /// That it is missing from the lock of the project in `folder`.
    fn error(self, folder: &Path) -> LockError {
        let Self { part, builds } = self;
        let what = match builds.len() {
            0 => "its Debian packages".to_owned(),
            _ => {
                let names: Vec<&str> = builds.iter().map(DistributionName::as_str).collect();
                format!("the build requirements of {}", names.join(", "))
            }
        };
        let command = part.command(folder);
        LockError::PartNotLocked { part, what, command }
    }
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
