//! `invar lock`: the only part that decides anything from the network.
use std::collections::{BTreeMap, BTreeSet};

use invar_apt::Keyring;
use invar_debian::PackageName;
use invar_formats::spelling::nearest;
use invar_plan::build_root_name;
use invar_project::{Change, InvarLock, LockPart, LockedFetch, PackageRequest, Platform, Request, RootName};

use crate::event::Downloads;
use crate::lock_builds::lock_builds;
use crate::lock_make::Making;
use crate::lock_parts::{Deferred, parts, report, sources};
use crate::lock_roots::requests;
use crate::project::{ProjectFiles, write_lock};
use crate::proposals::{Proposals, check_configured, proposals};
use crate::realise::checked_blob;
use crate::workspace::members_left_out;
use crate::{BuildError, Event, Session};

/// Which packages are chosen anew although a lock has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Update {
    /// None: what is locked stays where it still satisfies the manifest.
    Nothing,
    /// These.
    Packages(Vec<PackageName>),
    /// All.
    Everything,
}

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
/// [`BuildError`]; then the file is as it was.
pub fn lock(
    session: &Session<'_>,
    files: &mut ProjectFiles,
    keyring: &Keyring,
    update: &Update,
    required: &LockPart,
) -> Result<Locked, BuildError> {
    let mut deferred = Vec::new();
    let findings = files.uv_findings();
    if !findings.is_empty() {
        return Err(BuildError::Mismatch { findings });
    }
    if let (Update::Packages(names), Some(old)) = (update, &files.lock) {
        check_names(names, old)?;
    }
    if let Some(error) = &files.lock_error {
        let warning =
            format!("{} cannot be used and is made anew: {error}", files.folder.join("invar.lock").display());
        session.reporter.event(&Event::Warning(&warning));
    }
    let request = Request::of(&files.manifest);
    let old = files.lock_to_start_from();
    let kept = match old {
        Some(old) if *update == Update::Nothing && old.request == request => {
            keep(session, files, old, required, &mut deferred)?
        }
        _ => None,
    };
    let new = match kept {
        Some(kept) => kept,
        None => {
            let making = Making { session, files, keyring, update, required, as_of: request.snapshot };
            making.make_or_extend(request, old, &mut deferred)?
        }
    };
    report(session, &deferred);
    if let Some(warning) = members_left_out(files, &new) {
        session.reporter.event(&Event::Warning(&warning));
    }
    let chosen = new.platforms.values().flat_map(|platform| platform.packages.keys());
    check_configured(&files.manifest.configure, chosen)?;
    let lock_file = files.lock_file_with(&new);
    let text = lock_file.to_string();
    let changes = files.lock.as_ref().map(|old| InvarLock::changes(old, &new)).unwrap_or_default();
    let same = files.lock_text.as_ref().is_some_and(|old| old.replace("\r\n", "\n") == text);
    if !same {
        write_lock(&files.folder, &text)?;
    }
    let packages =
        new.platforms.iter().map(|(platform, locked)| (*platform, locked.packages.len())).collect();
    (files.lock, files.lock_text, files.lock_error) = (Some(new), Some(text), None);
    files.lock_file = Some(lock_file);
    let left_out = deferred.into_iter().map(|deferred| deferred.part).collect();
    Ok(Locked { written: !same, changes, packages, proposals: proposals(files), left_out })
}

/// Whoever names a package to be chosen anew wants to hear that there is none of the name.
fn check_names(names: &[PackageName], lock: &InvarLock) -> Result<(), BuildError> {
    let locked: BTreeSet<&PackageName> =
        lock.platforms.values().flat_map(|platform| platform.packages.keys()).collect();
    let unknown: Vec<&PackageName> = names.iter().filter(|name| !locked.contains(name)).collect();
    let Some(first) = unknown.first() else { return Ok(()) };
    let nearest = nearest(first.as_str(), locked.iter().map(|name| name.as_str())).map(str::to_owned);
    Err(BuildError::UnknownPackages { names: unknown.iter().map(ToString::to_string).collect(), nearest })
}

/// The old lock where Debian's packages can stay as they are: only `uv.lock`, or what builds and steps are made of, may
/// have changed. `None` where packages have to be chosen.
fn keep(
    session: &Session<'_>,
    files: &ProjectFiles,
    old: &InvarLock,
    required: &LockPart,
    deferred: &mut Vec<Deferred>,
) -> Result<Option<InvarLock>, BuildError> {
    let mut new = InvarLock { uv_lock: files.uv_lock_digest, ..old.clone() };
    for &platform in &old.request.platforms {
        let builds = build_roots(files, &new, platform, required)?;
        let wanted = requests(&files.manifest, &builds);
        let locked = &new.platforms[&platform];
        let has = |(name, request): (&RootName, &BTreeSet<PackageRequest>)| {
            locked.roots.get(name).is_some_and(|root| root.request == *request)
        };
        if !wanted.iter().all(has) || locked.roots.len() != wanted.len() {
            return Ok(None);
        }
    }
    for platform in old.request.platforms.clone() {
        deferred.extend(lock_builds(session, files, &mut new, platform, Some(old), required)?);
    }
    new.fetches = lock_fetches(session, files, Some(old))?;
    Ok(Some(new))
}

/// The roots in which Python packages are built for `platform`. What cannot be chosen for another part than `required`
/// has none.
pub(crate) fn build_roots(
    files: &ProjectFiles,
    lock: &InvarLock,
    platform: Platform,
    required: &LockPart,
) -> Result<BTreeSet<RootName>, BuildError> {
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

/// The sizes and digests of the files that steps fetch. What `old` has is not asked for again.
pub(crate) fn lock_fetches(
    session: &Session<'_>,
    files: &ProjectFiles,
    old: Option<&InvarLock>,
) -> Result<BTreeMap<String, LockedFetch>, BuildError> {
    /// The largest file that is fetched without knowing its digest, in bytes.
    const LARGEST: u64 = 4 << 30;
    let mut all = BTreeMap::new();
    for fetch in files.manifest.steps.iter().flat_map(|step| &step.fetch) {
        let url = fetch.url.to_string();
        let fits = |locked: &&LockedFetch| fetch.sha256.is_none_or(|digest| locked.sha256 == digest);
        if let Some(known) = old.and_then(|old| old.fetches.get(&url)).filter(fits) {
            all.insert(url, *known);
            continue;
        }
        let (digest, size) = match fetch.sha256 {
            Some(digest) => {
                let request =
                    invar_fetch::Request { label: url.clone(), urls: vec![url.clone()], digest, size: None };
                let (file, ()) = checked_blob(session, &request, None, || ())?;
                let length = file.metadata().map(|metadata| metadata.len());
                (digest, length.map_err(|source| BuildError::Read { path: url.clone().into(), source })?)
            }
            None => {
                let fetched =
                    session.fetcher.get(std::slice::from_ref(&url), LARGEST, &Downloads(session.reporter))?;
                let mut writer = session.store.blob_writer()?;
                std::io::Write::write_all(&mut writer, &fetched.bytes).map_err(BuildError::Write)?;
                writer.commit()?
            }
        };
        all.insert(url, LockedFetch { size, sha256: digest });
    }
    Ok(all)
}
