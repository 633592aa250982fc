//! The first manifest of a project, written into a file of it.
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use invar_checkout::{CheckoutError, ProjectFiles};
use invar_init::Draft;
use invar_project::{DerivedLock, Manifest, ManifestSources, Purpose};
use similar::TextDiff;

use crate::error::DeriveError;
use crate::files::text_if_there;
use crate::named::{Named, own_manifest};
use crate::reading::{Sources, read_own};
use crate::record::refused;
use crate::update::updated;

/// A first manifest that is not written yet.
#[derive(Debug)]
pub struct ManifestFile {
    /// The file: `pyproject.toml` if there is one, or else `invar.toml`.
    pub path: PathBuf,
    /// The manifest, as it is in the file.
    pub manifest: String,
    /// What it was built from.
    pub draft: Draft,
    /// What an update changes in the file, as a unified diff; `None` for a first manifest.
    pub difference: Option<String>,
    /// All that the file will have.
    text: String,
    /// What a lock may have been created for already.
    named: Option<Named>,
}

impl ManifestFile {
    /// The first manifest of the project in `folder`, perhaps from a Dockerfile or flake. Nothing is written yet.
    ///
    /// # Errors
    /// [`DeriveError`]; also where the project has a manifest.
    pub fn draft(folder: &Path, from: Option<&Path>, target: Option<&str>) -> Result<Self, DeriveError> {
        let pyproject = text_if_there(&folder.join("pyproject.toml"))?;
        if let Some(own) = own_manifest(folder, pyproject.as_deref()) {
            return Err(DeriveError::SecondManifest { own });
        }
        Self::read(folder, from, target, pyproject)
    }

    /// The same for a project that has a manifest: what is derived is set in it, and everything else stays.
    ///
    /// # Errors
    /// [`DeriveError`].
    pub fn update(folder: &Path, from: Option<&Path>, target: Option<&str>) -> Result<Self, DeriveError> {
        let pyproject = text_if_there(&folder.join("pyproject.toml"))?;
        Self::read(folder, from, target, pyproject)
    }

    fn read(
        folder: &Path,
        from: Option<&Path>,
        target: Option<&str>,
        pyproject: Option<String>,
    ) -> Result<Self, DeriveError> {
        let has_manifest = own_manifest(folder, pyproject.as_deref()).is_some();
        let named = from.map(|from| Named::of(folder, from, target)).transpose()?;
        let draft = match (&pyproject, &named) {
            (None, None) => return Err(CheckoutError::NoProject { path: folder.to_owned() }.into()),
            (Some(pyproject), None) => read_own(folder, pyproject)?,
            (_, Some(named)) => Sources::load(named)?.read(Purpose::Build)?,
        };
        let own = text_if_there(&folder.join("invar.toml"))?;
        let (name, prefix, before) = match (own, &pyproject) {
            (Some(own), _) => ("invar.toml", "", own),
            (None, Some(pyproject)) => ("pyproject.toml", "tool.invar", pyproject.clone()),
            (None, None) => ("invar.toml", "", String::new()),
        };
        // As people write it: not `./pyproject.toml`.
        let path = if folder == Path::new(".") { PathBuf::from(name) } else { folder.join(name) };
        let manifest = draft.to_toml(prefix);
        let text = match has_manifest {
            true => updated(&before, &manifest)
                .map_err(|error| DeriveError::NotToml { path: path.clone(), problem: error.to_string() })?,
            false => appended(&before, &manifest),
        };
        let shown = path.display().to_string();
        let difference = has_manifest.then(|| {
            let diff = TextDiff::from_lines(&before, &text);
            diff.unified_diff().context_radius(2).header(&shown, &shown).to_string()
        });
        check(&path, &before, &text, named.as_ref(), name == "pyproject.toml")?;
        let named = named.or_else(|| pyproject.is_some().then(|| Named::project(folder)));
        let named = named.filter(|_| !has_manifest);
        Ok(Self { path, manifest, draft, difference, text, named })
    }

    /// Writes it. A lock that was created without it is taken over.
    ///
    /// # Errors
    /// [`DeriveError`].
    pub fn write(&self) -> Result<(), DeriveError> {
        write(&self.path, &self.text)?;
        match &self.named {
            Some(named) => adopt_lock(named, &self.draft),
            None => Ok(()),
        }
    }
}

/// What was built from the file without a manifest was locked for it already.
fn adopt_lock(named: &Named, draft: &Draft) -> Result<(), DeriveError> {
    // A lock that cannot be used is reported where it is.
    let recorded = ProjectFiles::all_recorded(&named.folder).unwrap_or_default();
    let text = draft.to_toml("");
    // The same output may have been named in another way.
    let fits = |recorded: &&DerivedLock| {
        let DerivedLock { manifest, .. } = recorded;
        manifest.source.file == named.source.file
            && manifest.purposes.contains(&Purpose::Build)
            && manifest.text == text
    };
    if let Some(recorded) = recorded.iter().find(fits) {
        ProjectFiles::adopt(&named.folder, recorded)?;
    }
    Ok(())
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

/// Nothing is written that would be refused when it is read. `before` is what is there already.
fn check(
    path: &Path,
    before: &str,
    text: &str,
    named: Option<&Named>,
    is_pyproject: bool,
) -> Result<(), DeriveError> {
    let shown = path.display().to_string();
    let parse = |text: &str| {
        let source = Some((shown.as_str(), text));
        Manifest::parse(&match is_pyproject {
            true => ManifestSources { pyproject: source, invar_toml: None },
            false => ManifestSources { pyproject: None, invar_toml: source },
        })
    };
    match (parse(text), named) {
        (Ok(_), _) => Ok(()),
        // A line of what was not written would be found nowhere.
        (Err(error), Some(named)) if !is_pyproject || parse(before).is_ok() => Err(refused(named, &error)),
        (Err(error), _) => Err(CheckoutError::from(error).into()),
    }
}

fn write(path: &Path, text: &str) -> Result<(), DeriveError> {
    let failed = |source: io::Error| DeriveError::Write { path: path.to_owned(), source };
    // Written next to it and renamed: a full disk must not cost anyone their pyproject.toml.
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
