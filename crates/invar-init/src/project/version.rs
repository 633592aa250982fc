//! The version of a project that takes it from git: builds see no repository, and get the version from a variable.
use std::collections::BTreeMap;

use toml::{Table, Value};

use crate::draft::{Draft, Source};
use crate::project::{declared, normalize};

/// What stands for the version until the author sets it.
const UNSET: &str = "0.0.0";

/// Files of a source distribution or a git archive, in which tools find the version without a repository.
const SAYS_THE_VERSION: [&str; 2] = ["PKG-INFO", ".git_archival.txt"];

/// How a project gets its version.
#[derive(Debug, PartialEq, Eq)]
enum Versioning {
    /// From git, unless this variable has it.
    Variable(&'static str),
    /// From git in any case: versioningit reads no variable.
    Versioningit,
}

/// Adds to `draft` the variable with the version of the project, if `pyproject` takes the version from git. `tagged` is
/// whether its repository has tags, which then give the version; `files` are the project's.
pub fn add_version(
    draft: &mut Draft,
    pyproject: &str,
    files: &BTreeMap<String, Option<String>>,
    tagged: bool,
) {
    let Ok(table) = pyproject.parse::<Table>() else { return };
    let is_package = toml::de::DeTable::parse(pyproject)
        .is_ok_and(|document| declared(document.get_ref()).is_some_and(|project| project.is_package()));
    let name = at(&table, &["project", "name"]).and_then(Value::as_str).map(normalize);
    let Some(name) =
        name.filter(|_| is_package && !SAYS_THE_VERSION.iter().any(|file| files.contains_key(*file)))
    else {
        return;
    };
    let why = match versioning(&table) {
        None => return,
        Some(Versioning::Versioningit) => format!(
            "the version comes from git, which builds do not see, and versioningit reads no variable: add \
             default-version = \"{UNSET}\", with the version of the release, to its table"
        ),
        Some(Versioning::Variable(_)) if tagged => return,
        Some(Versioning::Variable(variable)) => {
            let keys = draft.overrides.entry(name).or_default();
            if keys.get("env").and_then(|env| env.get(variable)).is_some() {
                return;
            }
            // A Dockerfile sets it for its own build.
            let set = draft.image.get("env").and_then(|env| env.get(variable)).cloned();
            let is_set = set.is_some();
            keys.set_in("env", variable, set.unwrap_or_else(|| Value::from(UNSET)));
            if is_set {
                return;
            }
            format!(
                "the version comes from git, which builds do not see, and no tag gives one: set {variable} to that \
                 of the release"
            )
        }
    };
    draft.note(Source { file: "pyproject.toml", line: 0 }, "", why);
}

/// How the project gets its version, if that needs git: none where there is one to fall back to.
fn versioning(table: &Table) -> Option<Versioning> {
    let texts = |path: &[&str]| {
        let list = at(table, path).and_then(Value::as_array).into_iter().flatten();
        list.filter_map(Value::as_str).map(str::to_owned).collect::<Vec<String>>()
    };
    let has = |path: &[&str]| at(table, path).is_some();
    if !texts(&["project", "dynamic"]).iter().any(|field| field == "version") {
        return None;
    }
    let requires: Vec<String> =
        texts(&["build-system", "requires"]).iter().map(|text| required(text)).collect();
    let requires = |name: &str| requires.iter().any(|required| required == name);
    let says = |path: &[&str]| at(table, path).and_then(Value::as_str);
    let variable = |variable: &'static str, fallbacks: &[&[&str]]| {
        (!fallbacks.iter().any(|path| has(path))).then_some(Versioning::Variable(variable))
    };
    let hatch = says(&["tool", "hatch", "version", "source"]);
    let plain = !has(&["tool", "setuptools", "dynamic", "version"]);
    let setuptools_scm = "SETUPTOOLS_SCM_PRETEND_VERSION";
    if hatch == Some("vcs") {
        let raw = ["tool", "hatch", "version", "raw-options", "fallback_version"];
        variable(setuptools_scm, &[&raw, &["tool", "hatch", "version", "fallback-version"]])
    } else if hatch == Some("uv-dynamic-versioning") {
        let tool = ["tool", "uv-dynamic-versioning"];
        let fallbacks: [&[&str]; 2] =
            [&[tool[0], tool[1], "fallback-version"], &[tool[0], tool[1], "from-file"]];
        variable("UV_DYNAMIC_VERSIONING_BYPASS", &fallbacks)
    } else if hatch == Some("versioningit") || (hatch.is_none() && plain && requires("versioningit")) {
        let fallbacks = [["tool", "versioningit", "default-version"], ["tool", "hatch", "version"]];
        let has_default = has(&fallbacks[0]) || has(&[&fallbacks[1][..], &["default-version"]].concat());
        (!has_default).then_some(Versioning::Versioningit)
    } else if hatch.is_some() {
        None
    } else if says(&["tool", "pdm", "version", "source"]) == Some("scm") {
        variable("PDM_BUILD_SCM_VERSION", &[&["tool", "pdm", "version", "fallback_version"]])
    } else if requires("poetry-dynamic-versioning") {
        let is_on = at(table, &["tool", "poetry-dynamic-versioning", "enable"]).and_then(Value::as_bool);
        let from_file = ["tool", "poetry-dynamic-versioning", "from-file"];
        variable("POETRY_DYNAMIC_VERSIONING_BYPASS", &[&from_file]).filter(|_| is_on == Some(true))
    } else if requires("setuptools-scm") && (plain || has(&["tool", "setuptools_scm"])) {
        variable(setuptools_scm, &[&["tool", "setuptools_scm", "fallback_version"]])
    } else {
        None
    }
}

/// The value at `path`.
fn at<'a>(table: &'a Table, path: &[&str]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(table.get(*first)?, |value, key| value.get(*key))
}

/// The normalized name of what a requirement asks for.
fn required(requirement: &str) -> String {
    let is_name = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
    let end = requirement.trim().find(|character| !is_name(character)).unwrap_or(requirement.trim().len());
    normalize(&requirement.trim()[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The manifest of a project with these build requirements and tables, in a repository with or without tags.
    #[track_caller]
    fn check(requires: &str, tables: &str, tagged: bool, expected: &str) {
        let pyproject = format!(
            "[project]\nname = \"Cat_Tool\"\ndynamic = [\"version\"]\n[build-system]\nrequires = [{requires}]\n{tables}"
        );
        let mut draft = Draft::default();
        add_version(&mut draft, &pyproject, &BTreeMap::new(), tagged);
        assert_eq!(draft.to_toml("").trim_end(), expected, "{pyproject}");
    }

    fn set(variable: &str) -> String {
        format!(
            "# pyproject.toml: the version comes from git, which builds do not see, and no tag gives one: set \
             {variable} to that of the release\n[python.overrides.cat-tool]\nenv = {{ {variable} = \"0.0.0\" }}"
        )
    }

    #[test]
    fn each_tool_gets_the_version_in_its_variable() {
        let hatch = |source: &str| format!("[tool.hatch.version]\nsource = \"{source}\"\n");
        let poetry = "[tool.poetry-dynamic-versioning]\nenable = true\n";
        for (requires, tables, variable) in [
            ("\"setuptools\", \"setuptools_scm[simple]>=8\"", "", "SETUPTOOLS_SCM_PRETEND_VERSION"),
            ("\"flit_scm\", \"setuptools-scm\"", "", "SETUPTOOLS_SCM_PRETEND_VERSION"),
            ("\"hatchling\", \"hatch-vcs\"", &*hatch("vcs"), "SETUPTOOLS_SCM_PRETEND_VERSION"),
            ("\"hatchling\"", &*hatch("uv-dynamic-versioning"), "UV_DYNAMIC_VERSIONING_BYPASS"),
            ("\"pdm-backend\"", "[tool.pdm.version]\nsource = \"scm\"", "PDM_BUILD_SCM_VERSION"),
            ("\"poetry-dynamic-versioning\"", poetry, "POETRY_DYNAMIC_VERSIONING_BYPASS"),
        ] {
            check(requires, tables, false, &set(variable));
            check(requires, tables, true, "");
        }
        let note = "# pyproject.toml: the version comes from git, which builds do not see, and versioningit reads no \
             variable: add default-version = \"0.0.0\", with the version of the release, to its table";
        check("\"setuptools\", \"versioningit~=3.0\"", "", true, note);
        check("\"hatchling\", \"versioningit\"", &hatch("versioningit"), false, note);
    }

    #[test]
    fn what_has_a_version_without_git_needs_nothing() {
        let hatch = "[tool.hatch.version]\nsource = \"vcs\"\nfallback-version = \"1\"\n";
        check("\"hatchling\", \"hatch-vcs\"", hatch, false, "");
        check("\"hatch-vcs\"", "[tool.hatch.version]\npath = \"a.py\"\n[tool.setuptools]", false, "");
        check("\"setuptools-scm\"", "[tool.setuptools_scm]\nfallback_version = \"1\"", false, "");
        check("\"setuptools-scm\"", "[tool.setuptools.dynamic]\nversion = { attr = \"a.b\" }", false, "");
        check("\"versioningit\"", "[tool.versioningit]\ndefault-version = \"1\"", false, "");
        check("\"pdm-backend\"", "[tool.pdm.version]\nsource = \"file\"", false, "");
        check("\"poetry-dynamic-versioning\"", "", false, "");
        check("\"setuptools-scm\"", "[tool.uv]\npackage = false", false, "");
    }

    #[test]
    fn a_version_that_is_set_is_kept() {
        let pyproject = "[project]\nname = \"cat\"\ndynamic = [\"version\"]\n[build-system]\n\
            requires = [\"setuptools-scm\"]\n";
        let mut draft = Draft::default();
        draft.image.set_in("env", "SETUPTOOLS_SCM_PRETEND_VERSION", "1.2");
        let archive = BTreeMap::from([("PKG-INFO".to_owned(), None)]);
        add_version(&mut draft, pyproject, &archive, false);
        assert!(draft.overrides.is_empty());
        add_version(&mut draft, pyproject, &BTreeMap::new(), false);
        assert!(draft.notes.is_empty(), "{:?}", draft.notes);
        let env = draft.overrides["cat"].get("env").map(Value::to_string);
        assert_eq!(env.as_deref(), Some("{ SETUPTOOLS_SCM_PRETEND_VERSION = \"1.2\" }"));
    }
}
