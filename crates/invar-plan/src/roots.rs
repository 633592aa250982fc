//! The Debian packages of everything that is not the project's own image.
use invar_debian::PackageName;
use invar_project::{LockedPackage, LockedPlatform, RootName};

use crate::error::PlanError;
use crate::recipe::PackageRecipe;

/// The packages of the root `name`, sorted by name. Documentation is left out: nobody reads it in a build.
///
/// # Errors
/// [`PlanError::Root`].
pub fn root_packages(locked: &LockedPlatform, name: &RootName) -> Result<Vec<PackageRecipe>, PlanError> {
    let missing = || PlanError::Root { root: name.to_string() };
    let root = locked.roots.get(name).ok_or_else(missing)?;
    let recipe = |package: &PackageName| {
        let found = locked.packages.get(package).or_else(|| locked.tools.get(package));
        found.map(|found| PackageRecipe::locked(package, found, false)).ok_or_else(missing)
    };
    root.packages.iter().map(recipe).collect()
}

/// The packages of `root`, or of the project's own image where there is no such root.
pub(crate) fn own_packages<'a>(
    locked: &'a LockedPlatform,
    root: Option<&RootName>,
) -> Vec<(&'a PackageName, &'a LockedPackage)> {
    let Some(root) = root.and_then(|root| locked.roots.get(root)) else {
        return locked.packages.iter().collect();
    };
    let find = |name: &'a PackageName| {
        let found = locked.packages.get(name).or_else(|| locked.tools.get(name))?;
        Some((name, found))
    };
    root.packages.iter().filter_map(find).collect()
}
