//! Builds again, as if on another machine, and compares with the first build.
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::OnceLock;

use invar_build::{BuildError, Event, Inventory, ProjectFiles, Reporter, Session, copy_checkout};
use invar_project::Platform;
use invar_verify::{Fact, Perturbation};

use super::again;
use super::changes::{Change, Finding, of_images};
use super::interruption::Interruption;
use super::order::{Answer, Digests, Order, Rebuild};
use super::place::{Here, There};
use crate::cli::Global;
use crate::failure::Failure;
use crate::machine;
use crate::report::{Told, say};

/// This program, also if another has been put in its place since.
const SELF: &str = "/proc/self/exe";

/// What the first build is compared with.
pub struct Runner<'a> {
    /// The options of the command line.
    pub global: &'a Global,
    /// What the first build was made with.
    pub session: &'a Session<'a>,
    /// The project.
    pub files: &'a ProjectFiles,
    /// Which further image of it is meant.
    pub image: Option<String>,
    /// The platforms.
    pub platforms: &'a [Platform],
    /// This machine.
    pub here: &'a Here,
    /// The first build.
    pub baseline: Digests,
    /// What the first build consists of, once something differs.
    pub inventories: OnceLock<BTreeMap<String, Inventory>>,
    /// Told when a signal comes.
    pub interruption: &'a Interruption,
    /// What is known of what differs, from the build under the fewest perturbations.
    pub details: BTreeMap<Finding, Detail>,
    /// How many rebuilds there were.
    pub builds: usize,
}

/// What is known of something that differs.
#[derive(Debug, Clone)]
pub struct Detail {
    /// The path; nothing where it is no path.
    pub change: Option<Change>,
    /// More words: why a build failed.
    pub message: String,
    /// The perturbations of the build in which it was seen.
    pub under: Vec<Perturbation>,
    /// What was different around that build.
    pub facts: Vec<Fact>,
}

/// What came of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ran {
    /// This differs; nothing, if it is the same.
    Differs(BTreeSet<Finding>),
    /// It could not be tried here.
    Refused(String),
}

/// Says nothing: what a comparison unpacks is nobody's concern.
struct Silent;

impl Reporter for Silent {
    fn event(&self, _: &Event<'_>) {}
}

impl Told for Silent {
    fn as_reporter(&self) -> &dyn Reporter {
        self
    }
}

impl Runner<'_> {
    /// Builds again under `perturbations` and compares.
    ///
    /// # Errors
    /// What is wrong here, and not with the build.
    pub fn run(&mut self, perturbations: &[Perturbation]) -> Result<Ran, Failure> {
        self.builds += 1;
        self.announce(perturbations);
        let scratch = self.session.store.scratch()?;
        self.interruption.remove(Some(scratch.path()));
        let place = absolute(scratch.path())?;
        let there = There::new(self.here, perturbations, &place);
        let project = match &there.copy {
            Some((copy, backwards)) => {
                copy_checkout(self.files, copy, *backwards)?;
                copy.clone()
            }
            None => self.here.project.clone(),
        };
        let mut global = self.global.clone();
        global.store = Some(place.join("store"));
        global.jobs = there.jobs.or(global.jobs);
        let order = Order::Build(Box::new(Rebuild {
            global: global.clone(),
            project,
            image: self.image.clone(),
            derived: self.files.derived.as_ref().map(|derived| {
                let source = derived.source.clone();
                (source.file, source.output)
            }),
            platforms: self.platforms.iter().map(ToString::to_string).collect(),
            downloads: absolute(self.session.store.path())?,
            perturbation: there.perturbation.clone(),
        }));
        let answer = self.order(&there, &order, scratch.path())?;
        let ran = match answer {
            Err(refusal) => Ran::Refused(refusal),
            Ok(Answer::Built(digests)) if digests == self.baseline => Ran::Differs(BTreeSet::new()),
            Ok(Answer::Built(digests)) => {
                Ran::Differs(self.compare(&global, &digests, perturbations, &there.facts)?)
            }
            Ok(Answer::Failed { message }) => {
                self.note(Finding::Build, None, message, perturbations, &there.facts);
                Ran::Differs(BTreeSet::from([Finding::Build]))
            }
            Ok(Answer::Possible) => Ran::Differs(BTreeSet::new()),
        };
        drop(scratch);
        self.interruption.remove(None);
        Ok(ran)
    }

    /// Why `perturbations` cannot be tried here, as far as that can be told beforehand; `sandboxes` shows whether there
    /// have to be sandboxes.
    ///
    /// # Errors
    /// What is wrong here.
    pub fn refusal(
        &self,
        perturbations: &[Perturbation],
        sandboxes: bool,
    ) -> Result<Option<String>, Failure> {
        let there = There::new(self.here, perturbations, Path::new("/nonexistent"));
        if !sandboxes {
            // Nothing to be asked: the process says by itself if it cannot go there.
            let mut command = there.elsewhere.command(Path::new(SELF), again::NAME);
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
        there: &There,
        order: &Order,
        directory: &Path,
    ) -> Result<Result<Answer, String>, Failure> {
        let mut command = there.elsewhere.command(Path::new(SELF), again::NAME);
        command.env_clear().envs(&there.environment).current_dir(directory);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(BuildError::Deliver)?;
        let mut way = child.stdin.take().expect("it is piped");
        let errors = child.stderr.take().expect("it is piped");
        let line = serde_json::to_string(order)
            .map_err(|error| Failure::input(format!("the project cannot be built again: {error}"), None))?;
        // A process that could not go there has ended by now, and says so.
        let _ = writeln!(way, "{line}");
        self.interruption.end(Some(way));
        let (output, last_lines) = std::thread::scope(|scope| {
            let told = scope.spawn(|| self.pass_on(BufReader::new(errors)));
            let output = child.wait_with_output();
            (output, told.join().unwrap_or_default())
        });
        self.interruption.end(None);
        if self.interruption.came() {
            return Err(Failure::interrupted());
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
            let Some(mut event) = event.filter(serde_json::Value::is_object) else {
                if others.len() < 4096 {
                    others.push_str(&line);
                    others.push('\n');
                }
                continue;
            };
            if self.global.quiet {
                continue;
            }
            if self.global.json {
                event["build"] = self.builds.into();
                say(&event.to_string());
            } else if event["event"] == "step-started" {
                say(&format!("  Building {}", event["what"].as_str().unwrap_or_default()));
            }
        }
        others
    }

    fn announce(&self, perturbations: &[Perturbation]) {
        if self.global.quiet {
            return;
        }
        let names: Vec<&str> = perturbations.iter().map(|one| one.name()).collect();
        if self.global.json {
            let event = serde_json::json!({"event": "rebuild", "build": self.builds, "perturbations": names});
            return say(&event.to_string());
        }
        say(&match names.as_slice() {
            [] => "Rebuilding without variations".to_owned(),
            [one] => format!("Rebuilding under {one}"),
            names => format!("Rebuilding under {}", names.join(", ")),
        });
    }

    /// Finds out where a build differs whose store `global` names.
    fn compare(
        &mut self,
        global: &Global,
        digests: &Digests,
        perturbations: &[Perturbation],
        facts: &[Fact],
    ) -> Result<BTreeSet<Finding>, Failure> {
        let mut found = BTreeSet::new();
        let mut session = machine::session(global, &self.files.manifest, &Silent)?;
        session.downloads = Some(self.session.store.clone());
        for &platform in self.platforms {
            let name = platform.to_string();
            let changed = differing_layers(&self.baseline, digests, &name);
            if changed.is_empty() {
                continue;
            }
            let second = Inventory::read(&session, self.files, platform)?;
            if self.inventories.get().is_none() {
                let mut all = BTreeMap::new();
                for &platform in self.platforms {
                    let inventory = Inventory::read(self.session, self.files, platform)?;
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

    /// Remembers what is known of a finding. A build under fewer perturbations tells more about it.
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

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    let canonical = std::fs::canonicalize(path);
    Ok(canonical.map_err(|source| BuildError::Read { path: path.to_owned(), source })?)
}
