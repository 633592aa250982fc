//! `invar lock`
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use invar_build::{BuildError, Event, ProjectFiles, Proposals, Update, lock};
use invar_debian::PackageName;
use serde_json::json;

use crate::cli::{Global, Lock};
use crate::failure::Failure;
use crate::machine;
use crate::report::Told;

/// Runs the command.
///
/// # Errors
/// [`Failure`].
pub fn run(global: &Global, options: &Lock, reporter: &dyn Told) -> Result<ExitCode, Failure> {
    let (project, names) = project_and_names(options);
    let mut files = ProjectFiles::read(&project)?;
    if options.check {
        files.checked_lock()?;
        return print(&if global.json {
            json!({"up-to-date": true}).to_string() + "\n"
        } else {
            String::new()
        });
    }
    let update = match &names {
        None => Update::Nothing,
        Some(names) if names.is_empty() => Update::Everything,
        Some(names) => {
            let parsed: Result<Vec<PackageName>, _> = names.iter().map(|name| name.parse()).collect();
            Update::Packages(parsed.map_err(|error| Failure::input(error.to_string(), None))?)
        }
    };
    let session = machine::session(global, &files.manifest, reporter)?;
    let keyring = machine::keyring(options.keyring.as_deref(), &files)?;
    let locked = lock(&session, &mut files, &keyring, &update)?;
    reporter.finish();
    propose(&locked.proposals, true, reporter);
    let changes: Vec<String> = locked.changes.iter().map(ToString::to_string).collect();
    let text = if global.json {
        let packages: serde_json::Map<String, serde_json::Value> =
            locked.packages.iter().map(|(platform, count)| (platform.to_string(), (*count).into())).collect();
        let unknown: Vec<String> = locked.proposals.needed().map(ToString::to_string).collect();
        let result = json!({
            "written": locked.written, "packages": packages, "changes": changes, "unknown-scripts": unknown,
        });
        format!("{result}\n")
    } else if options.update.is_some() {
        changes.iter().map(|change| format!("{change}\n")).collect()
    } else {
        String::new()
    };
    if !global.quiet && !global.json {
        let counts: Vec<String> = locked
            .packages
            .iter()
            .map(|(platform, count)| format!("{count} packages for {platform}"))
            .collect();
        let verb = if locked.written { "Locked" } else { "Already locked" };
        crate::report::say(&format!("{verb}: {}", counts.join(", ")));
    }
    print(&text)
}

/// The project and the packages to choose anew.
///
/// `--update` takes as many names as there are, and so it also takes a project that comes after them: a last name that
/// is a project's folder is the project where no other is given.
fn project_and_names(options: &Lock) -> (PathBuf, Option<Vec<String>>) {
    let (mut project, mut names) = (options.project.clone(), options.update.clone());
    if let Some(names) = &mut names
        && project == Path::new(".")
        && let Some(last) = names.last().map(PathBuf::from)
        && ["pyproject.toml", "invar.toml"].iter().any(|file| last.join(file).is_file())
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
