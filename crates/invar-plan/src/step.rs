//! Build steps, and what they are run in.
use invar_project::{LockedPlatform, Manifest, RootName, Step};

use crate::error::PlanError;
use crate::recipe::PackageRecipe;
use crate::roots::root_packages;

/// A build step, and what it is run in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepPlan {
    /// The step as the manifest has it.
    pub step: Step,
    /// The Debian packages that are there while it runs; none where it runs nothing.
    pub root: Vec<PackageRecipe>,
}

/// The steps of `manifest`, each after those whose outputs it takes: the order that the manifest has them in.
pub(crate) fn steps(manifest: &Manifest, locked: &LockedPlatform) -> Result<Vec<StepPlan>, PlanError> {
    let plan = |step: &Step| {
        let root = match step.run {
            Some(_) => root_packages(locked, &RootName::step(&step.name))?,
            None => Vec::new(),
        };
        Ok(StepPlan { step: step.clone(), root })
    };
    manifest.steps.iter().map(plan).collect()
}
