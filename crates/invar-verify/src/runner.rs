//! Builds again, as if on another machine, and compares with the first build.
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufReader, Write as _};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::OnceLock;

use invar_build::{BuildError, Inventory, Session};
use invar_checkout::{ProjectFiles, copy_checkout};
use invar_project::Platform;
use invar_store::Store;

use crate::analysis::Fact;
use crate::changes::{Change, Detail, Finding, of_images};
use crate::error::VerifyError;
use crate::host::{Host, PerturbedHost};
use crate::interruption::Interruption;
use crate::order::{Answer, Digests, Order, Rebuild};
use crate::perturbation::Perturbation;
use crate::rebuild::REBUILD;

/// The program that verifies, as it is started again on another machine.
pub struct Program<'a> {
    /// Its file. It calls [`invar_sandbox::enter_if_asked`] first of all, and builds if it is started as
    /// [`REBUILD`].
    pub path: &'a Path,
    /// What it makes a session over this store from, with so many jobs at once.
    pub settings: &'a (dyn Fn(&Path, Option<NonZeroUsize>) -> serde_json::Result<serde_json::Value> + Sync),
    /// The session that it would make over this store, but that says nothing.
    pub session: &'a (dyn Fn(Store) -> Session<'static> + Sync),
}

/// Receives what happens while an image is built again.
pub trait RebuildReporter: Sync {
    /// The build of this number, from 1 on, begins.
    fn started(&self, build: usize, under: &[Perturbation]);

    /// That build reports an event, as JSON.
    fn event(&self, build: usize, event: serde_json::Value);
}

/// What is verified, and with what.
pub struct Verification<'a> {
    /// What the first build was built with.
    pub session: &'a Session<'a>,
    /// The project.
    pub files: &'a ProjectFiles,
    /// Which additional image of it is meant.
    pub image: Option<String>,
    /// The platforms.
    pub platforms: &'a [Platform],
    /// This machine.
    pub host: &'a Host,
    /// The program that builds again.
    pub program: Program<'a>,
    /// Interrupts the work.
    pub interruption: &'a Interruption,
    /// Who receives the report.
    pub reporter: &'a dyn RebuildReporter,
}

/// Builds again, and remembers what is known of what differs.
pub(crate) struct Runner<'a> {
    pub setup: &'a Verification<'a>,
    /// The first build.
    pub baseline: Digests,
    /// What the first build consists of, once something differs.
    pub inventories: OnceLock<BTreeMap<String, Inventory>>,
    /// What is known of what differs, from the build under the fewest perturbations.
    pub details: BTreeMap<Finding, Detail>,
    /// How many rebuilds there were.
    pub builds: usize,
}

/// What came of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ran {
    /// This differs; nothing, if it is the same.
    Differs(BTreeSet<Finding>),
    /// It could not be tried here.
    Refused(String),
}

impl Runner<'_> {
    /// Builds again under `perturbations` and compares.
    ///
    /// # Errors
    /// What is wrong here, and not with the build.
    pub fn run(&mut self, perturbations: &[Perturbation]) -> Result<Ran, VerifyError> {
        self.builds += 1;
        self.setup.reporter.started(self.builds, perturbations);
        let scratch = self.setup.session.store.scratch().map_err(BuildError::from)?;
        self.setup.interruption.remove(Some(scratch.path()));
        let place = absolute(scratch.path())?;
        let there = PerturbedHost::new(self.setup.host, perturbations, &place);
        let project = match &there.copy {
            Some((copy, backwards)) => {
                copy_checkout(self.setup.files, copy, *backwards)?;
                copy.clone()
            }
            None => self.setup.host.project.clone(),
        };
        let store = place.join("store");
        let order = Order::Build(Box::new(Rebuild {
            settings: (self.setup.program.settings)(&store, there.jobs).map_err(VerifyError::Order)?,
            project,
            image: self.setup.image.clone(),
            derived: self.setup.files.derived.as_ref().map(|derived| {
                let source = derived.source.clone();
                (source.file, source.output)
            }),
            platforms: self.setup.platforms.iter().map(ToString::to_string).collect(),
            downloads: absolute(self.setup.session.store.path())?,
            perturbation: there.perturbation.clone(),
        }));
        let answer = self.order(&there, &order, scratch.path())?;
        let ran = match answer {
            Err(refusal) => Ran::Refused(refusal),
            Ok(Answer::Built(digests)) if digests == self.baseline => Ran::Differs(BTreeSet::new()),
            Ok(Answer::Built(digests)) => {
                Ran::Differs(self.compare(&store, &digests, perturbations, &there.facts)?)
            }
            Ok(Answer::Failed { message }) => {
                self.note(Finding::Build, None, message, perturbations, &there.facts);
                Ran::Differs(BTreeSet::from([Finding::Build]))
            }
            Ok(Answer::Possible) => Ran::Differs(BTreeSet::new()),
        };
        drop(scratch);
        self.setup.interruption.remove(None);
        Ok(ran)
    }

    /// Why `perturbations` cannot be tried here, as far as that is known beforehand; `sandboxes` shows whether there
    /// have to be sandboxes.
    ///
    /// # Errors
    /// What is wrong here.
    pub fn refusal(
        &self,
        perturbations: &[Perturbation],
        sandboxes: bool,
    ) -> Result<Option<String>, VerifyError> {
        let there = PerturbedHost::new(self.setup.host, perturbations, Path::new("/nonexistent"));
        if !sandboxes {
            // Nothing to be asked: the process says by itself if it cannot go there.
            let mut command = there.overrides.command(self.setup.program.path, REBUILD);
            let output = command.stdin(Stdio::null()).output().map_err(BuildError::Deliver)?;
            return Ok(invar_sandbox::refusal(&output).map(|error| error.to_string()));
        }
        Ok(match self.order(&there, &Order::Sandboxes, Path::new("/"))? {
            Err(refusal) => Some(refusal),
            Ok(Answer::Failed { message }) => Some(message),
            Ok(_) => None,
        })
    }

    /// Starts this program there, tells it what to do, and waits for its answer; `Err` is why it could not be started.
    fn order(
        &self,
        there: &PerturbedHost,
        order: &Order,
        directory: &Path,
    ) -> Result<Result<Answer, String>, VerifyError> {
        let mut command = there.overrides.command(self.setup.program.path, REBUILD);
        command.env_clear().envs(&there.environment).current_dir(directory);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(BuildError::Deliver)?;
        let mut way = child.stdin.take().expect("it is piped");
        let errors = child.stderr.take().expect("it is piped");
        let line = serde_json::to_string(order).map_err(VerifyError::Order)?;
        // A process that could not go there has ended by now, and says so.
        let _ = writeln!(way, "{line}");
        self.setup.interruption.end(Some(way));
        let (output, last_lines) = std::thread::scope(|scope| {
            let told = scope.spawn(|| self.pass_on(BufReader::new(errors)));
            let output = child.wait_with_output();
            (output, told.join().unwrap_or_default())
        });
        self.setup.interruption.end(None);
        if self.setup.interruption.came() {
            return Err(VerifyError::Interrupted);
        }
        let output: Output = output.map_err(BuildError::Deliver)?;
        if let Some(error) = invar_sandbox::refusal(&output) {
            return Ok(Err(error.to_string()));
        }
        Ok(Ok(serde_json::from_slice(&output.stdout).unwrap_or_else(|_| Answer::Failed {
            message: format!("it exited without a result ({}) {last_lines}", output.status),
        })))
    }

    /// Reports the progress of a rebuild; gives what was no event.
    fn pass_on(&self, errors: impl std::io::BufRead) -> String {
        let mut others = String::new();
        for line in errors.lines().map_while(Result::ok) {
            let event: Option<serde_json::Value> = serde_json::from_str(&line).ok();
            let Some(event) = event.filter(serde_json::Value::is_object) else {
                if others.len() < 4096 {
                    others.push_str(&line);
                    others.push('\n');
                }
                continue;
            };
            self.setup.reporter.event(self.builds, event);
        }
        others
    }

    /// Finds out where the build in `store` differs.
    fn compare(
        &mut self,
        store: &Path,
        digests: &Digests,
        perturbations: &[Perturbation],
        facts: &[Fact],
    ) -> Result<BTreeSet<Finding>, VerifyError> {
        let mut found = BTreeSet::new();
        let store = Store::open(store).map_err(BuildError::from)?;
        let mut session = (self.setup.program.session)(store);
        session.sources.lender = Some(self.setup.session.store.clone());
        for &platform in self.setup.platforms {
            let name = platform.to_string();
            let changed = differing_layers(&self.baseline, digests, &name);
            if changed.is_empty() {
                continue;
            }
            let second = Inventory::read(&session, self.setup.files, platform)?;
            if self.inventories.get().is_none() {
                let mut all = BTreeMap::new();
                for &platform in self.setup.platforms {
                    let inventory = Inventory::read(self.setup.session, self.setup.files, platform)?;
                    all.insert(platform.to_string(), inventory);
                }
                let _ = self.inventories.set(all);
            }
            let first = self.inventories.get().and_then(|all| all.get(&name));
            let changes = of_images(first.expect("all platforms are in it"), &second)?;
            let layers: BTreeSet<&str> =
                changes.iter().filter_map(|change| Some(change.layer?.as_str())).collect();
            for layer in changed.iter().filter(|layer| !layers.contains(layer.as_str())) {
                let finding = Finding::Packing { platform: name.clone(), layer: layer.clone() };
                self.note(finding.clone(), None, String::new(), perturbations, facts);
                found.insert(finding);
            }
            for change in changes {
                let finding = Finding::Path { platform: name.clone(), path: change.path.to_string() };
                self.note(finding.clone(), Some(change), String::new(), perturbations, facts);
                found.insert(finding);
            }
        }
        if found.is_empty() {
            self.note(Finding::Configuration, None, String::new(), perturbations, facts);
            found.insert(Finding::Configuration);
        }
        Ok(found)
    }

    /// Remembers what is known of a finding. A build under fewer perturbations shows more about it.
    fn note(
        &mut self,
        finding: Finding,
        change: Option<Change>,
        message: String,
        under: &[Perturbation],
        facts: &[Fact],
    ) {
        let known = self.details.get(&finding).map(|known| known.under.len());
        if known.is_none_or(|known| under.len() < known) {
            let detail = Detail { change, message, under: under.to_vec(), facts: facts.to_vec() };
            self.details.insert(finding, detail);
        }
    }
}

/// The layers of `platform` whose digests differ.
fn differing_layers(first: &Digests, second: &Digests, platform: &str) -> Vec<String> {
    let of = |digests: &Digests| -> BTreeMap<String, String> {
        let own = digests.layers.iter().filter(|(of, ..)| of == platform);
        own.map(|(_, name, digest)| (name.clone(), digest.clone())).collect()
    };
    let (first, second) = (of(first), of(second));
    let names: BTreeSet<&String> = first.keys().chain(second.keys()).collect();
    names.into_iter().filter(|name| first.get(*name) != second.get(*name)).cloned().collect()
}

fn absolute(path: &Path) -> Result<PathBuf, VerifyError> {
    let canonical = std::fs::canonicalize(path);
    Ok(canonical.map_err(|source| BuildError::Read { path: path.to_owned(), source })?)
}
