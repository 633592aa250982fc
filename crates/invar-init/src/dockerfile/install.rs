//! `apt-get install` and similar: the Debian packages of the image, by the names that its suite has.
use invar_dockerfile::Instruction;

use crate::distribution::{Counterpart, Manager};
use crate::dockerfile::Reader;
use crate::package_names::Named;
use crate::suite;

/// Options of package managers that take a word of their own.
const WITH_VALUE: [&str; 10] =
    ["--option", "--repository", "--target-release", "--virtual", "-X", "-a", "-c", "-o", "-p", "-t"];

/// What a command asks a package manager for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wish<'w> {
    /// What it is told to do.
    verb: &'w str,
    /// Names of packages, and what else there is.
    names: Vec<&'w str>,
    /// The suite that packages are to come from.
    release: Option<&'w str>,
    /// Whether the packages are removed again together: Alpine's virtual ones.
    is_virtual: bool,
}

impl<'w> Wish<'w> {
    fn of(words: &[&'w str]) -> Self {
        let mut wish = Self::default();
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            let release = word.strip_prefix("--target-release=").or(word.strip_prefix("--default-release="));
            match *word {
                option if WITH_VALUE.contains(&option) => {
                    wish.is_virtual |= option == "--virtual";
                    let value = rest.next().copied();
                    if matches!(option, "-t" | "--target-release") {
                        wish.release = value;
                    }
                }
                option if option.starts_with('-') => {
                    wish.is_virtual |= option.starts_with("--virtual");
                    wish.release = release.or(wish.release);
                }
                verb if wish.verb.is_empty() => wish.verb = verb,
                name => wish.names.push(name),
            }
        }
        wish
    }
}

impl Reader<'_> {
    /// Reads the words after the package manager `manager`.
    pub(super) fn install(
        &mut self,
        manager: Manager,
        words: &[&str],
        instruction: &Instruction,
        is_final: bool,
    ) {
        let Wish { verb, names, release, is_virtual } = Wish::of(words);
        match verb {
            "install" | "add" | "groupinstall" => {}
            "remove" | "purge" | "autoremove" | "autopurge" | "del" | "erase" if is_final => {
                names.into_iter().for_each(|name| self.remove(manager, name));
                return;
            }
            "build-dep" if is_final => {
                self.note(
                    instruction,
                    "add the packages that this installs to `packages`, or to those of a step",
                );
                return;
            }
            _ => return,
        }
        let (files, names): (Vec<&str>, Vec<&str>) =
            names.into_iter().partition(|name| name.starts_with(['.', '/']) || name.contains("://"));
        if !files.is_empty() {
            let why = "a package from a file or URL cannot be locked: use a Debian package";
            self.note(instruction, why);
        }
        // With a hyphen after it a package is removed.
        let (removed, names): (Vec<&str>, Vec<&str>) =
            names.into_iter().partition(|name| manager == Manager::Apt && name.ends_with('-'));
        let names: Vec<&str> = names.into_iter().map(|name| without_plus(manager, name)).collect();
        for name in &names {
            self.build_packages.add(manager, name);
        }
        // What is virtual is removed again when what it builds is built.
        if is_virtual || !is_final {
            return;
        }
        removed.into_iter().for_each(|name| self.remove(manager, name.trim_end_matches('-')));
        let own = self.suite.clone().unwrap_or_else(|| "the image's suite".to_owned());
        if self.has_foreign_archive && manager == Manager::Apt && self.names.is_none() && !names.is_empty() {
            let why = format!(
                "remove from `packages` what Debian does not have of {}: a step can install it from a file that it \
                 fetches",
                names.join(", ")
            );
            self.note(instruction, &why);
        }
        if let Some(release) = release.filter(|release| *release != own) {
            self.note(instruction, &format!("packages come from {own} here, not from {release}"));
        }
        for name in names {
            self.add_package(manager, name, instruction);
        }
    }

    fn add_package(&mut self, manager: Manager, name: &str, instruction: &Instruction) {
        let (name, version) = match name.find(['=', '~', '/']) {
            Some(at) => (&name[..at], Some(&name[at..])),
            None => (name, None),
        };
        let name = name.split(':').next().unwrap_or(name);
        if !is_package(name) {
            let why = format!("{name} is not a package name: add the package it stands for to `packages`");
            self.note(instruction, &why);
            return;
        }
        if let Some(release) = version.and_then(|version| version.strip_prefix('/')) {
            let own = self.suite.clone().unwrap_or_else(|| "the image's suite".to_owned());
            if release != own {
                self.note(instruction, &format!("{name} comes from {own} here, not from {release}"));
            }
        }
        match manager.counterpart(name, self.suite.as_deref()) {
            Counterpart::Packages(packages) if packages.is_empty() => {}
            Counterpart::Packages(packages) => {
                let (packages, missing) = self.in_suite(packages);
                if !missing.is_empty() {
                    let suite = self.suite.clone().unwrap_or_default();
                    let why = format!(
                        "Debian {suite} has no package {} in main: add what has it instead, or install it \
                         in a step, from a file that it fetches",
                        missing.join(", ")
                    );
                    self.note(instruction, &why);
                }
                if packages.is_empty() {
                    return;
                }
                let before = match version {
                    Some(version) => {
                        format!("{name} {}, without a hash", version.trim_start_matches(['=', '~', '/']))
                    }
                    None => format!("{name} (unpinned)"),
                };
                self.draft.pin("package", before, format!("{}, pinned by sha256", packages.join(", ")));
                self.draft.packages.extend(packages);
            }
            Counterpart::Unknown => {
                let why = format!("no known Debian package for {name}: add it to `packages`");
                self.note(instruction, &why);
            }
        }
    }

    /// `packages` by the names of the suite, and those that it does not have.
    fn in_suite(&self, packages: Vec<String>) -> (Vec<String>, Vec<String>) {
        let (mut found, mut missing) = (Vec::new(), Vec::new());
        for package in packages {
            let Some(name) = suite::in_suite(&package, self.suite.as_deref()) else {
                missing.push(package);
                continue;
            };
            match self.names.as_ref().map_or(Named::Same, |names| names.find(name)) {
                Named::Same => found.push(name.to_owned()),
                Named::Renamed(name) => found.push(name),
                Named::Missing => missing.push(package),
            }
        }
        (found, missing)
    }

    /// Takes a package out again.
    fn remove(&mut self, manager: Manager, name: &str) {
        let name = name.split([':', '=']).next().unwrap_or(name);
        if let Counterpart::Packages(packages) = manager.counterpart(name, self.suite.as_deref()) {
            // What stands for the headers that are removed may be what programs are linked to.
            let (packages, _) = self.in_suite(packages);
            let is_own = |package: &String| !name.ends_with("-dev") || package == name;
            packages.iter().filter(|package| is_own(package)).for_each(|package| {
                self.draft.packages.remove(package);
            });
        }
    }
}

/// `name` without the sign that says that a package is to be installed; some names end with two of them.
fn without_plus(manager: Manager, name: &str) -> &str {
    let own = ["memtest86+", "minisat+", "ncbi-blast+", "wmweather+"];
    match name.strip_suffix('+') {
        Some(plain) if manager == Manager::Apt && !plain.ends_with('+') && !own.contains(&name) => plain,
        Some(plain) if manager == Manager::Apt && plain.ends_with("++") => plain,
        _ => name,
    }
}

/// Whether a package can have this name (Debian policy, 5.6.1; other distributions also have capitals and `_`).
fn is_package(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "+-._".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_are_read_like_the_managers_read_them() {
        let check = |line: &str, verb: &str, names: &str, release: Option<&str>| {
            let words: Vec<&str> = line.split(' ').collect();
            let wish = Wish::of(&words);
            assert_eq!(
                (wish.verb, wish.names.join(" ").as_str(), wish.release),
                (verb, names, release),
                "{line}"
            );
        };
        check("install -y a b", "install", "a b", None);
        check("-y -t bookworm-backports install a", "install", "a", Some("bookworm-backports"));
        check("install --target-release=sid a", "install", "a", Some("sid"));
        check("-o A::B=c install -qq a", "install", "a", None);
        check("-qq update", "update", "", None);
        assert!(Wish::of(&["add", "--no-cache", "--virtual", ".x", "gcc"]).is_virtual);
    }

    #[test]
    fn a_sign_after_a_name_is_not_part_of_it() {
        let check = |name: &str, expected: &str| assert_eq!(without_plus(Manager::Apt, name), expected);
        check("curl+", "curl");
        check("g++", "g++");
        check("g+++", "g++");
        check("ncbi-blast+", "ncbi-blast+");
        assert_eq!(without_plus(Manager::Apk, "libstdc++"), "libstdc++");
    }
}
