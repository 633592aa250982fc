//! Which modules a program of a project imports for sure: those of the files that its command starts, and of the project's
//! own files that these import.
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::imports::{Import, imports};

/// The folders in which a project has its modules, other than its own.
const SOURCES: [&str; 2] = ["", "src/"];

/// The project's files by path, Python files with their text.
type Files = BTreeMap<String, Option<String>>;

/// The files that `command` starts: files that it names, modules after `-m`, modules with an attribute such as `app:app`,
/// and the functions of `scripts`, the project's own programs, each `module:function`.
pub fn started_files(command: &[String], scripts: &BTreeMap<String, String>, files: &Files) -> Vec<String> {
    let mut found = Vec::new();
    let mut add = |path: Option<String>| {
        if let Some(path) = path.filter(|path| !found.contains(path)) {
            found.push(path);
        }
    };
    if let Some(target) = command.first().and_then(|program| scripts.get(program.rsplit('/').next()?)) {
        add(of_module(target.split(':').next().unwrap_or_default().trim(), "", files));
    }
    for (index, word) in command.iter().enumerate() {
        let plain = word.strip_prefix("/app/").or_else(|| word.strip_prefix("./")).unwrap_or(word);
        let is_option = |name: &str| index > 0 && command[index - 1] == name;
        if plain.ends_with(".py") && files.contains_key(plain) {
            add(Some(plain.to_owned()));
        } else if is_option("-m") {
            add(of_module(&format!("{word}.__main__"), "", files).or_else(|| of_module(word, "", files)));
        } else if is_option("--app") || is_option("-A") {
            add(of_module(word.split(':').next().unwrap_or_default(), "", files));
        } else if let Some((module, _)) = word.split_once(':') {
            add(of_module(module, "", files));
        }
    }
    found
}

/// What the files `started` import, and what those of the project's own files import that they import, without what is the
/// project's own; each with the file that says so.
pub fn reached_imports(started: &[String], files: &Files) -> Vec<(String, Import)> {
    let mut found = Vec::new();
    let mut seen: BTreeSet<String> = started.iter().cloned().collect();
    let mut queue: VecDeque<String> = started.iter().cloned().collect();
    // What a program imports is looked for beside the program itself.
    let beside: Vec<String> = started.iter().map(|path| folder(path).to_owned()).collect();
    while let Some(path) = queue.pop_front() {
        let Some(Some(text)) = files.get(&path) else { continue };
        for import in imports(text) {
            let own = own_files(&import, &path, &beside, files);
            if own.is_empty() && import.top().is_some() {
                found.push((path.clone(), import));
            }
            queue.extend(own.into_iter().filter(|path| seen.insert(path.clone())));
        }
    }
    found
}

/// The project's own files that `import` in the file at `path` runs.
fn own_files(import: &Import, path: &str, beside: &[String], files: &Files) -> Vec<String> {
    let mut folders: Vec<String> = Vec::new();
    let dots = import.module.len() - import.module.trim_start_matches('.').len();
    let name = import.module.trim_start_matches('.');
    if dots == 0 {
        folders.extend(beside.iter().cloned());
        folders.extend(SOURCES.map(str::to_owned));
    } else {
        let mut package = folder(path);
        for _ in 1..dots {
            package = folder(package.trim_end_matches('/'));
        }
        folders.push(package.to_owned());
    }
    for base in folders {
        let mut found = Vec::new();
        let mut inner = String::new();
        // A package is run before its modules.
        for part in name.split('.').filter(|part| !part.is_empty()) {
            inner = if inner.is_empty() { part.to_owned() } else { format!("{inner}.{part}") };
            found.extend(of_module(&inner, &base, files));
        }
        let parent = name.replace('.', "/");
        let is_folder = !parent.is_empty() && has_folder(&format!("{base}{parent}/"), files);
        if found.is_empty() && !is_folder && dots == 0 {
            continue;
        }
        for name in &import.names {
            let inner = if parent.is_empty() {
                name.clone()
            } else {
                format!("{}.{name}", import.module.trim_start_matches('.'))
            };
            found.extend(of_module(&inner, &base, files));
        }
        if found.is_empty() && is_folder {
            // A namespace of its own, with nothing that runs.
            found.push(format!("{base}{parent}/"));
        }
        return found;
    }
    Vec::new()
}

/// The file of `module` below `base`.
fn of_module(module: &str, base: &str, files: &Files) -> Option<String> {
    let path = module.replace('.', "/");
    if path.is_empty() || path.contains("//") || path.starts_with('/') {
        return None;
    }
    let bases = if base.is_empty() { SOURCES.to_vec() } else { vec![base] };
    let candidates = bases
        .into_iter()
        .flat_map(|base| ["/__init__.py", ".py"].map(|ending| format!("{base}{path}{ending}")));
    candidates.into_iter().find(|path| files.contains_key(path))
}

fn has_folder(folder: &str, files: &Files) -> bool {
    files.range(folder.to_owned()..).next().is_some_and(|(path, _)| path.starts_with(folder))
}

/// The folder of a path, with the slash at its end; empty for the project's own.
fn folder(path: &str) -> &str {
    path.rfind('/').map_or("", |end| &path[..=end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(list: &[(&str, &str)]) -> Files {
        list.iter().map(|(path, text)| ((*path).to_owned(), Some((*text).to_owned()))).collect()
    }

    #[track_caller]
    fn check(command: &str, list: &[(&str, &str)], expected: &[&str]) {
        let files = files(list);
        let command: Vec<String> = command.split(' ').map(str::to_owned).collect();
        let scripts = BTreeMap::from([("tool".to_owned(), "pkg.cli:main".to_owned())]);
        let started = started_files(&command, &scripts, &files);
        let found: Vec<String> = reached_imports(&started, &files)
            .into_iter()
            .map(|(path, import)| format!("{path}: {}", import.module))
            .collect();
        assert_eq!(found, expected, "{command:?}");
    }

    #[test]
    fn imports_are_followed_through_the_projects_own_files() {
        let list = [
            ("main.py", "import os\nfrom pkg import gui\nimport helper.deep\n"),
            ("pkg/__init__.py", "import init_of_package"),
            ("pkg/gui.py", "import tkinter\nfrom .inner import x\nfrom . import cli\nfrom .. import nothing"),
            ("pkg/inner.py", "import inner_one"),
            ("pkg/cli.py", "import click"),
            ("helper/deep.py", "import deep"),
            ("other.py", "import never"),
        ];
        let all = [
            "main.py: os",
            "pkg/__init__.py: init_of_package",
            "pkg/gui.py: tkinter",
            "helper/deep.py: deep",
            "pkg/inner.py: inner_one",
            "pkg/cli.py: click",
        ];
        check("python main.py", &list, &all);
        check("python /app/main.py --x", &list, &all);
        check("tool serve", &list, &["pkg/cli.py: click"]);
        check("python -m pkg.cli", &list, &["pkg/cli.py: click"]);
        check("uvicorn --host 0.0.0.0 other:app", &list, &["other.py: never"]);
        check("celery --app pkg.inner worker", &list, &["pkg/inner.py: inner_one"]);
        check("nginx", &list, &[]);
    }

    #[test]
    fn modules_are_found_where_python_finds_them() {
        let list = [
            ("src/pkg/__main__.py", "from pkg.app import run\nimport beside"),
            ("src/pkg/app.py", "import app_needs"),
            ("tools/go.py", "import near\nimport pkg.app"),
            ("tools/near.py", "import near_needs\nimport go"),
        ];
        check("python -m pkg", &list, &["src/pkg/__main__.py: beside", "src/pkg/app.py: app_needs"]);
        check("python tools/go.py", &list, &["tools/near.py: near_needs", "src/pkg/app.py: app_needs"]);
    }
}
