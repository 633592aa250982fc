//! What Python packages are built with: `uv.lock` says nothing about it, so `invar lock` has the user's uv resolve it,
//! and `invar.lock` keeps the result.
mod constraints;
mod resolver;
mod uv;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use invar_checkout::{ProjectFiles, hidden_from_build};
use invar_plan::build_root_name;
use invar_project::{InvarLock, LockPart, LockedBuild, LockedPlatform, Platform};
use invar_python::{
    ChosenSource, DistributionName, ExtraBuildDependency, Requirement, SourceLocation, build_system,
    project_info,
};
use invar_realise::{PackageSource, locked_digest, read_source, read_text, version as tagged_version};

pub(crate) use self::constraints::Constraints;
use self::resolver::{Resolver, Wanted};
use crate::context::LockContext;
use crate::parts::{Deferred, of_part, parts, sources};
use crate::{BuildsError, LockError};

/// Records in `lock` what everything that is built for `platform` is built with. What `old` has and still fits is kept.
///
/// One part of the project after the other, so that none has a say in what those before it are built with. What cannot
/// be locked of another part than `required` is left out, and given back with the reason.
///
/// # Errors
/// What reading the sources says, [`BuildsError::Uv`], [`BuildsError::NoUv`], [`BuildsError::Requirements`].
pub(crate) fn lock_builds(
    context: &LockContext<'_>,
    files: &ProjectFiles,
    lock: &mut InvarLock,
    platform: Platform,
    old: Option<&InvarLock>,
    required: &LockPart,
) -> Result<Vec<Deferred>, LockError> {
    let old = old.and_then(|old| old.platforms.get(&platform));
    let mut builds: BTreeMap<DistributionName, LockedBuild> = BTreeMap::new();
    let mut deferred = Vec::new();
    let mut resolver = None;
    for part in parts(files) {
        let mut add = || -> Result<(), LockError> {
            let mut sources = sources(files, lock, platform, &part)?;
            sources.retain(|name, _| !builds.contains_key(name));
            if sources.is_empty() {
                return Ok(());
            }
            let is_new = |name: &&DistributionName| old.is_none_or(|old| !old.builds.contains_key(*name));
            let new: Vec<&str> = sources.keys().filter(is_new).map(DistributionName::as_str).collect();
            if !new.is_empty() && part != *required {
                // Nothing is fetched for what cannot be locked anyway.
                uv::check(context, &new)?;
            }
            if resolver.is_none() {
                resolver = Some(Resolver::new(context, files, lock, platform)?);
            }
            let resolver = resolver.as_mut().expect("it was made a moment ago");
            builds.extend(lock_sources(context, files, resolver, sources, old)?);
            Ok(())
        };
        match add() {
            Ok(()) => {}
            Err(error) if part == *required => return Err(of_part(&part, error)),
            Err(error) => deferred.push(Deferred { part, error }),
        }
    }
    let locked = lock.platforms.get_mut(&platform).expect("the platform is being locked");
    let found = resolver.map(|resolver| resolver.found(&builds));
    let (wheels, sources) = found.map(|found| (found.wheels, found.sources)).unwrap_or_default();
    (locked.builds, locked.build_wheels, locked.build_sources) = (builds, wheels, sources);
    Ok(deferred)
}

/// What each of `sources` is built with.
fn lock_sources(
    context: &LockContext<'_>,
    files: &ProjectFiles,
    resolver: &mut Resolver<'_>,
    sources: BTreeMap<DistributionName, ChosenSource>,
    old: Option<&LockedPlatform>,
) -> Result<BTreeMap<DistributionName, LockedBuild>, LockError> {
    let mut builds = BTreeMap::new();
    let mut wanted = Vec::new();
    let constraints = Constraints::of(files, resolver.target());
    for (name, chosen) in sources {
        let known = old.and_then(|old| old.builds.get(&name));
        let expected = known.filter(|known| known.version == chosen.version).and_then(|known| known.source);
        let expected = expected.filter(|_| matches!(chosen.source, SourceLocation::Git { .. }));
        let source = read_source(context.sources, files, &chosen, expected.as_ref())?;
        let requires = declared(files, &name, &chosen, &source, resolver.runtime())?;
        warn_of_sources(context, files, &chosen, &source, &requires);
        let version = version(context, files, &chosen, &source);
        if let (Some(known), Some(old)) = (known, old)
            && known.requires.is_superset(&requires)
            && known.source == locked_digest(&chosen, &source)
            && constraints.allow(old, known)
        {
            resolver.keep(old, known);
            // A copy without a repository says nothing of the version, and the lock keeps it.
            let version = version.or_else(|| known.version.clone());
            let commit = commit(&chosen);
            builds.insert(name, LockedBuild { version, commit, ..known.clone() });
            continue;
        }
        let root = build_root_name(&files.manifest, &name);
        wanted.push(Wanted { name, chosen, source, version, requires, root });
    }
    if !wanted.is_empty() {
        let names: Vec<&str> = wanted.iter().map(|wanted| wanted.name.as_str()).collect();
        uv::check(context, &names)?;
    }
    builds.extend(resolver.resolve(wanted)?);
    Ok(builds)
}

/// Says what uv would give to the build of a package of the project from elsewhere than an index: `[tool.uv.sources]` of
/// the package and of its workspace say so.
fn warn_of_sources(
    context: &LockContext<'_>,
    files: &ProjectFiles,
    chosen: &ChosenSource,
    source: &PackageSource,
    requires: &BTreeSet<String>,
) {
    if !matches!(chosen.source, SourceLocation::Directory { .. }) {
        return;
    }
    let root = files.workspace.as_deref().unwrap_or(&files.folder).join("pyproject.toml");
    let texts = [read_text(source, "pyproject.toml"), fs::read_to_string(root).ok()];
    let names: BTreeSet<DistributionName> = requires
        .iter()
        .filter_map(|text| text.parse::<Requirement>().ok())
        .map(|requirement| requirement.name)
        .collect();
    for text in texts.into_iter().flatten() {
        let Ok(file) = text.parse::<toml::Table>() else { continue };
        let sources = file.get("tool").and_then(|tool| tool.get("uv")?.get("sources")?.as_table());
        for (name, source) in sources.into_iter().flatten() {
            let is_index = source.is_array() || source.get("index").is_some();
            if let Ok(needed) = name.parse::<DistributionName>()
                && names.contains(&needed)
                && !is_index
            {
                let name = &chosen.name;
                context.sources.reporter.warn(&format!(
                    "the build of {name} requires {needed}, which tool.uv.sources take from elsewhere: it gets {needed} of an \
                     index"
                ));
            }
        }
    }
}

/// The commit that is built, where it is one.
fn commit(chosen: &ChosenSource) -> Option<String> {
    match &chosen.source {
        SourceLocation::Git { commit, .. } => Some(commit.clone()),
        SourceLocation::Archive { .. } | SourceLocation::Directory { .. } => None,
    }
}

/// What the package and the project say that its build needs.
fn declared(
    files: &ProjectFiles,
    name: &DistributionName,
    chosen: &ChosenSource,
    source: &PackageSource,
    runtime: &BTreeMap<DistributionName, String>,
) -> Result<BTreeSet<String>, LockError> {
    let pyproject = read_text(source, "pyproject.toml");
    if pyproject.is_none() && read_text(source, "setup.py").is_none() {
        let hidden = match &chosen.source {
            SourceLocation::Directory { path, .. } => hidden_from_build(files, path, &[])?,
            SourceLocation::Archive { .. } | SourceLocation::Git { .. } => Vec::new(),
        };
        return Err(BuildsError::NotAPackage { name: chosen.name.to_string(), hidden }.into());
    }
    let system = build_system(pyproject.as_deref()).map_err(|source| BuildsError::BuildSystem {
        name: chosen.name.to_string(),
        source: Box::new(source),
    })?;
    let mut requires: BTreeSet<String> = system.requires.into_iter().collect();
    requires.append(&mut added_requirements(files, name, runtime)?);
    Ok(requires)
}

/// What the project says that the build of a package needs in addition.
fn added_requirements(
    files: &ProjectFiles,
    name: &DistributionName,
    runtime: &BTreeMap<DistributionName, String>,
) -> Result<BTreeSet<String>, BuildsError> {
    let mut requires = BTreeSet::new();
    if let Some(own) = files.manifest.python.overrides.get(name) {
        requires.extend(own.build_requires.iter().map(ToString::to_string));
    }
    if let Some(project) = &files.manifest.project
        && let Some(extra) = project.uv.extra_build_dependencies.get(name)
    {
        for ExtraBuildDependency { requirement, match_runtime } in extra {
            let mut requirement = requirement.clone();
            if *match_runtime {
                // A build against one version must not meet another one where it runs.
                let needed = &requirement.name;
                let missing =
                    || BuildsError::NoRuntime { name: name.to_string(), needed: needed.to_string() };
                let version = runtime.get(needed).ok_or_else(missing)?;
                let exact = format!("=={version}").parse().map_err(|_| missing())?;
                requirement.specifiers = exact;
            }
            requires.insert(requirement.to_string());
        }
    }
    Ok(requires)
}

/// What of the requirements of a build is known without fetching anything: what the project says, and what its own
/// folders declare. What is wrong with these is reported when they are built.
pub(crate) fn known_requirements(
    files: &ProjectFiles,
    name: &DistributionName,
    chosen: &ChosenSource,
    runtime: &BTreeMap<DistributionName, String>,
) -> BTreeSet<String> {
    let mut requires = added_requirements(files, name, runtime).unwrap_or_default();
    if let SourceLocation::Directory { path, .. } = &chosen.source {
        let pyproject = fs::read_to_string(files.folder.join(path).join("pyproject.toml")).ok();
        requires.extend(build_system(pyproject.as_deref()).into_iter().flat_map(|system| system.requires));
    }
    requires
}

/// The version that the build is told, so that it does not look for a repository: as `uv.lock` has it, or for a project
/// whose version is dynamic, as the tags around it say.
fn version(
    context: &LockContext<'_>,
    files: &ProjectFiles,
    chosen: &ChosenSource,
    source: &PackageSource,
) -> Option<String> {
    if chosen.version.is_some() {
        return chosen.version.clone();
    }
    let SourceLocation::Directory { path, .. } = &chosen.source else { return None };
    let info = project_info(&read_text(source, "pyproject.toml")?).ok()?;
    if !info.dynamic.iter().any(|field| field == "version") {
        return None;
    }
    tagged_version(&context.sources.upstreams.git, &files.folder.join(path))
}
