//! What a command line means: the project's own manifest, or a Dockerfile or flake that stands in for one.
use std::fs;
use std::path::{Path, PathBuf};

use invar_build::{BuildError, ProjectFiles};
use invar_project::{DerivedSource, Purpose};

use crate::cli::Derive;
use crate::commands::open::folder_and_image;
use crate::derive::reading::text_if_there;
use crate::failure::Failure;

/// What a manifest is derived from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A Dockerfile.
    Dockerfile,
    /// A flake.
    Flake,
}

impl Kind {
    /// What the file at `path` is by its name. `Dockerfile.nix` is no flake.
    fn of(path: &Path) -> Self {
        let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        if name.ends_with(".nix") && !is_dockerfile(&name) { Self::Flake } else { Self::Dockerfile }
    }
}

/// A Dockerfile or flake that stands in for the manifest of a project.
#[derive(Debug, Clone)]
pub struct Named {
    /// The project's folder.
    pub folder: PathBuf,
    /// The file, to be opened.
    pub path: PathBuf,
    /// What it is.
    pub kind: Kind,
    /// How `invar.lock` names it.
    pub source: DerivedSource,
    /// The arguments that name it once more.
    pub arguments: String,
}

/// Where a manifest comes from.
#[derive(Debug, Clone)]
pub enum Wanted {
    /// It is the project's own.
    Own {
        /// The project's folder.
        folder: PathBuf,
        /// Which of its further images is meant.
        image: Option<String>,
    },
    /// It is derived.
    Derived(Named),
}

impl Wanted {
    /// What `project` and `derive` of a command line mean. The project's own manifest comes first, then what the
    /// command line names; a Dockerfile or flake that nobody named is never used.
    ///
    /// # Errors
    /// [`Failure`] where two things are named, or none although there are some to name.
    pub fn of(project: &Path, derive: &Derive, purpose: Purpose) -> Result<Self, Failure> {
        let (folder, name) = folder_and_image(project);
        let pyproject = text_if_there(&folder.join("pyproject.toml"))?;
        if let Some(from) = &derive.from {
            if name.is_some() {
                let message = "both `--from` and `#` after the project directory select the source; use one";
                return Err(Failure::input(message, Some("select a flake output with --from FILE#NAME")));
            }
            if let Some(own) = own_manifest(&folder, pyproject.as_deref()) {
                let message = format!("the project has a manifest: {own}");
                let hint = format!(
                    "omit --from to use it, or remove it first; `invar build --from {} --show-manifest` prints the \
                     derived manifest without using it",
                    from.display()
                );
                return Err(Failure::input(message, Some(&hint)));
            }
            return Ok(Self::Derived(Named::of(&folder, from, derive.target.as_deref())?));
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
            name => {
                let found = candidates(&folder);
                if found.is_empty() {
                    return Ok(Self::Own { folder, image: name });
                }
                Err(nothing_named(&folder, name.as_deref(), &found, purpose))
            }
        }
    }
}

impl Named {
    /// The file `from`, perhaps with `#` and a name, for the project in `folder`.
    ///
    /// # Errors
    /// [`Failure`] if there is no such file, or if it cannot have such a name.
    pub fn of(folder: &Path, from: &Path, target: Option<&str>) -> Result<Self, Failure> {
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
            return Err(BuildError::Read { path, source }.into());
        }
        let kind = Kind::of(&path);
        let mut arguments = format!("--from {}", from.display());
        if let Some(target) = target {
            if kind == Kind::Flake || output.is_some() {
                let message = format!("{}: `--target` selects a stage of a Dockerfile", from.display());
                return Err(Failure::input(
                    message,
                    Some("select a flake output with --from flake.nix#NAME"),
                ));
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
        let kind = Kind::of(&path);
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
fn relative(folder: &Path, path: &Path) -> Result<String, Failure> {
    let real = |path: &Path| {
        fs::canonicalize(path).map_err(|source| BuildError::Read { path: path.to_owned(), source })
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

/// Whether there is one; also where that cannot be told, so that it is said why.
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

/// Files in `folder` that a manifest may be derived from: `flake.nix`, and Dockerfiles by the names that people give
/// them.
fn candidates(folder: &Path) -> Vec<(Kind, String)> {
    #[expect(clippy::disallowed_methods, reason = "the names are sorted below")]
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let files = entries.filter(|entry| entry.path().is_file());
    let kind = |name: String| match (name == "flake.nix", is_dockerfile(&name)) {
        (true, _) => Some((Kind::Flake, name)),
        (_, true) => Some((Kind::Dockerfile, name)),
        _ => None,
    };
    let mut found: Vec<(Kind, String)> =
        files.filter_map(|entry| kind(entry.file_name().into_string().ok()?)).collect();
    found.sort_by(|(_, one), (_, two)| one.cmp(two));
    found
}

/// Whether people call a Dockerfile so: `Dockerfile`, `Dockerfile-nix`, `Containerfile.dev`, `web.Dockerfile`.
fn is_dockerfile(name: &str) -> bool {
    let name = name.to_lowercase();
    let usual = ["dockerfile", "containerfile"].iter().any(|usual| {
        let rest = name.strip_prefix(usual).map(|rest| rest.chars().next());
        matches!(rest, Some(None | Some('.' | '-' | '_'))) || name.ends_with(&format!(".{usual}"))
    });
    usual && !name.ends_with("ignore")
}

/// The failure of a command that could mean several files, and says none.
fn nothing_named(folder: &Path, name: Option<&str>, found: &[(Kind, String)], purpose: Purpose) -> Failure {
    let shown = folder.display();
    let names: Vec<&str> = found.iter().map(|(_, name)| name.as_str()).collect();
    let has = match folder == Path::new(".") {
        true => "this directory has".to_owned(),
        false => format!("{shown} has"),
    };
    let message = match name {
        Some(name) => format!("{has} no flake.nix and no manifest, so {name:?} does not exist"),
        None => format!(
            "{has} {}, but no manifest: [tool.invar] in pyproject.toml, or invar.toml",
            names.join(", ")
        ),
    };
    let at = if folder == Path::new(".") { String::new() } else { format!(" {shown}") };
    let file = |name: &str| match folder == Path::new(".") {
        true => name.to_owned(),
        false => folder.join(name).display().to_string(),
    };
    let mut ways = Vec::new();
    for (kind, name) in found {
        ways.push(match kind {
            Kind::Flake => format!(
                "`invar {purpose} '{shown}#NAME'` uses an output of flake.nix, such as '{shown}#default'"
            ),
            Kind::Dockerfile => format!("`invar {purpose} --from {}{at}` uses {name}", file(name)),
        });
    }
    let first = file(found.first().map_or("", |(_, name)| name));
    ways.push(format!("`invar init --from {first}{at}` writes a manifest, `invar init{at}` one without it"));
    Failure::input(message, Some(&ways.join("\n      ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_apart_by_their_names() {
        for name in ["Dockerfile", "Dockerfile-nix", "Dockerfile.nix", "Containerfile.dev", "web.Dockerfile"]
        {
            assert!(is_dockerfile(name) && Kind::of(Path::new(name)) == Kind::Dockerfile, "{name}");
        }
        for name in [".dockerignore", "Dockerfile.dockerignore", "docker-compose.yml", "dockerfiles"] {
            assert!(!is_dockerfile(name), "{name}");
        }
        for (name, kind) in
            [("a/flake.nix", Kind::Flake), ("image.nix", Kind::Flake), ("image", Kind::Dockerfile)]
        {
            assert_eq!(Kind::of(Path::new(name)), kind, "{name}");
        }
    }
}
