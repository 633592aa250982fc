//! The trees of an image: realised, configured, built, run, read, compiled.
use std::sync::Arc;

use invar_plan::{LayerName, Recipe, SourceBuild};
use invar_project::{LockedInterpreter, Step};
use invar_python::{DistributionName, virtual_environment};
use invar_realise::{check_out, copy_tree, each, realise, sink_failure};
use invar_run::{
    BuildContext, Candidate, Compiled, DebianRoot, Interpreter, PreparedBuild, RunError, compile,
    copy_packages, displaced, follow, links_of, run_maintainer_scripts, run_steps, wrapped,
};
use invar_store::{Checkout, Keyed as _, StoredTree};
use invar_tree::{Contents, MemoryTree, Node, Origin, Sink as _, Tree};

use super::Assembly;
use super::key::{EnvironmentCheckout, ImageCheckout};
use super::package_files;
use super::users::users;
use crate::BuildError;
use crate::image_trees::{ContentSource, ImageTrees, LayerInput};

impl<'a> Assembly<'a> {
    /// All trees.
    pub fn trees(&self) -> Result<ImageTrees, BuildError> {
        let context = self.context();
        let plan = self.plan;
        let (debian, mut inputs) = self.trees_before_steps()?;
        if !plan.steps.is_empty() {
            self.add_steps(&context, &debian, &mut inputs)?;
        }
        let tree = self.source.tree().clone();
        inputs.push(LayerInput {
            layer: LayerName::Project,
            tree,
            contents: ContentSource::Source,
            whole: true,
        });
        if plan.bytecode
            && let Some(interpreter) = &plan.interpreter
        {
            self.add_bytecode(&context, &debian, interpreter, &mut inputs)?;
        }
        let DebianRoot { mut overlay, configured, .. } = debian;
        let accounts = &self.files.manifest.image.users;
        if !accounts.is_empty() {
            let users = users(accounts.iter(), &mut overlay, &configured, &mut inputs, self.source)?;
            inputs.push(users);
        }
        inputs.push(LayerInput {
            layer: LayerName::System,
            tree: overlay.tree.clone(),
            contents: ContentSource::Stored(configured),
            whole: accounts.is_empty(),
        });
        Ok(ImageTrees::new(inputs, overlay))
    }

    /// The trees of all packages: what is there when steps are run.
    fn trees_before_steps(&self) -> Result<(DebianRoot, Vec<LayerInput>), RunError> {
        let context = self.context();
        let plan = self.plan;
        let recipes: Vec<Recipe> = plan.recipes().cloned().collect();
        let times = |suite: &str| context.times(suite);
        let mut stored = realise(&self.session.sources, &recipes, &times, &self.files.folder)?;
        let count = recipes.iter().filter(|recipe| matches!(recipe, Recipe::Package(_))).count();
        let wheels = stored.split_off(count);
        let mut debian = DebianRoot::of(&context, recipes[..count].to_vec(), stored)?;
        if let Some(root) = &plan.scripts {
            run_maintainer_scripts(&context, &mut debian, root)?;
        }

        let mut inputs = Vec::new();
        let layers = plan.layers.iter().flat_map(|layer| layer.recipes.iter().map(|_| layer.name));
        let mut wheels = wheels.into_iter();
        for (index, (layer, recipe)) in layers.zip(&recipes).enumerate() {
            let mut input = match debian.packages.get(index) {
                Some(package) => LayerInput::of_package(layer, package),
                None => {
                    let stored = wheels.next().expect("each recipe has a tree");
                    LayerInput::stored(layer, recipe.origin(), stored)?
                }
            };
            if let Recipe::Wheel(wheel) = recipe {
                self.exclude(&mut input, wheel.chosen.name.as_str())?;
            }
            inputs.push(input);
        }
        if let Some(interpreter) = &plan.interpreter {
            for (build, stored) in self.build_sources(&context, interpreter)? {
                let version = String::from_utf8(stored.attachment("version")?).unwrap_or_default();
                let name = build.chosen.name.to_string();
                let layer = if build.is_of_project() { LayerName::Project } else { LayerName::Dependencies };
                let mut input =
                    LayerInput::stored(layer, Origin::Wheel { name: name.clone(), version }, stored)?;
                self.exclude(&mut input, &name)?;
                inputs.push(input);
            }
            if let Some(layout) = plan.environment()? {
                for sentence in package_files::settle(&mut inputs, &layout) {
                    self.session.sources.reporter.warn(&sentence);
                }
                let version = interpreter.version.to_string();
                let environment = virtual_environment(&layout, &interpreter.path, &version);
                inputs.push(LayerInput::memory(LayerName::Interpreter, environment));
            }
        }
        Ok((debian, inputs))
    }

    /// The image so far as folders, for a step that asks for its environment.
    ///
    /// # Errors
    /// What making the trees of its packages says.
    pub fn environment_for_steps(&self) -> Result<Vec<Checkout>, RunError> {
        let (debian, inputs) = self.trees_before_steps()?;
        self.check_out_environment(&self.context(), &debian, &inputs)
    }

    /// Leaves out what the manifest excludes of the distribution `name`.
    fn exclude(&self, input: &mut LayerInput, name: &str) -> Result<(), RunError> {
        let own: Option<DistributionName> = name.parse().ok();
        if let Some(own) = own.and_then(|name| self.files.manifest.python.overrides.get(&name))
            && let Some(layout) = self.plan.environment()?
        {
            package_files::exclude(input, &own.exclude, &layout);
        }
        Ok(())
    }

    /// Builds what has to be built, some at once.
    fn build_sources(
        &self,
        context: &BuildContext<'_>,
        interpreter: &LockedInterpreter,
    ) -> Result<Vec<(&'a SourceBuild, StoredTree)>, RunError> {
        let mut builds: Vec<&PreparedBuild<'a>> = self.builds()?.iter().collect();
        let backwards = self.session.sources.pool.backwards;
        if backwards {
            builds.reverse();
        }
        let threads = self.session.sources.pool.threads.clamp(1, 4);
        let trees = each(threads, &builds, |prepared| prepared.make(context, interpreter))?;
        let built = builds.into_iter().map(|prepared| prepared.build).zip(trees);
        let mut built: Vec<(&SourceBuild, StoredTree)> = built.collect();
        if backwards {
            built.reverse();
        }
        Ok(built)
    }

    /// Runs the steps, and puts the launchers in the places of the programs that they start.
    fn add_steps(
        &self,
        context: &BuildContext<'_>,
        debian: &DebianRoot,
        inputs: &mut Vec<LayerInput>,
    ) -> Result<(), BuildError> {
        let prepared = self.steps()?;
        let so_far: &[LayerInput] = inputs;
        let environment = || self.check_out_environment(context, debian, so_far);
        let outputs = run_steps(context, prepared, &environment)?;
        let links = links_of(inputs.iter().map(|input| &input.tree).chain([&debian.overlay.tree]));
        let links = |place: &str| links.get(place).cloned();
        let mut made = Vec::new();
        for planned in self.plan.steps.iter().filter(|planned| planned.step.in_image) {
            let name = &planned.step.name;
            let stored = outputs.get(name).expect("every step has been run").clone();
            made.push(LayerInput::of_step(name, stored, &links)?);
        }
        for (step, program) in displaced(self.plan) {
            let named = program;
            let program = &follow(program, &links);
            let owner =
                inputs.iter_mut().chain(&mut made).filter(|input| !is_of(input, step)).find(|input| {
                    input.tree.get(program.as_str()).is_some_and(|entry| !entry.is_directory())
                });
            let missing =
                || BuildError::NoProgram { step: step.name.to_string(), program: named.to_string() };
            let owner = owner.ok_or_else(missing)?;
            let entry = owner.tree.get(program.as_str()).expect("it was found").clone();
            let mut moved = MemoryTree::new(Origin::clone(&entry.origin));
            let place = wrapped(program);
            match &entry.node {
                Node::Symlink { target } => {
                    moved.symlink(place, Arc::clone(target), entry.owner).map_err(sink_failure)?
                }
                _ => {
                    let mut content = owner.contents(self.source).open(program).map_err(BuildError::Write)?;
                    moved.file(place, entry.mode, entry.owner, &mut content).map_err(sink_failure)?;
                }
            }
            owner.tree.remove(program);
            owner.whole = false;
            made.push(LayerInput::memory(LayerName::Steps, moved));
        }
        inputs.extend(made);
        Ok(())
    }

    /// The image so far as folders: its Debian packages, and its Python environment.
    fn check_out_environment(
        &self,
        context: &BuildContext<'_>,
        debian: &DebianRoot,
        inputs: &[LayerInput],
    ) -> Result<Vec<Checkout>, RunError> {
        let store = &context.sources.store;
        let system_key = ImageCheckout(&self.packages()).key();
        let system = check_out(store, &system_key, |sink| -> Result<(), RunError> {
            let root = debian.root()?;
            Ok(debian.with_contents(&root, |contents| copy_tree(&root.tree, contents, sink))?)
        })?;
        let environment: Vec<&LayerInput> = inputs[debian.packages.len()..].iter().collect();
        let environment_key =
            EnvironmentCheckout(environment.iter().map(|input| input.tree.digest()).collect()).key();
        let environment = check_out(store, &environment_key, |sink| -> Result<(), RunError> {
            let inputs = environment.iter();
            let packages: Vec<(&Tree, &dyn Contents)> =
                inputs.map(|input| (&input.tree, input.contents(self.source) as &dyn Contents)).collect();
            Ok(copy_packages(&packages, sink)?)
        })?;
        Ok(vec![system, environment])
    }

    /// Compiles the Python files of all inputs.
    fn add_bytecode(
        &self,
        context: &BuildContext<'_>,
        debian: &DebianRoot,
        locked: &LockedInterpreter,
        inputs: &mut Vec<LayerInput>,
    ) -> Result<(), BuildError> {
        let packages = self.packages();
        let interpreter = Interpreter::among(locked, &packages, &debian.controls);
        let mut candidates = Vec::new();
        for (index, input) in inputs.iter().enumerate() {
            let of = input.tree.iter().next().map(|(_, entry)| entry.origin.to_string()).unwrap_or_default();
            candidates.push(Candidate {
                tree: &input.tree,
                contents: input.contents(self.source),
                of,
                is_interpreter: packages.get(index).is_some_and(|package| interpreter.has(&package.name)),
                changes: matches!(input.contents, ContentSource::Source),
            });
        }
        let compiled = compile(context, &interpreter, &candidates)?;
        let origins: Vec<String> = candidates.into_iter().map(|candidate| candidate.of).collect();
        let mut made = Vec::new();
        for ((input, compiled), of) in inputs.iter().zip(compiled).zip(origins) {
            match compiled {
                Some(Compiled::Stored(stored)) => {
                    made.push(LayerInput::stored(input.layer, Origin::Bytecode { of }, stored)?);
                }
                Some(Compiled::Memory(tree)) => made.push(LayerInput::memory(input.layer, tree)),
                None => {}
            }
        }
        inputs.extend(made);
        Ok(())
    }
}

/// Whether `input` is what `step` has made.
fn is_of(input: &LayerInput, step: &Step) -> bool {
    let (_, entry) = match input.tree.iter().next() {
        Some(first) => first,
        None => return false,
    };
    matches!(&*entry.origin, Origin::Step { name } if *name == step.name.to_string())
}
