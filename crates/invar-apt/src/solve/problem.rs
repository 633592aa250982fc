use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

use invar_debian::{DebianVersion, Dependency, PackageName, Relation};
use resolvo::SolvableId;
use resolvo::conflict::{ConflictCause, ConflictEdge, ConflictGraph, ConflictNode};

use super::Root;
use super::search::Table;
use super::universe::Universe;

/// The most problems that are told; more only hide the first.
const MAXIMUM_PROBLEMS: usize = 12;

/// There is no solution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SolveError {
    /// What stands in the way: at least one problem. They are sorted by their text, except roots that nothing
    /// satisfies, which keep the request's order.
    pub problems: Vec<Problem>,
}

/// Something that stands in the way of a solution.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// Nothing satisfies a dependency.
    Missing {
        /// The package that has the dependency, and how it is needed itself.
        chain: Chain,
        /// The dependency.
        dependency: Dependency,
        /// The versions that there are of the packages it names.
        found: Vec<(PackageName, DebianVersion)>,
        /// Names that may have been meant, if there is no such package.
        nearest: Vec<PackageName>,
    },
    /// Two packages must not be installed together.
    Clash {
        /// The package that says so.
        left: Chain,
        /// The other.
        right: Chain,
        /// How it says so.
        kind: ClashKind,
        /// The relation that says so.
        relation: Relation,
    },
    /// No version of a package satisfies all that need it.
    Versions {
        /// The package.
        name: PackageName,
        /// Who needs it, and which versions.
        needs: Vec<(Chain, Dependency)>,
    },
    /// The roots contradict each other in a way that has no short explanation.
    Together {
        /// The roots.
        roots: Vec<Root>,
    },
}

/// How a package says that another must not be installed with it (Debian Policy, sections 7.3 and 7.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClashKind {
    /// `Conflicts`.
    Conflicts,
    /// `Breaks`.
    Breaks,
}

/// How a package is needed: from what was asked for to the package itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Chain {
    /// The words of the root.
    pub why: String,
    /// The packages, each needed by the one before; none if the root itself is meant.
    pub packages: Vec<(PackageName, DebianVersion)>,
}

impl Chain {
    /// The root itself.
    pub(super) fn root(root: &Root) -> Self {
        Self { why: root.why.clone(), packages: Vec::new() }
    }
}

/// Tells why there is no solution, from the clauses that contradict each other.
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
    roots: Vec<(Root, String)>,
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
            Chain { why: root.map(|(root, _)| root.why.clone()).unwrap_or_default(), packages: Vec::new() }
        })
    }
}

impl std::error::Error for SolveError {}

impl fmt::Display for SolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no set of Debian packages satisfies the request:")?;
        self.problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { chain, dependency, found, nearest } => {
                match chain.packages.last() {
                    Some((name, version)) => write!(f, "{name} {version} depends on {dependency}")?,
                    None => write!(f, "{dependency} is requested by {}", chain.why)?,
                }
                let names = || list(nearest.iter().map(PackageName::to_string), " or ");
                match (&found[..], &nearest[..]) {
                    ([], []) => write!(f, ", but no suite has it")?,
                    ([], _) => write!(f, ", but no suite has it; did you mean {}?", names())?,
                    _ => {
                        let versions = found.iter().map(|(name, version)| format!("{name} {version}"));
                        write!(f, ", but the suites have only {}", list(versions, " and "))?;
                    }
                }
                if chain.packages.is_empty() { Ok(()) } else { write!(f, " ({chain})") }
            }
            Self::Clash { left, right, kind, relation } => {
                let name = |chain: &Chain| match chain.packages.last() {
                    Some((name, version)) => format!("{name} {version}"),
                    None => "a requested package".to_owned(),
                };
                let verb = match kind {
                    ClashKind::Conflicts => "conflicts with",
                    ClashKind::Breaks => "breaks",
                };
                write!(f, "{} {verb} {relation}, which rules out {}", name(left), name(right))?;
                write!(f, " ({left}; {right})")
            }
            Self::Versions { name, needs } => {
                let needs = needs.iter().map(|(chain, dependency)| match chain.packages.last() {
                    Some((package, version)) => format!("{package} {version} needs {dependency} ({chain})"),
                    None => format!("{} requests {dependency}", chain.why),
                });
                write!(f, "no version of {name} satisfies all its dependents: {}", list(needs, ", and "))
            }
            Self::Together { roots } => {
                let roots =
                    roots.iter().map(|root| format!("{} (requested by {})", root.dependency, root.why));
                write!(f, "these cannot be installed together: {}", list(roots, " and "))
            }
        }
    }
}

impl fmt::Display for Chain {
    /// `a is requested by WORDS` or `a needs b, b needs c, a is requested by WORDS`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for pair in self.packages.windows(2) {
            write!(f, "{} needs {}, ", pair[0].0, pair[1].0)?;
        }
        match self.packages.first() {
            Some((first, _)) => write!(f, "{first} is requested by {}", self.why),
            None => write!(f, "requested by {}", self.why),
        }
    }
}

/// `a`, `a LAST b`, or `a, b LAST c`.
fn list(words: impl Iterator<Item = String>, last: &str) -> String {
    let words: Vec<String> = words.collect();
    match &words[..] {
        [rest @ .., end] if !rest.is_empty() => format!("{}{last}{end}", rest.join(", ")),
        _ => words.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_aloud() {
        for (words, expected) in [("", ""), ("a", "a"), ("a b", "a or b"), ("a b c", "a, b or c")] {
            assert_eq!(list(words.split_whitespace().map(str::to_owned), " or "), expected);
        }
    }
}
