//! What each part of a project needs of a lock: its own image, each further one, the shell.
//!
//! What only one part needs does not hold up another: where it cannot be locked, the lock is made without it.
use std::collections::{BTreeMap, BTreeSet};

use invar_plan::python_packages;
use invar_project::{InvarLock, LockPart, Manifest, Mismatch, Platform, Purpose};
use invar_python::{ChosenSource, DistributionName, Selected};

use crate::project::ProjectFiles;
use crate::{BuildError, Event, Session};

/// A part that is not in a lock, and why.
pub(crate) struct Deferred {
    pub part: LockPart,
    pub error: BuildError,
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
        LockPart::Shell => Some(crate::shell::shell_manifest(manifest)),
    }
}

/// All that is to be built for `part` on `platform`.
///
/// # Errors
/// What choosing the packages says; for other parts than the image as [`BuildError::Part`].
pub(crate) fn sources(
    files: &ProjectFiles,
    lock: &InvarLock,
    platform: Platform,
    part: &LockPart,
) -> Result<BTreeMap<DistributionName, ChosenSource>, BuildError> {
    let mut all = BTreeMap::new();
    let Some(manifest) = manifest_of(files.whole_manifest(), part) else { return Ok(all) };
    let selected = python_packages(&manifest, lock, files.uv_lock.as_ref(), platform);
    for selected in selected.map_err(|error| of_part(part, error.into()))? {
        let Selected::Source(chosen) = selected else { continue };
        all.insert(chosen.name.clone(), chosen);
    }
    Ok(all)
}

/// `error`, which is one of `part`.
pub(crate) fn of_part(part: &LockPart, error: BuildError) -> BuildError {
    match (part, error) {
        (LockPart::Image, error) | (_, error @ BuildError::Part { .. }) => error,
        (part, error) => BuildError::Part { part: part.clone(), source: Box::new(error) },
    }
}

impl ProjectFiles {
    /// What the lock does not have of `part`; `None` if it has everything, or if it belongs to something else, which
    /// [`checked_lock_for`](Self::checked_lock_for) says.
    ///
    /// # Errors
    /// What choosing the Python packages says.
    pub fn unlocked(&self, part: &LockPart) -> Result<Option<Unlocked>, BuildError> {
        let Some(lock) = &self.lock else { return Ok(None) };
        let mismatches = lock.check(self.whole_manifest(), self.uv_lock_digest.as_ref());
        let concerned = |mismatch: &&Mismatch| mismatch.part().is_none_or(|concerned| concerned == *part);
        let concerned: Vec<&Mismatch> = mismatches.iter().filter(concerned).collect();
        let of_part = |mismatch: &&Mismatch| mismatch.is_missing() && mismatch.part().is_some();
        if !concerned.iter().all(of_part) || !self.uv_findings().is_empty() {
            return Ok(None);
        }
        let mut is_missing = !concerned.is_empty();
        let mut builds = BTreeSet::new();
        for (&platform, locked) in &lock.platforms {
            let sources = sources(self, lock, platform, part)?;
            builds.extend(sources.into_keys().filter(|name| !locked.builds.contains_key(name)));
        }
        is_missing |= !builds.is_empty();
        Ok(is_missing.then(|| Unlocked { part: part.clone(), builds }))
    }

    /// Checks the whole lock: that it belongs to the project, and that it has `required`. Gives the other parts that it
    /// does not have.
    ///
    /// # Errors
    /// As [`checked_lock`](Self::checked_lock), also for what another part has changed; [`BuildError::PartNotLocked`].
    pub fn check_parts(&self, required: &LockPart) -> Result<Vec<Unlocked>, BuildError> {
        let lock = self.checked_lock()?;
        let mismatches = lock.check(self.whole_manifest(), self.uv_lock_digest.as_ref());
        // What concerns all parts has been looked at.
        let changed = mismatches.iter().filter(|mismatch| !mismatch.is_missing());
        let findings: Vec<String> =
            changed.map(|mismatch| format!("{mismatch}: {}", mismatch.hint())).collect();
        if !findings.is_empty() {
            return Err(BuildError::Mismatch { findings });
        }
        let mut all = Vec::new();
        for part in parts(self) {
            match self.unlocked(&part) {
                Ok(Some(unlocked)) if part == *required => return Err(unlocked.into()),
                Ok(unlocked) => all.extend(unlocked),
                Err(error) if part == *required => return Err(error),
                // A part that cannot be chosen at all cannot be locked.
                Err(_) => all.push(Unlocked { part, builds: BTreeSet::new() }),
            }
        }
        Ok(all)
    }
}

impl From<Unlocked> for BuildError {
    fn from(unlocked: Unlocked) -> Self {
        let Unlocked { part, builds } = unlocked;
        let what = match builds.len() {
            0 => "its Debian packages".to_owned(),
            _ => {
                let names: Vec<&str> = builds.iter().map(DistributionName::as_str).collect();
                format!(
                    "what {} {} built with",
                    names.join(", "),
                    if names.len() == 1 { "is" } else { "are" }
                )
            }
        };
        Self::PartNotLocked { part, what }
    }
}

/// Says what is not in the lock, and how it gets there.
pub(crate) fn report(session: &Session<'_>, deferred: &[Deferred]) {
    let mut told = BTreeSet::new();
    for Deferred { part, error } in deferred.iter().filter(|deferred| told.insert(deferred.part.clone())) {
        let mut causes = error.to_string();
        let mut cause = std::error::Error::source(error);
        while let Some(next) = cause {
            causes.push_str(&format!(": {next}"));
            cause = next.source();
        }
        let sentence = match error {
            BuildError::Part { .. } => format!("{causes}; everything else is locked"),
            _ => format!("{part} is not locked, everything else is: {causes}"),
        };
        let sentence = format!("{sentence}; `{}` locks it", part.command());
        // Without uv, that is how it has to be; everything else somebody should look at.
        let is_usual = matches!(error, BuildError::NoUv { .. });
        session.reporter.event(&if is_usual { Event::Note(&sentence) } else { Event::Warning(&sentence) });
    }
}
