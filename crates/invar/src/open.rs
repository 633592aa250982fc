//! What all commands that build start with: the project, its lock, and a session.
use std::path::Path;

use invar_build::Session;
use invar_checkout::ProjectFiles;
use invar_lock::{Update, lock, outdated, python_notes};
use invar_project::{LockPart, Platform, Purpose};
use invar_realise::Event;
use invar_run::NamespaceExecutor;

use crate::cli::{Derive, Global, Locking};
use crate::failure::Failure;
use crate::machine;
use crate::manifest::{self, Read, Records};
use crate::relock::{read_with_uv_lock, say_changes};
use crate::report::{CliReporter, propose};

/// A project to be opened.
pub struct Open<'a> {
    /// Its folder, perhaps with `#` and the name of an additional image or of an output of its flake.
    pub project: &'a Path,
    /// What stands in for its manifest.
    pub derive: &'a Derive,
    /// What it is opened for.
    pub purpose: Purpose,
    /// The keys to trust where a lock has to be made.
    pub keyring: Option<&'a Path>,
    /// What becomes of locks that are missing or out of date.
    pub locking: Locking,
    /// Whether the files of a failed build are kept.
    pub keep_failed: bool,
}

impl Open<'_> {
    /// Reads the project, and updates its locks where they are missing or out of date, as far as it is opened for that.
    /// Where its manifest is derived from a file that has changed, it is derived again, and so is its lock.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn open<'r>(
        &self,
        global: &Global,
        reporter: &'r dyn CliReporter,
    ) -> Result<(Session<'r>, ProjectFiles), Failure> {
        let wanted = manifest::wanted(self.project, self.derive, self.purpose)?;
        let image = manifest::image(&wanted).map(str::to_owned);
        let Locking { locked, frozen } = self.locking;
        let read = |records| manifest::read(&wanted, self.purpose, records);
        let found = match (locked, frozen) {
            (_, true) => read(Records::Frozen)?,
            (true, _) => read(Records::Required)?,
            _ => read_with_uv_lock(global, &wanted, reporter, &|| read(Records::Used))?,
        };
        manifest::announce(global, &wanted, self.purpose, &found);
        let Read { mut files, is_new, .. } = found;
        files.is_frozen = frozen;
        if files.lock_error.is_some() {
            files.checked_lock()?;
        }
        if files.lock.is_none() && (locked || frozen) {
            return Err(files.no_lock().into());
        }
        let part = match &image {
            _ if self.purpose == Purpose::Shell => LockPart::Shell,
            // A wrong name is said before anything is locked.
            Some(image) => files.image(image)?.part(),
            None => LockPart::Image,
        };
        let outdated = if frozen { None } else { outdated(&files, &part)? };
        let outdated = match outdated {
            Some(error) if locked => return Err(error.into()),
            outdated => outdated,
        };
        let mut session = machine::session(global, &files.manifest, reporter)?;
        let executor = machine::executor(&session.sources.store);
        session.runner.executor = Box::new(NamespaceExecutor { keep_failed: self.keep_failed, ..executor });
        if files.lock.is_none() || is_new || outdated.is_some() {
            if files.lock_text.is_none() {
                reporter.event(&Event::LockMissing);
            } else if let Some(error) = outdated {
                reporter.event(&Event::Note(&format!("{error}: updating it")));
            }
            let keyring = machine::keyring(self.keyring, &files)?;
            let locked =
                lock(&machine::lock_context(&session, &keyring), &mut files, &Update::Nothing, &part)?;
            say_changes(reporter, &locked.changes);
            propose(&locked.proposals, true, reporter);
        }
        // Running something is no time for what cannot be helped.
        let is_build = self.purpose == Purpose::Build;
        for note in python_notes(&files).into_iter().filter(|note| note.is_warning || is_build) {
            let sentence = &note.sentence;
            reporter.event(&if note.is_warning { Event::Warning(sentence) } else { Event::Note(sentence) });
        }
        let files = match image {
            Some(image) => files.image(&image)?,
            None => files,
        };
        Ok((session, files))
    }
}

/// The platform of `files` that this machine can run best: its own, or the first.
pub fn platform_to_run(files: &ProjectFiles) -> Platform {
    let own = if cfg!(target_arch = "aarch64") { Platform::LinuxArm64 } else { Platform::LinuxAmd64 };
    let all = &files.manifest.image.platforms;
    if all.contains(&own) { own } else { all.first().copied().unwrap_or(own) }
}

/// The platform that the command line names, or the one that this machine can run best.
///
/// # Errors
/// [`Failure`] for what is no platform.
#[cfg(feature = "inspect")]
pub fn chosen_platform(named: Option<&str>, files: &ProjectFiles) -> Result<Platform, Failure> {
    match named {
        Some(text) => {
            text.parse().map_err(|error: invar_project::ValueError| Failure::input(error.to_string(), None))
        }
        None => Ok(platform_to_run(files)),
    }
}
