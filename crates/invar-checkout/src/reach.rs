//! What a package's build sees outside of the package's folder: the files of the workspace that the package names or
//! links, and nothing else of it.
//!
//! A name is a text in the package's configuration that leads out of its folder by `..`, such as
//! `readme = "../../README.md"`: in `pyproject.toml` what `[project]` says of its readme and licenses, and all that tables
//! of build backends say; in `setup.cfg`, `setup.py`, `MANIFEST.in` and `hatch.toml` every word that starts with `../`.
//! A link is a symbolic link that leads out of its folder. Both may be directories, but not ones that hold the package.
//!
//! What leads out of the workspace is not followed, and only what the rules for source let in is found.
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use invar_project::{Glob, GlobList, SourceEntry};

/// Tables of `[tool]` that builds do not read. Others are those of build backends and their plugins.
const NOT_FOR_BUILDS: [&str; 41] = [
    "autoflake",
    "bandit",
    "basedpyright",
    "black",
    "bumpversion",
    "cibuildwheel",
    "codespell",
    "commitizen",
    "coverage",
    "deptry",
    "djlint",
    "docformatter",
    "flake8",
    "importlinter",
    "interrogate",
    "invar",
    "isort",
    "mdformat",
    "mypy",
    "nox",
    "pixi",
    "poe",
    "pydocstyle",
    "pylint",
    "pyrefly",
    "pyright",
    "pytest",
    "pyupgrade",
    "ruff",
    "rye",
    "semantic_release",
    "sqlfluff",
    "taskipy",
    "tomlsort",
    "towncrier",
    "tox",
    "ty",
    "typos",
    "uv",
    "vulture",
    "yapf",
];

/// Keys below which other packages are named, or what developers run.
const NOT_FILES: [&str; 6] = ["dependencies", "dev-dependencies", "envs", "group", "scripts", "sources"];

/// Other files that say what a build reads.
const OTHERS: [&str; 4] = ["setup.cfg", "setup.py", "MANIFEST.in", "hatch.toml"];

/// Configuration beyond reason is not searched.
const LONGEST: u64 = 4 << 20;

/// What the configuration of the package in `folder` names outside of it, as it is written there.
pub(crate) fn names(folder: &Path) -> BTreeSet<String> {
    let mut names = all_names(folder);
    names.retain(|name| climbs(name));
    names
}

/// What the configuration of the package in `folder` may name: every text that could be a path.
pub(crate) fn all_names(folder: &Path) -> BTreeSet<String> {
    let text = |name: &str| -> Option<String> {
        let path = folder.join(name);
        let is_short = fs::metadata(&path).is_ok_and(|found| found.is_file() && found.len() <= LONGEST);
        fs::read_to_string(path).ok().filter(|_| is_short)
    };
    let mut found = BTreeSet::new();
    if let Some(pyproject) = text("pyproject.toml").and_then(|text| text.parse::<toml::Table>().ok()) {
        add_pyproject(&pyproject, &mut found);
    }
    for text in OTHERS.iter().filter_map(|name| text(name)) {
        let is_word = |character: char| character.is_alphanumeric() || "./_-*?+@~".contains(character);
        found.extend(
            text.split(|character| !is_word(character)).filter(|word| is_path(word)).map(str::to_owned),
        );
    }
    found
}

fn add_pyproject(pyproject: &toml::Table, found: &mut BTreeSet<String>) {
    let table = |name: &str| pyproject.get(name).and_then(toml::Value::as_table);
    let of_project =
        ["readme", "license", "license-files"].map(|key| table("project").and_then(|it| it.get(key)));
    of_project.into_iter().flatten().for_each(|value| add(value, found));
    for (name, value) in table("tool").into_iter().flatten() {
        match (name.as_str(), value.get("build-backend")) {
            ("uv", Some(backend)) => add(backend, found),
            (name, _) if !NOT_FOR_BUILDS.contains(&name) => add(value, found),
            _ => {}
        }
    }
}

/// Adds the texts in `value` that may be paths, keys too: some name a file and say where it goes.
fn add(value: &toml::Value, found: &mut BTreeSet<String>) {
    match value {
        toml::Value::String(text) if is_path(text) => {
            found.insert(text.clone());
        }
        toml::Value::Array(items) => items.iter().for_each(|item| add(item, found)),
        toml::Value::Table(table) => {
            for (key, value) in table.iter().filter(|(key, _)| !NOT_FILES.contains(&key.as_str())) {
                if is_path(key) {
                    found.insert(key.clone());
                }
                add(value, found);
            }
        }
        _ => {}
    }
}

fn is_path(text: &str) -> bool {
    text.len() <= 1_000 && !text.is_empty() && !text.contains(['\n', '\0'])
}

fn climbs(text: &str) -> bool {
    text.split('/').any(|name| name == "..")
}

/// `relative`, which starts in the directory `base`, as a path from the root that both are in; `None` if it leads out. The
/// root itself is the empty path.
pub(crate) fn from_root(base: &str, relative: &str) -> Option<String> {
    if relative.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = base.split('/').filter(|name| !name.is_empty()).collect();
    for name in relative.split('/') {
        match name {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// `path`, relative to `directory` if it is in that.
pub(crate) fn below<'a>(path: &'a str, directory: &str) -> Option<&'a str> {
    match directory {
        "" => Some(path),
        directory => path.strip_prefix(directory)?.strip_prefix('/'),
    }
}

/// Whether `path` is `directory` or in it.
pub(crate) fn is_within(path: &str, directory: &str) -> bool {
    directory.is_empty()
        || path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What the links among `own`, the entries of the package in `folder`, lead to.
pub(crate) fn links<'a>(folder: &Path, own: impl Iterator<Item = &'a SourceEntry>) -> BTreeSet<String> {
    let links = own.filter(|entry| entry.is_symlink).map(|entry| entry.path.as_str());
    let target = |link: &str| {
        let target = fs::read_link(folder.join(link)).ok()?;
        let parent = link.rsplit_once('/').map_or("", |(parent, _)| parent);
        // What stays in the folder is there anyway.
        let leads_out = from_root(parent, target.to_str()?).is_none();
        leads_out.then(|| format!("{parent}{}{}", if parent.is_empty() { "" } else { "/" }, target.display()))
    };
    links.filter_map(target).collect()
}

/// Those of `all`, the files of the workspace in `root`, that `wanted` leads to from the package in `member`: its path from
/// `root`, and theirs.
pub(crate) fn outside(
    root: &Path,
    member: &str,
    wanted: &BTreeSet<String>,
    all: &[SourceEntry],
) -> BTreeSet<SourceEntry> {
    let mut open: Vec<String> = wanted.iter().filter_map(|name| from_root(member, name)).collect();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut found: BTreeSet<SourceEntry> = BTreeSet::new();
    while let Some(target) = open.pop() {
        // What holds the package is the place of a repository to it, and no file.
        if is_within(member, &target) || is_within(&target, member) || !seen.insert(target.clone()) {
            continue;
        }
        let globs = match target.contains(['*', '?', '[', '{']) {
            true => target.parse::<Glob>().ok().and_then(|glob| GlobList::new(&[glob]).ok()),
            false => None,
        };
        for entry in all {
            let path = entry.path.as_str();
            let is_in =
                is_within(path, &target) || globs.as_ref().is_some_and(|it| it.covering(path).is_some());
            // A directory on the way may be a link.
            let leads_on = entry.is_symlink && is_within(&target, path);
            if is_within(path, member) || !(is_in || leads_on) {
                continue;
            }
            found.insert(entry.clone());
            if entry.is_symlink
                && let Ok(link) = fs::read_link(root.join(path))
                && let Some(link) = link.to_str()
            {
                let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
                let rest = target.strip_prefix(path).unwrap_or_default();
                open.extend(from_root(parent, &format!("{link}{rest}")));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use invar_tree::ImagePath;

    #[track_caller]
    fn named(files: &[(&str, &str)], expected: &[&str]) {
        let folder = tempfile::tempdir().expect("a folder can be made");
        for (name, text) in files {
            fs::write(folder.path().join(name), text).expect("it can be written");
        }
        assert_eq!(names(folder.path()).into_iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_a_build_reads_is_named() {
        named(&[], &[]);
        let pyproject = |text: &'static str, expected: &[&str]| named(&[("pyproject.toml", text)], expected);
        pyproject("[project]\nreadme = \"../README.md\"\ndependencies = [\"a @ ../a\"]", &["../README.md"]);
        pyproject(
            "[project]\nreadme = { file = \"../a\" }\nlicense = { file = \"b/../../c\" }\nlicense-files = [\"../L*\"]",
            &["../L*", "../a", "b/../../c"],
        );
        pyproject("[tool.hatch.version]\npath = \"../../version.txt\"", &["../../version.txt"]);
        pyproject("[tool.hatch.build.targets.wheel.force-include]\n\"../x\" = \"y\"", &["../x"]);
        pyproject(
            "[tool.hatch.envs.a]\nrun = \"../x\"\n[tool.poetry.dependencies]\nb = { path = \"../b\" }",
            &[],
        );
        pyproject("[tool.ruff]\nextend = \"../ruff.toml\"\n[tool.uv.sources]\na = { path = \"../a\" }", &[]);
        pyproject("[tool.uv.build-backend]\ndata.headers = \"../h\"", &["../h"]);
        named(&[("setup.cfg", "version = file: ../VERSION, x\n")], &["../VERSION"]);
        named(&[("setup.py", "open('../../a.txt')\nx = '...'\n")], &["../../a.txt"]);
        named(&[("pyproject.toml", "broken =")], &[]);
    }

    fn all(paths: &[&str]) -> Vec<SourceEntry> {
        let path = |path: &&str| ImagePath::parse(path).expect("it is a path");
        paths
            .iter()
            .map(|it| SourceEntry { path: path(it), is_symlink: false, content_decides: false })
            .collect()
    }

    #[test]
    fn only_what_is_wanted_is_found() {
        let files =
            all(&["LICENSE", "README.md", "docs/a.md", "docs/b.txt", "libs/mem/x.py", "libs/other/y.py"]);
        let check = |wanted: &str, expected: &[&str]| {
            let wanted = BTreeSet::from([wanted.to_owned()]);
            let found = outside(Path::new("/nowhere"), "libs/mem", &wanted, &files);
            let found: Vec<&str> = found.iter().map(|entry| entry.path.as_str()).collect();
            assert_eq!(found, expected, "{wanted:?}");
        };
        check("../../README.md", &["README.md"]);
        check("./sub/../../../README.md", &["README.md"]);
        check("../../docs", &["docs/a.md", "docs/b.txt"]);
        check("../../docs/*.md", &["docs/a.md"]);
        check("../other", &["libs/other/y.py"]);
        // Directories that hold the package, the package itself, and what is out of the root.
        for nothing in ["../..", "..", "../mem/x.py", "../../../README.md", "/LICENSE", "../../gone"] {
            check(nothing, &[]);
        }
    }

    #[test]
    fn links_are_followed_within_the_root() {
        let root = tempfile::tempdir().expect("a folder can be made");
        let path = |name: &str| root.path().join(name);
        fs::create_dir_all(path("libs/mem")).expect("a folder can be made");
        fs::create_dir_all(path("real")).expect("a folder can be made");
        fs::write(path("real/a.md"), "a").expect("it can be written");
        let link = |target: &str, at: &str| {
            std::os::unix::fs::symlink(target, path(at)).expect("a link can be made")
        };
        link("../../docs/a.md", "libs/mem/README.md");
        link("../../../../etc/passwd", "libs/mem/out");
        link("README.md", "libs/mem/in");
        link("real", "docs");
        let entry = |name: &str, is_symlink| SourceEntry {
            path: ImagePath::parse(name).expect("a path"),
            is_symlink,
            content_decides: false,
        };
        let own = [entry("README.md", true), entry("in", true), entry("out", true)];
        let wanted = links(&path("libs/mem"), own.iter());
        assert_eq!(wanted.iter().collect::<Vec<_>>(), ["../../../../etc/passwd", "../../docs/a.md"]);
        let all = [entry("docs", true), entry("libs/mem/README.md", true), entry("real/a.md", false)];
        let found = outside(root.path(), "libs/mem", &wanted, &all);
        assert_eq!(found.iter().map(|entry| entry.path.as_str()).collect::<Vec<_>>(), ["docs", "real/a.md"]);
    }
}
