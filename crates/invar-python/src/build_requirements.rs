//! What the builds of packages require, locked by `uv`.
//!
//! All of it is one project that is never installed, whose dependency groups are the requirements of one package
//! each. All groups are declared to conflict with each other, so `uv lock` resolves each one alone, as each build has
//! an environment of its own:
//!
//! ```text
//! [project]
//! name = "build-requirements"
//! version = "0"
//! requires-python = ">=3.8"
//!
//! [dependency-groups]
//! psycopg2 = ["setuptools>=61"]
//!
//! [tool.uv]
//! package = false
//! default-groups = []
//! environments = ["python_version == '3.13' and sys_platform == 'linux' and platform_python_implementation == 'CPython'"]
//! conflicts = [[{ group = "…" }, …]]      if there are several groups
//! ```
//!
//! Whether what a build requires may itself be without a wheel is for uv's arguments to say (`--no-build`). Where it may,
//! uv may have to build it to learn what it requires.
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use pep440_rs::Version;

use crate::lock::UvLock;
use crate::marker::{Activated, MarkerEnvironment};
use crate::name::{DistributionName, GroupName};
use crate::requirement::Requirement;
use crate::select::{
    Chosen, ChosenSource, NeededBy, PackageProblem, SelectError, Selected, Selection, SourcePolicy, select,
};
use crate::target::Target;

/// The name of the project that has the requirements.
const PROJECT: &str = "build-requirements";

/// The text of the `pyproject.toml` that `uv lock` resolves build requirements from.
///
/// `series` is the image's Python, such as `(3, 13)`; `requires` has the requirements of each package's build.
///
/// Equal arguments give equal texts. Sets of requirements that are equal are not put together: with uv 0.13, 30 groups
/// that share nothing take 4 seconds to lock, 100 groups of which many are alike take 3.
pub fn build_requirements_project(
    series: (u32, u32),
    requires: &BTreeMap<DistributionName, Vec<String>>,
) -> String {
    let (major, minor) = series;
    let mut text = format!(
        "[project]\nname = \"{PROJECT}\"\nversion = \"0\"\nrequires-python = \">=3.8\"\n\n\
         [dependency-groups]\n"
    );
    for (name, requirements) in requires {
        let requirements: Vec<toml::Value> = requirements.iter().cloned().map(toml::Value::String).collect();
        // A value in one line; names have no character that a bare key may not have.
        writeln!(text, "{name} = {}", toml::Value::Array(requirements))
            .expect("writing to a string does not fail");
    }
    text.push_str("\n[tool.uv]\npackage = false\ndefault-groups = []\n");
    text.push_str("environments = [\"python_version == '");
    // `requires-python` would make uv look for such an interpreter on this machine, and there may be none.
    writeln!(
        text,
        "{major}.{minor}' and sys_platform == 'linux' and platform_python_implementation == 'CPython'\"]"
    )
    .expect("writing to a string does not fail");
    if requires.len() > 1 {
        text.push_str("conflicts = [[\n");
        for name in requires.keys() {
            writeln!(text, "    {{ group = \"{name}\" }},").expect("writing to a string does not fail");
        }
        text.push_str("]]\n");
    }
    text
}

/// What the build of `name` requires, sorted by name, from a lock of [`build_requirements_project`]: wheels, and unless
/// `no_build` says so or these are among `no_build_packages`, the sources of what has none.
///
/// # Errors
/// As [`select`]; [`PackageProblem::NoBuildWheel`] for a requirement that has no wheel for the target and may not be
/// built.
pub fn build_requirements(
    lock: &UvLock,
    name: &DistributionName,
    target: &Target,
    no_build: bool,
    no_build_packages: &BTreeSet<DistributionName>,
) -> Result<Vec<Selected>, SelectError> {
    let group: GroupName = name.as_str().parse().expect("both names have one grammar");
    let selection = Selection {
        extras: BTreeSet::new(),
        all_extras: false,
        groups: BTreeSet::from([group]),
        project: false,
    };
    let no_build_packages = no_build_packages.clone();
    let policy = SourcePolicy { no_build, no_build_packages, ..SourcePolicy::default() };
    let selected = match select(lock, Some(PROJECT), target, &selection, &policy) {
        Ok(selected) => selected,
        Err(SelectError::Unsuitable { problems }) => {
            let problems = problems.into_iter().map(|problem| for_build(problem, name)).collect();
            return Err(SelectError::Unsuitable { problems });
        }
        Err(error) => return Err(error),
    };
    let with_reason = |selected| match selected {
        Selected::Wheel(chosen) => {
            Selected::Wheel(Chosen { needed_by: reason(chosen.needed_by, name), ..chosen })
        }
        Selected::Source(chosen) => {
            Selected::Source(ChosenSource { needed_by: reason(chosen.needed_by, name), ..chosen })
        }
    };
    Ok(selected.into_iter().map(with_reason).collect())
}

/// A problem in the words of who builds rather than of who locks.
fn for_build(mut problem: PackageProblem, build: &DistributionName) -> PackageProblem {
    for needed_by in problem.reasons() {
        *needed_by = reason(needed_by.clone(), build);
    }
    match problem {
        PackageProblem::NoBuild { name, version, target, tags, needed_by } => {
            PackageProblem::NoBuildWheel { name, version, target, tags, needed_by }
        }
        other => other,
    }
}

fn reason(found: NeededBy, build: &DistributionName) -> NeededBy {
    match found {
        NeededBy::Group(..) => NeededBy::Build(build.clone()),
        other => other,
    }
}

/// Those of `requires` that `present` does not satisfy, in their order and as they are written: what a build hook asks
/// for beyond what is installed.
///
/// A requirement whose marker does not hold is satisfied. One that names a URL is satisfied by any version, and extras
/// are not inspected: the metadata of what is present is unknown here. One that cannot be read is not satisfied.
pub fn missing_requirements(
    requires: &[String],
    environment: &MarkerEnvironment,
    present: &[(DistributionName, Version)],
) -> Vec<String> {
    let satisfied = |requirement: &Requirement| {
        !requirement.marker.evaluate(environment, &Activated::default())
            || present
                .iter()
                .any(|(name, version)| *name == requirement.name && requirement.specifiers.contains(version))
    };
    let missing =
        |text: &&String| text.parse::<Requirement>().map_or(true, |requirement| !satisfied(&requirement));
    requires.iter().filter(missing).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use invar_tree::Machine;

    fn name(name: &str) -> DistributionName {
        name.parse().unwrap()
    }

    fn target() -> Target {
        Target { python: "3.13.5".parse().unwrap(), machine: Machine::X86_64, glibc: (2, 41) }
    }

    #[test]
    fn the_project_is_pinned() {
        let requires = BTreeMap::from([
            (name("psycopg2"), vec!["setuptools>=61".to_owned(), "a; python_version < '3.9'".to_owned()]),
            (name("zope.interface"), Vec::new()),
            (name("hostile"), vec!["a\"]\n[tool.x]\n#\\".to_owned()]),
        ]);
        let text = build_requirements_project((3, 13), &requires);
        assert_eq!(
            text,
            r##"[project]
name = "build-requirements"
version = "0"
requires-python = ">=3.8"

[dependency-groups]
hostile = ['''
a"]
[tool.x]
#\''']
psycopg2 = ["setuptools>=61", "a; python_version < '3.9'"]
zope-interface = []

[tool.uv]
package = false
default-groups = []
environments = ["python_version == '3.13' and sys_platform == 'linux' and platform_python_implementation == 'CPython'"]
conflicts = [[
    { group = "hostile" },
    { group = "psycopg2" },
    { group = "zope-interface" },
]]
"##
        );
        let read: toml::Table = text.parse().unwrap();
        assert_eq!(read["dependency-groups"]["hostile"][0].as_str(), Some("a\"]\n[tool.x]\n#\\"));
        let one = BTreeMap::from([(name("a"), vec!["b".to_owned()])]);
        assert!(!build_requirements_project((3, 13), &one).contains("conflicts"));
    }

    /// The lock that `uv` 0.13.9 made of such a project.
    fn lock() -> UvLock {
        UvLock::parse(include_str!("../fixtures/build-requirements.lock")).unwrap()
    }

    #[track_caller]
    fn check(build: &str, expected: &str) {
        let found = match build_requirements(&lock(), &name(build), &target(), true, &BTreeSet::new()) {
            Ok(chosen) => {
                let version = |chosen: &Selected| chosen.version().unwrap_or_default().to_owned();
                let chosen = chosen.iter().map(|chosen| format!("{}=={}", chosen.name(), version(chosen)));
                chosen.collect::<Vec<_>>().join(" ")
            }
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn each_build_has_its_own_requirements() {
        check("empty", "");
        check("plain", "setuptools==84.2.1");
        check("old", "cython==0.29.37 packaging==26.3 setuptools==57.5.0 wheel==0.48.0");
        check("new", "packaging==26.3 setuptools==84.2.1 setuptools-scm==10.3.4 vcs-versioning==2.6.0");
        check("native", "cffi==2.1.1 pycparser==3.12 setuptools==84.2.1");
        check("other", "unknown dependency group other; defined: empty, native, new, old, plain");
        let chosen = build_requirements(&lock(), &name("plain"), &target(), true, &BTreeSet::new()).unwrap();
        assert_eq!(chosen[0].needed_by(), &NeededBy::Build(name("plain")));
    }

    #[test]
    fn a_requirement_without_a_wheel_is_told_as_one_of_the_build() {
        let old = Target { glibc: (2, 5), ..target() };
        let (none, forbidden) = (BTreeSet::new(), BTreeSet::from([name("cffi")]));
        let native =
            |no_build, forbidden| build_requirements(&lock(), &name("native"), &old, no_build, forbidden);
        // Where it may be built, its source is what the build gets.
        let sources: Vec<String> = native(false, &none)
            .unwrap()
            .iter()
            .filter(|chosen| matches!(chosen, Selected::Source(_)))
            .map(|chosen| chosen.name().to_string())
            .collect();
        assert_eq!(sources, ["cffi"]);
        assert!(native(false, &forbidden).is_err());
        let error = native(true, &none).unwrap_err().to_string();
        assert!(
            error.starts_with(
                "cffi 2.1.1 (needed by the build of native) has no wheel for CPython 3.13.5 on x86_64"
            ),
            "{error}"
        );
        assert!(error.ends_with(": build requirements must have a wheel"), "{error}");
    }

    #[test]
    fn what_a_hook_asks_for_may_be_there_already() {
        let present =
            [(name("setuptools"), "80.9.0".parse().unwrap()), (name("a"), "1.0rc1".parse().unwrap())];
        let environment = target().marker_environment();
        #[track_caller]
        fn check(
            text: &str,
            missing: bool,
            environment: &MarkerEnvironment,
            present: &[(DistributionName, Version)],
        ) {
            let found = missing_requirements(&[text.to_owned()], environment, present);
            assert_eq!(found, if missing { vec![text.to_owned()] } else { Vec::new() }, "{text}");
        }
        for (text, missing) in [
            ("Setuptools", false),
            ("setuptools>=61", false),
            ("setuptools[core] (>=61)", false),
            ("setuptools<80", true),
            ("a==1.0rc1", false),
            ("setuptools @ https://mirror.example/x.whl", false),
            ("ninja >= 1.8.2", true),
            ("ninja; sys_platform == 'win32'", false),
            ("ninja; sys_platform == 'linux'", true),
            ("not a requirement", true),
        ] {
            check(text, missing, &environment, &present);
        }
    }
}
