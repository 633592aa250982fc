//! `invar verify --cache-check`: single steps and builds, done again and compared with the store.
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use invar_build::{Outcome, Perturbation as InBuild, ProjectFiles, Rechecked, Session, recheck};
use invar_project::Platform;
use invar_store::Store;
use invar_verify::{Moments, Perturbation};
use serde_json::json;

use super::changes::{Change, of_trees};
use super::interruption::Interruption;
use super::place::{AHEAD, Here, There};
use super::report::{DIFFERS, NOT_TRIED, cause, change_json, tell_change};
use crate::cli::{Global, Verify};
use crate::commands::lock::print;
use crate::failure::Failure;
use crate::report::{Told, say};

/// What reaches into the sandbox, and so can be tried on a single step.
const INSIDE: [Perturbation; 4] =
    [Perturbation::Clock, Perturbation::CpuCount, Perturbation::CpuModel, Perturbation::DirectoryOrder];

/// How many differences of one step are told in full.
const SHOWN: usize = 10;

/// What is checked, and with what.
pub struct CacheCheck<'a> {
    /// The options of the command line.
    pub global: &'a Global,
    /// What is checked with.
    pub session: Session<'a>,
    /// The project.
    pub files: &'a ProjectFiles,
    /// Who is told.
    pub reporter: &'a dyn Told,
}

/// What came of one.
struct Checked {
    label: String,
    verdict: &'static str,
    /// Why it could not be done.
    why: Option<String>,
    changes: Vec<Change>,
    /// Whether it also differs when nothing is perturbed; not known where it was not tried.
    anyway: Option<bool>,
}

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
        for &platform in platforms {
            self.session.perturbation = there.perturbation.clone();
            let into = Store::open(&scratch.path().join(format!("perturbed-{}", all.len())))?;
            let rechecked = recheck(&self.session, self.files, platform, &wanted, &into)?;
            known.extend(rechecked.iter().map(|one| one.name.clone()));
            let differing: BTreeSet<String> = rechecked
                .iter()
                .filter(|one| matches!(one.outcome, Outcome::Differs { .. }))
                .map(|one| one.name.clone())
                .collect();
            let mut anyway = BTreeMap::new();
            if !differing.is_empty() && !under.is_empty() {
                self.session.perturbation = InBuild::NONE;
                let into = Store::open(&scratch.path().join(format!("plain-{}", all.len())))?;
                let again =
                    recheck(&self.session, self.files, platform, &|name| differing.contains(name), &into)?;
                anyway.extend(
                    again.into_iter().map(|one| (one.name, matches!(one.outcome, Outcome::Differs { .. }))),
                );
            }
            for one in rechecked {
                let anyway = anyway.get(&one.name).copied();
                all.push(checked(&one, anyway)?);
            }
        }
        self.reporter.finish();
        interruption.remove(None);
        drop(scratch);
        if let Some(unknown) = names.iter().find(|name| !known.contains(*name)) {
            let message = format!("this project has no step or package built from source named {unknown:?}");
            return Err(Failure::input(message, None));
        }
        self.tell(&all, &there, &under, moments)?;
        let has = |verdict: &str| all.iter().any(|one| one.verdict == verdict);
        Ok(if has("differs") || has("fails") {
            DIFFERS.into()
        } else if options.strict && has("not-stored") {
            NOT_TRIED.into()
        } else {
            ExitCode::SUCCESS
        })
    }

    fn tell(
        &self,
        all: &[Checked],
        there: &There,
        under: &[Perturbation],
        moments: Moments,
    ) -> Result<(), Failure> {
        // What differs without a perturbation is none's doing; and of several, none is known to be the one.
        let blamed = |one: &Checked| if one.anyway == Some(false) { under } else { &[] };
        if self.global.json {
            let checked = all.iter().map(|one| {
                let changes = one.changes.iter().map(|change| {
                    let cause = cause(change, &there.facts, blamed(one), moments);
                    let mut value = change_json(change, cause);
                    value["path"] = change.path.to_string().into();
                    value
                });
                json!({
                    "what": one.label, "verdict": one.verdict, "why": one.why, "always": one.anyway,
                    "differences": changes.collect::<Vec<_>>(),
                })
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
            if !self.global.quiet || word == "DIFFERS" || word == "FAILS" {
                let _ =
                    writeln!(text, "{:<32} {word:<10} {}", one.label, one.why.as_deref().unwrap_or_default());
            }
            for change in one.changes.iter().take(SHOWN) {
                let _ = writeln!(text, "  {}: {}", change.path, change.describe());
                text.push_str(&tell_change(change, cause(change, &there.facts, blamed(one), moments)));
            }
            if one.changes.len() > SHOWN {
                let _ =
                    writeln!(text, "  … and {} more; --json tells all of them", one.changes.len() - SHOWN);
            }
        }
        print(&text)?;
        let missing = all.iter().filter(|one| one.verdict == "not-stored").count();
        if missing > 0 {
            say(&format!(
                "warning: the store has nothing to compare {missing} of {} with: build first",
                all.len()
            ));
        }
        if all.is_empty() && !self.global.quiet {
            say("This project has no steps, and nothing is built from source");
        }
        Ok(())
    }
}

fn checked(one: &Rechecked, anyway: Option<bool>) -> Result<Checked, Failure> {
    let label = one.label.clone();
    let plain =
        |verdict, why| Checked { label: label.clone(), verdict, why, changes: Vec::new(), anyway: None };
    Ok(match &one.outcome {
        Outcome::Same => plain("same", None),
        Outcome::NotStored => plain("not-stored", None),
        Outcome::Failed(error) => plain("fails", Some(error.to_string())),
        Outcome::Differs { stored, made } => {
            let why = match anyway {
                Some(true) => "though nothing is perturbed",
                Some(false) => "only under perturbations",
                None => "",
            };
            let changes = of_trees(one, stored, made)?;
            Checked { label, verdict: "differs", why: Some(why.to_owned()), changes, anyway }
        }
    })
}
