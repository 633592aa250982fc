//! Build steps: each is a command in a sandbox, and what it left is a tree.
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use invar_fetch::Request;
use invar_launcher::{Launcher, Machine, launcher};
use invar_plan::{PackageRecipe, Plan, StepPlan};
use invar_project::{Platform, Step, StepFetch, StepName, Wrap};
use invar_sandbox::Ownership;
use invar_store::{Key, Store, StoredTree};
use invar_tree::{Digest, ImagePath, Mode, Origin, Owner, Sink, SinkError};

use crate::BuildError;
use crate::copy::{copy_tree, failed};
use crate::debian::{debian_checkout, packages_key, path};
use crate::hints::PackagesOf;
use crate::key::key_of;
use crate::needs::{ATTACHMENT, Noting};
use crate::realise::checked_blob;
use crate::source::SourceTree;
use crate::tools::Tools;
use crate::vendored::Vendored;
use crate::workshop::{Job, Workshop};

/// What a step leaves, by its name.
pub(crate) type Outputs = BTreeMap<StepName, StoredTree>;

/// The checked-out trees of the image so far, for steps that ask for its environment.
pub(crate) type Environment<'a> = &'a (dyn Fn() -> Result<Vec<PathBuf>, BuildError> + Sync);

/// A step whose key is known: nothing has been fetched or run for it yet.
pub(crate) struct Prepared<'a> {
    pub planned: &'a StepPlan,
    pub key: Key,
    source: SourceTree,
    fetches: Vec<(StepFetch, Digest)>,
}

/// Finds out what the steps of `plan` depend on. `environment` stands for the image so far, for steps that ask for it.
///
/// # Errors
/// What reading the project's folder says, and [`BuildError::NotLocked`].
pub(crate) fn prepare<'a>(
    workshop: &Workshop<'_>,
    plan: &'a Plan,
    environment: &str,
) -> Result<Vec<Prepared<'a>>, BuildError> {
    let mut all: Vec<Prepared<'a>> = Vec::new();
    for planned in &plan.steps {
        let step = &planned.step;
        let source = SourceTree::of_step(workshop.session, workshop.files, &step.name, &step.inputs)?;
        let fetches = fetches(workshop, step)?;
        let before = all.iter().filter(|earlier| step.after.contains(&earlier.planned.step.name));
        let before: Vec<Key> = before.map(|earlier| earlier.key).collect();
        let environment = if step.environment { environment } else { "" };
        let key = step_key(workshop.platform, planned, &source, &fetches, &before, environment);
        all.push(Prepared { planned, key, source, fetches });
    }
    Ok(all)
}

/// Runs those of `steps` that the store has no outputs of, as many at once as do not wait for each other.
///
/// # Errors
/// The first failure; steps that are running are waited for.
pub(crate) fn run_steps(
    workshop: &Workshop<'_>,
    steps: &[Prepared<'_>],
    environment: Environment<'_>,
) -> Result<Outputs, BuildError> {
    let state = Mutex::new(State { done: Outputs::new(), started: BTreeSet::new(), failure: None });
    let changed = Condvar::new();
    let lock = || state.lock().unwrap_or_else(PoisonError::into_inner);
    // Two at once keep this machine busy: a step may use several processes itself.
    let workers = workshop.session.jobs.clamp(1, 4).min(steps.len());
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                let mut held = lock();
                loop {
                    if held.failure.is_some() || held.started.len() == steps.len() {
                        return;
                    }
                    let ready = |prepared: &&Prepared<'_>| {
                        !held.started.contains(&prepared.planned.step.name)
                            && prepared.planned.step.after.iter().all(|name| held.done.contains_key(name))
                    };
                    let found = match workshop.session.perturbation.backwards {
                        true => steps.iter().rfind(ready),
                        false => steps.iter().find(ready),
                    };
                    let Some(prepared) = found else {
                        held = changed.wait(held).unwrap_or_else(PoisonError::into_inner);
                        continue;
                    };
                    let step = &prepared.planned.step;
                    held.started.insert(step.name.clone());
                    let before: Vec<StoredTree> =
                        step.after.iter().filter_map(|name| held.done.get(name).cloned()).collect();
                    drop(held);
                    let made = run_step(workshop, prepared, &before, environment);
                    held = lock();
                    match made {
                        Ok(tree) => {
                            held.done.insert(step.name.clone(), tree);
                        }
                        Err(error) => {
                            held.failure.get_or_insert(error);
                        }
                    }
                    changed.notify_all();
                }
            });
        }
    });
    let State { done, failure, .. } = state.into_inner().unwrap_or_else(PoisonError::into_inner);
    match failure {
        Some(error) => Err(error),
        None => Ok(done),
    }
}

struct State {
    done: Outputs,
    started: BTreeSet<StepName>,
    failure: Option<BuildError>,
}

fn run_step(
    workshop: &Workshop<'_>,
    prepared: &Prepared<'_>,
    before: &[StoredTree],
    environment: Environment<'_>,
) -> Result<StoredTree, BuildError> {
    let store = &workshop.session.store;
    match store.tree(&prepared.key)? {
        Some(stored) => Ok(stored),
        None => make_step(workshop, prepared, before, environment, store),
    }
}

/// Runs a step, whatever the store has of it, and puts what it makes into the store `into`.
///
/// # Errors
/// What running it says.
pub(crate) fn make_step(
    workshop: &Workshop<'_>,
    prepared: &Prepared<'_>,
    before: &[StoredTree],
    environment: Environment<'_>,
    into: &Store,
) -> Result<StoredTree, BuildError> {
    let Prepared { planned: StepPlan { step, root }, key, source, fetches } = prepared;
    let (key, label) = (*key, format!("step {}", step.name));
    let store = &workshop.session.store;
    let mut sink = into.tree_writer(&key)?;
    let mut noting = Noting::new(&mut sink);
    if let Some(run) = &step.run {
        workshop.check(&label)?;
        let mut roots = vec![path(&debian_checkout(workshop, root)?)];
        if step.environment {
            roots.extend(environment()?);
        }
        let made = before_checkout(workshop, before)?;
        roots.extend(made);
        let vendored = Vendored::of(workshop, source.tree(), source, "", &tools(workshop, step, root))?;
        roots.extend(vendored.iter().map(|vendored| path(&vendored.checkout)));

        let bench = workshop.bench()?;
        bench.fill("", source.tree(), source)?;
        for (fetch, digest) in fetches {
            fetch_file(workshop, fetch, digest)?;
            let (file, _) = store.open_blob(digest)?;
            bench.add_file(&fetch.path.to_string(), file)?;
        }
        let mut variables = vendored.map(|vendored| vendored.environment).unwrap_or_default();
        if step.environment {
            let folder = format!("/{}", invar_plan::ENVIRONMENT);
            variables.insert("PATH".to_owned(), format!("{folder}/bin:{}", invar_tree::SEARCH_PATH));
            variables.insert("VIRTUAL_ENV".to_owned(), folder);
        }
        variables.extend(step.env.iter().map(|(name, value)| (name.to_string(), value.clone())));
        let job = Job {
            label: &label,
            packages_of: Some(PackagesOf::Step(step.name.to_string())),
            key,
            roots,
            command: ["/bin/sh", "-e", "-c", run].map(str::to_owned).into(),
            environment: variables,
            directory: "",
            binds: Vec::new(),
            time: step.timeout.duration(),
            longer: Some("if it needs longer, raise `timeout` in the step's table"),
            ownership: Ownership::Mapped,
        };
        let left = workshop.run(bench, job)?;
        let mut renamed = Renamed { sink: &mut noting, moves: moves(step) };
        for (from, to) in &step.outputs {
            left.capture(&label, &from.to_string(), to, &mut renamed)?;
        }
    }
    for wrap in &step.wraps {
        add_launcher(workshop.platform, step, wrap, &mut noting)?;
    }
    let needs = noting.finish(workshop, root)?;
    Ok(sink.commit(&[(ATTACHMENT, needs.as_slice())])?)
}

/// What a step has to work with: its own packages, and those of the image where it asks for its environment.
fn tools(workshop: &Workshop<'_>, step: &Step, root: &[PackageRecipe]) -> Tools {
    let own = root.iter().map(|package| package.name.to_string());
    if !step.environment {
        return Tools::new(own, []);
    }
    let locked = workshop.lock.platforms.get(&workshop.platform);
    let image = locked.into_iter().flat_map(|locked| locked.packages.keys().map(ToString::to_string));
    let python = workshop.files.uv_lock.iter().flat_map(|lock| &lock.packages);
    Tools::new(own.chain(image), python.map(|package| package.name.to_string()))
}

/// What earlier steps made, at its places in the image.
fn before_checkout(workshop: &Workshop<'_>, before: &[StoredTree]) -> Result<Option<PathBuf>, BuildError> {
    if before.is_empty() {
        return Ok(None);
    }
    let fields: Vec<(String, String)> = before
        .iter()
        .enumerate()
        .map(|(number, tree)| (format!("tree-{number}"), tree.segment_digest().to_string()))
        .collect();
    let checkout =
        crate::copy::check_out(&workshop.session.store, &key_of("step-inputs", &fields), |sink| {
            for stored in before {
                copy_tree(&stored.tree(&Arc::new(Origin::Source))?, stored, sink)?;
            }
            Ok(())
        })?;
    Ok(Some(path(&checkout)))
}

/// What a step depends on: all that is there while it runs, and what becomes of what it leaves.
fn step_key(
    platform: Platform,
    planned: &StepPlan,
    source: &SourceTree,
    fetches: &[(StepFetch, Digest)],
    before: &[Key],
    environment: &str,
) -> Key {
    let StepPlan { step, root } = planned;
    let mut fields = vec![
        ("format".to_owned(), invar_project::FORMAT_VERSION.to_string()),
        ("platform".to_owned(), platform.to_string()),
        ("root".to_owned(), packages_key("root", root).to_string()),
        ("run".to_owned(), step.run.clone().unwrap_or_default()),
        ("inputs".to_owned(), source.tree().digest().to_string()),
        ("environment".to_owned(), environment.to_owned()),
    ];
    let mut add = |name: &str, value: String| fields.push((name.to_owned(), value));
    for (fetch, digest) in fetches {
        add("fetch", format!("{digest} {}", fetch.path));
    }
    for key in before {
        add("after", key.to_string());
    }
    for (from, to) in &step.outputs {
        add("output", format!("{from} -> {to}"));
    }
    for (name, value) in &step.env {
        add("variable", format!("{name}={value}"));
    }
    for (number, Wrap { program, at, env, args }) in step.wraps.iter().enumerate() {
        add(&format!("wrap-{number}-program"), program.to_string());
        add(&format!("wrap-{number}-as"), at.as_ref().map(ToString::to_string).unwrap_or_default());
        for (name, value) in env {
            add(&format!("wrap-{number}-variable"), format!("{name}={value}"));
        }
        for (place, argument) in args.iter().enumerate() {
            add(&format!("wrap-{number}-argument-{place}"), argument.clone());
        }
    }
    key_of("step", &fields)
}

/// The files that a step has fetched, with their digests.
fn fetches(workshop: &Workshop<'_>, step: &Step) -> Result<Vec<(StepFetch, Digest)>, BuildError> {
    let digest = |wanted: &StepFetch| {
        let url = wanted.url.to_string();
        let locked = workshop.lock.fetches.get(&url).map(|locked| locked.sha256);
        let unlocked = || BuildError::NotLocked { what: format!("the file {url} of step {}", step.name) };
        Ok((wanted.clone(), wanted.sha256.or(locked).ok_or_else(unlocked)?))
    };
    step.fetch.iter().map(digest).collect()
}

/// Brings the file of `wanted` into the store.
fn fetch_file(workshop: &Workshop<'_>, wanted: &StepFetch, digest: &Digest) -> Result<(), BuildError> {
    let url = wanted.url.to_string();
    let locked = workshop.lock.fetches.get(&url).filter(|locked| locked.sha256 == *digest);
    let size = locked.map(|locked| locked.size);
    let request = Request { label: url.clone(), urls: vec![url], digest: *digest, size };
    checked_blob(workshop.session, &request, None, || ())?;
    Ok(())
}

/// Where programs of `step` that a launcher takes the place of go: `/app/bin/x` becomes `/app/bin/.x-wrapped`.
fn moves(step: &Step) -> BTreeMap<ImagePath, ImagePath> {
    let in_place = step.wraps.iter().filter(|wrap| is_in_place(wrap) && is_made_by(step, &wrap.program));
    in_place.map(|wrap| (wrap.program.clone(), wrapped(&wrap.program))).collect()
}

/// The programs of other trees that launchers take the place of.
pub(crate) fn displaced(plan: &Plan) -> impl Iterator<Item = (&Step, &ImagePath)> {
    let wraps = plan
        .steps
        .iter()
        .filter(|planned| planned.step.in_image)
        .flat_map(|planned| planned.step.wraps.iter().map(|wrap| (&planned.step, wrap)));
    wraps
        .filter(|(step, wrap)| is_in_place(wrap) && !is_made_by(step, &wrap.program))
        .map(|(step, wrap)| (step, &wrap.program))
}

/// Whether the launcher stands where the program was.
fn is_in_place(wrap: &Wrap) -> bool {
    *wrap.place() == wrap.program
}

fn is_made_by(step: &Step, program: &ImagePath) -> bool {
    step.outputs.values().any(|to| program == to || program.is_within(to.as_str()))
}

/// Where a program is whose place a launcher has taken.
pub(crate) fn wrapped(program: &ImagePath) -> ImagePath {
    let name = format!(".{}-wrapped", program.name());
    let path = match program.parent() {
        Some(parent) => parent.join(&name),
        None => ImagePath::parse(&name),
    };
    // A name that is too long with the ending stays; the launcher would then be refused as a second file.
    path.unwrap_or_else(|_| program.clone())
}

fn add_launcher(platform: Platform, step: &Step, wrap: &Wrap, sink: &mut dyn Sink) -> Result<(), BuildError> {
    let program = if is_in_place(wrap) { wrapped(&wrap.program) } else { wrap.program.clone() };
    let at = wrap.place().clone();
    let request = Launcher {
        machine: match platform {
            Platform::LinuxAmd64 => Machine::X86_64,
            Platform::LinuxArm64 => Machine::Aarch64,
        },
        program: program.to_string(),
        arguments: wrap.args.clone(),
        set: wrap.env.iter().map(|(name, value)| (name.to_string(), value.clone())).collect(),
        ..Launcher::default()
    };
    let bytes = launcher(&request)
        .map_err(|source| BuildError::Launcher { step: step.name.to_string(), source: Box::new(source) })?;
    sink.file(at, Mode::PROGRAM, Owner::ROOT, &mut bytes.as_slice()).map_err(failed)
}

/// Gives some files another name on their way.
struct Renamed<'a> {
    sink: &'a mut dyn Sink,
    moves: BTreeMap<ImagePath, ImagePath>,
}

impl Renamed<'_> {
    fn name(&self, path: ImagePath) -> ImagePath {
        self.moves.get(&path).cloned().unwrap_or(path)
    }
}

impl Sink for Renamed<'_> {
    fn directory(&mut self, path: ImagePath, mode: Mode, owner: Owner) -> Result<(), SinkError> {
        self.sink.directory(path, mode, owner)
    }

    fn file(
        &mut self,
        path: ImagePath,
        mode: Mode,
        owner: Owner,
        content: &mut dyn Read,
    ) -> Result<(), SinkError> {
        let path = self.name(path);
        self.sink.file(path, mode, owner, content)
    }

    fn symlink(&mut self, path: ImagePath, target: Arc<str>, owner: Owner) -> Result<(), SinkError> {
        let path = self.name(path);
        self.sink.symlink(path, target, owner)
    }

    fn copy(&mut self, path: ImagePath, original: &ImagePath) -> Result<(), SinkError> {
        let (path, original) = (self.name(path), self.name(original.clone()));
        self.sink.copy(path, &original)
    }
}
