//! Whether what `invar.lock` has for a build is for the package that `uv.lock` has.
use invar_project::LockedBuild;
use invar_python::{ChosenSource, DistributionName, SourceLocation};

/// Why what `invar.lock` has for the build of a package is not for the package that `uv.lock` has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildMismatch {
    /// It is for another version.
    #[error(
        "{name} {found} is built from source, but invar.lock has the build requirements of {name} {locked}"
    )]
    Version {
        /// The package.
        name: DistributionName,
        /// The version in `invar.lock`.
        locked: String,
        /// The version in `uv.lock`.
        found: String,
    },
    /// It is for another source distribution or commit.
    #[error("the source of {name} in uv.lock changed")]
    Source {
        /// The package.
        name: DistributionName,
    },
}

/// Whether `build` is for what `chosen` is; a lock of an older release says nothing of commits, and is believed.
pub fn build_mismatch(build: &LockedBuild, chosen: &ChosenSource) -> Option<BuildMismatch> {
    let name = chosen.name.clone();
    if let (Some(locked), Some(found)) = (&build.version, &chosen.version)
        && locked != found
    {
        return Some(BuildMismatch::Version { name, locked: locked.clone(), found: found.clone() });
    }
    let is_same = match &chosen.source {
        SourceLocation::Archive { digest, .. } => build.source == Some(*digest),
        SourceLocation::Git { commit, .. } => {
            build.source.is_some() && build.commit.as_ref().is_none_or(|locked| locked == commit)
        }
        SourceLocation::Directory { .. } => build.source.is_none(),
    };
    (!is_same).then_some(BuildMismatch::Source { name })
}
