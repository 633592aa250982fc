//! What of a lock is missing, or is for something else than the project is now.
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use invar_checkout::ProjectFiles;
use invar_plan::{BuildMismatch, build_mismatch};
use invar_project::{InvarLock, LockPart, LockedBuild, Mismatch};
use invar_python::{ChosenSource, DistributionName, SourceLocation};

use crate::LockError;
use crate::builds::{Constraints, known_requirements};
use crate::parts::{parts, runtime_versions, sources};

/// What of one part a lock does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unlocked {
    /// The part.
    pub part: LockPart,
    /// The Python packages that are to be built for it, and of which it is not locked what with. None where Debian
    /// packages are missing.
    pub builds: BTreeSet<DistributionName>,
}

/// What the lock lacks for `part`; `None` if it has everything. Where it belongs to something else,
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
