use invar_project::Platform;
use invar_python::SelectError;

use crate::build_mismatch::BuildMismatch;

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The scripts of packages are to run that the image does not have.
    #[error("`configure` lists {}, which is not in the image{}", .names.join(", "), nearest.as_deref().map(|name| format!("; did you mean {name}?")).unwrap_or_default())]
    NoScripts {
        /// The packages.
        names: Vec<String>,
        /// A package of the image with a similar name.
        nearest: Option<String>,
    },
    /// `invar.lock` has no packages for the platform.
    #[error("invar.lock does not cover {platform}: add it to image.platforms and run `invar lock`")]
    Platform {
        /// The platform.
        platform: Platform,
    },
    /// `invar.lock` has no interpreter although the project needs one.
    #[error("invar.lock has no Python interpreter, but the project needs one: run `invar lock`")]
    Interpreter,
    /// A version in `invar.lock` cannot be read as what it should be.
    #[error("invar.lock has the version {version:?} for {what}, which is not of the form {expected}")]
    Version {
        /// What the version belongs to.
        what: String,
        /// The version.
        version: String,
        /// The form it should have.
        expected: &'static str,
    },
    /// `invar.lock` has nothing to build with.
    #[error("invar.lock has no packages for {root}: run `invar lock`")]
    Root {
        /// The root, such as `step:assets`.
        root: String,
    },
    /// `invar.lock` does not say what a Python package is built with.
    #[error("invar.lock has no build requirements for {name}: run `invar lock`")]
    Build {
        /// The distribution.
        name: String,
    },
    /// `invar.lock` says what another version or source of a Python package is built with.
    #[error("{0}: run `invar lock`")]
    OtherBuild(#[from] BuildMismatch),
    /// A wheel that a build needs has no name that a wheel may have.
    #[error("invar.lock names {file:?}, which is not the name of a wheel")]
    BuildWheel {
        /// The file name.
        file: String,
    },
    /// uv would build without isolation, in whatever environment there is.
    #[error(
        "[tool.uv] sets no-build-isolation, but Invar always isolates builds: remove it, and add the build requirements \
         to extra-build-dependencies"
    )]
    NoIsolation,
    /// No wheels can be chosen.
    #[error("cannot install the packages of uv.lock for {platform}")]
    Select {
        /// The platform.
        platform: Platform,
        /// Why not.
        #[source]
        source: Box<SelectError>,
    },
}
