use std::collections::{BTreeMap, BTreeSet};

use invar_debian::{DebianVersion, PackageName};
use invar_formats::spelling::nearest;
use invar_project::{InvarLock, Platform};

use crate::LockError;

/// Which packages are chosen anew although a lock has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Update {
    /// None: what is locked stays where it still satisfies the manifest.
    Nothing,
    /// These.
    Packages(Vec<PackageName>),
    /// All.
    Everything,
}

/// Whoever names a package to be chosen anew wants to hear that there is none of the name.
pub(crate) fn check_names(names: &[PackageName], lock: &InvarLock) -> Result<(), LockError> {
    let locked: BTreeSet<&PackageName> =
        lock.platforms.values().flat_map(|platform| platform.packages.keys()).collect();
    let unknown: Vec<&PackageName> = names.iter().filter(|name| !locked.contains(name)).collect();
    let Some(first) = unknown.first() else { return Ok(()) };
    let nearest = nearest(first.as_str(), locked.iter().map(|name| name.as_str())).map(str::to_owned);
    Err(LockError::UnknownPackages { names: unknown.iter().map(ToString::to_string).collect(), nearest })
}

/// Versions of an older lock, as far as they are not to be chosen anew.
pub(crate) fn preferred(
    old: Option<&InvarLock>,
    platform: Platform,
    update: &Update,
) -> BTreeMap<PackageName, DebianVersion> {
    let stays = |name: &PackageName| match update {
        Update::Nothing => true,
        Update::Packages(packages) => !packages.contains(name),
        Update::Everything => false,
    };
    let locked = old.and_then(|old| old.platforms.get(&platform)).into_iter();
    let locked = locked.flat_map(|locked| locked.tools.iter().chain(&locked.packages));
    locked
        .filter(|(name, _)| stays(name))
        .map(|(name, package)| (name.clone(), package.version.clone()))
        .collect()
}
