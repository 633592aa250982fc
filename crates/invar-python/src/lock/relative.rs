//! A lock as a member of its workspace sees it: the lock is in the workspace's folder, and its paths begin there.
use super::{Source, UvLock};
use crate::name::DistributionName;

impl UvLock {
    /// The packages that are folders, each with its path as the lock has it.
    pub fn folders(&self) -> impl Iterator<Item = (&DistributionName, &str)> {
        self.packages.iter().filter_map(|package| Some((&package.name, package.source.folder()?)))
    }

    /// Whether the folder at `path`, relative to the lock, is a package of the lock.
    pub fn has_folder(&self, path: &str) -> bool {
        self.folders().any(|(_, folder)| parts(folder) == parts(path))
    }

    /// The same lock with its paths relative to `folder`, which is relative to the lock's own and does not climb.
    #[must_use]
    pub fn seen_from(mut self, folder: &str) -> Self {
        let folder = parts(folder);
        for package in &mut self.packages {
            match &mut package.source {
                Source::Registry(place) if Source::is_url(place) => {}
                Source::Registry(path)
                | Source::Path(path)
                | Source::Directory(path)
                | Source::Editable(path)
                | Source::Virtual(path) => *path = relative(path, &folder),
                Source::Git(_) | Source::Url { .. } => {}
            }
        }
        self
    }
}

fn parts(path: &str) -> Vec<&str> {
    path.split('/').filter(|part| !matches!(*part, "" | ".")).collect()
}

/// The way from `folder` to `path`.
fn relative(path: &str, folder: &[&str]) -> String {
    if path.starts_with('/') {
        return path.to_owned();
    }
    let path = parts(path);
    let shared = path.iter().zip(folder).take_while(|(one, other)| one == other).count();
    let up = std::iter::repeat_n("..", folder.len() - shared);
    let way: Vec<&str> = up.chain(path[shared..].iter().copied()).collect();
    if way.is_empty() { ".".to_owned() } else { way.join("/") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_from_one_folder_to_another() {
        for (path, folder, expected) in [
            ("libs/api", "libs/cli", "../api"),
            ("libs/cli", "libs/cli", "."),
            ("./libs/cli/", "libs/cli", "."),
            ("libs/cli/plugin", "libs/cli", "plugin"),
            ("libs", "libs/cli", ".."),
            (".", "libs/cli", "../.."),
            ("libs/client", "libs/cli", "../client"),
            ("../beside", "libs/cli", "../../../beside"),
            ("/srv/wheels", "libs/cli", "/srv/wheels"),
        ] {
            assert_eq!(relative(path, &parts(folder)), expected, "{path} from {folder}");
        }
    }

    #[test]
    fn only_paths_change() {
        let text = r#"
version = 1
requires-python = ">=3.13"

[manifest]
members = ["api", "cli"]

[[package]]
name = "api"
version = "1"
source = { editable = "libs/api" }

[[package]]
name = "cli"
version = "1"
source = { virtual = "libs/cli" }
dependencies = [{ name = "api" }, { name = "far" }, { name = "near" }]

[[package]]
name = "far"
version = "1"
source = { registry = "https://index.example/simple" }

[[package]]
name = "near"
version = "1"
source = { registry = "wheels" }
"#;
        let lock = UvLock::parse(text).unwrap();
        assert!(lock.has_folder("libs/cli") && lock.has_folder("./libs/cli/") && !lock.has_folder("libs"));
        let sources: Vec<Source> =
            lock.seen_from("libs/cli").packages.into_iter().map(|package| package.source).collect();
        assert_eq!(
            sources,
            [
                Source::Editable("../api".to_owned()),
                Source::Virtual(".".to_owned()),
                Source::Registry("https://index.example/simple".to_owned()),
                Source::Registry("../../wheels".to_owned()),
            ]
        );
    }
}
