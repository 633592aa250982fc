//! `invar verify --cache-check`: single steps and builds, done again and compared with the store.
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use invar_build::{BuildError, Outcome, Rechecked, Session, recheck};
use invar_checkout::ProjectFiles;
use invar_project::Platform;
use invar_store::Store;
use invar_tree::ImagePath;
use serde_json::{Value, json};

use crate::analysis::{Fact, Moments};
use crate::changes::{Change, of_trees};
use crate::error::VerifyError;
use crate::host::{AHEAD, Host, PerturbedHost};
use crate::interruption::Interruption;
use crate::perturbation::Perturbation;
use crate::report::{Conclusion, cause, change_json, tell_change, when};

/// What reaches into the sandbox, and so can be tried on a single step.
const INSIDE: [Perturbation; 4] =
    [Perturbation::Clock, Perturbation::CpuCount, Perturbation::CpuModel, Perturbation::DirectoryOrder];

/// How many differences of one step are reported in full.
const SHOWN: usize = 10;

/// What is checked, and with what.
pub struct CacheCheck<'a> {
    /// What is checked with.
    pub session: Session<'a>,
    /// The project.
    pub files: &'a ProjectFiles,
    /// This machine.
    pub host: &'a Host,
    /// The platforms.
    pub platforms: &'a [Platform],
    /// Interrupts the work.
    pub interruption: &'a Interruption,
}

/// What came of a check.
pub struct CacheReport {
    checked: Vec<Checked>,
    facts: Vec<Fact>,
    moments: Moments,
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
    /// Checks the steps and packages of these names, or all if there are none, under the `chosen` perturbations.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn run(mut self, names: &[String], chosen: &[Perturbation]) -> Result<CacheReport, VerifyError> {
        let (host, interruption) = (self.host, self.interruption);
        let possible = invar_sandbox::syscall_fakes_available(&self.session.sandbox).is_ok();
        let under: Vec<Perturbation> = INSIDE
            .into_iter()
            .filter(|one| chosen.contains(one))
            .filter(|one| possible || !matches!(one, Perturbation::Clock | Perturbation::DirectoryOrder))
            .collect();
        let there = PerturbedHost::new(host, &under, Path::new("/nonexistent"));
        let moments = Moments { first: host.now, second: host.now + AHEAD };
        let scratch = self.session.sources.store.scratch().map_err(BuildError::from)?;
        interruption.remove(Some(scratch.path()));
        let wanted = |name: &str| names.is_empty() || names.iter().any(|one| one == name);
        let (mut all, mut known) = (Vec::new(), BTreeSet::new());
        for (number, &platform) in self.platforms.iter().enumerate() {
            self.session.perturb(there.perturbation.clone());
            let into =
                Store::open(&scratch.path().join(format!("all-{number}"))).map_err(BuildError::from)?;
            let rechecked = recheck(&self.session, self.files, platform, &wanted, &into)?;
            known.extend(rechecked.iter().map(|one| one.name.clone()));
            let mut differing = differing(&rechecked)?;
            let mut pass = |perturbations: &[Perturbation], names: &Paths| -> Result<Paths, VerifyError> {
                if names.is_empty() {
                    return Ok(Paths::new());
                }
                let label: String = perturbations.iter().map(|one| one.name()).collect();
                let there = PerturbedHost::new(host, perturbations, Path::new("/nonexistent"));
                self.session.perturb(there.perturbation);
                let into = Store::open(&scratch.path().join(format!("only-{number}-{label}")))
                    .map_err(BuildError::from)?;
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
                if self.platforms.len() > 1 {
                    checked.label = format!("{} ({platform})", checked.label);
                }
                all.push(checked);
            }
        }
        interruption.remove(None);
        drop(scratch);
        if let Some(unknown) = names.iter().find(|name| !known.contains(*name)) {
            return Err(VerifyError::NoSuchStep { name: unknown.clone() });
        }
        Ok(CacheReport { checked: all, facts: there.facts, moments })
    }
}

impl CacheReport {
    /// What came of it all.
    pub fn conclusion(&self) -> Conclusion {
        let has = |verdict: &str| self.checked.iter().any(|one| one.verdict == verdict);
        if has("differs") || has("fails") {
            Conclusion::Differs
        } else if has("not-stored") {
            Conclusion::Incomplete
        } else {
            Conclusion::Same
        }
    }

    /// The result for programs.
    pub fn to_json(&self) -> Value {
        let checked = self.checked.iter().map(|one| {
            let changes = one.changes.iter().map(|(change, when)| {
                let cause = cause(change, &self.facts, &when.under, self.moments);
                let mut value = json!({"path": change.path.to_string(), "always": when.always});
                value["variations"] = when.under.iter().map(|one| one.name()).collect::<Vec<_>>().into();
                value["change"] = change_json(change, cause);
                value
            });
            let changes: Vec<_> = changes.collect();
            json!({"label": one.label, "verdict": one.verdict, "reason": one.why, "differences": changes})
        });
        json!({"checked": checked.collect::<Vec<_>>()})
    }

    /// The result as text; with `quiet`, only what differs or fails.
    pub fn text(&self, quiet: bool) -> String {
        let mut text = String::new();
        for one in &self.checked {
            let word = match one.verdict {
                "same" => "same",
                "not-stored" => "NOT STORED",
                "fails" => "FAILS",
                _ => "DIFFERS",
            };
            let is_bad = ["DIFFERS", "FAILS"].contains(&word);
            if !quiet || is_bad {
                let line = format!("{:<32} {word:<10} {}", one.label, one.why.as_deref().unwrap_or_default());
                let _ = writeln!(text, "{}", line.trim_end());
            }
            for (change, When { under, always }) in one.changes.iter().take(SHOWN) {
                let when = when(*always, under);
                let _ = writeln!(text, "  {} differs {when}: {}", change.path, change.describe());
                text.push_str(&tell_change(change, cause(change, &self.facts, under, self.moments)));
            }
            if one.changes.len() > SHOWN {
                let _ = writeln!(text, "  … and {} more; use --json to list all", one.changes.len() - SHOWN);
            }
        }
        text
    }

    /// What must not be overlooked: that there is nothing to compare with.
    pub fn warning(&self) -> Option<String> {
        let missing = self.checked.iter().filter(|one| one.verdict == "not-stored").count();
        (missing > 0).then(|| {
            let all = self.checked.len();
            format!(
                "warning: {missing} of {all} not compared, because the store has no results for them; run `invar build` \
                 first"
            )
        })
    }

    /// What is to be said if there is nothing to check.
    pub fn note(&self) -> Option<&'static str> {
        self.checked.is_empty().then_some("This project has no steps and no source builds")
    }
}

/// The paths in which what was created again differs.
fn differing(all: &[Rechecked]) -> Result<Paths, VerifyError> {
    let mut paths = Paths::new();
    for one in all {
        if let Outcome::Differs { stored, made } = &one.outcome {
            let changes = of_trees(one, stored, made)?;
            paths.entry(one.name.clone()).or_default().extend(changes.into_iter().map(|change| change.path));
        }
    }
    Ok(paths)
}

fn checked(one: &Rechecked, when: &dyn Fn(&ImagePath) -> When) -> Result<Checked, VerifyError> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn report(verdicts: &[(&str, &'static str)]) -> CacheReport {
        let checked = verdicts.iter().map(|(label, verdict)| Checked {
            label: (*label).to_owned(),
            verdict,
            why: None,
            changes: Vec::new(),
        });
        CacheReport {
            checked: checked.collect(),
            facts: Vec::new(),
            moments: Moments { first: 0, second: 1 },
        }
    }

    #[test]
    fn the_worst_verdict_counts() {
        let (same, missing) = (("step a", "same"), ("step b", "not-stored"));
        assert_eq!(report(&[same]).conclusion(), Conclusion::Same);
        assert_eq!(report(&[same, missing]).conclusion(), Conclusion::Incomplete);
        for bad in ["differs", "fails"] {
            assert_eq!(report(&[same, missing, ("step c", bad)]).conclusion(), Conclusion::Differs);
        }
    }

    #[test]
    fn what_has_nothing_to_compare_with_is_said_also_quietly() {
        let report = report(&[("step a", "same"), ("step b", "not-stored"), ("step c", "fails")]);
        let warning = report.warning().expect("one is not stored");
        assert!(warning.starts_with("warning: 1 of 3 not compared"), "{warning}");
        let (text, quiet) = (report.text(false), report.text(true));
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(quiet.starts_with("step c ") && quiet.ends_with(" FAILS\n"), "{quiet}");
        assert_eq!(report.note(), None);
    }
}
