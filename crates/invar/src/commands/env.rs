//! `invar env`
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use invar_build::{BuildError, ProjectFiles, Session, shell_environment};
use invar_tree::Digest;

use crate::cli::{Env, Global};
use crate::commands::lock::print;
use crate::commands::open::{Open, platform_to_run};
use crate::failure::Failure;
use crate::report::Told;

/// Runs the command.
///
/// The image's programs need the image's own C library, and so cannot be started from here as they are. What is put
/// into `PATH` are small scripts of the same names, each of which starts its program in the project's shell.
///
/// # Errors
/// [`Failure`].
pub fn run(global: &Global, options: &Env, reporter: &dyn Told) -> Result<ExitCode, Failure> {
    let open = Open { project: &options.project, keyring: None, locked: options.locked, keep_failed: false };
    let (session, files) = open.open(global, reporter)?;
    let place = shell_environment(&session, &files, platform_to_run(&files))?;
    reporter.finish();
    let environment = format!("{}/bin", invar_build::ENVIRONMENT);
    let programs = place.programs(Path::new(&environment));
    let folder = scripts(&session, &files, &programs)?;
    let mut text = String::new();
    for (name, value) in &files.manifest.dev_shell.env {
        text.push_str(&format!("export {name}={}\n", quoted(value)));
    }
    text.push_str(&format!("export PATH={}:\"$PATH\"\n", quoted(&folder.display().to_string())));
    print(&text)
}

/// Writes the scripts into a folder of the store, and returns the folder.
fn scripts(session: &Session<'_>, files: &ProjectFiles, programs: &[String]) -> Result<PathBuf, Failure> {
    let project = fs::canonicalize(&files.folder)
        .map_err(|source| BuildError::Read { path: files.folder.clone(), source })?;
    let invar = std::env::current_exe()
        .map_err(|source| BuildError::Read { path: "/proc/self/exe".into(), source })?;
    let store = fs::canonicalize(session.store.path())
        .map_err(|source| BuildError::Read { path: session.store.path().to_owned(), source })?;
    let name = Digest::of(project.as_os_str().as_encoded_bytes()).hex();
    let folder = store.join("env").join(&name[..16]);
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| BuildError::Output { path, source }
    };
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(failed(&folder))?;
    }
    fs::create_dir_all(&folder).map_err(failed(&folder))?;
    for program in programs {
        let path = folder.join(program);
        let text = format!(
            "#!/bin/sh\nexec {} --store {} shell --locked {} -- {} \"$@\"\n",
            quoted(&invar.display().to_string()),
            quoted(&store.display().to_string()),
            quoted(&project.display().to_string()),
            quoted(&format!("/{}/bin/{program}", invar_build::ENVIRONMENT)),
        );
        fs::write(&path, text).map_err(failed(&path))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).map_err(failed(&path))?;
    }
    Ok(folder)
}

/// `text` as one word of a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}
