//! Where a module comes from that an image does not have: a Debian package, another release of Python, or a Python package.
use std::collections::BTreeSet;

use crate::lock::{Dependency, UvLock};
use crate::name::{DistributionName, ExtraName, GroupName};

/// Modules and the Python packages that have them. See its own first lines.
const TABLE: &str = include_str!("modules.tsv");

/// Modules of Python itself that Debian has in packages other than that of the interpreter, each with the first series that
/// it is not in, and the package.
const SPLIT: [(&str, u32, &str); 10] = [
    ("_gdbm", u32::MAX, "python3-gdbm"),
    ("_tkinter", u32::MAX, "python3-tk"),
    ("dbm.gnu", u32::MAX, "python3-gdbm"),
    ("distutils", 12, "python3-distutils"),
    ("ensurepip", u32::MAX, "python3-venv"),
    ("idlelib", u32::MAX, "idle"),
    ("lib2to3", 13, "python3-lib2to3"),
    ("tkinter", u32::MAX, "python3-tk"),
    // This one is there, and imports tkinter.
    ("turtle", u32::MAX, "python3-tk"),
    ("turtledemo", u32::MAX, "python3-examples"),
];

/// Modules that Python no longer has, each with the first series without it, and the Python package that has it since, if
/// there is one (PEP 594, PEP 632, and "What's New").
const REMOVED: [(&str, u32, &str); 24] = [
    ("aifc", 13, "standard-aifc"),
    ("asynchat", 12, "pyasynchat"),
    ("asyncore", 12, "pyasyncore"),
    ("audioop", 13, "audioop-lts"),
    ("cgi", 13, "legacy-cgi"),
    ("cgitb", 13, "legacy-cgi"),
    ("chunk", 13, "standard-chunk"),
    ("crypt", 13, "legacycrypt"),
    ("distutils", 12, "setuptools"),
    ("imghdr", 13, "standard-imghdr"),
    ("imp", 12, ""),
    ("lib2to3", 13, ""),
    ("mailcap", 13, "standard-mailcap"),
    ("nis", 13, ""),
    ("nntplib", 13, "standard-nntplib"),
    ("pipes", 13, "standard-pipes"),
    ("smtpd", 12, ""),
    ("sndhdr", 13, "standard-sndhdr"),
    ("spwd", 13, ""),
    ("sunau", 13, "standard-sunau"),
    ("telnetlib", 13, "standard-telnetlib"),
    ("uu", 13, "standard-uu"),
    ("xdrlib", 13, "standard-xdrlib"),
    ("ossaudiodev", 13, ""),
];

/// The Debian package that has `module` of Python's own for CPython 3.`minor`; `None` for what comes with the interpreter.
pub fn debian_package(module: &str, minor: u32) -> Option<&'static str> {
    let found = with_parents(module)
        .find_map(|name| SPLIT.iter().find(|(known, removed, _)| *known == name && minor < *removed))?;
    Some(found.2)
}

/// Whether CPython 3.`minor` no longer has `module`: the last series that has it, and the Python package that has it
/// otherwise, if there is one.
pub fn removed_module(module: &str, minor: u32) -> Option<(u32, Option<&'static str>)> {
    let top = module.split('.').next()?;
    let (_, removed, package) =
        REMOVED.iter().find(|(known, removed, _)| *known == top && minor >= *removed)?;
    Some((removed - 1, Some(*package).filter(|package| !package.is_empty())))
}

/// The Python packages that are known to have `module`, or are called like it, in their normal form; those of the table
/// first. With `guess` also those whose name only holds it, for a module that is known to be missing.
pub fn distributions_with(module: &str, guess: bool) -> Vec<DistributionName> {
    let rows =
        || TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('\t'));
    let named = with_parents(module).find_map(|name| rows().find(|(known, _)| *known == name));
    let mut found: Vec<DistributionName> = named
        .into_iter()
        .flat_map(|(_, names)| names.split(' '))
        .filter_map(|name| name.parse().ok())
        .collect();
    // A distribution is called like its module more often than not, and one below a namespace like all of it.
    for name in with_parents(module) {
        let plain = name.replace('.', "-");
        let guesses = [format!("python-{plain}"), format!("py{plain}"), format!("{plain}-python")];
        for name in std::iter::once(plain).chain(guesses.into_iter().filter(|_| guess)) {
            found.extend(name.parse().ok().filter(|name| !found.contains(name)));
        }
    }
    found
}

/// The Python package that is known to have `module`, for whoever has to add one.
pub fn known_distribution(module: &str) -> Option<DistributionName> {
    let rows = TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('\t'));
    let rows: Vec<(&str, &str)> = rows.collect();
    let (_, names) = with_parents(module).find_map(|name| rows.iter().find(|(known, _)| *known == name))?;
    names.split(' ').next()?.parse().ok()
}

/// `a.b.c`, `a.b`, `a`.
fn with_parents(module: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(module);
    std::iter::from_fn(move || {
        let name = rest?;
        rest = name.rsplit_once('.').map(|(parent, _)| parent);
        Some(name)
    })
}

/// What a project leaves out of its image unless it is asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum OptionalPart {
    /// An extra.
    Extra(ExtraName),
    /// A dependency group.
    Group(GroupName),
}

/// A package that comes with an optional part of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionalPackage {
    /// Its name.
    pub name: DistributionName,
    /// The part.
    pub part: OptionalPart,
    /// All packages that come with the part.
    pub all: BTreeSet<DistributionName>,
}

/// The package of `lock` that has `module`, and the extra or dependency group of the project `root` that it comes with. The part of the project that brings the fewest packages is chosen. `guess` is as for [`distributions_with`].
pub fn optional_part_with(lock: &UvLock, root: &str, module: &str, guess: bool) -> Option<OptionalPackage> {
    let wanted = distributions_with(module, guess);
    let project = lock.named(root).find(|package| package.source.folder().is_some())?;
    let extras = project.optional_dependencies.iter();
    let extras = extras.map(|(name, list)| (OptionalPart::Extra(name.clone()), list));
    let groups = project.dependency_groups.iter();
    let groups = groups.map(|(name, list)| (OptionalPart::Group(name.clone()), list));
    let found = extras.chain(groups).filter_map(|(part, list)| {
        let all: BTreeSet<DistributionName> =
            reached(lock, list).into_iter().map(|index| lock.packages[index].name.clone()).collect();
        let rank = wanted.iter().position(|name| all.contains(name))?;
        Some((rank, OptionalPackage { name: wanted[rank].clone(), part, all }))
    });
    // What is for development only is the last thing that an image needs.
    let order = |(rank, found): &(usize, OptionalPackage)| {
        (*rank, matches!(found.part, OptionalPart::Group(_)), found.all.len())
    };
    found.min_by_key(order).map(|(_, found)| found)
}

/// The packages that `dependencies` bring, whatever their markers say.
fn reached(lock: &UvLock, dependencies: &[Dependency]) -> BTreeSet<usize> {
    let mut reached = BTreeSet::new();
    let mut seen: BTreeSet<(usize, Option<&ExtraName>)> = BTreeSet::new();
    let mut queue: Vec<&Dependency> = dependencies.iter().collect();
    while let Some(dependency) = queue.pop() {
        let package = &lock.packages[dependency.package];
        reached.insert(dependency.package);
        if seen.insert((dependency.package, None)) {
            queue.extend(&package.dependencies);
        }
        for extra in &dependency.extras {
            if seen.insert((dependency.package, Some(extra))) {
                queue.extend(package.optional_dependencies.get(extra).into_iter().flatten());
            }
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole_and_sorted() {
        let lines: Vec<&str> = TABLE.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(lines.is_sorted());
        for line in lines {
            let (module, names) = line.split_once('\t').expect("a row has two fields");
            for name in names.split(' ') {
                let parsed = name.parse::<DistributionName>();
                assert_eq!(parsed.map(|parsed| parsed.to_string()), Ok(name.to_owned()), "{module}");
            }
        }
    }

    #[test]
    fn modules_of_python_are_in_debian_packages() {
        for (module, minor, expected) in [
            ("tkinter", 13, Some("python3-tk")),
            ("tkinter.ttk", 11, Some("python3-tk")),
            ("turtle", 13, Some("python3-tk")),
            ("dbm.gnu", 13, Some("python3-gdbm")),
            ("dbm", 13, None),
            ("ensurepip", 13, Some("python3-venv")),
            ("distutils.core", 11, Some("python3-distutils")),
            ("distutils", 13, None),
            ("lib2to3", 11, Some("python3-lib2to3")),
            ("curses", 13, None),
            ("tkinterdnd2", 13, None),
        ] {
            assert_eq!(debian_package(module, minor), expected, "{module}");
        }
        assert_eq!(removed_module("cgi", 13), Some((12, Some("legacy-cgi"))));
        assert_eq!(removed_module("imp", 13), Some((11, None)));
        assert_eq!(removed_module("cgi", 11), None);
        assert_eq!(removed_module("json", 13), None);
    }

    #[test]
    fn a_part_of_the_project_has_a_module() {
        let lock = "version = 1\nrequires-python = \">=3.11\"\n[[package]]\nname = \"demo\"\nsource = { virtual = \".\" }\n\
            [package.optional-dependencies]\nall = [{ name = \"pyyaml\" }, { name = \"big\", extra = [\"x\"] }]\n\
            conf = [{ name = \"pyyaml\" }]\n[package.dev-dependencies]\ndev = [{ name = \"big\", extra = [\"x\"] }]\n\
            [[package]]\nname = \"pyyaml\"\nversion = \"1\"\nsource = { registry = \"https://index.example\" }\n\
            [[package]]\nname = \"big\"\nversion = \"1\"\nsource = { registry = \"https://index.example\" }\n\
            dependencies = [{ name = \"inner-part\" }]\n[package.optional-dependencies]\nx = [{ name = \"big\" }]\n\
            [[package]]\nname = \"inner-part\"\nversion = \"1\"\nsource = { registry = \"https://index.example\" }\n";
        let lock = UvLock::parse(lock).unwrap();
        let check = |module: &str, expected: Option<(&str, &str)>| {
            let found = optional_part_with(&lock, "demo", module, true);
            let found = found.map(|OptionalPackage { name, part, .. }| match part {
                OptionalPart::Extra(extra) => (name.to_string(), format!("extra {extra}")),
                OptionalPart::Group(group) => (name.to_string(), format!("group {group}")),
            });
            assert_eq!(found, expected.map(|(name, part)| (name.to_owned(), part.to_owned())), "{module}");
        };
        check("yaml", Some(("pyyaml", "extra conf")));
        check("yaml.nodes", Some(("pyyaml", "extra conf")));
        check("inner_part.x", Some(("inner-part", "extra all")));
        check("json", None);
    }
}
