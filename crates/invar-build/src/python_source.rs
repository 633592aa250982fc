//! Python packages that are built from their sources: an sdist, a git commit, or a folder becomes a wheel, and the
//! wheel a tree.
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufReader, Read as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use invar_checkout::SourceTree;
use invar_plan::{PROJECT, Recipe, SourceBuild, WheelRecipe};
use invar_project::{LockedInterpreter, Platform};
use invar_python::{
    Chosen, DistributionName, FRONTEND, Location, SourceLocation, WHEEL_VERSION, WheelFile, WheelFilename,
    unpack_wheel, virtual_environment,
};
use invar_realise::{
    PackageSource, Vendored, WheelTree, check_out, copy_tree, encode_direct_url, encode_layout, read_source,
    realise,
};
use invar_sandbox::{Bind, Ownership};
use invar_store::{Checkout, Key, KeyWriter, Keyed, Store, StoredTree};
use invar_tree::{Digest, Origin, SEARCH_PATH};

use crate::BuildError;
use crate::debian::{ConfiguredPackages, debian_checkout, path};
use crate::hints::PackagesOf;
use crate::needs::{ATTACHMENT, Noting};
use crate::tools::Tools;
use crate::vendor_target::vendored;
use crate::workshop::{BUILD, Job, Workshop};

/// How long one build may take.
const LONGEST: Duration = Duration::from_secs(3 * 3600);

/// The longest answer of a build backend that is read, in bytes.
pub(crate) const LONGEST_ANSWER: u64 = 1 << 20;

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
        SourceLocation::Archive { digest, subdirectory, .. } => {
            BuildSource::Archive { digest, subdirectory: subdirectory.as_deref() }
        }
        SourceLocation::Git { commit, subdirectory, .. } => {
            BuildSource::Git { commit, digest: build.digest.as_ref(), subdirectory: subdirectory.as_deref() }
        }
        SourceLocation::Directory { path, .. } => {
            let warn = |text: &str| workshop.session.reporter.warn(text);
            let tree = SourceTree::of_package(&warn, workshop.files, path)?.tree().digest();
            BuildSource::Directory { tree, path }
        }
    };
    let needs = prepare_needs(workshop, &build.needs)?;
    let key = BuiltPackage {
        platform: workshop.platform,
        build,
        source,
        patches: &patches.iter().map(|(_, digest)| *digest).collect::<Vec<_>>(),
        install,
        needs: &needs.iter().map(|need| need.key).collect::<Vec<_>>(),
    }
    .key();
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
        let source = read_source(workshop.session, workshop.files, &build.chosen, build.digest.as_ref())?;
        let environment = build_environment(workshop, &build.wheels, &self.needs, interpreter)?;
        let root = debian_checkout(workshop, &build.root)?;
        let tools = Tools::new(
            build.root.iter().map(|package| package.name.to_string()),
            build.wheels.iter().map(|wheel| wheel.chosen.name.to_string()),
        );
        let vendored = vendored(workshop, &source.tree, &*source.contents, &source.subdirectory, &tools)?;
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

/// The files that a package is built from, with the folder in them that has it.
enum BuildSource<'a> {
    Archive { digest: &'a Digest, subdirectory: Option<&'a str> },
    Git { commit: &'a str, digest: Option<&'a Digest>, subdirectory: Option<&'a str> },
    Directory { tree: Digest, path: &'a str },
}

/// A package that is built and installed.
struct BuiltPackage<'a> {
    platform: Platform,
    build: &'a SourceBuild,
    source: BuildSource<'a>,
    patches: &'a [Digest],
    install: Install,
    needs: &'a [Key],
}

impl Keyed for BuiltPackage<'_> {
    const DOMAIN: &'static str = "built";
    const VERSION: u32 = WHEEL_VERSION;

    fn encode(&self, writer: &mut KeyWriter) {
        let Self { platform, build, source, patches, install, needs } = self;
        writer.digest(&Digest::of(FRONTEND.as_bytes()));
        writer.text(platform.as_str());
        match source {
            BuildSource::Archive { digest, subdirectory } => {
                writer.variant(0);
                writer.digest(digest);
                writer.optional(*subdirectory, KeyWriter::text);
            }
            BuildSource::Git { commit, digest, subdirectory } => {
                writer.variant(1);
                writer.text(commit);
                writer.optional(*digest, KeyWriter::digest);
                writer.optional(*subdirectory, KeyWriter::text);
            }
            BuildSource::Directory { tree, path } => {
                writer.variant(2);
                writer.digest(tree);
                writer.text(path);
            }
        }
        writer.text(build.chosen.name.as_str());
        writer.keyed(&ConfiguredPackages(&build.root));
        // The text is what the build's front end is given.
        writer.text(&serde_json::Value::Object(build.settings.clone()).to_string());
        encode_layout(writer, &build.layout);
        writer.optional(build.chosen.direct.as_ref(), encode_direct_url);
        writer.variant(match install {
            Install::Files => 0,
            Install::Editable => 1,
        });
        writer.list(*patches, KeyWriter::digest);
        writer.list(&build.wheels, |writer, wheel| writer.keyed(&WheelTree(wheel)));
        writer.list(*needs, KeyWriter::key);
        writer.map(&build.environment, |writer, value| writer.text(value));
    }
}

/// The environment of a build: an interpreter, wheels, and packages that are built.
struct BuildEnvironment<'a> {
    interpreter: &'a LockedInterpreter,
    wheels: &'a [WheelRecipe],
    needs: &'a [Key],
}

impl Keyed for BuildEnvironment<'_> {
    const DOMAIN: &'static str = "build-environment";
    const VERSION: u32 = 1;

    fn encode(&self, writer: &mut KeyWriter) {
        encode_interpreter(writer, self.interpreter);
        writer.list(self.wheels, |writer, wheel| writer.keyed(&WheelTree(wheel)));
        writer.list(self.needs, KeyWriter::key);
    }
}

/// Writes where an interpreter is, and its version.
pub(crate) fn encode_interpreter(writer: &mut KeyWriter, interpreter: &LockedInterpreter) {
    // What is in the package is for its own key to say.
    let LockedInterpreter { package: _, version, path } = interpreter;
    writer.text(path.as_str());
    writer.text(&version.to_string());
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
    let need_keys: Vec<Key> = needs.iter().map(|need| need.key).collect();
    let checkout_key = BuildEnvironment { interpreter, wheels, needs: &need_keys }.key();
    check_out(&workshop.session.store, &checkout_key, |sink| -> Result<(), BuildError> {
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
        source: &PackageSource,
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
    pub source: &'a PackageSource,
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
) -> Result<crate::workshop::Left, BuildError> {
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

#[cfg(test)]
mod keys {
    use invar_python::{ChosenSource, EnvironmentLayout, NeededBy};

    use super::*;

    const CHANGED: &str = "if this is intended, raise the VERSION of the domain and pin the new key";

    #[test]
    fn the_keys_are_pinned() {
        let (patches, needs) = ([Digest::of(b"patch")], [ConfiguredPackages(&[]).key()]);
        let build = SourceBuild {
            chosen: ChosenSource {
                name: "psycopg2".parse().unwrap(),
                version: Some("2.9.10".to_owned()),
                source: SourceLocation::Directory { path: "a".to_owned(), editable: false },
                direct: None,
                needed_by: NeededBy::Project,
            },
            digest: None,
            root: Vec::new(),
            wheels: Vec::new(),
            needs: Vec::new(),
            requires: Vec::new(),
            environment: BTreeMap::from([("A".to_owned(), "b".to_owned())]),
            patches: vec!["fix.patch".to_owned()],
            settings: serde_json::Map::from_iter([("a".to_owned(), "b".into())]),
            layout: EnvironmentLayout { prefix: "app/.venv".parse().unwrap(), python: (3, 13) },
        };
        let interpreter = &LockedInterpreter {
            package: "python3.13".parse().unwrap(),
            version: "3.13.5".parse().unwrap(),
            path: "usr/bin/python3.13".parse().unwrap(),
        };
        let digest = &Digest::of(b"file");
        let built = |source, install| BuiltPackage {
            platform: Platform::LinuxArm64,
            build: &build,
            source,
            patches: &patches,
            install,
            needs: &needs,
        };
        let archive = || BuildSource::Archive { digest, subdirectory: Some("sub") };
        let others = [
            built(archive(), Install::Files).key(),
            built(archive(), Install::Editable).key(),
            built(BuildSource::Git { commit: "c", digest: None, subdirectory: None }, Install::Files).key(),
            built(BuildSource::Directory { tree: *digest, path: "sub" }, Install::Files).key(),
        ];
        let different: std::collections::BTreeSet<&Key> = others.iter().collect();
        assert_eq!(different.len(), others.len());
        assert_eq!(
            built(archive(), Install::Files).describe(),
            "built 1 35aa402da3b9f473fdaea6f8074a9f665ae39f73af212bbb0cc09d24e67938af",
            "{CHANGED}"
        );
        assert_eq!(
            BuildEnvironment { interpreter, wheels: &[], needs: &needs }.describe(),
            "build-environment 1 73ceb92931961339c4ccc4d4b6945c02805f79daf3df702c844927b84ea6b781",
            "{CHANGED}"
        );
    }
}
