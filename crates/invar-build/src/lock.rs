//! `invar lock`: the only part that decides anything from the network.
use std::collections::{BTreeMap, BTreeSet};

use invar_archive::{Keyring, PackageIndex, PackageRecord, Reason, Root, Solution, SolveRequest, solve};
use invar_configure::{BASE, Verdict, only_for_scripts, script_key, verdict};
use invar_debian::{Dependency, PackageName, parse_dependencies};
use invar_plan::{PackageRecipe, Recipe, build_root_name};
use invar_project::{
    Because, Change, InvarLock, LockedArchive, LockedFetch, LockedInterpreter, LockedOmission, LockedPackage,
    LockedPlatform, LockedScripts, LockedSuite, OmissionReason, PackageRequest, Platform, Request, RootName,
    STABLE, ScriptVerdict, SuiteName, Timestamp, nearest, stable_release,
};
use invar_tree::ImagePath;

use crate::event::Downloads;
use crate::indexes::{Suite, packages, snapshot_times, suites};
use crate::lock_builds::{lock_builds, sources};
use crate::lock_roots::{RootSolver, requests};
use crate::output::write_atomically;
use crate::project::ProjectFiles;
use crate::proposals::{Proposals, check_configured, proposals};
use crate::realise::{checked_blob, control, realise};
use crate::workspace::members_left_out;
use crate::{Archive, BuildError, Event, Phase, Session};

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
}

/// Makes or renews `invar.lock` in the project's folder.
///
/// Without an update, a lock that belongs to the manifest is left as it is and the network is not used.
///
/// # Errors
/// [`BuildError`]; then the file is as it was.
pub fn lock(
    session: &Session<'_>,
    files: &mut ProjectFiles,
    keyring: &Keyring,
    update: &Update,
) -> Result<Locked, BuildError> {
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
        Some(old) if *update == Update::Nothing && old.request == request => keep(session, files, old)?,
        _ => None,
    };
    let new = match kept {
        Some(kept) => kept,
        None => make(session, files, request, old, keyring, update)?,
    };
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
        let path = files.folder.join("invar.lock");
        write_atomically(&path, |file| {
            use std::io::Write as _;
            file.write_all(text.as_bytes())
                .map_err(|source| BuildError::Output { path: path.clone(), source })
        })?;
    }
    let packages =
        new.platforms.iter().map(|(platform, locked)| (*platform, locked.packages.len())).collect();
    (files.lock, files.lock_text, files.lock_error) = (Some(new), Some(text), None);
    files.lock_file = Some(lock_file);
    Ok(Locked { written: !same, changes, packages, proposals: proposals(files) })
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
) -> Result<Option<InvarLock>, BuildError> {
    let mut new = InvarLock { uv_lock: files.uv_lock_digest, ..old.clone() };
    for &platform in &old.request.platforms {
        let builds = build_roots(files, &new, platform)?;
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
        lock_builds(session, files, &mut new, platform, Some(old))?;
    }
    new.fetches = lock_fetches(session, files, Some(old))?;
    Ok(Some(new))
}

/// The roots in which Python packages are built for `platform`.
fn build_roots(
    files: &ProjectFiles,
    lock: &InvarLock,
    platform: Platform,
) -> Result<BTreeSet<RootName>, BuildError> {
    if files.uv_lock.is_none() {
        return Ok(BTreeSet::new());
    }
    let sources = sources(&files.manifest, lock, files.uv_lock.as_ref(), platform)?;
    Ok(sources.keys().map(|name| build_root_name(&files.manifest, name)).collect())
}

/// The sizes and digests of the files that steps fetch. What `old` has is not asked for again.
fn lock_fetches(
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

fn make(
    session: &Session<'_>,
    files: &ProjectFiles,
    request: Request,
    old: Option<&InvarLock>,
    keyring: &Keyring,
    update: &Update,
) -> Result<InvarLock, BuildError> {
    let python = files.manifest.project.is_some();
    let codename = codename(&request, python)?;
    session.reporter.event(&Event::Phase(Phase::Indexes));
    let suites = suites(session, &codename, keyring, request.snapshot)?;
    warn_of_older(session, &suites, old);
    let locked_suites = locked_suites(&suites)?;
    let mut interpreter = None;
    let mut indexes = Vec::new();
    let mut platforms = BTreeMap::new();
    for &platform in &request.platforms {
        let index = packages(session, &suites, &platform.debian_architecture(), request.snapshot)?;
        let found = python.then(|| find_interpreter(&index, &codename, &request)).transpose()?;
        session.reporter.event(&Event::Phase(Phase::Solve));
        let prefer = preferred(old, platform, update);
        let roots = roots(&request, found.as_ref());
        let solution = solve(&index, &SolveRequest { roots, omit: &only_for_scripts, prefer: &prefer })
            .map_err(|source| BuildError::Solve {
                suite: codename.clone(),
                platform: platform.to_string(),
                source: Box::new(source),
            })?;
        platforms.insert(platform, locked_platform(session, files, solution, &suites, &locked_suites)?);
        indexes.push((platform, index));
        interpreter = found;
    }
    let created = locked_suites.values().map(|suite| suite.date).max();
    let created = created.expect("a release has at least one suite");
    let mut lock = InvarLock {
        created,
        uv_lock: files.uv_lock_digest,
        request,
        interpreter,
        suites: locked_suites,
        platforms,
        fetches: BTreeMap::new(),
    };
    for (platform, index) in &indexes {
        add_roots(
            files,
            &mut lock,
            *platform,
            &codename,
            index,
            &suites,
            &preferred(old, *platform, update),
        )?;
    }
    // The indexes are large, and no longer needed.
    drop(indexes);
    for platform in lock.request.platforms.clone() {
        lock_builds(session, files, &mut lock, platform, old.filter(|_| *update == Update::Nothing))?;
    }
    lock.fetches = lock_fetches(session, files, old.filter(|_| *update == Update::Nothing))?;
    Ok(lock)
}

/// Chooses the packages of all roots besides the image for `platform`.
fn add_roots(
    files: &ProjectFiles,
    lock: &mut InvarLock,
    platform: Platform,
    codename: &str,
    index: &PackageIndex,
    suites: &[Suite],
    prefer: &BTreeMap<PackageName, invar_debian::DebianVersion>,
) -> Result<(), BuildError> {
    let builds = build_roots(files, lock, platform)?;
    let mut locked = lock.platforms.remove(&platform).expect("the platform is being locked");
    let of_record = |record: &PackageRecord, because| locked_package(record, suites, because);
    let solver = RootSolver {
        manifest: &files.manifest,
        request: &lock.request,
        interpreter: lock.interpreter.as_ref(),
        index,
        prefer,
        platform,
        codename,
        locked: &of_record,
    };
    for (name, request) in requests(&files.manifest, &builds) {
        solver.add(&mut locked, &name, &request)?;
    }
    lock.platforms.insert(platform, locked);
    Ok(())
}

/// What a lock holds of a package whose scripts are not looked at.
fn locked_package(
    record: &PackageRecord,
    suites: &[Suite],
    because: Because,
) -> Result<LockedPackage, BuildError> {
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
        file: file.parse().map_err(|_| BuildError::Suite {
            suite: suite.name.clone(),
            url: suite.url.clone(),
            problem: format!("lists {} under {file:?}, which is no path of a package", record.name),
        })?,
    })
}

/// The release to take packages from: the manifest's, or the newest stable one whose Python will do.
fn codename(request: &Request, python: bool) -> Result<String, BuildError> {
    if let Some(suite) = &request.suite {
        return Ok(suite.codename().to_owned());
    }
    let requires = request.requires_python.as_ref().filter(|_| python);
    stable_release(requires).map(|release| release.suite.to_owned()).ok_or_else(|| {
        BuildError::NoInterpreter {
            requires: requires.map(ToString::to_string).unwrap_or_default(),
            suites: STABLE
                .iter()
                .map(|release| (release.suite.to_owned(), release.python.to_owned()))
                .collect(),
        }
    })
}

/// The suite's default Python: what its package `python3` stands for.
fn find_interpreter(
    index: &PackageIndex,
    codename: &str,
    request: &Request,
) -> Result<LockedInterpreter, BuildError> {
    let requires = || request.requires_python.as_ref().map_or_else(|| ">=3".to_owned(), ToString::to_string);
    let none = |found: &str| BuildError::NoInterpreter {
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
    // Debian writes 3.14.0~rc1 for Python's 3.14.0rc1, and may add "+dfsg" and the like.
    let upstream = package.version.upstream().split('+').next().unwrap_or_default().replace('~', "");
    let version: pep440_rs::Version = upstream.parse().map_err(|_| none(&upstream))?;
    if !request.requires_python.as_ref().is_none_or(|requires| requires.contains(&version)) {
        return Err(none(&upstream));
    }
    let path = ImagePath::parse(&format!("usr/bin/{name}")).expect("it is a relative path");
    Ok(LockedInterpreter { package: package.name, version, path })
}

/// Versions of an older lock, as far as they are not to be chosen anew.
fn preferred(
    old: Option<&InvarLock>,
    platform: Platform,
    update: &Update,
) -> BTreeMap<PackageName, invar_debian::DebianVersion> {
    let stays = |name: &PackageName| match update {
        Update::Nothing => true,
        Update::Packages(packages) => !packages.contains(name),
        Update::Everything => false,
    };
    let locked = old.and_then(|old| old.platforms.get(&platform)).into_iter();
    let locked = locked.flat_map(|locked| locked.tools.iter().chain(&locked.packages));
    locked
        .filter(|(name, _)| stays(name))
        .map(|(name, package)| (name.clone(), package.version.clone()))
        .collect()
}

// Who asks for a package, in the words of the solver's messages.
const REQUESTED: &str = "`packages` in the manifest";
const SHELL: &str = "`shell = true` in the manifest";
const IN_BASE: &str = "the base set";
const INTERPRETER: &str = "the Python interpreter";

pub(crate) fn roots(request: &Request, interpreter: Option<&LockedInterpreter>) -> Vec<Root> {
    let mut roots = Vec::new();
    let mut add = |text: &str, why: &str| {
        let dependency: Vec<Dependency> =
            parse_dependencies(text).expect("a name, and perhaps a version, is a relation");
        roots.extend(dependency.into_iter().map(|dependency| Root { dependency, why: why.to_owned() }));
    };
    for package in &request.packages {
        match &package.version {
            Some(version) => add(&format!("{} (= {version})", package.name), REQUESTED),
            None => add(package.name.as_str(), REQUESTED),
        }
    }
    if request.shell {
        add("dash", SHELL);
    }
    match &request.base {
        Some(base) => base.iter().for_each(|name| add(name.as_str(), IN_BASE)),
        None => {
            BASE.iter().for_each(|name| add(name, IN_BASE));
            // What every wheel for glibc may rely on besides libc6 (PEP 600, by way of PEP 513's list): numpy and many
            // others do not start without it.
            if interpreter.is_some() {
                add("libstdc++6", IN_BASE);
            }
        }
    }
    if let Some(interpreter) = interpreter {
        add(interpreter.package.as_str(), INTERPRETER);
    }
    roots
}

fn because(reason: &Reason) -> Because {
    match reason {
        Reason::DependencyOf(of) => Because::Dependency { of: of.clone() },
        Reason::Requested { why } => match why.as_str() {
            SHELL => Because::Shell,
            IN_BASE => Because::Base,
            INTERPRETER => Because::Interpreter,
            _ => Because::Requested,
        },
    }
}

fn locked_platform(
    session: &Session<'_>,
    files: &ProjectFiles,
    solution: Solution,
    suites: &[Suite],
    locked_suites: &BTreeMap<SuiteName, LockedSuite>,
) -> Result<LockedPlatform, BuildError> {
    let recipe = |record: &invar_archive::PackageRecord| PackageRecipe {
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
    let trees = realise(session, &recipes, &times, &files.folder)?;
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
        // Where only a generated part is not known, there may be no other script.
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

fn locked_suites(suites: &[Suite]) -> Result<BTreeMap<SuiteName, LockedSuite>, BuildError> {
    let mut locked = BTreeMap::new();
    for suite in suites {
        let wrong = |problem: &str| BuildError::Suite {
            suite: suite.name.clone(),
            url: suite.url.clone(),
            problem: problem.to_owned(),
        };
        let time = |seconds: i64| {
            let time = u64::try_from(seconds).ok().and_then(Timestamp::from_unix);
            time.ok_or_else(|| wrong("has a date before 1970 or after 9999"))
        };
        let release = &suite.verified.release;
        let name: SuiteName = suite.name.parse().map_err(|_| wrong("has a name that is none"))?;
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
                .map_err(|_| wrong("is signed by a key of no known form"))?,
        };
        locked.insert(name, suite);
    }
    Ok(locked)
}

/// A mirror that is behind what was locked before is no error, but somebody may be withholding updates.
fn warn_of_older(session: &Session<'_>, suites: &[Suite], old: Option<&InvarLock>) {
    for suite in suites {
        let known = old.and_then(|old| old.suites.iter().find(|(name, _)| name.as_str() == suite.name));
        if let Some((_, known)) = known
            && suite.verified.release.date < i64::try_from(known.date.unix()).unwrap_or(i64::MAX)
        {
            let warning =
                format!("{} has an older state of {} than invar.lock: {}", suite.url, suite.name, known.date);
            session.reporter.event(&Event::Warning(&warning));
        }
    }
}
