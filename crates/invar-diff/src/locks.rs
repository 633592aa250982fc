use std::collections::BTreeMap;

use crate::inside::{ValueChange, value_changes};
use crate::packages::{PackageChange, Versions, add, changes};

/// A lock that cannot be compared.
#[derive(Debug)]
pub struct LockError(toml::de::Error);

impl std::fmt::Display for LockError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "invalid TOML: {}", self.0.message())
    }
}

impl std::error::Error for LockError {}

/// What changed between two locks: packages, and all that is not a list of packages, by key.
///
/// A lock is TOML. Its packages are the tables of the lists `package`, `tool`, `build` and `build-wheel`, at its top or
/// in the tables of a list `platform`, by their `name` or `file` and `version`; those of the tables `lock` of a list
/// `derived` as well. Both `uv.lock` and `invar.lock`, of whatever
/// version, are that. A package of the same version of which something else differs, such as its hashes, is one that
/// changed.
///
/// # Errors
/// [`LockError`].
pub fn compare_locks(old: &str, new: &str) -> Result<(Vec<PackageChange>, Vec<ValueChange>), LockError> {
    let parse = |text: &str| text.parse::<toml::Table>().map_err(LockError);
    let (mut old, mut new) = (parse(old)?, parse(new)?);
    let (one, two) = (Locked::take(&mut old), Locked::take(&mut new));
    let mut packages = changes(&one.versions, &two.versions);
    for (key, version) in &one.versions {
        if two.versions.get(key) == Some(version) && one.tables.get(key) != two.tables.get(key) {
            let (kind, name) = key.clone();
            let new = format!("{version}, with different hashes, locations or dependencies");
            let (old, new) = (Some(version.clone()), Some(new));
            packages.push(PackageChange { kind, name, old, new, changelog: Vec::new() });
        }
    }
    packages.sort_by(|one, two| (&one.kind, &one.name).cmp(&(&two.kind, &two.name)));
    let json = |table: toml::Table| serde_json::to_value(table).unwrap_or_default();
    Ok((packages, value_changes(&json(old), &json(new))))
}

/// The lists of packages.
const LISTS: [&str; 4] = ["package", "tool", "build", "build-wheel"];

/// The packages of a lock.
#[derive(Default)]
struct Locked {
    versions: Versions,
    /// All that the lock says of them.
    tables: BTreeMap<(String, String), Vec<toml::Value>>,
}

impl Locked {
    /// Takes the packages out of `lock`.
    fn take(lock: &mut toml::Table) -> Self {
        let mut locked = Self::default();
        let kind = if lock.contains_key("platform") { "Debian" } else { "Python" };
        locked.take_lists(lock, kind);
        let platforms = lock.get_mut("platform").and_then(toml::Value::as_array_mut);
        for platform in platforms.into_iter().flatten().filter_map(toml::Value::as_table_mut) {
            locked.take_lists(platform, "Debian");
        }
        // The locks of derived manifests: a package that several have is named once.
        let derived = lock.get_mut("derived").and_then(toml::Value::as_array_mut);
        let locks = derived.into_iter().flatten().filter_map(|one| one.get_mut("lock")?.as_table_mut());
        for inner in locks.map(Self::take) {
            for ((kind, name), version) in inner.versions {
                add(&mut locked.versions, kind, name, &version);
            }
            for (key, tables) in inner.tables {
                let known = locked.tables.entry(key).or_default();
                known.extend(tables.into_iter().filter(|table| !known.contains(table)).collect::<Vec<_>>());
            }
        }
        locked
    }

    fn take_lists(&mut self, table: &mut toml::Table, kind: &str) {
        for list in LISTS {
            // In a manifest `tool` is a table, and no list of packages.
            if !table.get(list).is_some_and(toml::Value::is_array) {
                continue;
            }
            let Some(packages) = table.remove(list) else { continue };
            for package in packages.as_array().into_iter().flatten() {
                let text = |key: &str| package.get(key).and_then(toml::Value::as_str);
                let Some(name) = text("name").or_else(|| text("file")) else { continue };
                let kind = match list {
                    "build" => "Python, built".to_owned(),
                    "build-wheel" => "wheel for builds".to_owned(),
                    "tool" => format!("{kind}, for builds"),
                    _ => kind.to_owned(),
                };
                let key = (kind, name.to_owned());
                self.tables.entry(key.clone()).or_default().push(package.clone());
                add(&mut self.versions, key.0, key.1, text("version").unwrap_or("of its source"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_locks_are_compared_by_their_packages() {
        let old = "version = 1\n[[package]]\nname = \"a\"\nversion = \"1\"\n[[package]]\nname = \"b\"\nversion = \"1\"\n";
        let new = "version = 1\nrevision = 3\n[[package]]\nname = \"a\"\nversion = \"2\"\n[[package]]\nname = \"c\"\n";
        let (packages, values) = compare_locks(old, new).unwrap();
        let shown: Vec<_> = packages
            .iter()
            .map(|change| (change.name.as_str(), change.old.as_deref(), change.new.as_deref()))
            .collect();
        assert_eq!(
            shown,
            [("a", Some("1"), Some("2")), ("b", Some("1"), None), ("c", None, Some("of its source"))]
        );
        assert_eq!(values.len(), 1);
        assert_eq!((values[0].key.as_str(), values[0].old.as_ref()), ("revision", None));

        let platform = |version: &str, hash: &str| {
            format!(
                "created = \"x\"\n[[platform]]\nname = \"linux/amd64\"\n[[platform.package]]\nname = \"libc6\"\n\
                 version = \"{version}\"\nsha256 = \"{hash}\"\n"
            )
        };
        let (packages, _) =
            compare_locks(&platform("2.41", &"0".repeat(64)), &platform("2.41", &"1".repeat(64))).unwrap();
        assert_eq!(packages[0].old.as_deref(), Some("2.41"));
        assert_eq!(
            packages[0].new.as_deref(),
            Some("2.41, with different hashes, locations or dependencies")
        );
        let derived = |output: &str, version: &str| {
            let platform = platform(version, "0")
                .replace("[[", "[[derived.lock.")
                .replace("created", "\n[derived.lock]\ncreated");
            format!("[[derived]]\noutput = \"{output}\"\n{platform}")
        };
        let lock = |one: &str, two: &str| format!("{}{}", derived("a", one), derived("b", two));
        let (packages, values) = compare_locks(&lock("2.41", "2.41"), &lock("2.41", "2.42")).unwrap();
        assert_eq!((packages.len(), values.len(), packages[0].new.as_deref()), (1, 0, Some("2.41, 2.42")));
        let manifest =
            |python: &str| format!("[project]\nname = \"x\"\n[tool.invar]\npython = \"{python}\"\n");
        let (packages, values) = compare_locks(&manifest("3.12"), &manifest("3.13")).unwrap();
        assert_eq!((packages.len(), values.len(), values[0].key.as_str()), (0, 1, "tool.invar.python"));
        assert!(compare_locks("= broken", "").unwrap_err().to_string().starts_with("invalid TOML"));
    }
}
