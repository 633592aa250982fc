//! Which modules the project's own package has: what its build backend puts into a wheel, as far as `pyproject.toml` and the
//! files show it.
//!
//! The defaults are those that the backends document: of uv, hatchling, setuptools, Poetry, flit, PDM and maturin. An
//! unknown backend is treated as one that has the package of the project's name, or all packages at the usual places.
use toml::{Table, Value};

use crate::project::code::{Code, is_aside, within};

/// The modules of the project's own package.
#[derive(Debug, Default)]
pub(super) struct Installed {
    /// The paths that are installed, each with the folder that its modules are named from.
    roots: Vec<(String, String)>,
}

impl Installed {
    /// What the project named `name` installs.
    pub fn of(pyproject: &Table, name: &str, code: &Code<'_>) -> Self {
        let backend = text(pyproject, "build-system.build-backend").unwrap_or("setuptools");
        let family = ["uv_build", "hatchling", "setuptools", "poetry", "flit", "pdm", "maturin"];
        let family = family.into_iter().find(|family| backend.starts_with(family)).unwrap_or_default();
        let mut installed = Self::default();
        match family {
            "uv_build" => {
                let root = text(pyproject, "tool.uv.build-backend.module-root").unwrap_or("src");
                let names = texts(pyproject, "tool.uv.build-backend.module-name");
                let names = if names.is_empty() { vec![module_name(name)] } else { names };
                for name in names {
                    installed.add(&within(root, &name.replace('.', "/")), root);
                }
            }
            "hatchling" => {
                let wheel = "tool.hatch.build.targets.wheel";
                let named = ["packages", "only-include", "include"]
                    .map(|key| texts(pyproject, &format!("{wheel}.{key}")));
                let sources = texts(pyproject, &format!("{wheel}.sources"));
                for path in named.concat() {
                    let path =
                        path.trim_matches('/').trim_end_matches("/**").trim_end_matches("/*").to_owned();
                    let source = sources.iter().find(|source| path.starts_with(source.trim_matches('/')));
                    let above = path.rsplit_once('/').map_or("", |(above, _)| above).to_owned();
                    installed.add(&path, source.map_or(above.as_str(), |source| source.trim_matches('/')));
                }
                let forced = get(pyproject, &format!("{wheel}.force-include")).and_then(Value::as_table);
                for (from, to) in forced.into_iter().flatten() {
                    if Some(from.as_str()) == to.as_str() {
                        installed.add(from, "");
                    }
                }
            }
            "setuptools" => {
                let directory = text(pyproject, "tool.setuptools.package-dir.\"\"").unwrap_or_default();
                let names = [
                    texts(pyproject, "tool.setuptools.packages"),
                    texts(pyproject, "tool.setuptools.py-modules"),
                ];
                for name in names.concat() {
                    installed.add(&within(directory, &name.replace('.', "/")), directory);
                }
                for place in texts(pyproject, "tool.setuptools.packages.find.where") {
                    installed.add_all(place.trim_matches(['/', '.']), code);
                }
            }
            "poetry" => {
                let packages = get(pyproject, "tool.poetry.packages").and_then(Value::as_array);
                for package in packages.into_iter().flatten().filter_map(Value::as_table) {
                    let root = package.get("from").and_then(Value::as_str).unwrap_or_default();
                    if let Some(include) = package.get("include").and_then(Value::as_str) {
                        installed.add(&within(root, include.trim_end_matches("/**/*.py")), root);
                    }
                }
            }
            "flit" => {
                for name in texts(pyproject, "tool.flit.module.name") {
                    installed.add_named(&name, code);
                }
            }
            "maturin" => {
                if let Some(root) = text(pyproject, "tool.maturin.python-source") {
                    installed.add_all(root, code);
                }
            }
            _ => {}
        }
        if installed.roots.is_empty() {
            installed.add_named(&module_name(name), code);
        }
        let is_discovered = matches!(family, "setuptools" | "pdm" | "");
        if installed.roots.is_empty() && is_discovered {
            installed.add_all(if code.has_directory("src") { "src" } else { "" }, code);
        }
        installed
    }

    /// The module that the file `path` of the project is, once it is installed.
    pub fn module(&self, path: &str) -> Option<String> {
        let is_in = |root: &str| {
            let rest = path.strip_suffix(".py").unwrap_or(path).strip_prefix(root);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let (_, base) = self.roots.iter().find(|(root, _)| is_in(root))?;
        Some(crate::project::search_path::module(&path[base.len()..]))
    }

    fn add(&mut self, path: &str, base: &str) {
        let path = path.trim_start_matches("./").trim_matches('/').to_owned();
        let base = base.trim_start_matches("./").trim_matches('/').to_owned();
        let path = path.strip_suffix(".py").map(str::to_owned).unwrap_or(path);
        if !path.is_empty() && path.starts_with(&base) {
            self.roots.push((path, base));
        }
    }

    /// The package or module `name`, in the project's folder or in `src`.
    fn add_named(&mut self, name: &str, code: &Code<'_>) {
        let path = name.replace('.', "/");
        for base in ["src", ""] {
            if code.has_module(&within(base, &path)) {
                self.add(&within(base, &path), base);
                return;
            }
        }
    }

    /// All packages and modules in the folder `base`.
    fn add_all(&mut self, base: &str, code: &Code<'_>) {
        for file in code.files.iter().filter(|file| !is_aside(file.path)) {
            let Some(rest) = file.path.strip_prefix(base) else { continue };
            let rest = rest.trim_start_matches('/');
            let top = rest.split('/').next().unwrap_or(rest);
            // Modules beside packages are found only where nothing else can be meant.
            let is_name = |c: char| c.is_alphanumeric() || c == '_';
            let is_package = top != rest && !top.is_empty() && top.chars().all(is_name);
            let path = within(base, top.strip_suffix(".py").unwrap_or(top));
            if (is_package || base == "src") && !self.roots.iter().any(|(root, _)| *root == path) {
                self.add(&path, base);
            }
        }
    }
}

/// The name of the module that a project named `name` has.
fn module_name(name: &str) -> String {
    name.replace(['-', '.'], "_")
}

/// The value of a key with dots; a part may be in quotes.
fn get<'t>(table: &'t Table, key: &str) -> Option<&'t Value> {
    let mut parts = key.split('.').map(|part| part.trim_matches('"'));
    let first = table.get(parts.next()?)?;
    parts.try_fold(first, |value, part| value.get(part))
}

fn text<'t>(table: &'t Table, key: &str) -> Option<&'t str> {
    get(table, key)?.as_str()
}

/// The texts of a key: one, or several.
fn texts(table: &Table, key: &str) -> Vec<String> {
    match get(table, key) {
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(list)) => {
            list.iter().filter_map(|value| value.as_str().map(str::to_owned)).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_those_that_the_backend_installs() {
        let check = |pyproject: &str, paths: &[&str], path: &str, expected: Option<&str>| {
            let files = paths.iter().map(|path| ((*path).to_owned(), Some(String::new()))).collect();
            let table: Table = toml::from_str(pyproject).expect("it is TOML");
            let none = Default::default();
            let installed = Installed::of(&table, "my-app", &Code::of(&files, &none));
            assert_eq!(installed.module(path).as_deref(), expected, "{pyproject}");
        };
        let backend = |name: &str, more: &str| format!("build-system.build-backend = \"{name}\"\n{more}");
        let src = ["src/my_app/__init__.py", "src/my_app/cli.py", "main.py"];
        for name in [
            "uv_build",
            "hatchling.build",
            "setuptools.build_meta",
            "poetry.core.masonry.api",
            "pdm.backend",
            "odd",
        ] {
            check(&backend(name, ""), &src, "src/my_app/cli.py", Some("my_app.cli"));
            check(&backend(name, ""), &src, "main.py", None);
        }
        let flat = ["app/main.py", "app/__init__.py", "x.py"];
        check(&backend("setuptools.build_meta", ""), &flat, "app/main.py", Some("app.main"));
        check(&backend("hatchling.build", ""), &flat, "app/main.py", None);
        let wheel = "tool.hatch.build.targets.wheel";
        check(
            &backend("hatchling.build", &format!("{wheel}.packages = [\"app\"]")),
            &flat,
            "app/main.py",
            Some("app.main"),
        );
        let inner = ["src/a/b.py"];
        check(
            &backend("hatchling.build", &format!("{wheel}.packages = [\"src\"]")),
            &inner,
            "src/a/b.py",
            Some("src.a.b"),
        );
        let sources = format!("{wheel}.only-include = [\"src/a\"]\n{wheel}.sources = [\"src\"]");
        check(&backend("hatchling.build", &sources), &inner, "src/a/b.py", Some("a.b"));
        let named = "tool.uv.build-backend.module-name = \"a\"\ntool.uv.build-backend.module-root = \"\"";
        check(&backend("uv_build", named), &["a/b.py"], "a/b.py", Some("a.b"));
        let poetry = "[tool.poetry]\npackages = [{ include = \"a\", from = \"lib\" }]";
        check(&backend("poetry.core.masonry.api", poetry), &["lib/a/b.py"], "lib/a/b.py", Some("a.b"));
    }
}
