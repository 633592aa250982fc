//! What helps a build that asks git for the version of its package: it sees no repository, and where tags name the
//! version, the build is given it.
use invar_python::DistributionName;

/// What setuptools-scm, and what is built on it, read before they look for a repository.
const SETUPTOOLS_SCM: &str = "SETUPTOOLS_SCM_PRETEND_VERSION";

/// How dunamai, which other tools ask, says that there is no repository: without and with the program `git`.
const DUNAMAI: [&str; 2] =
    ["Unable to detect version control system", "This does not appear to be a Git project"];

/// The tools that ask dunamai, as their modules are called, and the variable that each reads first.
const ASK_DUNAMAI: [(&str, &str); 2] = [
    ("uv_dynamic_versioning", "UV_DYNAMIC_VERSIONING_BYPASS"),
    ("poetry_dynamic_versioning", "POETRY_DYNAMIC_VERSIONING_BYPASS"),
];

/// What to do if `lines`, the end of the build of `name`, say that it found no version.
pub(super) fn hint(lines: &[String], name: &DistributionName) -> Option<String> {
    if lines.iter().any(|line| line.contains("versioningit could not find a version")) {
        return Some(
            "versioningit takes the version from git, which builds do not see, and it reads no variable: add \
             `default-version = \"0.0.0\"`, with the version of the release, to its table in pyproject.toml"
                .to_owned(),
        );
    }
    let variable = variable(lines)?;
    Some(format!(
        "the version comes from git, which builds do not see, and no tag gives one (a shallow clone has no tags): add \
         `env = {{ {variable} = \"0.0.0\" }}`, with the version of the release, to tool.invar.python.overrides.{name}"
    ))
}

/// The variable that the tool reads which found no version.
fn variable(lines: &[String]) -> Option<&'static str> {
    let says = |text: &str| lines.iter().any(|line| line.contains(text));
    if says("setuptools-scm was unable to detect version")
        || says("vcs-versioning was unable to detect version")
    {
        return Some(SETUPTOOLS_SCM);
    }
    if says("Cannot find the version from SCM") {
        return Some("PDM_BUILD_SCM_VERSION");
    }
    if DUNAMAI.iter().any(|text| says(text)) {
        let is_it = |module: &str| says(module) || says(&module.replace('_', "-"));
        return ASK_DUNAMAI.iter().find(|(module, _)| is_it(module)).map(|(_, variable)| *variable);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(lines: &[&str], expected: Option<&str>) {
        let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        let hint = hint(&lines, &"cat-tool".parse().expect("it is a name"));
        assert_eq!(hint.is_some(), expected.is_some(), "{hint:?}");
        assert!(hint.zip(expected).is_none_or(|(hint, expected)| hint.contains(expected)), "{expected:?}");
    }

    #[test]
    fn each_tool_has_its_variable() {
        let detect = "LookupError: setuptools-scm was unable to detect version for /build/source.";
        check(
            &[detect],
            Some(
                "add `env = { SETUPTOOLS_SCM_PRETEND_VERSION = \"0.0.0\" }`, with the version of the release, to \
                 tool.invar.python.overrides.cat-tool",
            ),
        );
        let hatch_vcs =
            detect.replace("setuptools", "Error getting the version from source `vcs`: setuptools");
        check(&[&hatch_vcs], Some("SETUPTOOLS_SCM_PRETEND_VERSION"));
        let pdm =
            "pdm.backend.exceptions.ConfigError: Cannot find the version from SCM or SCM isn't detected. ";
        check(&[pdm], Some("PDM_BUILD_SCM_VERSION = "));
        let dunamai = "RuntimeError: Unable to detect version control system. Not installed: Git, Mercurial.";
        let file =
            |module: &str| format!("  File \"/site-packages/{module}/main.py\", line 1, in get_version");
        check(&[&file("uv_dynamic_versioning"), dunamai], Some("{ UV_DYNAMIC_VERSIONING_BYPASS = "));
        let hatch = dunamai
            .replace("Unable", "Error getting the version from source `uv-dynamic-versioning`: Unable");
        check(&[&hatch], Some("UV_DYNAMIC_VERSIONING_BYPASS"));
        check(&[&file("poetry_dynamic_versioning"), dunamai], Some("POETRY_DYNAMIC_VERSIONING_BYPASS = "));
        let versioningit = "versioningit could not find a version for the project in /build/source!";
        check(&[versioningit], Some("`default-version = \"0.0.0\"`"));
    }

    #[test]
    fn other_failures_are_left_alone() {
        check(&["RuntimeError: Unable to detect version control system."], None);
        check(&["set SETUPTOOLS_SCM_PRETEND_VERSION to the version", "error: odd"], None);
        check(&["  File \"/site-packages/uv_dynamic_versioning/main.py\", line 1", "error: odd"], None);
    }
}
