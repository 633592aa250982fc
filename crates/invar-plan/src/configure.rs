use std::collections::BTreeSet;

use invar_debian::PackageName;
use invar_formats::spelling::nearest;
use invar_project::Configure;

use crate::error::PlanError;

/// The packages that `configure` names must be in the image.
///
/// # Errors
/// [`PlanError::NoScripts`].
pub fn check_configured<'a>(
    configure: &Configure,
    packages: impl Iterator<Item = &'a PackageName>,
) -> Result<(), PlanError> {
    let Configure::Packages(names) = configure else { return Ok(()) };
    let packages: BTreeSet<&PackageName> = packages.collect();
    let missing: Vec<&PackageName> = names.iter().filter(|name| !packages.contains(name)).collect();
    let Some(first) = missing.first() else { return Ok(()) };
    let nearest = nearest(first.as_str(), packages.iter().map(|name| name.as_str())).map(str::to_owned);
    Err(PlanError::NoScripts { names: missing.iter().map(ToString::to_string).collect(), nearest })
}
