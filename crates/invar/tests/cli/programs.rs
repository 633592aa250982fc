//! Each crate has one program of integration tests, and no file of it is forgotten: what no `mod` names is not
//! compiled, and would pass without ever being run.
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::support::repository;

/// What is in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    #[expect(clippy::disallowed_methods, reason = "sorted below")]
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// The modules that a file declares elsewhere than in itself.
fn declared(file: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let named = |line: &str| {
        let line = line.trim_start_matches("pub ").trim_start_matches("pub(crate) ");
        Some(line.strip_prefix("mod ")?.strip_suffix(';')?.to_owned())
    };
    text.lines().filter_map(named).collect()
}

/// The files below `folder` that `file`, which declares the modules in it, does not lead to.
fn forgotten(folder: &Path, file: &Path) -> Vec<String> {
    let modules = declared(file);
    let mut all = Vec::new();
    for name in names(folder) {
        let path = folder.join(&name);
        let module = name.strip_suffix(".rs").unwrap_or(&name);
        if path == file {
            continue;
        }
        if path.is_dir() {
            // A folder's modules are declared by the file of the same name, or by `mod.rs` inside it.
            let own = [path.join("mod.rs"), path.with_extension("rs")].into_iter().find(|own| own.exists());
            all.extend(own.map_or_else(|| vec![path.display().to_string()], |own| forgotten(&path, &own)));
        }
        if (path.is_dir() || name.ends_with(".rs")) && !modules.contains(module) {
            all.push(path.display().to_string());
        }
    }
    all
}

#[test]
fn each_crate_has_one_and_it_forgets_no_file() {
    let crates = repository().join("crates");
    let mut tests = 0;
    for name in names(&crates) {
        let folder = crates.join(&name).join("tests");
        if !folder.is_dir() {
            continue;
        }
        let (mut programs, mut wrong) = (Vec::new(), Vec::new());
        for name in names(&folder) {
            let path = folder.join(&name);
            if name.ends_with(".rs") {
                programs.push(name);
            } else if path.join("main.rs").exists() {
                wrong.extend(forgotten(&path, &path.join("main.rs")));
                programs.push(name);
            } else {
                // Data, where nothing is compiled.
                wrong.extend(names(&path).into_iter().filter(|name| name.ends_with(".rs")));
            }
        }
        assert!(
            programs.len() < 2,
            "{name} has more than one program of tests, each to be linked: {programs:?}"
        );
        assert_eq!(wrong, Vec::<String>::new(), "no `mod` names these files of {name}");
        tests += programs.len();
    }
    assert!(tests > 10, "only {tests} programs were found");
}
