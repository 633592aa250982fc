//! What all commands that build start with: the project, its lock, and a session.
use std::path::{Path, PathBuf};

use invar_build::{BuildError, Event, ProjectFiles, Session, Update, lock};
use invar_project::Platform;

use crate::cli::Global;
use crate::commands::lock::propose;
use crate::failure::Failure;
use crate::machine;
use crate::report::Told;

/// A project to be opened.
pub struct Open<'a> {
    /// Its folder, perhaps with `#` and the name of a further image.
    pub project: &'a Path,
    /// The keys to trust where a lock has to be made.
    pub keyring: Option<&'a Path>,
    /// Whether a missing lock is an error.
    pub locked: bool,
    /// Whether the files of a failed build are kept.
    pub keep_failed: bool,
}

impl Open<'_> {
    /// Reads the project, and makes its lock if there is none.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn open<'r>(
        &self,
        global: &Global,
        reporter: &'r dyn Told,
    ) -> Result<(Session<'r>, ProjectFiles), Failure> {
        let (folder, image) = folder_and_image(self.project);
        let mut files = ProjectFiles::read(&folder)?;
        if files.lock_error.is_some() {
            files.checked_lock()?;
        }
        if files.lock.is_none() && self.locked {
            return Err(BuildError::NoInvarLock { path: files.folder.join("invar.lock") }.into());
        }
        if let Some(image) = &image {
            // A wrong name is said before anything is locked.
            files.image(image)?;
        }
        let mut session = machine::session(global, &files.manifest, reporter)?;
        session.keep_failed = self.keep_failed;
        if files.lock.is_none() {
            reporter.as_reporter().event(&Event::LockMissing);
            let keyring = machine::keyring(self.keyring, &files)?;
            let locked = lock(&session, &mut files, &keyring, &Update::Nothing)?;
            propose(&locked.proposals, true, reporter);
        }
        let files = match image {
            Some(image) => files.image(&image)?,
            None => files,
        };
        Ok((session, files))
    }
}

/// `FOLDER#NAME`: a folder, and the name of one of the project's further images. A folder whose own name has such a
/// character is meant where it is there.
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
