use invar_debian::PackageName;
use invar_project::{Configure, InvarLock, LockedInterpreter, Manifest, Platform, RootName};
use invar_python::{EnvironmentLayout, Selected, UvLock};

use crate::error::PlanError;
use crate::layer::LayerName;
use crate::python::{environment, python_packages};
use crate::recipe::{PackageRecipe, Recipe, WheelRecipe};
use crate::roots::{own_packages, root_packages};
use crate::source::{SourceBuild, source_build};
use crate::step::{StepPlan, steps};

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
                .map(|(name, package)| Recipe::Package(PackageRecipe::locked(name, package, manifest.docs)))
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
