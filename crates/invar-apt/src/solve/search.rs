use std::collections::BTreeSet;

use resolvo::{Problem as Task, Solver, UnsolvableOrCancelled};

use super::explain::explain;
use super::problem::SolveError;
use super::table::{Table, row};
use super::universe::Universe;

/// Searches for packages that satisfy all roots, and everything they need, without a conflict: the rows of those.
///
/// # Errors
/// [`SolveError`] if there are none, with the reasons.
pub(super) fn search(universe: &Universe<'_>) -> Result<BTreeSet<u32>, SolveError> {
    let table = Table::new(universe);
    let roots = universe.roots().map(|(_, need)| table.requirement(need)).collect();
    let mut solver = Solver::new(table);
    match solver.solve(Task::new().requirements(roots)) {
        Ok(found) => Ok(found.into_iter().map(row).collect()),
        Err(UnsolvableOrCancelled::Unsolvable(conflict)) => {
            let graph = conflict.graph(&solver);
            Err(explain(universe, solver.provider(), &graph))
        }
        Err(UnsolvableOrCancelled::Cancelled(_)) => unreachable!("nothing cancels the search"),
    }
}
