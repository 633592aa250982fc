//! What all commands that build start with: the project, its lock, and a session.
use std::path::{Path, PathBuf};

use invar_build::{BuildError, Event, ProjectFiles, Session, Update, lock};
use invar_project::{LockPart, Platform, Purpose};

use crate::cli::{Derive, Global};
use crate::commands::lock::propose;
use crate::derive::named::Wanted;
use crate::derive::{Derivation, Records, derive};
use crate::failure::Failure;
use crate::machine;
use crate::report::Told;

/// A project to be opened.
pub struct Open<'a> {
    /// Its folder, perhaps with `#` and the name of a further image or of an output of its flake.
    pub project: &'a Path,
    /// What stands in for its manifest.
    pub derive: &'a Derive,
    /// What it is opened for.
    pub purpose: Purpose,
    /// The keys to trust where a lock has to be made.
    pub keyring: Option<&'a Path>,
    /// Whether a missing lock is an error.
    pub locked: bool,
    /// Whether the files of a failed build are kept.
    pub keep_failed: bool,
}

/// What a command line names that has no options for it: the project's own manifest, or an output of its flake.
pub const NOTHING_NAMED: Derive = Derive { from: None, target: None };

impl Open<'_> {
    /// Reads the project, and makes its lock if there is none or it does not have what the project is opened for. Where
    /// its manifest is derived from a file that has changed, it is derived again, and so is its lock.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn open<'r>(
        &self,
        global: &Global,
        reporter: &'r dyn Told,
    ) -> Result<(Session<'r>, ProjectFiles), Failure> {
        let wanted = Wanted::of(self.project, self.derive, self.purpose)?;
        let (mut files, image, is_new) = match wanted {
            Wanted::Own { folder, image } => (ProjectFiles::read(&folder)?, image, false),
            Wanted::Derived(named) => {
                let records = if self.locked { Records::Required } else { Records::Used };
                let Derivation { files, is_new } = derive(global, &named, self.purpose, records)?;
                (files, None, is_new)
            }
        };
        if files.lock_error.is_some() {
            files.checked_lock()?;
        }
        if files.lock.is_none() && self.locked {
            return Err(files.no_lock().into());
        }
        let part = match &image {
            _ if self.purpose == Purpose::Shell => LockPart::Shell,
            // A wrong name is said before anything is locked.
            Some(image) => files.image(image)?.part(),
            None => LockPart::Image,
        };
        let unlocked = files.unlocked(&part)?;
        if let Some(unlocked) = unlocked.clone().filter(|_| self.locked) {
            return Err(BuildError::from(unlocked).into());
        }
        let mut session = machine::session(global, &files.manifest, reporter)?;
        session.keep_failed = self.keep_failed;
        if files.lock.is_none() || is_new || unlocked.is_some() {
            if files.lock_text.is_none() {
                reporter.as_reporter().event(&Event::LockMissing);
            } else if unlocked.is_some() {
                let note = format!("invar.lock does not cover {part} yet: locking it");
                reporter.as_reporter().event(&Event::Note(&note));
            }
            let keyring = machine::keyring(self.keyring, &files)?;
            let locked = lock(&session, &mut files, &keyring, &Update::Nothing, &part)?;
            propose(&locked.proposals, true, reporter);
        }
        let files = match image {
            Some(image) => files.image(&image)?,
            None => files,
        };
        Ok((session, files))
    }
}

/// `FOLDER#NAME`: a folder, and the name of one of the project's further images or of an output of its flake. A folder
/// whose own name has such a character is meant where it is there.
pub fn folder_and_image(project: &Path) -> (PathBuf, Option<String>) {
    let text = project.to_string_lossy();
    match text.rsplit_once('#') {
        Some((folder, image)) if !project.exists() => {
            let folder = if folder.is_empty() { "." } else { folder };
            (folder.into(), Some(image.to_owned()))
        }
        _ => (project.to_owned(), None),
    }
}

/// The platform of `files` that this machine can run best: its own, or the first.
pub fn platform_to_run(files: &ProjectFiles) -> Platform {
    let own = if cfg!(target_arch = "aarch64") { Platform::LinuxArm64 } else { Platform::LinuxAmd64 };
    let all = &files.manifest.image.platforms;
    if all.contains(&own) { own } else { all.first().copied().unwrap_or(own) }
}
