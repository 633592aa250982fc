//! `invar env`
mod python;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use invar_build::{BuildError, Session, named_programs, shell_environment};
use invar_project::Purpose;
use invar_tree::Digest;

use crate::cli::{Env, Global};
use crate::commands::env::python::HostEnvironment;
use crate::failure::Failure;
use crate::open::{Open, platform_to_run};
use crate::report::{CliReporter, print};

/// Runs the command.
///
/// The image's programs need the image's own C library, and so cannot be started from here as they are. What is put
/// into `PATH` are small scripts of the same names, each of which starts its program in the project's shell, in the same
/// folder and with the same variables: for what is in the virtual environment, and for the Debian packages that the
/// manifest names. Next to them is a virtual environment for editors and type checkers, which look for the modules
/// on this machine.
///
/// # Errors
/// [`Failure`].
pub fn run(global: &Global, options: &Env, reporter: &dyn CliReporter) -> Result<ExitCode, Failure> {
    let open = Open {
        project: &options.project,
        derive: &options.derive,
        purpose: Purpose::Shell,
        keyring: None,
        locking: options.locking,
        keep_failed: false,
    };
    let (session, files) = open.open(global, reporter)?;
    let platform = platform_to_run(&files);
    let place = shell_environment(&session, &files, platform)?;
    reporter.finish();
    // The environment's come first, as they do in its own `PATH`.
    let mut programs: BTreeMap<String, String> = BTreeMap::new();
    let environment = format!("{}/bin", invar_build::ENVIRONMENT);
    let own = place.programs(Path::new(&environment)).into_iter();
    let own = own.map(|name| format!("/{environment}/{name}"));
    for program in own.chain(named_programs(&session, &files, platform)?) {
        let name = program.rsplit('/').next().unwrap_or(&program).to_owned();
        programs.entry(name).or_insert(program);
    }
    let project = fs::canonicalize(&files.folder)
        .map_err(|source| BuildError::Read { path: files.folder.clone(), source })?;
    // The shell of another output has other programs. That a project is derived from itself need not be said.
    let source = files.derived.as_ref().map(|derived| derived.source.to_string());
    let source = source.filter(|source| source != "pyproject.toml");
    let directory = directory(&session, &project, source.as_deref())?;
    let python = match place.virtual_environment() {
        Some(inside) => Some(HostEnvironment::of(inside, &directory, &project)?),
        None => None,
    };
    let programs = Programs { all: &programs, python: python.as_ref() };
    let folder = scripts(&session, &project, source.as_deref(), &programs, &directory)?;
    let mut text = String::new();
    for (name, value) in &files.manifest.dev_shell.env {
        text.push_str(&format!("export {name}={}\n", quoted(value)));
    }
    text.push_str(&format!("export PATH={}:\"$PATH\"\n", quoted(&folder.display().to_string())));
    print(&text)
}

/// The directory of the store for what `invar env` writes for the project.
fn directory(session: &Session<'_>, project: &Path, source: Option<&str>) -> Result<PathBuf, Failure> {
    let store = session.sources.store.path();
    let store =
        fs::canonicalize(store).map_err(|source| BuildError::Read { path: store.to_owned(), source })?;
    let mut place = project.as_os_str().as_encoded_bytes().to_vec();
    place.extend(source.iter().flat_map(|source| format!("#{source}").into_bytes()));
    Ok(store.join("env").join(&Digest::of(&place).hex()[..16]))
}

/// What scripts are written for.
struct Programs<'a> {
    /// Names and absolute paths in the shell.
    all: &'a BTreeMap<String, String>,
    python: Option<&'a HostEnvironment>,
}

/// Writes the scripts and the virtual environment into `directory`, and returns the directory of the scripts.
fn scripts(
    session: &Session<'_>,
    project: &Path,
    source: Option<&str>,
    programs: &Programs<'_>,
    directory: &Path,
) -> Result<PathBuf, Failure> {
    let store = session.sources.store.path();
    let store =
        fs::canonicalize(store).map_err(|source| BuildError::Read { path: store.to_owned(), source })?;
    let invar = std::env::current_exe()
        .map_err(|source| BuildError::Read { path: "/proc/self/exe".into(), source })?;
    let from =
        source.map(|source| format!(" --from {}", quoted(&project.join(source).display().to_string())));
    let from = from.unwrap_or_default();
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| BuildError::Output { path, source }
    };
    // Written aside and put in place at once: another shell of this project may use them right now.
    let scratch = session.sources.store.scratch()?;
    let pending = scratch.path().join("env");
    let bin = pending.join("bin");
    fs::create_dir_all(&bin).map_err(failed(&bin))?;
    for (name, program) in programs.all {
        let path = bin.join(name);
        let mut program = program.clone();
        let mut volume = String::new();
        if let Some(python) = programs.python.filter(|python| python.has(&program)) {
            volume = format!(" --volume {}", quoted(&python.volume()));
            program = directory.join("bin").join(name).display().to_string();
        }
        let text = format!(
            "#!/bin/sh\nexec {} --quiet --store {} shell --locked --keep-env{volume}{from} {} -- {} \"$@\"\n",
            quoted(&invar.display().to_string()),
            quoted(&store.display().to_string()),
            quoted(&project.display().to_string()),
            quoted(&program),
        );
        fs::write(&path, text).map_err(failed(&path))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).map_err(failed(&path))?;
    }
    if let Some(python) = programs.python {
        python.write(&pending)?;
    }
    let above = store.join("env");
    fs::create_dir_all(&above).map_err(failed(&above))?;
    let old = scratch.path().join("old");
    // The first time there is none.
    let _ = fs::rename(directory, &old);
    fs::rename(&pending, directory).map_err(failed(directory))?;
    Ok(directory.join("bin"))
}

/// `text` as one word of a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}
