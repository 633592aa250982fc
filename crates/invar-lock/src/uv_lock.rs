//! `uv.lock`, which only uv updates.
use std::path::Path;

use crate::LockError;
use crate::uv::uv_lock_command;

/// Has the user's uv update `uv.lock` of the project in `folder`, or create it. What uv locked stays where it still fits.
///
/// # Errors
/// [`LockError::NoUv`], [`LockError::UvLock`].
pub fn update_uv_lock(uv: &Path, folder: &Path, is_offline: bool) -> Result<(), LockError> {
    // As people write it: not `./uv.lock`.
    let path = if folder == Path::new(".") { "uv.lock".into() } else { folder.join("uv.lock") };
    let state = if path.exists() { "out of date" } else { "missing" };
    let folder = if folder == Path::new("") { Path::new(".") } else { folder };
    let mut command = uv_lock_command(uv, folder);
    if is_offline {
        command.arg("--offline");
    }
    let output = command.output().map_err(|error| {
        let problem = format!("cannot run {}: {error}", uv.display());
        LockError::NoUv { path: path.clone(), state, problem }
    })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(LockError::UvLock { path, said: said.trim().to_owned() })
}
