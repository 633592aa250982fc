//! What is different in a new `uv.lock`, for a reader.
use std::collections::{BTreeMap, BTreeSet};

use super::UvLock;
use crate::name::DistributionName;

impl UvLock {
    /// A line for each package that came, went, or has another version, by name: `click 8.1.7 → 8.3.0`.
    pub fn changes(old: Option<&Self>, new: &Self) -> Vec<String> {
        let versions = |lock: &Self| {
            let mut all: BTreeMap<DistributionName, BTreeSet<String>> = BTreeMap::new();
            for package in &lock.packages {
                let version = package.version_text.clone().unwrap_or_default();
                all.entry(package.name.clone()).or_default().insert(version);
            }
            all
        };
        let (old, new) = (old.map(versions).unwrap_or_default(), versions(new));
        let names: BTreeSet<&DistributionName> = old.keys().chain(new.keys()).collect();
        let list = |versions: &BTreeSet<String>| versions.iter().cloned().collect::<Vec<_>>().join(", ");
        let line = |name: &DistributionName| {
            let line = match (old.get(name), new.get(name)) {
                (Some(old), Some(new)) if old == new => return None,
                (Some(old), Some(new)) => format!("{name} {} → {}", list(old), list(new)),
                (Some(old), None) => format!("{name} {} removed", list(old)),
                (None, Some(new)) => format!("{name} {} added", list(new)),
                (None, None) => return None,
            };
            // A package that is built may have no version before.
            Some(line.split_whitespace().collect::<Vec<_>>().join(" "))
        };
        names.into_iter().filter_map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_that_came_went_or_changed() {
        let lock = |packages: &[(&str, &str)]| {
            let mut text = "version = 1\nrequires-python = \">=3.13\"\n".to_owned();
            for (name, version) in packages {
                text.push_str(&format!(
                    "[[package]]\nname = \"{name}\"\nversion = \"{version}\"\nsource = {{ registry = \"https://i.example/simple\" }}\n"
                ));
            }
            UvLock::parse(&text).expect("it is a lock")
        };
        let (old, new) =
            (lock(&[("a", "1"), ("b", "1"), ("c", "1")]), lock(&[("a", "1"), ("b", "2"), ("d", "3")]));
        assert_eq!(UvLock::changes(Some(&old), &new), ["b 1 → 2", "c 1 removed", "d 3 added"]);
        assert_eq!(UvLock::changes(None, &lock(&[("a", "1")])), ["a 1 added"]);
    }
}
