use std::collections::BTreeMap;
use std::convert::Infallible;

use super::*;

fn globs(patterns: &[&str]) -> Vec<Glob> {
    patterns.iter().map(|pattern| pattern.parse().unwrap()).collect()
}

fn rules(include: &[&str], exclude: &[&str], dockerignore: &str) -> SourceRules {
    SourceRules::new(&globs(include), &globs(exclude), Some(dockerignore), &["image.tar", "./out/"]).unwrap()
}

/// A folder in memory: files with their texts, in any order.
struct Folder(BTreeMap<String, String>);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Self {
        Self(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect())
    }
}

impl Listing for Folder {
    type Error = Infallible;

    fn entries(&self, directory: &str) -> Result<Vec<ListingEntry>, Infallible> {
        let mut entries = BTreeMap::new();
        for path in self.0.keys() {
            let below = match directory {
                "" => Some(path.as_str()),
                _ => path.strip_prefix(directory).and_then(|rest| rest.strip_prefix('/')),
            };
            let Some(below) = below else { continue };
            let (name, kind) = match below.split_once('/') {
                Some((name, _)) => (name, EntryKind::Directory),
                None if below.ends_with(".link") => (below, EntryKind::Symlink),
                None if below.ends_with(".sock") => (below, EntryKind::Other),
                None => (below, EntryKind::File),
            };
            entries.insert(name.to_owned(), kind);
        }
        // Backwards, to show that the order does not matter.
        Ok(entries.into_iter().rev().map(|(name, kind)| ListingEntry { name, kind }).collect())
    }

    fn gitignore(&self, directory: &str) -> Result<String, Infallible> {
        let path =
            if directory.is_empty() { ".gitignore".to_owned() } else { format!("{directory}/.gitignore") };
        Ok(self.0[&path].clone())
    }
}

#[track_caller]
fn check(mut rules: SourceRules, files: &[(&str, &str)], source: &[&str], skipped: &[(&str, &str)]) {
    let found = rules.walk(&Folder::new(files)).unwrap();
    let entries: Vec<&str> = found.entries.iter().map(|entry| entry.path.as_str()).collect();
    assert_eq!(entries, source);
    let reasons: Vec<(&str, String)> =
        found.skipped.iter().map(|(path, reason)| (path.as_str(), reason.to_string())).collect();
    let reasons: Vec<(&str, &str)> = reasons.iter().map(|(path, reason)| (*path, reason.as_str())).collect();
    assert_eq!(reasons, skipped);
}

#[test]
fn what_tools_leave_behind_is_never_source() {
    let rules = rules(&[], &[], "");
    for path in never::NAMES {
        for path in [path.to_owned(), format!("src/{path}")] {
            assert!(!rules.decide(&path, true).is_source(), "{path}");
            assert!(!rules.decide(&path, false).is_source(), "{path}");
        }
    }
    for path in ["a.pyc", "src/a.pyo", "invar.lock", "image.tar", "out"] {
        assert!(!rules.decide(path, false).is_source(), "{path}");
    }
    for path in [
        "pyproject.toml",
        "uv.lock",
        "invar.toml",
        "Dockerfile",
        ".dockerignore",
        ".gitignore",
        ".env",
        "node_modules",
        "docs/invar.lock",
        "src/image.tar",
        "venv",
        ".github",
        "py.pyc.txt",
    ] {
        assert!(rules.decide(path, false).is_source(), "{path}");
    }
}

#[test]
fn a_plain_project() {
    check(
        rules(&[], &[], ""),
        &[
            (".git/HEAD", ""),
            ("app/__init__.py", ""),
            ("app/__pycache__/x.pyc", ""),
            ("app/data.link", ""),
            ("env/pyvenv.cfg", ""),
            ("env/bin/python.link", ""),
            ("image.tar", ""),
            ("invar.lock", ""),
            ("out/x", ""),
            ("pyproject.toml", ""),
        ],
        &["app/__init__.py", "app/data.link", "pyproject.toml"],
        &[
            (".git", ".git is never part of the source"),
            ("app/__pycache__", "__pycache__ is never part of the source"),
            ("env", "a virtual environment is never part of the source"),
            ("image.tar", "output of Invar is never part of the source"),
            ("invar.lock", "invar.lock is never part of the source"),
            ("out", "output of Invar is never part of the source"),
        ],
    );
}

#[test]
fn the_nearest_gitignore_decides() {
    check(
        rules(&[], &[], ""),
        &[
            (".gitignore", "*.log\nbuild/\n/top\n"),
            ("a.log", ""),
            ("build/keep.txt", ""),
            ("build/.gitignore", "!keep.txt\n"),
            ("sub/.gitignore", "!a.log\n/top\n"),
            ("sub/a.log", ""),
            ("sub/b.log", ""),
            ("sub/deep/top", ""),
            ("sub/top", ""),
            ("top", ""),
        ],
        &[".gitignore", "sub/.gitignore", "sub/a.log", "sub/deep/top"],
        &[
            ("a.log", ".gitignore lists \"*.log\""),
            ("build", ".gitignore lists \"build/\""),
            ("sub/b.log", ".gitignore lists \"*.log\""),
            ("sub/top", "sub/.gitignore lists \"/top\""),
            ("top", ".gitignore lists \"/top\""),
        ],
    );
}

#[test]
fn a_member_of_a_workspace_is_under_the_workspaces_rules_too() {
    let mut rules = rules(&[], &[], "");
    rules.add_above("cli", "!wanted.log\n");
    rules.add_above("libs/cli", "*.log\n/libs/cli/made\n/top\n.env\n");
    check(
        rules,
        &[
            (".env", ""),
            (".gitignore", "!own.log\n"),
            ("made/x", ""),
            ("own.log", ""),
            ("src/a.log", ""),
            ("top", ""),
            ("wanted.log", ""),
        ],
        &[".gitignore", "own.log", "top", "wanted.log"],
        &[
            (".env", "../../.gitignore lists \".env\""),
            ("made", "../../.gitignore lists \"/libs/cli/made\""),
            ("src/a.log", "../../.gitignore lists \"*.log\""),
        ],
    );
}

#[test]
fn dockerignore_exceptions_hold_below_excluded_directories() {
    check(
        rules(&[], &[], "*\n!src\nsrc/secret\n!docs/keep.md\n"),
        &[("src/a.py", ""), ("src/secret/key", ""), ("docs/keep.md", ""), ("docs/x.md", ""), ("other/x", "")],
        &["docs/keep.md", "src/a.py"],
        &[
            ("docs/x.md", ".dockerignore, line 1, lists \"*\""),
            ("other", ".dockerignore, line 1, lists \"*\""),
            ("src/secret", ".dockerignore, line 3, lists \"src/secret\""),
        ],
    );
}

#[test]
fn dockerignore_means_what_it_means_to_docker() {
    let mut rows = 0;
    for row in include_str!("../../../../fixtures/formats/dockerignore.tsv").lines().skip(1) {
        let [lines, path, expected] = row.split('\t').collect::<Vec<_>>()[..] else { panic!("{row}") };
        // What git keeps is never part of the source, whatever the file says.
        if path.starts_with(".git/") {
            continue;
        }
        let mut rules = rules(&[], &[], &lines.replace(" | ", "\n"));
        let found = rules.walk(&Folder::new(&[(path, "")])).unwrap();
        assert_eq!(found.entries.is_empty(), expected == "out", "{row}");
        rows += 1;
    }
    assert!(rows > 40, "{rows}");
}

#[test]
fn both_ignore_files_count() {
    check(
        rules(&[], &[], "a\n!b\n"),
        &[(".gitignore", "b\n"), ("a", ""), ("b", ""), ("c", "")],
        &[".gitignore", "c"],
        &[("a", ".dockerignore, line 1, lists \"a\""), ("b", ".gitignore lists \"b\"")],
    );
}

#[test]
fn include_is_exact_and_exclude_takes_away() {
    check(
        rules(&["src", "dist/**/*.css"], &["src/tests", "**/*.md"], "*\n"),
        &[
            (".gitignore", "dist\n"),
            ("dist/a/b.css", ""),
            ("dist/a/b.js", ""),
            ("other/x", ""),
            ("src/README.md", ""),
            ("src/__pycache__/x", ""),
            ("src/a.py", ""),
            ("src/tests/test.py", ""),
        ],
        &["dist/a/b.css", "src/a.py"],
        &[
            (".gitignore", "`include` does not match it"),
            ("dist/a/b.js", "`include` does not match it"),
            ("other", "`include` does not match it"),
            ("src/README.md", "`exclude` lists \"**/*.md\""),
            ("src/__pycache__", "__pycache__ is never part of the source"),
            ("src/tests", "`exclude` lists \"src/tests\""),
        ],
    );
}

#[test]
fn what_an_image_cannot_hold_is_refused() {
    let special = "it is not a file, link or directory";
    check(rules(&[], &[], ""), &[("a", ""), ("run.sock", "")], &["a"], &[("run.sock", special)]);
    let long = "a".repeat(256);
    let error = rules(&[], &[], "").walk(&Folder::new(&[(&long, "")])).unwrap_err();
    assert!(matches!(error, WalkError::Path(_)), "{error}");
    check(
        rules(&[], &["*.sock"], ""),
        &[("run.sock", "")],
        &[],
        &[("run.sock", "`exclude` lists \"*.sock\"")],
    );
}

#[test]
fn a_malformed_dockerignore_is_refused() {
    let error = SourceRules::new(&[], &[], Some("a\n[\n"), &[]).unwrap_err();
    assert_eq!(
        error.to_string(),
        ".dockerignore, line 2: \"[\" is not a pattern: a class needs at least one character and a closing \"]\""
    );
}

#[test]
fn entering_a_directory_again_replaces_what_is_known() {
    let mut rules = rules(&[], &[], "");
    rules.enter_directory("", Some("a\n"));
    assert!(!rules.decide("x/a", false).is_source());
    rules.enter_directory("", None);
    assert!(rules.decide("x/a", false).is_source());
}

#[test]
fn secrets_are_source_where_they_are_named() {
    let check = |include: &[&str], own: &[&str], path: &str, expected: bool| {
        let include = globs(include);
        let mut rules = SourceRules::new(&include, &[], None, &[]).unwrap();
        assert!(rules.decide(".env", false).is_source() || !include.is_empty(), "it is a file as others are");
        rules.leave_out_secrets(&globs(own), &include).unwrap();
        assert_eq!(rules.decide(path, false).is_source(), expected, "{include:?} {own:?} {path}");
        assert!(!own.is_empty() || rules.decide(".env", true).is_source() || !include.is_empty(), "a folder");
    };
    check(&[], &[], "main.py", true);
    check(&[], &[], ".env", false);
    check(&[], &[], "config/id_rsa", false);
    check(&[], &[".env"], ".env", true);
    check(&[], &[".env"], "config/.env", false);
    check(&[], &["config"], "config/.env", true);
    check(&["**"], &[], ".env", false);
    check(&["config"], &[], "config/.env", false);
    check(&["config/.env"], &[], "config/.env", true);
    check(&["**/.env*"], &[], "config/.env.prod", true);
    check(&["config/*"], &[], "config/.env", false);
    check(&["config", "other/.env"], &[], "config/.env", false);
    let mut rules = SourceRules::new(&[], &globs(&[".env"]), None, &[]).unwrap();
    rules.leave_out_secrets(&globs(&[".env"]), &[]).unwrap();
    assert!(!rules.decide(".env", false).is_source(), "`exclude` takes precedence");
}
