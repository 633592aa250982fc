//! A project's files: the manifest and both locks, read and parsed.
use std::path::{Path, PathBuf};
use std::sync::Arc;

use invar_formats::spelling::nearest;
use invar_project::{
    DerivedLock, DerivedManifest, DerivedSource, InvarLock, LockError, LockFile, LockPart, Manifest,
    ManifestSources, Purpose, Request, SourceRules, WorkspaceRoot,
};
use invar_python::{UvLock, VersionFile, lock_digest};
use invar_tree::Digest;

use crate::CheckoutError;
use crate::disk::read_text_if_there;
use crate::output::DIST;
use crate::source::Packages;
use crate::uv_settings;
use crate::version_file::version_file;
use crate::workspace::{Workspace, parse_lock};
use crate::write::write_atomically;

/// What a project's folder says.
#[derive(Debug, Clone)]
pub struct ProjectFiles {
    /// The folder, as the caller named it.
    pub folder: PathBuf,
    /// The manifest.
    pub manifest: Manifest,
    /// The project's own manifest, which the lock belongs to, where `manifest` is that of one of its additional images or of
    /// its shell.
    pub(crate) whole: Option<Arc<Manifest>>,
    /// The folder of the workspace that the project is a member of, without symbolic links; `None` where the project
    /// has a `uv.lock` of its own.
    pub workspace: Option<PathBuf>,
    /// `uv.lock`, its paths relative to the folder; `None` for a project without dependencies.
    pub uv_lock: Option<UvLock>,
    /// Its `.python-version`.
    pub version_file: Option<VersionFile>,
    /// The digest of `uv.lock`, whatever its line ends.
    pub uv_lock_digest: Option<Digest>,
    /// What the manifest is derived from; `None` where the project has one of its own.
    pub derived: Option<DerivedManifest>,
    /// The manifest's lock, where `invar.lock` has it.
    pub lock: Option<InvarLock>,
    /// All that `invar.lock` holds, where there is one.
    pub(crate) lock_file: Option<LockFile>,
    /// The text of `invar.lock`, where there is one.
    pub lock_text: Option<String>,
    /// What is wrong with `invar.lock`: then there is no `lock`, and locking rewrites it.
    pub lock_error: Option<LockError>,
    /// What people should know of its files.
    pub warnings: Vec<String>,
    /// Whether the lock is used as it is, without asking whether it belongs to the project.
    pub is_frozen: bool,
    /// The packages among its files that have been read.
    pub(crate) packages: Packages,
}

impl ProjectFiles {
    /// Reads `pyproject.toml`, `invar.toml`, `uv.lock` and `invar.lock` in `folder`.
    ///
    /// # Errors
    /// [`CheckoutError`] for what cannot be read, is not there or is wrong.
    pub fn read(folder: &Path) -> Result<Self, CheckoutError> {
        Self::read_with(folder, None)
    }

    /// Reads a project whose manifest was derived from a Dockerfile or a flake, and its lock if it belongs to the same
    /// source.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_derived(folder: &Path, derived: DerivedManifest) -> Result<Self, CheckoutError> {
        Self::read_with(folder, Some(derived))
    }

    /// The manifest that `invar.lock` in `folder` has for `source` and `purpose`; `None` where there is no such lock.
    ///
    /// # Errors
    /// [`CheckoutError::Read`], [`CheckoutError::InvarLock`].
    pub fn recorded(
        folder: &Path,
        source: &DerivedSource,
        purpose: Purpose,
    ) -> Result<Option<DerivedLock>, CheckoutError> {
        Ok(lock_file(folder)?.and_then(|file| file.find(source, purpose).cloned()))
    }

    /// The manifests that `invar.lock` in `folder` has, all of them derived.
    ///
    /// # Errors
    /// [`CheckoutError::Read`], [`CheckoutError::InvarLock`].
    pub fn all_recorded(folder: &Path) -> Result<Vec<DerivedLock>, CheckoutError> {
        Ok(lock_file(folder)?.map(|file| file.derived().to_vec()).unwrap_or_default())
    }

    /// Makes the lock of a derived manifest that of the project's own, which says the same: all that `invar.lock` in `folder`
    /// has afterwards.
    ///
    /// # Errors
    /// [`CheckoutError::Write`].
    pub fn adopt(folder: &Path, recorded: &DerivedLock) -> Result<(), CheckoutError> {
        write_lock(folder, &LockFile::Own(Box::new(recorded.lock.clone())).to_string())
    }

    fn read_with(folder: &Path, derived: Option<DerivedManifest>) -> Result<Self, CheckoutError> {
        if let Err(source) = std::fs::metadata(folder) {
            return Err(CheckoutError::Read { path: folder.to_owned(), source });
        }
        let path = |name: &str| folder.join(name);
        let pyproject = read_text_if_there(&path("pyproject.toml"))?;
        let invar_toml = read_text_if_there(&path("invar.toml"))?;
        if pyproject.is_none() && invar_toml.is_none() && derived.is_none() {
            return Err(CheckoutError::NoProject { path: folder.to_owned() });
        }
        let (pyproject_path, invar_toml_path) = (path("pyproject.toml"), path("invar.toml"));
        let (pyproject_path, invar_toml_path) =
            (pyproject_path.display().to_string(), invar_toml_path.display().to_string());
        let uv_lock_text = read_text_if_there(&path("uv.lock"))?;
        if let (Some(pyproject), Some(uv_lock)) = (&pyproject, &uv_lock_text) {
            refuse_root_without_project(folder, pyproject, uv_lock)?;
        }
        let derived_name = derived.as_ref().map(shown);
        let own = match (&derived, &derived_name) {
            (Some(derived), Some(name)) => Some((name.as_str(), derived.text.as_str())),
            _ => invar_toml.as_deref().map(|text| (invar_toml_path.as_str(), text)),
        };
        let mut manifest = Manifest::parse(&ManifestSources {
            pyproject: pyproject.as_deref().map(|text| (pyproject_path.as_str(), text)),
            invar_toml: own,
        })?;
        let (workspace, uv_lock_text, uv_lock) = match (&mut manifest.project, uv_lock_text) {
            (Some(_), Some(text)) => {
                let uv_lock = parse_lock(&path("uv.lock"), &text)?;
                (None, Some(text), Some(uv_lock))
            }
            (Some(project), None) => match Workspace::around(folder)? {
                Some(Workspace { root, lock_text, lock, settings }) => {
                    project.uv = std::mem::take(&mut project.uv).of_member(&settings);
                    (Some(root), Some(lock_text), Some(lock))
                }
                // A package is installed as `uv.lock` says, even one that depends on nothing.
                None if project.is_package() || !project.dependencies.is_empty() => {
                    return Err(CheckoutError::NoUvLock { path: path("uv.lock") });
                }
                None => (None, None, None),
            },
            (None, _) => (None, None, None),
        };
        let warnings = match &mut manifest.project {
            Some(project) => uv_settings::read(workspace.as_deref().unwrap_or(folder), &mut project.uv)?,
            None => Vec::new(),
        };
        let lock_text = read_text_if_there(&path("invar.lock"))?;
        let (lock_file, lock_error) = match lock_text.as_deref().map(LockFile::parse) {
            Some(Ok(file)) => (Some(file), None),
            Some(Err(error)) => (None, Some(error)),
            None => (None, None),
        };
        let lock = lock_file.as_ref().and_then(|file| match &derived {
            None => file.own().cloned(),
            Some(derived) => {
                let purpose = derived.purposes.first()?;
                file.find(&derived.source, *purpose).map(|found| found.lock.clone())
            }
        });
        Ok(Self {
            folder: folder.to_owned(),
            manifest,
            whole: None,
            version_file: version_file(folder, workspace.as_deref()),
            workspace,
            uv_lock,
            uv_lock_digest: uv_lock_text.as_deref().map(lock_digest),
            derived,
            lock,
            lock_file,
            lock_text,
            lock_error,
            warnings,
            is_frozen: false,
            packages: Packages::default(),
        })
    }

    /// The project's own manifest, which the lock belongs to.
    pub fn whole_manifest(&self) -> &Manifest {
        self.whole.as_deref().unwrap_or(&self.manifest)
    }

    /// The image that this is: the project's own, or a further one.
    pub fn part(&self) -> LockPart {
        self.manifest.variant.clone().map_or(LockPart::Image, LockPart::Further)
    }

    /// The lock, if it belongs to the manifest and `uv.lock`, and they to each other, as far as [this](Self::part) image
    /// is concerned.
    ///
    /// # Errors
    /// [`CheckoutError::NoInvarLock`], [`CheckoutError::OnlyDerived`], [`CheckoutError::Mismatch`].
    pub fn checked_lock(&self) -> Result<&InvarLock, CheckoutError> {
        self.checked_lock_for(&self.part())
    }

    /// The same, as far as `part` is concerned.
    ///
    /// # Errors
    /// As [`checked_lock`](Self::checked_lock).
    pub fn checked_lock_for(&self, part: &LockPart) -> Result<&InvarLock, CheckoutError> {
        if let Some(error) = &self.lock_error {
            let path = self.folder.join("invar.lock");
            return Err(CheckoutError::InvarLock { path, source: Box::new(error.clone()) });
        }
        let lock = self.lock.as_ref().ok_or_else(|| self.no_lock())?;
        if self.is_frozen {
            return Ok(lock);
        }
        self.check_uv_lock(part)?;
        let findings: Vec<String> = lock
            .check(self.whole_manifest())
            .into_iter()
            .filter(|mismatch| mismatch.part().is_none_or(|concerned| concerned == *part))
            .map(|mismatch| mismatch.to_string())
            .collect();
        if findings.is_empty() { Ok(lock) } else { Err(self.mismatch(findings, part)) }
    }

    /// Whether `uv.lock` belongs to `pyproject.toml`.
    ///
    /// # Errors
    /// [`CheckoutError::Mismatch`], with the command that locks `part`.
    pub fn check_uv_lock(&self, part: &LockPart) -> Result<(), CheckoutError> {
        let findings = self.uv_findings();
        if findings.is_empty() {
            return Ok(());
        }
        Err(CheckoutError::Mismatch { file: "uv.lock", findings, command: part.command(&self.folder) })
    }

    /// That `invar.lock` does not belong to the project, for these reasons, as far as `part` is concerned.
    pub fn mismatch(&self, findings: Vec<String>, part: &LockPart) -> CheckoutError {
        CheckoutError::Mismatch { file: "invar.lock", findings, command: part.command(&self.folder) }
    }

    /// Why there is no lock: there is no file, or one that only has what was derived.
    pub fn no_lock(&self) -> CheckoutError {
        let path = self.folder.join("invar.lock");
        match &self.lock_file {
            Some(_) => CheckoutError::OnlyDerived { path },
            None => CheckoutError::NoInvarLock { path },
        }
    }

    /// The same project with another manifest: that of one of its additional images, or of its shell.
    pub fn with_manifest(&self, manifest: Manifest) -> Self {
        let whole = self.whole.clone().unwrap_or_else(|| Arc::new(self.manifest.clone()));
        // Another manifest may exclude other files.
        Self { manifest, whole: Some(whole), packages: Packages::default(), ..self.clone() }
    }

    /// The lock that a new one starts from: the manifest's own, or else another of the same file, one that was created for the
    /// same request if there is any. So what is derived from one flake gets one version of each package, and a manifest
    /// that `invar init` wrote what it had before.
    pub fn lock_to_start_from(&self) -> Option<&InvarLock> {
        let others = || self.lock_file.iter().flat_map(LockFile::locks);
        let wanted = Request::of(&self.manifest);
        let equal = || others().find(|lock| lock.request == wanted);
        self.lock.as_ref().or_else(equal).or_else(|| others().next())
    }

    /// Makes `lock` the manifest's, and writes `invar.lock` unless the file says the same already: whether it was written.
    ///
    /// # Errors
    /// [`CheckoutError::Write`]; then all is as it was.
    pub fn put_lock(&mut self, lock: InvarLock) -> Result<bool, CheckoutError> {
        let lock_file = self.lock_file_with(&lock);
        let text = lock_file.to_string();
        let same = self.lock_text.as_ref().is_some_and(|old| old.replace("\r\n", "\n") == text);
        if !same {
            write_lock(&self.folder, &text)?;
        }
        (self.lock, self.lock_text, self.lock_error) = (Some(lock), Some(text), None);
        self.lock_file = Some(lock_file);
        Ok(!same)
    }

    /// What `invar.lock` holds with `lock` as the manifest's.
    fn lock_file_with(&self, lock: &InvarLock) -> LockFile {
        let Some(manifest) = &self.derived else { return LockFile::Own(Box::new(lock.clone())) };
        let new = DerivedLock { manifest: manifest.clone(), lock: lock.clone() };
        match &self.lock_file {
            Some(file) => file.with(new),
            None => LockFile::Derived(vec![new]),
        }
    }

    /// The additional image `key` of the project, as a project of its own. Its lock is the project's.
    ///
    /// # Errors
    /// As [`checked_lock`](Self::checked_lock), which is looked at now; [`CheckoutError::NoImage`].
    pub fn image(&self, key: &str) -> Result<Self, CheckoutError> {
        let Some(manifest) = self.manifest.image(key) else {
            let known = self.manifest.images.keys();
            let nearest = nearest(key, known.map(|key| key.as_str())).map(str::to_owned);
            return Err(CheckoutError::NoImage { name: key.to_owned(), nearest });
        };
        Ok(self.with_manifest(manifest))
    }

    /// What `uv.lock` and `pyproject.toml` disagree about.
    pub fn uv_findings(&self) -> Vec<String> {
        let (Some(uv_lock), Some(project)) = (&self.uv_lock, &self.manifest.project) else {
            return Vec::new();
        };
        uv_lock.check_project(project).iter().map(ToString::to_string).collect()
    }

    /// What a build writes where no path is given, without an ending: below [`DIST`], relative to the project's folder.
    pub fn default_output(&self) -> String {
        default_output(&self.manifest)
    }

    /// The names that builds write to where none is given, whatever their format.
    pub(crate) fn default_outputs(&self) -> Vec<String> {
        default_outputs(&self.manifest)
    }

    /// Tells the rules what the `.gitignore` files of the workspace around the project say, where it is in one.
    ///
    /// # Errors
    /// [`CheckoutError::Read`].
    pub fn add_gitignores(&self, rules: &mut SourceRules) -> Result<(), CheckoutError> {
        match &self.workspace {
            Some(root) => crate::workspace::add_gitignores(rules, root, &self.folder),
            None => Ok(()),
        }
    }

    /// Where this project's settings are, as the end of a sentence.
    pub fn place_of_settings(&self) -> String {
        if let Some(DerivedManifest { source, .. }) = &self.derived {
            if source.file == "pyproject.toml" {
                return "[tool.invar], which `invar init` writes".to_owned();
            }
            return format!("[tool.invar], which `invar init --from {source}` writes");
        }
        match self.folder.join("invar.toml") {
            own if own.is_file() => own.display().to_string(),
            _ => format!("[tool.invar] of {}", self.folder.join("pyproject.toml").display()),
        }
    }
}

/// How messages about a derived manifest name it.
fn shown(derived: &DerivedManifest) -> String {
    format!("the manifest derived from {}", derived.source)
}

/// Writes `invar.lock` in `folder`.
fn write_lock(folder: &Path, text: &str) -> Result<(), CheckoutError> {
    use std::io::Write as _;
    let path = folder.join("invar.lock");
    write_atomically(&path, |file| {
        file.write_all(text.as_bytes()).map_err(|source| CheckoutError::Write { path: path.clone(), source })
    })
}

/// What `invar.lock` in `folder` holds, if there is one.
fn lock_file(folder: &Path) -> Result<Option<LockFile>, CheckoutError> {
    let path = folder.join("invar.lock");
    let Some(text) = read_text_if_there(&path)? else { return Ok(None) };
    let parsed = LockFile::parse(&text);
    parsed.map(Some).map_err(|source| CheckoutError::InvarLock { path, source: Box::new(source) })
}

/// The names that builds write to where none is given, whatever their format, relative to the project; also those that
/// earlier releases wrote next to the project's files.
pub fn default_outputs(manifest: &Manifest) -> Vec<String> {
    let stems = [default_output(manifest), short_name(manifest)];
    let endings = [".tar", ".oci", ".rootfs.tar", ".rootfs"];
    stems.iter().flat_map(|stem| endings.map(|ending| format!("{stem}{ending}"))).collect()
}

/// The last part of the image's name and its tag. The tag that everything has that has none says nothing.
fn default_output(manifest: &Manifest) -> String {
    let (name, tag) = (short_name(manifest), manifest.image.tag.to_string());
    match tag.as_str() {
        "latest" => format!("{DIST}/{name}"),
        tag => format!("{DIST}/{name}-{tag}"),
    }
}

/// The last part of the image's name.
fn short_name(manifest: &Manifest) -> String {
    let name = manifest.image.name.to_string();
    name.rsplit('/').next().unwrap_or(&name).to_owned()
}

/// An image of a workspace's root that is no project would have no Python at all, which nobody means who has a `uv.lock`
/// there.
fn refuse_root_without_project(folder: &Path, pyproject: &str, uv_lock: &str) -> Result<(), CheckoutError> {
    let path = folder.join("pyproject.toml");
    // Errors of the file are reported with all others.
    let Ok(Some(WorkspaceRoot { is_project: false, .. })) =
        WorkspaceRoot::read(&path.display().to_string(), pyproject)
    else {
        return Ok(());
    };
    let lock = parse_lock(&folder.join("uv.lock"), uv_lock)?;
    let members = lock.folders().map(|(_, member)| folder.join(member)).collect();
    Err(CheckoutError::WorkspaceRoot { path, members })
}
