//! From what builds ask for to what they get: wheels, and where there are none, source distributions, which have builds
//! of their own.
use std::collections::{BTreeMap, BTreeSet};

use invar_checkout::ProjectFiles;
use invar_plan::{build_needs, build_wheels, needed_root_name, root_packages, target};
use invar_project::{
    ClosureName, InvarLock, LockedBuild, LockedBuildSource, LockedBuildWheel, LockedInterpreter,
    LockedPlatform, Platform,
};
use invar_python::{
    Chosen, ChosenSource, DistributionName, Location, Selected, SourceLocation, Target, build_requirements,
    missing_requirements, version_environment,
};
use invar_realise::{BackendQuestion, PackageSource, locked_digest, read_source};

use super::{commit, declared, uv};
use crate::context::LockContext;
use crate::parts::runtime_versions;
use crate::{BuildsError, LockError};

/// How often a build is asked what else it needs, each time with what it asked for before.
const ROUNDS: usize = 3;

/// How deep a package that is built for a build may need another one.
const DEEPEST: usize = 8;

/// A package to be built, and what is known of its build.
pub(super) struct Wanted {
    pub name: DistributionName,
    pub chosen: ChosenSource,
    pub source: PackageSource,
    pub version: Option<String>,
    pub requires: BTreeSet<String>,
    /// Where it is built.
    pub root: ClosureName,
}

/// The files that builds get.
pub(super) struct Found {
    pub wheels: BTreeMap<String, LockedBuildWheel>,
    pub sources: BTreeMap<String, LockedBuildSource>,
}

/// Finds what builds for one platform need.
pub(super) struct Resolver<'a> {
    context: &'a LockContext<'a>,
    files: &'a ProjectFiles,
    platform: Platform,
    target: Target,
    interpreter: LockedInterpreter,
    /// The lock in the making; what is found is added to its platform, so that it can be built with at once.
    lock: InvarLock,
    /// The versions of what the project installs.
    runtime: BTreeMap<DistributionName, String>,
    /// What may not be built.
    no_build: bool,
    no_build_packages: BTreeSet<DistributionName>,
}

impl<'a> Resolver<'a> {
    /// For the builds of `files` that `lock` is being made for.
    ///
    /// # Errors
    /// What the lock's interpreter says.
    pub fn new(
        context: &'a LockContext<'a>,
        files: &'a ProjectFiles,
        lock: &InvarLock,
        platform: Platform,
    ) -> Result<Self, LockError> {
        let target = target(lock, platform)?;
        let interpreter = lock.interpreter.clone().ok_or(invar_plan::PlanError::Interpreter)?;
        let uv = files.manifest.project.as_ref().map(|project| &project.uv);
        let forbidden = uv.map(|uv| &uv.no_build_package).into_iter().flatten();
        Ok(Self {
            context,
            files,
            platform,
            target,
            interpreter,
            lock: lock.clone(),
            runtime: runtime_versions(files, lock, platform)?,
            no_build: uv.is_some_and(|uv| uv.no_build),
            no_build_packages: forbidden.filter_map(|name| name.as_str().parse().ok()).collect(),
        })
    }

    /// What builds are for.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The versions of what the project installs.
    pub fn runtime(&self) -> &BTreeMap<DistributionName, String> {
        &self.runtime
    }

    fn locked(&mut self) -> &mut LockedPlatform {
        self.lock.platforms.get_mut(&self.platform).expect("the platform is being locked")
    }

    /// Takes over what `build` has from an earlier lock.
    pub fn keep(&mut self, old: &LockedPlatform, build: &LockedBuild) {
        for file in &build.wheels {
            self.locked().build_wheels.insert(file.clone(), old.build_wheels[file].clone());
        }
        for file in &build.sources {
            let source = &old.build_sources[file];
            self.locked().build_sources.insert(file.clone(), source.clone());
            self.keep(old, &source.build);
        }
    }

    /// All files that `builds` need.
    pub fn found(mut self, builds: &BTreeMap<DistributionName, LockedBuild>) -> Found {
        let locked = std::mem::take(self.locked());
        let (mut wheels, mut sources) = (BTreeMap::new(), BTreeMap::new());
        let mut open: Vec<&LockedBuild> = builds.values().collect();
        while let Some(build) = open.pop() {
            for file in &build.wheels {
                wheels.insert(file.clone(), locked.build_wheels[file].clone());
            }
            for file in &build.sources {
                let source = &locked.build_sources[file];
                if sources.insert(file.clone(), source.clone()).is_none() {
                    open.push(&source.build);
                }
            }
        }
        Found { wheels, sources }
    }

    /// Finds what every one of `wanted` needs: what it declares, and what it asks for when it is asked.
    ///
    /// # Errors
    /// [`BuildsError::Uv`], [`BuildsError::Requirements`], [`BuildsError::Cycle`], and what builds say.
    pub fn resolve(
        &mut self,
        wanted: Vec<Wanted>,
    ) -> Result<BTreeMap<DistributionName, LockedBuild>, LockError> {
        let mut open = wanted;
        let mut done = BTreeMap::new();
        for round in 1..=ROUNDS {
            if open.is_empty() {
                break;
            }
            let requires: BTreeMap<DistributionName, Vec<String>> = open
                .iter()
                .map(|one| (one.chosen.name.clone(), one.requires.iter().cloned().collect()))
                .collect();
            let mut resolved = self.requirements(&requires)?;
            let mut next = Vec::new();
            for mut one in open {
                let selected = resolved.remove(&one.chosen.name).unwrap_or_default();
                let (build, more) = self.build(&one, selected, &mut Vec::new(), round == ROUNDS)?;
                if more.is_empty() {
                    done.insert(one.name, build);
                } else {
                    one.requires.extend(more);
                    next.push(one);
                }
            }
            open = next;
        }
        Ok(done)
    }

    /// What `one` is built with if it gets `selected`, and what else it asks for unless this is the `last` time.
    /// `above` are the source distributions that are being resolved, each needed by the one before.
    fn build(
        &mut self,
        one: &Wanted,
        selected: Vec<Selected>,
        above: &mut Vec<String>,
        last: bool,
    ) -> Result<(LockedBuild, Vec<String>), LockError> {
        let mut build = LockedBuild {
            version: one.version.clone(),
            source: locked_digest(&one.chosen, &one.source),
            commit: commit(&one.chosen),
            requires: one.requires.clone(),
            ..LockedBuild::default()
        };
        let mut wheels = Vec::new();
        let mut present = Vec::new();
        for selected in selected {
            match selected {
                Selected::Wheel(chosen) => {
                    build.wheels.insert(self.add_wheel(&one.name, &chosen)?);
                    present.push((chosen.name.clone(), chosen.wheel.filename.version.clone()));
                    wheels.push(chosen);
                }
                Selected::Source(chosen) => {
                    let version = chosen.version.as_deref().and_then(|version| version.parse().ok());
                    present.extend(version.map(|version| (chosen.name.clone(), version)));
                    build.sources.insert(self.add_source(one, chosen, above)?);
                }
            }
        }
        if last {
            return Ok((build, Vec::new()));
        }
        let asked = self.ask(one, &build, &wheels)?;
        let more = missing_requirements(&asked, &self.target.marker_environment(), &present);
        Ok((build, more))
    }

    fn add_wheel(&mut self, name: &DistributionName, chosen: &Chosen) -> Result<String, LockError> {
        let file = chosen.wheel.filename.as_str().to_owned();
        let Location::Url(url) = &chosen.wheel.location else {
            return Err(BuildsError::LocalWheel { name: name.to_string(), file }.into());
        };
        let wheel =
            LockedBuildWheel { url: url.clone(), size: chosen.wheel.size, sha256: chosen.wheel.digest };
        self.locked().build_wheels.insert(file.clone(), wheel);
        Ok(file)
    }

    /// Adds a source distribution that `needed_by` gets, with all that its own build needs.
    fn add_source(
        &mut self,
        needed_by: &Wanted,
        chosen: ChosenSource,
        above: &mut Vec<String>,
    ) -> Result<String, LockError> {
        let SourceLocation::Archive {
            filename,
            location: Location::Url(url),
            digest,
            size,
            subdirectory: None,
        } = chosen.source.clone()
        else {
            let (name, needed) = (needed_by.name.to_string(), chosen.name.to_string());
            return Err(BuildsError::Source { name, needed }.into());
        };
        if above.contains(&filename) || above.len() >= DEEPEST {
            above.push(filename);
            return Err(BuildsError::Cycle { chain: std::mem::take(above) }.into());
        }
        if self.locked().build_sources.contains_key(&filename) {
            return Ok(filename);
        }
        let name = chosen.name.clone();
        let source = read_source(self.context.sources, self.files, &chosen, None)?;
        let requires = declared(self.files, &name, &chosen, &source, &self.runtime)?;
        let root = needed_root_name(&self.files.manifest, &name, &needed_by.root);
        let version = chosen.version.clone();
        let mut one = Wanted { name, chosen, source, version, requires, root };
        above.push(filename.clone());
        let mut round = 1;
        let build = loop {
            let wanted = (one.chosen.name.clone(), one.requires.iter().cloned().collect());
            let resolved = self.requirements(&BTreeMap::from([wanted]))?;
            let selected = resolved.into_values().next().unwrap_or_default();
            let (build, more) = self.build(&one, selected, above, round == ROUNDS)?;
            if more.is_empty() {
                break build;
            }
            one.requires.extend(more);
            round += 1;
        };
        above.pop();
        let source = LockedBuildSource { name: one.name, url, size, sha256: digest, build };
        self.locked().build_sources.insert(filename.clone(), source);
        Ok(filename)
    }

    /// What each build gets for what it requires. Wheels are taken wherever there are any: only where there is no choice
    /// without it, what has none is built.
    fn requirements(
        &self,
        requires: &BTreeMap<DistributionName, Vec<String>>,
    ) -> Result<BTreeMap<DistributionName, Vec<Selected>>, LockError> {
        let mut all = BTreeMap::new();
        let together = self.attempt(requires, true)?;
        for (name, own) in requires {
            if let Ok(lock) = &together
                && let Ok(selected) =
                    build_requirements(lock, name, &self.target, true, &self.no_build_packages)
            {
                all.insert(name.clone(), selected);
                continue;
            }
            let alone = BTreeMap::from([(name.clone(), own.clone())]);
            // What another build needs is no reason to build anything for this one.
            let selected = match requires.len() {
                1 => self.select(name, together.as_ref().map_err(Clone::clone), true),
                _ => self.select(name, self.attempt(&alone, true)?.as_ref().map_err(Clone::clone), true),
            };
            let selected = match selected {
                Err(_) if !self.no_build => {
                    self.select(name, self.attempt(&alone, false)?.as_ref().map_err(Clone::clone), false)?
                }
                selected => selected?,
            };
            all.insert(name.clone(), selected);
        }
        Ok(all)
    }

    fn attempt(
        &self,
        requires: &BTreeMap<DistributionName, Vec<String>>,
        no_build: bool,
    ) -> Result<Result<invar_python::UvLock, String>, LockError> {
        let builds = uv::Builds { none: no_build, without: &self.no_build_packages };
        // A member's settings for uv are those of its workspace.
        let project = self.files.workspace.as_deref().unwrap_or(&self.files.folder);
        uv::lock(self.context, project, &self.target, requires, builds)
    }

    fn select(
        &self,
        name: &DistributionName,
        lock: Result<&invar_python::UvLock, String>,
        no_build: bool,
    ) -> Result<Vec<Selected>, LockError> {
        let lock = lock.map_err(|said| BuildsError::Uv {
            problem: format!("uv cannot resolve the build requirements of {name}:\n{said}"),
        })?;
        build_requirements(lock, name, &self.target, no_build, &self.no_build_packages).map_err(|source| {
            BuildsError::Requirements { name: name.to_string(), source: Box::new(source) }.into()
        })
    }

    /// What the build backend asks for (PEP 517, `get_requires_for_build_wheel`). Where nothing can be run on this
    /// machine, only what is declared counts, and a build that needs more will say so.
    fn ask(&self, wanted: &Wanted, build: &LockedBuild, wheels: &[Chosen]) -> Result<Vec<String>, LockError> {
        let label = format!("the build environment of {}", wanted.chosen.name);
        if let Err(error) = self.context.backends.check(self.platform, &label) {
            let name = &wanted.chosen.name;
            let warning = format!("cannot query the dynamic build requirements of {name}: {error}");
            self.context.sources.reporter.warn(&warning);
            return Ok(Vec::new());
        }
        let (manifest, locked) = (&self.files.manifest, &self.lock.platforms[&self.platform]);
        let mut environment = BTreeMap::new();
        if let Some(version) = &wanted.version {
            environment.extend(version_environment(&wanted.chosen.name, version));
        }
        let project = manifest.project.as_ref();
        if let Some(more) = project.and_then(|it| it.uv.extra_build_variables.get(&wanted.name)) {
            environment.extend(more.clone());
        }
        if let Some(own) = manifest.python.overrides.get(&wanted.name) {
            environment.extend(own.env.iter().map(|(name, value)| (name.to_string(), value.clone())));
        }
        let question = BackendQuestion {
            label: &label,
            name: &wanted.name,
            chosen: &wanted.chosen,
            source: &wanted.source,
            files: self.files,
            lock: &self.lock,
            platform: self.platform,
            interpreter: &self.interpreter,
            root: root_packages(locked, &wanted.root)?,
            wheels: build_wheels(wheels, &self.interpreter)?,
            needs: build_needs(manifest, locked, &self.interpreter, build, &wanted.root)?,
            environment,
        };
        self.context.backends.requires(&question).map_err(|error| BuildsError::Backend(error).into())
    }
}
