//! What a source tree says of itself: how it is built, and what it is called.
//!
//! ```text
//! [build-system]
//! requires = [REQUIREMENT...]          must be there if the table is
//! build-backend = "MODULE[:OBJECT]"    default: setuptools.build_meta:__legacy__
//! backend-path = [FOLDER...]           folders of the tree that the backend is imported from
//! [project]
//! name, version, dynamic = [FIELD...]
//! ```
//!
//! A tree without `pyproject.toml`, or without the table, requires `setuptools >= 40.8.0`. Source: "pyproject.toml
//! specification" (PEP 518, PEP 621), "Source distribution build-system interface" (PEP 517).
use std::collections::BTreeSet;

use invar_tree::{ImagePath, PathError};
use serde::Deserialize;

use crate::name::DistributionName;
use crate::requirement::{Requirement, RequirementError};

/// The backend of trees that name none.
pub(crate) const LEGACY_BACKEND: &str = "setuptools.build_meta:__legacy__";

/// What is required by trees that do not say.
const LEGACY_REQUIREMENT: &str = "setuptools >= 40.8.0";

/// More requirements or folders than any project has are refused.
const MOST: usize = 1_000;

/// How a source tree is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildSystem {
    /// The requirements of the build, as they are written; each one can be read.
    pub requires: Vec<String>,
    /// The backend, such as `hatchling.build` or `backend:object`; [`build_system`] always names one.
    pub backend: Option<String>,
    /// Folders that the backend is imported from, relative to the tree; none of them climbs out.
    pub backend_path: Vec<String>,
}

/// What a source tree is called.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SourceInfo {
    /// The distribution.
    pub name: Option<DistributionName>,
    /// The version as it is written; none where it is dynamic.
    pub version: Option<String>,
    /// The fields that only building shows.
    pub dynamic: BTreeSet<String>,
}

/// Why a `pyproject.toml` does not say how to build.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildSystemError {
    /// Not TOML, or a key has a value of another kind.
    #[error("cannot read pyproject.toml: {message}")]
    Malformed {
        /// What is wrong, and where.
        message: String,
    },
    /// The table does not say what is required.
    #[error("pyproject.toml has a [build-system] without `requires`, which PEP 518 requires")]
    NoRequires,
    /// A requirement cannot be read.
    #[error("[build-system] of pyproject.toml has an invalid requirement")]
    Requirement(#[from] RequirementError),
    /// The backend is not the name of a module or of an object in one.
    #[error(
        "[build-system] of pyproject.toml names the backend {text:?}: expected \"module\" or \"module:object\""
    )]
    Backend {
        /// The text.
        text: String,
    },
    /// A folder of the backend is not in the tree.
    #[error("[build-system] of pyproject.toml has a backend-path that is not in the source tree")]
    BackendPath {
        /// What is wrong with it.
        #[source]
        source: PathError,
    },
    /// More than any project has.
    #[error("[build-system] of pyproject.toml has {found} entries in `{key}`; the limit is {MOST}")]
    TooMany {
        /// The key.
        key: &'static str,
        /// How many there are.
        found: usize,
    },
    /// The name is not one.
    #[error("pyproject.toml names the project {text:?}, which is not a name")]
    Name {
        /// The text.
        text: String,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Pyproject {
    build_system: Option<BuildSystemTable>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct BuildSystemTable {
    requires: Option<Vec<String>>,
    build_backend: Option<String>,
    #[serde(default)]
    backend_path: Vec<String>,
}

#[derive(Deserialize)]
struct ProjectOnly {
    project: Option<ProjectTable>,
}

#[derive(Deserialize)]
struct ProjectTable {
    name: Option<String>,
    version: Option<String>,
    #[serde(default)]
    dynamic: BTreeSet<String>,
}

/// How the tree whose `pyproject.toml` is given is built; `None` is a tree without one.
///
/// # Errors
/// [`BuildSystemError`].
pub fn build_system(pyproject: Option<&str>) -> Result<BuildSystem, BuildSystemError> {
    let table = match pyproject {
        Some(text) => toml::from_str::<Pyproject>(text).map_err(malformed)?.build_system,
        None => None,
    };
    let Some(table) = table else {
        return Ok(BuildSystem {
            requires: vec![LEGACY_REQUIREMENT.to_owned()],
            backend: Some(LEGACY_BACKEND.to_owned()),
            backend_path: Vec::new(),
        });
    };
    let requires = table.requires.ok_or(BuildSystemError::NoRequires)?;
    for (key, found) in [("requires", requires.len()), ("backend-path", table.backend_path.len())] {
        if found > MOST {
            return Err(BuildSystemError::TooMany { key, found });
        }
    }
    for text in &requires {
        text.parse::<Requirement>()?;
    }
    let backend = table.build_backend.unwrap_or_else(|| LEGACY_BACKEND.to_owned());
    if !is_backend(&backend) {
        return Err(BuildSystemError::Backend { text: backend });
    }
    let mut backend_path = Vec::new();
    for path in table.backend_path {
        backend_path.push(match ImagePath::parse(&path) {
            Ok(path) => path.as_str().to_owned(),
            // The tree's own folder, which in-tree backends name most often.
            Err(PathError::Empty) => ".".to_owned(),
            Err(source) => return Err(BuildSystemError::BackendPath { source }),
        });
    }
    Ok(BuildSystem { requires, backend: Some(backend), backend_path })
}

/// `module.path` or `module.path:object.path`, of identifiers.
fn is_backend(text: &str) -> bool {
    let identifier = |part: &str| {
        part.chars().next().is_some_and(|first| first.is_alphabetic() || first == '_')
            && part.chars().all(|character| character.is_alphanumeric() || character == '_')
    };
    let path = |path: &str| path.split('.').all(identifier);
    match text.split_once(':') {
        Some((module, object)) => path(module) && path(object),
        None => path(text),
    }
}

/// What the `[project]` table of a `pyproject.toml` says; nothing if there is none.
///
/// # Errors
/// [`BuildSystemError::Malformed`], [`BuildSystemError::Name`].
pub fn project_info(pyproject: &str) -> Result<SourceInfo, BuildSystemError> {
    let read = toml::from_str::<ProjectOnly>(pyproject).map_err(malformed)?;
    let Some(table) = read.project else { return Ok(SourceInfo::default()) };
    let name =
        table.name.map(|text| text.parse().map_err(|_| BuildSystemError::Name { text })).transpose()?;
    let version = table.version.filter(|_| !table.dynamic.contains("version"));
    Ok(SourceInfo { name, version, dynamic: table.dynamic })
}

fn malformed(error: toml::de::Error) -> BuildSystemError {
    // The error repeats the line that is wrong, and a line of a hostile file can be long.
    let message: String = error.to_string().trim_end().chars().take(1_000).collect();
    BuildSystemError::Malformed { message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pyproject: Option<&str>, expected: Result<(&[&str], &str, &[&str]), &str>) {
        let found = build_system(pyproject);
        match (&found, expected) {
            (Ok(found), Ok((requires, backend, path))) => {
                assert_eq!(found.requires, requires);
                assert_eq!(found.backend.as_deref(), Some(backend));
                assert_eq!(found.backend_path, path);
            }
            (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{error}"),
            _ => panic!("{found:?}"),
        }
    }

    #[test]
    fn defaults_are_those_of_the_specification() {
        let legacy: (&[&str], &str, &[&str]) = (&[LEGACY_REQUIREMENT], LEGACY_BACKEND, &[]);
        check(None, Ok(legacy));
        check(Some("[tool.black]\n"), Ok(legacy));
        check(Some("[build-system]\nrequires = [\"wheel\"]"), Ok((&["wheel"], LEGACY_BACKEND, &[])));
        check(
            Some(
                "[build-system]\nrequires = []\nbuild-backend = \"back.end:obj.ect\"\nbackend-path = [\".\", \"a/b/\"]\n\
                 future = 1",
            ),
            Ok((&[], "back.end:obj.ect", &[".", "a/b"])),
        );
    }

    #[test]
    fn what_cannot_be_built_says_why() {
        check(Some("[build-system]\nbuild-backend = \"a\""), Err("without `requires`"));
        check(Some("[build-system]\nrequires = [\"a ==\"]"), Err("has an invalid requirement"));
        check(Some("[build-system]\nrequires = [1]"), Err("cannot read"));
        check(Some("[build-system"), Err("cannot read"));
        for backend in ["", "a b", "a:", ":a", "a.b:c:d", "os;x", "1a", "a..b"] {
            let text = format!("[build-system]\nrequires = []\nbuild-backend = {backend:?}");
            check(Some(&text), Err("names the backend"));
        }
        for path in ["..", "/etc", "a/../../b"] {
            let text = format!("[build-system]\nrequires = []\nbackend-path = [{path:?}]");
            check(Some(&text), Err("not in the source tree"));
        }
        let many = format!("[build-system]\nrequires = [{}]", "\"a\",".repeat(1_001));
        check(Some(&many), Err("1001 entries in `requires`"));
        assert!(
            malformed(toml::from_str::<Pyproject>(&"x".repeat(99_999)).err().unwrap()).to_string().len()
                < 2_000
        );
    }

    #[test]
    fn a_project_may_leave_its_version_to_the_build() {
        let info = project_info("[project]\nname = \"A.b\"\nversion = \"1.0\"").unwrap();
        assert_eq!((info.name.unwrap().as_str(), info.version.as_deref()), ("a-b", Some("1.0")));
        let info = project_info("[project]\nname = \"a\"\ndynamic = [\"version\", \"readme\"]").unwrap();
        assert_eq!((info.version, info.dynamic.len()), (None, 2));
        assert_eq!(project_info("").unwrap(), SourceInfo::default());
        assert!(matches!(project_info("[project]\nname = \"-\""), Err(BuildSystemError::Name { .. })));
        assert!(project_info("project = 1").is_err());
    }
}
