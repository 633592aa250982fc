use std::collections::BTreeMap;

use invar_oci_read::Packages;
use serde::Serialize;

/// A package that is not the same on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PackageChange {
    /// `Debian`, `Python`, or what a lock calls it.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its version on the first side; `None` if it was added. Of several versions, all of them.
    pub old: Option<String>,
    /// Its version on the second side; `None` if it was removed.
    pub new: Option<String>,
    /// What its changelog says about the versions between them, where the second side has one.
    pub changelog: Vec<String>,
}

/// Versions of packages, by kind and name. Several of one name are joined.
pub(crate) type Versions = BTreeMap<(String, String), String>;

pub(crate) fn versions(packages: &Packages) -> Versions {
    let mut versions = Versions::new();
    for package in packages.iter() {
        add(&mut versions, package.kind.to_string(), package.name.clone(), &package.version);
    }
    versions
}

pub(crate) fn add(versions: &mut Versions, kind: String, name: String, version: &str) {
    let known = versions.entry((kind, name)).or_default();
    let new = !known.split(", ").any(|one| one == version);
    if new {
        if !known.is_empty() {
            known.push_str(", ");
        }
        known.push_str(version);
    }
}

/// The packages that differ, by kind and name.
pub(crate) fn changes(old: &Versions, new: &Versions) -> Vec<PackageChange> {
    let keys: std::collections::BTreeSet<&(String, String)> = old.keys().chain(new.keys()).collect();
    keys.into_iter()
        .filter(|key| old.get(*key) != new.get(*key))
        .map(|key| PackageChange {
            kind: key.0.clone(),
            name: key.1.clone(),
            old: old.get(key).cloned(),
            new: new.get(key).cloned(),
            changelog: Vec::new(),
        })
        .collect()
}
