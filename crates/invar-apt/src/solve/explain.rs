use std::collections::{BTreeMap, BTreeSet, VecDeque};

use invar_debian::{Dependency, PackageName};
use resolvo::SolvableId;
use resolvo::conflict::{ConflictCause, ConflictEdge, ConflictGraph, ConflictNode};

use super::Request;
use super::problem::{Chain, Problem, SolveError};
use super::table::Table;
use super::universe::Universe;

/// The most problems that are reported; more only hide the first.
const MAXIMUM_PROBLEMS: usize = 12;

/// Explains why there is no solution, from the clauses that contradict each other.
pub(super) fn explain(
    universe: &Universe<'_>,
    table: &Table<'_>,
    graph: &ConflictGraph<SolvableId>,
) -> SolveError {
    let chains = Chains::new(universe, table, graph);
    let nodes = graph.graph.raw_nodes();
    let mut problems = Vec::new();
    let mut rivals: BTreeMap<PackageName, BTreeSet<usize>> = BTreeMap::new();
    for edge in graph.graph.raw_edges() {
        let (from, to) = (edge.source().index(), edge.target().index());
        match edge.weight {
            ConflictEdge::Requires(requirement) => {
                if matches!(nodes[to].weight, ConflictNode::UnresolvedDependency) {
                    let dependency = table.dependency(requirement);
                    let chain = chains.to_parent(from, &dependency);
                    problems.push(universe.missing(chain, &dependency));
                }
            }
            ConflictEdge::Conflict(ConflictCause::Constrains(constraint)) => {
                let (kind, relation) = table.clash(constraint);
                problems.push(Problem::Clash { left: chains.to(from), right: chains.to(to), kind, relation });
            }
            ConflictEdge::Conflict(ConflictCause::ForbidMultipleInstances) => {
                for node in [from, to] {
                    if let ConflictNode::Solvable(solvable) = nodes[node].weight {
                        rivals.entry(table.package(solvable).record.name.clone()).or_default().insert(node);
                    }
                }
            }
            ConflictEdge::Conflict(ConflictCause::Locked(_) | ConflictCause::Excluded) => {}
        }
    }
    for (name, rivals) in rivals {
        let mut needs = Vec::new();
        for edge in graph.graph.raw_edges() {
            if let (ConflictEdge::Requires(requirement), true) =
                (edge.weight, rivals.contains(&edge.target().index()))
            {
                let dependency = table.dependency(requirement);
                let need = (chains.to_parent(edge.source().index(), &dependency), dependency);
                if !needs.contains(&need) {
                    needs.push(need);
                }
            }
        }
        needs.sort_by_key(|(chain, dependency)| (chain.clone(), dependency.to_string()));
        problems.push(Problem::Versions { name, needs });
    }
    let mut problems = once_for_each_pair(problems);
    problems.sort_by_cached_key(ToString::to_string);
    problems.dedup();
    problems.truncate(MAXIMUM_PROBLEMS);
    if problems.is_empty() {
        problems.push(Problem::Together { roots: universe.roots().map(|(root, _)| root.clone()).collect() });
    }
    SolveError { problems }
}

/// Keeps of the clashes between two packages the one of the highest version: that both say so, and that their older
/// versions do too, is no news.
fn once_for_each_pair(problems: Vec<Problem>) -> Vec<Problem> {
    let mut clashes: BTreeMap<[PackageName; 2], Problem> = BTreeMap::new();
    let mut kept = Vec::new();
    for problem in problems {
        let Problem::Clash { left, right, .. } = &problem else {
            kept.push(problem);
            continue;
        };
        let (Some((name, _)), Some((other, _))) = (left.packages.last(), right.packages.last()) else {
            kept.push(problem);
            continue;
        };
        let mut pair = [name.clone(), other.clone()];
        pair.sort();
        let rank = |problem: &Problem| match problem {
            Problem::Clash { left, right, relation, .. } => {
                let (left, right) = (left.packages.last().cloned(), right.packages.last().cloned());
                let name = left.as_ref().map(|(name, _)| name.clone());
                Some((name, std::cmp::Reverse((left, right)), relation.to_string()))
            }
            _ => None,
        };
        match clashes.get(&pair) {
            Some(before) if rank(before) <= rank(&problem) => {}
            _ => {
                clashes.insert(pair, problem);
            }
        }
    }
    kept.extend(clashes.into_values());
    kept
}

/// The shortest way from the roots to each node of a conflict.
struct Chains {
    roots: Vec<(Request, String)>,
    ways: BTreeMap<usize, Chain>,
}

impl Chains {
    fn new(universe: &Universe<'_>, table: &Table<'_>, graph: &ConflictGraph<SolvableId>) -> Self {
        let roots =
            universe.roots().map(|(root, need)| (root.clone(), need.dependency.to_string())).collect();
        let mut chains = Self { roots, ways: BTreeMap::new() };
        let start = graph.root_node.index();
        let (mut waiting, mut seen) = (VecDeque::from([start]), BTreeSet::from([start]));
        while let Some(node) = waiting.pop_front() {
            for edge in graph.graph.raw_edges().iter().filter(|edge| edge.source().index() == node) {
                let to = edge.target().index();
                let ConflictEdge::Requires(requirement) = edge.weight else { continue };
                let ConflictNode::Solvable(solvable) = graph.graph.raw_nodes()[to].weight else { continue };
                if seen.insert(to) {
                    let mut chain = chains.to_parent(node, &table.dependency(requirement));
                    let record = table.package(solvable).record;
                    chain.packages.push((record.name.clone(), record.version.clone()));
                    chains.ways.insert(to, chain);
                    waiting.push_back(to);
                }
            }
        }
        chains
    }

    /// The way to a package.
    fn to(&self, node: usize) -> Chain {
        self.ways.get(&node).cloned().unwrap_or(Chain { why: String::new(), packages: Vec::new() })
    }

    /// The way to what has a dependency: a package, or the root with these words.
    fn to_parent(&self, node: usize, dependency: &Dependency) -> Chain {
        self.ways.get(&node).cloned().unwrap_or_else(|| {
            let text = dependency.to_string();
            let root = self.roots.iter().find(|(_, root)| *root == text);
            Chain {
                why: root.map(|(root, _)| root.requester.to_string()).unwrap_or_default(),
                packages: Vec::new(),
            }
        })
    }
}
