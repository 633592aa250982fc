//! `invar lock`
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use invar_build::{BuildError, Event, Locked, ProjectFiles, Proposals, Unlocked, Update, lock};
use invar_debian::PackageName;
use invar_project::{DerivedLock, LockPart, Purpose};
use serde_json::{Value, json};

use crate::cli::{Global, Lock};
use crate::commands::open::folder_and_image;
use crate::derive::named::{Named, Wanted, has_own_manifest};
use crate::derive::reading::text_if_there;
use crate::derive::{self, Records};
use crate::failure::Failure;
use crate::machine;
use crate::report::Told;

/// Runs the command.
///
/// Where a project has no manifest and nothing is named, all that its lock has is locked again, or checked.
///
/// # Errors
/// [`Failure`].
pub fn run(global: &Global, options: &Lock, reporter: &dyn Told) -> Result<ExitCode, Failure> {
    let (project, names) = project_and_names(options);
    let wanted = match recorded(&project, options)? {
        recorded if recorded.is_empty() => vec![(Wanted::of(&project, &options.derive, BUILD)?, BUILD)],
        recorded => recorded,
    };
    if options.check {
        let mut missing = Vec::new();
        for (wanted, purpose) in &wanted {
            let files = match wanted {
                Wanted::Own { folder, .. } => ProjectFiles::read(folder)?,
                Wanted::Derived(named) => derive::check(named, *purpose)?,
            };
            let required = required(&files, wanted, *purpose, options)?;
            missing.extend(files.check_parts(&required)?);
        }
        return print_missing(global, &missing);
    }
    let update = match &names {
        None => Update::Nothing,
        Some(names) if names.is_empty() => Update::Everything,
        Some(names) => {
            let parsed: Result<Vec<PackageName>, _> = names.iter().map(|name| name.parse()).collect();
            Update::Packages(parsed.map_err(|error| Failure::input(error.to_string(), None))?)
        }
    };
    let mut results = Vec::new();
    let mut changes = Vec::new();
    for (wanted, purpose) in &wanted {
        let mut files = match wanted {
            Wanted::Own { folder, .. } => ProjectFiles::read(folder)?,
            Wanted::Derived(named) => {
                // What is chosen again is derived again, too.
                let records = if update == Update::Everything { Records::Ignored } else { Records::Renewed };
                derive::derive(global, named, *purpose, records)?.files
            }
        };
        let required = required(&files, wanted, *purpose, options)?;
        let session = machine::session(global, &files.manifest, reporter)?;
        let keyring = machine::keyring(options.keyring.as_deref(), &files)?;
        let locked = lock(&session, &mut files, &keyring, &update, &required)?;
        reporter.finish();
        propose(&locked.proposals, true, reporter);
        changes.extend(locked.changes.iter().map(|change| format!("{change}\n")));
        results.push(as_json(&files, &locked));
        if !global.quiet && !global.json {
            let counts: Vec<String> = locked
                .packages
                .iter()
                .map(|(platform, count)| format!("{count} packages for {platform}"))
                .collect();
            let verb = if locked.written { "Locked" } else { "Already locked" };
            crate::report::say(&format!("{verb}: {}", counts.join(", ")));
        }
    }
    if global.json {
        let result = if results.len() == 1 { results.remove(0) } else { Value::Array(results) };
        return print(&format!("{result}\n"));
    }
    print(&if options.update.is_some() { changes.concat() } else { String::new() })
}

const BUILD: Purpose = Purpose::Build;

/// The part of the project that has to be locked; what only others need may be left out.
fn required(
    files: &ProjectFiles,
    wanted: &Wanted,
    purpose: Purpose,
    options: &Lock,
) -> Result<LockPart, Failure> {
    Ok(match wanted {
        _ if options.shell || purpose == Purpose::Shell => LockPart::Shell,
        Wanted::Own { image: Some(image), .. } => files.image(image)?.part(),
        Wanted::Own { image: None, .. } | Wanted::Derived(_) => LockPart::Image,
    })
}

/// Says what a lock that is up to date does not have.
fn print_missing(global: &Global, missing: &[Unlocked]) -> Result<ExitCode, Failure> {
    if global.json {
        let names: Vec<String> = missing.iter().map(|unlocked| unlocked.part.name()).collect();
        return print(&format!("{}\n", json!({ "up-to-date": true, "not-locked": names })));
    }
    for Unlocked { part, .. } in missing.iter().filter(|_| !global.quiet) {
        let command = part.command();
        crate::report::say(&format!("Up to date, but {part} is not locked: run `{command}`"));
    }
    print("")
}

/// What the lock of a project without a manifest has, where nothing is named.
fn recorded(project: &Path, options: &Lock) -> Result<Vec<(Wanted, Purpose)>, Failure> {
    let (folder, name) = folder_and_image(project);
    let pyproject = text_if_there(&folder.join("pyproject.toml"))?;
    if name.is_some() || options.derive.from.is_some() || has_own_manifest(&folder, pyproject.as_deref()) {
        return Ok(Vec::new());
    }
    // What is wrong with a lock matters where it is used.
    let recorded = ProjectFiles::all_recorded(&folder).unwrap_or_default();
    let recorded = recorded.into_iter().filter_map(|DerivedLock { manifest, .. }| {
        let purpose = *manifest.purposes.first()?;
        Some((Wanted::Derived(Named::recorded(&folder, &manifest.source)), purpose))
    });
    Ok(recorded.collect())
}

fn as_json(files: &ProjectFiles, locked: &Locked) -> Value {
    let packages: serde_json::Map<String, Value> =
        locked.packages.iter().map(|(platform, count)| (platform.to_string(), (*count).into())).collect();
    let unknown: Vec<String> = locked.proposals.needed().map(ToString::to_string).collect();
    let changes: Vec<String> = locked.changes.iter().map(ToString::to_string).collect();
    let mut result = json!({
        "written": locked.written, "packages": packages, "changes": changes, "unknown-scripts": unknown,
        "not-locked": locked.left_out.iter().map(LockPart::name).collect::<Vec<_>>(),
    });
    if let Some(from) = derive::as_json(files) {
        result["from"] = from;
    }
    result
}

/// The project and the packages to upgrade.
///
/// `--update` takes as many names as there are, and so it also takes a project that comes after them: a last name that
/// is a project's folder is the project where no other is given.
fn project_and_names(options: &Lock) -> (PathBuf, Option<Vec<String>>) {
    let (mut project, mut names) = (options.project.clone(), options.update.clone());
    if let Some(names) = &mut names
        && project == Path::new(".")
        && let Some(last) = names.last().map(PathBuf::from)
        && ["pyproject.toml", "invar.toml", "invar.lock"].iter().any(|file| last.join(file).is_file())
    {
        names.pop();
        project = last;
    }
    (project, names)
}

/// Says which packages' own scripts should run, and what to write for it; with `all`, also those of which most images
/// need nothing.
pub fn propose(proposals: &Proposals, all: bool, reporter: &dyn Told) {
    let reporter = reporter.as_reporter();
    let mut said = false;
    for (is_needed, sentence) in proposals.sentences().filter(|(is_needed, _)| all || *is_needed) {
        said = true;
        reporter.event(&if is_needed { Event::Warning(&sentence) } else { Event::Note(&sentence) });
    }
    if let Some(advice) = proposals.advice().filter(|_| said) {
        reporter.event(&Event::Note(&advice));
    }
}

/// Writes the result to standard output.
///
/// # Errors
/// Where standard output does not take it.
pub fn print(text: &str) -> Result<ExitCode, Failure> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(BuildError::Deliver)?;
    Ok(ExitCode::SUCCESS)
}
