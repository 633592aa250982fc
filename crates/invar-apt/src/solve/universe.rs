use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::rc::Rc;

use invar_debian::{ArchitectureQualifier, Dependency, MultiArch, PackageName, Relation};

use super::problem::{Chain, Problem};
use super::{Guess, Request, SolveRequest};
use crate::index::PackageIndex;
use crate::record::PackageRecord;

/// A version of a package: a row of the index, and what it says.
#[derive(Debug, Clone)]
pub(super) struct Package {
    pub(super) row: u32,
    pub(super) record: Rc<PackageRecord>,
}

/// A dependency, and the packages that satisfy it.
#[derive(Debug)]
pub(super) struct Need {
    pub(super) dependency: Dependency,
    /// All that satisfy it, the best first.
    pub(super) candidates: Vec<Package>,
    /// The package that would be chosen, if the request says that the depender does without it.
    pub(super) omitted: Option<PackageName>,
}

/// The packages of an index as a request sees them. What was read once is kept: an index creates new records.
pub(super) struct Universe<'a> {
    index: &'a PackageIndex,
    request: &'a SolveRequest<'a>,
    records: RefCell<BTreeMap<u32, Rc<PackageRecord>>>,
    versions: RefCell<BTreeMap<PackageName, Rc<[Package]>>>,
    needs: RefCell<BTreeMap<u32, Rc<[Need]>>>,
    roots: Vec<Need>,
}

impl<'a> Universe<'a> {
    pub(super) fn new(index: &'a PackageIndex, request: &'a SolveRequest<'a>) -> Self {
        let (records, versions, needs) = Default::default();
        let mut universe = Self { index, request, records, versions, needs, roots: Vec::new() };
        universe.roots = request.requests.iter().map(|root| universe.need(&root.dependency, None)).collect();
        universe
    }

    /// What is asked for, and what satisfies it.
    pub(super) fn roots(&self) -> impl Iterator<Item = (&'a Request, &Need)> {
        self.request.requests.iter().zip(&self.roots)
    }

    /// A problem for each root that nothing satisfies, or that only names what several packages provide.
    pub(super) fn root_problems(&self) -> Vec<Problem> {
        let problem = |(root, need): (&Request, &Need)| match need.candidates.is_empty() {
            true => Some(self.missing(Chain::root(root), &need.dependency)),
            false => self.only_provided(root, need),
        };
        self.roots().filter_map(problem).collect()
    }

    /// The problem that a root is a name that several packages provide, and none has. What one of them provides that is
    /// asked for too makes no difference, as with apt.
    fn only_provided(&self, root: &Request, need: &Need) -> Option<Problem> {
        let [relation] = &need.dependency.alternatives[..] else { return None };
        if !self.versions(&relation.name).is_empty() {
            return None;
        }
        let mut providers: Vec<(PackageName, invar_debian::DebianVersion)> = Vec::new();
        let mut preferred = None;
        for Package { record, .. } in &need.candidates {
            if providers.iter().any(|(name, _)| *name == record.name) {
                continue;
            }
            // Debian names its choice so: default-mta, default-jre-headless, default-mysql-server.
            let provided = record.provides.iter().map(|provided| &provided.name);
            let is_default = provided.chain([&record.name]).any(|name| name.as_str().starts_with("default-"));
            if is_default && preferred.is_none() {
                preferred = Some(record.name.clone());
            }
            providers.push((record.name.clone(), record.version.clone()));
        }
        providers.sort();
        (providers.len() > 1).then(|| Problem::Virtual {
            chain: Chain::root(root),
            name: relation.name.clone(),
            providers,
            preferred,
        })
    }

    /// What is to be said of `chosen`, which was taken for a dependency of `depender`: nothing if the dependency names
    /// it, or if it is more important than the others that provide the name, or if an earlier solution has it.
    pub(super) fn guess(&self, depender: &Package, need: &Need, chosen: &Package) -> Option<Guess> {
        let relations = &need.dependency.alternatives;
        if relations.iter().any(|relation| !self.versions(&relation.name).is_empty()) {
            return None;
        }
        let provides = |relation: &&Relation| is_provided(relation, &chosen.record);
        let name = relations.iter().find(provides)?.name.clone();
        let others: BTreeMap<&PackageName, _> = need
            .candidates
            .iter()
            .filter(|other| other.record.name != chosen.record.name)
            .map(|other| (&other.record.name, other.record.priority))
            .collect();
        let is_open = others.values().any(|priority| *priority <= chosen.record.priority);
        let is_kept = self.request.prefer.contains_key(&chosen.record.name);
        (is_open && !is_kept).then(|| Guess {
            of: depender.record.name.clone(),
            name,
            chosen: chosen.record.name.clone(),
            others: others.into_keys().cloned().collect(),
        })
    }

    /// The problem that nothing satisfies a dependency.
    pub(super) fn missing(&self, chain: Chain, dependency: &Dependency) -> Problem {
        let named =
            dependency.alternatives.iter().flat_map(|relation| self.versions(&relation.name).to_vec());
        let mut found: Vec<_> = named.map(|it| (it.record.name.clone(), it.record.version.clone())).collect();
        found.dedup();
        let nearest = match &found[..] {
            [] => dependency
                .alternatives
                .iter()
                .flat_map(|it| self.index.nearest(it.name.as_str()))
                .take(5)
                .collect(),
            _ => Vec::new(),
        };
        Problem::Missing { chain, dependency: dependency.clone(), found, nearest }
    }

    /// All versions of a package, the best first: the one to keep, then the highest, then of the first suite.
    pub(super) fn versions(&self, name: &PackageName) -> Rc<[Package]> {
        if let Some(versions) = self.versions.borrow().get(name) {
            return versions.clone();
        }
        let mut versions: Vec<Package> =
            self.index.rows_of(name).iter().map(|&row| self.package(row)).collect();
        versions.sort_by(|left, right| self.better(left, right));
        let versions: Rc<[Package]> = versions.into();
        self.versions.borrow_mut().insert(name.clone(), versions.clone());
        versions
    }

    /// What a package needs; a dependency that it satisfies itself is not listed.
    pub(super) fn needs(&self, package: &Package) -> Rc<[Need]> {
        if let Some(needs) = self.needs.borrow().get(&package.row) {
            return needs.clone();
        }
        let needs: Rc<[Need]> = package
            .record
            .dependencies()
            .filter(|dependency| {
                dependency.alternatives.iter().any(|it| it.exists_on(self.index.architecture()))
            })
            .map(|dependency| self.need(dependency, Some(&package.record.name)))
            .filter(|need| need.candidates.iter().all(|candidate| candidate.row != package.row))
            .collect();
        self.needs.borrow_mut().insert(package.row, needs.clone());
        needs
    }

    /// The packages that must not be installed together with `package`, because its `relation` says so: all that
    /// answer to the name, except other versions of the package itself.
    pub(super) fn forbidden(&self, package: &PackageRecord, relation: &Relation) -> Vec<Package> {
        let providers = self.index.provider_rows(&relation.name).iter().map(|&row| self.package(row));
        let versions = self.versions(&relation.name).to_vec().into_iter();
        versions.chain(providers).filter(|other| self.clashes(package, relation, &other.record)).collect()
    }

    /// Whether `package`, by its `relation`, must not be installed together with `other`.
    pub(super) fn clashes(
        &self,
        package: &PackageRecord,
        relation: &Relation,
        other: &PackageRecord,
    ) -> bool {
        let here = match &relation.qualifier {
            Some(ArchitectureQualifier::Named(architecture)) => architecture == self.index.architecture(),
            _ => true,
        };
        here && relation.exists_on(self.index.architecture())
            && package.name != other.name
            && (is_itself(relation, other) || is_provided(relation, other))
    }

    /// Reads a dependency. `depender` is nobody for what is asked for, which is never left out.
    fn need(&self, dependency: &Dependency, depender: Option<&PackageName>) -> Need {
        let (mut candidates, mut omitted) = (Vec::<Package>::new(), None);
        for relation in &dependency.alternatives {
            let found = self.candidates(relation);
            if let (Some(first), Some(depender), true) = (found.first(), depender, candidates.is_empty()) {
                let chosen = &first.record.name;
                let omit = self.request.omit;
                omitted = (omit(depender, &relation.name) || omit(depender, chosen)).then(|| chosen.clone());
            }
            for package in found {
                if candidates.iter().all(|candidate| candidate.row != package.row) {
                    candidates.push(package);
                }
            }
        }
        Need { dependency: dependency.clone(), candidates, omitted }
    }

    /// The packages that satisfy a relation, the best first: those of the name, then those that provide it, the more
    /// important first, then by name.
    fn candidates(&self, relation: &Relation) -> Vec<Package> {
        if !relation.exists_on(self.index.architecture()) {
            return Vec::new();
        }
        let fits = |package: &Package| match &relation.qualifier {
            None | Some(ArchitectureQualifier::Native) => true,
            // Only such packages are meant to serve another architecture; a foreign one does so unasked.
            Some(ArchitectureQualifier::Any) => {
                matches!(package.record.multi_arch, MultiArch::Allowed | MultiArch::Foreign)
            }
            Some(ArchitectureQualifier::Named(architecture)) => architecture == self.index.architecture(),
        };
        let mut found: Vec<Package> = self.versions(&relation.name).to_vec();
        found.retain(|package| fits(package) && is_itself(relation, &package.record));
        let mut providers: Vec<Package> =
            self.index.provider_rows(&relation.name).iter().map(|&row| self.package(row)).collect();
        providers.retain(|package| {
            package.record.name != relation.name && fits(package) && is_provided(relation, &package.record)
        });
        // A package's versions stay together, so that an older one is not taken for the sake of its priority.
        let mut priorities = BTreeMap::new();
        for package in &providers {
            let priority = priorities.entry(package.record.name.clone()).or_insert(package.record.priority);
            *priority = package.record.priority.min(*priority);
        }
        providers.sort_by(|left, right| {
            let key = |package: &Package| (priorities[&package.record.name], package.record.name.clone());
            key(left).cmp(&key(right)).then_with(|| self.better(left, right))
        });
        found.extend(providers);
        found
    }

    /// The order of versions of one package, the best first.
    fn better(&self, left: &Package, right: &Package) -> std::cmp::Ordering {
        let (left, right) = (&left.record, &right.record);
        let kept = |record: &PackageRecord| self.request.prefer.get(&record.name) == Some(&record.version);
        Reverse(kept(left))
            .cmp(&Reverse(kept(right)))
            .then_with(|| right.version.cmp(&left.version))
            .then_with(|| left.suite.cmp(&right.suite))
    }

    fn package(&self, row: u32) -> Package {
        let record = self.records.borrow().get(&row).cloned();
        let record = record.unwrap_or_else(|| {
            let record = Rc::new(self.index.record(row));
            self.records.borrow_mut().insert(row, record.clone());
            record
        });
        Package { row, record }
    }
}

/// Whether a relation means a package by its own name.
fn is_itself(relation: &Relation, record: &PackageRecord) -> bool {
    relation.name == record.name && relation.accepts(&record.version)
}

/// Whether a relation means a package by a name that it provides. One that asks for versions is satisfied only by a
/// name that comes with a version (Debian Policy, section 7.5).
fn is_provided(relation: &Relation, record: &PackageRecord) -> bool {
    record.provides.iter().filter(|provided| provided.name == relation.name).any(|provided| {
        match &provided.version {
            Some(version) => relation.accepts(version),
            None => relation.version.is_none(),
        }
    })
}
