//! Python packages that are built from their sources: an sdist, a git commit, or a folder becomes a wheel, and the
//! wheel a tree.
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use invar_fetch::Request;
use invar_plan::{PROJECT, Recipe, SourceBuild, WheelRecipe};
use invar_project::LockedInterpreter;
use invar_python::{
    Chosen, ChosenSource, DistributionName, FRONTEND, Location, SourceLocation, WheelFile, WheelFilename,
    unpack_sdist, unpack_wheel, virtual_environment,
};
use invar_sandbox::{Bind, Ownership};
use invar_store::{Checkout, Key, Store, StoredTree};
use invar_tree::{Contents, Digest, ImagePath, Origin, SEARCH_PATH, Tree};

use crate::copy::{check_out, copy_tree};
use crate::debian::{debian_checkout, packages_key, path};
use crate::git::{check_lfs, commit_tree};
use crate::key::key_of;
use crate::python_index::IndexFile;
use crate::realise::{checked_blob, key, realise};
use crate::run::context::{BUILD, Job, Workshop};
use crate::run::hints::PackagesOf;
use crate::run::needs::{ATTACHMENT, Noting};
use crate::run::tools::Tools;
use crate::source::SourceTree;
use crate::vendored::Vendored;
use crate::{BuildError, Session};

/// How long one build may take.
const LONGEST: Duration = Duration::from_secs(3 * 3600);

/// The folder in which the files of a source archive are, in its tree.
const SDIST: &str = "sdist";

/// The longest answer of a build backend that is read, in bytes.
pub(crate) const LONGEST_ANSWER: u64 = 1 << 20;

/// The files of a package before it is built.
pub(crate) struct Source {
    pub tree: Tree,
    pub contents: Arc<dyn Contents + Sync>,
    /// The folder in it that has the package; empty for its own.
    pub subdirectory: String,
    /// The folder in it that is the top of what was published, and that patches start from; empty for its own.
    pub top: &'static str,
}

/// The source of `chosen`; `expected` is its digest where `invar.lock` has it.
///
/// # Errors
/// What fetching, unpacking and reading say.
pub(crate) fn read_source(
    workshop: &Workshop<'_>,
    chosen: &ChosenSource,
    expected: Option<&Digest>,
) -> Result<Source, BuildError> {
    let session = workshop.session;
    let origin = Arc::new(Origin::Source);
    let stored = |stored: StoredTree, folders: &[&str]| {
        let subdirectory =
            folders.iter().filter(|name| !name.is_empty()).copied().collect::<Vec<_>>().join("/");
        let top = if folders.first() == Some(&SDIST) { SDIST } else { "" };
        Ok(Source { tree: stored.tree(&origin)?, contents: Arc::new(stored), subdirectory, top })
    };
    match &chosen.source {
        SourceLocation::Archive { filename, location, digest, size, subdirectory } => {
            let file = ArchiveFile { chosen, filename, location, digest, size: *size };
            let inner = subdirectory.as_deref().unwrap_or_default();
            stored(unpack_archive(session, &file, &workshop.files.folder)?, &[SDIST, inner])
        }
        SourceLocation::Git { url, commit, subdirectory, lfs, .. } => {
            let tree = commit_tree(session, url, commit, expected)?;
            if *lfs {
                check_lfs(&format!("{url} at {commit}"), &tree.tree(&origin)?, &tree)?;
            }
            stored(tree, &[subdirectory.as_deref().unwrap_or_default()])
        }
        SourceLocation::Directory { path, .. } => {
            let source = SourceTree::of_package(session, workshop.files, path)?;
            let tree = source.tree().clone();
            Ok(Source { tree, contents: source, subdirectory: String::new(), top: "" })
        }
    }
}

struct ArchiveFile<'a> {
    chosen: &'a ChosenSource,
    filename: &'a str,
    location: &'a Location,
    digest: &'a Digest,
    size: Option<u64>,
}

fn unpack_archive(
    session: &Session<'_>,
    file: &ArchiveFile<'_>,
    project: &Path,
) -> Result<StoredTree, BuildError> {
    let key = key_of("sdist", &[("digest", file.digest.to_string()), ("name", file.filename.to_owned())]);
    if let Some(stored) = session.store.tree(&key)? {
        return Ok(stored);
    }
    let label = format!("{} (source)", file.filename);
    let urls = match file.location {
        Location::Url(url) => vec![url.clone()],
        Location::Path(path) => {
            let project = std::path::absolute(project)
                .map_err(|source| BuildError::Read { path: project.to_owned(), source })?;
            vec![format!("{}/{path}", project.display())]
        }
    };
    let request = Request { label: label.clone(), urls, digest: *file.digest, size: file.size };
    let ArchiveFile { chosen, filename, location, .. } = file;
    let index_file = IndexFile::of(&chosen.name, filename, chosen.direct.as_ref(), location);
    let (archive, ()) = checked_blob(session, &request, index_file, || ())?;
    let mut sink = session.store.tree_writer(&key)?;
    let place = ImagePath::parse(SDIST).expect("it is a relative path");
    unpack_sdist(BufReader::new(archive), file.filename, &mut sink, &place)
        .map_err(|source| BuildError::Sdist { label, source: Box::new(source) })?;
    Ok(sink.commit(&[])?)
}

/// How a package is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Install {
    /// Its files are copied, as in an image.
    Files,
    /// Its files stay where they are, in the project's folder.
    Editable,
}

/// A build whose key is known: nothing has been fetched for it yet.
pub(crate) struct Prepared<'a> {
    pub build: &'a SourceBuild,
    pub key: Key,
    patches: Vec<(PathBuf, Digest)>,
    install: Install,
    /// What is built before, and is there while it is built.
    needs: Vec<Prepared<'a>>,
}

/// Finds out what `build` depends on.
///
/// # Errors
/// What reading the project's folder says.
pub(crate) fn prepare<'a>(
    workshop: &Workshop<'_>,
    build: &'a SourceBuild,
    install: Install,
) -> Result<Prepared<'a>, BuildError> {
    // What is not in the project's folder is not where the project is mounted.
    let install = match &build.chosen.source {
        SourceLocation::Directory { path, .. } if !path.starts_with("..") && !path.starts_with('/') => {
            install
        }
        _ => Install::Files,
    };
    let patches = patches(workshop, build)?;
    let source = match &build.chosen.source {
        SourceLocation::Archive { digest, .. } => digest.to_string(),
        SourceLocation::Git { commit, .. } => {
            format!("{commit} {}", build.digest.as_ref().map(Digest::to_string).unwrap_or_default())
        }
        SourceLocation::Directory { path, .. } => {
            SourceTree::of_package(workshop.session, workshop.files, path)?.tree().digest().to_string()
        }
    };
    let needs = prepare_needs(workshop, &build.needs)?;
    let key = build_key(workshop, build, source, &patches, install, &needs);
    Ok(Prepared { build, key, patches, install, needs })
}

/// Finds out what the builds depend on that another one needs.
///
/// # Errors
/// As [`prepare`].
pub(crate) fn prepare_needs<'a>(
    workshop: &Workshop<'_>,
    needs: &'a [SourceBuild],
) -> Result<Vec<Prepared<'a>>, BuildError> {
    needs.iter().map(|need| prepare(workshop, need, Install::Files)).collect()
}

impl Prepared<'_> {
    /// Builds and installs the package, unless the store has it.
    ///
    /// # Errors
    /// What reading the source says, [`BuildError::Step`], [`BuildError::Wheel`].
    pub fn make(
        &self,
        workshop: &Workshop<'_>,
        interpreter: &LockedInterpreter,
    ) -> Result<StoredTree, BuildError> {
        let store = &workshop.session.store;
        if let Some(stored) = store.tree(&self.key)? {
            return Ok(stored);
        }
        self.make_into(workshop, interpreter, store)
    }

    /// Builds the package, whatever the store has of it, and puts what is made into the store `into`.
    ///
    /// # Errors
    /// As [`make`](Self::make).
    pub fn make_into(
        &self,
        workshop: &Workshop<'_>,
        interpreter: &LockedInterpreter,
        into: &Store,
    ) -> Result<StoredTree, BuildError> {
        let build = self.build;
        let label = build.label();
        workshop.check(&label)?;
        let source = read_source(workshop, &build.chosen, build.digest.as_ref())?;
        let environment = build_environment(workshop, &build.wheels, &self.needs, interpreter)?;
        let root = debian_checkout(workshop, &build.root)?;
        let tools = Tools::new(
            build.root.iter().map(|package| package.name.to_string()),
            build.wheels.iter().map(|wheel| wheel.chosen.name.to_string()),
        );
        let vendored = Vendored::of(workshop, &source.tree, &*source.contents, &source.subdirectory, &tools)?;
        let roots = [path(&root), path(&environment)];
        let wheel = self.run(workshop, &label, &source, &roots, vendored.as_ref(), into)?;
        let chosen = Chosen {
            name: build.chosen.name.clone(),
            version: wheel.filename.version.to_string(),
            wheel,
            direct: build.chosen.direct.clone(),
            needed_by: build.chosen.needed_by.clone(),
        };
        if !chosen.wheel.filename.is_of(&chosen.name, &chosen.wheel.filename.version) {
            let problem = format!("its backend made {} instead", chosen.wheel.filename.as_str());
            return Err(BuildError::NotAWheel { label, problem });
        }
        let (file, _) = into.open_blob(&chosen.wheel.digest)?;
        let mut sink = into.tree_writer(&self.key)?;
        let mut noting = Noting::new(&mut sink);
        unpack_wheel(BufReader::new(file), &chosen, &build.layout, &mut noting)
            .map_err(|source| BuildError::Wheel { label, source: Box::new(source) })?;
        let needs = noting.finish(workshop, &build.root)?;
        Ok(sink.commit(&[(ATTACHMENT, needs.as_slice()), ("version", chosen.version.as_bytes())])?)
    }
}

/// What a build depends on; `source` stands for the files that it is made from.
fn build_key(
    workshop: &Workshop<'_>,
    build: &SourceBuild,
    source: String,
    patches: &[(PathBuf, Digest)],
    install: Install,
    needs: &[Prepared<'_>],
) -> Key {
    let subdirectory = match &build.chosen.source {
        SourceLocation::Archive { subdirectory, .. } | SourceLocation::Git { subdirectory, .. } => {
            subdirectory.clone().unwrap_or_default()
        }
        SourceLocation::Directory { path, .. } => path.clone(),
    };
    let mut fields = vec![
        ("format".to_owned(), invar_project::FORMAT_VERSION.to_string()),
        ("front-end".to_owned(), Digest::of(FRONTEND.as_bytes()).to_string()),
        ("platform".to_owned(), workshop.platform.to_string()),
        ("source".to_owned(), source),
        ("subdirectory".to_owned(), subdirectory),
        ("name".to_owned(), build.chosen.name.to_string()),
        ("root".to_owned(), packages_key("root", &build.root).to_string()),
        ("settings".to_owned(), serde_json::Value::Object(build.settings.clone()).to_string()),
        ("prefix".to_owned(), build.layout.prefix.to_string()),
        ("python".to_owned(), format!("{}.{}", build.layout.python.0, build.layout.python.1)),
        ("direct".to_owned(), format!("{:?}", build.chosen.direct)),
        ("editable".to_owned(), (install == Install::Editable).to_string()),
    ];
    // Numbered, since patches are applied in their order.
    for (number, (_, digest)) in patches.iter().enumerate() {
        fields.push((format!("patch-{number}"), digest.to_string()));
    }
    fields.extend(
        build
            .wheels
            .iter()
            .map(|wheel| ("wheel".to_owned(), key(&Recipe::Wheel(Box::new(wheel.clone()))).to_string())),
    );
    fields.extend(needs.iter().map(|need| ("need".to_owned(), need.key.to_string())));
    fields.extend(
        build.environment.iter().map(|(name, value)| ("variable".to_owned(), format!("{name}={value}"))),
    );
    key_of("built", &fields)
}

/// A folder of the project as a path without `.`, empty for the project's own.
fn inside(path: &str) -> &str {
    let path = path.trim_start_matches("./").trim_end_matches('/');
    if path == "." { "" } else { path }
}

/// The patches of a build: where they are, and what they hold.
fn patches(workshop: &Workshop<'_>, build: &SourceBuild) -> Result<Vec<(PathBuf, Digest)>, BuildError> {
    let read = |patch: &String| {
        let path = workshop.files.folder.join(patch);
        let bytes = fs::read(&path).map_err(|source| BuildError::Read { path: path.clone(), source })?;
        Ok((path, Digest::of(&bytes)))
    };
    build.patches.iter().map(read).collect()
}

/// The environment that a build has to itself: the interpreter, the wheels that it asks for, and what has to be built for
/// it, which is done now.
///
/// # Errors
/// What fetching, unpacking and the store say.
pub(crate) fn build_environment(
    workshop: &Workshop<'_>,
    wheels: &[WheelRecipe],
    needs: &[Prepared<'_>],
    interpreter: &LockedInterpreter,
) -> Result<Checkout, BuildError> {
    let recipes: Vec<Recipe> = wheels.iter().map(|wheel| Recipe::Wheel(Box::new(wheel.clone()))).collect();
    let mut fields = vec![("interpreter", format!("{} {}", interpreter.path, interpreter.version))];
    fields.extend(recipes.iter().map(|recipe| ("wheel", key(recipe).to_string())));
    fields.extend(needs.iter().map(|need| ("need", need.key.to_string())));
    let checkout_key = key_of("build-environment", &fields);
    check_out(&workshop.session.store, &checkout_key, |sink| {
        let layout = invar_plan::build_layout(interpreter)?;
        let version = interpreter.version.to_string();
        let environment = virtual_environment(&layout, &interpreter.path, &version);
        copy_tree(environment.tree(), &environment, sink)?;
        let session = workshop.session;
        let stored = realise(session, &recipes, &|suite| workshop.times(suite), &workshop.files.folder)?;
        for (recipe, stored) in recipes.iter().zip(stored) {
            copy_tree(&stored.tree(&Arc::new(recipe.origin()))?, &stored, sink)?;
        }
        for need in needs {
            let stored = need.make(workshop, interpreter)?;
            let origin = Origin::Wheel { name: need.build.label(), version: String::new() };
            copy_tree(&stored.tree(&Arc::new(origin))?, &stored, sink)?;
        }
        Ok(())
    })
}

impl Prepared<'_> {
    /// Runs the build backend and brings the wheel into the store.
    fn run(
        &self,
        workshop: &Workshop<'_>,
        label: &str,
        source: &Source,
        roots: &[PathBuf],
        vendored: Option<&Vendored>,
        into: &Store,
    ) -> Result<WheelFile, BuildError> {
        let action = match self.install {
            Install::Files => "wheel",
            Install::Editable => "editable",
        };
        let settings = serde_json::Value::Object(self.build.settings.clone()).to_string();
        let task = FrontEnd {
            label,
            name: &self.build.chosen.name,
            key: self.key,
            action,
            source,
            place: match (self.install, &self.build.chosen.source) {
                (Install::Editable, SourceLocation::Directory { path, .. }) => {
                    Place::Project(inside(path).to_owned())
                }
                _ => Place::Build,
            },
            patches: &self.patches,
            settings: &settings,
            environment: &self.build.environment,
        };
        let ran = front_end(workshop, &task, roots, vendored)?;
        let wrong =
            |problem: &str| BuildError::NotAWheel { label: label.to_owned(), problem: problem.to_owned() };
        let mut text = Vec::new();
        let opened =
            ran.open("out/result.json").and_then(|file| file.take(LONGEST_ANSWER).read_to_end(&mut text));
        opened.map_err(|_| wrong("its backend made nothing"))?;
        let result: serde_json::Value =
            serde_json::from_slice(&text).map_err(|_| wrong("its backend's answer cannot be read"))?;
        let name = result["wheel"].as_str().ok_or_else(|| wrong("its backend did not say what it made"))?;
        let filename: WheelFilename =
            name.parse().map_err(|_| wrong("its backend made a file whose name is not a wheel's"))?;
        let mut file = ran
            .open(&format!("out/{}", filename.as_str()))
            .map_err(|_| wrong("its backend made no such file as it says"))?;
        let failed = |source| BuildError::Read { path: filename.as_str().into(), source };
        let mut writer = into.blob_writer()?;
        std::io::copy(&mut file, &mut writer).map_err(failed)?;
        let (digest, size) = writer.commit()?;
        Ok(WheelFile { filename, location: Location::Path(String::new()), digest, size: Some(size) })
    }
}

/// Where the source is while it is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// Below the build folder.
    Build,
    /// In this folder of the project in the image: an editable package names the folder that it was made from.
    Project(String),
}

/// What the front end is to do.
pub(crate) struct FrontEnd<'a> {
    pub label: &'a str,
    /// The distribution.
    pub name: &'a DistributionName,
    pub key: Key,
    /// `requires`, `wheel` or `editable`.
    pub action: &'a str,
    pub source: &'a Source,
    pub place: Place,
    pub patches: &'a [(PathBuf, Digest)],
    pub settings: &'a str,
    pub environment: &'a BTreeMap<String, String>,
}

/// Runs the front end in a sandbox; what it made is in `out` in the build folder.
///
/// # Errors
/// [`BuildError::Step`], and what the disk says.
pub(crate) fn front_end(
    workshop: &Workshop<'_>,
    task: &FrontEnd<'_>,
    roots: &[PathBuf],
    vendored: Option<&Vendored>,
) -> Result<crate::run::context::Left, BuildError> {
    let bench = workshop.bench()?;
    let folder = bench.build();
    let make = |name: &str| {
        let path = folder.join(name);
        fs::create_dir(&path).map_err(|source| BuildError::Output { path, source })
    };
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        fs::write(&path, bytes).map_err(|source| BuildError::Output { path, source })
    };
    bench.fill("source", &task.source.tree, &*task.source.contents)?;
    make("out")?;
    make("patches")?;
    write("front-end.py", FRONTEND.as_bytes())?;
    write("settings.json", task.settings.as_bytes())?;
    for (number, (path, _)) in task.patches.iter().enumerate() {
        let failed = |source| BuildError::Read { path: path.clone(), source };
        write(&format!("patches/{number:04}.patch"), &fs::read(path).map_err(failed)?)?;
    }
    let (folder, binds) = match &task.place {
        Place::Build => (format!("/{BUILD}/source"), Vec::new()),
        Place::Project(inner) => {
            let target = match inner.as_str() {
                "" => format!("/{PROJECT}"),
                inner => format!("/{PROJECT}/{inner}"),
            };
            let source = folder.join("source");
            (target.clone(), vec![Bind { source, target, writable: true }])
        }
    };
    let inner = match task.source.subdirectory.as_str() {
        "" => folder,
        inner => format!("{folder}/{inner}"),
    };
    let environment_folder = format!("/{}", invar_plan::BUILD_ENVIRONMENT);
    let top = task.source.top;
    let script = format!(
        "set -e\n\
         for patch in /{BUILD}/patches/*.patch; do\n\
         \tif [ -e \"$patch\" ]; then patch -d /{BUILD}/source/{top} -p1 --force --no-backup-if-mismatch < \"$patch\"; fi\n\
         done\n\
         exec {environment_folder}/bin/python -B /{BUILD}/front-end.py \"$1\" \"$2\" /{BUILD}/out /{BUILD}/settings.json\n"
    );
    let mut environment: BTreeMap<String, String> = BTreeMap::new();
    environment.insert("PATH".to_owned(), format!("{environment_folder}/bin:{SEARCH_PATH}"));
    environment.insert("VIRTUAL_ENV".to_owned(), environment_folder);
    if let Some(vendored) = vendored {
        environment.extend(vendored.environment.clone());
    }
    environment.extend(task.environment.clone());
    let mut roots = roots.to_vec();
    roots.extend(vendored.map(|vendored| path(&vendored.checkout)));
    let job = Job {
        label: task.label,
        packages_of: Some(PackagesOf::Python(task.name.clone())),
        key: task.key,
        roots,
        command: ["/bin/sh", "-c", &script, "sh", task.action, &inner].map(str::to_owned).into(),
        environment,
        directory: "source",
        binds,
        time: LONGEST,
        longer: None,
        ownership: Ownership::Mapped,
    };
    workshop.run(bench, job)
}

/// The text of the file `name` of the package that `source` holds, if it is there and not longer than any such file.
pub(crate) fn read_text(source: &Source, name: &str) -> Option<String> {
    const LONGEST_TEXT: u64 = 4 << 20;
    let path = match source.subdirectory.as_str() {
        "" => name.to_owned(),
        inner => format!("{inner}/{name}"),
    };
    let path = ImagePath::parse(&path).ok()?;
    let mut text = String::new();
    source.contents.open(&path).ok()?.take(LONGEST_TEXT).read_to_string(&mut text).ok()?;
    Some(text)
}

/// The digest that `invar.lock` keeps of a source; nothing for folders, whose files are the project's.
pub(crate) fn locked_digest(chosen: &ChosenSource, source: &Source) -> Option<Digest> {
    match &chosen.source {
        SourceLocation::Archive { digest, .. } => Some(*digest),
        SourceLocation::Git { .. } => Some(source.tree.digest()),
        SourceLocation::Directory { .. } => None,
    }
}
