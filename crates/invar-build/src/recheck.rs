//! Single steps and builds from source, done again and compared with what the store has of them.
use std::sync::Arc;

use invar_checkout::{ProjectFiles, SourceTree};
use invar_plan::Plan;
use invar_project::Platform;
use invar_run::{Install, make_step};
use invar_store::{Store, StoredTree};
use invar_tree::{Origin, Tree};

use crate::assembly::Assembly;
use crate::{BuildError, Session};

/// Something that was created again.
pub struct Rechecked {
    /// Its name: a step's, or a distribution's.
    pub name: String,
    /// How progress and errors call it.
    pub label: String,
    /// What its files come from.
    pub origin: Origin,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of making something again.
pub enum Outcome {
    /// The store has nothing to compare with: it was never made, or what it is built from is not there.
    NotStored,
    /// It is the same.
    Same,
    /// It is not.
    Differs {
        /// What the store has.
        stored: StoredTree,
        /// What was created now; it lives as long as the store that it was put into.
        made: StoredTree,
    },
    /// It could not be made again.
    Failed(BuildError),
}

impl Rechecked {
    /// A tree of this.
    ///
    /// # Errors
    /// What the store says.
    pub fn tree(&self, stored: &StoredTree) -> Result<Tree, BuildError> {
        Ok(stored.tree(&Arc::new(self.origin.clone()))?)
    }
}

/// Does the steps and builds from source of `files` again, those that `wanted` says, each from what the store has of
/// what it needs, and compares. What is created goes into the store `into`; what the session's store has of it stays.
///
/// # Errors
/// What reading the project and the locks says. What goes wrong with one of them is its [`Outcome`].
pub fn recheck(
    session: &Session<'_>,
    files: &ProjectFiles,
    platform: Platform,
    wanted: &dyn Fn(&str) -> bool,
    into: &Store,
) -> Result<Vec<Rechecked>, BuildError> {
    let lock = files.checked_lock()?;
    let source = SourceTree::read(&|text| session.sources.reporter.warn(text), files, None)?;
    let plan = Plan::new(&files.manifest, lock, files.uv_lock.as_ref(), platform)?;
    let assembly = Assembly::new(session, files, lock, &plan, &source, Install::Copied);
    let context = assembly.context();
    let mut all = Vec::new();
    for prepared in assembly.builds()? {
        let build = prepared.build;
        if !wanted(build.chosen.name.as_str()) {
            continue;
        }
        let interpreter = plan.interpreter.as_ref();
        let outcome = compare(session.sources.store.tree(&prepared.key)?, || match interpreter {
            Some(interpreter) => {
                prepared.make_into(&context, interpreter, into).map(Some).map_err(BuildError::from)
            }
            None => Ok(None),
        });
        let name = build.chosen.name.to_string();
        let version = build.chosen.version.clone().unwrap_or_default();
        let origin = Origin::Wheel { name: name.clone(), version };
        all.push(Rechecked { name, label: build.label(), origin, outcome });
    }
    let prepared = assembly.steps()?;
    for one in prepared {
        let step = &one.planned.step;
        if step.run.is_none() || !wanted(&step.name.to_string()) {
            continue;
        }
        let environment = || assembly.environment_for_steps();
        let outcome = compare(session.sources.store.tree(&one.key)?, || {
            let mut before = Vec::new();
            for earlier in prepared.iter().filter(|earlier| step.after.contains(&earlier.planned.step.name)) {
                match session.sources.store.tree(&earlier.key)? {
                    Some(stored) => before.push(stored),
                    None => return Ok(None),
                }
            }
            make_step(&context, one, &before, &environment, into).map(Some).map_err(BuildError::from)
        });
        let name = step.name.to_string();
        let origin = Origin::Step { name: name.clone() };
        all.push(Rechecked { label: format!("step {name}"), name, origin, outcome });
    }
    Ok(all)
}

fn compare(
    stored: Option<StoredTree>,
    make: impl FnOnce() -> Result<Option<StoredTree>, BuildError>,
) -> Outcome {
    let Some(stored) = stored else { return Outcome::NotStored };
    match make() {
        Ok(None) => Outcome::NotStored,
        // The segment holds every path, mode, owner and byte.
        Ok(Some(made)) if made.segment_digest() == stored.segment_digest() => Outcome::Same,
        Ok(Some(made)) => Outcome::Differs { stored, made },
        Err(error) => Outcome::Failed(error),
    }
}
