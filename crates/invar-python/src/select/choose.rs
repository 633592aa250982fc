//! From one package of the lock to the wheel or the source that is taken.
//!
//! As `uv` has it: a wheel that fits, unless `no-binary` forbids it; else the source, unless `no-build` forbids it.
//! Workspace members are exempt from `no-build`. What is preferred only decides between what is allowed.
use std::collections::{BTreeMap, BTreeSet};

use super::source::locate;
use super::{
    Chosen, ChosenSource, DirectUrl, Location, NeededBy, PackageProblem, Selected, WheelFile, joined,
};
use crate::lock::{LockedHash, LockedWheel, Package, Source};
use crate::name::DistributionName;
use crate::tags::Tags;
use crate::target::Target;

/// What decides between wheels and source. The default takes wheels where there are any that fit, and builds what
/// has none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SourcePolicy {
    /// Source is taken where there is any; a package that has none is taken as a wheel.
    pub prefer_sdist: bool,
    /// The same for single distributions: whether source is preferred.
    pub prefer: BTreeMap<DistributionName, bool>,
    /// `tool.uv.no-build`: nothing is built but the workspace's members.
    pub no_build: bool,
    /// `tool.uv.no-build-package`.
    pub no_build_packages: BTreeSet<DistributionName>,
    /// `tool.uv.no-binary`: no wheel is taken.
    pub no_binary: bool,
    /// `tool.uv.no-binary-package`.
    pub no_binary_packages: BTreeSet<DistributionName>,
    /// Whether the root project itself is built and installed: it has a build system, or `tool.uv.package` says so.
    pub project_is_package: bool,
}

impl SourcePolicy {
    fn forbids_build(&self, name: &DistributionName) -> bool {
        self.no_build || self.no_build_packages.contains(name)
    }

    fn forbids_wheel(&self, name: &DistributionName) -> bool {
        self.no_binary || self.no_binary_packages.contains(name)
    }

    fn prefers_source(&self, name: &DistributionName) -> bool {
        self.prefer.get(name).copied().unwrap_or(self.prefer_sdist)
    }
}

/// What packages are chosen by.
pub(super) struct Choice<'a> {
    pub(super) target: &'a Target,
    pub(super) tags: &'a Tags,
    pub(super) policy: &'a SourcePolicy,
}

impl Choice<'_> {
    /// `member` is whether the package belongs to the workspace.
    pub(super) fn choose(
        &self,
        package: &Package,
        member: bool,
        needed_by: NeededBy,
    ) -> Result<Selected, Box<PackageProblem>> {
        let name = &package.name;
        let no_wheel = self.policy.forbids_wheel(name);
        let no_build = self.policy.forbids_build(name) && !member;
        let has_source = package.sdist.is_some()
            || !matches!(package.source, Source::Registry(_) | Source::Url { .. } | Source::Path(_));
        let source = has_source && !no_build;
        let wheel = match no_wheel {
            true => None,
            false => self.tags.best(&package.wheels, |wheel| &wheel.filename),
        };
        match wheel {
            Some(wheel) if !(source && self.policy.prefers_source(name)) => {
                self::wheel(package, wheel, needed_by).map(Selected::Wheel)
            }
            _ if source => built(package, needed_by).map(Selected::Source),
            _ => Err(Box::new(self.nothing(package, no_wheel, no_build && has_source, needed_by))),
        }
    }

    /// Why nothing can be taken of a package.
    fn nothing(
        &self,
        package: &Package,
        no_wheel: bool,
        no_build: bool,
        needed_by: NeededBy,
    ) -> PackageProblem {
        let (name, version) = (package.name.clone(), package.version_text.clone());
        let mut tags: Vec<String> = package.wheels.iter().map(|wheel| wheel.filename.tags()).collect();
        tags.sort_unstable();
        tags.dedup();
        match (no_wheel, no_build) {
            (true, true) => PackageProblem::NoBinaryNoBuild { name, version, needed_by },
            (true, false) => PackageProblem::NoBinary { name, version, needed_by },
            (false, true) => {
                let target = self.target.clone();
                PackageProblem::NoBuild { name, version, target, tags, needed_by }
            }
            (false, false) if tags.is_empty() => PackageProblem::NoFiles { name, version, needed_by },
            (false, false) => {
                let target = self.target.clone();
                PackageProblem::NoWheel { name, version, target, tags, needed_by }
            }
        }
    }
}

/// A package that is built.
pub(super) fn built(package: &Package, needed_by: NeededBy) -> Result<ChosenSource, Box<PackageProblem>> {
    let (name, version) = (package.name.clone(), package.version_text.clone());
    match locate(package, &needed_by)? {
        Some((source, direct)) => Ok(ChosenSource { name, version, source, direct, needed_by }),
        None => Err(Box::new(PackageProblem::NoFiles { name, version, needed_by })),
    }
}

fn wheel(package: &Package, wheel: &LockedWheel, needed_by: NeededBy) -> Result<Chosen, Box<PackageProblem>> {
    let name = package.name.clone();
    let version = package.version_text.clone();
    let file = wheel.filename.to_string();
    let wheel_version = package.version.as_ref().unwrap_or(&wheel.filename.version);
    if !wheel.filename.is_of(&name, wheel_version) {
        return Err(Box::new(PackageProblem::OtherWheel { name, version, file, needed_by }));
    }
    let digest = match &wheel.hash {
        Some(LockedHash::Sha256(digest)) => *digest,
        other => {
            let algorithm = match other {
                Some(LockedHash::Other(algorithm)) => Some(algorithm.clone()),
                _ => None,
            };
            return Err(Box::new(PackageProblem::NoDigest { name, file, algorithm, needed_by }));
        }
    };
    let (location, direct) = match (&package.source, &wheel.url, &wheel.path) {
        (Source::Url { url, subdirectory }, file, _) => {
            let direct = DirectUrl::Url { url: url.clone(), subdirectory: subdirectory.clone() };
            (Location::Url(file.as_ref().unwrap_or(url).clone()), Some(direct))
        }
        (Source::Path(path), ..) => {
            (Location::Path(path.clone()), Some(DirectUrl::Path { path: path.clone() }))
        }
        (Source::Registry(_), Some(url), _) => (Location::Url(url.clone()), None),
        (Source::Registry(index), None, Some(path)) if !Source::is_url(index) => {
            (Location::Path(joined(index, path)), None)
        }
        _ => return Err(Box::new(PackageProblem::NoLocation { name, file, needed_by })),
    };
    Ok(Chosen {
        name,
        version: version.unwrap_or_else(|| wheel.filename.version.to_string()),
        wheel: WheelFile { filename: wheel.filename.clone(), location, digest, size: wheel.size },
        direct,
        needed_by,
    })
}
