//! Reads a project, its Dockerfile or its flake into a draft of a manifest: for `invar init`, and for what is derived.
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use invar_build::{BuildError, source_files};
use invar_init::{
    DockerfileContext, DockerfileError, Draft, FlakeContext, ProjectError, ProjectView, add_needs,
    read_dockerfile, read_flake, read_project,
};
use invar_project::{Manifest, ManifestSources, Purpose, stable_release};

use crate::derive::named::{Kind, Named};
use crate::failure::Failure;

/// The longest file of a project that is looked into, in bytes; what applications are made in is shorter.
const LONGEST: u64 = 256 << 10;

/// How many files are looked into, and how many bytes of them at most.
const MOST: usize = 2000;
const MOST_BYTES: usize = 64 << 20;

/// The longest file that is read whole, in bytes.
const LONGEST_TEXT: u64 = 16 << 20;

/// What a file was read into.
pub struct Reading {
    /// The manifest to be.
    pub draft: Draft,
    /// The files besides the named one that may have been read, relative to its folder.
    pub files: BTreeSet<String>,
}

/// The first manifest of a project that has nothing but `pyproject.toml`.
///
/// # Errors
/// [`Failure`].
pub fn read_own(folder: &Path, pyproject: &str) -> Result<Draft, Failure> {
    let files = files(folder, |path| path.ends_with(".py"))?;
    with_project(folder, pyproject, &files, read_project)
}

/// What a Dockerfile or flake says, besides what the project's packages need.
///
/// # Errors
/// [`Failure`]; also for a manifest that would be refused when it is read.
pub fn read_named(pyproject: Option<&str>, named: &Named, purpose: Purpose) -> Result<Reading, Failure> {
    let folder = &named.folder;
    let text = text(&named.path)?;
    let mut reading = match named.kind {
        Kind::Flake => flake(pyproject, &text, named, purpose)?,
        Kind::Dockerfile => dockerfile(pyproject, &text, named)?,
    };
    // Which wheels fit depends on the suite, and what is needed on extras and groups.
    if let Some(pyproject) = pyproject {
        with_project(folder, pyproject, &BTreeMap::new(), |view| add_needs(&mut reading.draft, view))?;
    }
    if pyproject.is_none() && reading.draft.image.get("name").is_none() {
        reading.draft.image.set("name", folder_name(folder));
    }
    Ok(reading)
}

fn flake(pyproject: Option<&str>, text: &str, named: &Named, purpose: Purpose) -> Result<Reading, Failure> {
    let above = named.path.parent().filter(|above| !above.as_os_str().is_empty());
    let above = above.unwrap_or(Path::new("."));
    const READ: [&str; 8] = [".nix", ".toml", ".json", ".sh", ".py", ".txt", ".lock", ".cfg"];
    let files = files(above, |path| {
        let name = path.rsplit('/').next().unwrap_or(path);
        !name.contains('.') || READ.iter().any(|ending| name.ends_with(ending))
    })?;
    let lock = text_if_there(&above.join("flake.lock"))?;
    let context = FlakeContext {
        files: &files,
        lock: lock.as_deref(),
        pyproject,
        output: named.source.output.as_deref(),
        purpose,
    };
    let draft = read_flake(text, &context, Draft::default())
        .map_err(|error| Failure::input(format!("{}: {error}", named.path.display()), None))?;
    let mut read: BTreeSet<String> = files
        .into_iter()
        .filter(|(path, text)| text.is_some() && path.ends_with(".nix"))
        .map(|(path, _)| path)
        .collect();
    read.extend(lock.map(|_| "flake.lock".to_owned()));
    Ok(Reading { draft, files: read })
}

fn dockerfile(pyproject: Option<&str>, text: &str, named: &Named) -> Result<Reading, Failure> {
    let folder = &named.folder;
    // Scripts that are started tell which shell they need, Django's settings where it gathers files, and Python's files
    // what they ask of the environment.
    let files = files(folder, |path| {
        let name = path.rsplit('/').next().unwrap_or(path);
        !name.contains('.') || name.ends_with(".sh") || name.ends_with(".py")
    })?;
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
    let context = DockerfileContext {
        folder: &whole.to_string_lossy(),
        files: &files,
        release: stable_release(project.as_ref().and_then(|project| project.requires_python.as_ref())),
        executable: &executable,
        has_project: pyproject.is_some(),
        is_package: project.is_some_and(|project| project.is_package()),
        groups: &groups,
        default_groups: &default_groups,
        extras: &extras,
        target: named.source.output.as_deref(),
    };
    let draft = read_dockerfile(text, &context, Draft::default()).map_err(|error| {
        let hint = match error {
            DockerfileError::NoProject { .. } => {
                Some("make one with `uv init --bare` and `uv add` (-r takes a requirements file), and then run this again")
            }
            _ => None,
        };
        Failure::input(format!("{}: {error}", named.path.display()), hint)
    })?;
    Ok(Reading { draft, files: BTreeSet::new() })
}

/// The folder's name as an image may be called; `app` where there is nothing of it left.
pub fn folder_name(folder: &Path) -> String {
    let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    let name = folder.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let allowed = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let name: String = name.chars().map(allowed).collect();
    let parts: Vec<&str> = name.split('-').filter(|part| !part.is_empty()).collect();
    if parts.is_empty() { "app".to_owned() } else { parts.join("-") }
}

/// The source files in `folder`, and the texts of those that are `wanted` and short.
fn files(folder: &Path, wanted: impl Fn(&str) -> bool) -> Result<BTreeMap<String, Option<String>>, Failure> {
    let mut files = BTreeMap::new();
    let (mut read, mut bytes) = (0, 0);
    for path in source_files(folder).map_err(BuildError::from)? {
        let looks = read < MOST && bytes < MOST_BYTES && wanted(&path);
        let text = if looks { short_text(&folder.join(&path)) } else { None };
        read += usize::from(text.is_some());
        bytes += text.as_ref().map_or(0, String::len);
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

/// The text of a file.
///
/// # Errors
/// Where it cannot be read, or is very long.
pub fn text(path: &Path) -> Result<String, Failure> {
    let failed = |source: io::Error| BuildError::Read { path: path.to_owned(), source };
    // Opening a pipe would wait for somebody to write to it.
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err(Failure::input(format!("{} is not a regular file", path.display()), None));
    }
    let file = fs::File::open(path).map_err(failed)?;
    let mut text = String::new();
    let length = file.take(LONGEST_TEXT + 1).read_to_string(&mut text).map_err(failed)?;
    if length as u64 > LONGEST_TEXT {
        let message = format!("{} is longer than {LONGEST_TEXT} bytes", path.display());
        return Err(Failure::input(message, None));
    }
    Ok(text)
}

/// The text of a file; `None` where there is none.
///
/// # Errors
/// As [`text`].
pub fn text_if_there(path: &Path) -> Result<Option<String>, Failure> {
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
