//! Reads a project, its Dockerfile or its flake into a draft of a manifest: for `invar init`, and for what is derived.
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use invar_checkout::{CheckoutError, source_files, version_file, workspace_root};
use invar_init::{
    DockerfileContext, DockerfileFlake, Draft, FlakeContext, ProjectError, ProjectView, Source, add_needs,
    add_version, chosen_release, read_dockerfile, read_flake, read_project,
};
use invar_project::{Manifest, ManifestSources, Purpose, stable_release};
use invar_python::VersionFile;

use crate::error::DeriveError;
use crate::files::{text, text_if_there};
use crate::named::Named;
use crate::source_kind::SourceKind;

/// The longest file of a project that is inspected, in bytes; files that create applications are shorter.
const LONGEST: u64 = 256 << 10;

/// How many files are inspected, and how many bytes of them at most.
const MOST: usize = 2000;
const MOST_BYTES: usize = 16 << 20;

/// The longest message that is shown, in characters.
const LONGEST_ERROR: usize = 4000;

/// A Dockerfile or flake, and what is read next to it.
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
/// [`DeriveError`].
pub fn read_own(folder: &Path, pyproject: &str) -> Result<Draft, DeriveError> {
    let version_file = own_version_file(folder);
    let files = own_files(folder)?;
    let mut draft = with_project(folder, pyproject, version_file, &files, read_project)?;
    add_version(&mut draft, pyproject, &files, is_tagged(folder));
    draft.keep_parsed(Source { file: "pyproject.toml", line: 0 }, Some(pyproject));
    Ok(draft)
}

/// The files of a project, and the texts of those that show what it is.
fn own_files(folder: &Path) -> Result<BTreeMap<String, Option<String>>, DeriveError> {
    files(folder, says_what_runs)
}

impl<'a> Sources<'a> {
    /// Reads what `named` may depend on.
    ///
    /// # Errors
    /// [`DeriveError`] for what cannot be read.
    pub fn load(named: &'a Named) -> Result<Self, DeriveError> {
        let folder = &named.folder;
        let pyproject = text_if_there(&folder.join("pyproject.toml"))?;
        let text = text(&named.path)?;
        if named.kind == SourceKind::Project {
            let files = own_files(folder)?;
            return Ok(Self { named, text, pyproject, files, flake: None, flake_lock: None });
        }
        if named.kind == SourceKind::Flake {
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
    /// [`DeriveError`].
    pub fn read(&self, purpose: Purpose) -> Result<Draft, DeriveError> {
        let folder = &self.named.folder;
        let mut draft = match self.named.kind {
            SourceKind::Project => {
                let version_file = own_version_file(folder);
                let mut draft = with_project(folder, &self.text, version_file, &self.files, read_project)?;
                add_version(&mut draft, &self.text, &self.files, is_tagged(folder));
                return Ok(draft);
            }
            SourceKind::Flake => self.read_flake(purpose)?,
            SourceKind::Dockerfile => self.read_dockerfile()?,
        };
        // The readers do not know what the file is called.
        let name = self.named.path.file_name().map(|name| name.to_string_lossy().into_owned());
        let usual = if self.named.kind == SourceKind::Flake { "flake.nix" } else { "Dockerfile" };
        let name = name.filter(|name| name != usual);
        for note in draft.notes.iter_mut().filter(|note| note.source.file == usual && note.file.is_none()) {
            note.file.clone_from(&name);
        }
        match &self.pyproject {
            // Which wheels fit depends on the suite, and what is needed on extras and groups.
            Some(pyproject) => {
                // What a flake says of the interpreter is all that counts there.
                let is_dockerfile = self.named.kind == SourceKind::Dockerfile;
                let version_file = if is_dockerfile { own_version_file(folder) } else { None };
                with_project(folder, pyproject, version_file, &self.files, |view| {
                    add_needs(&mut draft, view)
                })?;
                add_version(&mut draft, pyproject, &self.files, is_tagged(folder));
            }
            None if draft.image.get("name").is_none() => draft.image.set("name", folder_name(folder)),
            None => {}
        }
        // What the manifest may not say together with the project is a comment, and no error about a line of it.
        let file = match self.named.kind {
            SourceKind::Flake => "flake.nix",
            SourceKind::Dockerfile => "Dockerfile",
            SourceKind::Project => "pyproject.toml",
        };
        draft.keep_parsed(Source { file, line: 0 }, self.pyproject.as_deref());
        Ok(draft)
    }

    fn read_flake(&self, purpose: Purpose) -> Result<Draft, DeriveError> {
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
            DeriveError::Flake { message: message.chars().take(LONGEST_ERROR).collect() }
        })
    }

    fn read_dockerfile(&self) -> Result<Draft, DeriveError> {
        let Self { named, pyproject, files, .. } = self;
        let (folder, pyproject) = (&named.folder, pyproject.as_deref());
        let manifest = pyproject.map(|text| {
            let path = folder.join("pyproject.toml").display().to_string();
            let sources = ManifestSources { pyproject: Some((path.as_str(), text)), invar_toml: None };
            Manifest::parse(&sources).map_err(CheckoutError::from)
        });
        let manifest = manifest.transpose()?;
        let names = |names: &mut dyn Iterator<Item = String>| names.collect::<BTreeSet<String>>();
        // Before the project has a manifest, its author's shell has what uv installs on its own.
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
        let release = match pyproject {
            Some(text) => with_project(folder, text, own_version_file(folder), files, chosen_release)?,
            None => stable_release(None),
        };
        let whole = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        let lock = self.flake_lock.as_deref();
        let context = DockerfileContext {
            directory: &whole.to_string_lossy(),
            files,
            release,
            executable: &executable,
            has_project: pyproject.is_some(),
            is_package: project.is_some_and(|project| project.is_package()),
            groups: &groups,
            default_groups: &default_groups,
            extras: &extras,
            target: named.source.output.as_deref(),
            flake: self.flake.as_deref().map(|text| DockerfileFlake { text, lock, pyproject }),
        };
        let read = read_dockerfile(&self.text, &context, Draft::default());
        read.map_err(|problem| DeriveError::Dockerfile {
            path: named.path.clone(),
            problem: Box::new(problem),
        })
    }
}

/// Whether an evaluation may read the file at `path`.
fn may_be_evaluated(path: &str) -> bool {
    const READ: [&str; 8] = [".nix", ".toml", ".json", ".sh", ".py", ".txt", ".lock", ".cfg"];
    let name = path.rsplit('/').next().unwrap_or(path);
    !name.contains('.') || READ.iter().any(|ending| name.ends_with(ending))
}

/// Whether a file may say what the project runs, and where it listens.
fn says_what_runs(path: &str) -> bool {
    let is_top = !path.contains('/');
    path.ends_with(".py")
        || [".streamlit/config.toml", "Procfile"].contains(&path)
        || is_top && (path.to_lowercase().starts_with("readme") || path.starts_with("Dockerfile"))
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
fn files(
    folder: &Path,
    wanted: impl Fn(&str) -> bool,
) -> Result<BTreeMap<String, Option<String>>, DeriveError> {
    let mut files = BTreeMap::new();
    let (mut read, mut bytes) = (0, 0);
    for path in source_files(folder).map_err(CheckoutError::from)? {
        let looks = read < MOST && bytes < MOST_BYTES && wanted(&path);
        let text = if looks { short_text(&folder.join(&path)) } else { None };
        read += usize::from(text.is_some());
        bytes += text.as_ref().map_or(0, String::len);
        files.insert(path, text);
    }
    Ok(files)
}

/// The `.python-version` of the project in `folder`.
fn own_version_file(folder: &Path) -> Option<VersionFile> {
    version_file(folder, workspace_root(folder).as_deref())
}

/// What `read` makes of the project itself.
fn with_project<T>(
    folder: &Path,
    pyproject: &str,
    version_file: Option<VersionFile>,
    files: &BTreeMap<String, Option<String>>,
    read: impl FnOnce(&ProjectView<'_>) -> Result<T, ProjectError>,
) -> Result<T, DeriveError> {
    let uv_lock = text_if_there(&folder.join("uv.lock"))?;
    let version_file = version_file.as_ref();
    let view = ProjectView { pyproject, uv_lock: uv_lock.as_deref(), version_file, files };
    read(&view)
        .map_err(|problem| DeriveError::Project { folder: folder.to_owned(), problem: Box::new(problem) })
}

/// Whether the repository around `folder` has tags, or may have them: a worktree keeps them elsewhere.
fn is_tagged(folder: &Path) -> bool {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let Some(git) = folder.ancestors().map(|above| above.join(".git")).find(|git| git.exists()) else {
        return false;
    };
    #[expect(clippy::disallowed_methods, reason = "only whether there is any")]
    let loose = fs::read_dir(git.join("refs/tags")).is_ok_and(|mut tags| tags.next().is_some());
    let packed = fs::read_to_string(git.join("packed-refs")).is_ok_and(|text| text.contains(" refs/tags/"));
    git.is_file() || loose || packed
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o100 != 0)
}

/// The text of a file that is not too long and is text.
fn short_text(path: &Path) -> Option<String> {
    let length = fs::metadata(path).ok()?.len();
    (length <= LONGEST).then(|| fs::read_to_string(path).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_found_without_git() {
        let scratch = tempfile::tempdir().expect("there is room");
        let (git, inner) = (scratch.path().join(".git"), scratch.path().join("inner"));
        fs::create_dir_all(git.join("refs/tags")).expect("it is new");
        fs::create_dir(&inner).expect("it is new");
        assert!(!is_tagged(&inner));
        fs::write(git.join("packed-refs"), "# pack-refs with: peeled\n0123 refs/heads/main\n")
            .expect("it is there");
        assert!(!is_tagged(&inner));
        fs::write(git.join("packed-refs"), "0123 refs/tags/v1\n").expect("it is there");
        assert!(is_tagged(&inner));
        fs::write(git.join("packed-refs"), "").expect("it is there");
        fs::write(git.join("refs/tags/v1"), "0123\n").expect("it is there");
        assert!(is_tagged(&inner));
    }
}
