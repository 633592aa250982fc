//! Python packages that are built from their sources: these become a wheel, and the wheel a tree.
mod front_end;
mod key;
#[cfg(test)]
mod tests;

use std::fs;
use std::io::{BufReader, Read as _};
use std::path::PathBuf;
use std::sync::Arc;

use invar_checkout::SourceTree;
use invar_plan::{Recipe, SourceBuild, WheelRecipe};
use invar_project::LockedInterpreter;
use invar_python::{
    Chosen, Location, SourceLocation, WheelFile, WheelFilename, unpack_wheel, virtual_environment,
};
use invar_realise::{
    PackageSource, RealiseError, Vendored, check_out, copy_tree, read_source, realise, warn_of_remarks,
};
use invar_store::{Checkout, Key, Keyed, Store, StoredTree};
use invar_tree::{Contents, Digest, ImagePath, Origin, Tree};

pub use self::front_end::{FrontEnd, Place, front_end};
use self::key::{BuildEnvironment, BuildSource, BuiltPackage};
pub use self::key::{Install, encode_interpreter};
use crate::RunError;
use crate::contested::copy_packages;
use crate::context::BuildContext;
use crate::debian::debian_checkout;
use crate::executor::{BUILD, in_build};
use crate::needs::ATTACHMENT;
use crate::output_sink::OutputSink;
use crate::tools::Tools;
use crate::vendor_target::vendored;

/// The longest answer of a build backend that is read, in bytes.
pub const LONGEST_ANSWER: u64 = 1 << 20;

/// A build whose key is known: nothing has been fetched for it yet.
pub struct PreparedBuild<'a> {
    /// The build.
    pub build: &'a SourceBuild,
    /// The key of what it makes.
    pub key: Key,
    patches: Vec<(PathBuf, Digest)>,
    install: Install,
    /// What is built before, and is there while it is built.
    needs: Vec<PreparedBuild<'a>>,
}

/// Finds out what `build` depends on.
///
/// # Errors
/// What reading the project's folder says.
pub fn prepare_build<'a>(
    context: &BuildContext<'_>,
    build: &'a SourceBuild,
    install: Install,
) -> Result<PreparedBuild<'a>, RunError> {
    // What is not in the project's folder is not where the project is mounted.
    let install = match &build.chosen.source {
        SourceLocation::Directory { path, .. } if !path.starts_with("..") && !path.starts_with('/') => {
            install
        }
        _ => Install::Copied,
    };
    let patches = patches(context, build)?;
    let source = match &build.chosen.source {
        SourceLocation::Archive { digest, subdirectory, .. } => {
            BuildSource::Archive { digest, subdirectory: subdirectory.as_deref() }
        }
        SourceLocation::Git { commit, subdirectory, .. } => {
            BuildSource::Git { commit, digest: build.digest.as_ref(), subdirectory: subdirectory.as_deref() }
        }
        SourceLocation::Directory { path, .. } => {
            let warn = |text: &str| context.sources.reporter.warn(text);
            let source = SourceTree::of_package(&warn, context.files, path)?;
            let source = match stays_alone(path, &source, install) {
                true => Arc::new(source.of_package_alone()?),
                false => source,
            };
            let subdirectory = source.subdirectory().to_owned();
            BuildSource::Directory { tree: source.tree().digest(), path, subdirectory }
        }
    };
    let needs = prepare_needs(context, &build.needs)?;
    let key = BuiltPackage {
        platform: context.platform,
        build,
        source,
        patches: &patches.iter().map(|(_, digest)| *digest).collect::<Vec<_>>(),
        install,
        needs: &needs.iter().map(|need| need.key).collect::<Vec<_>>(),
    }
    .key();
    Ok(PreparedBuild { build, key, patches, install, needs })
}

/// Finds out what the builds depend on that another one needs.
///
/// # Errors
/// As [`prepare_build`].
pub fn prepare_needs<'a>(
    context: &BuildContext<'_>,
    needs: &'a [SourceBuild],
) -> Result<Vec<PreparedBuild<'a>>, RunError> {
    needs.iter().map(|need| prepare_build(context, need, Install::Copied)).collect()
}

impl PreparedBuild<'_> {
    /// Builds and installs the package, unless the store has it.
    ///
    /// # Errors
    /// What reading the source says, [`RunError::Step`], [`RealiseError::Wheel`](invar_realise::RealiseError).
    pub fn make(
        &self,
        context: &BuildContext<'_>,
        interpreter: &LockedInterpreter,
    ) -> Result<StoredTree, RunError> {
        let store = &context.sources.store;
        if let Some(stored) = store.tree(&self.key)? {
            return Ok(stored);
        }
        self.make_into(context, interpreter, store)
    }

    /// Builds the package, whatever the store has of it, and puts what is made into the store `into`.
    ///
    /// # Errors
    /// As [`make`](Self::make).
    pub fn make_into(
        &self,
        context: &BuildContext<'_>,
        interpreter: &LockedInterpreter,
        into: &Store,
    ) -> Result<StoredTree, RunError> {
        let build = self.build;
        let label = build.label();
        context.check(&label)?;
        let source = self.source(context)?;
        let environment = build_environment(context, &build.wheels, &self.needs, interpreter)?;
        let root = debian_checkout(context, &build.root)?;
        let tools = Tools::new(
            build.root.iter().map(|package| package.name.to_string()),
            build.wheels.iter().map(|wheel| wheel.chosen.name.to_string()),
        );
        let vendored = vendored(context, &source.tree, &*source.contents, &source.subdirectory, &tools)?;
        let roots = [root, environment];
        let wheel = self.run(context, &label, &source, &roots, vendored.as_ref(), into)?;
        let chosen = Chosen {
            name: build.chosen.name.clone(),
            version: wheel.filename.version.to_string(),
            wheel,
            direct: build.chosen.direct.clone(),
            needed_by: build.chosen.needed_by.clone(),
        };
        if !chosen.wheel.filename.is_of(&chosen.name, &chosen.wheel.filename.version) {
            let problem = format!("its build backend created {} instead", chosen.wheel.filename.as_str());
            return Err(RunError::NotAWheel { label, problem });
        }
        let (file, _) = into.open_blob(&chosen.wheel.digest)?;
        let mut sink = into.tree_writer(&self.key)?;
        let mut produced = OutputSink::new(&mut sink);
        let remarks = unpack_wheel(BufReader::new(file), &chosen, &build.layout, &mut produced)
            .map_err(|source| RealiseError::Wheel { label, source: Box::new(source) })?;
        let needs = produced.finish().finish(context, &build.root)?;
        let stored =
            sink.commit(&[(ATTACHMENT, needs.as_slice()), ("version", chosen.version.as_bytes())])?;
        warn_of_remarks(context.sources, chosen.wheel.filename.as_str(), &remarks);
        Ok(stored)
    }
}

/// Whether the package at `path` is built without what its source has of the workspace around it: in the author's shell, the
/// project's folder is where it is in the image, and there is nothing around it.
fn stays_alone(path: &str, source: &SourceTree, install: Install) -> bool {
    install == Install::Editable && inside(path).is_empty() && !source.subdirectory().is_empty()
}

/// Where a package is in the project, if it is in a folder.
pub fn directory_of(source: &SourceLocation) -> Option<&str> {
    match source {
        SourceLocation::Directory { path, .. } => Some(path),
        SourceLocation::Archive { .. } | SourceLocation::Git { .. } => None,
    }
}

/// A folder of the project as a path without `.`, empty for the project's own.
fn inside(path: &str) -> &str {
    let path = path.trim_start_matches("./").trim_end_matches('/');
    if path == "." { "" } else { path }
}

/// The patches of a build: where they are, and what they hold.
fn patches(context: &BuildContext<'_>, build: &SourceBuild) -> Result<Vec<(PathBuf, Digest)>, RunError> {
    let read = |patch: &String| {
        let path = context.files.folder.join(patch);
        let bytes = fs::read(&path).map_err(|source| RealiseError::Read { path: path.clone(), source })?;
        Ok((path, Digest::of(&bytes)))
    };
    build.patches.iter().map(read).collect()
}

/// The environment that a build has to itself: the interpreter, the wheels that it asks for, and what has to be built for
/// it, which is done now.
///
/// # Errors
/// What fetching, unpacking and the store say.
pub fn build_environment(
    context: &BuildContext<'_>,
    wheels: &[WheelRecipe],
    needs: &[PreparedBuild<'_>],
    interpreter: &LockedInterpreter,
) -> Result<Checkout, RunError> {
    let recipes: Vec<Recipe> = wheels.iter().map(|wheel| Recipe::Wheel(Box::new(wheel.clone()))).collect();
    let need_keys: Vec<Key> = needs.iter().map(|need| need.key).collect();
    let checkout_key = BuildEnvironment { interpreter, wheels, needs: &need_keys }.key();
    check_out(&context.sources.store, &checkout_key, |sink| -> Result<(), RunError> {
        let layout = invar_plan::build_layout(interpreter)?;
        let version = interpreter.version.to_string();
        let environment = virtual_environment(&layout, &interpreter.path, &version);
        copy_tree(environment.tree(), &environment, sink)?;
        let stored =
            realise(context.sources, &recipes, &|suite| context.times(suite), &context.files.folder)?;
        let mut packages: Vec<(Tree, StoredTree)> = Vec::new();
        for (recipe, stored) in recipes.iter().zip(stored) {
            packages.push((stored.tree(&Arc::new(recipe.origin()))?, stored));
        }
        for need in needs {
            let stored = need.make(context, interpreter)?;
            let origin = Origin::Wheel { name: need.build.label(), version: String::new() };
            packages.push((stored.tree(&Arc::new(origin))?, stored));
        }
        let packages: Vec<(&Tree, &dyn Contents)> =
            packages.iter().map(|(tree, stored)| (tree, stored as &dyn Contents)).collect();
        Ok(copy_packages(&packages, sink)?)
    })
}

impl PreparedBuild<'_> {
    /// The files to build.
    fn source(&self, context: &BuildContext<'_>) -> Result<PackageSource, RunError> {
        let Self { build, install, .. } = self;
        if let SourceLocation::Directory { path, .. } = &build.chosen.source {
            let warn = |text: &str| context.sources.reporter.warn(text);
            let source = SourceTree::of_package(&warn, context.files, path)?;
            if stays_alone(path, &source, *install) {
                return Ok(PackageSource::of_directory(Arc::new(source.of_package_alone()?)));
            }
        }
        Ok(read_source(context.sources, context.files, &build.chosen, build.digest.as_ref())?)
    }

    /// Runs the build backend and brings the wheel into the store.
    fn run(
        &self,
        context: &BuildContext<'_>,
        label: &str,
        source: &PackageSource,
        roots: &[Checkout],
        vendored: Option<&Vendored>,
        into: &Store,
    ) -> Result<WheelFile, RunError> {
        let action = match self.install {
            Install::Copied => "wheel",
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
                // What has more of the workspace starts at the project's folder.
                (Install::Editable, SourceLocation::Directory { .. }) if !source.subdirectory.is_empty() => {
                    Place::Project(String::new())
                }
                (Install::Editable, SourceLocation::Directory { path, .. }) => {
                    Place::Project(inside(path).to_owned())
                }
                _ => Place::Build,
            },
            patches: &self.patches,
            directory: directory_of(&self.build.chosen.source),
            settings: &settings,
            environment: &self.build.environment,
        };
        let ran = front_end(context, &task, roots, vendored)?;
        let wrong =
            |problem: &str| RunError::NotAWheel { label: label.to_owned(), problem: problem.to_owned() };
        let mut text = Vec::new();
        let opened = ran
            .tree
            .open(&in_build("out/result.json"))
            .and_then(|file| file.take(LONGEST_ANSWER).read_to_end(&mut text));
        opened.map_err(|_| wrong("its build backend created nothing"))?;
        let result: serde_json::Value = serde_json::from_slice(&text)
            .map_err(|_| wrong("cannot read the response of its build backend"))?;
        let name =
            result["wheel"].as_str().ok_or_else(|| wrong("its build backend did not report its output"))?;
        let filename: WheelFilename = name
            .parse()
            .map_err(|_| wrong("its build backend created a file that is not named like a wheel"))?;
        let place = ImagePath::parse(&format!("{BUILD}/out/{}", filename.as_str()))
            .map_err(|_| wrong("its build backend created a file whose name is too long"))?;
        let mut file = ran
            .tree
            .open(&place)
            .map_err(|_| wrong("its build backend did not create the file that it reports"))?;
        let failed = |source| RealiseError::Read { path: filename.as_str().into(), source };
        let mut writer = into.blob_writer()?;
        std::io::copy(&mut file, &mut writer).map_err(failed)?;
        let (digest, size) = writer.commit()?;
        Ok(WheelFile { filename, location: Location::Path(String::new()), digest, size: Some(size) })
    }
}
