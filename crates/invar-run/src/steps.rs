//! Build steps: each is a command in a sandbox, or says what is to be where, and what comes of it is a tree.
mod fetch;
pub mod follow;
mod key;
mod launch;
mod put;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use invar_checkout::{CheckoutError, SourceTree};
use invar_plan::{PackageRecipe, Plan, StepPlan};
use invar_project::{BuildPath, Step, StepFetch, StepName};
use invar_realise::{RealiseError, Vendored, copy_tree};
use invar_sandbox::Ownership;
use invar_store::{Checkout, Key, Keyed, Store, StoredTree};
use invar_tree::{Digest, ImagePath, Origin};

use self::fetch::{FetchedFiles, fetches};
use self::follow::{Moved, links_of_checkouts};
use self::key::{StepInput, StepInputs, StepOutputs};
pub use self::launch::{displaced, wrapped};
use crate::RunError;
use crate::context::BuildContext;
use crate::debian::debian_checkout;
use crate::executor::{BUILD, Command, Input, RootTree, Wanted};
use crate::hints::PackagesOf;
use crate::needs::ATTACHMENT;
use crate::output_sink::OutputSink;
use crate::run_command::{Advice, unusable};
use crate::tools::Tools;
use crate::vendor_target::vendored;

/// What a step leaves, by its name.
pub type StepTrees = BTreeMap<StepName, StoredTree>;

/// The checked-out trees of the image so far, for steps that ask for its environment.
pub type StepEnvironment<'a> = &'a (dyn Fn() -> Result<Vec<Checkout>, RunError> + Sync);

/// A step whose key is known: nothing has been fetched or run for it yet.
pub struct PreparedStep<'a> {
    /// The step.
    pub planned: &'a StepPlan,
    /// The key of what it makes.
    pub key: Key,
    source: SourceTree,
    fetches: Vec<(StepFetch, Digest)>,
}

/// Finds out what the steps of `plan` depend on. `environment` stands for the image so far, for steps that ask for it.
///
/// # Errors
/// What reading the project's folder says, and [`RunError::NotLocked`].
pub fn prepare_steps<'a>(
    context: &BuildContext<'_>,
    plan: &'a Plan,
    environment: Option<&Key>,
) -> Result<Vec<PreparedStep<'a>>, RunError> {
    let mut all: Vec<PreparedStep<'a>> = Vec::new();
    let warn = |text: &str| context.sources.reporter.warn(text);
    for planned in &plan.steps {
        let step = &planned.step;
        let source = SourceTree::of_step(&warn, context.files, &step.name, &step.inputs)
            .map_err(|error| without_source(context, step, error))?;
        let fetches = fetches(context, step)?;
        let before = all.iter().filter(|earlier| step.after.contains(&earlier.planned.step.name));
        let before: Vec<Key> = before.map(|earlier| earlier.key).collect();
        let key = StepOutputs {
            platform: context.platform,
            planned,
            source: &source.tree().digest(),
            fetches: &fetches,
            before: &before,
            environment: environment.filter(|_| step.environment),
        }
        .key();
        all.push(PreparedStep { planned, key, source, fetches });
    }
    Ok(all)
}

/// Runs those of `steps` that the store has no outputs of, as many at once as do not wait for each other.
///
/// # Errors
/// The first failure; steps that are running are waited for.
pub fn run_steps(
    context: &BuildContext<'_>,
    steps: &[PreparedStep<'_>],
    environment: StepEnvironment<'_>,
) -> Result<StepTrees, RunError> {
    let state = Mutex::new(State { done: StepTrees::new(), started: BTreeSet::new(), failure: None });
    let changed = Condvar::new();
    let lock = || state.lock().unwrap_or_else(PoisonError::into_inner);
    // Two at once keep this machine busy: a step may use several processes itself.
    let workers = context.sources.pool.threads.clamp(1, 4).min(steps.len());
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                let mut held = lock();
                loop {
                    if held.failure.is_some() || held.started.len() == steps.len() {
                        return;
                    }
                    let ready = |prepared: &&PreparedStep<'_>| {
                        !held.started.contains(&prepared.planned.step.name)
                            && prepared.planned.step.after.iter().all(|name| held.done.contains_key(name))
                    };
                    let found = match context.sources.pool.backwards {
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
                    let made = run_step(context, prepared, &before, environment);
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
    done: StepTrees,
    started: BTreeSet<StepName>,
    failure: Option<RunError>,
}

fn run_step(
    context: &BuildContext<'_>,
    prepared: &PreparedStep<'_>,
    before: &[StoredTree],
    environment: StepEnvironment<'_>,
) -> Result<StoredTree, RunError> {
    let store = &context.sources.store;
    match store.tree(&prepared.key)? {
        Some(stored) => Ok(stored),
        None => make_step(context, prepared, before, environment, store),
    }
}

/// Runs a step, whatever the store has of it, and puts what it makes into the store `into`.
///
/// # Errors
/// What running it says.
pub fn make_step(
    context: &BuildContext<'_>,
    prepared: &PreparedStep<'_>,
    before: &[StoredTree],
    environment: StepEnvironment<'_>,
    into: &Store,
) -> Result<StoredTree, RunError> {
    let PreparedStep { planned: StepPlan { step, root }, key, source, fetches } = prepared;
    let (key, label) = (*key, format!("step {}", step.name));
    let mut sink = into.tree_writer(&key)?;
    let mut produced = OutputSink::new(&mut sink);
    produced.moves = launch::moves(step);
    match &step.run {
        Some(run) => {
            context.check(&label)?;
            let mut roots = vec![debian_checkout(context, root)?];
            if step.environment {
                roots.extend(environment()?);
            }
            let earlier = checkout_of_earlier(context, before, &roots)?;
            roots.extend(earlier);
            let vendored = vendored(context, source.tree(), source, "", &tools(context, step, root))?;
            roots.extend(vendored.iter().map(|vendored| vendored.checkout.clone()));
            let fetched = FetchedFiles::of(context, fetches)?;
            let input = |tree, contents| Input { at: "", tree, contents, also_at: None };
            let command = Command {
                label: &label,
                key,
                platform: context.platform,
                root: roots.into_iter().map(RootTree::Checkout).collect(),
                inputs: vec![input(source.tree(), source), input(&fetched.tree, &fetched)],
                arguments: ["/bin/sh", "-e", "-c", run].map(str::to_owned).into(),
                environment: variables(step, vendored),
                directory: String::new(),
                limits: context.limits(step.timeout.duration()),
                ownership: Ownership::Mapped,
                wanted: Wanted::Places(step.outputs.keys().map(output_place).collect::<Result<_, _>>()?),
            };
            let advice = Advice {
                packages_of: Some(PackagesOf::Step(step.name.to_string())),
                longer: Some("to allow more time, increase `timeout` of the step"),
            };
            let outputs = context.run(&command, &advice)?;
            for (from, output) in &step.outputs {
                produced.executable = output.executable;
                let given = outputs.tree.give(&output_place(from)?, &output.path, &mut produced);
                given.map_err(|error| unusable(&label, from.as_str(), error))?;
            }
            produced.executable = None;
        }
        None => put::put_outputs(context, prepared, before, &mut produced)?,
    }
    put::put_given(step, &mut produced)?;
    // A launcher is where its program was.
    produced.moves.clear();
    for wrap in &step.wraps {
        launch::add_launcher(context.platform, step, wrap, &mut produced)?;
    }
    let needs = produced.finish().finish(context, root)?;
    Ok(sink.commit(&[(ATTACHMENT, needs.as_slice())])?)
}

/// The place of an output in the root of a step's command.
fn output_place(from: &BuildPath) -> Result<ImagePath, RunError> {
    let place = match from.as_str().strip_prefix('/') {
        Some(absolute) => absolute.to_owned(),
        None => format!("{BUILD}/{from}"),
    };
    ImagePath::parse(&place).map_err(|error| RealiseError::Write(io::Error::other(error)).into())
}

/// The variables of a step.
fn variables(step: &Step, vendored: Option<Vendored>) -> BTreeMap<String, String> {
    let mut variables = vendored.map(|vendored| vendored.environment).unwrap_or_default();
    if step.environment {
        let folder = format!("/{}", invar_plan::ENVIRONMENT);
        variables.insert("PATH".to_owned(), format!("{folder}/bin:{}", invar_tree::SEARCH_PATH));
        variables.insert("VIRTUAL_ENV".to_owned(), folder);
    }
    variables.extend(step.env.iter().map(|(name, value)| (name.to_string(), value.clone())));
    variables
}

/// What a step has to work with: its own packages, and those of the image where it asks for its environment.
fn tools(context: &BuildContext<'_>, step: &Step, root: &[PackageRecipe]) -> Tools {
    let own = root.iter().map(|package| package.name.to_string());
    if !step.environment {
        return Tools::new(own, []);
    }
    let locked = context.lock.platforms.get(&context.platform);
    let image = locked.into_iter().flat_map(|locked| locked.packages.keys().map(ToString::to_string));
    let python = context.files.uv_lock.iter().flat_map(|lock| &lock.packages);
    Tools::new(own.chain(image), python.map(|package| package.name.to_string()))
}

/// What earlier steps made, at its places in the image, as far as these are not below links of `roots`, which it is laid
/// over.
fn checkout_of_earlier(
    context: &BuildContext<'_>,
    before: &[StoredTree],
    roots: &[Checkout],
) -> Result<Option<Checkout>, RunError> {
    if before.is_empty() {
        return Ok(None);
    }
    let mut inputs = Vec::new();
    let mut trees = Vec::new();
    for stored in before {
        let tree = stored.tree(&Arc::new(Origin::Source))?;
        let moved = Moved::of(&tree, stored, &links_of_checkouts(roots))?;
        inputs.push(StepInput {
            segment: stored.segment_digest(),
            moved: moved.as_ref().map(|moved| moved.tree.digest()),
        });
        trees.push((tree, moved));
    }
    let checkout = invar_realise::check_out(
        &context.sources.store,
        &StepInputs(&inputs).key(),
        |sink| -> Result<(), RunError> {
            for ((tree, moved), stored) in trees.iter().zip(before) {
                match moved {
                    Some(moved) => copy_tree(&moved.tree, moved, sink)?,
                    None => copy_tree(tree, stored, sink)?,
                }
            }
            Ok(())
        },
    )?;
    Ok(Some(checkout))
}

/// Of a step without a command, the inputs are usually what its outputs name: then that is what is not there.
fn without_source(context: &BuildContext<'_>, step: &Step, error: CheckoutError) -> RunError {
    let CheckoutError::NoInput { input, .. } = &error else { return error.into() };
    if step.run.is_some() {
        return error.into();
    }
    let is_named = |from: &&BuildPath| input.replace('\\', "") == from.as_str();
    match step.outputs.keys().find(is_named) {
        Some(from) => put::no_source(context, step, from),
        None => error.into(),
    }
}
