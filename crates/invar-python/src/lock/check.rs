//! Whether a lock belongs to a project: what `uv lock --check` would notice.
//!
//! `uv` compares what the project asks for with what the lock says that it asked for. Names, extras and versions are
//! compared in their normalized forms. Markers are compared by what they decide: in every environment of a grid that
//! `requires-python` allows, the same requirements must apply. A text may differ from what `uv` made of it.
//!
//! What is dynamic is not compared: only building shows what the project asks for, and it did when it was locked.
//!
//! What `tool.uv.sources` changes is compared for git repositories and URLs, and for paths, workspace members and indexes
//! only by name: a false alarm would be worse than a miss. Settings that uv compares too (constraints, overrides) are
//! compared like requirements.
use std::collections::{BTreeMap, BTreeSet};

use pep440_rs::{Version, VersionSpecifiers};

use super::{LockedRequirement, Package, UvLock};
use crate::marker::{Activated, Marker, MarkerEnvironment};
use crate::name::{DistributionName, ExtraName, GroupName};
use crate::project::{Project, UvSource};
use crate::requirement::Requirement;

/// One way in which a lock and a project disagree. The remedy is always to lock again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Disagreement {
    /// The lock does not hold the project.
    #[error("uv.lock does not contain the project {name}")]
    Root {
        /// The project.
        name: DistributionName,
    },
    /// The Pythons differ.
    #[error("requires-python is {project:?} in pyproject.toml, but {lock:?} in uv.lock")]
    RequiresPython {
        /// The project's.
        project: String,
        /// The lock's.
        lock: String,
    },
    /// The project requires a distribution, and the lock does not know of it.
    #[error("{place} requires {name}, which is not in uv.lock")]
    Added {
        /// Where it is required.
        place: Place,
        /// The distribution.
        name: DistributionName,
    },
    /// The lock was made with a distribution that the project no longer requires.
    #[error("{place} no longer requires {name}, but uv.lock still has it")]
    Removed {
        /// Where it was required.
        place: Place,
        /// The distribution.
        name: DistributionName,
    },
    /// The project requires other versions or extras of a distribution, or under other conditions.
    #[error("the requirement {name} of {place} changed since uv.lock was created")]
    Changed {
        /// Where it is required.
        place: Place,
        /// The distribution.
        name: DistributionName,
    },
    /// The extras differ.
    #[error("pyproject.toml has the extras {}, but uv.lock was created with {}", list(project), list(lock))]
    Extras {
        /// The project's.
        project: BTreeSet<ExtraName>,
        /// The lock's.
        lock: BTreeSet<ExtraName>,
    },
}

/// Where a project requires something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In its dependencies or extras.
    Project,
    /// In a dependency group.
    Group(GroupName),
    /// In a setting of `[tool.uv]`.
    Setting(&'static str),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Project => f.write_str("pyproject.toml"),
            Self::Group(group) => write!(f, "the group {group} of pyproject.toml"),
            Self::Setting(key) => write!(f, "tool.uv.{key}"),
        }
    }
}

fn list(names: &BTreeSet<ExtraName>) -> String {
    match names.len() {
        0 => "none".to_owned(),
        _ => names.iter().map(ExtraName::as_str).collect::<Vec<_>>().join(", "),
    }
}

impl UvLock {
    /// Everything in which the lock and the project disagree; nothing if the lock belongs to it.
    pub fn check_project(&self, project: &Project) -> Vec<Disagreement> {
        let is_root = |package: &&Package| package.name == project.name && package.source.folder().is_some();
        let Some(root) = self.packages.iter().find(is_root) else {
            return vec![Disagreement::Root { name: project.name.clone() }];
        };
        let mut found = Vec::new();
        self.check_requires_python(project, &mut found);
        // Some revisions can leave the metadata out: then there is nothing to compare with.
        let metadata = &root.metadata;
        let recorded = !metadata.requires_dist.is_empty()
            || !metadata.groups.is_empty()
            || !metadata.provides_extras.is_empty();
        if !recorded && self.revision >= 4 {
            return found;
        }
        // Extras were not recorded before revision 1.
        let extras: BTreeSet<ExtraName> = project.optional_dependencies.keys().cloned().collect();
        let locked: BTreeSet<ExtraName> = metadata.provides_extras.iter().cloned().collect();
        let dynamic = |field: &str| project.dynamic.contains(field);
        if self.revision >= 1 && extras != locked && !dynamic("optional-dependencies") {
            found.push(Disagreement::Extras { project: extras.clone(), lock: locked.clone() });
        }
        let grid = self.grid();
        // Either one decides which requirements without an extra there are, and which with one.
        if !dynamic("dependencies") && !dynamic("optional-dependencies") {
            self.check_dependencies(root, project, &grid, &mut found);
        }
        let groups: BTreeSet<&GroupName> = project.groups.keys().chain(root.metadata.groups.keys()).collect();
        for group in groups {
            let wanted = project.groups.get(group).map_or(&[][..], Vec::as_slice);
            let wanted: Vec<_> =
                wanted.iter().map(|requirement| Wanted { requirement, extra: None }).collect();
            let locked = root.metadata.groups.get(group).map_or(&[][..], Vec::as_slice);
            compare(
                &Place::Group(group.clone()),
                &wanted,
                locked,
                &grid,
                &BTreeSet::new(),
                &project.uv.sources,
                &mut found,
            );
        }
        self.check_settings(project, &grid, &mut found);
        found
    }

    /// The settings that uv compares too.
    fn check_settings(&self, project: &Project, grid: &[MarkerEnvironment], found: &mut Vec<Disagreement>) {
        let (uv, locked) = (&project.uv, &self.manifest);
        let build = Some(uv.build_constraints.clone());
        for (key, wanted, locked) in [
            ("constraint-dependencies", &uv.constraints, &locked.constraints),
            ("override-dependencies", &uv.overrides, &locked.overrides),
            ("build-constraint-dependencies", &build, &locked.build_constraints),
        ] {
            let (Some(wanted), Some(locked)) = (wanted, locked) else { continue };
            let wanted: Vec<_> =
                wanted.iter().map(|requirement| Wanted { requirement, extra: None }).collect();
            let place = Place::Setting(key);
            compare(&place, &wanted, locked, grid, &BTreeSet::new(), &BTreeMap::new(), found);
        }
    }

    fn check_requires_python(&self, project: &Project, found: &mut Vec<Disagreement>) {
        // Without its own, uv takes the version that it finds on the host.
        let Some(wanted) = &project.requires_python else { return };
        let locked = &self.requires_python;
        let named = wanted.iter().chain(locked.iter()).map(|specifier| specifier.version().only_release());
        let several = self.manifest.members.len() > 1;
        let agrees = pythons().chain(named).all(|python| {
            // The lock of a workspace has what all its members allow: less than one of them.
            match (wanted.contains(&python), locked.contains(&python)) {
                (true, false) => several,
                (false, true) => false,
                _ => true,
            }
        });
        if !agrees {
            let lock = self.requires_python.to_string();
            found.push(Disagreement::RequiresPython { project: wanted.to_string(), lock });
        }
    }

    fn check_dependencies(
        &self,
        root: &Package,
        project: &Project,
        grid: &[MarkerEnvironment],
        found: &mut Vec<Disagreement>,
    ) {
        let own = project.dependencies.iter().map(|requirement| Wanted { requirement, extra: None });
        let optional = project.optional_dependencies.iter().flat_map(|(extra, requirements)| {
            requirements.iter().map(move |requirement| Wanted { requirement, extra: Some(extra) })
        });
        let wanted: Vec<_> = own.chain(optional).collect();
        // A build backend may have put the extras of a project that names itself in place of that name.
        let names_itself = wanted.iter().any(|wanted| wanted.requirement.name == root.name);
        if names_itself && root.version.is_none() {
            return;
        }
        let extras = project.optional_dependencies.keys().chain(&root.metadata.provides_extras).collect();
        compare(
            &Place::Project,
            &wanted,
            &root.metadata.requires_dist,
            grid,
            &extras,
            &project.uv.sources,
            found,
        );
    }

    /// Environments that between them distinguish most markers: those of the lock's Pythons.
    fn grid(&self) -> Vec<MarkerEnvironment> {
        let platforms = [
            ("posix", "linux", "Linux", "x86_64"),
            ("posix", "linux", "Linux", "aarch64"),
            ("posix", "linux", "Linux", "armv7l"),
            ("posix", "darwin", "Darwin", "x86_64"),
            ("posix", "darwin", "Darwin", "arm64"),
            ("nt", "win32", "Windows", "AMD64"),
            ("nt", "win32", "Windows", "ARM64"),
            ("posix", "cygwin", "CYGWIN_NT-10.0", "x86_64"),
            ("posix", "freebsd14", "FreeBSD", "amd64"),
            ("posix", "emscripten", "Emscripten", "wasm32"),
            ("posix", "android", "Android", "aarch64"),
        ];
        let mut grid = Vec::new();
        for minor in 6..=20u64 {
            for patch in [0, 1, 2, 5, 9] {
                let python = Version::new([3, minor, patch]);
                if !self.requires_python.contains(&python) {
                    continue;
                }
                for (os, sys, system, machine) in platforms {
                    for (platform_implementation, implementation) in
                        [("CPython", "cpython"), ("PyPy", "pypy")]
                    {
                        grid.push(MarkerEnvironment {
                            os_name: os.to_owned(),
                            sys_platform: sys.to_owned(),
                            platform_system: system.to_owned(),
                            platform_machine: machine.to_owned(),
                            platform_release: String::new(),
                            platform_version: String::new(),
                            platform_python_implementation: platform_implementation.to_owned(),
                            implementation_name: implementation.to_owned(),
                            python: python.clone(),
                        });
                    }
                }
            }
        }
        grid
    }
}

/// Releases of Python that distinguish most version specifiers.
fn pythons() -> impl Iterator<Item = Version> {
    let releases =
        (0..=30u64).flat_map(|minor| (0..=30u64).map(move |patch| Version::new([3, minor, patch])));
    [Version::new([2, 7, 18]), Version::new([4, 0, 0])].into_iter().chain(releases)
}

/// A requirement of the project, with the extra that it belongs to.
struct Wanted<'a> {
    requirement: &'a Requirement,
    extra: Option<&'a ExtraName>,
}

/// What a requirement asks for where it applies: extras, and versions as PEP 440 compares them.
type Ask<'a> = (BTreeSet<&'a ExtraName>, BTreeSet<&'a pep440_rs::VersionSpecifier>);

fn compare(
    place: &Place,
    wanted: &[Wanted<'_>],
    locked: &[LockedRequirement],
    grid: &[MarkerEnvironment],
    extras: &BTreeSet<&ExtraName>,
    sources: &BTreeMap<DistributionName, UvSource>,
    found: &mut Vec<Disagreement>,
) {
    let names: BTreeSet<&DistributionName> = wanted
        .iter()
        .map(|wanted| &wanted.requirement.name)
        .chain(locked.iter().map(|locked| &locked.name))
        .collect();
    for name in names {
        let wanted: Vec<&Wanted<'_>> =
            wanted.iter().filter(|wanted| wanted.requirement.name == *name).collect();
        let locked: Vec<&LockedRequirement> = locked.iter().filter(|locked| locked.name == *name).collect();
        let (place, name) = (place.clone(), name.clone());
        if locked.is_empty() {
            found.push(Disagreement::Added { place, name });
        } else if wanted.is_empty() {
            found.push(Disagreement::Removed { place, name });
        } else if !agree_about_source(&wanted, &locked, sources.get(&name)) {
            found.push(Disagreement::Changed { place, name });
        } else if locked.iter().all(|locked| locked.plain)
            && wanted.iter().all(|wanted| wanted.requirement.url.is_none())
            && !agree(&wanted, &locked, grid, extras)
        {
            found.push(Disagreement::Changed { place, name });
        }
    }
}

/// Whether a single requirement comes from where it was locked from. Several, of which markers choose one, are not
/// compared.
fn agree_about_source(
    wanted: &[&Wanted<'_>],
    locked: &[&LockedRequirement],
    source: Option<&UvSource>,
) -> bool {
    let ([wanted], [locked]) = (wanted, locked) else { return true };
    wanted.requirement.url.is_some() || UvSource::agrees(source, locked.git.as_deref(), locked.url.as_deref())
}

/// Whether the same is asked for in every environment, with each extra and without.
fn agree(
    wanted: &[&Wanted<'_>],
    locked: &[&LockedRequirement],
    grid: &[MarkerEnvironment],
    extras: &BTreeSet<&ExtraName>,
) -> bool {
    // Most requirements have no marker and no extra: there is nothing to evaluate.
    if let ([one], [other]) = (wanted, locked)
        && one.extra.is_none()
        && one.requirement.marker == Marker::TRUE
        && other.marker == Marker::TRUE
    {
        return ask(&one.requirement.extras, &one.requirement.specifiers)
            == ask(&other.extras, &other.specifiers);
    }
    let activations = std::iter::once(None).chain(extras.iter().copied().map(Some));
    for extra in activations {
        let mut activated = Activated::default();
        activated.extras.extend(extra.map(|extra| extra.as_str().to_owned()));
        for environment in grid {
            let project: BTreeSet<Ask<'_>> = wanted
                .iter()
                .filter(|wanted| wanted.extra.is_none() || wanted.extra == extra)
                .map(|wanted| wanted.requirement)
                .filter(|requirement| requirement.marker.evaluate(environment, &activated))
                .map(|requirement| ask(&requirement.extras, &requirement.specifiers))
                .collect();
            let lock: BTreeSet<Ask<'_>> = locked
                .iter()
                .filter(|locked| locked.marker.evaluate(environment, &activated))
                .map(|locked| ask(&locked.extras, &locked.specifiers))
                .collect();
            if project != lock {
                return false;
            }
        }
    }
    true
}

fn ask<'a>(extras: &'a [ExtraName], specifiers: &'a VersionSpecifiers) -> Ask<'a> {
    (extras.iter().collect(), specifiers.iter().collect())
}

#[cfg(test)]
mod tests;
