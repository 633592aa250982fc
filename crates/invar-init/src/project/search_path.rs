//! Where Python has to look for a project's own modules, so that a file finds what it imports.
//!
//! A file that is run is given its own folder, one that is run with `-m` the current folder. What a file imports, and what
//! that imports in turn, shows which of the two was meant.
use std::collections::BTreeSet;

use crate::project::code::{Code, within};
use crate::project::python_file::{Import, PythonFile};

/// How a file of the project is found by Python.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// The folder that its module is named from.
    pub root: String,
    /// Its module, from there.
    pub module: String,
    /// Further folders that its imports are found in.
    pub further: Vec<String>,
    /// Whether it has to be run as a module: its own folder is not enough.
    pub is_module: bool,
}

/// How many files are followed.
const MOST: usize = 500;

/// How `file` is found, together with what it imports.
pub(super) fn find(code: &Code<'_>, file: &PythonFile<'_>) -> Found {
    let own = file.directory();
    let wanted = needed(code, file);
    let ancestors = ancestors(file.path);
    let levels = file.imports().map(|import| import.dots).max().unwrap_or(0);
    // With `from .a import b` the file has to be in a package, and that is found above it.
    let is_deep =
        |root: &&str| file.path[root.len()..].trim_start_matches('/').matches('/').count() >= levels;
    let can_be: Vec<&str> = ancestors.iter().copied().filter(is_deep).collect();
    // Of all folders that have everything, the project's own comes first: it is where programs are started.
    let has_all = |root: &&str| wanted.iter().all(|places| places.contains(*root));
    let usual = if code.file("src/__init__.py").is_none() { ["src", ""] } else { ["", "src"] };
    let mut order: Vec<&str> = match wanted.is_empty() {
        true => usual.into_iter().filter(|root| can_be.contains(root)).collect(),
        false => Vec::new(),
    };
    order.extend(can_be.iter().copied().filter(|root| root.is_empty()));
    order.extend(can_be.iter().copied().filter(|root| *root != own));
    order.extend(can_be.iter().copied());
    let root = order.iter().copied().find(has_all).or_else(|| {
        order
            .iter()
            .copied()
            .rev()
            .max_by_key(|root| wanted.iter().filter(|places| places.contains(*root)).count())
    });
    let root = root.unwrap_or_default().to_owned();
    let mut further: Vec<String> = Vec::new();
    for places in &wanted {
        if !places.contains(&root) && !further.iter().any(|place| places.contains(place)) {
            further.extend(places.first().cloned());
        }
    }
    let is_module = levels > 0 || root != own && !wanted.iter().all(|places| places.contains(own));
    Found { module: module(&file.path[root.len()..]), root, further, is_module }
}

/// The folders that each import of the project's own modules may be found in, of `file` and of what it imports.
fn needed(code: &Code<'_>, file: &PythonFile<'_>) -> BTreeSet<BTreeSet<String>> {
    let mut wanted = BTreeSet::new();
    let mut seen = BTreeSet::from([file.path]);
    let mut next = vec![file];
    // A program is started in its own folder or in one above it.
    let mut places = ancestors(file.path);
    places.push("src");
    while let Some(file) = next.pop().filter(|_| seen.len() < MOST) {
        for import in file.imports() {
            let found = if import.dots > 0 {
                let base = relative(file.directory(), import.dots);
                base.map(|base| vec![base]).unwrap_or_default()
            } else {
                let top = import.module.split('.').next().unwrap_or_default();
                let is_own = !top.is_empty() && !is_of_python(top) && !code.is_dependency(top);
                let places: BTreeSet<String> = places
                    .iter()
                    .filter(|place| is_own && code.has_module(&within(place, top)))
                    .filter(|place| resolves(code, place, import))
                    .map(|place| (*place).to_owned())
                    .collect();
                if !places.is_empty() {
                    wanted.insert(places.clone());
                }
                places.into_iter().collect()
            };
            let first = found.first().map(String::as_str);
            for path in first.into_iter().flat_map(|base| targets(base, import)) {
                if let Some(file) = code.module(&path)
                    && seen.insert(file.path)
                {
                    next.push(file);
                }
            }
        }
    }
    wanted
}

/// The modules of Python itself.
const STANDARD: &str = include_str!("stdlib.txt");

/// Whether Python itself has the module `top`, which none of the project's is then.
fn is_of_python(top: &str) -> bool {
    STANDARD.lines().any(|line| line == top)
}

/// Whether the whole of `import` is in `place`, as far as it names modules.
fn resolves(code: &Code<'_>, place: &str, import: &Import) -> bool {
    let path = within(place, &import.module.replace('.', "/"));
    let Some((package, _)) = path.rsplit_once('/').filter(|_| import.module.contains('.')) else {
        return true;
    };
    // The last name may be a class or a function of the module before it.
    code.has_module(&path) || code.module(package).is_some_and(|file| file.stem() != "__init__")
}

/// The modules that `import` may name, without their endings.
fn targets(base: &str, import: &Import) -> Vec<String> {
    let path = import.module.replace('.', "/");
    let path = if path.is_empty() { base.to_owned() } else { within(base, &path) };
    let names = import.names.iter().map(|name| within(&path, name));
    names.chain([path.clone()]).collect()
}

/// The folder that a relative import with `dots` starts at.
fn relative(directory: &str, dots: usize) -> Option<String> {
    let mut directory = directory;
    for _ in 1..dots {
        directory =
            directory.rsplit_once('/').map(|(above, _)| above).or((!directory.is_empty()).then_some(""))?;
    }
    Some(directory.to_owned())
}

/// The folders that `path` is in, the deepest first, and the project's own.
fn ancestors(path: &str) -> Vec<&str> {
    let mut found: Vec<&str> = path.match_indices('/').map(|(at, _)| &path[..at]).collect();
    found.reverse();
    found.push("");
    found
}

/// The module of the file `path`.
pub(super) fn module(path: &str) -> String {
    let path = path.trim_start_matches('/');
    let path = path.strip_suffix(".py").unwrap_or(path);
    let path = path.strip_suffix("/__init__").unwrap_or(path);
    path.replace('/', ".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_imports_show_where_modules_are_looked_for() {
        let check = |path: &str, files: &[(&str, &str)], expected: &str| {
            let files =
                files.iter().map(|(path, text)| ((*path).to_owned(), Some((*text).to_owned()))).collect();
            let none = Default::default();
            let code = Code::of(&files, &none);
            let Found { root, module, further, is_module } =
                find(&code, code.file(path).expect("it is there"));
            assert_eq!(format!("{root}|{module}|{}|{is_module}", further.join(",")), expected, "{path}");
        };
        check("main.py", &[("main.py", "import os")], "|main||false");
        check("a/b.py", &[("a/b.py", "from a.c import x"), ("a/c.py", "")], "|a.b||true");
        check("a/b.py", &[("a/b.py", "from c import x"), ("a/c.py", "")], "a|b||false");
        check("a/b.py", &[("a/b.py", "from .c import x"), ("a/c.py", "")], "|a.b||true");
        // By way of another file.
        check(
            "main.py",
            &[("main.py", "import a.b"), ("a/b.py", "import c"), ("a/c.py", "")],
            "|main||false",
        );
        check(
            "a/b.py",
            &[("a/b.py", "import c"), ("a/c.py", "from a import d"), ("a/d.py", "")],
            "|a.b|a|true",
        );
        check("src/m.py", &[("src/m.py", "import u"), ("src/u.py", "")], "src|m||false");
        check("src/m.py", &[("src/m.py", "import src.u"), ("src/u.py", "")], "|src.m||true");
        check("src/t/m.py", &[("src/t/m.py", "from t.u import x"), ("src/t/u.py", "")], "src|t.m||true");
        check("src/m.py", &[("src/m.py", "import os")], "src|m||false");
        check("a/m.py", &[("a/m.py", "import os")], "|a.m||false");
        check("b/a/m.py", &[("b/a/m.py", "from a import c"), ("b/a/c.py", "")], "b|a.m||true");
        check(
            "a/m.py",
            &[("a/m.py", "from a.x import y\nimport logging"), ("a/x.py", ""), ("a/logging.py", "")],
            "|a.m||true",
        );
        // A module that only looks like one of the project's.
        check(
            "m.py",
            &[("m.py", "import yaml.x"), ("src/yaml/y.py", ""), ("src/yaml/__init__.py", "")],
            "|m||false",
        );
    }
}
