//! `invar init`
use std::path::{Component, Path};
use std::process::ExitCode;

use invar_derive::ManifestFile;
use invar_init::Draft;
use serde_json::json;

use crate::cli::{Global, Init};
use crate::failure::Failure;
use crate::output::say;
use crate::report::print;

/// Runs the command.
///
/// # Errors
/// [`Failure`].
pub fn run(global: &Global, options: &Init) -> Result<ExitCode, Failure> {
    let file = ManifestFile::draft(&options.project, options.from.as_deref(), options.target.as_deref())?;
    if !options.print {
        file.write()?;
    }
    tell(global, options, &file)
}

/// The commands that come next, for a project in `folder`.
fn next(folder: &Path, needs_uv_lock: bool) -> String {
    // From below it, the project is found again.
    let is_above = folder.components().all(|part| matches!(part, Component::CurDir | Component::ParentDir));
    let folder = folder.to_string_lossy();
    let (there, of) = match &*folder {
        _ if is_above => (String::new(), String::new()),
        folder => (format!(" --directory {folder}"), format!(" {folder}")),
    };
    let lock = if needs_uv_lock { format!("`uv lock{there}`, and then ") } else { String::new() };
    format!("{lock}`invar build{of}`")
}

fn tell(global: &Global, options: &Init, file: &ManifestFile) -> Result<ExitCode, Failure> {
    let ManifestFile { path, manifest, draft, needs_uv_lock, .. } = file;
    if global.json {
        let notes: Vec<_> = draft
            .notes
            .iter()
            .map(|note| {
                let line = Some(note.source.line).filter(|line| *line > 0);
                json!({"file": note.file.as_deref().unwrap_or(note.source.file), "line": line, "text": note.text, "reason": note.why})
            })
            .collect();
        let pins: Vec<_> = draft
            .pins
            .iter()
            .map(|pin| json!({"name": pin.what, "before": pin.before, "after": pin.after}))
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
            let next = next(&options.project, *needs_uv_lock);
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
