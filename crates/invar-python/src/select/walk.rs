use std::collections::{BTreeSet, VecDeque};

use invar_formats::spelling::nearest;

use super::{NeededBy, SelectError, Selection};
use crate::lock::{ConflictItem, ConflictKind, Dependency, LockedRequirement, Package, UvLock};
use crate::marker::{Activated, MarkerEnvironment};
use crate::name::{ExtraName, GroupName};

/// A package that the walk came to.
pub(super) struct Reached {
    /// Which of the lock's packages.
    pub(super) package: usize,
    /// How the walk came to it first.
    pub(super) needed_by: NeededBy,
}

/// Which of a package's lists of dependencies is meant.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Part<'a> {
    Own,
    Extra(&'a ExtraName),
    Group(&'a GroupName),
}

pub(super) struct Walk<'a> {
    lock: &'a UvLock,
    environment: &'a MarkerEnvironment,
    /// Where the walk starts: lists of the roots.
    starts: Vec<(usize, Part<'a>)>,
    /// What the workspace itself requires.
    required: Vec<(usize, &'a [ExtraName], NeededBy)>,
    activated: Activated,
    items: BTreeSet<ConflictItem>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        lock: &'a UvLock,
        environment: &'a MarkerEnvironment,
        roots: &[usize],
        selection: &'a Selection,
    ) -> Result<Self, SelectError> {
        let packages: Vec<&Package> = roots.iter().map(|&root| &lock.packages[root]).collect();
        check_names(lock, &packages, selection)?;
        let mut walk = Self {
            lock,
            environment,
            starts: Vec::new(),
            required: Vec::new(),
            activated: Activated::default(),
            items: BTreeSet::new(),
        };
        for (&root, &package) in roots.iter().zip(&packages) {
            if selection.project {
                walk.starts.push((root, Part::Own));
                walk.items
                    .insert(ConflictItem { package: package.name.clone(), kind: ConflictKind::Project });
                for extra in extras(package) {
                    if selection.all_extras || selection.extras.contains(extra) {
                        walk.starts.push((root, Part::Extra(extra)));
                        let kind = ConflictKind::Extra(extra.clone());
                        walk.items.insert(ConflictItem { package: package.name.clone(), kind });
                    }
                }
            }
            for group in groups(package) {
                if selection.groups.contains(group) {
                    walk.starts.push((root, Part::Group(group)));
                    let kind = ConflictKind::Group(group.clone());
                    walk.items.insert(ConflictItem { package: package.name.clone(), kind });
                }
            }
        }
        for requirement in &lock.manifest.requirements {
            walk.require(requirement, NeededBy::Workspace)?;
        }
        for (group, requirements) in &lock.manifest.groups {
            // A member's own group of that name takes the place of the workspace's.
            let own = packages.iter().any(|package| groups(package).contains(group));
            if selection.groups.contains(group) && !own {
                for requirement in requirements {
                    walk.require(requirement, NeededBy::WorkspaceGroup(group.clone()))?;
                }
            }
        }
        for set in &lock.conflicts {
            let items: Vec<ConflictItem> =
                set.iter().filter(|item| walk.items.contains(item)).cloned().collect();
            if items.len() > 1 {
                return Err(SelectError::Conflict { items });
            }
        }
        if !lock.conflicts.is_empty() {
            walk.activated.extras = walk.items.iter().map(ConflictItem::encoded).collect();
        }
        Ok(walk)
    }

    fn require(
        &mut self,
        requirement: &'a LockedRequirement,
        needed_by: NeededBy,
    ) -> Result<(), SelectError> {
        let inactive = Activated::default();
        if !requirement.marker.evaluate(self.environment, &inactive) {
            return Ok(());
        }
        let here = |package: &Package| {
            let markers = &package.resolution_markers;
            markers.is_empty() || markers.iter().any(|marker| marker.evaluate(self.environment, &inactive))
        };
        let found: Vec<usize> = self
            .lock
            .packages
            .iter()
            .enumerate()
            .filter(|(_, package)| package.name == requirement.name && here(package))
            .map(|(index, _)| index)
            .collect();
        let [package] = found[..] else {
            return Err(SelectError::Requirement { name: requirement.name.clone(), found: found.len() });
        };
        self.required.push((package, &requirement.extras, needed_by));
        Ok(())
    }

    /// Walks, and gives the packages in the order in which they were met first.
    pub(super) fn run(&mut self) -> Result<Vec<Reached>, SelectError> {
        if !self.lock.conflicts.is_empty() {
            // Each round that changes anything activates an extra that some dependency names: it comes to an end.
            loop {
                let before = self.activated.extras.len();
                self.round(true);
                if self.activated.extras.len() == before {
                    break;
                }
            }
            self.check_activated()?;
        }
        Ok(self.round(false))
    }

    /// Two extras that conflict may also have been activated by dependencies.
    fn check_activated(&self) -> Result<(), SelectError> {
        for set in &self.lock.conflicts {
            let items: Vec<ConflictItem> = set
                .iter()
                .filter(|item| matches!(item.kind, ConflictKind::Extra(_)))
                .filter(|item| self.activated.extras.contains(&item.encoded()))
                .cloned()
                .collect();
            if items.len() > 1 {
                return Err(SelectError::Conflict { items });
            }
        }
        Ok(())
    }

    fn round(&mut self, activate: bool) -> Vec<Reached> {
        let lock = self.lock;
        let mut reached = Vec::new();
        let mut met = BTreeSet::new();
        let mut seen: BTreeSet<(usize, Part<'a>)> = self.starts.iter().cloned().collect();
        let mut queue: VecDeque<(usize, Part<'a>)> = self.starts.iter().cloned().collect();
        let mut enter =
            |package, extras: &'a [ExtraName], needed_by, queue: &mut VecDeque<(usize, Part<'a>)>| {
                if met.insert(package) {
                    reached.push(Reached { package, needed_by });
                }
                for part in std::iter::once(Part::Own).chain(extras.iter().map(Part::Extra)) {
                    if seen.insert((package, part.clone())) {
                        queue.push_back((package, part));
                    }
                }
            };
        for (package, extras, needed_by) in &self.required {
            if activate {
                for extra in *extras {
                    self.activated.extras.insert(encoded(lock, *package, extra));
                }
            }
            enter(*package, extras, needed_by.clone(), &mut queue);
        }
        while let Some((index, part)) = queue.pop_front() {
            let package = &lock.packages[index];
            let name = package.name.clone();
            let (dependencies, needed_by) = match part {
                Part::Own => (Some(&package.dependencies), NeededBy::Package(name)),
                Part::Extra(extra) => {
                    (package.optional_dependencies.get(extra), NeededBy::Extra(name, extra.clone()))
                }
                Part::Group(group) => {
                    (package.dependency_groups.get(group), NeededBy::Group(name, group.clone()))
                }
            };
            for dependency in dependencies.into_iter().flatten() {
                if Self::applies(lock, self.environment, &mut self.activated, dependency, activate) {
                    enter(dependency.package, &dependency.extras, needed_by.clone(), &mut queue);
                }
            }
        }
        reached
    }

    /// Whether a dependency applies. While extras are collected, those that it asks for count as active already, and
    /// stay active if it does.
    fn applies(
        lock: &UvLock,
        environment: &MarkerEnvironment,
        activated: &mut Activated,
        dependency: &Dependency,
        activate: bool,
    ) -> bool {
        let mut added = Vec::new();
        if activate {
            for extra in &dependency.extras {
                let extra = encoded(lock, dependency.package, extra);
                if activated.extras.insert(extra.clone()) {
                    added.push(extra);
                }
            }
        }
        let applies = dependency.marker.evaluate(environment, activated);
        if !applies {
            for extra in added {
                activated.extras.remove(&extra);
            }
        }
        applies
    }
}

fn encoded(lock: &UvLock, package: usize, extra: &ExtraName) -> String {
    let package = lock.packages[package].name.clone();
    ConflictItem { package, kind: ConflictKind::Extra(extra.clone()) }.encoded()
}

/// The extras of a package; one that adds nothing is only in the metadata.
fn extras(package: &Package) -> BTreeSet<&ExtraName> {
    package.optional_dependencies.keys().chain(&package.metadata.provides_extras).collect()
}

/// The dependency groups of a package; an empty one is only in the metadata.
fn groups(package: &Package) -> BTreeSet<&GroupName> {
    package.dependency_groups.keys().chain(package.metadata.groups.keys()).collect()
}

fn check_names(lock: &UvLock, roots: &[&Package], selection: &Selection) -> Result<(), SelectError> {
    let known: BTreeSet<&ExtraName> = roots.iter().flat_map(|root| extras(root)).collect();
    for extra in &selection.extras {
        if !known.contains(extra) {
            let known: Vec<String> = known.iter().map(ToString::to_string).collect();
            let nearest = nearest(extra.as_str(), known.iter().map(String::as_str)).map(str::to_owned);
            return Err(SelectError::UnknownExtra { extra: extra.clone(), nearest, known });
        }
    }
    let known: BTreeSet<&GroupName> =
        roots.iter().flat_map(|root| groups(root)).chain(lock.manifest.groups.keys()).collect();
    for group in &selection.groups {
        if !known.contains(group) {
            let known: Vec<String> = known.iter().map(ToString::to_string).collect();
            let nearest = nearest(group.as_str(), known.iter().map(String::as_str)).map(str::to_owned);
            return Err(SelectError::UnknownGroup { group: group.clone(), nearest, known });
        }
    }
    Ok(())
}
