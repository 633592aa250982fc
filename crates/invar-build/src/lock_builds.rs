//! What Python packages are built with: `uv.lock` says nothing about it, so `invar lock` has the user's uv resolve it,
//! and `invar.lock` keeps the result.
mod resolver;
mod uv;

use std::collections::{BTreeMap, BTreeSet};

use invar_plan::{build_root_name, python_packages};
use invar_project::{InvarLock, LockedBuild, Manifest, NormalisedName, Platform};
use invar_python::{ChosenSource, Selected, SourceLocation, UvLock, build_system, project_info};

use self::resolver::{Found, Resolver, Wanted};
use crate::git;
use crate::project::ProjectFiles;
use crate::python_source::{Source, locked_digest, read_source, read_text};
use crate::{BuildError, Session};

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
    let mut builds: BTreeMap<NormalisedName, LockedBuild> = BTreeMap::new();
    let mut resolver = Resolver::new(session, files, lock, platform)?;
    let mut wanted = Vec::new();
    for (name, chosen) in sources {
        let known = old.and_then(|old| old.builds.get(&name));
        let expected = known.filter(|known| known.version == chosen.version).and_then(|known| known.source);
        let expected = expected.filter(|_| matches!(chosen.source, SourceLocation::Git { .. }));
        let source = read_source(&resolver.workshop(), &chosen, expected.as_ref())?;
        let requires = declared(files, &name, &chosen, &source)?;
        let version = version(session, files, &chosen, &source);
        if let (Some(known), Some(old)) = (known, old)
            && known.requires.is_superset(&requires)
            && known.source == locked_digest(&chosen, &source)
        {
            resolver.keep(old, known);
            // A copy without a repository says nothing of the version, and the lock keeps it.
            let version = version.or_else(|| known.version.clone());
            builds.insert(name, LockedBuild { version, ..known.clone() });
            continue;
        }
        let root = build_root_name(&files.manifest, &name);
        wanted.push(Wanted { name, chosen, source, version, requires, root });
    }
    builds.extend(resolver.resolve(wanted)?);
    let Found { wheels, sources } = resolver.found(&builds);
    let locked = lock.platforms.get_mut(&platform).expect("the platform is being locked");
    (locked.builds, locked.build_wheels, locked.build_sources) = (builds, wheels, sources);
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
