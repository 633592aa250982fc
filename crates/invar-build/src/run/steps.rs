//! Build steps: each is a command in a sandbox, or says what is to be where, and what comes of it is a tree.
mod fetch;
pub(crate) mod follow;
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
use invar_project::{BuildPath, Platform, Step, StepFetch, StepName, Wrap};
use invar_realise::{Vendored, copy_tree};
use invar_sandbox::Ownership;
use invar_store::{Checkout, Key, Store, StoredTree};
use invar_tree::{Digest, ImagePath, Origin};

use self::fetch::{FetchedFiles, fetches};
use self::follow::{Moved, links_of_checkouts};
pub(crate) use self::launch::{displaced, wrapped};
use crate::BuildError;
use crate::debian::{debian_checkout, packages_key};
use crate::key::key_of;
use crate::run::context::{Advice, BuildContext, unusable};
use crate::run::executor::{BUILD, Command, Input, RootTree, Wanted};
use crate::run::hints::PackagesOf;
use crate::run::needs::ATTACHMENT;
use crate::run::output_sink::OutputSink;
use crate::run::tools::Tools;
use crate::run::vendor_target::vendored;

/// What a step leaves, by its name.
pub(crate) type Outputs = BTreeMap<StepName, StoredTree>;

/// The checked-out trees of the image so far, for steps that ask for its environment.
pub(crate) type Environment<'a> = &'a (dyn Fn() -> Result<Vec<Checkout>, BuildError> + Sync);

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
    context: &BuildContext<'_>,
    plan: &'a Plan,
    environment: &str,
) -> Result<Vec<Prepared<'a>>, BuildError> {
    let mut all: Vec<Prepared<'a>> = Vec::new();
    let warn = |text: &str| context.session.reporter.warn(text);
    for planned in &plan.steps {
        let step = &planned.step;
        let source = SourceTree::of_step(&warn, context.files, &step.name, &step.inputs)
            .map_err(|error| without_source(context, step, error))?;
        let fetches = fetches(context, step)?;
        let before = all.iter().filter(|earlier| step.after.contains(&earlier.planned.step.name));
        let before: Vec<Key> = before.map(|earlier| earlier.key).collect();
        let environment = if step.environment { environment } else { "" };
        let key = step_key(context.platform, planned, &source, &fetches, &before, environment);
        all.push(Prepared { planned, key, source, fetches });
    }
    Ok(all)
}

/// Runs those of `steps` that the store has no outputs of, as many at once as do not wait for each other.
///
/// # Errors
/// The first failure; steps that are running are waited for.
pub(crate) fn run_steps(
    context: &BuildContext<'_>,
    steps: &[Prepared<'_>],
    environment: Environment<'_>,
) -> Result<Outputs, BuildError> {
    let state = Mutex::new(State { done: Outputs::new(), started: BTreeSet::new(), failure: None });
    let changed = Condvar::new();
    let lock = || state.lock().unwrap_or_else(PoisonError::into_inner);
    // Two at once keep this machine busy: a step may use several processes itself.
    let workers = context.session.pool.threads.clamp(1, 4).min(steps.len());
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
                    let found = match context.session.pool.backwards {
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
    done: Outputs,
    started: BTreeSet<StepName>,
    failure: Option<BuildError>,
}

fn run_step(
    context: &BuildContext<'_>,
    prepared: &Prepared<'_>,
    before: &[StoredTree],
    environment: Environment<'_>,
) -> Result<StoredTree, BuildError> {
    let store = &context.session.store;
    match store.tree(&prepared.key)? {
        Some(stored) => Ok(stored),
        None => make_step(context, prepared, before, environment, store),
    }
}

/// Runs a step, whatever the store has of it, and puts what it makes into the store `into`.
///
/// # Errors
/// What running it says.
pub(crate) fn make_step(
    context: &BuildContext<'_>,
    prepared: &Prepared<'_>,
    before: &[StoredTree],
    environment: Environment<'_>,
    into: &Store,
) -> Result<StoredTree, BuildError> {
    let Prepared { planned: StepPlan { step, root }, key, source, fetches } = prepared;
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
                longer: Some("if it needs longer, raise `timeout` in the step's table"),
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
    // A launcher stands where its program was.
    produced.moves.clear();
    for wrap in &step.wraps {
        launch::add_launcher(context.platform, step, wrap, &mut produced)?;
    }
    let needs = produced.finish().finish(context, root)?;
    Ok(sink.commit(&[(ATTACHMENT, needs.as_slice())])?)
}

/// The place of an output in the root of a step's command.
fn output_place(from: &BuildPath) -> Result<ImagePath, BuildError> {
    let place = match from.as_str().strip_prefix('/') {
        Some(absolute) => absolute.to_owned(),
        None => format!("{BUILD}/{from}"),
    };
    ImagePath::parse(&place).map_err(|error| BuildError::Write(io::Error::other(error)))
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
) -> Result<Option<Checkout>, BuildError> {
    if before.is_empty() {
        return Ok(None);
    }
    let mut fields = Vec::new();
    let mut trees = Vec::new();
    for (number, stored) in before.iter().enumerate() {
        fields.push((format!("tree-{number}"), stored.segment_digest().to_string()));
        let tree = stored.tree(&Arc::new(Origin::Source))?;
        let moved = Moved::of(&tree, stored, &links_of_checkouts(roots))?;
        if let Some(moved) = &moved {
            fields.push((format!("moved-{number}"), moved.tree.digest().to_string()));
        }
        trees.push((tree, moved));
    }
    let checkout = invar_realise::check_out(
        &context.session.store,
        &key_of("step-inputs", &fields),
        |sink| -> Result<(), BuildError> {
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
    for (from, output) in &step.outputs {
        add("output", format!("{from} -> {}", output.path));
        if let Some(executable) = output.executable {
            add("output-executable", format!("{from} {executable}"));
        }
    }
    for (path, file) in &step.files {
        add("file", format!("{} {} {path}", Digest::of(file.text.as_bytes()), file.executable));
    }
    for (path, target) in &step.links {
        add("link", format!("{path}\0{target}"));
    }
    for (name, value) in &step.env {
        add("variable", format!("{name}={value}"));
    }
    for (number, wrap) in step.wraps.iter().enumerate() {
        let Wrap { program, at, env, args, .. } = wrap;
        add(&format!("wrap-{number}-program"), program.to_string());
        add(&format!("wrap-{number}-as"), at.as_ref().map(ToString::to_string).unwrap_or_default());
        for (name, value) in env {
            add(&format!("wrap-{number}-variable"), format!("{name}={value}"));
        }
        for (place, argument) in args.iter().enumerate() {
            add(&format!("wrap-{number}-argument-{place}"), argument.clone());
        }
        for (name, value) in launch::key_fields(number, wrap) {
            add(&name, value);
        }
    }
    key_of("step", &fields)
}

/// Of a step without a command, the inputs are usually what its outputs name: then that is what is not there.
fn without_source(context: &BuildContext<'_>, step: &Step, error: CheckoutError) -> BuildError {
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
