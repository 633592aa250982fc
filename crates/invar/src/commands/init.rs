//! `invar init`
use std::path::{Component, Path};
use std::process::ExitCode;

use invar_derive::{ManifestFile, candidates};
use invar_diagnostic::printable;
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
    let (from, target) = (options.from.as_deref(), options.target.as_deref());
    let file = match options.force {
        true => ManifestFile::update(&options.project, from, target)?,
        false => ManifestFile::draft(&options.project, from, target)?,
    };
    if !options.print {
        file.write()?;
    }
    tell(global, options, &file)
}

/// The command that comes next, for a project in `folder`.
fn next(folder: &Path) -> String {
    match is_above(folder) {
        true => "`invar build`".to_owned(),
        false => format!("`invar build {}`", folder.display()),
    }
}

/// Whether a project in `folder` is found from here without being named.
fn is_above(folder: &Path) -> bool {
    folder.components().all(|part| matches!(part, Component::CurDir | Component::ParentDir))
}

/// The command that converts what else describes the project, where it was not.
fn offer(options: &Init) -> Option<String> {
    let folder = &options.project;
    let (_, name) = candidates(folder).into_iter().next().filter(|_| options.from.is_none())?;
    let shown = folder.strip_prefix(".").unwrap_or(folder).join(&name);
    let (shown, of) = match is_above(folder) {
        true => (shown.display(), String::new()),
        false => (shown.display(), format!(" {}", folder.display())),
    };
    Some(format!("To convert {name} too: `invar init --force --from {shown}{of}`"))
}

fn tell(global: &Global, options: &Init, file: &ManifestFile) -> Result<ExitCode, Failure> {
    let ManifestFile { path, manifest, draft, difference, .. } = file;
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
            match difference.as_deref() {
                Some("") => say(&format!("{} is up to date", path.display())),
                Some(difference) => {
                    say(&format!("Updated {}:", path.display()));
                    difference.lines().for_each(|line| say(&printable(line)));
                }
                None => {
                    say(&format!("Wrote {}:", path.display()));
                    manifest.lines().for_each(|line| say(format!("  {line}").trim_end()));
                }
            }
            let next = next(&options.project);
            match draft.notes.len() {
                0 => say(&format!("Next: {next}")),
                1 => say(&format!("Next: review the comment, then {next}")),
                count => say(&format!("Next: review the {count} comments, then {next}")),
            }
            if let Some(offer) = offer(options) {
                say(&offer);
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
