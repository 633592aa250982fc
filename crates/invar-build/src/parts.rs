//! All trees of an image: realised, configured, built, run, read, compiled.
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use invar_checkout::SourceTree;
use invar_maintscript::HANDLERS_VERSION;
use invar_plan::{LayerName, PackageRecipe, Recipe, SourceBuild};
use invar_project::{GlobList, Identity, LockedInterpreter, Step, StepName};
use invar_python::{DistributionName, virtual_environment};
use invar_realise::{check_out, copy_tree, each, key, realise, sink_failure};
use invar_store::{Key, KeyWriter, Keyed, StoredTree};
use invar_tree::{Contents, Digest, ImagePath, MemoryTree, Node, Origin, Sink as _, Tree};

use crate::build::Assembly;
use crate::bytecode::{Candidate, Compiled, Interpreter, compile};
use crate::debian::{ConfiguredPackages, Debian, configuration_key, path};
use crate::layer::{LayerRequest, Piece, PieceSource};
use crate::python_source;
use crate::root::{Overlay, Root};
use crate::steps::follow::{Links, Moved, follow, links_of};
use crate::steps::{self, displaced, run_steps, wrapped};
use crate::workshop::Workshop;
use crate::{BuildError, needs, scripts};

/// All trees of an image, in the order in which they are merged.
pub(crate) struct Parts {
    pub parts: Vec<Part>,
    /// What the handlers changed; its contents are the last part's.
    overlay: Overlay,
}

/// One tree of an image.
pub(crate) struct Part {
    pub layer: LayerName,
    pub tree: Tree,
    contents: Held,
    /// Whether the image has all of what the contents hold.
    whole: bool,
}

enum Held {
    Stored(StoredTree),
    /// A tree of the store of which some is elsewhere.
    Moved(Moved),
    Memory(MemoryTree),
    Source,
}

impl Part {
    fn stored(layer: LayerName, origin: Origin, stored: StoredTree) -> Result<Self, BuildError> {
        let tree = stored.tree(&Arc::new(origin))?;
        Ok(Self { layer, tree, contents: Held::Stored(stored), whole: true })
    }

    /// The tree of a step, with each place where the image's links lead.
    fn of_step(name: &StepName, stored: StoredTree, links: Links<'_>) -> Result<Self, BuildError> {
        let mut part =
            Self::stored(LayerName::Steps, Origin::Step { name: name.to_string() }, stored.clone())?;
        if let Some(moved) = Moved::of(&part.tree, &stored, links)? {
            part.tree = moved.tree.clone();
            part.contents = Held::Moved(moved);
            part.whole = false;
        }
        Ok(part)
    }

    fn memory(layer: LayerName, memory: MemoryTree) -> Self {
        Self { layer, tree: memory.tree().clone(), contents: Held::Memory(memory), whole: true }
    }

    pub fn contents<'a>(&'a self, source: &'a SourceTree) -> &'a (dyn Contents + Sync) {
        match &self.contents {
            Held::Stored(stored) => stored,
            Held::Moved(moved) => moved,
            Held::Memory(memory) => memory,
            Held::Source => source,
        }
    }
}

/// The keys of what commands make: builds and steps in their order, and the maintainer scripts.
pub(crate) struct CommandTrees {
    pub builds: Vec<Key>,
    pub steps: Vec<Key>,
    pub scripts: Option<Key>,
}

/// The image so far, as a step has it that asks for it.
struct StepEnvironment {
    recipes: Vec<Key>,
    builds: Vec<Key>,
}

impl Keyed for StepEnvironment {
    const DOMAIN: &'static str = "step-environment";
    const VERSION: u32 = HANDLERS_VERSION;

    fn encode(&self, writer: &mut KeyWriter) {
        writer.list(&self.recipes, KeyWriter::key);
        writer.list(&self.builds, KeyWriter::key);
    }
}

/// The image's Debian packages as a folder, over which steps are run.
struct ImageCheckout<'a>(&'a [PackageRecipe]);

impl Keyed for ImageCheckout<'_> {
    const DOMAIN: &'static str = "image-checkout";
    const VERSION: u32 = 1;

    fn encode(&self, writer: &mut KeyWriter) {
        writer.keyed(&ConfiguredPackages(self.0));
    }
}

/// The trees of the image's Python environment as a folder.
struct EnvironmentCheckout(Vec<Digest>);

impl Keyed for EnvironmentCheckout {
    const DOMAIN: &'static str = "environment-checkout";
    const VERSION: u32 = 1;

    fn encode(&self, writer: &mut KeyWriter) {
        writer.list(&self.0, KeyWriter::digest);
    }
}

impl Assembly<'_> {
    /// What the trees that commands make depend on: the keys of builds and steps.
    ///
    /// # Errors
    /// What reading the project's folder says.
    pub fn command_trees(&self) -> Result<CommandTrees, BuildError> {
        let workshop = self.workshop();
        let steps = steps::prepare(&workshop, self.plan, self.environment_key()?.as_ref())?;
        let scripts = self.plan.scripts.as_ref();
        Ok(CommandTrees {
            builds: self.build_keys()?,
            steps: steps.iter().map(|prepared| prepared.key).collect(),
            scripts: scripts.map(|root| scripts::key(&workshop, root, &self.packages())),
        })
    }

    /// The keys of the packages that are built.
    fn build_keys(&self) -> Result<Vec<Key>, BuildError> {
        let workshop = self.workshop();
        let sources = self.plan.sources.iter();
        sources
            .map(|build| python_source::prepare(&workshop, build, self.install).map(|prepared| prepared.key))
            .collect()
    }

    /// What stands for the image's Python environment in the keys of steps that ask for it; `None` where none does.
    pub fn environment_key(&self) -> Result<Option<Key>, BuildError> {
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

    /// All trees.
    pub fn parts(&self) -> Result<Parts, BuildError> {
        let workshop = self.workshop();
        let plan = self.plan;
        let (debian, mut parts) = self.parts_before_steps()?;
        if !plan.steps.is_empty() {
            self.add_steps(&workshop, &debian, &mut parts)?;
        }
        let tree = self.source.tree().clone();
        parts.push(Part { layer: LayerName::Project, tree, contents: Held::Source, whole: true });
        if plan.bytecode
            && let Some(interpreter) = &plan.interpreter
        {
            self.add_bytecode(&workshop, &debian, interpreter, &mut parts)?;
        }
        let Debian { overlay, configured, .. } = debian;
        parts.push(Part {
            layer: LayerName::System,
            tree: overlay.tree.clone(),
            contents: Held::Stored(configured),
            whole: true,
        });
        Ok(Parts { parts, overlay })
    }

    /// The trees of all packages: what is there when steps are run.
    fn parts_before_steps(&self) -> Result<(Debian, Vec<Part>), BuildError> {
        let workshop = self.workshop();
        let plan = self.plan;
        let recipes: Vec<Recipe> = plan.recipes().cloned().collect();
        let times = |suite: &str| workshop.times(suite);
        let mut stored = realise(self.session, &recipes, &times, &self.files.folder)?;
        let count = recipes.iter().filter(|recipe| matches!(recipe, Recipe::Package(_))).count();
        let wheels = stored.split_off(count);
        let mut debian = Debian::of(&workshop, recipes[..count].to_vec(), stored)?;
        if let Some(root) = &plan.scripts {
            scripts::run(&workshop, &mut debian, root)?;
        }

        let mut parts = Vec::new();
        let layers = plan.layers.iter().flat_map(|layer| layer.recipes.iter().map(|_| layer.name));
        let trees = debian.trees.iter().map(|(_, stored)| stored.clone()).chain(wheels);
        for ((layer, recipe), stored) in layers.zip(&recipes).zip(trees) {
            let mut part = Part::stored(layer, recipe.origin(), stored)?;
            if let Recipe::Wheel(wheel) = recipe {
                self.exclude(&mut part, wheel.chosen.name.as_str());
            }
            parts.push(part);
        }
        if let Some(interpreter) = &plan.interpreter {
            for (build, stored) in self.build_sources(&workshop, interpreter)? {
                let version = String::from_utf8(stored.attachment("version")?).unwrap_or_default();
                let name = build.chosen.name.to_string();
                let layer = if build.is_of_project() { LayerName::Project } else { LayerName::Dependencies };
                let mut part = Part::stored(layer, Origin::Wheel { name: name.clone(), version }, stored)?;
                self.exclude(&mut part, &name);
                parts.push(part);
            }
            if let Some(layout) = plan.environment()? {
                let version = interpreter.version.to_string();
                let environment = virtual_environment(&layout, &interpreter.path, &version);
                parts.push(Part::memory(LayerName::Interpreter, environment));
            }
        }
        Ok((debian, parts))
    }

    /// The image so far as folders, for a step that asks for its environment.
    ///
    /// # Errors
    /// What making the trees of its packages says.
    pub fn environment_for_steps(&self) -> Result<Vec<PathBuf>, BuildError> {
        let (debian, parts) = self.parts_before_steps()?;
        self.check_out_environment(&self.workshop(), &debian, &parts)
    }

    /// Leaves out what the manifest excludes of the distribution `name`.
    fn exclude(&self, part: &mut Part, name: &str) {
        let own: Option<DistributionName> = name.parse().ok();
        let Some(own) = own.and_then(|name| self.files.manifest.python.overrides.get(&name)) else { return };
        if own.exclude.is_empty() {
            return;
        }
        let Ok(Some(layout)) = self.plan.environment() else { return };
        let environment = format!("{}/", layout.prefix.as_str());
        let place = format!("{environment}{}/", layout.site_packages());
        let Ok(globs) = GlobList::new(&own.exclude) else { return };
        // Beside modules, a package has programs: `bin/NAME`.
        let excluded = |path: &ImagePath| {
            let path = path.as_str();
            let program = || path.strip_prefix(&environment).filter(|inner| inner.starts_with("bin/"));
            let inner = path.strip_prefix(&place).or_else(program);
            inner.is_some_and(|inner| globs.covering(inner).is_some())
        };
        let gone: Vec<ImagePath> = part
            .tree
            .iter()
            .filter(|(path, entry)| !entry.is_directory() && excluded(path))
            .map(|(path, _)| path.clone())
            .collect();
        for path in &gone {
            part.tree.remove(path);
            part.whole = false;
        }
        // Folders that held nothing else go too, the deepest first.
        let above: BTreeSet<ImagePath> = gone.iter().flat_map(ImagePath::ancestors).collect();
        for folder in above.iter().rev().filter(|folder| folder.as_str().starts_with(&place)) {
            // What is within a folder begins with the folder itself.
            if part.tree.within(folder.as_str()).nth(1).is_none() {
                part.tree.remove(folder);
            }
        }
    }

    /// Builds what has to be built, some at once.
    fn build_sources(
        &self,
        workshop: &Workshop<'_>,
        interpreter: &LockedInterpreter,
    ) -> Result<Vec<(&SourceBuild, StoredTree)>, BuildError> {
        let mut builds: Vec<&SourceBuild> = self.plan.sources.iter().collect();
        let backwards = self.session.perturbation.backwards;
        if backwards {
            builds.reverse();
        }
        let trees = each(self.session.pool.threads.clamp(1, 4), &builds, |build| {
            python_source::prepare(workshop, build, self.install)
                .and_then(|prepared| prepared.make(workshop, interpreter))
        })?;
        let mut made: Vec<(&SourceBuild, StoredTree)> = builds.into_iter().zip(trees).collect();
        if backwards {
            made.reverse();
        }
        Ok(made)
    }

    /// Runs the steps, and puts the launchers in the places of the programs that they start.
    fn add_steps(
        &self,
        workshop: &Workshop<'_>,
        debian: &Debian,
        parts: &mut Vec<Part>,
    ) -> Result<(), BuildError> {
        let prepared = steps::prepare(workshop, self.plan, self.environment_key()?.as_ref())?;
        let so_far: &[Part] = parts;
        let environment = || self.check_out_environment(workshop, debian, so_far);
        let outputs = run_steps(workshop, &prepared, &environment)?;
        let links = links_of(parts.iter().map(|part| &part.tree).chain([&debian.overlay.tree]));
        let links = |place: &str| links.get(place).cloned();
        let mut made = Vec::new();
        for planned in self.plan.steps.iter().filter(|planned| planned.step.in_image) {
            let name = &planned.step.name;
            let stored = outputs.get(name).expect("every step has been run").clone();
            made.push(Part::of_step(name, stored, &links)?);
        }
        for (step, program) in displaced(self.plan) {
            let named = program;
            let program = &follow(program, &links);
            let owner = parts
                .iter_mut()
                .chain(&mut made)
                .filter(|part| !is_of(part, step))
                .find(|part| part.tree.get(program.as_str()).is_some_and(|entry| !entry.is_directory()));
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
            made.push(Part::memory(LayerName::Steps, moved));
        }
        parts.extend(made);
        Ok(())
    }

    /// The image so far as folders: its Debian packages, and its Python environment.
    fn check_out_environment(
        &self,
        workshop: &Workshop<'_>,
        debian: &Debian,
        parts: &[Part],
    ) -> Result<Vec<PathBuf>, BuildError> {
        let store = &workshop.session.store;
        let system_key = ImageCheckout(&self.packages()).key();
        let system = check_out(store, &system_key, |sink| -> Result<(), BuildError> {
            let root = debian.root()?;
            Ok(debian.with_contents(&root, |contents| copy_tree(&root.tree, contents, sink))?)
        })?;
        let environment: Vec<&Part> = parts[debian.trees.len()..].iter().collect();
        let environment_key =
            EnvironmentCheckout(environment.iter().map(|part| part.tree.digest()).collect()).key();
        let environment = check_out(store, &environment_key, |sink| -> Result<(), BuildError> {
            let mut parts = environment.iter();
            Ok(parts.try_for_each(|part| copy_tree(&part.tree, part.contents(self.source), sink))?)
        })?;
        Ok(vec![path(&system), path(&environment)])
    }

    /// Compiles the Python files of all parts.
    fn add_bytecode(
        &self,
        workshop: &Workshop<'_>,
        debian: &Debian,
        locked: &LockedInterpreter,
        parts: &mut Vec<Part>,
    ) -> Result<(), BuildError> {
        let packages = self.packages();
        let interpreter = Interpreter::among(locked, &packages, &debian.controls);
        let mut candidates = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            let of = part.tree.iter().next().map(|(_, entry)| entry.origin.to_string()).unwrap_or_default();
            candidates.push(Candidate {
                tree: &part.tree,
                contents: part.contents(self.source),
                of,
                is_interpreter: packages.get(index).is_some_and(|package| interpreter.has(&package.name)),
                changes: matches!(part.contents, Held::Source),
            });
        }
        let compiled = compile(workshop, &interpreter, &candidates)?;
        let origins: Vec<String> = candidates.into_iter().map(|candidate| candidate.of).collect();
        let mut made = Vec::new();
        for ((part, compiled), of) in parts.iter().zip(compiled).zip(origins) {
            match compiled {
                Some(Compiled::Stored(stored)) => {
                    made.push(Part::stored(part.layer, Origin::Bytecode { of }, stored)?);
                }
                Some(Compiled::Memory(tree)) => made.push(Part::memory(part.layer, tree)),
                None => {}
            }
        }
        parts.extend(made);
        Ok(())
    }

    /// The keys of all trees that the image is made of, as far as they are in the store under a key.
    pub fn tree_keys(&self) -> Vec<Key> {
        let recipes: Vec<Recipe> = self.plan.recipes().cloned().collect();
        let packages: Vec<Recipe> =
            recipes.iter().filter(|recipe| matches!(recipe, Recipe::Package(_))).cloned().collect();
        let workshop = self.workshop();
        let mut keys: Vec<Key> = recipes.iter().map(key).collect();
        keys.push(configuration_key(&packages));
        if let Some(root) = &self.plan.scripts {
            keys.push(scripts::key(&workshop, root, &self.packages()));
        }
        for build in &self.plan.sources {
            keys.extend(python_source::prepare(&workshop, build, self.install).map(|prepared| prepared.key));
        }
        if let Ok(environment) = self.environment_key()
            && let Ok(steps) = steps::prepare(&workshop, self.plan, environment.as_ref())
        {
            keys.extend(steps.iter().map(|prepared| prepared.key));
        }
        keys
    }
}

/// Whether `part` is what `step` has made.
fn is_of(part: &Part, step: &Step) -> bool {
    let (_, entry) = match part.tree.iter().next() {
        Some(first) => first,
        None => return false,
    };
    matches!(&*entry.origin, Origin::Step { name } if *name == step.name.to_string())
}

impl Parts {
    /// All trees but the handlers', which is laid over them.
    pub fn merge(&self) -> Result<Root, BuildError> {
        let (_, merged) = self.parts.split_last().expect("the handlers' part is always there");
        let trees: Vec<&Tree> = merged.iter().map(|part| &part.tree).collect();
        let mut root = Root::merge(&trees, &self.overlay).map_err(BuildError::Clash)?;
        root.dropped.push(Default::default());
        Ok(root)
    }

    /// A user or group that the image is to run as must be in it: the engine would refuse to start it.
    pub fn check_user(&self, root: &Root, assembly: &Assembly<'_>) -> Result<(), BuildError> {
        let Some(user) = &assembly.files.manifest.image.user else { return Ok(()) };
        for (identity, file) in [(Some(&user.user), "etc/passwd"), (user.group.as_ref(), "etc/group")] {
            let Some(Identity::Name(name)) = identity else { continue };
            let found = self.read(root, file, assembly.source)?;
            let known = found.lines().any(|line| line.split(':').next() == Some(name.as_ref()));
            if !known {
                return Err(BuildError::NoAccount { name: name.to_string(), file: format!("/{file}") });
            }
        }
        Ok(())
    }

    /// Warns of libraries that were there where something was built, and are not in the image.
    pub fn warn_of_needs(&self, root: &Root, assembly: &Assembly<'_>) {
        for part in &self.parts {
            let stored = match &part.contents {
                Held::Stored(stored) => Some(stored),
                Held::Moved(moved) => Some(moved.stored()),
                Held::Memory(_) | Held::Source => None,
            };
            if let Some(stored) = stored
                && let Some((_, entry)) = part.tree.iter().next()
            {
                needs::warn(&assembly.workshop(), &entry.origin, stored, &root.tree);
            }
        }
    }

    /// The text of the file at `path`; nothing where the image has none.
    pub fn read(&self, root: &Root, path: &str, source: &SourceTree) -> Result<String, BuildError> {
        let Some(entry) = root.tree.get(path) else { return Ok(String::new()) };
        let brought = |part: &&Part| part.tree.get(path).is_some_and(|own| own.origin == entry.origin);
        let Some(part) = self.parts.iter().find(brought) else { return Ok(String::new()) };
        let path = ImagePath::parse(path).expect("it is a relative path");
        let bytes = part.contents(source).read(&path);
        let bytes = bytes.map_err(|source| BuildError::Read { path: path.to_string().into(), source })?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The layer `name` of `root`.
    pub fn layer<'a>(&'a self, root: &Root, name: LayerName, source: &'a SourceTree) -> LayerRequest<'a> {
        let parts = || self.parts.iter().enumerate().filter(|(_, part)| part.layer == name);
        let directories = root.directories(parts().map(|(_, part)| &part.tree));
        let pieces = parts()
            .map(|(index, part)| Piece {
                kept: root.kept(index, &part.tree),
                source: match &part.contents {
                    Held::Stored(stored) if part.whole && root.dropped[index].is_empty() => {
                        PieceSource::Whole(stored)
                    }
                    _ => PieceSource::Loose(part.contents(source)),
                },
            })
            .collect();
        LayerRequest { directories, pieces }
    }
}

#[cfg(test)]
mod keys {
    use super::*;

    const CHANGED: &str = "if this is intended, raise the VERSION of the domain and pin the new key";

    #[test]
    fn the_keys_are_pinned() {
        let key = ConfiguredPackages(&[]).key();
        let environment = StepEnvironment { recipes: vec![key], builds: vec![key, key] };
        assert_eq!(
            environment.describe(),
            "step-environment 1 b3dc2a542e16583e5721ef6fedaa084c5df3b7ce80cabdd3e8818ed05d4c162f",
            "{CHANGED}"
        );
        assert_eq!(
            ImageCheckout(&[]).describe(),
            "image-checkout 1 0d7ea7f8d0531f8bbfab8baaa94c9f5a52e6bdf34544bf1cc5dc46e80dd11dd9",
            "{CHANGED}"
        );
        assert_eq!(
            EnvironmentCheckout(vec![Digest::of(b"one"), Digest::of(b"two")]).describe(),
            "environment-checkout 1 d27bde63ee86a0dc36390daf020912d6b315240d3a33047338d4e5d32a69ca92",
            "{CHANGED}"
        );
    }
}
