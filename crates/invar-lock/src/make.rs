//! A lock from what the archives have now: suites, packages, everything other than the image.
use std::collections::BTreeMap;

use invar_apt::{Guess, PackageIndex, PackageRecord, Reason, Requester, Solution, SolveRequest, solve};
use invar_checkout::ProjectFiles;
use invar_debian::PackageName;
use invar_maintscript::{Verdict, only_for_scripts, script_key, verdict};
use invar_plan::{PackageRecipe, Recipe};
use invar_project::{
    Because, InvarLock, LockPart, LockedArchive, LockedInterpreter, LockedOmission, LockedPackage,
    LockedPlatform, LockedScripts, LockedSuite, OmissionReason, Platform, Request, ScriptVerdict, SuiteName,
    Timestamp,
};
use invar_realise::{
    Archive, AsOf, Event, Phase, Suite, SuiteError, control, packages, realise, snapshot_times, suites,
};
use invar_tree::ImagePath;

use crate::LockError;
use crate::builds::lock_builds;
use crate::context::LockContext;
use crate::fetches::lock_fetches;
use crate::parts::{Deferred, build_roots};
use crate::requests::image_requests;
use crate::roots::{RootSolver, requests};
use crate::update::{Update, preferred};

/// What a lock is built from.
pub(crate) struct Making<'a> {
    pub context: &'a LockContext<'a>,
    pub files: &'a ProjectFiles,
    pub update: &'a Update,
    pub required: &'a LockPart,
    /// The codename of the release to take packages from.
    pub codename: &'a str,
    /// The time as of which the archives are looked at; now, if there is none.
    pub as_of: Option<Timestamp>,
}

impl Making<'_> {
    /// As [`make`](Self::make). If nothing is asked for of the image that `old` does not have, the image stays as it is,
    /// whatever is added for the shell, for steps or for additional images: also its time, and if the archives have moved on
    /// by looking at them as they were.
    ///
    /// # Errors
    /// What the archives, the solver, and locking builds say.
    pub fn make_or_extend(
        &self,
        request: Request,
        old: Option<&InvarLock>,
        deferred: &mut Vec<Deferred>,
    ) -> Result<InvarLock, LockError> {
        let Some(old) = old.filter(|old| *self.update == Update::Nothing && old.request == request) else {
            return self.make(request, old, deferred);
        };
        let mut found = Vec::new();
        let mut new = self.make(request.clone(), Some(old), &mut found)?;
        if !has_same_image(old, &new) && self.as_of.is_none() {
            // The service has the state that suites of one date belong to some hours after that.
            let later = Timestamp::from_unix(old.created.unix() + 86_400);
            let mut as_it_was = Vec::new();
            let before = Making { as_of: later, ..*self };
            if let Ok(lock) = before.make(request, Some(old), &mut as_it_was)
                && has_same_image(old, &lock)
            {
                (new, found) = (lock, as_it_was);
            }
        }
        if has_same_image(old, &new) {
            new.created = old.created;
        }
        deferred.extend(found);
        Ok(new)
    }

    fn make(
        &self,
        request: Request,
        old: Option<&InvarLock>,
        deferred: &mut Vec<Deferred>,
    ) -> Result<InvarLock, LockError> {
        let Self { context, files, update, required, .. } = *self;
        let python = files.manifest.project.is_some();
        let codename = self.codename.to_owned();
        context.sources.reporter.event(&Event::Phase(Phase::Indexes));
        let as_of = self.as_of.map_or(AsOf::Now(context.now), AsOf::Snapshot);
        let suites = suites(context.sources, &codename, context.keyring, as_of)?;
        warn_of_older(context, &suites, old);
        let locked_suites = locked_suites(&suites)?;
        let mut interpreter = None;
        let mut indexes = Vec::new();
        let mut platforms = BTreeMap::new();
        for &platform in &request.platforms {
            let index = packages(context.sources, &suites, &platform.debian_architecture(), as_of)?;
            let found = python.then(|| find_interpreter(&index, &codename, &request)).transpose()?;
            context.sources.reporter.event(&Event::Phase(Phase::Solve));
            let prefer = preferred(old, platform, update);
            let requests = image_requests(&request, found.as_ref());
            let solution =
                solve(&index, &SolveRequest { requests, omit: &only_for_scripts, prefer: &prefer }).map_err(
                    |source| LockError::Solve {
                        suite: codename.clone(),
                        platform: platform.to_string(),
                        source: Box::new(source),
                    },
                )?;
            report_guesses(context, &solution.guesses);
            platforms.insert(platform, locked_platform(context, files, solution, &suites, &locked_suites)?);
            indexes.push((platform, index));
            interpreter = found;
        }
        let created = locked_suites.values().map(|suite| suite.date).max();
        let created = created.expect("a release has at least one suite");
        let mut lock = InvarLock {
            created,
            uv_lock: None,
            request,
            interpreter,
            suites: locked_suites,
            platforms,
            fetches: BTreeMap::new(),
        };
        for (platform, index) in &indexes {
            let prefer = preferred(old, *platform, update);
            let archive = ArchiveState { codename: &codename, index, suites: &suites, prefer: &prefer };
            self.add_roots(&mut lock, *platform, &archive, deferred)?;
        }
        // The indexes are large, and no longer needed.
        drop(indexes);
        for platform in lock.request.platforms.clone() {
            let old = old.filter(|_| *update == Update::Nothing);
            deferred.extend(lock_builds(context, files, &mut lock, platform, old, required)?);
        }
        lock.fetches = lock_fetches(context.sources, files, old.filter(|_| *update == Update::Nothing))?;
        Ok(lock)
    }

    /// Chooses the packages of all roots other than the image for `platform`.
    fn add_roots(
        &self,
        lock: &mut InvarLock,
        platform: Platform,
        archive: &ArchiveState<'_>,
        deferred: &mut Vec<Deferred>,
    ) -> Result<(), LockError> {
        let Self { files, required, .. } = *self;
        let builds = build_roots(files, lock, platform, required)?;
        let mut locked = lock.platforms.remove(&platform).expect("the platform is being locked");
        let of_record = |record: &PackageRecord, because| locked_package(record, archive.suites, because);
        let solver = RootSolver {
            manifest: &files.manifest,
            request: &lock.request,
            interpreter: lock.interpreter.as_ref(),
            index: archive.index,
            prefer: archive.prefer,
            platform,
            codename: archive.codename,
            locked: &of_record,
            guessed: &|guesses| report_guesses(self.context, guesses),
        };
        let mut wanted: Vec<_> = requests(&files.manifest, &builds).into_iter().collect();
        // One package has one version in a lock, and the shell has no say in which: it comes last.
        wanted.sort_by_key(|(name, _)| name.part() == Some(LockPart::Shell));
        for (name, request) in wanted {
            let before = locked.clone();
            match (solver.add(&mut locked, &name, &request), name.part()) {
                (Ok(()), _) => {}
                (Err(error), Some(part)) if part != *required => {
                    locked = before;
                    deferred.push(Deferred { part, error });
                }
                (Err(error), _) => return Err(error),
            }
        }
        lock.platforms.insert(platform, locked);
        Ok(())
    }
}

/// Whether both locks have the same Debian packages for the project's own image.
fn has_same_image(old: &InvarLock, new: &InvarLock) -> bool {
    let packages = |lock: &InvarLock, platform: &Platform| {
        lock.platforms.get(platform).map(|locked| locked.packages.clone())
    };
    old.interpreter == new.interpreter
        && old.platforms.keys().eq(new.platforms.keys())
        && old.platforms.keys().all(|platform| packages(old, platform) == packages(new, platform))
}

/// What there is to choose from.
struct ArchiveState<'a> {
    codename: &'a str,
    index: &'a PackageIndex,
    suites: &'a [Suite],
    /// Versions of an earlier lock to keep if possible.
    prefer: &'a BTreeMap<PackageName, invar_debian::DebianVersion>,
}

/// What a lock holds of a package whose scripts are not looked at.
fn locked_package(
    record: &PackageRecord,
    suites: &[Suite],
    because: Because,
) -> Result<LockedPackage, LockError> {
    let suite = &suites[record.suite];
    let file = record.filename.to_string();
    Ok(LockedPackage {
        version: record.version.clone(),
        architecture: record.architecture.clone(),
        suite: suite.name.parse().expect("suites are made from a suite's name"),
        size: record.size,
        sha256: record.sha256,
        because,
        scripts: None,
        file: file.parse().map_err(|_| SuiteError::Unexpected {
            suite: suite.name.clone(),
            url: suite.url.clone(),
            problem: format!("lists {} under {file:?}, which is not the path of a package", record.name),
        })?,
    })
}

/// The suite's default Python: what its package `python3` stands for.
fn find_interpreter(
    index: &PackageIndex,
    codename: &str,
    request: &Request,
) -> Result<LockedInterpreter, LockError> {
    let requires = || request.requires_python.as_ref().map_or_else(|| ">=3".to_owned(), ToString::to_string);
    let none = |found: &str| LockError::NoInterpreter {
        requires: requires(),
        suites: vec![(codename.to_owned(), found.to_owned())],
    };
    let newest = |name: &str| {
        let name: PackageName = name.parse().ok()?;
        index.get(&name).into_iter().max_by(|one, other| one.version.cmp(&other.version))
    };
    let default = newest("python3").ok_or_else(|| none("none"))?;
    let minor: Vec<&str> = default.version.upstream().split('.').take(2).collect();
    let name = format!("python{}", minor.join("."));
    let package = newest(&name).ok_or_else(|| none("none"))?;
    // Debian writes 3.14.0~rc1 for Python's 3.14.0rc1, and may add "+dfsg" and similar.
    let upstream = package.version.upstream().split('+').next().unwrap_or_default().replace('~', "");
    let version: pep440_rs::Version = upstream.parse().map_err(|_| none(&upstream))?;
    if !request.requires_python.as_ref().is_none_or(|requires| requires.contains(&version)) {
        return Err(none(&upstream));
    }
    let path = ImagePath::parse(&format!("usr/bin/{name}")).expect("it is a relative path");
    Ok(LockedInterpreter { package: package.name, version, path })
}

fn because(reason: &Reason) -> Because {
    match reason {
        Reason::DependencyOf(of) => Because::Dependency { of: of.clone() },
        Reason::Requested(requester) => match requester {
            Requester::Shell => Because::Shell,
            Requester::Base => Because::Base,
            Requester::Interpreter => Because::Interpreter,
            Requester::Essential => Because::Essential,
            Requester::Manifest | Requester::Closure(_) => Because::Requested,
        },
    }
}

fn locked_platform(
    context: &LockContext<'_>,
    files: &ProjectFiles,
    solution: Solution,
    suites: &[Suite],
    locked_suites: &BTreeMap<SuiteName, LockedSuite>,
) -> Result<LockedPlatform, LockError> {
    let recipe = |record: &invar_apt::PackageRecord| PackageRecipe {
        name: record.name.clone(),
        version: record.version.clone(),
        architecture: record.architecture.clone(),
        suite: suites[record.suite].name.clone(),
        file: record.filename.to_string(),
        size: record.size,
        digest: record.sha256,
        docs: files.manifest.docs,
    };
    let recipes: Vec<Recipe> =
        solution.packages.iter().map(|selected| Recipe::Package(recipe(&selected.record))).collect();
    // Whether a package's scripts are known can only be seen in the package itself.
    let times = |suite: &str| {
        let found = locked_suites.iter().find(|(name, _)| name.as_str() == suite);
        found.map(|(_, suite)| snapshot_times(suite.date)).unwrap_or_default()
    };
    let trees = realise(context.sources, &recipes, &times, &files.folder)?;
    let mut locked = LockedPlatform::default();
    for ((selected, recipe), tree) in solution.packages.iter().zip(&recipes).zip(&trees) {
        let Recipe::Package(recipe) = recipe else { continue };
        let control = control(tree, recipe)?;
        let verdict = verdict(&control);
        let judged = match &verdict {
            Verdict::NoScripts => None,
            Verdict::Handled { .. } => Some(ScriptVerdict::Handled),
            Verdict::Nothing { .. } | Verdict::MayRun { .. } => Some(ScriptVerdict::NothingToDo),
            Verdict::NeedsRun { .. } | Verdict::Unknown { .. } => Some(ScriptVerdict::Unknown),
        };
        // Where only a generated part is unknown, there may be no other script.
        let key = match verdict {
            Verdict::Unknown { script } => Some(script),
            _ => script_key(&control),
        };
        let scripts = judged.zip(key).map(|(verdict, sha256)| LockedScripts { verdict, sha256 });
        let package = locked_package(&selected.record, suites, because(&selected.reason))?;
        let package = LockedPackage { scripts, ..package };
        locked.packages.insert(recipe.name.clone(), package);
    }
    for omitted in solution.omitted {
        let omission = LockedOmission {
            needed_by: omitted.needed_by.into_iter().collect(),
            reason: OmissionReason::OnlyScripts,
        };
        locked.omitted.insert(omitted.package, omission);
    }
    Ok(locked)
}

fn locked_suites(suites: &[Suite]) -> Result<BTreeMap<SuiteName, LockedSuite>, LockError> {
    let mut locked = BTreeMap::new();
    for suite in suites {
        let wrong = |problem: &str| SuiteError::Unexpected {
            suite: suite.name.clone(),
            url: suite.url.clone(),
            problem: problem.to_owned(),
        };
        let time = |seconds: i64| {
            let time = u64::try_from(seconds).ok().and_then(Timestamp::from_unix);
            time.ok_or_else(|| wrong("has a date before 1970 or after 9999"))
        };
        let release = &suite.verified.release;
        let name: SuiteName = suite.name.parse().map_err(|_| wrong("has an invalid name"))?;
        let signers = suite.verified.signers.iter().map(|signer| signer.to_string().parse());
        let suite = LockedSuite {
            archive: match Archive::of_suite(&suite.name) {
                Archive::Debian => LockedArchive::Debian,
                Archive::Security => LockedArchive::DebianSecurity,
            },
            date: time(release.date)?,
            valid_until: release.valid_until.map(time).transpose()?,
            sha256: suite.verified.digest,
            signed_by: signers
                .collect::<Result<_, _>>()
                .map_err(|_| wrong("is signed by a key of an unknown type"))?,
        };
        locked.insert(name, suite);
    }
    Ok(locked)
}

/// Which packages were chosen where Debian has no preference: another may be wanted.
fn report_guesses(context: &LockContext<'_>, guesses: &[Guess]) {
    for Guess { of, name, chosen, others } in guesses {
        let others: Vec<&str> = others.iter().map(PackageName::as_str).collect();
        let note = format!(
            "{of} needs the virtual package {name}: {chosen} provides it; to use another, add it to `packages` ({})",
            others.join(", ")
        );
        context.sources.reporter.event(&Event::Note(&note));
    }
}

/// A mirror that is behind what was locked before is no error, but somebody may be withholding updates.
fn warn_of_older(context: &LockContext<'_>, suites: &[Suite], old: Option<&InvarLock>) {
    for suite in suites {
        let known = old.and_then(|old| old.suites.iter().find(|(name, _)| name.as_str() == suite.name));
        if let Some((_, known)) = known
            && suite.verified.release.date < i64::try_from(known.date.unix()).unwrap_or(i64::MAX)
        {
            let warning =
                format!("{} has an older state of {} than invar.lock: {}", suite.url, suite.name, known.date);
            context.sources.reporter.warn(&warning);
        }
    }
}
