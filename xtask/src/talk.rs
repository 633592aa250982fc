//! One app, four ways to build it: the test of that name, over a folder of somebody else's.
use std::path::Path;
use std::process::Command;

use crate::tier::Tier;

/// Runs the test over the files in `folder`, and shows what it measured.
///
/// # Errors
/// What is missing in the folder, or that the test failed.
pub fn run(folder: &Path) -> Result<(), String> {
    let whole = std::fs::canonicalize(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for file in ["Dockerfile", "Dockerfile-nix", "flake.nix", "main.py", "pyproject.toml", "uv.lock"] {
        if !whole.join(file).is_file() {
            return Err(format!("{} has no {file}", folder.display()));
        }
    }
    crate::needs::install(Tier::Real)?;
    let test = [
        "test",
        "--release",
        "--locked",
        "--package",
        "invar",
        "--test",
        "cli",
        "talk::",
        "--",
        "--nocapture",
    ];
    let status = Command::new("cargo").args(test).env("INVAR_TALK", &whole).status();
    let status = status.map_err(|error| format!("cargo: {error}"))?;
    if status.success() { Ok(()) } else { Err("not all of them work".to_owned()) }
}
