//! The version of a package whose build would ask version control for it.
//!
//! There is no repository where a package is built, and what is locked has a version already. The tools that would
//! look for one, and the variables that they look at first, as their documentation and their source have it:
//!
//! | variable | read by |
//! | --- | --- |
//! | `SETUPTOOLS_SCM_PRETEND_VERSION_FOR_{NAME}` | setuptools-scm, and what is built on it, such as scikit-build-core |
//! | `SETUPTOOLS_SCM_PRETEND_VERSION` | the same where they do not know the name: hatch-vcs |
//! | `VCS_VERSIONING_PRETEND_VERSION`, also `_FOR_{NAME}` | vcs-versioning, from version 10 on the core of setuptools-scm |
//! | `PDM_BUILD_SCM_VERSION` | pdm-backend |
//! | `POETRY_DYNAMIC_VERSIONING_BYPASS` | poetry-dynamic-versioning |
//! | `UV_DYNAMIC_VERSIONING_BYPASS` | uv-dynamic-versioning |
//! | `PBR_VERSION` | pbr |
//!
//! `{NAME}` is the normalized name in upper case with `_` for `-`. versioneer, versioningit, miniver and
//! setuptools-git-versioning read no variable: they find the version in a source distribution, and not in a commit.
use std::collections::BTreeMap;

use crate::name::DistributionName;

/// Variables that give build backends the version which the lock has, where they would look into a repository.
///
/// They are for the build of this one package: some of them name none.
pub fn version_environment(name: &DistributionName, version: &str) -> BTreeMap<String, String> {
    let upper = name.as_str().to_ascii_uppercase().replace('-', "_");
    let names = [
        "PBR_VERSION".to_owned(),
        "PDM_BUILD_SCM_VERSION".to_owned(),
        "POETRY_DYNAMIC_VERSIONING_BYPASS".to_owned(),
        "SETUPTOOLS_SCM_PRETEND_VERSION".to_owned(),
        format!("SETUPTOOLS_SCM_PRETEND_VERSION_FOR_{upper}"),
        "UV_DYNAMIC_VERSIONING_BYPASS".to_owned(),
        "VCS_VERSIONING_PRETEND_VERSION".to_owned(),
        format!("VCS_VERSIONING_PRETEND_VERSION_FOR_{upper}"),
    ];
    names.into_iter().map(|variable| (variable, version.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_spelt_as_the_tools_spell_them() {
        let variables = version_environment(&"Zope.Inter_face".parse().unwrap(), "1.2.post3");
        assert_eq!(variables["SETUPTOOLS_SCM_PRETEND_VERSION_FOR_ZOPE_INTER_FACE"], "1.2.post3");
        assert_eq!(variables.len(), 8);
        assert!(variables.values().all(|version| version == "1.2.post3"));
    }
}
