//! Which packages of `uv.lock` an image has, and which of them have to be built for it.
use std::collections::BTreeSet;

use invar_project::{Release, STABLE, stable_release};
use invar_python::{
    Machine, NeededBy, Selected, Selection, SourceLocation, SourcePolicy, Target, UvLock, UvLockError, select,
};
use pep440_rs::VersionSpecifiers;
use toml::Value;

use crate::draft::Draft;
use crate::project::Facts;

/// The packages of an image, by their normalized names.
#[derive(Debug, Default)]
pub(super) struct LockedPackages {
    /// All of them.
    pub packages: BTreeSet<String>,
    /// Those that have no wheel at all.
    pub without_wheels: BTreeSet<String>,
    /// Those that have wheels with compiled code, of which none fits.
    pub without_fitting: BTreeSet<String>,
}

/// The Debian release that an image consists of: `suite`, or what `invar lock` chooses for `requires-python`. `None`
/// where its Python is unknown, or none will do.
pub(super) fn release(suite: Option<&str>, requires: Option<&VersionSpecifiers>) -> Option<Release> {
    match suite {
        Some(suite) => STABLE.into_iter().find(|release| release.suite == suite),
        None => stable_release(requires),
    }
}

impl LockedPackages {
    /// What of the lock `text` an image of `release` has that `draft` describes. `None` where nothing can be chosen:
    /// `invar lock` then says why.
    pub fn read(
        text: &str,
        facts: &Facts,
        draft: &Draft,
        release: Release,
    ) -> Result<Option<Self>, UvLockError> {
        let lock = UvLock::parse(text)?;
        let Ok(python) = format!("{}.0", release.python).parse() else { return Ok(None) };
        let target = Target { python, machine: Machine::X86_64, glibc: release.glibc };
        let (extras, all_extras) = match &draft.extras {
            Some(Value::Array(names)) => {
                (names.iter().filter_map(|name| name.as_str()?.parse().ok()).collect(), false)
            }
            Some(_) => (BTreeSet::new(), true),
            None => (BTreeSet::new(), false),
        };
        let groups = draft.groups.iter().filter_map(|name| name.parse().ok()).collect();
        let selection = Selection { extras, all_extras, groups, project: true };
        let policy = SourcePolicy { project_is_package: facts.is_package, ..SourcePolicy::default() };
        let Ok(selected) = select(&lock, Some(&facts.name), &target, &selection, &policy) else {
            return Ok(None);
        };
        let mut locked = Self::default();
        for selected in selected.iter().filter(|selected| *selected.needed_by() != NeededBy::Project) {
            let name = selected.name().as_str();
            locked.packages.insert(name.to_owned());
            let Selected::Source(chosen) = selected else { continue };
            if !matches!(chosen.source, SourceLocation::Archive { .. }) {
                continue;
            }
            let of_version = lock.named(name).filter(|package| package.version_text == chosen.version);
            let is_compiled = of_version
                .flat_map(|package| &package.wheels)
                .any(|wheel| wheel.filename.platform != ["any"]);
            let list = if is_compiled { &mut locked.without_fitting } else { &mut locked.without_wheels };
            list.insert(name.to_owned());
        }
        Ok(Some(locked))
    }
}
