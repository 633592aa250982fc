//! Which Debian release, and with it which Python, fits a project.
//!
//! `requires-python` is a bound, `.python-version` a preference, and the wheels that `uv.lock` has decide the rest. Of
//! the releases within the bound the best is chosen, by these in their order:
//!
//! 1. All locked packages can be installed: each has a wheel that fits, or a source.
//! 2. It is a stable release.
//! 3. It has the Python that `.python-version` asks for.
//! 4. The fewest packages have to be compiled, although they have wheels for other Pythons.
//! 5. It is the newest.
use std::collections::BTreeMap;

use invar_project::{Manifest, Platform, Release};
use invar_python::{
    NeededBy, PackageProblem, PythonVersion, SelectError, Selected, Selection, SourceLocation, SourcePolicy,
    Target, UvLock, VersionFile, select,
};
use pep440_rs::{Operator, VersionSpecifier, VersionSpecifiers};

use crate::python::{policy, selection};

/// What a project says about the Python that it wants.
#[derive(Debug, Clone)]
pub struct PythonWish<'a> {
    /// `requires-python`.
    pub requires: Option<&'a VersionSpecifiers>,
    /// `.python-version`.
    pub file: Option<&'a VersionFile>,
    /// What is locked; `None` before `uv lock`.
    pub uv_lock: Option<&'a UvLock>,
    /// The project's name in it.
    pub name: &'a str,
    /// What of the project is wanted.
    pub selection: Selection,
    /// What decides between wheels and source.
    pub policy: SourcePolicy,
    /// What images are built for.
    pub platforms: Vec<Platform>,
}

impl<'a> PythonWish<'a> {
    /// What the project of `manifest` says; `None` for a project without Python.
    pub fn of(
        manifest: &'a Manifest,
        uv_lock: Option<&'a UvLock>,
        file: Option<&'a VersionFile>,
    ) -> Option<Self> {
        let project = manifest.project.as_ref()?;
        Some(Self {
            requires: project.requires_python.as_ref(),
            file,
            uv_lock,
            name: project.name.as_str(),
            selection: selection(manifest),
            policy: policy(manifest),
            platforms: manifest.image.platforms.clone(),
        })
    }
}

/// What a release has for a project.
#[derive(Debug, Clone)]
pub struct Offer {
    /// The release.
    pub release: Release,
    /// Whether `requires-python`, of the project and in `uv.lock`, allows its Python.
    pub is_allowed: bool,
    /// Whether `.python-version` asks for its Python.
    pub is_asked: bool,
    /// Why packages cannot be installed, on the first platform where that is so.
    pub error: Option<(Platform, SelectError)>,
    /// The packages that have to be compiled although they have wheels for others, each with its version.
    pub compiled: Vec<String>,
}

/// The release that fits best.
#[derive(Debug, Clone)]
pub struct PythonChoice {
    offers: Vec<Offer>,
    chosen: usize,
    requires: Option<VersionSpecifiers>,
    file: Option<VersionFile>,
}

/// No release has a Python that `requires-python` allows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "no Debian suite has a Python that satisfies requires-python = \"{requires}\"; {}",
    .releases.iter().map(|it| format!("{} has Python {}", it.suite, it.python)).collect::<Vec<_>>().join(", ")
)]
pub struct NoRelease {
    /// The requirement.
    pub requires: VersionSpecifiers,
    /// What was considered.
    pub releases: Vec<Release>,
}

impl NoRelease {
    /// The requirement that would fit, with the release that it then fits: what the project says without its upper bound.
    pub fn wider(&self) -> Option<(VersionSpecifiers, Release)> {
        let lower = |specifier: &VersionSpecifier| {
            let operator = match specifier.operator() {
                Operator::GreaterThan | Operator::NotEqual | Operator::NotEqualStar => *specifier.operator(),
                Operator::LessThan | Operator::LessThanEqual => return None,
                _ => Operator::GreaterThanEqual,
            };
            VersionSpecifier::from_version(operator, specifier.version().clone()).ok()
        };
        let wider: VersionSpecifiers = self.requires.iter().filter_map(lower).collect();
        let release = self.releases.iter().find(|release| release.version(Some(&wider)).is_some())?;
        (!wider.is_empty()).then_some((wider, *release))
    }
}

impl PythonChoice {
    /// Chooses a release.
    ///
    /// # Errors
    /// [`NoRelease`].
    pub fn new(wish: &PythonWish<'_>) -> Result<Self, NoRelease> {
        let offers: Vec<Offer> = Release::all().map(|release| wish.offer(release)).collect();
        let rank = |(index, offer): &(usize, &Offer)| {
            let misfits = (offer.error.is_some(), offer.release.is_testing());
            (misfits, !offer.is_asked, offer.compiled.len(), *index)
        };
        let allowed = offers.iter().enumerate().filter(|(_, offer)| offer.is_allowed);
        let Some((chosen, _)) = allowed.min_by_key(rank) else {
            let requires = match (wish.requires, wish.uv_lock) {
                (Some(requires), _) => requires.clone(),
                (None, Some(lock)) => lock.requires_python.clone(),
                (None, None) => VersionSpecifiers::empty(),
            };
            return Err(NoRelease { requires, releases: Release::all().collect() });
        };
        Ok(Self { offers, chosen, requires: wish.requires.cloned(), file: wish.file.cloned() })
    }

    /// The same with the release of the suite `suite`, whatever fits better; `None` if its Python is not known.
    #[must_use]
    pub fn with_suite(mut self, suite: &str) -> Option<Self> {
        self.chosen = self.offers.iter().position(|offer| offer.release.suite == suite)?;
        Some(self)
    }

    /// What is chosen.
    pub fn offer(&self) -> &Offer {
        &self.offers[self.chosen]
    }

    /// The release that is chosen.
    pub fn release(&self) -> Release {
        self.offer().release
    }

    /// Whether it is what is chosen for a project that asks for nothing.
    pub fn is_default(&self) -> bool {
        self.chosen == 0
    }

    /// What the release of `suite` has.
    pub fn offer_of(&self, suite: &str) -> Option<&Offer> {
        self.offers.iter().find(|offer| offer.release.suite == suite)
    }

    /// Another release within the bounds that has all packages without compiling any.
    pub fn with_all_wheels(&self) -> Option<Release> {
        let has_all = |offer: &&Offer| {
            offer.is_allowed
                && !offer.release.is_testing()
                && offer.error.is_none()
                && offer.compiled.is_empty()
                && offer.release != self.release()
        };
        self.offers.iter().find(has_all).map(|offer| offer.release)
    }

    /// Another release within the bounds in which all packages can be installed, compiled or not.
    pub fn with_all_packages(&self) -> Option<Release> {
        let has_all =
            |offer: &&Offer| offer.is_allowed && offer.error.is_none() && offer.release != self.release();
        self.with_all_wheels().or_else(|| self.offers.iter().find(has_all).map(|offer| offer.release))
    }

    /// Why it is chosen, where it is not what is chosen without a reason, or not what `.python-version` asks for; each with
    /// the file that says so.
    pub fn reasons(&self) -> Vec<(String, String)> {
        let mut reasons = Vec::new();
        let offer = self.offer();
        if !self.is_default() {
            match &self.file {
                Some(file) if offer.is_asked => {
                    reasons.push((file.name.clone(), format!("asks for Python {}", file.request)));
                }
                _ => reasons.extend(self.against_default()),
            }
        }
        reasons.extend(self.against_file());
        reasons
    }

    /// The reasons as one sentence, with the release that they led to.
    pub fn sentence(&self) -> Option<String> {
        let reasons: Vec<String> =
            self.reasons().into_iter().map(|(file, why)| format!("{file} {why}")).collect();
        let Release { suite, python, .. } = self.release();
        (!reasons.is_empty())
            .then(|| format!("using Python {python} of Debian {suite}: {}", reasons.join("; ")))
    }

    /// The packages that have to be compiled, and where they would not be.
    pub fn compiled(&self) -> Option<String> {
        let offer = self.offer();
        if offer.compiled.is_empty() {
            return None;
        }
        let (verb, are) = if offer.compiled.len() == 1 { ("has", "it is") } else { ("have", "they are") };
        let advice = match self.with_all_wheels() {
            Some(Release { suite, python, .. }) => {
                format!("; for Python {python} there are wheels of all packages: suite = \"{suite}\"")
            }
            None => String::new(),
        };
        Some(format!(
            "{} {verb} no wheel for Python {}, so {are} built from source{advice}",
            listed(&offer.compiled),
            offer.release.python
        ))
    }

    /// What `.python-version` asks for, if it is not what there is.
    pub fn against_file(&self) -> Option<(String, String)> {
        let file = self.file.as_ref()?;
        if self.offer().is_asked {
            return None;
        }
        let asks = format!("asks for Python {}", file.request);
        let asked = self.offers.iter().find(|offer| offer.is_asked);
        let why = match asked {
            None if file.request.is_other() => {
                format!("asks for {}, but Debian's Python is CPython", file.request)
            }
            None => format!("{asks}, which no Debian suite has"),
            Some(offer) if !offer.is_allowed => format!(
                "{asks}, but requires-python = \"{}\" excludes it",
                self.requires.as_ref().map(ToString::to_string).unwrap_or_default()
            ),
            Some(Offer { release, error: Some((_, error)), .. }) => {
                format!("{asks}, but uv.lock {}", without_wheels(error, release.python))
            }
            Some(Offer { release, .. }) if release.is_testing() => {
                let suite = release.suite;
                format!("{asks}, which only Debian {suite} has, still in development (suite = \"{suite}\")")
            }
            Some(Offer { release, .. }) => format!("{asks}, which is that of Debian {}", release.suite),
        };
        Some((file.name.clone(), why))
    }

    /// What is wrong with what is chosen by default.
    fn against_default(&self) -> Option<(String, String)> {
        let default = &self.offers[0];
        let python = default.release.python;
        let (file, why) = match (&default.error, &self.requires) {
            _ if !default.is_allowed => {
                let requires = self.requires.as_ref().map(ToString::to_string).unwrap_or_default();
                let why = if self.release().is_testing() {
                    format!(
                        "has requires-python = \"{requires}\", and no stable release of Debian has such a Python"
                    )
                } else {
                    format!("has requires-python = \"{requires}\"")
                };
                ("pyproject.toml", why)
            }
            (Some((_, error)), _) => ("uv.lock", without_wheels(error, python)),
            (None, _) => {
                ("uv.lock", format!("has no wheel of {} for Python {python}", listed(&default.compiled)))
            }
        };
        Some((file.to_owned(), why))
    }
}

impl PythonWish<'_> {
    fn offer(&self, release: Release) -> Offer {
        let version = release
            .version(self.requires)
            .filter(|version| self.uv_lock.is_none_or(|lock| lock.requires_python.contains(version)));
        let mut offer = Offer {
            release,
            is_allowed: version.is_some(),
            is_asked: self.file.is_some_and(|file| file.request.accepts(release.series())),
            error: None,
            compiled: Vec::new(),
        };
        let python = version.and_then(|version| version.to_string().parse::<PythonVersion>().ok());
        let (Some(lock), Some(python)) = (self.uv_lock, python) else { return offer };
        let mut compiled = BTreeMap::new();
        for &platform in &self.platforms {
            let target = Target { python: python.clone(), machine: platform.machine(), glibc: release.glibc };
            match select(lock, Some(self.name), &target, &self.selection, &self.policy) {
                Ok(selected) => compiled.extend(selected.iter().filter_map(|it| compiled_anew(lock, it))),
                Err(error) => {
                    offer.error = offer.error.or(Some((platform, error)));
                }
            }
        }
        offer.compiled = compiled.into_values().collect();
        offer
    }
}

/// A package that is built from source although others have compiled it, and its version.
fn compiled_anew(lock: &UvLock, selected: &Selected) -> Option<(String, String)> {
    let Selected::Source(chosen) = selected else { return None };
    let is_archive = matches!(chosen.source, SourceLocation::Archive { .. });
    if !is_archive || chosen.needed_by == NeededBy::Project {
        return None;
    }
    let name = chosen.name.as_str();
    let mut wheels = lock
        .named(name)
        .filter(|package| package.version_text == chosen.version)
        .flat_map(|package| &package.wheels);
    let is_compiled = wheels.any(|wheel| wheel.filename.platform != ["any"]);
    let shown = match &chosen.version {
        Some(version) => format!("{name} {version}"),
        None => name.to_owned(),
    };
    is_compiled.then(|| (name.to_owned(), shown))
}

/// How many packages a sentence names.
const MOST_NAMED: usize = 3;

/// `a 1`, `a 1 and b 2`, `a 1, b 2, c 3 and 4 others`.
fn listed(names: &[String]) -> String {
    let (shown, others) = names.split_at(names.len().min(MOST_NAMED));
    match (shown, others.len()) {
        ([], _) => String::new(),
        ([one], 0) => one.clone(),
        ([most @ .., last], 0) => format!("{} and {last}", most.join(", ")),
        (shown, 1) => format!("{} and 1 other", shown.join(", ")),
        (shown, count) => format!("{} and {count} others", shown.join(", ")),
    }
}

/// That packages cannot be installed for `python`, without the list of wheels that there are.
fn without_wheels(error: &SelectError, python: &str) -> String {
    let SelectError::Unsuitable { problems } = error else {
        return format!("cannot be used for Python {python}: {error}");
    };
    let names: Vec<String> = problems.iter().map(PackageProblem::package).collect();
    format!("has neither a wheel for Python {python} nor a source of {}", listed(&names))
}

#[cfg(test)]
mod tests;
