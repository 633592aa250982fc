//! Build steps: each is a command in a sandbox, or says what is to be where, and what comes of it is a tree.
pub(crate) mod follow;
mod launch;
mod put;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use invar_checkout::{CheckoutError, SourceTree};
use invar_fetch::Request;
use invar_plan::{PackageRecipe, Plan, StepPlan};
use invar_project::{BuildPath, FileText, Output, Platform, Step, StepFetch, StepName};
use invar_realise::{checked_blob, copy_tree};
use invar_sandbox::Ownership;
use invar_store::{Key, KeyWriter, Keyed, Store, StoredTree};
use invar_tree::{Digest, Origin};

use self::follow::{Moved, links_on_disk};
pub(crate) use self::launch::{displaced, wrapped};
use self::put::Passing;
use crate::BuildError;
use crate::debian::{ConfiguredPackages, debian_checkout, path};
use crate::hints::PackagesOf;
use crate::needs::{ATTACHMENT, Noting};
use crate::tools::Tools;
use crate::vendor_target::vendored;
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
    environment: Option<&Key>,
) -> Result<Vec<Prepared<'a>>, BuildError> {
    let mut all: Vec<Prepared<'a>> = Vec::new();
    let warn = |text: &str| workshop.session.reporter.warn(text);
    for planned in &plan.steps {
        let step = &planned.step;
        let source = SourceTree::of_step(&warn, workshop.files, &step.name, &step.inputs)
            .map_err(|error| without_source(workshop, step, error))?;
        let fetches = fetches(workshop, step)?;
        let before = all.iter().filter(|earlier| step.after.contains(&earlier.planned.step.name));
        let before: Vec<Key> = before.map(|earlier| earlier.key).collect();
        let key = StepOutputs {
            platform: workshop.platform,
            planned,
            source: &source.tree().digest(),
            fetches: &fetches,
            before: &before,
            environment: environment.filter(|_| step.environment),
        }
        .key();
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
    let workers = workshop.session.pool.threads.clamp(1, 4).min(steps.len());
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
        let made = before_checkout(workshop, before, &roots)?;
        roots.extend(made);
        let vendored = vendored(workshop, source.tree(), source, "", &tools(workshop, step, root))?;
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
        for (from, output) in &step.outputs {
            let mut passing =
                Passing { sink: &mut noting, moves: &launch::moves(step), executable: output.executable };
            left.capture(&label, &from.to_string(), &output.path, &mut passing)?;
        }
    }
    let mut passing = Passing { sink: &mut noting, moves: &launch::moves(step), executable: None };
    if step.run.is_none() {
        put::put_outputs(workshop, prepared, before, &mut passing)?;
    }
    put::put_given(step, &mut passing)?;
    for wrap in &step.wraps {
        launch::add_launcher(workshop.platform, step, wrap, &mut noting)?;
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

/// What earlier steps made, at its places in the image, as far as these are not below links of the folders `roots`,
/// which it is laid over.
fn before_checkout(
    workshop: &Workshop<'_>,
    before: &[StoredTree],
    roots: &[PathBuf],
) -> Result<Option<PathBuf>, BuildError> {
    if before.is_empty() {
        return Ok(None);
    }
    let mut inputs = Vec::new();
    let mut trees = Vec::new();
    for stored in before {
        let tree = stored.tree(&Arc::new(Origin::Source))?;
        let moved = Moved::of(&tree, stored, &links_on_disk(roots))?;
        inputs.push(StepInput {
            segment: stored.segment_digest(),
            moved: moved.as_ref().map(|moved| moved.tree.digest()),
        });
        trees.push((tree, moved));
    }
    let checkout = invar_realise::check_out(
        &workshop.session.store,
        &StepInputs(&inputs).key(),
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
    Ok(Some(path(&checkout)))
}

/// What a step leaves: all that is there while it runs, and what becomes of what it leaves.
struct StepOutputs<'a> {
    platform: Platform,
    planned: &'a StepPlan,
    /// The project's files among its inputs.
    source: &'a Digest,
    fetches: &'a [(StepFetch, Digest)],
    /// The steps whose outputs are there.
    before: &'a [Key],
    /// The image so far, where the step asks for it.
    environment: Option<&'a Key>,
}

impl Keyed for StepOutputs<'_> {
    const DOMAIN: &'static str = "step";
    const VERSION: u32 = 1;

    fn encode(&self, writer: &mut KeyWriter) {
        let Self { platform, planned: StepPlan { step, root }, source, fetches, before, environment } = self;
        let Step { run, outputs, files, links, env, wraps, .. } = step;
        writer.text(platform.as_str());
        writer.keyed(&ConfiguredPackages(root));
        writer.optional(run.as_deref(), KeyWriter::text);
        writer.digest(source);
        writer.list(*fetches, |writer, (fetch, digest)| {
            writer.text(fetch.path.as_str());
            writer.digest(digest);
        });
        writer.list(*before, KeyWriter::key);
        writer.optional(*environment, KeyWriter::key);
        writer.map(outputs.iter().map(|(from, to)| (from.as_str(), to)), |writer, to| {
            let Output { path, executable } = to;
            writer.text(path.as_str());
            writer.optional(*executable, KeyWriter::flag);
        });
        writer.map(files.iter().map(|(path, file)| (path.as_str(), file)), |writer, file| {
            let FileText { text, executable } = file;
            writer.text(text);
            writer.flag(*executable);
        });
        writer.map(links.iter().map(|(path, target)| (path.as_str(), target.as_str())), KeyWriter::text);
        writer.map(env.iter().map(|(name, value)| (name.as_str(), value.as_str())), KeyWriter::text);
        writer.list(wraps, launch::encode);
    }
}

/// What earlier steps left, at its places in the image, as a folder.
struct StepInputs<'a>(&'a [StepInput]);

/// The outputs of one step.
struct StepInput {
    segment: Digest,
    /// The tree with its places moved, where the image's links lead elsewhere.
    moved: Option<Digest>,
}

impl Keyed for StepInputs<'_> {
    const DOMAIN: &'static str = "step-inputs";
    const VERSION: u32 = 1;

    fn encode(&self, writer: &mut KeyWriter) {
        writer.list(self.0, |writer, StepInput { segment, moved }| {
            writer.digest(segment);
            writer.optional(moved.as_ref(), KeyWriter::digest);
        });
    }
}

/// Of a step without a command, the inputs are usually what its outputs name: then that is what is not there.
fn without_source(workshop: &Workshop<'_>, step: &Step, error: CheckoutError) -> BuildError {
    let CheckoutError::NoInput { input, .. } = &error else { return error.into() };
    if step.run.is_some() {
        return error.into();
    }
    let is_named = |from: &&BuildPath| input.replace('\\', "") == from.as_str();
    match step.outputs.keys().find(is_named) {
        Some(from) => put::no_source(workshop, step, from),
        None => error.into(),
    }
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

#[cfg(test)]
mod keys {
    use invar_project::{ListValues, Wrap};
    use invar_tree::ImagePath;

    use super::*;

    const CHANGED: &str = "if this is intended, raise the VERSION of the domain and pin the new key";

    #[test]
    fn the_keys_are_pinned() {
        let key = crate::debian::ConfiguredPackages(&[]).key();
        let path = |text: &str| ImagePath::parse(text).unwrap();
        let texts = || BTreeMap::from([("A".parse().unwrap(), "b".to_owned())]);
        let lists = |separator: &str| {
            let values = vec!["/b".to_owned(), "/a".to_owned()];
            BTreeMap::from([("P".parse().unwrap(), ListValues { values, separator: separator.to_owned() })])
        };
        let wrap = Wrap {
            program: path("usr/bin/tool"),
            at: Some(path("usr/bin/wrapped")),
            env: texts(),
            env_default: BTreeMap::new(),
            unset: BTreeSet::from(["U".parse().unwrap()]),
            prefix: lists(":"),
            suffix: lists(" "),
            args: vec!["a".to_owned(), "b".to_owned()],
            args_after: vec!["c".to_owned()],
            workdir: Some(path("app")),
            argv0: Some("tool".to_owned()),
            inherit_argv0: true,
        };
        let step = Step {
            name: "web".parse().unwrap(),
            packages: Vec::new(),
            inputs: Vec::new(),
            after: Vec::new(),
            fetch: Vec::new(),
            run: Some("make".to_owned()),
            outputs: BTreeMap::from([(
                "dist".parse().unwrap(),
                Output { path: path("srv"), executable: Some(true) },
            )]),
            files: BTreeMap::from([(path("etc/a"), FileText { text: "a".to_owned(), executable: false })]),
            links: BTreeMap::from([(path("etc/b"), path("etc/a"))]),
            env: texts(),
            timeout: "1h".parse().unwrap(),
            environment: true,
            wraps: vec![wrap],
            in_image: true,
        };
        let fetch = StepFetch {
            url: "https://example.org/a.tar".parse().unwrap(),
            sha256: None,
            path: "a.tar".parse().unwrap(),
        };
        let outputs = StepOutputs {
            platform: Platform::LinuxAmd64,
            planned: &StepPlan { step, root: Vec::new() },
            source: &Digest::of(b"source"),
            fetches: &[(fetch, Digest::of(b"fetched"))],
            before: &[key],
            environment: Some(&key),
        };
        let inputs = [
            StepInput { segment: Digest::of(b"one"), moved: None },
            StepInput { segment: Digest::of(b"two"), moved: Some(Digest::of(b"moved")) },
        ];
        assert_eq!(
            outputs.describe(),
            "step 1 3b0abcbd63bd1554256426d730a01dffcf464d1ff31ac970870f2c220dd93dad",
            "{CHANGED}"
        );
        assert_eq!(
            StepInputs(&inputs).describe(),
            "step-inputs 1 8bf497e6bd8f25c7a0acd1383763a5a2e621ceac2d9499f22c32362a812d7d99",
            "{CHANGED}"
        );
    }
}
