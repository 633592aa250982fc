//! What Python packages are built with: `uv.lock` says nothing about it, so `invar lock` has the user's uv resolve it,
//! and `invar.lock` keeps the result.
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;
use std::process::{Command, Stdio};

use invar_plan::{build_root_name, python_packages, root_packages, target};
use invar_project::{InvarLock, LockedBuild, LockedBuildWheel, Manifest, NormalisedName, Platform};
use invar_python::{
    Chosen, ChosenSource, DistributionName, Location, Selected, SourceLocation, Target, UvLock,
    build_requirements, build_requirements_project, build_system, missing_requirements, project_info,
    version_environment,
};

use crate::debian::{debian_checkout, path};
use crate::git;
use crate::key::key_of;
use crate::project::ProjectFiles;
use crate::python_source::{
    FrontEnd, LONGEST_ANSWER, Place, Source, build_environment, front_end, locked_digest, read_source,
    read_text,
};
use crate::workshop::Workshop;
use crate::{BuildError, Event, Session};

/// How often a build is asked what else it needs, each time with what it asked for before.
const ROUNDS: usize = 3;

/// What is built for one platform.
type Builds = BTreeMap<NormalisedName, LockedBuild>;

/// A package to be built, and what is known of its build.
struct Wanted {
    name: NormalisedName,
    chosen: ChosenSource,
    source: Source,
    version: Option<String>,
    requires: BTreeSet<String>,
    wheels: Vec<Chosen>,
}

/// All that is to be built for the images of `manifest` on `platform`.
///
/// # Errors
/// What choosing the packages says.
pub(crate) fn sources(
    manifest: &Manifest,
    lock: &InvarLock,
    uv_lock: Option<&UvLock>,
    platform: Platform,
) -> Result<BTreeMap<NormalisedName, ChosenSource>, BuildError> {
    let mut all = BTreeMap::new();
    for variant in variants(manifest) {
        for selected in python_packages(&variant, lock, uv_lock, platform)? {
            let Selected::Source(chosen) = selected else { continue };
            let name = chosen.name.as_str().parse().expect("both names are normalised by one rule");
            all.insert(name, chosen);
        }
    }
    Ok(all)
}

/// The project as its image has it, as its further images have it, and as its shell has it.
pub(crate) fn variants(manifest: &Manifest) -> Vec<Manifest> {
    let mut variants = vec![manifest.clone()];
    variants.extend(manifest.images.keys().filter_map(|key| manifest.image(key.as_str())));
    variants.push(crate::shell::shell_manifest(manifest));
    variants
}

/// Records in `lock` what everything that is built for `platform` is built with. What `old` has and still fits is kept.
///
/// # Errors
/// What reading the sources says, [`BuildError::Uv`], [`BuildError::BuildRequirements`].
pub(crate) fn lock_builds(
    session: &Session<'_>,
    files: &ProjectFiles,
    lock: &mut InvarLock,
    platform: Platform,
    old: Option<&InvarLock>,
) -> Result<(), BuildError> {
    let sources = sources(&files.manifest, lock, files.uv_lock.as_ref(), platform)?;
    if sources.is_empty() {
        return Ok(());
    }
    let old = old.and_then(|old| old.platforms.get(&platform));
    let mut builds = Builds::new();
    let mut wheels: BTreeMap<String, LockedBuildWheel> = BTreeMap::new();
    let mut wanted = Vec::new();
    let target = target(lock, platform)?;
    for (name, chosen) in sources {
        let known = old.and_then(|old| old.builds.get(&name));
        let (source, expected) = {
            let workshop = Workshop { session, files, lock, platform };
            let expected =
                known.filter(|known| known.version == chosen.version).and_then(|known| known.source);
            let expected = matches!(chosen.source, SourceLocation::Git { .. }).then_some(expected).flatten();
            (read_source(&workshop, &chosen, expected.as_ref())?, expected)
        };
        let _ = expected;
        let requires = declared(files, &name, &chosen, &source)?;
        let version = version(session, files, &chosen, &source);
        if let (Some(known), Some(old)) = (known, old)
            && known.requires.is_superset(&requires)
            && known.source == locked_digest(&chosen, &source)
            && (chosen.version.is_some() || known.version == version)
        {
            for file in &known.wheels {
                wheels.insert(file.clone(), old.build_wheels[file].clone());
            }
            builds.insert(name, known.clone());
            continue;
        }
        wanted.push(Wanted { name, chosen, source, version, requires, wheels: Vec::new() });
    }
    resolve(session, files, lock, platform, &target, &mut wanted)?;
    for one in wanted {
        let mut names = BTreeSet::new();
        for chosen in &one.wheels {
            let file = chosen.wheel.filename.as_str().to_owned();
            let Location::Url(url) = &chosen.wheel.location else {
                return Err(BuildError::LocalBuildWheel { name: one.name.to_string(), file });
            };
            let wheel =
                LockedBuildWheel { url: url.clone(), size: chosen.wheel.size, sha256: chosen.wheel.digest };
            wheels.insert(file.clone(), wheel);
            names.insert(file);
        }
        let build = LockedBuild {
            version: one.version,
            source: locked_digest(&one.chosen, &one.source),
            requires: one.requires,
            wheels: names,
        };
        builds.insert(one.name, build);
    }
    let locked = lock.platforms.get_mut(&platform).expect("the platform is being locked");
    (locked.builds, locked.build_wheels) = (builds, wheels);
    Ok(())
}

/// What the package and the project say that its build needs.
fn declared(
    files: &ProjectFiles,
    name: &NormalisedName,
    chosen: &ChosenSource,
    source: &Source,
) -> Result<BTreeSet<String>, BuildError> {
    let pyproject = read_text(source, "pyproject.toml");
    if pyproject.is_none() && read_text(source, "setup.py").is_none() {
        return Err(BuildError::NotAPackage { name: chosen.name.to_string() });
    }
    let system = build_system(pyproject.as_deref()).map_err(|source| BuildError::BuildSystem {
        name: chosen.name.to_string(),
        source: Box::new(source),
    })?;
    let mut requires: BTreeSet<String> = system.requires.into_iter().collect();
    if let Some(own) = files.manifest.python.overrides.get(name) {
        requires.extend(own.build_requires.iter().map(ToString::to_string));
    }
    if let Some(project) = &files.manifest.project
        && let Some(extra) = project.uv.extra_build_dependencies.get(name)
    {
        requires.extend(extra.iter().map(|extra| extra.requirement.to_string()));
    }
    Ok(requires)
}

/// The version that the build is told, so that it does not look for a repository: as `uv.lock` has it, or for a project
/// whose version is dynamic, as the tags around it say.
fn version(
    session: &Session<'_>,
    files: &ProjectFiles,
    chosen: &ChosenSource,
    source: &Source,
) -> Option<String> {
    if chosen.version.is_some() {
        return chosen.version.clone();
    }
    let SourceLocation::Directory { path, .. } = &chosen.source else { return None };
    let info = project_info(&read_text(source, "pyproject.toml")?).ok()?;
    if !info.dynamic.iter().any(|field| field == "version") {
        return None;
    }
    git::version(session, &files.folder.join(path))
}

/// Finds the wheels of every build: what it declares, and what it asks for when it is asked.
fn resolve(
    session: &Session<'_>,
    files: &ProjectFiles,
    lock: &InvarLock,
    platform: Platform,
    target: &Target,
    wanted: &mut [Wanted],
) -> Result<(), BuildError> {
    let mut open: BTreeSet<usize> = (0..wanted.len()).collect();
    for round in 0..ROUNDS {
        if open.is_empty() {
            return Ok(());
        }
        let requires: BTreeMap<DistributionName, Vec<String>> = open
            .iter()
            .map(|&index| {
                (wanted[index].chosen.name.clone(), wanted[index].requires.iter().cloned().collect())
            })
            .collect();
        let resolved = uv_lock(session, target, &requires)?;
        let mut next = BTreeSet::new();
        for &index in &open {
            let one = &mut wanted[index];
            one.wheels = build_requirements(&resolved, &one.chosen.name, target).map_err(|source| {
                BuildError::BuildRequirements { name: one.chosen.name.to_string(), source: Box::new(source) }
            })?;
            let workshop = Workshop { session, files, lock, platform };
            if round + 1 == ROUNDS {
                continue;
            }
            let more = asked(&workshop, one, target)?;
            if !more.is_empty() {
                one.requires.extend(more);
                next.insert(index);
            }
        }
        open = next;
    }
    Ok(())
}

/// What the build backend asks for beyond what it has (PEP 517, `get_requires_for_build_wheel`). Where nothing can be
/// run on this machine, only what is declared counts, and a build that needs more will say so.
fn asked(workshop: &Workshop<'_>, wanted: &Wanted, target: &Target) -> Result<Vec<String>, BuildError> {
    let label = format!("{} (its build requirements)", wanted.chosen.name);
    if let Err(error) = workshop.check(&label) {
        let name = &wanted.chosen.name;
        let warning =
            format!("{name} could not be asked what its build needs besides what it declares: {error}");
        workshop.session.reporter.event(&Event::Warning(&warning));
        return Ok(Vec::new());
    }
    let interpreter = workshop.lock.interpreter.as_ref().ok_or(invar_plan::PlanError::Interpreter)?;
    let recipes = invar_plan::build_wheels(&wanted.wheels, interpreter)?;
    let environment = build_environment(workshop, &recipes, interpreter)?;
    let locked = &workshop.lock.platforms[&workshop.platform];
    let packages = root_packages(locked, &build_root_name(&workshop.files.manifest, &wanted.name))?;
    let root = debian_checkout(workshop, &packages)?;
    let mut variables = BTreeMap::new();
    if let Some(version) = &wanted.version {
        variables.extend(version_environment(&wanted.chosen.name, version));
    }
    if let Some(own) = workshop.files.manifest.python.overrides.get(&wanted.name) {
        variables.extend(own.env.iter().map(|(name, value)| (name.to_string(), value.clone())));
    }
    // The shell installs packages of the project so that their files stay where they are, which may need more.
    let actions: &[&str] = match &wanted.chosen.source {
        SourceLocation::Directory { .. } => &["requires", "requires-editable"],
        _ => &["requires"],
    };
    let mut asked: Vec<String> = Vec::new();
    for action in actions {
        let task = FrontEnd {
            label: &label,
            name: &wanted.chosen.name,
            key: key_of("asked", &[("name", wanted.name.to_string())]),
            action,
            source: &wanted.source,
            place: Place::Build,
            patches: &[],
            settings: "{}",
            environment: &variables,
        };
        let left = front_end(workshop, &task, &[path(&root), path(&environment)], None)?;
        let mut answer = Vec::new();
        let read = left
            .open("out/requires.json")
            .and_then(|file| file.take(LONGEST_ANSWER).read_to_end(&mut answer));
        let problem = "its backend did not say what it needs".to_owned();
        let wrong = || BuildError::NotAWheel { label: label.clone(), problem: problem.clone() };
        read.map_err(|_| wrong())?;
        let more: Vec<String> = serde_json::from_slice(&answer).map_err(|_| wrong())?;
        asked.extend(more);
    }
    let present: Vec<(DistributionName, pep440_rs::Version)> = wanted
        .wheels
        .iter()
        .map(|chosen| (chosen.name.clone(), chosen.wheel.filename.version.clone()))
        .collect();
    Ok(missing_requirements(&asked, &target.marker_environment(), &present))
}

/// Has the user's uv resolve the requirements of builds, each for itself.
fn uv_lock(
    session: &Session<'_>,
    target: &Target,
    requires: &BTreeMap<DistributionName, Vec<String>>,
) -> Result<UvLock, BuildError> {
    let failed = |problem: String| BuildError::Uv { problem };
    if session.offline {
        return Err(failed(
            "what builds need is not locked, and --offline forbids to find it out".to_owned(),
        ));
    }
    let scratch = session.store.scratch()?;
    let folder = scratch.path();
    let text = build_requirements_project(target.python.series(), requires);
    let pyproject = folder.join("pyproject.toml");
    fs::write(&pyproject, text).map_err(|source| BuildError::Output { path: pyproject, source })?;
    let names: Vec<&str> = requires.keys().map(DistributionName::as_str).collect();
    session.reporter.event(&Event::LockingBuilds { names: &names });
    let output = Command::new(&session.programs.uv)
        .args(["lock", "--quiet", "--no-progress", "--color", "never"])
        .current_dir(folder)
        .env_remove("VIRTUAL_ENV")
        .env_remove("UV_PROJECT")
        .env_remove("UV_FROZEN")
        .env_remove("UV_LOCKED")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| {
            let program = session.programs.uv.display();
            failed(format!(
                "cannot run {program}: {error}; uv resolves what {} needs to be built: install it",
                names.join(", ")
            ))
        })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(failed(format!("uv cannot resolve what builds need:\n{}", said.trim())));
    }
    let path = folder.join("uv.lock");
    let text = fs::read_to_string(&path).map_err(|source| BuildError::Read { path: path.clone(), source })?;
    UvLock::parse(&text).map_err(|source| BuildError::UvLock { path, source: Box::new(source) })
}
