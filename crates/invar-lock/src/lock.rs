//! `invar lock`: the only part that decides anything from the network.
use std::collections::BTreeSet;

use invar_checkout::ProjectFiles;
use invar_plan::check_configured;
use invar_project::{Change, ClosureName, InvarLock, LockPart, PackageRequest, Platform, Request};

use crate::LockError;
use crate::builds::lock_builds;
use crate::context::LockContext;
use crate::fetches::lock_fetches;
use crate::make::Making;
use crate::members::members_left_out;
use crate::parts::{Deferred, build_roots, report};
use crate::proposals::{Proposals, proposals};
use crate::release::codename;
use crate::roots::requests;
use crate::update::{Update, check_names};

/// What came of locking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locked {
    /// Whether `invar.lock` was written; otherwise it was right as it is.
    pub written: bool,
    /// What is different from the lock that was there before; empty where there was none.
    pub changes: Vec<Change>,
    /// The number of packages, for each platform.
    pub packages: Vec<(Platform, usize)>,
    /// The packages whose maintainer scripts should run.
    pub proposals: Proposals,
    /// The parts of the project that the lock is without, since they cannot be locked here.
    pub left_out: BTreeSet<LockPart>,
}

/// Makes or renews `invar.lock` in the project's folder.
///
/// Without an update, a lock that belongs to the manifest is left as it is and the network is not used.
///
/// What cannot be locked and only another part than `required` needs is left out, and said.
///
/// # Errors
/// [`LockError`]; then the file is as it was.
pub fn lock(
    context: &LockContext<'_>,
    files: &mut ProjectFiles,
    update: &Update,
    required: &LockPart,
) -> Result<Locked, LockError> {
    let mut deferred = Vec::new();
    files.check_uv_lock(required)?;
    if let (Update::Packages(names), Some(old)) = (update, &files.lock) {
        check_names(names, old)?;
    }
    if let Some(error) = &files.lock_error {
        let warning =
            format!("cannot use {}, so it is rewritten: {error}", files.folder.join("invar.lock").display());
        context.sources.reporter.warn(&warning);
    }
    let request = Request::of(&files.manifest);
    let old = files.lock_to_start_from();
    let codename = codename(context, files, &request, old, update, required)?;
    let kept = match old {
        Some(old) if *update == Update::Nothing && old.request == request => {
            keep(context, files, old, required, &mut deferred)?
        }
        _ => None,
    };
    let new = match kept {
        Some(kept) => kept,
        None => {
            let making =
                Making { context, files, update, required, codename: &codename, as_of: request.snapshot };
            making.make_or_extend(request, old, &mut deferred)?
        }
    };
    report(context, &files.folder, &deferred);
    if let Some(warning) = members_left_out(files, &new) {
        context.sources.reporter.warn(&warning);
    }
    let chosen = new.platforms.values().flat_map(|platform| platform.packages.keys());
    check_configured(&files.manifest.configure, chosen)?;
    let changes = files.lock.as_ref().map(|old| InvarLock::changes(old, &new)).unwrap_or_default();
    let packages =
        new.platforms.iter().map(|(platform, locked)| (*platform, locked.packages.len())).collect();
    let written = files.put_lock(new)?;
    let left_out = deferred.into_iter().map(|deferred| deferred.part).collect();
    Ok(Locked { written, changes, packages, proposals: proposals(files), left_out })
}

/// The old lock where Debian's packages can stay as they are: only `uv.lock`, or what builds and steps consist of, may
/// have changed. `None` where packages have to be chosen.
fn keep(
    context: &LockContext<'_>,
    files: &ProjectFiles,
    old: &InvarLock,
    required: &LockPart,
    deferred: &mut Vec<Deferred>,
) -> Result<Option<InvarLock>, LockError> {
    let mut new = InvarLock { uv_lock: None, ..old.clone() };
    for &platform in &old.request.platforms {
        let builds = build_roots(files, &new, platform, required)?;
        let wanted = requests(&files.manifest, &builds);
        let locked = &new.platforms[&platform];
        let has = |(name, request): (&ClosureName, &BTreeSet<PackageRequest>)| {
            locked.roots.get(name).is_some_and(|root| root.request == *request)
        };
        if !wanted.iter().all(has) || locked.roots.len() != wanted.len() {
            return Ok(None);
        }
    }
    for platform in old.request.platforms.clone() {
        deferred.extend(lock_builds(context, files, &mut new, platform, Some(old), required)?);
    }
    new.fetches = lock_fetches(context.sources, files, Some(old))?;
    Ok(Some(new))
}
