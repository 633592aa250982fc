//! An image in the making: what it is assembled from.
mod key;
mod layers;
mod package_files;
mod trees;
mod users;

use std::sync::OnceLock;

use invar_checkout::{ProjectFiles, SourceTree};
use invar_plan::{PackageRecipe, Plan, Recipe};
use invar_project::InvarLock;
use invar_realise::key;
use invar_run::{
    BuildContext, Install, PreparedBuild, PreparedStep, RunError, configuration_key, prepare_build,
    prepare_steps, scripts_key,
};
use invar_store::{Key, Keyed as _};

use self::key::{CommandTrees, ImageLayers, StepEnvironment};
use crate::{BuildError, Session};

/// What an image is assembled from.
pub(crate) struct Assembly<'a> {
    pub session: &'a Session<'a>,
    pub files: &'a ProjectFiles,
    pub lock: &'a InvarLock,
    pub plan: &'a Plan,
    pub source: &'a SourceTree,
    /// How packages of the project are installed.
    pub install: Install,
    /// What is built from source and how it depends on its inputs, which are read once.
    builds: OnceLock<Vec<PreparedBuild<'a>>>,
    /// The same of steps.
    steps: OnceLock<Vec<PreparedStep<'a>>>,
}

impl<'a> Assembly<'a> {
    /// An image of `files`, of which `plan` is a part.
    pub fn new(
        session: &'a Session<'a>,
        files: &'a ProjectFiles,
        lock: &'a InvarLock,
        plan: &'a Plan,
        source: &'a SourceTree,
        install: Install,
    ) -> Self {
        let (builds, steps) = (OnceLock::new(), OnceLock::new());
        Self { session, files, lock, plan, source, install, builds, steps }
    }

    /// Where commands are run for this image.
    pub fn context(&self) -> BuildContext<'a> {
        BuildContext {
            sources: &self.session.sources,
            runner: &self.session.runner,
            files: self.files,
            lock: self.lock,
            platform: self.plan.platform,
        }
    }

    /// What is built from source.
    ///
    /// # Errors
    /// What reading the project's directory says.
    pub fn builds(&self) -> Result<&[PreparedBuild<'a>], RunError> {
        if let Some(builds) = self.builds.get() {
            return Ok(builds);
        }
        let context = self.context();
        let builds = self.plan.sources.iter().map(|build| prepare_build(&context, build, self.install));
        let builds = builds.collect::<Result<Vec<_>, _>>()?;
        Ok(self.builds.get_or_init(|| builds))
    }

    /// The steps.
    ///
    /// # Errors
    /// What reading the project's directory says.
    pub fn steps(&self) -> Result<&[PreparedStep<'a>], RunError> {
        if let Some(steps) = self.steps.get() {
            return Ok(steps);
        }
        let steps = prepare_steps(&self.context(), self.plan, self.environment_key()?.as_ref())?;
        Ok(self.steps.get_or_init(|| steps))
    }

    /// The key of everything that the layers depend on.
    pub fn key(&self) -> Result<Key, BuildError> {
        let layers = self.plan.layers.iter();
        Ok(ImageLayers {
            layers: layers.map(|layer| (layer.name, layer.recipes.iter().map(key).collect())).collect(),
            interpreter: self.plan.interpreter.as_ref(),
            user: self.files.manifest.image.user.as_ref(),
            users: &self.files.manifest.image.users,
            source: self.source.tree().digest(),
            commands: self.command_trees()?,
            bytecode: self.plan.bytecode,
            overrides: &self.files.manifest.python.overrides,
        }
        .key())
    }

    /// What the trees that commands make depend on: the keys of builds and steps.
    ///
    /// # Errors
    /// What reading the project's folder says.
    fn command_trees(&self) -> Result<CommandTrees, RunError> {
        let context = self.context();
        let scripts = self.plan.scripts.as_ref();
        Ok(CommandTrees {
            builds: self.build_keys()?,
            steps: self.steps()?.iter().map(|prepared| prepared.key).collect(),
            scripts: scripts.map(|root| scripts_key(&context, root, &self.packages())),
        })
    }

    /// The keys of the packages that are built.
    fn build_keys(&self) -> Result<Vec<Key>, RunError> {
        Ok(self.builds()?.iter().map(|prepared| prepared.key).collect())
    }

    /// What stands for the image's Python environment in the keys of steps that ask for it; `None` where none does.
    fn environment_key(&self) -> Result<Option<Key>, RunError> {
        if !self.plan.steps.iter().any(|planned| planned.step.environment) {
            return Ok(None);
        }
        let recipes = self.plan.recipes().map(key).collect();
        Ok(Some(StepEnvironment { recipes, builds: self.build_keys()? }.key()))
    }

    /// The image's Debian packages.
    fn packages(&self) -> Vec<PackageRecipe> {
        let package = |recipe: &Recipe| match recipe {
            Recipe::Package(package) => Some(package.clone()),
            Recipe::Wheel(_) => None,
        };
        self.plan.recipes().filter_map(package).collect()
    }

    /// The keys of all trees that the image consists of, as far as they are in the store under a key.
    pub fn tree_keys(&self) -> Vec<Key> {
        let recipes: Vec<Recipe> = self.plan.recipes().cloned().collect();
        let packages: Vec<Recipe> =
            recipes.iter().filter(|recipe| matches!(recipe, Recipe::Package(_))).cloned().collect();
        let context = self.context();
        let mut keys: Vec<Key> = recipes.iter().map(key).collect();
        keys.push(configuration_key(&packages));
        if let Some(root) = &self.plan.scripts {
            keys.push(scripts_key(&context, root, &self.packages()));
        }
        keys.extend(self.builds().into_iter().flatten().map(|prepared| prepared.key));
        keys.extend(self.steps().into_iter().flatten().map(|prepared| prepared.key));
        keys
    }
}
