use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use invar_debian::{PackageName, Relation};

use super::universe::{Need, Package, Universe};
use super::{Guess, Reason};

/// A walk along the dependencies that takes the best package at each step and never goes back.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// What was taken, and why.
    pub(super) selected: BTreeMap<PackageName, (Package, Reason)>,
    /// What was taken, by each name that it answers to.
    answers: BTreeMap<PackageName, Vec<Package>>,
    /// Where a dependency left the choice open.
    pub(super) guesses: Vec<Guess>,
    /// What must not be taken any more: relations, by the name they speak of, and the package whose they are.
    forbidden: BTreeMap<PackageName, Vec<(Relation, Package)>>,
}

/// Why a walk ended before its end.
enum DeadEnd {
    /// At a package that can never be installed.
    Dead(Package),
    /// At a conflict, which another way may avoid.
    Conflict,
}

/// The packages from which a walk may choose.
struct Choice<'a> {
    allowed: Option<&'a BTreeSet<u32>>,
    dead: BTreeSet<u32>,
}

impl Choice<'_> {
    fn has(&self, package: &Package) -> bool {
        !self.dead.contains(&package.row) && self.allowed.is_none_or(|rows| rows.contains(&package.row))
    }
}

impl Walk {
    /// Walks among all packages; nothing if that leads to a conflict.
    pub(super) fn anywhere(universe: &Universe<'_>) -> Option<Self> {
        Self::start(universe, None)
    }

    /// Walks among the packages in `rows` only.
    pub(super) fn within(universe: &Universe<'_>, rows: &BTreeSet<u32>) -> Option<Self> {
        Self::start(universe, Some(rows))
    }

    fn start(universe: &Universe<'_>, allowed: Option<&BTreeSet<u32>>) -> Option<Self> {
        let mut choice = Choice { allowed, dead: BTreeSet::new() };
        loop {
            match Self::attempt(universe, &choice) {
                Ok(walk) => return Some(walk),
                // A package that needs what nobody has is as good as absent, so the same walk starts again without
                // it. Each time there is one fewer.
                Err(DeadEnd::Dead(package)) if choice.dead.insert(package.row) => {}
                Err(_) => return None,
            }
        }
    }

    fn attempt(universe: &Universe<'_>, choice: &Choice<'_>) -> Result<Self, DeadEnd> {
        let mut walk = Self::default();
        // All that is asked for comes before anything that it needs: what is asked for satisfies dependencies that
        // would otherwise bring something else.
        let mut roots = Vec::new();
        for (root, need) in universe.roots() {
            let reason = Reason::Requested(root.requester.clone());
            match walk.present(need) {
                Some(package) => roots.push(package),
                None => roots.push(walk.take(universe, choice, need, reason, None)?),
            }
        }
        for root in roots {
            let mut path: Vec<(Package, Rc<[Need]>, usize)> = vec![(root.clone(), universe.needs(&root), 0)];
            while let Some((package, needs, at)) = path.last_mut() {
                let Some(need) = needs.get(*at) else {
                    path.pop();
                    continue;
                };
                *at += 1;
                if need.omitted.is_some() || walk.present(need).is_some() {
                    continue;
                }
                let reason = Reason::DependencyOf(package.record.name.clone());
                let taken = walk.take(universe, choice, need, reason, Some(package))?;
                let needs = universe.needs(&taken);
                path.push((taken, needs, 0));
            }
        }
        Ok(walk)
    }

    /// The package that satisfies a need and is taken already.
    fn present(&self, need: &Need) -> Option<Package> {
        let taken = |package: &&Package| {
            self.selected.get(&package.record.name).is_some_and(|(selected, _)| selected.row == package.row)
        };
        need.candidates.iter().find(taken).cloned()
    }

    /// Takes the best package for a need that fits to what was taken before.
    fn take(
        &mut self,
        universe: &Universe<'_>,
        choice: &Choice<'_>,
        need: &Need,
        reason: Reason,
        depender: Option<&Package>,
    ) -> Result<Package, DeadEnd> {
        let mut live = need.candidates.iter().filter(|package| choice.has(package)).peekable();
        if live.peek().is_none() {
            return Err(depender.map_or(DeadEnd::Conflict, |depender| DeadEnd::Dead(depender.clone())));
        }
        let package = live.find(|package| self.fits(universe, package)).cloned().ok_or(DeadEnd::Conflict)?;
        self.guesses.extend(depender.and_then(|depender| universe.guess(depender, need, &package)));
        let record = &package.record;
        let provided = record.provides.iter().map(|provided| &provided.name);
        for name in provided.chain([&record.name]) {
            self.answers.entry(name.clone()).or_default().push(package.clone());
        }
        for relation in record.conflicts.iter().chain(&record.breaks) {
            self.forbidden
                .entry(relation.name.clone())
                .or_default()
                .push((relation.clone(), package.clone()));
        }
        self.selected.insert(record.name.clone(), (package.clone(), reason));
        Ok(package)
    }

    /// Whether a package can be added to what was taken.
    fn fits(&self, universe: &Universe<'_>, package: &Package) -> bool {
        let record = &package.record;
        let mut relations = record.conflicts.iter().chain(&record.breaks);
        let provided = record.provides.iter().map(|provided| &provided.name);
        let mut names = provided.chain([&record.name]);
        !self.selected.contains_key(&record.name)
            && !relations.any(|relation| {
                let others = self.answers.get(&relation.name).into_iter().flatten();
                others.into_iter().any(|other| universe.clashes(record, relation, &other.record))
            })
            && !names.any(|name| {
                let mut others = self.forbidden.get(name).into_iter().flatten();
                others.any(|(relation, other)| universe.clashes(&other.record, relation, record))
            })
    }
}
