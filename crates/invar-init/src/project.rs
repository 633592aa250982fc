//! What a uv project is, as far as its files show it: what its image runs, and what it needs.
mod application;
mod code;
mod declared;
mod installed;
mod listener;
mod locked;
mod modules;
mod objects;
mod program;
mod python_file;
mod search_path;
mod served;
mod starting;
mod values;
mod version;

use std::collections::{BTreeMap, BTreeSet};

use invar_plan::{NoRelease, PythonChoice};
use invar_project::{Release, TESTING, stable_release};
use invar_python::{COMPILER_PACKAGES, DistributionName, UvLock, UvLockError, VersionFile, need};
use toml::de::DeTable;

use crate::draft::{Draft, Note, Source};
use crate::project::code::Code;
use crate::project::declared::Declared;
use crate::project::installed::Installed;
use crate::project::locked::LockedPackages;
use crate::project::starting::Project;
use crate::suite;

pub use self::version::add_version;

/// What is known of a project.
#[derive(Debug, Clone, Copy)]
pub struct ProjectView<'a> {
    /// The text of `pyproject.toml`.
    pub pyproject: &'a str,
    /// The text of `uv.lock`, if there is one.
    pub uv_lock: Option<&'a str>,
    /// Its `.python-version`, unless something else names the interpreter.
    pub version_file: Option<&'a VersionFile>,
    /// The project's files, each relative to its folder with `/` between names; Python files with their text.
    pub files: &'a BTreeMap<String, Option<String>>,
}

/// The parts of `pyproject.toml` and `uv.lock` that matter here.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// The project's normalized name.
    pub name: String,
    /// The programs of the project, each with the function that it calls; it installs them if it is a package.
    pub scripts: BTreeMap<String, String>,
    /// The folders of a workspace's members.
    pub members: Vec<String>,
    /// Whether the project is installed as a package.
    pub is_package: bool,
    /// The normalized names of all packages of `uv.lock`, or of the direct dependencies where there is none.
    pub packages: BTreeSet<String>,
    /// The normalized names of those packages that have no wheel at all.
    pub without_wheels: BTreeSet<String>,
    /// The normalized names of those packages that have wheels with compiled code, of which none fits the image.
    pub without_fitting: BTreeSet<String>,
    /// The Python that the image will have, such as `3.13`, where it is known.
    pub python: Option<String>,
    /// The Debian suite that the image will be made of, where it is known.
    pub suite: Option<&'static str>,
    /// How the suite was chosen; `None` where it was given, or where there is no Python project.
    choice: Option<Result<PythonChoice, NoRelease>>,
    /// `uv.lock`, if there is one.
    uv_lock: Option<UvLock>,
}

/// Why a project cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProjectError {
    /// `pyproject.toml` is no TOML.
    #[error("pyproject.toml: {0}")]
    Pyproject(#[source] toml::de::Error),
    /// `uv.lock` is not what uv writes.
    #[error(transparent)]
    Lock(#[from] UvLockError),
}

/// The smallest manifest for `view` that can be expected to work, with its command.
///
/// # Errors
/// [`ProjectError`].
pub fn read_project(view: &ProjectView<'_>) -> Result<Draft, ProjectError> {
    let mut draft = Draft::default();
    let facts = Facts::read(view, &draft)?;
    facts.add_suite(&mut draft);
    add_command(view, facts, &mut draft)?;
    let facts = Facts::read(view, &draft)?;
    modules::add_missing(&mut draft, &facts, facts.uv_lock.as_ref(), view.files);
    let facts =
        if draft.extras.is_some() || !draft.groups.is_empty() { Facts::read(view, &draft)? } else { facts };
    facts.add_needs(&mut draft);
    Ok(draft)
}

/// Adds the command, which the project's code shows.
fn add_command(view: &ProjectView<'_>, mut facts: Facts, draft: &mut Draft) -> Result<(), ProjectError> {
    let table: toml::Table = toml::from_str(view.pyproject).map_err(ProjectError::Pyproject)?;
    facts.scripts = scripts(&table);
    facts.members = members(&table, view.files);
    let code = Code::of(view.files, &facts.packages);
    let installed = facts.is_package.then(|| Installed::of(&table, &facts.name, &code));
    let project = Project { facts: &facts, code, installed, declared: Declared::of(view.files) };
    application::add_command(draft, &project, view.files.keys());
    Ok(())
}

/// Adds to `draft` what the Python packages of `view` are known to need, for the suite, extras and groups that it
/// names.
///
/// # Errors
/// [`ProjectError`].
pub fn add_needs(draft: &mut Draft, view: &ProjectView<'_>) -> Result<(), ProjectError> {
    let facts = Facts::read(view, draft)?;
    facts.add_suite(draft);
    // What else is installed is what the Dockerfile or the flake says.
    modules::add_missing(draft, &facts, None, view.files);
    facts.add_needs(draft);
    Ok(())
}

/// The Debian release that `invar lock` chooses for `view`; `None` where none will do.
///
/// # Errors
/// [`ProjectError`].
pub fn chosen_release(view: &ProjectView<'_>) -> Result<Option<Release>, ProjectError> {
    let facts = Facts::read(view, &Draft::default())?;
    Ok(facts.suite.and_then(Release::of_suite))
}

impl Facts {
    /// What is known of the project of `view`, in an image for which `draft` names the suite, extras and groups.
    pub(crate) fn read(view: &ProjectView<'_>, draft: &Draft) -> Result<Self, ProjectError> {
        let document = DeTable::parse(view.pyproject).map_err(ProjectError::Pyproject)?;
        let mut facts = Self::default();
        let project = declared(document.get_ref());
        let uv_lock = view.uv_lock.map(UvLock::parse).transpose()?;
        let release = match (&draft.suite, &project) {
            (Some(suite), _) => Release::of_suite(suite),
            (None, None) => stable_release(None),
            (None, Some(project)) => {
                let choice = locked::choice(view, project, uv_lock.as_ref(), draft);
                let release = choice.as_ref().ok().map(PythonChoice::release);
                facts.choice = Some(choice);
                release
            }
        };
        facts.python = release.map(|release| release.python.to_owned());
        facts.suite = release.map(|release| release.suite);
        if let Some(project) = &project {
            facts.is_package = project.is_package();
            facts.name = project.name.to_string();
            facts.packages = project.dependencies.iter().map(|it| it.name.to_string()).collect();
            facts.scripts.clone_from(&project.scripts);
        }
        if let (Some(lock), Some(project), Some(release)) = (&uv_lock, &project, release)
            && let Some(LockedPackages { packages, without_wheels, without_fitting }) =
                LockedPackages::read(lock, &facts, project, draft, release)
        {
            facts = Self { packages, without_wheels, without_fitting, ..facts };
        }
        facts.uv_lock = uv_lock;
        Ok(facts)
    }

    /// Names in `draft` the suite that was chosen, unless it is the one that is chosen anyway, with the reasons.
    fn add_suite(&self, draft: &mut Draft) {
        match &self.choice {
            None => {}
            Some(Err(error)) => {
                let wider = error.wider().map_or_else(String::new, |(requires, release)| {
                    let Release { suite, python, .. } = release;
                    format!("; requires-python = \"{requires}\" would fit Python {python} of Debian {suite}")
                });
                note(draft, "pyproject.toml", format!("{error}{wider}"));
            }
            Some(Ok(choice)) => {
                let Release { suite, python, .. } = choice.release();
                for (file, why) in choice.reasons() {
                    note(draft, &file, format!("{why}; the image has Python {python} of Debian {suite}"));
                }
                if !choice.is_default() {
                    draft.suite = Some(suite.to_owned());
                }
                if choice.release() == TESTING {
                    let why =
                        format!("Debian {suite} is still in development, and its packages change often");
                    note(draft, "pyproject.toml", why);
                }
            }
        }
    }

    /// Adds to `draft` the Debian packages that the project's Python packages are known to need.
    pub(crate) fn add_needs(&self, draft: &mut Draft) {
        let known = self.packages.iter().filter_map(|name| Some((name, need(name)?)));
        for (_, need) in known.filter(|(name, _)| !draft.has_needs && !self.brings_its_own(name)) {
            draft.packages.extend(need.run().map(str::to_owned));
        }
        // These are linked to the library of the Python that they start, which is a package of its own in Debian.
        if let Some(python) = self.python.as_ref().filter(|_| self.has("uwsgi") || self.has("mod-wsgi")) {
            draft.packages.insert(format!("libpython{python}"));
        }
        let known = draft.build_packages.clone();
        let used: BTreeSet<&str> = match &known {
            Some(packages) => packages.iter().map(String::as_str).collect(),
            None => COMPILER_PACKAGES.into(),
        };
        for name in self.without_wheels.iter().chain(&self.without_fitting) {
            let mut packages: BTreeSet<&str> = match need(name) {
                Some(need) => need.build().collect(),
                // What others have compiled cannot do without a compiler.
                None if self.without_fitting.contains(name) => COMPILER_PACKAGES.into(),
                None => BTreeSet::new(),
            };
            if packages.is_empty() {
                continue;
            }
            // What looks for libraries by itself does more with those that it finds.
            if self.without_wheels.contains(name) && packages == COMPILER_PACKAGES.into() {
                packages.extend(used.iter().filter(|name| name.ends_with("-dev")).copied());
            }
            let packages: Vec<&str> = packages.into_iter().collect();
            draft.overrides.entry(name.clone()).or_default().set("packages", packages);
        }
        let source = Source { file: "uv.lock", line: 0 };
        // What was built without a compiler is built without one here.
        let unknown = self.without_wheels.iter().filter(|name| !used.is_empty() && need(name).is_none());
        let packages: Vec<String> = used.iter().map(|name| format!("\"{name}\"")).collect();
        for name in unknown {
            let why = format!(
                "has no wheel, so it is built from source; if that needs a compiler, add \
                 python.overrides.{name}.packages = [{}]",
                packages.join(", ")
            );
            draft.note(source, name, why);
        }
        if let Some(python) = self.python.as_ref().filter(|_| !self.without_fitting.is_empty()) {
            let names: Vec<&str> = self.without_fitting.iter().map(String::as_str).collect();
            let why = format!(
                "no wheel for Python {python}, so it is built from source; newer versions may have one: \
                 `uv lock --upgrade`"
            );
            draft.note(source, &names.join(", "), why);
        }
        if let Some(suite) = self.suite {
            suite::rename(draft, suite);
        }
    }

    /// Whether another package brings what `name` needs at run time.
    fn brings_its_own(&self, name: &str) -> bool {
        name == "psycopg" && self.has("psycopg-binary")
    }

    /// Whether the project has the Python package `name`.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.packages.contains(name)
    }
}

/// The programs that `pyproject.toml` names, each with the function that it calls.
fn scripts(pyproject: &toml::Table) -> BTreeMap<String, String> {
    let project = pyproject.get("project");
    let tables =
        ["gui-scripts", "scripts"].map(|key| project.and_then(|project| project.get(key)?.as_table()));
    let scripts = tables.into_iter().flatten().flatten();
    scripts.filter_map(|(name, target)| Some((name.clone(), target.as_str()?.to_owned()))).collect()
}

/// The folders of the workspace's members that are projects.
fn members(pyproject: &toml::Table, files: &BTreeMap<String, Option<String>>) -> Vec<String> {
    let workspace =
        pyproject.get("tool").and_then(|tool| tool.get("uv")?.get("workspace")?.get("members")?.as_array());
    let patterns: Vec<&str> = workspace.into_iter().flatten().filter_map(toml::Value::as_str).collect();
    let is_member = |directory: &str| {
        patterns.iter().any(|pattern| {
            let start = pattern.split('*').next().unwrap_or_default().trim_start_matches("./");
            if pattern.contains('*') {
                directory.starts_with(start)
            } else {
                directory == start.trim_end_matches('/')
            }
        })
    };
    let directories = files.keys().filter_map(|path| path.strip_suffix("/pyproject.toml"));
    directories.filter(|directory| is_member(directory)).map(str::to_owned).collect()
}

/// Notes `why` about the whole of `file`.
fn note(draft: &mut Draft, file: &str, why: String) {
    let mut note = Note::new(Source { file: "pyproject.toml", line: 0 }, "", why);
    note.file = Some(file.to_owned()).filter(|file| file != "pyproject.toml");
    draft.add_note(note);
}

/// What `pyproject.toml` says of the project, as far as it can be read: what is wrong with it is for `invar lock` to say.
pub(crate) fn declared(document: &DeTable<'_>) -> Option<invar_python::Project> {
    invar_python::Project::read("pyproject.toml", document).0
}

/// The normalized name, or a text that is not a name as it is.
pub(crate) fn normalize(name: &str) -> String {
    let name = name.trim();
    name.parse::<DistributionName>().map_or_else(|_| name.to_owned(), |name| name.to_string())
}

#[cfg(test)]
mod tests;
