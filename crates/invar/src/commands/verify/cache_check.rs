//! `invar verify --cache-check`: single steps and builds, done again and compared with the store.
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use invar_build::{Outcome, ProjectFiles, Rechecked, Session, recheck};
use invar_project::Platform;
use invar_store::Store;
use invar_tree::ImagePath;
use invar_verify::{Moments, Perturbation};
use serde_json::json;

use super::changes::{Change, of_trees};
use super::interruption::Interruption;
use super::place::{AHEAD, Here, There};
use super::report::{DIFFERS, NOT_TRIED, cause, change_json, tell_change, when};
use crate::cli::{Global, Verify};
use crate::commands::lock::print;
use crate::failure::Failure;
use crate::report::{Told, say};

/// What reaches into the sandbox, and so can be tried on a single step.
const INSIDE: [Perturbation; 4] =
    [Perturbation::Clock, Perturbation::CpuCount, Perturbation::CpuModel, Perturbation::DirectoryOrder];

/// How many differences of one step are reported in full.
const SHOWN: usize = 10;

/// What is checked, and with what.
pub struct CacheCheck<'a> {
    /// The options of the command line.
    pub global: &'a Global,
    /// What is checked with.
    pub session: Session<'a>,
    /// The project.
    pub files: &'a ProjectFiles,
    /// Who receives the report.
    pub reporter: &'a dyn Told,
}

/// What came of one.
struct Checked {
    label: String,
    verdict: &'static str,
    /// Why it could not be done.
    why: Option<String>,
    changes: Vec<(Change, When)>,
}

/// When something differs.
#[derive(Default)]
struct When {
    /// The perturbations that cause it, each alone.
    under: Vec<Perturbation>,
    /// Whether it differs though nothing is perturbed.
    always: bool,
}

/// The paths that differ, by the name of what made them.
type Paths = BTreeMap<String, BTreeSet<ImagePath>>;

impl CacheCheck<'_> {
    /// Runs the check.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn run(
        mut self,
        options: &Verify,
        names: &[String],
        chosen: &[Perturbation],
        platforms: &[Platform],
        interruption: &Interruption,
    ) -> Result<ExitCode, Failure> {
        let here = Here::look(self.files);
        let possible = invar_sandbox::illusions_available(&self.session.programs.sandbox).is_ok();
        let under: Vec<Perturbation> = INSIDE
            .into_iter()
            .filter(|one| chosen.contains(one))
            .filter(|one| possible || !matches!(one, Perturbation::Clock | Perturbation::DirectoryOrder))
            .collect();
        let there = There::new(&here, &under, Path::new("/nonexistent"));
        let moments = Moments { first: self.session.now, second: self.session.now + AHEAD };
        let scratch = self.session.store.scratch()?;
        interruption.remove(Some(scratch.path()));
        let wanted = |name: &str| names.is_empty() || names.iter().any(|one| one == name);
        let (mut all, mut known) = (Vec::new(), BTreeSet::new());
        for (number, &platform) in platforms.iter().enumerate() {
            self.session.perturbation = there.perturbation.clone();
            let into = Store::open(&scratch.path().join(format!("all-{number}")))?;
            let rechecked = recheck(&self.session, self.files, platform, &wanted, &into)?;
            known.extend(rechecked.iter().map(|one| one.name.clone()));
            let mut differing = differing(&rechecked)?;
            let mut pass = |perturbations: &[Perturbation], names: &Paths| -> Result<Paths, Failure> {
                if names.is_empty() {
                    return Ok(Paths::new());
                }
                let label: String = perturbations.iter().map(|one| one.name()).collect();
                let there = There::new(&here, perturbations, Path::new("/nonexistent"));
                self.session.perturbation = there.perturbation;
                let into = Store::open(&scratch.path().join(format!("only-{number}-{label}")))?;
                let wanted = |name: &str| names.contains_key(name);
                self::differing(&recheck(&self.session, self.files, platform, &wanted, &into)?)
            };
            let plain = pass(&[], &differing)?;
            // What is left is some perturbation's doing; each is asked, alone.
            for (name, paths) in &plain {
                differing.entry(name.clone()).or_default().retain(|path| !paths.contains(path));
            }
            differing.retain(|_, paths| !paths.is_empty());
            let mut by_perturbation = Vec::new();
            for &one in &under {
                by_perturbation.push((one, pass(&[one], &differing)?));
            }
            let has = |paths: &Paths, name: &str, path: &ImagePath| {
                paths.get(name).is_some_and(|paths| paths.contains(path))
            };
            for one in rechecked {
                let when = |path: &ImagePath| {
                    let always = has(&plain, &one.name, path);
                    let brings = by_perturbation.iter().filter(|(_, paths)| has(paths, &one.name, path));
                    let under = if always { Vec::new() } else { brings.map(|(one, _)| *one).collect() };
                    When { under, always }
                };
                let mut checked = checked(&one, &when)?;
                if platforms.len() > 1 {
                    checked.label = format!("{} ({platform})", checked.label);
                }
                all.push(checked);
            }
        }
        self.reporter.finish();
        interruption.remove(None);
        drop(scratch);
        if let Some(unknown) = names.iter().find(|name| !known.contains(*name)) {
            let message = format!("this project has no step or source build named {unknown:?}");
            return Err(Failure::input(message, None));
        }
        self.tell(&all, &there, moments)?;
        let has = |verdict: &str| all.iter().any(|one| one.verdict == verdict);
        Ok(if has("differs") || has("fails") {
            DIFFERS.into()
        } else if options.strict && has("not-stored") {
            NOT_TRIED.into()
        } else {
            ExitCode::SUCCESS
        })
    }

    fn tell(&self, all: &[Checked], there: &There, moments: Moments) -> Result<(), Failure> {
        if self.global.json {
            let checked = all.iter().map(|one| {
                let changes = one.changes.iter().map(|(change, when)| {
                    let cause = cause(change, &there.facts, &when.under, moments);
                    let mut value = json!({"path": change.path.to_string(), "always": when.always});
                    value["under"] = when.under.iter().map(|one| one.name()).collect::<Vec<_>>().into();
                    value["change"] = change_json(change, cause);
                    value
                });
                let changes: Vec<_> = changes.collect();
                json!({"what": one.label, "verdict": one.verdict, "why": one.why, "differences": changes})
            });
            return print(&format!("{}\n", json!({"checked": checked.collect::<Vec<_>>()}))).map(drop);
        }
        let mut text = String::new();
        for one in all {
            let word = match one.verdict {
                "same" => "same",
                "not-stored" => "NOT STORED",
                "fails" => "FAILS",
                _ => "DIFFERS",
            };
            let is_bad = ["DIFFERS", "FAILS"].contains(&word);
            if !self.global.quiet || is_bad {
                let line = format!("{:<32} {word:<10} {}", one.label, one.why.as_deref().unwrap_or_default());
                let _ = writeln!(text, "{}", line.trim_end());
            }
            for (change, When { under, always }) in one.changes.iter().take(SHOWN) {
                let when = when(*always, under);
                let _ = writeln!(text, "  {} differs {when}: {}", change.path, change.describe());
                text.push_str(&tell_change(change, cause(change, &there.facts, under, moments)));
            }
            if one.changes.len() > SHOWN {
                let _ = writeln!(text, "  … and {} more; use --json to list all", one.changes.len() - SHOWN);
            }
        }
        print(&text)?;
        let missing = all.iter().filter(|one| one.verdict == "not-stored").count();
        if missing > 0 {
            say(&format!(
                "warning: {missing} of {} not compared, because the store has no results for them; run `invar build` first",
                all.len()
            ));
        }
        if all.is_empty() && !self.global.quiet {
            say("This project has no steps and no source builds");
        }
        Ok(())
    }
}

/// The paths in which what was created again differs.
fn differing(all: &[Rechecked]) -> Result<Paths, Failure> {
    let mut paths = Paths::new();
    for one in all {
        if let Outcome::Differs { stored, made } = &one.outcome {
            let changes = of_trees(one, stored, made)?;
            paths.entry(one.name.clone()).or_default().extend(changes.into_iter().map(|change| change.path));
        }
    }
    Ok(paths)
}

fn checked(one: &Rechecked, when: &dyn Fn(&ImagePath) -> When) -> Result<Checked, Failure> {
    let label = one.label.clone();
    let plain = |verdict, why| Checked { label: label.clone(), verdict, why, changes: Vec::new() };
    Ok(match &one.outcome {
        Outcome::Same => plain("same", None),
        Outcome::NotStored => plain("not-stored", None),
        Outcome::Failed(error) => plain("fails", Some(error.to_string())),
        Outcome::Differs { stored, made } => {
            let changes = of_trees(one, stored, made)?.into_iter().map(|change| {
                let when = when(&change.path);
                (change, when)
            });
            Checked { changes: changes.collect(), ..plain("differs", None) }
        }
    })
}
