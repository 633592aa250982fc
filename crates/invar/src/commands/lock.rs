//! `invar lock`
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use invar_checkout::ProjectFiles;
use invar_debian::PackageName;
use invar_lock::{Locked, Unlocked, Update, check_parts, lock};
use invar_project::{LockPart, Purpose};
use serde_json::{Value, json};

use crate::cli::{Global, Lock};
use crate::failure::Failure;
use crate::machine;
use crate::manifest::{self, Records, Wanted, folder_and_image};
use crate::output::say;
use crate::relock::{read_with_uv_lock, say_changes};
use crate::report::{CliReporter, print, propose};

/// Runs the command.
///
/// Where a project has no manifest and nothing is named, all that its lock has is locked again, or checked.
///
/// # Errors
/// [`Failure`].
pub fn run(global: &Global, options: &Lock, reporter: &dyn CliReporter) -> Result<ExitCode, Failure> {
    let (project, names) = project_and_names(options);
    let wanted = match manifest::recorded(&project, &options.derive)? {
        recorded if recorded.is_empty() => {
            vec![(manifest::wanted(&project, &options.derive, Purpose::Build)?, Purpose::Build)]
        }
        recorded => recorded,
    };
    if options.check {
        let mut missing = Vec::new();
        for (wanted, purpose) in &wanted {
            let files = manifest::check(wanted, *purpose)?;
            let required = required(&files, wanted, *purpose, options)?;
            missing.extend(check_parts(&files, &required)?);
        }
        let (folder, _) = folder_and_image(&project);
        return print_missing(global, &folder, &missing);
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
        // What is chosen again is derived again, too.
        let records = if update == Update::Everything { Records::Ignored } else { Records::Renewed };
        let read = || manifest::read(wanted, *purpose, records);
        let found = read_with_uv_lock(global, wanted, reporter, &read)?;
        manifest::announce(global, wanted, *purpose, &found);
        let mut files = found.files;
        let required = required(&files, wanted, *purpose, options)?;
        let session = machine::session(global, &files.manifest, reporter)?;
        let keyring = machine::keyring(options.keyring.as_deref(), &files)?;
        let locked = lock(&machine::lock_context(&session, &keyring), &mut files, &update, &required)?;
        reporter.finish();
        if options.update.is_none() {
            // An update prints them as its result.
            say_changes(reporter, &locked.changes);
        }
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
            say(&format!("{verb}: {}", counts.join(", ")));
        }
    }
    if global.json {
        let result = if results.len() == 1 { results.remove(0) } else { Value::Array(results) };
        return print(&format!("{result}\n"));
    }
    print(&if options.update.is_some() { changes.concat() } else { String::new() })
}

/// The part of the project that has to be locked; what only others need may be left out.
fn required(
    files: &ProjectFiles,
    wanted: &Wanted,
    purpose: Purpose,
    options: &Lock,
) -> Result<LockPart, Failure> {
    Ok(match manifest::image(wanted) {
        _ if options.shell || purpose == Purpose::Shell => LockPart::Shell,
        Some(image) => files.image(image)?.part(),
        None => LockPart::Image,
    })
}

/// Says what a lock that is up to date does not have.
fn print_missing(global: &Global, folder: &Path, missing: &[Unlocked]) -> Result<ExitCode, Failure> {
    if global.json {
        let names: Vec<String> = missing.iter().map(|unlocked| unlocked.part.name()).collect();
        return print(&format!("{}\n", json!({ "up-to-date": true, "unlocked": names })));
    }
    for Unlocked { part, .. } in missing.iter().filter(|_| !global.quiet) {
        let command = part.command(folder);
        say(&format!("Up to date, but {part} is not locked: run `{command}`"));
    }
    print("")
}

fn as_json(files: &ProjectFiles, locked: &Locked) -> Value {
    let packages: serde_json::Map<String, Value> =
        locked.packages.iter().map(|(platform, count)| (platform.to_string(), (*count).into())).collect();
    let unknown: Vec<String> = locked.proposals.needed().map(ToString::to_string).collect();
    let changes: Vec<String> = locked.changes.iter().map(ToString::to_string).collect();
    let mut result = json!({
        "written": locked.written, "packages": packages, "changes": changes, "unknown-scripts": unknown,
        "unlocked": locked.left_out.iter().map(LockPart::name).collect::<Vec<_>>(),
    });
    if let Some(from) = manifest::as_json(files) {
        result["derived-from"] = from;
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
