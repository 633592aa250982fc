//! `invar audit`
mod compose;
mod context;
mod image;

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use invar_audit::{Level, Lock, Report, audit_dockerfile, audit_flake, render, summary, to_json, to_sarif};
use invar_build::BuildError;
use invar_dockerfile::BuildArguments;

use crate::cli::{Audit, FailOn, Global};
use crate::color::Stream;
use crate::commands::audit::compose::compose;
use crate::commands::audit::context::Context;
use crate::commands::audit::image::image;
use crate::failure::{FOUND, Failure};
use crate::output::{Style, say};
use crate::report::print;

/// The longest text that is read, in bytes; the readers have smaller limits of their own, and say so.
const LONGEST: u64 = 4 << 20;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Dockerfile,
    Compose,
    Nix,
    Image,
}

/// Runs the command.
///
/// # Errors
/// [`Failure`].
pub fn run(global: &Global, options: &Audit) -> Result<ExitCode, Failure> {
    let mut reports: Vec<Report> = Vec::new();
    for (path, kind) in &files(options)? {
        let of_file = match kind {
            Kind::Dockerfile => dockerfile(path, options)?,
            Kind::Compose => compose(path, Style::of(global))?,
            Kind::Nix => vec![nix(path)?],
            Kind::Image => image(path)?,
        };
        // A script that two Dockerfiles run in the same way is reported once.
        for report in of_file {
            if !reports.contains(&report) {
                reports.push(report);
            }
        }
    }
    let text = if options.sarif {
        format!("{:#}\n", to_sarif(&reports, env!("CARGO_PKG_VERSION")))
    } else if global.json {
        format!("{:#}\n", to_json(&reports))
    } else {
        render(&reports, global.color.colors(Stream::Output))
    };
    let printed = print(&text)?;
    if !options.sarif && !global.json && !global.quiet {
        let names: Vec<&str> = reports.iter().map(|report| report.name.as_str()).collect();
        say(&format!("{} in {}", summary(&reports), names.join(", ")));
    }
    let worst = reports.iter().filter_map(Report::worst).max();
    Ok(if worst.is_some_and(|worst| options.fail_on.fails(worst)) { FOUND.into() } else { printed })
}

impl FailOn {
    fn fails(self, worst: Level) -> bool {
        match self {
            Self::Error => worst >= Level::Error,
            Self::Warning => worst >= Level::Warning,
            Self::Note => true,
            Self::Never => false,
        }
    }
}

/// The files that the command line names, or those of the folders that it names; each once.
fn files(options: &Audit) -> Result<Vec<(PathBuf, Kind)>, Failure> {
    let mut files = Vec::new();
    for path in &options.paths {
        if path.as_os_str() == "-" {
            files.push((path.clone(), Kind::Dockerfile));
            continue;
        }
        let metadata = fs::metadata(path).map_err(|source| cannot_read(path, source))?;
        if metadata.is_dir() && path.join("oci-layout").is_file() {
            files.push((path.clone(), Kind::Image));
        } else if metadata.is_dir() {
            let found = found_in(path)?;
            if found.is_empty() {
                let message = format!("no Dockerfile, compose file or flake in {}", path.display());
                let hint = "pass a Dockerfile, a compose file, a flake.nix or an image archive";
                return Err(Failure::input(message, Some(hint)));
            }
            files.extend(found);
        } else {
            files.push((path.clone(), kind_of(path)?));
        }
    }
    Ok(files)
}

/// What the folder itself has, without the folders in it, in the order of the names.
fn found_in(folder: &Path) -> Result<Vec<(PathBuf, Kind)>, Failure> {
    let fail = |source| cannot_read(folder, source);
    #[expect(clippy::disallowed_methods, reason = "the names are sorted below")]
    let entries = fs::read_dir(folder).map_err(fail)?;
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry.map_err(fail)?.file_name().into_string());
    }
    names.sort();
    let kind = |name: &str| {
        let lower = name.to_ascii_lowercase();
        let is_dockerfile = ["dockerfile", "containerfile"].iter().any(|word| {
            let rest = lower.strip_prefix(word);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']))
                || lower.ends_with(&format!(".{word}"))
        });
        if is_dockerfile && !lower.ends_with("ignore") {
            Some(Kind::Dockerfile)
        } else if is_compose(&lower) {
            Some(Kind::Compose)
        } else {
            (name == "flake.nix").then_some(Kind::Nix)
        }
    };
    // As people write it: not `./Dockerfile`.
    let path = |name: &str| if folder == Path::new(".") { PathBuf::from(name) } else { folder.join(name) };
    let found = names.iter().filter_map(|name| Some((path(name), kind(name)?)));
    Ok(found.filter(|(path, _)| path.is_file()).collect())
}

fn is_compose(name: &str) -> bool {
    let stem = name.strip_suffix(".yaml").or_else(|| name.strip_suffix(".yml"));
    stem.is_some_and(|stem| {
        ["compose", "docker-compose", "podman-compose"].iter().any(|word| {
            stem.strip_prefix(word).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']))
        })
    })
}

fn kind_of(path: &Path) -> Result<Kind, Failure> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    if name.ends_with(".nix") {
        return Ok(Kind::Nix);
    }
    if name.ends_with(".yml") || name.ends_with(".yaml") {
        return Ok(Kind::Compose);
    }
    // An archive has bytes that no Dockerfile has.
    let mut start = Vec::new();
    let file = fs::File::open(path).map_err(|source| cannot_read(path, source))?;
    file.take(512).read_to_end(&mut start).map_err(|source| cannot_read(path, source))?;
    Ok(if start.contains(&0) || name.ends_with(".tar") { Kind::Image } else { Kind::Dockerfile })
}

fn cannot_read(path: &Path, source: io::Error) -> Failure {
    BuildError::Read { path: path.to_owned(), source }.into()
}

fn bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let fail = |source| cannot_read(path, source);
    if path.as_os_str() == "-" {
        io::stdin().lock().take(LONGEST).read_to_end(&mut bytes).map_err(fail)?;
    } else {
        fs::File::open(path).map_err(fail)?.take(LONGEST).read_to_end(&mut bytes).map_err(fail)?;
    }
    Ok(bytes)
}

fn text(path: &Path) -> Result<String, Failure> {
    String::from_utf8(bytes(path)?).map_err(|error| {
        let line = error.as_bytes()[..error.utf8_error().valid_up_to()]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
            + 1;
        Failure::input(format!("{}:{line}: this is not UTF-8 text", path.display()), None)
    })
}

fn dockerfile(path: &Path, options: &Audit) -> Result<Vec<Report>, Failure> {
    let mut arguments = BuildArguments::default();
    for argument in &options.build_arg {
        let Some((name, value)) = argument.split_once('=') else {
            let message = format!("`--build-arg {argument}` has no value");
            return Err(Failure::input(message, Some("write --build-arg NAME=VALUE")));
        };
        arguments.values.insert(name.to_owned(), value.to_owned());
    }
    let file = bytes(path)?;
    let context = if path.as_os_str() == "-" {
        options.context.as_deref().map_or_else(Context::unknown, |folder| Context::of(folder, None))
    } else {
        Context::find(path, &file, options.context.as_deref())
    };
    let name = if path.as_os_str() == "-" { "standard input".into() } else { path.display().to_string() };
    audit_bytes(&name, &file, &arguments, &context)
}

fn audit_bytes(
    name: &str,
    file: &[u8],
    arguments: &BuildArguments,
    context: &Context,
) -> Result<Vec<Report>, Failure> {
    let read = |path: &str| context.read(path);
    let audited = audit_dockerfile(name, file, arguments, &context.surroundings(&read))
        .map_err(|error| refused(name, &String::from_utf8_lossy(file), &error.to_string(), error.span()))?;
    let mut reports = vec![audited.report];
    reports.extend(audited.scripts.into_iter().map(|script| context.named(script)));
    Ok(reports)
}

/// A file that cannot be audited: what is wrong, with the line.
fn refused(name: &str, text: &str, message: &str, span: Option<invar_dockerfile::Span>) -> Failure {
    Failure::rendered(|colored| invar_audit::render_fault(name, text, message, span, colored))
}

fn nix(path: &Path) -> Result<Report, Failure> {
    let file = text(path)?;
    let name = path.display().to_string();
    let lock_path = path.with_file_name("flake.lock");
    let is_flake = path.file_name().is_some_and(|name| name == "flake.nix");
    let lock_text = if is_flake && lock_path.is_file() { Some(text(&lock_path)?) } else { None };
    let lock = match &lock_text {
        _ if !is_flake => Lock::NotAFlake,
        None => Lock::Missing,
        Some(text) => Lock::Text(text),
    };
    audit_flake(&name, &file, lock).map_err(|error| refused(&name, &file, &error.to_string(), error.span()))
}
