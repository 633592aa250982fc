//! `invar init`
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use invar_build::{BuildError, ProjectFiles};
use invar_init::Draft;
use invar_project::{DerivedLock, Manifest, ManifestSources, Purpose};
use serde_json::json;

use crate::cli::{Global, Init};
use crate::commands::lock::print;
use crate::derive::named::{Named, own_manifest};
use crate::derive::reading::{Sources, read_own, text_if_there};
use crate::derive::record::refused;
use crate::failure::Failure;
use crate::report::say;

/// Runs the command.
///
/// # Errors
/// [`Failure`].
pub fn run(global: &Global, options: &Init) -> Result<ExitCode, Failure> {
    let folder = &options.project;
    let pyproject = text_if_there(&folder.join("pyproject.toml"))?;
    refuse_a_second(folder, pyproject.as_deref())?;
    let named =
        options.from.as_ref().map(|from| Named::of(folder, from, options.target.as_deref())).transpose()?;
    let draft = match (&pyproject, &named) {
        (None, None) => return Err(BuildError::NoProject { path: folder.clone() }.into()),
        (Some(pyproject), None) => read_own(folder, pyproject)?,
        (_, Some(named)) => Sources::load(named)?.read(Purpose::Build)?,
    };
    let (name, prefix) = match &pyproject {
        Some(_) => ("pyproject.toml", "tool.invar"),
        None => ("invar.toml", ""),
    };
    // As people write it: not `./pyproject.toml`.
    let path = if folder == Path::new(".") { PathBuf::from(name) } else { folder.join(name) };
    let manifest = draft.to_toml(prefix);
    let whole = appended(pyproject.as_deref().unwrap_or_default(), &manifest);
    let before = pyproject.as_deref().unwrap_or_default();
    check(&path, before, &whole, named.as_ref(), pyproject.is_some())?;
    if !options.print {
        write(&path, &whole)?;
        if let Some(named) = &named {
            adopt_lock(named, &draft)?;
        }
    }
    let has_uv_lock = folder.join("uv.lock").is_file();
    tell(global, options, &path, &draft, &manifest, pyproject.is_some() && !has_uv_lock)
}

/// What was built from the file without a manifest was locked for it already.
fn adopt_lock(named: &Named, draft: &Draft) -> Result<(), Failure> {
    // A lock that cannot be used is told of where it is.
    let recorded = ProjectFiles::all_recorded(&named.folder).unwrap_or_default();
    let text = draft.to_toml("");
    // The same output may have been named in another way.
    let fits = |recorded: &&DerivedLock| {
        let DerivedLock { manifest, .. } = recorded;
        manifest.source.file == named.source.file
            && manifest.purposes.contains(&Purpose::Build)
            && manifest.text == text
    };
    if let Some(recorded) = recorded.iter().find(fits) {
        ProjectFiles::adopt(&named.folder, recorded)?;
    }
    Ok(())
}

/// A project has one manifest.
fn refuse_a_second(folder: &Path, pyproject: Option<&str>) -> Result<(), Failure> {
    match own_manifest(folder, pyproject) {
        Some(there) => {
            let message = format!("the project already has a manifest: {there}");
            Err(Failure::input(message, Some("edit it, or remove it first")))
        }
        None => Ok(()),
    }
}

/// `text` and then the manifest, with the line ends that `text` has.
fn appended(text: &str, manifest: &str) -> String {
    let gap = match text {
        "" => "",
        text if text.ends_with("\n\n") || text.ends_with("\r\n\r\n") => "",
        text if text.ends_with('\n') => "\n",
        _ => "\n\n",
    };
    let added = format!("{gap}{manifest}");
    if text.contains("\r\n") {
        format!("{text}{}", added.replace('\n', "\r\n"))
    } else {
        format!("{text}{added}")
    }
}

/// Nothing is written that would be refused when it is read. `before` is what is there already.
fn check(
    path: &Path,
    before: &str,
    text: &str,
    named: Option<&Named>,
    is_pyproject: bool,
) -> Result<(), Failure> {
    let shown = path.display().to_string();
    let parse = |text: &str| {
        let source = Some((shown.as_str(), text));
        Manifest::parse(&match is_pyproject {
            true => ManifestSources { pyproject: source, invar_toml: None },
            false => ManifestSources { pyproject: None, invar_toml: source },
        })
    };
    match (parse(text), named) {
        (Ok(_), _) => Ok(()),
        // A line of what was not written would be found nowhere.
        (Err(error), Some(named)) if !is_pyproject || parse(before).is_ok() => Err(refused(named, &error)),
        (Err(error), _) => Err(BuildError::from(error).into()),
    }
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |source: io::Error| BuildError::Output { path: path.to_owned(), source };
    // Written beside it and renamed: a full disk must not cost anyone their pyproject.toml.
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let beside = PathBuf::from(name);
    let written = fs::File::create_new(&beside).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        if let Ok(old) = fs::metadata(path) {
            file.set_permissions(old.permissions())?;
        }
        file.sync_all()?;
        fs::rename(&beside, path)
    });
    if written.is_err() {
        // There is nothing more to be done about it.
        let _ = fs::remove_file(&beside);
    }
    written.map_err(failed)?;
    Ok(())
}

/// The commands that come next, for a project in `folder`.
fn next(folder: &Path, needs_uv_lock: bool) -> String {
    let folder = folder.to_string_lossy();
    let (there, of) = match &*folder {
        "" | "." => (String::new(), String::new()),
        folder => (format!(" --directory {folder}"), format!(" {folder}")),
    };
    let lock = if needs_uv_lock { format!("`uv lock{there}`, and then ") } else { String::new() };
    format!("{lock}`invar build{of}`")
}

fn tell(
    global: &Global,
    options: &Init,
    path: &Path,
    draft: &Draft,
    manifest: &str,
    needs_uv_lock: bool,
) -> Result<ExitCode, Failure> {
    if global.json {
        let notes: Vec<_> = draft
            .notes
            .iter()
            .map(|note| {
                let line = Some(note.source.line).filter(|line| *line > 0);
                json!({"file": note.file.as_deref().unwrap_or(note.source.file), "line": line, "text": note.text, "why": note.why})
            })
            .collect();
        let pins: Vec<_> = draft
            .pins
            .iter()
            .map(|pin| json!({"what": pin.what, "before": pin.before, "after": pin.after}))
            .collect();
        let written = (!options.print).then(|| path.display().to_string());
        let value = json!({"written": written, "manifest": manifest, "notes": notes, "pins": pins});
        return print(&format!("{value}\n"));
    }
    if !global.quiet {
        if !draft.pins.is_empty() {
            pins(draft);
        }
        if !options.print {
            say(&format!("Wrote {}:", path.display()));
            manifest.lines().for_each(|line| say(format!("  {line}").trim_end()));
            let next = next(&options.project, needs_uv_lock);
            match draft.notes.len() {
                0 => say(&format!("Next: {next}")),
                1 => say(&format!("Next: review the comment, then {next}")),
                count => say(&format!("Next: review the {count} comments, then {next}")),
            }
        }
    }
    print(if options.print { manifest } else { "" })
}

/// The table of what was pinned, before and after.
fn pins(draft: &Draft) {
    let width = |get: &dyn Fn(&invar_init::Pin) -> usize| draft.pins.iter().map(get).max().unwrap_or(0);
    let what = width(&|pin| pin.what.chars().count()).max("what".len());
    let before = width(&|pin| pin.before.chars().count()).max("before".len());
    say(&format!("{:what$}  {:before$}  now", "what", "before"));
    for pin in &draft.pins {
        say(&format!("{:what$}  {:before$}  {}", pin.what, pin.before, pin.after));
    }
}
