//! Locks that follow the project: `uv.lock` through the user's uv, `invar.lock` by Invar. What still fits stays.
use std::path::Path;

use invar_lock::update_uv_lock;
use invar_project::Change;
use invar_python::UvLock;
use invar_realise::Event;

use crate::cli::Global;
use crate::failure::Failure;
use crate::machine::UV;
use crate::manifest::{self, Read, Unread, Wanted};
use crate::report::CliReporter;

/// How many changes of a lock are listed; whoever wants all of them looks at the file's own difference.
const MOST_CHANGES: usize = 20;

/// What `read` gives, after uv has updated a `uv.lock` that is missing or does not belong to the project.
///
/// # Errors
/// What `read` says, and [`invar_lock::LockError`] where uv is not there or fails.
pub fn read_with_uv_lock(
    global: &Global,
    wanted: &Wanted,
    reporter: &dyn CliReporter,
    read: &dyn Fn() -> Result<Read, Unread>,
) -> Result<Read, Failure> {
    let (old, reason) = match read() {
        Ok(found) => match found.files.uv_findings() {
            findings if findings.is_empty() => return Ok(found),
            findings => (found.files.uv_lock, format!("uv.lock is out of date ({})", findings.join("; "))),
        },
        Err(unread) if unread.lacks_uv_lock => (None, "uv.lock is missing".to_owned()),
        Err(unread) => return Err(unread.failure),
    };
    reporter.event(&Event::Note(&format!("{reason}: running `uv lock`")));
    update_uv_lock(Path::new(UV), manifest::folder(wanted), global.offline)?;
    let found = read()?;
    if let Some(new) = &found.files.uv_lock {
        list(reporter, "uv.lock", UvLock::changes(old.as_ref(), new));
    }
    Ok(found)
}

/// Says what a new `invar.lock` changes.
pub fn say_changes(reporter: &dyn CliReporter, changes: &[Change]) {
    list(reporter, "invar.lock", changes.iter().map(ToString::to_string).collect());
}

fn list(reporter: &dyn CliReporter, file: &str, changes: Vec<String>) {
    for change in changes.iter().take(MOST_CHANGES) {
        reporter.event(&Event::Note(&format!("{file}: {change}")));
    }
    match changes.len().saturating_sub(MOST_CHANGES) {
        0 => {}
        more => reporter.event(&Event::Note(&format!("{file}: {more} more changes"))),
    }
}
