use invar_debian::PackageName;
use invar_project::{Configure, InvarLock, LockedInterpreter, LockedPackage, Manifest, Platform, RootName};
use invar_python::{EnvironmentLayout, SelectError, Selected, UvLock};
use invar_tree::ImagePath;

use crate::python::{python_packages, python_version};
use crate::roots::{own_packages, root_packages};
use crate::source::{SourceBuild, source_build};
use crate::step::{StepPlan, steps};
use crate::{ENVIRONMENT, PackageRecipe, Recipe, WheelRecipe};

/// The layers, the lowest and least often changed first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LayerName {
    /// Debian packages, and what handlers made of them.
    System,
    /// Python itself, and the virtual environment's frame.
    Interpreter,
    /// The wheels that the project depends on, and packages built from published sources.
    Dependencies,
    /// What build steps made.
    Steps,
    /// The project's own files.
    Project,
}

impl LayerName {
    /// The name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Interpreter => "interpreter",
            Self::Dependencies => "dependencies",
            Self::Steps => "steps",
            Self::Project => "project",
        }
    }

    /// A phrase for the image's history.
    pub fn describe(self) -> &'static str {
        match self {
            Self::System => "system: Debian packages",
            Self::Interpreter => "interpreter: Python",
            Self::Dependencies => "dependencies: wheels",
            Self::Steps => "steps: outputs of build steps",
            Self::Project => "project: source",
        }
    }
}

/// A layer and the recipes of its trees, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedLayer {
    /// Which layer it is.
    pub name: LayerName,
    /// How its trees are created.
    pub recipes: Vec<Recipe>,
}

/// What an image for one platform consists of.
///
/// The trees of [`layers`](Self::layers) are created by fetching and unpacking alone; those of
/// [`sources`](Self::sources),
/// [`steps`](Self::steps) and [`scripts`](Self::scripts) by running commands in a sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The platform.
    pub platform: Platform,
    /// The interpreter; `None` for a project without Python.
    pub interpreter: Option<LockedInterpreter>,
    /// The layers, the lowest first.
    pub layers: Vec<PlannedLayer>,
    /// The Python packages that are built from their sources, by name.
    pub sources: Vec<SourceBuild>,
    /// The build steps, each after those that it needs.
    pub steps: Vec<StepPlan>,
    /// The root in which maintainer scripts are run, where the manifest asks for that.
    pub scripts: Option<Vec<PackageRecipe>>,
    /// Whether `.py` files are compiled ahead.
    pub bytecode: bool,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The scripts of packages are to run that the image does not have.
    #[error("configure names {}, which the image does not have{}", .names.join(", "), nearest.as_deref().map(|name| format!("; did you mean {name}?")).unwrap_or_default())]
    NoScripts {
        /// The packages.
        names: Vec<String>,
        /// A package of the image with a similar name.
        nearest: Option<String>,
    },
    /// `invar.lock` has no packages for the platform.
    #[error("invar.lock does not cover {platform}: add it to image.platforms and run `invar lock`")]
    Platform {
        /// The platform.
        platform: Platform,
    },
    /// `invar.lock` has no interpreter although the project needs one.
    #[error("invar.lock has no Python interpreter, but the project needs one: run `invar lock`")]
    Interpreter,
    /// A version in `invar.lock` cannot be read as what it should be.
    #[error("invar.lock has the version {version:?} for {what}, which is not of the form {expected}")]
    Version {
        /// What the version belongs to.
        what: String,
        /// The version.
        version: String,
        /// The form it should have.
        expected: &'static str,
    },
    /// `invar.lock` has nothing to build with.
    #[error("invar.lock has no packages for {root}: run `invar lock`")]
    Root {
        /// The root, such as `step:assets`.
        root: String,
    },
    /// `invar.lock` does not say what a Python package is built with.
    #[error("invar.lock has no build requirements for {name}: run `invar lock`")]
    Build {
        /// The distribution.
        name: String,
    },
    /// A wheel that a build needs has no name that a wheel may have.
    #[error("invar.lock names {file:?}, which is not the name of a wheel")]
    BuildWheel {
        /// The file name.
        file: String,
    },
    /// uv would build without isolation, in whatever environment there is.
    #[error(
        "[tool.uv] sets no-build-isolation, but Invar always isolates builds: remove it, and add the build requirements \
         to extra-build-dependencies"
    )]
    NoIsolation,
    /// No wheels can be chosen.
    #[error("cannot install the packages of uv.lock for {platform}")]
    Select {
        /// The platform.
        platform: Platform,
        /// Why not.
        #[source]
        source: Box<SelectError>,
    },
}

impl Plan {
    /// Plans the image for `platform`.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn new(
        manifest: &Manifest,
        lock: &InvarLock,
        uv_lock: Option<&UvLock>,
        platform: Platform,
    ) -> Result<Self, PlanError> {
        let root = manifest.variant.as_ref().map(RootName::image);
        Self::of(manifest, lock, uv_lock, platform, root.as_ref())
    }

    /// Plans what the project's shell has on `platform`; `manifest` is as the shell wants it.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn for_shell(
        manifest: &Manifest,
        lock: &InvarLock,
        uv_lock: Option<&UvLock>,
        platform: Platform,
    ) -> Result<Self, PlanError> {
        Self::of(manifest, lock, uv_lock, platform, Some(&RootName::shell()))
    }

    fn of(
        manifest: &Manifest,
        lock: &InvarLock,
        uv_lock: Option<&UvLock>,
        platform: Platform,
        root: Option<&RootName>,
    ) -> Result<Self, PlanError> {
        let locked = lock.platforms.get(&platform).ok_or(PlanError::Platform { platform })?;
        let python = manifest.project.is_some();
        let interpreter = lock.interpreter.as_ref().filter(|_| python);
        if python && interpreter.is_none() {
            return Err(PlanError::Interpreter);
        }
        let of_interpreter = |name: &PackageName| {
            interpreter.is_some_and(|interpreter| belongs_to(name.as_str(), interpreter.package.as_str()))
        };
        let own = own_packages(locked, root);
        let recipes = |wanted: bool| -> Vec<Recipe> {
            let packages = own.iter().filter(|(name, _)| of_interpreter(name) == wanted);
            packages
                .map(|(name, package)| Recipe::Package(package_recipe(name, package, manifest.docs)))
                .collect()
        };
        let mut layers = vec![PlannedLayer { name: LayerName::System, recipes: recipes(false) }];
        let mut sources = Vec::new();
        if let Some(interpreter) = interpreter {
            layers.push(PlannedLayer { name: LayerName::Interpreter, recipes: recipes(true) });
            let layout = environment(interpreter)?;
            let mut wheels = Vec::new();
            for selected in python_packages(manifest, lock, uv_lock, platform)? {
                match selected {
                    Selected::Wheel(chosen) => {
                        wheels.push(Recipe::Wheel(Box::new(WheelRecipe { chosen, layout: layout.clone() })));
                    }
                    Selected::Source(chosen) => {
                        sources.push(source_build(manifest, locked, interpreter, chosen, &layout)?);
                    }
                }
            }
            layers.push(PlannedLayer { name: LayerName::Dependencies, recipes: wheels });
        }
        let steps = steps(manifest, locked)?;
        if !steps.is_empty() {
            layers.push(PlannedLayer { name: LayerName::Steps, recipes: Vec::new() });
        }
        layers.push(PlannedLayer { name: LayerName::Project, recipes: Vec::new() });
        let scripts = match manifest.configure {
            Configure::Native => None,
            Configure::Run | Configure::Packages(_) => Some(root_packages(locked, &RootName::scripts())?),
        };
        let bytecode = python && manifest.python.bytecode;
        Ok(Self { platform, interpreter: interpreter.cloned(), layers, sources, steps, scripts, bytecode })
    }

    /// The recipes of all layers, the lowest layer's first.
    pub fn recipes(&self) -> impl Iterator<Item = &Recipe> {
        self.layers.iter().flat_map(|layer| &layer.recipes)
    }

    /// Where the virtual environment is.
    ///
    /// # Errors
    /// [`PlanError::Version`].
    pub fn environment(&self) -> Result<Option<EnvironmentLayout>, PlanError> {
        self.interpreter.as_ref().map(environment).transpose()
    }
}

/// Whether `package` is one of those that the source of `interpreter` is split into: `python3.13-minimal`,
/// `libpython3.13-stdlib`.
fn belongs_to(package: &str, interpreter: &str) -> bool {
    let rest = package.strip_prefix("lib").unwrap_or(package).strip_prefix(interpreter);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

pub(crate) fn package_recipe(name: &PackageName, package: &LockedPackage, docs: bool) -> PackageRecipe {
    PackageRecipe {
        name: name.clone(),
        version: package.version.clone(),
        architecture: package.architecture.clone(),
        suite: package.suite.to_string(),
        file: package.file.as_str().to_owned(),
        size: package.size,
        digest: package.sha256,
        docs,
    }
}

pub(crate) fn environment(interpreter: &LockedInterpreter) -> Result<EnvironmentLayout, PlanError> {
    let prefix = ImagePath::parse(ENVIRONMENT).expect("it is a relative path");
    Ok(EnvironmentLayout { prefix, python: python_version(interpreter)?.series() })
}
