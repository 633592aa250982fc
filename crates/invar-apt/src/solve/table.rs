use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use invar_debian::{Dependency, PackageName, Relation};
use resolvo::{
    Candidates, Condition, ConditionId, ConditionalRequirement, DenseIndex, Dependencies, DependencyProvider,
    Interner, KnownDependencies, NameId, Requirement, SolvableId, SolverCache, StringId, VersionSetId,
    VersionSetUnionId,
};

use super::problem::ClashKind;
use super::universe::{Need, Package, Universe};

/// The index as the search sees it. Rows are its candidates; a requirement is a set of rows for each package's name,
/// and so is what a conflict leaves over.
pub(super) struct Table<'a> {
    universe: &'a Universe<'a>,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    names: Vec<PackageName>,
    name_ids: BTreeMap<PackageName, NameId>,
    packages: BTreeMap<u32, Package>,
    sets: Vec<(NameId, BTreeSet<u32>)>,
    unions: Vec<Vec<VersionSetId>>,
    requirements: BTreeMap<String, Requirement>,
    dependencies: BTreeMap<Requirement, Dependency>,
    constraints: BTreeMap<String, Vec<VersionSetId>>,
    clashes: BTreeMap<VersionSetId, (ClashKind, Relation)>,
}

impl State {
    fn name(&mut self, name: &PackageName) -> NameId {
        if let Some(&id) = self.name_ids.get(name) {
            return id;
        }
        let id = NameId::from_index(self.names.len());
        self.names.push(name.clone());
        self.name_ids.insert(name.clone(), id);
        id
    }

    fn set(&mut self, name: &PackageName, rows: BTreeSet<u32>) -> VersionSetId {
        let name = self.name(name);
        let id = VersionSetId::from_index(self.sets.len());
        self.sets.push((name, rows));
        id
    }
}

/// The row that is a candidate.
pub(super) fn row(solvable: SolvableId) -> u32 {
    u32::try_from(solvable.to_index()).expect("candidates are made from rows")
}

/// The candidate that is a row.
fn solvable(row: u32) -> SolvableId {
    SolvableId::from_index(row as usize)
}

impl<'a> Table<'a> {
    pub(super) fn new(universe: &'a Universe<'a>) -> Self {
        Self { universe, state: RefCell::default() }
    }

    /// The package that is a candidate.
    pub(super) fn package(&self, solvable: SolvableId) -> Package {
        self.state.borrow().packages[&row(solvable)].clone()
    }

    /// The dependency that became a requirement.
    pub(super) fn dependency(&self, requirement: Requirement) -> Dependency {
        self.state.borrow().dependencies[&requirement].clone()
    }

    /// The relation that became a constraint.
    pub(super) fn clash(&self, constraint: VersionSetId) -> (ClashKind, Relation) {
        self.state.borrow().clashes[&constraint].clone()
    }

    pub(super) fn requirement(&self, need: &Need) -> ConditionalRequirement {
        let mut state = self.state.borrow_mut();
        let text = need.dependency.to_string();
        if let Some(&requirement) = state.requirements.get(&text) {
            return requirement.into();
        }
        // Candidates of one package become one set, in the order in which the packages come first.
        let mut groups: Vec<(PackageName, BTreeSet<u32>)> = Vec::new();
        for candidate in &need.candidates {
            let name = &candidate.record.name;
            match groups.iter_mut().find(|(group, _)| group == name) {
                Some((_, rows)) => {
                    rows.insert(candidate.row);
                }
                None => groups.push((name.clone(), BTreeSet::from([candidate.row]))),
            }
        }
        if groups.is_empty() {
            let name = need.dependency.alternatives.first().map(|relation| relation.name.clone());
            groups.push((name.expect("a dependency has an alternative"), BTreeSet::new()));
        }
        let sets: Vec<VersionSetId> = groups.into_iter().map(|(name, rows)| state.set(&name, rows)).collect();
        let requirement = match sets[..] {
            [set] => Requirement::Single(set),
            _ => {
                state.unions.push(sets);
                Requirement::Union(VersionSetUnionId::from_index(state.unions.len() - 1))
            }
        };
        state.requirements.insert(text, requirement);
        state.dependencies.insert(requirement, need.dependency.clone());
        requirement.into()
    }

    /// What a relation leaves over of each package that it speaks of.
    fn constraints(&self, package: &Package, kind: ClashKind, relation: &Relation) -> Vec<VersionSetId> {
        let forbidden = self.universe.forbidden(&package.record, relation);
        // Other versions of the package itself are never among the forbidden, so it is part of the key only where
        // it answers to the name.
        let own = forbidden.is_empty() || package.record.name == relation.name;
        let provides = package.record.provides.iter().any(|provided| provided.name == relation.name);
        let owner = if own || provides { package.record.name.as_str() } else { "" };
        let key = format!("{owner} {kind:?} {relation}");
        if let Some(known) = self.state.borrow().constraints.get(&key) {
            return known.clone();
        }
        let mut groups: BTreeMap<PackageName, BTreeSet<u32>> = BTreeMap::new();
        for other in forbidden {
            groups.entry(other.record.name.clone()).or_default().insert(other.row);
        }
        let mut sets = Vec::new();
        for (name, rows) in groups {
            let versions = self.universe.versions(&name);
            let left = versions.iter().map(|version| version.row).filter(|row| !rows.contains(row)).collect();
            let mut state = self.state.borrow_mut();
            let set = state.set(&name, left);
            state.clashes.insert(set, (kind, relation.clone()));
            sets.push(set);
        }
        self.state.borrow_mut().constraints.insert(key, sets.clone());
        sets
    }
}

impl DependencyProvider for Table<'_> {
    async fn filter_candidates(
        &self,
        candidates: &[SolvableId],
        version_set: VersionSetId,
        inverse: bool,
    ) -> Vec<SolvableId> {
        let state = self.state.borrow();
        let (_, rows) = &state.sets[version_set.to_index()];
        candidates.iter().copied().filter(|&candidate| rows.contains(&row(candidate)) != inverse).collect()
    }

    async fn get_candidates(&self, name: NameId) -> Option<Candidates> {
        let name = self.state.borrow().names[name.to_index()].clone();
        let versions = self.universe.versions(&name);
        let mut state = self.state.borrow_mut();
        for version in versions.iter() {
            state.packages.insert(version.row, version.clone());
        }
        let candidates = versions.iter().map(|version| solvable(version.row)).collect();
        Some(Candidates { candidates, ..Candidates::default() })
    }

    async fn sort_candidates(&self, _: &SolverCache<Self>, candidates: &mut [SolvableId]) {
        let Some(&first) = candidates.first() else { return };
        let versions = self.universe.versions(&self.package(first).record.name);
        candidates
            .sort_by_key(|&candidate| versions.iter().position(|version| version.row == row(candidate)));
    }

    async fn get_dependencies(&self, candidate: SolvableId) -> Dependencies {
        let package = self.package(candidate);
        let needs = self.universe.needs(&package);
        let needs = needs.iter().filter(|need| need.omitted.is_none());
        let requirements = needs.map(|need| self.requirement(need)).collect();
        let record = &package.record;
        let conflicts = record.conflicts.iter().map(|relation| (ClashKind::Conflicts, relation));
        let breaks = record.breaks.iter().map(|relation| (ClashKind::Breaks, relation));
        let constrains =
            conflicts.chain(breaks).flat_map(|(kind, it)| self.constraints(&package, kind, it)).collect();
        Dependencies::Known(KnownDependencies { requirements, constrains })
    }
}

impl Interner for Table<'_> {
    type NameId = NameId;
    type SolvableId = SolvableId;

    fn display_solvable(&self, solvable: SolvableId) -> impl Display + '_ {
        let Package { record, .. } = self.package(solvable);
        format!("{} {}", record.name, record.version)
    }

    fn display_name(&self, name: NameId) -> impl Display + '_ {
        self.state.borrow().names[name.to_index()].clone()
    }

    fn display_version_set(&self, version_set: VersionSetId) -> impl Display + '_ {
        format!("set {}", version_set.to_index())
    }

    fn display_string(&self, string_id: StringId) -> impl Display + '_ {
        format!("text {}", string_id.to_index())
    }

    fn version_set_name(&self, version_set: VersionSetId) -> NameId {
        self.state.borrow().sets[version_set.to_index()].0
    }

    fn solvable_name(&self, solvable: SolvableId) -> NameId {
        let Package { record, .. } = self.package(solvable);
        self.state.borrow_mut().name(&record.name)
    }

    fn version_sets_in_union(&self, union: VersionSetUnionId) -> impl Iterator<Item = VersionSetId> {
        self.state.borrow().unions[union.to_index()].clone().into_iter()
    }

    fn resolve_condition(&self, _: ConditionId) -> Condition {
        unreachable!("no requirement has a condition")
    }
}
