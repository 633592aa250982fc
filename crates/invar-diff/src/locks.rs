use std::collections::BTreeMap;

use crate::inside::{ValueChange, value_changes};
use crate::packages::{PackageChange, Versions, add, changes};

/// A lock that cannot be compared.
#[derive(Debug)]
pub struct LockError(toml::de::Error);

impl std::fmt::Display for LockError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "it is not TOML: {}", self.0.message())
    }
}

impl std::error::Error for LockError {}

/// What changed between two locks: packages, and all that is not a list of packages, by key.
///
/// A lock is TOML. Its packages are the tables of the lists `package`, `tool`, `omitted`, `build` and `build-wheel`, at
/// its top or in the tables of a list `platform`, by their `name` and `version`. Both `uv.lock` and `invar.lock`, of
/// whatever version, are that.
///
/// # Errors
/// [`LockError`].
pub fn compare_locks(old: &str, new: &str) -> Result<(Vec<PackageChange>, Vec<ValueChange>), LockError> {
    let parse = |text: &str| text.parse::<toml::Table>().map_err(LockError);
    let (mut old, mut new) = (parse(old)?, parse(new)?);
    let packages = changes(&take_packages(&mut old), &take_packages(&mut new));
    let json = |table: toml::Table| serde_json::to_value(table).unwrap_or_default();
    Ok((packages, value_changes(&json(old), &json(new))))
}

/// The lists of packages in an `invar.lock`, and in a `uv.lock` the first.
const LISTS: [&str; 4] = ["package", "tool", "build", "build-wheel"];

fn take_packages(lock: &mut toml::Table) -> Versions {
    let mut versions = Versions::new();
    let debian = lock.contains_key("platform");
    take_lists(lock, if debian { "Debian" } else { "Python" }, "", &mut versions);
    let platforms = lock.get_mut("platform").and_then(toml::Value::as_array_mut);
    let mut by_name: BTreeMap<String, Versions> = BTreeMap::new();
    for platform in platforms.into_iter().flatten().filter_map(toml::Value::as_table_mut) {
        let name = platform.get("name").and_then(toml::Value::as_str).unwrap_or_default().to_owned();
        take_lists(platform, "Debian", "", by_name.entry(name).or_default());
    }
    // What is the same on all platforms is said once.
    for (platform, found) in by_name {
        for ((kind, name), version) in found {
            let known = versions.get(&(kind.clone(), name.clone()));
            if known.is_some_and(|known| *known != version) {
                add(&mut versions, format!("{kind} ({platform})"), name, &version);
            } else {
                add(&mut versions, kind, name, &version);
            }
        }
    }
    versions
}

fn take_lists(table: &mut toml::Table, kind: &str, suffix: &str, versions: &mut Versions) {
    for list in LISTS {
        let Some(packages) = table.remove(list) else { continue };
        for package in packages.as_array().into_iter().flatten() {
            let text = |key: &str| package.get(key).and_then(toml::Value::as_str);
            let Some(name) = text("name").or_else(|| text("file")) else { continue };
            let version = text("version").unwrap_or("of its source");
            let kind = match list {
                "build" => "Python, built".to_owned(),
                "build-wheel" => "wheel for builds".to_owned(),
                "tool" => format!("{kind}, for builds"),
                _ => format!("{kind}{suffix}"),
            };
            // The same version with other bytes is another package.
            let hash = text("sha256").or_else(|| text("source-sha256")).and_then(|hash| hash.get(..12));
            let version = match hash {
                Some(hash) => format!("{version} [{hash}]"),
                None => version.to_owned(),
            };
            add(versions, kind, name.to_owned(), &version);
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
        assert_eq!(packages[0].old.as_deref(), Some("2.41 [000000000000]"));
        assert!(compare_locks("= broken", "").unwrap_err().to_string().starts_with("it is not TOML"));
    }
}
