use std::collections::BTreeSet;

use invar_debian::{DebianVersion, PackageName};
use invar_project::{
    Extras, InvarLock, LockedInterpreter, LockedPackage, LockedPlatform, Manifest, Platform,
};
use invar_python::{
    EnvironmentLayout, ExtraName, GroupName, Machine, PythonVersion, SelectError, Selection, Target, UvLock,
    select,
};
use invar_tree::ImagePath;

use crate::{ENVIRONMENT, PackageRecipe, Recipe, WheelRecipe};

/// The layers, the lowest and least often changed first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LayerName {
    /// Debian packages, and what handlers made of them.
    System,
    /// Python itself, and the virtual environment's frame.
    Interpreter,
    /// The wheels that the project depends on.
    Dependencies,
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
            Self::Project => "project",
        }
    }

    /// A phrase for the image's history.
    pub fn describe(self) -> &'static str {
        match self {
            Self::System => "system: Debian packages",
            Self::Interpreter => "interpreter: Python",
            Self::Dependencies => "dependencies: wheels",
            Self::Project => "project: source",
        }
    }
}

/// A layer and the recipes of its trees, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedLayer {
    /// Which layer it is.
    pub name: LayerName,
    /// How its trees are made.
    pub recipes: Vec<Recipe>,
}

/// What an image for one platform is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The platform.
    pub platform: Platform,
    /// The interpreter; `None` for a project without Python.
    pub interpreter: Option<LockedInterpreter>,
    /// The layers, the lowest first.
    pub layers: Vec<PlannedLayer>,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// `invar.lock` has no packages for the platform.
    #[error("invar.lock has nothing for {platform}: run `invar lock` after adding it to image.platforms")]
    Platform {
        /// The platform.
        platform: Platform,
    },
    /// `invar.lock` has no interpreter although the project needs one.
    #[error("invar.lock names no Python interpreter, and the project needs one: run `invar lock`")]
    Interpreter,
    /// A version in `invar.lock` cannot be read as what it should be.
    #[error("invar.lock gives {what} the version {version:?}, which is not of the form {expected}")]
    Version {
        /// What the version belongs to.
        what: String,
        /// The version.
        version: String,
        /// The form it should have.
        expected: &'static str,
    },
    /// The project itself would have to be built.
    #[error(
        "the project {name} has a build system, and this version of Invar does not build packages: set \
         `package = false` in [tool.uv] to use its files as they are"
    )]
    BuildSystem {
        /// The project.
        name: String,
    },
    /// No wheels can be chosen.
    #[error("the packages of uv.lock cannot be installed for {platform}")]
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
        let locked = lock.platforms.get(&platform).ok_or(PlanError::Platform { platform })?;
        if let Some(project) = manifest.project.as_ref().filter(|project| project.is_package()) {
            return Err(PlanError::BuildSystem { name: project.name.to_string() });
        }
        let python = manifest.project.is_some();
        let interpreter = lock.interpreter.as_ref().filter(|_| python);
        if python && interpreter.is_none() {
            return Err(PlanError::Interpreter);
        }
        let of_interpreter = |name: &PackageName| {
            interpreter.is_some_and(|interpreter| belongs_to(name.as_str(), interpreter.package.as_str()))
        };
        let recipes = |of_interpreter: &dyn Fn(&PackageName) -> bool| -> Vec<Recipe> {
            let packages = locked.packages.iter().filter(|(name, _)| of_interpreter(name));
            packages
                .map(|(name, package)| Recipe::Package(package_recipe(name, package, manifest.docs)))
                .collect()
        };
        let mut layers =
            vec![PlannedLayer { name: LayerName::System, recipes: recipes(&|name| !of_interpreter(name)) }];
        if let Some(interpreter) = interpreter {
            layers.push(PlannedLayer { name: LayerName::Interpreter, recipes: recipes(&of_interpreter) });
            let wheels = wheels(manifest, platform, locked, uv_lock, interpreter)?;
            layers.push(PlannedLayer { name: LayerName::Dependencies, recipes: wheels });
        }
        layers.push(PlannedLayer { name: LayerName::Project, recipes: Vec::new() });
        Ok(Self { platform, interpreter: interpreter.cloned(), layers })
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

fn package_recipe(name: &PackageName, package: &LockedPackage, docs: bool) -> PackageRecipe {
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

fn environment(interpreter: &LockedInterpreter) -> Result<EnvironmentLayout, PlanError> {
    let prefix = ImagePath::parse(ENVIRONMENT).expect("it is a relative path");
    Ok(EnvironmentLayout { prefix, python: python_version(interpreter)?.series() })
}

fn python_version(interpreter: &LockedInterpreter) -> Result<PythonVersion, PlanError> {
    let version = interpreter.version.to_string();
    version.parse().map_err(|_| PlanError::Version {
        what: interpreter.package.to_string(),
        version: version.clone(),
        expected: "3.13.5",
    })
}

/// The version of the C library in the image, which decides which wheels work there.
fn glibc(locked: &LockedPlatform) -> Result<(u32, u32), PlanError> {
    let Some(libc) = locked.packages.get("libc6") else {
        // Without a C library no wheel with native code can work; pure ones do not ask.
        return Ok((2, 0));
    };
    series(&libc.version).ok_or_else(|| PlanError::Version {
        what: "libc6".to_owned(),
        version: libc.version.to_string(),
        expected: "2.41-12",
    })
}

fn series(version: &DebianVersion) -> Option<(u32, u32)> {
    let (major, rest) = version.upstream().split_once('.')?;
    let digits = rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len());
    Some((major.parse().ok()?, rest[..digits].parse().ok()?))
}

fn wheels(
    manifest: &Manifest,
    platform: Platform,
    locked: &LockedPlatform,
    uv_lock: Option<&UvLock>,
    interpreter: &LockedInterpreter,
) -> Result<Vec<Recipe>, PlanError> {
    let (Some(uv_lock), Some(project)) = (uv_lock, &manifest.project) else { return Ok(Vec::new()) };
    let layout = environment(interpreter)?;
    let target = Target {
        python: python_version(interpreter)?,
        machine: match platform {
            Platform::LinuxAmd64 => Machine::X86_64,
            Platform::LinuxArm64 => Machine::Aarch64,
        },
        glibc: glibc(locked)?,
    };
    let (extras, all_extras) = match &manifest.extras {
        Extras::All => (BTreeSet::new(), true),
        Extras::Named(names) => {
            (names.iter().filter_map(|name| name.as_str().parse::<ExtraName>().ok()).collect(), false)
        }
    };
    let groups = manifest.groups.iter().filter_map(|name| name.as_str().parse::<GroupName>().ok()).collect();
    let selection = Selection { extras, all_extras, groups, project: true };
    let chosen = select(uv_lock, Some(project.name.as_str()), &target, &selection)
        .map_err(|source| PlanError::Select { platform, source: Box::new(source) })?;
    Ok(chosen
        .into_iter()
        .map(|chosen| Recipe::Wheel(Box::new(WheelRecipe { chosen, layout: layout.clone() })))
        .collect())
}
