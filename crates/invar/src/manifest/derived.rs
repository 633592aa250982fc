use std::path::Path;
use std::process::ExitCode;

use invar_checkout::ProjectFiles;
use invar_derive::{Derivation, Named, Request, ShownManifest, notes};
pub use invar_derive::{Records, Wanted};
use invar_diagnostic::printable;
use invar_project::{DerivedManifest, Purpose};
use serde_json::{Value, json};

use super::folder_and_image;
use crate::cli::{Derive, Global};
use crate::failure::Failure;
use crate::output::say;
use crate::report::print;

/// What a command line means.
///
/// # Errors
/// [`Failure`] where two things are named, or none although there are some to name.
pub fn wanted(project: &Path, derive: &Derive, purpose: Purpose) -> Result<Wanted, Failure> {
    let (folder, name) = folder_and_image(project);
    Ok(Wanted::of(&request(&folder, name.as_deref(), derive, purpose))?)
}

fn request<'a>(folder: &'a Path, name: Option<&'a str>, derive: &'a Derive, purpose: Purpose) -> Request<'a> {
    Request { folder, name, from: derive.from.as_deref(), target: derive.target.as_deref(), purpose }
}

/// The additional image of the project that is meant.
pub fn image(wanted: &Wanted) -> Option<&str> {
    match wanted {
        Wanted::Own { image, .. } => image.as_deref(),
        Wanted::Derived(_) => None,
    }
}

/// Reads the project, and whether its lock has to be made again. What stands in for its manifest is said.
///
/// # Errors
/// [`Failure`].
pub fn read(
    global: &Global,
    wanted: &Wanted,
    purpose: Purpose,
    records: Records,
) -> Result<(ProjectFiles, bool), Failure> {
    match wanted {
        Wanted::Own { folder, .. } => Ok((ProjectFiles::read(folder)?, false)),
        Wanted::Derived(named) => {
            let report = |manifest: &DerivedManifest, difference: Option<&str>| {
                tell(global, named, purpose, manifest, difference);
            };
            let Derivation { files, is_new } = invar_derive::derive(named, purpose, records, &report)?;
            Ok((files, is_new))
        }
    }
}

/// Reads the project, whose lock has to have its manifest.
///
/// # Errors
/// [`Failure`].
pub fn check(wanted: &Wanted, purpose: Purpose) -> Result<ProjectFiles, Failure> {
    match wanted {
        Wanted::Own { folder, .. } => Ok(ProjectFiles::read(folder)?),
        Wanted::Derived(named) => Ok(invar_derive::check(named, purpose)?),
    }
}

/// What the lock of a project without a manifest has, if nothing is named.
///
/// # Errors
/// [`Failure`].
pub fn recorded(project: &Path, derive: &Derive) -> Result<Vec<(Wanted, Purpose)>, Failure> {
    let (folder, name) = folder_and_image(project);
    if name.is_some() || derive.from.is_some() {
        return Ok(Vec::new());
    }
    let recorded = invar_derive::recorded(&folder)?.into_iter();
    Ok(recorded.map(|(named, purpose)| (Wanted::Derived(named), purpose)).collect())
}

/// Prints the manifest that is derived for what a command line names, and nothing else.
///
/// # Errors
/// [`Failure`]; also where nothing is derived.
pub fn show(
    global: &Global,
    project: &Path,
    derive: &Derive,
    purpose: Purpose,
    locked: bool,
) -> Result<ExitCode, Failure> {
    let (folder, name) = folder_and_image(project);
    let request = request(&folder, name.as_deref(), derive, purpose);
    let ShownManifest { manifest, text, is_recorded } = invar_derive::show(&request, locked)?;
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

/// What JSON says of where the manifest of `files` is from; `None` where it is the project's own.
pub fn as_json(files: &ProjectFiles) -> Option<Value> {
    let manifest = files.derived.as_ref()?;
    Some(json!({"source": manifest.source.to_string(), "notes": notes(&manifest.text)}))
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
        difference.lines().for_each(|line| say(&printable(line)));
    }
    let see = format!("see `invar {purpose} {} --show-manifest`", named.arguments);
    let comments = match notes.len() {
        0 => see,
        1 => format!("1 comment; {see}"),
        count => format!("{count} comments; {see}"),
    };
    say(&format!("Using {} ({comments})", manifest.source));
}
