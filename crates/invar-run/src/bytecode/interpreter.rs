//! The interpreter that compiles, and what it needs to start.
use std::collections::BTreeSet;

use invar_debian::{Control, PackageName, parse_dependencies};
use invar_plan::PackageRecipe;
use invar_project::LockedInterpreter;
use invar_store::{Key, Keyed as _};

use crate::debian::ConfiguredPackages;

/// The interpreter, and what it needs to start.
pub struct Interpreter<'a> {
    pub(super) locked: &'a LockedInterpreter,
    pub(super) packages: Vec<PackageRecipe>,
    pub(super) key: Key,
}

impl<'a> Interpreter<'a> {
    /// The interpreter among `packages`, with the packages that it depends on.
    pub fn among(locked: &'a LockedInterpreter, packages: &[PackageRecipe], controls: &[Control]) -> Self {
        let mut wanted: BTreeSet<&str> = BTreeSet::new();
        // Every root starts with these: the links of the merged /usr, and a place for accounts.
        let mut queue = vec![locked.package.to_string(), "base-files".to_owned()];
        while let Some(name) = queue.pop() {
            let provides = |control: &&Control| {
                control.package().as_str() == name
                    || control
                        .provides()
                        .iter()
                        .flat_map(|one| &one.alternatives)
                        .any(|one| one.name.as_str() == name)
            };
            let Some(control) = controls.iter().find(provides) else { continue };
            if !wanted.insert(control.package().as_str()) {
                continue;
            }
            for field in ["Pre-Depends", "Depends"] {
                let Some(text) = control.paragraph().get(field) else { continue };
                for name in parse_dependencies(text).into_iter().flatten().flat_map(|one| one.alternatives) {
                    queue.push(name.name.to_string());
                }
            }
        }
        let packages: Vec<PackageRecipe> =
            packages.iter().filter(|package| wanted.contains(package.name.as_str())).cloned().collect();
        // The compiler is in the interpreter's own packages; what else it needs to start does not reach the result.
        let own: Vec<PackageRecipe> = packages
            .iter()
            .filter(|package| {
                package.name.as_str().trim_start_matches("lib").starts_with(locked.package.as_str())
            })
            .cloned()
            .collect();
        Self { locked, key: ConfiguredPackages(&own).key(), packages }
    }

    /// Whether `package` is there when files are compiled.
    pub fn has(&self, package: &PackageName) -> bool {
        self.packages.iter().any(|own| own.name == *package)
    }

    /// `cpython-313`: what the names of compiled files end in.
    pub(super) fn tag(&self) -> String {
        let series: String = self.locked.version.release().iter().take(2).map(u64::to_string).collect();
        format!("cpython-{series}")
    }
}
