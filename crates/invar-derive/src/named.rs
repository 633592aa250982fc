//! What a command line means: the project's own manifest, or a Dockerfile or flake that stands in for one.
use std::fs;
use std::path::{Path, PathBuf};

use invar_checkout::ProjectFiles;
use invar_project::{DerivedSource, Purpose};

use crate::error::DeriveError;
use crate::files::text_if_there;
use crate::nothing_named::NothingNamed;
use crate::source_kind::{PYPROJECT, SourceKind, is_dockerfile};

/// A Dockerfile or flake that stands in for the manifest of a project.
#[derive(Debug, Clone)]
pub struct Named {
    /// The project's folder.
    pub folder: PathBuf,
    /// The file, to be opened.
    pub path: PathBuf,
    /// What it is.
    pub kind: SourceKind,
    /// How `invar.lock` names it.
    pub source: DerivedSource,
    /// The arguments that name it once more.
    pub arguments: String,
}

/// What a command line names.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The project's folder.
    pub folder: &'a Path,
    /// An additional image of the project, or an output of its flake.
    pub name: Option<&'a str>,
    /// A Dockerfile or flake, perhaps with `#` and an output.
    pub from: Option<&'a Path>,
    /// A stage of the Dockerfile.
    pub target: Option<&'a str>,
    /// What the manifest is wanted for.
    pub purpose: Purpose,
}

/// Where a manifest comes from.
#[derive(Debug, Clone)]
pub enum Wanted {
    /// It is the project's own.
    Own {
        /// The project's folder.
        folder: PathBuf,
        /// Which of its additional images is meant.
        image: Option<String>,
    },
    /// It is derived.
    Derived(Named),
}

impl Wanted {
    /// What a command line means. The project's own manifest comes first, then what the command line names; a Dockerfile
    /// or flake that nobody named is never used: what has a `[project]` is derived from that alone.
    ///
    /// # Errors
    /// [`DeriveError`] where two things are named, or none although there are some to name.
    pub fn of(request: &Request<'_>) -> Result<Self, DeriveError> {
        let (folder, name) = (request.folder.to_owned(), request.name.map(str::to_owned));
        let pyproject = text_if_there(&folder.join("pyproject.toml"))?;
        if let Some(from) = request.from {
            if name.is_some() {
                return Err(DeriveError::NamedTwice);
            }
            if let Some(own) = own_manifest(&folder, pyproject.as_deref()) {
                return Err(DeriveError::HasManifest { own, from: from.to_owned() });
            }
            return Ok(Self::Derived(Named::of(&folder, from, request.target)?));
        }
        if has_own_manifest(&folder, pyproject.as_deref()) {
            return Ok(Self::Own { folder, image: name });
        }
        // As people write it.
        let flake = if folder == Path::new(".") { "flake.nix".into() } else { folder.join("flake.nix") };
        match name {
            Some(name) if flake.is_file() => {
                let mut named = Named::of(&folder, &flake, None)?;
                named.arguments = format!("'{}#{name}'", folder.display());
                named.source.output = Some(name).filter(|name| !name.is_empty());
                Ok(Self::Derived(named))
            }
            None if locked_as_its_own(&folder) => Ok(Self::Own { folder, image: None }),
            None if pyproject.as_deref().is_some_and(has_project) => {
                Ok(Self::Derived(Named::project(&folder)))
            }
            name => {
                let found = candidates(&folder);
                if found.is_empty() {
                    return Ok(Self::Own { folder, image: name });
                }
                Err(DeriveError::NothingNamed(Box::new(NothingNamed {
                    folder,
                    name,
                    found,
                    purpose: request.purpose,
                })))
            }
        }
    }
}

impl Named {
    /// The project in `folder` itself.
    pub fn project(folder: &Path) -> Self {
        let source = DerivedSource { file: PYPROJECT.to_owned(), output: None };
        let arguments = if folder == Path::new(".") { String::new() } else { folder.display().to_string() };
        Self {
            folder: folder.to_owned(),
            path: folder.join(PYPROJECT),
            kind: SourceKind::Project,
            source,
            arguments,
        }
    }

    /// The command `invar VERB` for it.
    pub fn command(&self, verb: &str) -> String {
        format!("invar {verb} {}", self.arguments).trim_end().to_owned()
    }

    /// The file `from`, perhaps with `#` and a name, for the project in `folder`.
    ///
    /// # Errors
    /// [`DeriveError`] where there is no such file, or where it cannot have such a name.
    pub fn of(folder: &Path, from: &Path, target: Option<&str>) -> Result<Self, DeriveError> {
        let (mut path, mut output) = (from.to_owned(), None);
        if !from.exists()
            && let Some((file, name)) = from.to_string_lossy().rsplit_once('#')
        {
            path = if file.is_empty() { ".".into() } else { file.into() };
            output = Some(name.to_owned()).filter(|name| !name.is_empty());
        }
        if path.is_dir() {
            path.push("flake.nix");
        }
        if let Err(source) = fs::metadata(&path) {
            return Err(DeriveError::Read { path, source });
        }
        let kind = SourceKind::of(&path);
        if kind == SourceKind::Project && relative(folder, &path)? == PYPROJECT {
            return Ok(Self::project(folder));
        }
        let mut arguments = format!("--from {}", from.display());
        if let Some(target) = target {
            if kind == SourceKind::Flake || output.is_some() {
                return Err(DeriveError::TargetOfFlake { from: from.to_owned() });
            }
            output = Some(target.to_owned());
            arguments.push_str(&format!(" --target {target}"));
        }
        if folder != Path::new(".") {
            arguments.push_str(&format!(" {}", folder.display()));
        }
        let source = DerivedSource { file: relative(folder, &path)?, output };
        Ok(Self { folder: folder.to_owned(), path, kind, source, arguments })
    }

    /// What `invar.lock` of the project in `folder` names.
    pub fn recorded(folder: &Path, source: &DerivedSource) -> Self {
        let path = folder.join(&source.file);
        let kind = SourceKind::of(&path);
        if source.file == PYPROJECT {
            return Self::project(folder);
        }
        let output = source.output.as_ref().map(|output| format!("#{output}")).unwrap_or_default();
        // As people write it.
        let shown = if folder == Path::new(".") { Path::new(&source.file) } else { &path };
        let mut arguments = format!("--from {}{output}", shown.display());
        if folder != Path::new(".") {
            arguments.push_str(&format!(" {}", folder.display()));
        }
        Self { folder: folder.to_owned(), path, kind, source: source.clone(), arguments }
    }
}

/// `path` relative to `folder`, whatever the current folder is.
fn relative(folder: &Path, path: &Path) -> Result<String, DeriveError> {
    let real = |path: &Path| {
        fs::canonicalize(path).map_err(|source| DeriveError::Read { path: path.to_owned(), source })
    };
    let above = path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let (folder, above) = (real(folder)?, real(above)?);
    let shared = folder.components().zip(above.components()).take_while(|(one, two)| one == two).count();
    let up = folder.components().skip(shared).map(|_| "..".to_owned());
    let down = above.components().skip(shared).map(|part| part.as_os_str().to_string_lossy().into_owned());
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    Ok(up.chain(down).chain(name).collect::<Vec<String>>().join("/"))
}

/// Where the project's own manifest is, as people name it: `[tool.invar]` or `invar.toml`.
pub fn own_manifest(folder: &Path, pyproject: Option<&str>) -> Option<String> {
    let invar_toml = folder.join("invar.toml");
    if invar_toml.exists() {
        return Some(invar_toml.display().to_string());
    }
    let table = pyproject.and_then(|text| toml::from_str::<toml::Table>(text).ok())?;
    table.get("tool")?.get("invar")?;
    Some(format!("[tool.invar] in {}", folder.join("pyproject.toml").display()))
}

/// Whether there is one; also if that is unknown, so that the reason is reported.
pub fn has_own_manifest(folder: &Path, pyproject: Option<&str>) -> bool {
    let broken = pyproject.is_some_and(|text| toml::from_str::<toml::Table>(text).is_err());
    broken || own_manifest(folder, pyproject).is_some()
}

/// Whether `invar.lock` says that the project is built from its `pyproject.toml` alone; also where it cannot be read,
/// so that it is said why.
fn locked_as_its_own(folder: &Path) -> bool {
    let recorded = ProjectFiles::all_recorded(folder);
    folder.join("invar.lock").is_file() && recorded.map_or(true, |recorded| recorded.is_empty())
}

/// Whether `pyproject` is that of a project, and not only of a workspace or of tools.
fn has_project(pyproject: &str) -> bool {
    toml::from_str::<toml::Table>(pyproject).is_ok_and(|table| table.contains_key("project"))
}

/// Files in `folder` that a manifest may be derived from: `flake.nix`, and Dockerfiles by the names that people give them.
pub fn candidates(folder: &Path) -> Vec<(SourceKind, String)> {
    #[expect(clippy::disallowed_methods, reason = "the names are sorted below")]
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let files = entries.filter(|entry| entry.path().is_file());
    let kind = |name: String| match (name == "flake.nix", is_dockerfile(&name)) {
        (true, _) => Some((SourceKind::Flake, name)),
        (_, true) => Some((SourceKind::Dockerfile, name)),
        _ => None,
    };
    let mut found: Vec<(SourceKind, String)> =
        files.filter_map(|entry| kind(entry.file_name().into_string().ok()?)).collect();
    found.sort_by(|(_, one), (_, two)| one.cmp(two));
    found
}
