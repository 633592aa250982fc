//! Reads a project, its Dockerfile or its flake into a draft of a manifest: for `invar init`, and for what is derived.
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use invar_build::{BuildError, source_files};
use invar_init::{
    DockerfileContext, DockerfileError, DockerfileFlake, Draft, FlakeContext, ProjectError, ProjectView,
    add_needs, read_dockerfile, read_flake, read_project,
};
use invar_project::{Manifest, ManifestSources, Purpose, stable_release};

use crate::derive::named::{Kind, Named};
use crate::difference::shown;
use crate::failure::Failure;

/// The longest file of a project that is looked into, in bytes; files that create applications are shorter.
const LONGEST: u64 = 256 << 10;

/// How many files are looked into, and how many bytes of them at most.
const MOST: usize = 2000;
const MOST_BYTES: usize = 16 << 20;

/// The longest file that is read whole, in bytes.
const LONGEST_TEXT: u64 = 16 << 20;

/// The longest message that is shown, in characters.
const LONGEST_ERROR: usize = 4000;

/// A Dockerfile or flake, and what is read beside it.
pub struct Sources<'a> {
    named: &'a Named,
    text: String,
    /// The text of the project's `pyproject.toml`.
    pub pyproject: Option<String>,
    /// The files in the folder of the flake, or of the project for a Dockerfile.
    files: BTreeMap<String, Option<String>>,
    /// The flake that a Dockerfile around Nix builds.
    flake: Option<String>,
    flake_lock: Option<String>,
}

/// The first manifest of a project that has nothing but `pyproject.toml`.
///
/// # Errors
/// [`Failure`].
pub fn read_own(folder: &Path, pyproject: &str) -> Result<Draft, Failure> {
    let files = files(folder, |path| path.ends_with(".py"))?;
    with_project(folder, pyproject, &files, read_project)
}

impl<'a> Sources<'a> {
    /// Reads what `named` may depend on.
    ///
    /// # Errors
    /// [`Failure`] for what cannot be read.
    pub fn load(named: &'a Named) -> Result<Self, Failure> {
        let folder = &named.folder;
        let pyproject = text_if_there(&folder.join("pyproject.toml"))?;
        let text = text(&named.path)?;
        if named.kind == Kind::Flake {
            let above = named.path.parent().filter(|above| !above.as_os_str().is_empty());
            let above = above.unwrap_or(Path::new("."));
            let files = files(above, may_be_evaluated)?;
            let flake_lock = text_if_there(&above.join("flake.lock"))?;
            return Ok(Self { named, text, pyproject, files, flake: None, flake_lock });
        }
        // A Dockerfile around Nix builds what the flake says.
        let flake = text_if_there(&folder.join("flake.nix"))?.filter(|_| text.contains("nix"));
        let flake_lock = if flake.is_some() { text_if_there(&folder.join("flake.lock"))? } else { None };
        // Scripts that are started tell which shell they need, Django's settings where it gathers files, and Python's
        // files what they ask of the environment.
        let files = files(folder, |path| {
            let name = path.rsplit('/').next().unwrap_or(path);
            // Configuration names folders.
            let endings = [".sh", ".py", ".cfg", ".conf", ".ini"];
            let own = !name.contains('.') || endings.iter().any(|ending| name.ends_with(ending));
            own || (flake.is_some() && may_be_evaluated(path))
        })?;
        Ok(Self { named, text, pyproject, files, flake, flake_lock })
    }

    /// What they say for `purpose`, with what the project's packages need.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn read(&self, purpose: Purpose) -> Result<Draft, Failure> {
        let folder = &self.named.folder;
        let mut draft = match self.named.kind {
            Kind::Flake => self.read_flake(purpose)?,
            Kind::Dockerfile => self.read_dockerfile()?,
        };
        // The readers do not know what the file is called.
        let name = self.named.path.file_name().map(|name| name.to_string_lossy().into_owned());
        let usual = if self.named.kind == Kind::Flake { "flake.nix" } else { "Dockerfile" };
        let name = name.filter(|name| name != usual);
        for note in draft.notes.iter_mut().filter(|note| note.source.file == usual && note.file.is_none()) {
            note.file.clone_from(&name);
        }
        match &self.pyproject {
            // Which wheels fit depends on the suite, and what is needed on extras and groups.
            Some(pyproject) => {
                with_project(folder, pyproject, &self.files, |view| add_needs(&mut draft, view))?;
            }
            None if draft.image.get("name").is_none() => draft.image.set("name", folder_name(folder)),
            None => {}
        }
        Ok(draft)
    }

    fn read_flake(&self, purpose: Purpose) -> Result<Draft, Failure> {
        let context = FlakeContext {
            files: &self.files,
            lock: self.flake_lock.as_deref(),
            pyproject: self.pyproject.as_deref(),
            output: self.named.source.output.as_deref(),
            purpose,
        };
        read_flake(&self.text, &context, Draft::default()).map_err(|error| {
            let (path, error) = (self.named.path.display(), error.to_string());
            // With a place it begins with the file's usual name.
            let message = match error.strip_prefix("flake.nix:") {
                Some(rest) => format!("{path}:{rest}"),
                None => format!("{path}: {error}"),
            };
            // What a flake throws may be long, and meant for a terminal.
            let message: String = message.chars().take(LONGEST_ERROR).collect();
            let lines: Vec<String> = message.lines().map(shown).collect();
            Failure::input(lines.join("\n"), None)
        })
    }

    fn read_dockerfile(&self) -> Result<Draft, Failure> {
        let Self { named, pyproject, files, .. } = self;
        let (folder, pyproject) = (&named.folder, pyproject.as_deref());
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
        let executable = files.keys().filter(|path| is_executable(&folder.join(path)));
        let executable = executable.cloned().collect::<BTreeSet<String>>();
        let whole = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        let lock = self.flake_lock.as_deref();
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
            target: named.source.output.as_deref(),
            flake: self.flake.as_deref().map(|text| DockerfileFlake { text, lock, pyproject }),
        };
        read_dockerfile(&self.text, &context, Draft::default()).map_err(|error| {
            let hint = match error {
                DockerfileError::NoProject { .. } => Some(
                    "create it with `uv init --bare` and `uv add` (-r reads a requirements file), then try again",
                ),
                _ => None,
            };
            Failure::input(format!("{}: {error}", named.path.display()), hint)
        })
    }
}

/// Whether an evaluation may read the file at `path`.
fn may_be_evaluated(path: &str) -> bool {
    const READ: [&str; 8] = [".nix", ".toml", ".json", ".sh", ".py", ".txt", ".lock", ".cfg"];
    let name = path.rsplit('/').next().unwrap_or(path);
    !name.contains('.') || READ.iter().any(|ending| name.ends_with(ending))
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

/// The text of a file; `None` if there is none.
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
