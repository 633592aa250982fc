//! All Python files of a project that are part of what is deployed, and what they say together.
use std::collections::{BTreeMap, BTreeSet};

use crate::project::python_file::PythonFile;

/// The Python files of a project, the shallowest first.
#[derive(Debug)]
pub(super) struct Code<'a> {
    pub files: Vec<PythonFile<'a>>,
    /// The folders that have Python files in them, however deep.
    directories: BTreeSet<&'a str>,
    by_path: BTreeMap<&'a str, usize>,
    /// The normalized names of the packages that the project has.
    dependencies: &'a BTreeSet<String>,
    /// Folders that are projects of their own.
    nested: Vec<&'a str>,
}

/// Folders of what is not deployed.
const ASIDE: [&str; 28] = [
    "__pycache__",
    "alembic",
    "bench",
    "benchmark",
    "benchmarks",
    "build",
    "ci",
    "demo",
    "demos",
    "dist",
    "doc",
    "docs",
    "example",
    "examples",
    "experiments",
    "fixtures",
    "hooks",
    "migrations",
    "node_modules",
    "notebooks",
    "sample",
    "samples",
    "scripts",
    "test",
    "testing",
    "tests",
    "tutorials",
    "venv",
];

/// Files that only build or test.
const TOOLS: [&str; 6] = ["__version__.py", "conftest.py", "dodo.py", "fabfile.py", "noxfile.py", "setup.py"];

impl<'a> Code<'a> {
    /// The Python files among `files`, of a project that has the packages `dependencies`.
    pub fn of(files: &'a BTreeMap<String, Option<String>>, dependencies: &'a BTreeSet<String>) -> Self {
        let texts = files.iter().filter_map(|(path, text)| Some((path.as_str(), text.as_deref()?)));
        let python = texts.filter(|(path, _)| path.ends_with(".py"));
        let mut found: Vec<PythonFile<'_>> = python
            .map(|(path, text)| PythonFile::parse(path, if is_read(path) { text } else { "" }))
            .collect();
        found.sort_by_key(|file| (file.path.matches('/').count(), file.path));
        let by_path = found.iter().enumerate().map(|(at, file)| (file.path, at)).collect();
        let mut directories = BTreeSet::new();
        for path in files.keys().filter(|path| path.ends_with(".py")) {
            let ends = path.match_indices('/').map(|(at, _)| at);
            directories.extend(ends.map(|at| &path[..at]));
        }
        let nested = files.keys().filter_map(|path| path.strip_suffix("/pyproject.toml")).collect();
        Self { files: found, directories, by_path, dependencies, nested }
    }

    /// The files that are part of what is deployed.
    pub fn deployed(&self) -> impl Iterator<Item = &PythonFile<'a>> {
        // Migrations' own programs create applications to ask them for their tables.
        let is_migration = |file: &&PythonFile<'_>| file.stem() == "env" && file.uses("alembic");
        let is_nested = |file: &&PythonFile<'_>| {
            let inside =
                |place: &&str| file.path.strip_prefix(*place).is_some_and(|rest| rest.starts_with('/'));
            self.nested.iter().any(|place| inside(place))
        };
        self.files.iter().filter(move |file| !is_aside(file.path) && !is_migration(file) && !is_nested(file))
    }

    /// Whether a package of another project has the name of the module `top`.
    pub fn is_dependency(&self, top: &str) -> bool {
        self.dependencies.contains(&crate::project::normalize(top))
    }

    /// The file at `path`.
    pub fn file(&self, path: &str) -> Option<&PythonFile<'a>> {
        self.by_path.get(path).map(|at| &self.files[*at])
    }

    /// Whether there is a module or a package at `path`, without its ending.
    pub fn has_module(&self, path: &str) -> bool {
        self.directories.contains(path) || self.file(&format!("{path}.py")).is_some()
    }

    /// The file of the module at `path`, without its ending.
    pub fn module(&self, path: &str) -> Option<&PythonFile<'a>> {
        self.file(&format!("{path}.py")).or_else(|| self.file(&format!("{path}/__init__.py")))
    }

    /// Whether there are Python files in the folder `directory`.
    pub fn has_directory(&self, directory: &str) -> bool {
        self.directories.contains(directory)
    }
}

/// Whether what a file says may matter: tests and migrations are many, and start nothing.
fn is_read(path: &str) -> bool {
    let unread = ["docs", "migrations", "node_modules", "test", "tests", "versions"];
    let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
    !directory.split('/').any(|part| unread.contains(&part))
}

/// Whether a file is not part of what is deployed.
pub(super) fn is_aside(path: &str) -> bool {
    let (directory, file) = path.rsplit_once('/').unwrap_or(("", path));
    directory.split('/').any(|part| ASIDE.contains(&part) || part.starts_with('.'))
        || file.starts_with("test_")
        || file.ends_with("_test.py")
        || TOOLS.contains(&file)
}

/// `path` in the folder `directory`, which may be nothing.
pub(super) fn within(directory: &str, path: &str) -> String {
    if directory.is_empty() { path.to_owned() } else { format!("{directory}/{path}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_sorted() {
        assert!(ASIDE.is_sorted() && TOOLS.is_sorted());
    }

    #[test]
    fn what_only_tests_is_not_deployed() {
        for path in ["tests/a.py", "a/test_b.py", "a/b_test.py", ".x/a.py", "setup.py", "docs/conf.py"] {
            assert!(is_aside(path), "{path}");
        }
        for path in ["a.py", "tester.py", "src/a/testing.py", "demo.py"] {
            assert!(!is_aside(path), "{path}");
        }
    }
}
