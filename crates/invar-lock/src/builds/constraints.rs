//! `build-constraint-dependencies`: which versions builds may get.
use invar_checkout::ProjectFiles;
use invar_plan::target;
use invar_project::{InvarLock, LockedBuild, LockedPlatform, Platform};
use invar_python::{Activated, DistributionName, Requirement, Target, WheelFilename};
use pep440_rs::Version;

/// The constraints that hold on one platform.
pub(crate) struct Constraints<'a>(Vec<&'a Requirement>);

impl<'a> Constraints<'a> {
    /// Those of `files` that hold on `target`.
    pub fn of(files: &'a ProjectFiles, target: &Target) -> Self {
        let environment = target.marker_environment();
        let project = files.manifest.project.iter();
        let all = project.flat_map(|project| &project.uv.build_constraints);
        Self(all.filter(|one| one.marker.evaluate(&environment, &Activated::default())).collect())
    }

    /// Those of `files` that hold on `platform` of a lock; none if it is not known what is there.
    pub fn on(files: &'a ProjectFiles, lock: &InvarLock, platform: Platform) -> Self {
        match target(lock, platform) {
            Ok(target) => Self::of(files, &target),
            Err(_) => Self(Vec::new()),
        }
    }

    /// Whether `build`, of which `old` has the files, got nothing else.
    pub fn allow(&self, old: &LockedPlatform, build: &LockedBuild) -> bool {
        if self.0.is_empty() {
            return true;
        }
        let wheels = build.wheels.iter().all(|file| {
            let Ok(WheelFilename { name, version, .. }) = file.parse::<WheelFilename>() else { return false };
            self.allow_version(&name, &version)
        });
        wheels
            && build.sources.iter().filter_map(|file| old.build_sources.get(file)).all(|source| {
                let version = source.build.version.as_ref().and_then(|version| version.parse().ok());
                version.is_none_or(|version| self.allow_version(&source.name, &version))
                    && self.allow(old, &source.build)
            })
    }

    fn allow_version(&self, name: &DistributionName, version: &Version) -> bool {
        self.0.iter().all(|one| one.name != *name || one.specifiers.contains(version))
    }
}
