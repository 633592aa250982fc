use std::cell::RefCell;
use std::path::Path;
use std::process::ExitCode;

use invar_checkout::{CheckoutError, ProjectFiles};
use invar_derive::{Derivation, DeriveError, Named, Request, ShownManifest, SourceKind, candidates, notes};
pub use invar_derive::{Records, Wanted};
use invar_diagnostic::printable;
use invar_project::{DerivedManifest, Purpose};
use serde_json::{Value, json};

use super::{Read, Unread, folder_and_image};
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

/// A derived manifest that is used, and what is different in it from what `invar.lock` has.
pub struct Derived {
    manifest: DerivedManifest,
    difference: Option<String>,
}

/// Reads the project.
///
/// # Errors
/// [`Unread`].
pub fn read(wanted: &Wanted, purpose: Purpose, records: Records) -> Result<Read, Unread> {
    match wanted {
        Wanted::Own { folder, .. } => {
            Ok(Read { files: ProjectFiles::read(folder)?, is_new: false, said: None })
        }
        Wanted::Derived(named) => {
            let said = RefCell::new(None);
            let report = |manifest: &DerivedManifest, difference: Option<&str>| {
                let (manifest, difference) = (manifest.clone(), difference.map(str::to_owned));
                *said.borrow_mut() = Some(Derived { manifest, difference });
            };
            let Derivation { files, is_new } = invar_derive::derive(named, purpose, records, &report)?;
            Ok(Read { files, is_new, said: said.into_inner() })
        }
    }
}

impl From<DeriveError> for Unread {
    fn from(error: DeriveError) -> Self {
        let lacks_uv_lock = matches!(error, DeriveError::Checkout(CheckoutError::NoUvLock { .. }));
        Self { lacks_uv_lock, failure: error.into() }
    }
}

/// Says in one line what stands in for the manifest, and what has changed in it.
pub fn announce(global: &Global, wanted: &Wanted, purpose: Purpose, read: &Read) {
    if let (Wanted::Derived(named), Some(Derived { manifest, difference })) = (wanted, &read.said) {
        tell(global, named, purpose, manifest, difference.as_deref());
    }
}

/// The project's folder.
pub fn folder(wanted: &Wanted) -> &Path {
    match wanted {
        Wanted::Own { folder, .. } => folder,
        Wanted::Derived(named) => &named.folder,
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
    let see = format!("`{} --show-manifest`", named.command(&purpose.to_string()));
    if named.kind == SourceKind::Project {
        return say(&of_project(named, &see));
    }
    let comments = match notes.len() {
        0 => format!("see {see}"),
        1 => format!("1 comment; see {see}"),
        count => format!("{count} comments; see {see}"),
    };
    say(&format!("Using {} ({comments})", manifest.source));
}

/// What is used of a project that has no manifest: one line, which also names what else there is.
fn of_project(named: &Named, see: &str) -> String {
    let init = named.command("init");
    let line = format!("No [tool.invar]: using what `{init}` would write ({see} prints it)");
    let flake_or_dockerfile = candidates(&named.folder).into_iter().next();
    let from = flake_or_dockerfile.map(|(_, name)| match named.folder == Path::new(".") {
        true => name,
        false => named.folder.join(name).display().to_string(),
    });
    from.map_or(line.clone(), |from| format!("{line}; `--from {from}` converts {from}"))
}
