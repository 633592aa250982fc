//! The user's uv.
use std::path::Path;
use std::process::{Command, Stdio};

/// `uv lock` for the project in `folder`, with its settings and those of the user, but not with what would keep it from
/// writing `uv.lock` there.
pub(crate) fn uv_lock_command(uv: &Path, folder: &Path) -> Command {
    let mut command = Command::new(uv);
    command.args(["lock", "--no-progress", "--color", "never"]).current_dir(folder).stdin(Stdio::null());
    for variable in ["VIRTUAL_ENV", "UV_PROJECT", "UV_FROZEN", "UV_LOCKED", "UV_CHECK"] {
        command.env_remove(variable);
    }
    command
}
