//! Builds under the perturbations that can be tried, and finds out which change what.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use invar_build::{Built, runs_commands};
use invar_checkout::outside;

use crate::analysis::{Cause, Found, Moments, culprits};
use crate::changes::Finding;
use crate::error::VerifyError;
use crate::host::AHEAD;
use crate::order::Digests;
use crate::perturbation::Perturbation;
use crate::report::{Report, Tried, Verdict};
use crate::runner::{Ran, Runner, Verification};

impl Verification<'_> {
    /// Builds again under the `chosen` perturbations that can be tried here, and finds out which change what: with few
    /// builds, or one for `each`.
    ///
    /// # Errors
    /// [`VerifyError`]: what is wrong here, and not with the build.
    pub fn run(&self, built: &Built, chosen: &[Perturbation], each: bool) -> Result<Report, VerifyError> {
        let mut runner = Runner {
            setup: self,
            baseline: Digests::of(built),
            inventories: OnceLock::new(),
            details: BTreeMap::new(),
            builds: 0,
        };
        verify(&mut runner, built, chosen, each)
    }
}

/// Builds under the perturbations that can be tried here, and finds out which change what.
fn verify(
    runner: &mut Runner<'_>,
    built: &Built,
    chosen: &[Perturbation],
    each: bool,
) -> Result<Report, VerifyError> {
    let mut verdicts: BTreeMap<Perturbation, Verdict> = BTreeMap::new();
    for (one, why) in untried(runner, chosen)? {
        verdicts.insert(one, Verdict::NotTried(why));
    }
    let left = |verdicts: &BTreeMap<Perturbation, Verdict>| -> Vec<Perturbation> {
        chosen.iter().copied().filter(|one| !verdicts.contains_key(one)).collect()
    };
    let mut changed: BTreeSet<Finding> = BTreeSet::new();
    let mut found = Found::new();
    if each {
        for one in left(&verdicts) {
            match runner.run(&[one])? {
                Ran::Refused(why) => drop(verdicts.insert(one, Verdict::NotTried(why))),
                Ran::Differs(findings) if findings.is_empty() => {}
                Ran::Differs(findings) => {
                    changed.extend(findings.iter().cloned());
                    found.insert(one, findings);
                }
            }
        }
    } else if !left(&verdicts).is_empty() {
        match runner.run(&left(&verdicts))? {
            Ran::Differs(findings) => changed = findings,
            Ran::Refused(why) => {
                for one in left(&verdicts) {
                    verdicts.insert(one, Verdict::NotTried(why.clone()));
                }
            }
        }
    }
    let mut anyway = BTreeSet::new();
    if !changed.is_empty() || left(&verdicts).is_empty() {
        // What differs though nothing is perturbed is no perturbation's doing.
        anyway = differing(runner.run(&[])?)?;
        let by_perturbation: BTreeSet<Finding> = changed.difference(&anyway).cloned().collect();
        if each {
            for findings in found.values_mut() {
                *findings = findings.difference(&anyway).cloned().collect();
            }
        } else if !by_perturbation.is_empty() {
            let likely = likely(runner, &by_perturbation);
            found = culprits(&left(&verdicts), &likely, &by_perturbation, &mut |some| {
                Ok::<_, VerifyError>(differing(runner.run(some)?)?.difference(&anyway).cloned().collect())
            })?;
        }
        changed.extend(anyway.iter().cloned());
    }
    for one in left(&verdicts) {
        let findings = found.remove(&one).unwrap_or_default();
        verdicts.insert(one, if findings.is_empty() { Verdict::Same } else { Verdict::Differs(findings) });
    }
    let tried = chosen.iter().map(|one| Tried { perturbation: *one, verdict: verdicts[one].clone() });
    Ok(Report {
        digest: built.digest.to_string(),
        reference: built.reference.familiar(),
        several: runner.setup.platforms.len() > 1,
        tried: tried.collect(),
        changed,
        anyway,
        details: std::mem::take(&mut runner.details),
        moments: Moments { first: runner.setup.host.now, second: runner.setup.host.now + AHEAD },
        builds: runner.builds,
    })
}

/// What a build differs in that was created in this place before, so that it cannot be refused any more.
fn differing(ran: Ran) -> Result<BTreeSet<Finding>, VerifyError> {
    match ran {
        Ran::Differs(findings) => Ok(findings),
        Ran::Refused(why) => Err(VerifyError::NoLonger { why }),
    }
}

/// The perturbations that the first differences look like.
fn likely(runner: &Runner<'_>, findings: &BTreeSet<Finding>) -> Vec<Perturbation> {
    let moments = Moments { first: runner.setup.host.now, second: runner.setup.host.now + AHEAD };
    let mut likely = BTreeSet::new();
    for detail in findings.iter().filter_map(|finding| runner.details.get(finding)).take(20) {
        let Some((first, second)) = detail.change.as_ref().and_then(|change| change.contents.as_ref()) else {
            continue;
        };
        likely.extend(Cause::likely(first, second, &detail.facts, moments));
    }
    likely.into_iter().collect()
}

/// What cannot be tried here, and why.
fn untried(runner: &Runner<'_>, chosen: &[Perturbation]) -> Result<Vec<(Perturbation, String)>, VerifyError> {
    let sandboxes = runs_commands(runner.setup.files, runner.setup.platforms)?;
    let nothing_runs =
        "nothing in this project runs in the sandbox, and Invar itself is not affected".to_owned();
    let fakes = match sandboxes {
        true => invar_sandbox::syscall_fakes_available(&runner.setup.session.sandbox).err(),
        false => None,
    };
    let mut all = Vec::new();
    for &one in chosen {
        let why = match one {
            Perturbation::User | Perturbation::HostName => runner.refusal(&[one], sandboxes)?,
            Perturbation::Path => outside(runner.setup.files).map(|path| {
                format!("uv.lock refers to {path}, which a copy of the project directory would not contain")
            }),
            Perturbation::Clock | Perturbation::DirectoryOrder if fakes.is_some() => {
                fakes.as_ref().map(ToString::to_string)
            }
            Perturbation::Clock | Perturbation::CpuModel => (!sandboxes).then(|| nothing_runs.clone()),
            Perturbation::CpuCount => {
                (runner.setup.host.cpus < 2).then(|| "this machine has only one CPU".to_owned())
            }
            Perturbation::DirectoryOrder
            | Perturbation::Umask
            | Perturbation::TimeZone
            | Perturbation::Locale
            | Perturbation::Home
            | Perturbation::DownloadOrder
            | Perturbation::Environment => None,
        };
        all.extend(why.map(|why| (one, why)));
    }
    Ok(all)
}
