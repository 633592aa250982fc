//! Names that Debian packages have in other suites.
//!
//! The tables of this crate name packages as Debian 13 does. Debian 12 has other names for some: those of libraries
//! whose interface has changed, and those of the transition to 64-bit times, which end in `t64` since.
use toml::Value;

use crate::draft::{Draft, Keys, Source};

/// Names in Debian 13 and 12. See its own first lines.
const TABLE: &str = include_str!("bookworm.tsv");

/// What the suite is called that has other names.
const BOOKWORM: &str = "bookworm";

/// The name in Debian 12 of the package that Debian 13 calls `package`; `None` where Debian 12 has none. The name of
/// any other package, and one that is of Debian 12 already, stays as it is.
fn in_bookworm(package: &str) -> Option<&str> {
    let rows = TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('\t'));
    match rows.into_iter().find(|(known, _)| *known == package) {
        Some((_, "-")) => None,
        Some((_, name)) => Some(name),
        None => Some(package.strip_suffix("t64").unwrap_or(package)),
    }
}

/// The name in `suite` of the package that Debian 13 calls `package`; `None` where it has none.
pub(crate) fn in_suite<'p>(package: &'p str, suite: Option<&str>) -> Option<&'p str> {
    if suite == Some(BOOKWORM) { in_bookworm(package) } else { Some(package) }
}

/// Gives the Debian packages of `draft` the names that they have in `suite`, and notes those that it does not have.
pub(crate) fn rename(draft: &mut Draft, suite: &str) {
    if suite != BOOKWORM {
        return;
    }
    let mut missing = Vec::new();
    let mut name = |package: &str| {
        let name = in_bookworm(package);
        if name.is_none() {
            missing.push(package.to_owned());
        }
        name.map(str::to_owned)
    };
    draft.packages = draft.packages.iter().filter_map(|package| name(package)).collect();
    draft.overrides.values_mut().for_each(|keys| rename_in(keys, &mut name));
    rename_in(&mut draft.dev_shell, &mut name);
    for package in missing {
        draft.note(Source { file: BOOKWORM, line: 0 }, &package, "Debian 12 does not have this package");
    }
}

/// The same for the list `packages` of a table.
fn rename_in(keys: &mut Keys, name: &mut impl FnMut(&str) -> Option<String>) {
    let Some(Value::Array(packages)) = keys.get("packages") else { return };
    let renamed: Vec<String> = packages.iter().filter_map(|value| name(value.as_str()?)).collect();
    match renamed.is_empty() {
        true => keys.remove("packages"),
        false => keys.set("packages", renamed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole_and_sorted() {
        let lines: Vec<_> = TABLE.lines().filter(|line| !line.starts_with('#')).collect();
        let rows: Vec<_> = lines.iter().filter_map(|line| line.split_once('\t')).collect();
        assert_eq!(rows.len(), lines.len());
        assert!(rows.is_sorted_by(|(a, _), (b, _)| a < b));
        assert!(rows.iter().all(|(a, b)| a != b && !b.is_empty() && !b.contains('\t')));
    }

    #[test]
    fn names_are_those_of_the_suite() {
        let packages =
            ["curl", "libgeos-c1t64", "libglib2.0-0", "libmagic1t64", "rustup"].map(str::to_owned).into();
        let mut draft = Draft { packages, ..Draft::default() };
        let keys = draft.overrides.entry("odd".to_owned()).or_default();
        keys.set("packages", vec!["libtag-dev", "gcc"]);
        draft.dev_shell.set("packages", vec!["libtag2"]);
        let before = draft.clone();
        rename(&mut draft, "trixie");
        assert_eq!(draft, before);
        rename(&mut draft, "bookworm");
        let names: Vec<_> = draft.packages.iter().map(String::as_str).collect();
        assert_eq!(names, ["curl", "libgeos-c1v5", "libglib2.0-0", "libmagic1"]);
        assert_eq!(draft.overrides["odd"].get("packages"), Some(&Value::from(vec!["libtag1-dev", "gcc"])));
        assert_eq!(draft.dev_shell.get("packages"), Some(&Value::from(vec!["libtag1v5"])));
        let notes: Vec<_> = draft.notes.iter().map(|note| note.sentence()).collect();
        assert_eq!(notes, ["bookworm: rustup: Debian 12 does not have this package"]);
        let after = draft.clone();
        rename(&mut draft, "bookworm");
        assert_eq!(draft, after);
    }
}
