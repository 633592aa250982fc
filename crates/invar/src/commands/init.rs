//! `invar init`
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use invar_build::{BuildError, source_files};
use invar_init::{
    DockerfileContext, DockerfileError, DockerfileFlake, Draft, ProjectError, ProjectView, add_needs,
    read_dockerfile, read_flake, read_project,
};
use invar_project::{Manifest, ManifestSources, stable_release};
use serde_json::json;

use crate::cli::{Global, Init};
use crate::commands::lock::print;
use crate::failure::Failure;
use crate::report::say;

/// The longest Python file that is looked into, in bytes; what applications are made in is shorter.
const LONGEST: u64 = 256 << 10;

/// How many Python files are looked into.
const MOST: usize = 2000;

/// The longest file that is read whole, in bytes.
const LONGEST_TEXT: u64 = 16 << 20;

/// Runs the command.
///
/// # Errors
/// [`Failure`].
pub fn run(global: &Global, options: &Init) -> Result<ExitCode, Failure> {
    let folder = &options.project;
    let pyproject = text_if_there(&folder.join("pyproject.toml"))?;
    refuse_a_second(folder, pyproject.as_deref())?;
    let mut draft = match (&pyproject, &options.from) {
        (None, None) => return Err(BuildError::NoProject { path: folder.clone() }.into()),
        (Some(pyproject), None) => {
            let files = files(folder, |path| path.ends_with(".py"))?;
            with_project(folder, pyproject, &files, read_project)?
        }
        (_, Some(from)) => from_file(folder, pyproject.as_deref(), from, options)?,
    };
    if pyproject.is_none() && draft.image.get("name").is_none() {
        draft.image.set("name", folder_name(folder));
    }
    let (name, prefix) = match &pyproject {
        Some(_) => ("pyproject.toml", "tool.invar"),
        None => ("invar.toml", ""),
    };
    // As people write it: not `./pyproject.toml`.
    let path = if folder == Path::new(".") { PathBuf::from(name) } else { folder.join(name) };
    let manifest = draft.to_toml(prefix);
    let whole = appended(pyproject.as_deref().unwrap_or_default(), &manifest);
    check(&path, &whole, pyproject.is_some())?;
    if !options.print {
        write(&path, &whole)?;
    }
    let has_uv_lock = folder.join("uv.lock").is_file();
    tell(global, options, &path, &draft, &manifest, pyproject.is_some() && !has_uv_lock)
}

/// A project has one manifest.
fn refuse_a_second(folder: &Path, pyproject: Option<&str>) -> Result<(), Failure> {
    let invar_toml = folder.join("invar.toml");
    let there = if invar_toml.exists() {
        Some(invar_toml.display().to_string())
    } else {
        let table = pyproject.and_then(|text| toml::from_str::<toml::Table>(text).ok());
        let has = table.and_then(|table| table.get("tool")?.get("invar").cloned()).is_some();
        has.then(|| format!("[tool.invar] in {}", folder.join("pyproject.toml").display()))
    };
    match there {
        Some(there) => {
            let message = format!("the project has a manifest already: {there}");
            Err(Failure::input(message, Some("edit that one, or take it away first")))
        }
        None => Ok(()),
    }
}

/// The folder's name as an image may be called; `app` where there is nothing of it left.
fn folder_name(folder: &Path) -> String {
    let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    let name = folder.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let allowed = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let name: String = name.chars().map(allowed).collect();
    let parts: Vec<&str> = name.split('-').filter(|part| !part.is_empty()).collect();
    if parts.is_empty() { "app".to_owned() } else { parts.join("-") }
}

/// The project's source files, and the texts of those that are `wanted` and short.
fn files(folder: &Path, wanted: impl Fn(&str) -> bool) -> Result<BTreeMap<String, Option<String>>, Failure> {
    let mut files = BTreeMap::new();
    let mut read = 0;
    for path in source_files(folder).map_err(BuildError::from)? {
        let text = if read < MOST && wanted(&path) { short_text(&folder.join(&path)) } else { None };
        read += usize::from(text.is_some());
        files.insert(path, text);
    }
    Ok(files)
}

/// What `read` makes of the project itself.
fn with_project<T>(
    folder: &Path,
    pyproject: &str,
    files: &BTreeMap<String, Option<String>>,
    read: impl FnOnce(&ProjectView<'_>) -> Result<T, ProjectError>,
) -> Result<T, Failure> {
    let uv_lock = text_if_there(&folder.join("uv.lock"))?;
    let view = ProjectView { pyproject, uv_lock: uv_lock.as_deref(), files };
    read(&view).map_err(|error| {
        Failure::input(folder.join(error.to_string().trim_end()).display().to_string(), None)
    })
}

/// What a Dockerfile or flake says, beside what the project's packages need.
fn from_file(folder: &Path, pyproject: Option<&str>, from: &Path, options: &Init) -> Result<Draft, Failure> {
    // Scripts that are started tell which shell they need, Django's settings where it gathers files, and Python's files
    // what they ask of the environment.
    let files = files(folder, |path| {
        let name = path.rsplit('/').next().unwrap_or(path);
        !name.contains('.') || name.ends_with(".sh") || name.ends_with(".py")
    })?;
    let mut draft = read_file(folder, pyproject, from, &files, options)?;
    // Which wheels fit depends on the suite, and what is needed on extras and groups.
    if let Some(pyproject) = pyproject {
        with_project(folder, pyproject, &files, |view| add_needs(&mut draft, view))?;
    }
    Ok(draft)
}

/// What a Dockerfile or flake says.
fn read_file(
    folder: &Path,
    pyproject: Option<&str>,
    from: &Path,
    files: &BTreeMap<String, Option<String>>,
    options: &Init,
) -> Result<Draft, Failure> {
    let text = text(from)?;
    let draft = Draft::default();
    let named = |error: &dyn std::fmt::Display| format!("{}: {error}", from.display());
    // `Dockerfile.nix` is no flake.
    let is_dockerfile = from.file_name().is_some_and(|name| name.to_string_lossy().starts_with("Dockerfile"));
    if from.extension().is_some_and(|extension| extension == "nix") && !is_dockerfile {
        let lock = text_if_there(&from.with_file_name("flake.lock"))?;
        return read_flake(&text, lock.as_deref(), draft)
            .map_err(|error| Failure::input(named(&error), None));
    }
    let manifest = pyproject.map(|text| {
        let path = folder.join("pyproject.toml").display().to_string();
        let sources = ManifestSources { pyproject: Some((path.as_str(), text)), invar_toml: None };
        Manifest::parse(&sources).map_err(BuildError::from)
    });
    let manifest = manifest.transpose()?;
    let names = |names: &mut dyn Iterator<Item = String>| names.collect::<BTreeSet<String>>();
    // Before the project has a manifest, its author's shell has what uv installs by itself.
    let default_groups = manifest.as_ref().map(Manifest::dev_shell_groups).unwrap_or_default();
    let default_groups = names(&mut default_groups.iter().map(ToString::to_string));
    let project = manifest.and_then(|manifest| manifest.project);
    let (groups, extras) = match &project {
        Some(project) => (
            names(&mut project.groups.keys().map(ToString::to_string)),
            names(&mut project.optional_dependencies.keys().map(ToString::to_string)),
        ),
        None => Default::default(),
    };
    let executable =
        files.keys().filter(|path| is_executable(&folder.join(path))).cloned().collect::<BTreeSet<String>>();
    let whole = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    // A Dockerfile around Nix builds what the flake says.
    let flake = match text_if_there(&folder.join("flake.nix"))? {
        Some(text) => Some((text, text_if_there(&folder.join("flake.lock"))?)),
        None => None,
    };
    let context = DockerfileContext {
        folder: &whole.to_string_lossy(),
        files,
        release: stable_release(project.as_ref().and_then(|project| project.requires_python.as_ref())),
        executable: &executable,
        has_project: pyproject.is_some(),
        is_package: project.is_some_and(|project| project.is_package()),
        groups: &groups,
        default_groups: &default_groups,
        extras: &extras,
        target: options.target.as_deref(),
        flake: flake.as_ref().map(|(text, lock)| DockerfileFlake { text, lock: lock.as_deref(), pyproject }),
    };
    read_dockerfile(&text, &context, draft).map_err(|error| {
        let hint = match error {
            DockerfileError::NoProject { .. } => {
                Some("make one with `uv init --bare` and `uv add` (-r takes a requirements file), and then run this again")
            }
            _ => None,
        };
        Failure::input(named(&error), hint)
    })
}

/// `text` and then the manifest, with the line ends that `text` has.
fn appended(text: &str, manifest: &str) -> String {
    let gap = match text {
        "" => "",
        text if text.ends_with("\n\n") || text.ends_with("\r\n\r\n") => "",
        text if text.ends_with('\n') => "\n",
        _ => "\n\n",
    };
    let added = format!("{gap}{manifest}");
    if text.contains("\r\n") {
        format!("{text}{}", added.replace('\n', "\r\n"))
    } else {
        format!("{text}{added}")
    }
}

/// Nothing is written that would be refused when it is read.
fn check(path: &Path, text: &str, is_pyproject: bool) -> Result<(), Failure> {
    let shown = path.display().to_string();
    let source = Some((shown.as_str(), text));
    let sources = match is_pyproject {
        true => ManifestSources { pyproject: source, invar_toml: None },
        false => ManifestSources { pyproject: None, invar_toml: source },
    };
    Manifest::parse(&sources).map(|_| ()).map_err(|error| BuildError::from(error).into())
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |source: io::Error| BuildError::Output { path: path.to_owned(), source };
    // Written beside it and renamed: a full disk must not cost anyone their pyproject.toml.
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let beside = PathBuf::from(name);
    let written = fs::File::create_new(&beside).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        if let Ok(old) = fs::metadata(path) {
            file.set_permissions(old.permissions())?;
        }
        file.sync_all()?;
        fs::rename(&beside, path)
    });
    if written.is_err() {
        // There is nothing more to be done about it.
        let _ = fs::remove_file(&beside);
    }
    written.map_err(failed)?;
    Ok(())
}

/// The commands that come next, for a project in `folder`.
fn next(folder: &Path, needs_uv_lock: bool) -> String {
    let folder = folder.to_string_lossy();
    let (there, of) = match &*folder {
        "" | "." => (String::new(), String::new()),
        folder => (format!(" --directory {folder}"), format!(" {folder}")),
    };
    let lock = if needs_uv_lock { format!("`uv lock{there}`, and then ") } else { String::new() };
    format!("{lock}`invar build{of}`")
}

fn tell(
    global: &Global,
    options: &Init,
    path: &Path,
    draft: &Draft,
    manifest: &str,
    needs_uv_lock: bool,
) -> Result<ExitCode, Failure> {
    if global.json {
        let notes: Vec<_> = draft
            .notes
            .iter()
            .map(|note| {
                let line = Some(note.source.line).filter(|line| *line > 0);
                json!({"file": note.source.file, "line": line, "text": note.text, "why": note.why})
            })
            .collect();
        let pins: Vec<_> = draft
            .pins
            .iter()
            .map(|pin| json!({"what": pin.what, "before": pin.before, "after": pin.after}))
            .collect();
        let written = (!options.print).then(|| path.display().to_string());
        let value = json!({"written": written, "manifest": manifest, "notes": notes, "pins": pins});
        return print(&format!("{value}\n"));
    }
    if !global.quiet {
        if !draft.pins.is_empty() {
            pins(draft);
        }
        if !options.print {
            say(&format!("Wrote {}:", path.display()));
            manifest.lines().for_each(|line| say(&format!("  {line}")));
            let next = next(&options.project, needs_uv_lock);
            match draft.notes.len() {
                0 => say(&format!("Next: {next}")),
                1 => say(&format!("Next: look at the comment, then {next}")),
                count => say(&format!("Next: look at the {count} comments, then {next}")),
            }
        }
    }
    print(if options.print { manifest } else { "" })
}

/// The table of what was pinned, before and after.
fn pins(draft: &Draft) {
    let width = |get: &dyn Fn(&invar_init::Pin) -> usize| draft.pins.iter().map(get).max().unwrap_or(0);
    let what = width(&|pin| pin.what.chars().count()).max("what".len());
    let before = width(&|pin| pin.before.chars().count()).max("before".len());
    say(&format!("{:what$}  {:before$}  now", "what", "before"));
    for pin in &draft.pins {
        say(&format!("{:what$}  {:before$}  {}", pin.what, pin.before, pin.after));
    }
}

fn text(path: &Path) -> Result<String, Failure> {
    let failed = |source: io::Error| BuildError::Read { path: path.to_owned(), source };
    let file = fs::File::open(path).map_err(failed)?;
    let mut text = String::new();
    let length = file.take(LONGEST_TEXT + 1).read_to_string(&mut text).map_err(failed)?;
    if length as u64 > LONGEST_TEXT {
        let message = format!("{} is longer than {LONGEST_TEXT} bytes", path.display());
        return Err(Failure::input(message, None));
    }
    Ok(text)
}

fn text_if_there(path: &Path) -> Result<Option<String>, Failure> {
    if path.exists() { text(path).map(Some) } else { Ok(None) }
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o100 != 0)
}

/// The text of a file that is not too long and is text.
fn short_text(path: &Path) -> Option<String> {
    let length = fs::metadata(path).ok()?.len();
    (length <= LONGEST).then(|| fs::read_to_string(path).ok()).flatten()
}
