//! Manifests that are derived from a Dockerfile or a flake, each time it is used, instead of being written down.
//!
//! What was derived stands in `invar.lock` with the digests of what it was derived from. As long as these are the same,
//! the record is used, so that no newer release of Invar changes what is built.
pub mod named;
pub mod reading;
pub mod record;

use std::path::Path;
use std::process::ExitCode;

use invar_build::{BuildError, ProjectFiles};
use invar_init::nested;
use invar_project::{DerivedLock, DerivedManifest, Purpose};
use serde_json::{Value, json};
use similar::TextDiff;

use crate::cli::{Derive, Global};
use crate::commands::lock::print;
use crate::commands::open::folder_and_image;
use crate::derive::named::{Named, Wanted};
use crate::derive::reading::text_if_there;
use crate::difference::shown;
use crate::failure::Failure;
use crate::report::say;

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
    /// It is used as long as it is current; a lock that cannot be read is replaced.
    Renewed,
    /// The manifest is derived again in any case.
    Ignored,
}

/// The project of `named`, with the manifest that `invar.lock` has for `purpose`, or one that is derived now.
///
/// # Errors
/// [`Failure`]; where a record is [required](Records::Required), also if there is none, or if it is not current.
pub fn derive(
    global: &Global,
    named: &Named,
    purpose: Purpose,
    records: Records,
) -> Result<Derivation, Failure> {
    let recorded = match ProjectFiles::recorded(&named.folder, &named.source, purpose) {
        Err(BuildError::InvarLock { .. }) if matches!(records, Records::Renewed | Records::Ignored) => None,
        recorded => recorded?,
    };
    if records == Records::Required && recorded.is_none() {
        return Err(no_record(named, purpose));
    }
    if let Some(DerivedLock { manifest, lock }) = &recorded
        && records != Records::Ignored
    {
        let mut changes = record::changes(named, manifest)?;
        if changes.is_empty() {
            let files = ProjectFiles::read_derived(&named.folder, manifest.clone())?;
            let Some(change) = record::uv_lock_change(&files, lock) else {
                tell(global, named, purpose, manifest, None);
                return Ok(Derivation { files, is_new: false });
            };
            changes.push(change);
        }
        if records == Records::Required {
            return Err(not_current(named, &changes));
        }
    }
    let manifest = record::derive(named, purpose)?;
    let old = recorded.as_ref().map(|recorded| recorded.manifest.text.as_str());
    let difference = old.and_then(|old| difference(named, old, &manifest.text));
    tell(global, named, purpose, &manifest, difference.as_deref());
    let files = ProjectFiles::read_derived(&named.folder, manifest)?;
    Ok(Derivation { files, is_new: true })
}

/// What is wrong with the records of `invar.lock` for the project of `named`, as [`derive()`] says it where they are
/// required.
///
/// # Errors
/// [`Failure`].
pub fn check(named: &Named, purpose: Purpose) -> Result<ProjectFiles, Failure> {
    let quiet = Global { quiet: true, json: false, ..Global::default() };
    Ok(derive(&quiet, named, purpose, Records::Required)?.files)
}

/// Prints the manifest that is derived for what a command line names, and nothing else. Beside a manifest of the
/// project's own that only compares.
///
/// # Errors
/// As [`derive()`]; also where nothing is derived.
pub fn show(
    global: &Global,
    project: &Path,
    options: &Derive,
    purpose: Purpose,
    locked: bool,
) -> Result<ExitCode, Failure> {
    let named = match (&options.from, folder_and_image(project)) {
        (Some(from), (folder, None)) => Named::of(&folder, from, options.target.as_deref())?,
        _ => match Wanted::of(project, options, purpose)? {
            Wanted::Derived(named) => named,
            Wanted::Own { folder, .. } => {
                let message =
                    format!("the manifest of {} is not derived: the project has its own", folder.display());
                let hint = "pass --from with a Dockerfile or flake to see the manifest it would give";
                return Err(Failure::input(message, Some(hint)));
            }
        },
    };
    let (manifest, is_recorded) = shown_manifest(&named, purpose, locked)?;
    let pyproject = text_if_there(&named.folder.join("pyproject.toml"))?;
    let text = match pyproject {
        Some(_) => nested(&manifest.text, "tool.invar"),
        None => manifest.text.clone(),
    };
    if global.json {
        let value = json!({
            "source": manifest.source.to_string(),
            "recorded": is_recorded,
            "manifest": text,
            "notes": notes(&manifest.text),
        });
        return print(&format!("{value}\n"));
    }
    print(&text)
}

/// The manifest that is derived, and whether `invar.lock` has it so. Nothing has to be locked for that.
fn shown_manifest(named: &Named, purpose: Purpose, locked: bool) -> Result<(DerivedManifest, bool), Failure> {
    let pyproject = text_if_there(&named.folder.join("pyproject.toml"))?;
    // Beside a manifest of the project's own there is no record, and none is created.
    if named::own_manifest(&named.folder, pyproject.as_deref()).is_some() {
        return Ok((record::derive_to_show(named, purpose)?, false));
    }
    match ProjectFiles::recorded(&named.folder, &named.source, purpose)? {
        None if locked => Err(no_record(named, purpose)),
        None => Ok((record::derive_to_show(named, purpose)?, false)),
        Some(DerivedLock { manifest, lock }) => {
            let mut changes = record::changes(named, &manifest)?;
            // Without a usable uv.lock there is a manifest nevertheless.
            if let Ok(files) = ProjectFiles::read_derived(&named.folder, manifest.clone()) {
                changes.extend(record::uv_lock_change(&files, &lock));
            }
            match changes.is_empty() {
                true => Ok((manifest, true)),
                false if locked => Err(not_current(named, &changes)),
                false => Ok((record::derive_to_show(named, purpose)?, false)),
            }
        }
    }
}

/// What JSON says of where the manifest of `files` is from; `None` where it is the project's own.
pub fn as_json(files: &ProjectFiles) -> Option<Value> {
    let manifest = files.derived.as_ref()?;
    Some(json!({"source": manifest.source.to_string(), "notes": notes(&manifest.text)}))
}

/// The comments at the beginning of a manifest: what could not be carried over.
fn notes(manifest: &str) -> Vec<&str> {
    manifest.lines().map_while(|line| line.strip_prefix('#')).map(str::trim).collect()
}

/// Says in one line what is used, and what has changed in it.
fn tell(
    global: &Global,
    named: &Named,
    purpose: Purpose,
    manifest: &DerivedManifest,
    difference: Option<&str>,
) {
    let notes = notes(&manifest.text);
    if global.quiet {
        return;
    }
    if global.json {
        let source = manifest.source.to_string();
        let value = json!({"event": "derived", "source": source, "notes": notes, "difference": difference});
        say(&value.to_string());
        return;
    }
    if let Some(difference) = difference {
        say(&format!("{} gives a different manifest than before:", manifest.source));
        difference.lines().for_each(|line| say(&shown(line)));
    }
    let see = format!("see `invar {purpose} {} --show-manifest`", named.arguments);
    let comments = match notes.len() {
        0 => see,
        1 => format!("1 comment; {see}"),
        count => format!("{count} comments; {see}"),
    };
    say(&format!("Using {} ({comments})", manifest.source));
}

/// What is different in the manifest, as a unified diff; `None` where nothing is.
fn difference(named: &Named, old: &str, new: &str) -> Option<String> {
    let source = &named.source;
    let (before, after) = (format!("{source} in invar.lock"), source.to_string());
    let diff = TextDiff::from_lines(old, new);
    (old != new).then(|| diff.unified_diff().context_radius(2).header(&before, &after).to_string())
}

fn no_record(named: &Named, purpose: Purpose) -> Failure {
    let path = named.folder.join("invar.lock");
    let what = match purpose {
        Purpose::Build => "building",
        Purpose::Run => "running",
        Purpose::Shell => "the shell of",
    };
    let hint = format!("run `invar {purpose} {}` without --locked, and commit invar.lock", named.arguments);
    if path.exists() {
        Failure::locks(format!("{} has no lock for {what} {}", path.display(), named.source), &hint)
    } else {
        Failure::locks(format!("{} is missing", path.display()), &hint)
    }
}

fn not_current(named: &Named, changes: &[record::Change]) -> Failure {
    let lines: Vec<String> = changes.iter().map(|change| format!("  {change}")).collect();
    let message = format!(
        "invar.lock is out of date: its manifest was derived from {}, and\n{}",
        named.source,
        lines.join("\n")
    );
    Failure::locks(
        message,
        &format!("run `invar lock {}` to update it and print the changes", named.arguments),
    )
}
