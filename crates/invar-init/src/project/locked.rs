//! Which packages of `uv.lock` an image has, and which of them have to be built for it.
use std::collections::BTreeSet;

use invar_plan::{PythonChoice, PythonWish};
use invar_project::{Platform, Release};
use invar_python::{
    Machine, NeededBy, PythonVersion, Selected, Selection, SourceLocation, SourcePolicy, Target, UvLock,
    select,
};
use toml::Value;

use crate::draft::Draft;
use crate::project::{Facts, ProjectView};

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

/// What of the project the image has that `draft` describes.
fn selection(draft: &Draft) -> Selection {
    let (extras, all_extras) = match &draft.extras {
        Some(Value::Array(names)) => {
            (names.iter().filter_map(|name| name.as_str()?.parse().ok()).collect(), false)
        }
        Some(_) => (BTreeSet::new(), true),
        None => (BTreeSet::new(), false),
    };
    let groups = draft.groups.iter().filter_map(|name| name.parse().ok()).collect();
    Selection { extras, all_extras, groups, project: true }
}

/// What decides between wheels and source in `project`.
fn policy(project: &invar_python::Project) -> SourcePolicy {
    SourcePolicy {
        project_is_package: project.is_package(),
        no_build: project.uv.no_build,
        no_build_packages: project.uv.no_build_package.clone(),
        no_binary: project.uv.no_binary,
        no_binary_packages: project.uv.no_binary_package.clone(),
        ..SourcePolicy::default()
    }
}

/// What `draft` is built for.
fn platforms(draft: &Draft) -> Vec<Platform> {
    let named = draft.image.get("platforms").and_then(Value::as_array).into_iter().flatten();
    let named: Vec<Platform> = named.filter_map(|name| name.as_str()?.parse().ok()).collect();
    if named.is_empty() { vec![Platform::LinuxAmd64] } else { named }
}

/// The Debian release that fits `project` best, or why none does: as `invar lock` chooses it.
pub(super) fn choice(
    view: &ProjectView<'_>,
    project: &invar_python::Project,
    uv_lock: Option<&UvLock>,
    draft: &Draft,
) -> Result<PythonChoice, invar_plan::NoRelease> {
    PythonChoice::new(&PythonWish {
        requires: project.requires_python.as_ref(),
        file: view.version_file,
        uv_lock,
        name: project.name.as_str(),
        selection: selection(draft),
        policy: policy(project),
        platforms: platforms(draft),
    })
}

impl LockedPackages {
    /// What of `lock` an image of `release` has that `draft` describes. `None` where nothing can be chosen: `invar lock`
    /// then says why.
    pub fn read(
        lock: &UvLock,
        facts: &Facts,
        project: &invar_python::Project,
        draft: &Draft,
        release: Release,
    ) -> Option<Self> {
        let version = release.version(project.requires_python.as_ref())?;
        let python: PythonVersion = version.to_string().parse().ok()?;
        let target = Target { python, machine: Machine::X86_64, glibc: release.glibc };
        let selected = select(lock, Some(&facts.name), &target, &selection(draft), &policy(project)).ok()?;
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
        Some(locked)
    }
}
