//! Which project a command line means, and from where its paths are read.
//!
//! As uv has it: a project is found from every directory below it, by the nearest `pyproject.toml`; `--project` looks
//! from another directory, and `--directory` makes another one the current one.
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::cli::{Cli, Command};
use crate::configuration::Given;
use crate::failure::Failure;

/// Changes the directory as the command line says, and puts the project that is found in place of the one that the command
/// was given.
///
/// # Errors
/// Where a directory does not exist, or the project is named twice.
pub fn settle(cli: &mut Cli, given: &Given) -> Result<(), Failure> {
    if let Some(directory) = &cli.global.directory {
        std::env::set_current_dir(directory).map_err(|error| cannot_use("--directory", directory, &error))?;
    }
    let option = cli.global.project.as_deref();
    if let Some(project) = option {
        let found = std::fs::metadata(project).map_err(|error| cannot_use("--project", project, &error))?;
        if !found.is_dir() {
            let error = std::io::ErrorKind::NotADirectory.into();
            return Err(cannot_use("--project", project, &error));
        }
    }
    let positional = |id: &str| given.has(id);
    let (project, from) = match &mut cli.command {
        #[cfg(feature = "inspect")]
        Command::Init(options) => (&mut options.project, options.from.is_some()),
        Command::Lock(options) => (&mut options.project, is_derived(&options.derive)),
        Command::Build(options) => (&mut options.project, is_derived(&options.derive.derive)),
        Command::Run(options) => (&mut options.project, is_derived(&options.derive.derive)),
        Command::Shell(options) => (&mut options.project, is_derived(&options.derive.derive)),
        Command::Env(options) => (&mut options.project, is_derived(&options.derive)),
        #[cfg(feature = "inspect")]
        Command::Verify(options) => (&mut options.project, is_derived(&options.derive)),
        #[cfg(feature = "inspect")]
        Command::Why(options) => (&mut options.project, is_derived(&options.derive)),
        #[cfg(feature = "inspect")]
        Command::Inspect(options) => {
            let named = positional("image");
            // The image or root file system that somebody is in is what they mean.
            if named || option.is_some() || !["oci-layout", "usr"].iter().any(|name| Path::new(name).exists())
            {
                return place(&mut options.image, option, named, false);
            }
            return Ok(());
        }
        #[cfg(feature = "inspect")]
        Command::Audit(options) => {
            match option {
                Some(_) if positional("paths") => return Err(twice()),
                Some(project) => options.paths = vec![project.to_owned()],
                None => {}
            }
            return Ok(());
        }
        #[cfg(feature = "inspect")]
        Command::Diff(options) => {
            let start = option.unwrap_or(Path::new("."));
            let project = discover(start, false).unwrap_or_else(|| start.to_owned());
            for side in [&mut options.old, &mut options.new] {
                settle_side(side, &project);
            }
            return Ok(());
        }
    };
    place(project, option, positional("project"), from)
}

/// Whether a Dockerfile or flake is named.
#[cfg(feature = "inspect")]
fn is_derived(derive: &crate::cli::Derive) -> bool {
    derive.from.is_some()
}

#[cfg(not(feature = "inspect"))]
fn is_derived(_: &crate::cli::Derive) -> bool {
    false
}

/// Puts the project that is meant in the place of `project`, the command's own argument.
fn place(project: &mut PathBuf, option: Option<&Path>, positional: bool, from: bool) -> Result<(), Failure> {
    let text = project.to_string_lossy().into_owned();
    let (folder, name) = match text.rsplit_once('#') {
        Some((folder, name)) if !project.exists() => (folder, Some(name)),
        _ => (text.as_str(), None),
    };
    let start = match option {
        // `#NAME` alone names no directory.
        Some(_) if positional && !folder.is_empty() => return Err(twice()),
        Some(option) => option,
        None if matches!(folder, "" | ".") => Path::new("."),
        // A directory that somebody names is that one.
        None => return Ok(()),
    };
    let found = match (from, name) {
        (true, _) if is_buildable(start) => None,
        (_, Some(_)) if start.join("flake.nix").is_file() => None,
        _ => discover(start, true),
    };
    let mut path: OsString = found.unwrap_or_else(|| start.to_owned()).into();
    if let Some(name) = name {
        path.push("#");
        path.push(name);
    }
    *project = path.into();
    Ok(())
}

/// Whether a Dockerfile or flake in `directory` may stand in for a manifest.
fn is_buildable(directory: &Path) -> bool {
    ["flake.nix", "Dockerfile", "Containerfile"].iter().any(|name| directory.join(name).is_file())
}

/// What makes a directory a project's.
const PROJECT: [&str; 3] = ["pyproject.toml", "invar.toml", "invar.lock"];

/// The nearest directory from `start` upwards that has a project, or with `flakes` a flake if none has.
fn discover(start: &Path, flakes: bool) -> Option<PathBuf> {
    // What is above a directory is known only without links.
    let real = std::fs::canonicalize(start).ok()?;
    let has = |names: &'static [&str]| {
        move |directory: &&Path| names.iter().any(|name| directory.join(name).is_file())
    };
    let found = real.ancestors().find(has(&PROJECT));
    let found = found.or_else(|| real.ancestors().find(has(&["flake.nix"])).filter(|_| flakes))?;
    if found == real {
        return Some(start.to_owned());
    }
    #[expect(clippy::disallowed_methods, reason = "only how a path is written depends on it")]
    let here = std::env::current_dir().and_then(std::fs::canonicalize).ok();
    let here = here.as_deref();
    // As people write it: `..` from below, a relative path from above.
    Some(match here.and_then(|here| here.strip_prefix(found).ok()) {
        Some(inner) if inner.as_os_str().is_empty() => PathBuf::from("."),
        Some(inner) => inner.components().map(|_| "..").collect(),
        None => match here.and_then(|here| found.strip_prefix(here).ok()) {
            Some(inner) => inner.to_owned(),
            None => found.to_owned(),
        },
    })
}

/// A side of a comparison: `.` is the project that somebody is in, and a revision is one of that project.
#[cfg(feature = "inspect")]
fn settle_side(side: &mut String, project: &Path) {
    if project == Path::new(".") {
        return;
    }
    let path = Path::new(side.as_str());
    if side == "." && !["oci-layout", "usr"].iter().any(|name| path.join(name).exists()) {
        *side = project.display().to_string();
    } else if !path.exists() && !side.contains(':') {
        side.push_str(&format!(":{}", project.display()));
    }
}

fn cannot_use(option: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure::input(format!("cannot use {option} {}: {error}", path.display()), None)
}

fn twice() -> Failure {
    Failure::input("both `--project` and an argument name the project; use one", None)
}
