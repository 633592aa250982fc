//! Manifests that are derived from a Dockerfile or a flake, each time it is used, instead of being written down.
//!
//! What was derived is in `invar.lock` with the digests of what it was derived from. As long as these are the same,
//! the record is used, so that no newer release of Invar changes what is built.
use std::path::Path;

use invar_checkout::{CheckoutError, ProjectFiles};
use invar_init::nested;
use invar_project::{DerivedLock, DerivedManifest, Purpose};
use similar::TextDiff;

use crate::change::Change;
use crate::error::DeriveError;
use crate::files::text_if_there;
use crate::named::{Named, Request, Wanted, has_own_manifest, own_manifest};
use crate::record;

/// A project whose manifest is derived.
pub struct Derivation {
    /// The project.
    pub files: ProjectFiles,
    /// Whether `invar.lock` does not have it so.
    pub is_new: bool,
}

/// How a record in `invar.lock` is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Records {
    /// It is used as long as it is current, and there must be such a one.
    Required,
    /// It is used as long as it is current.
    Used,
    /// It is used as it is, and there must be one.
    Frozen,
    /// It is used as long as it is current; a lock that cannot be read is replaced.
    Renewed,
    /// The manifest is derived again in any case.
    Ignored,
}

/// The project of `named`, with the manifest that `invar.lock` has for `purpose`, or one that is derived now. What is used
/// is given to `report`, with what is different in it from what `invar.lock` has.
///
/// # Errors
/// [`DeriveError`]; where a record is [required](Records::Required), also if there is none, or if it is not current.
pub fn derive(
    named: &Named,
    purpose: Purpose,
    records: Records,
    report: &dyn Fn(&DerivedManifest, Option<&str>),
) -> Result<Derivation, DeriveError> {
    let recorded = match ProjectFiles::recorded(&named.folder, &named.source, purpose) {
        Err(CheckoutError::InvarLock { .. }) if matches!(records, Records::Renewed | Records::Ignored) => {
            None
        }
        recorded => recorded?,
    };
    if matches!(records, Records::Required | Records::Frozen) && recorded.is_none() {
        return Err(no_record(named, purpose));
    }
    let recorded_manifest = recorded.as_ref().map(|recorded| &recorded.manifest);
    let mut changes = Vec::new();
    if let Some(manifest) = recorded_manifest.filter(|_| records != Records::Ignored) {
        if records != Records::Frozen {
            changes = record::changes(named, manifest)?;
        }
        if records == Records::Required {
            changes.retain(Change::makes_outdated);
        }
        if changes.is_empty() {
            report(manifest, None);
            let files = ProjectFiles::read_derived(&named.folder, manifest.clone())?;
            return Ok(Derivation { files, is_new: false });
        }
        if records == Records::Required && !changes.iter().all(|change| change.is_of_project) {
            return Err(not_current(named, changes));
        }
    }
    let manifest = record::derive(named, purpose)?;
    let old = recorded_manifest.map(|recorded| recorded.text.as_str());
    if records == Records::Required {
        // What has changed in the project may not matter, and a lock is not refused for nothing.
        if let Some(recorded) = recorded_manifest.filter(|recorded| recorded.text == manifest.text) {
            report(recorded, None);
            let files = ProjectFiles::read_derived(&named.folder, recorded.clone())?;
            return Ok(Derivation { files, is_new: false });
        }
        return Err(not_current(named, changes));
    }
    let difference = old.and_then(|old| difference(named, old, &manifest.text));
    report(&manifest, difference.as_deref());
    let files = ProjectFiles::read_derived(&named.folder, manifest)?;
    Ok(Derivation { files, is_new: true })
}

/// What is wrong with the records of `invar.lock` for the project of `named`, as [`derive()`] says it where they are
/// required.
///
/// # Errors
/// [`DeriveError`].
pub fn check(named: &Named, purpose: Purpose) -> Result<ProjectFiles, DeriveError> {
    Ok(derive(named, purpose, Records::Required, &|_, _| ())?.files)
}

/// What the lock of the project in `folder` has, where the project has no manifest of its own.
///
/// # Errors
/// [`DeriveError`] where the project cannot be read; what is wrong with a lock matters where it is used.
pub fn recorded(folder: &Path) -> Result<Vec<(Named, Purpose)>, DeriveError> {
    let pyproject = text_if_there(&folder.join("pyproject.toml"))?;
    if has_own_manifest(folder, pyproject.as_deref()) {
        return Ok(Vec::new());
    }
    let recorded = ProjectFiles::all_recorded(folder).unwrap_or_default();
    let recorded = recorded.into_iter().filter_map(|DerivedLock { manifest, .. }| {
        Some((Named::recorded(folder, &manifest.source), *manifest.purposes.first()?))
    });
    Ok(recorded.collect())
}

/// A manifest that is derived, to be shown.
#[derive(Debug, Clone)]
pub struct ShownManifest {
    /// The manifest.
    pub manifest: DerivedManifest,
    /// Its text, as it would be in a file of the project.
    pub text: String,
    /// Whether `invar.lock` has it.
    pub is_recorded: bool,
}

/// The manifest that is derived for what a command line names. Beside a manifest of the project's own that only compares.
///
/// # Errors
/// As [`derive()`]; also where nothing is derived.
pub fn show(request: &Request<'_>, locked: bool) -> Result<ShownManifest, DeriveError> {
    let named = match (request.from, request.name) {
        (Some(from), None) => Named::of(request.folder, from, request.target)?,
        _ => match Wanted::of(request)? {
            Wanted::Derived(named) => named,
            Wanted::Own { folder, .. } => return Err(DeriveError::NotDerived { folder }),
        },
    };
    let (manifest, is_recorded) = shown_manifest(&named, request.purpose, locked)?;
    let pyproject = text_if_there(&named.folder.join("pyproject.toml"))?;
    let text = match pyproject {
        Some(_) => nested(&manifest.text, "tool.invar"),
        None => manifest.text.clone(),
    };
    Ok(ShownManifest { manifest, text, is_recorded })
}

/// The manifest that is derived, and whether `invar.lock` has it so. Nothing has to be locked for that.
fn shown_manifest(
    named: &Named,
    purpose: Purpose,
    locked: bool,
) -> Result<(DerivedManifest, bool), DeriveError> {
    let pyproject = text_if_there(&named.folder.join("pyproject.toml"))?;
    // Beside a manifest of the project's own there is no record, and none is created.
    if own_manifest(&named.folder, pyproject.as_deref()).is_some() {
        return Ok((record::derive_to_show(named, purpose)?, false));
    }
    match ProjectFiles::recorded(&named.folder, &named.source, purpose)? {
        None if locked => Err(no_record(named, purpose)),
        None => Ok((record::derive_to_show(named, purpose)?, false)),
        Some(DerivedLock { manifest, .. }) => {
            let mut changes = record::changes(named, &manifest)?;
            if locked {
                changes.retain(Change::makes_outdated);
            }
            if changes.is_empty() {
                return Ok((manifest, true));
            }
            let derived = record::derive_to_show(named, purpose)?;
            let same = derived.text == manifest.text && changes.iter().all(|change| change.is_of_project);
            match same {
                true => Ok((manifest, true)),
                false if locked => Err(not_current(named, changes)),
                false => Ok((derived, false)),
            }
        }
    }
}

/// The comments at the beginning of a manifest: what could not be carried over.
pub fn notes(manifest: &str) -> Vec<&str> {
    manifest.lines().map_while(|line| line.strip_prefix('#')).map(str::trim).collect()
}

/// What is different in the manifest, as a unified diff; `None` where nothing is.
fn difference(named: &Named, old: &str, new: &str) -> Option<String> {
    let source = &named.source;
    let (before, after) = (format!("{source} in invar.lock"), source.to_string());
    let diff = TextDiff::from_lines(old, new);
    (old != new).then(|| diff.unified_diff().context_radius(2).header(&before, &after).to_string())
}

fn no_record(named: &Named, purpose: Purpose) -> DeriveError {
    let lock = named.folder.join("invar.lock");
    DeriveError::NoRecord {
        is_there: lock.exists(),
        lock,
        source_file: named.source.clone(),
        purpose,
        arguments: named.arguments.clone(),
    }
}

fn not_current(named: &Named, changes: Vec<Change>) -> DeriveError {
    let (source_file, arguments) = (named.source.clone(), named.arguments.clone());
    DeriveError::NotCurrent { source_file, arguments, changes }
}
