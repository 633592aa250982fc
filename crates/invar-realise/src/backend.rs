//! Build backends (PEP 517), as whoever makes a lock asks them.
use std::collections::BTreeMap;

use invar_checkout::ProjectFiles;
use invar_diagnostic::AnyDiagnostic;
use invar_plan::{PackageRecipe, SourceBuild, WheelRecipe};
use invar_project::{InvarLock, LockedInterpreter, Platform};
use invar_python::{ChosenSource, DistributionName};

use crate::package_source::PackageSource;

/// Runs build backends to ask them what their builds need besides what packages declare.
pub trait Backends: Sync {
    /// Whether a backend can be run for `platform` on this machine, before anything is fetched for it.
    ///
    /// # Errors
    /// Why not.
    fn check(&self, platform: Platform, label: &str) -> Result<(), AnyDiagnostic>;

    /// What the backend of `question` asks for (PEP 517, `get_requires_for_build_wheel`, and for a directory PEP 660's
    /// `get_requires_for_build_editable`).
    ///
    /// # Errors
    /// What running it says.
    fn requires(&self, question: &BackendQuestion<'_>) -> Result<Vec<String>, AnyDiagnostic>;
}

/// A package whose build backend is asked, and what the backend is run with.
pub struct BackendQuestion<'a> {
    /// What progress and errors call it.
    pub label: &'a str,
    /// The package, as the manifest names it.
    pub name: &'a DistributionName,
    /// The package, as it was chosen.
    pub chosen: &'a ChosenSource,
    /// Its files.
    pub source: &'a PackageSource,
    /// The project.
    pub files: &'a ProjectFiles,
    /// The lock in the making.
    pub lock: &'a InvarLock,
    /// What it would be built for.
    pub platform: Platform,
    /// The interpreter that runs it.
    pub interpreter: &'a LockedInterpreter,
    /// The Debian packages of the root in which it is run.
    pub root: Vec<PackageRecipe>,
    /// The wheels of its environment.
    pub wheels: Vec<WheelRecipe>,
    /// What is built for its environment.
    pub needs: Vec<SourceBuild>,
    /// Its variables.
    pub environment: BTreeMap<String, String>,
}
