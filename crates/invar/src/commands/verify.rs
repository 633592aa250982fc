//! `invar verify`
mod again;
mod cache_check;
mod changes;
mod interruption;
mod order;
mod place;
mod report;
mod runner;

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::sync::OnceLock;

use invar_build::{
    BuildError, BuildRequest, Built, ProjectFiles, Session, Target, build, outside, runs_commands,
};
use invar_project::{Platform, Purpose};
use invar_verify::{Cause, Found, Moments, Perturbation, culprits};

pub use again::build_if_asked;

use self::changes::Finding;
use self::interruption::Interruption;
use self::order::Digests;
use self::place::{AHEAD, Here};
use self::report::{Report, Tried, Verdict};
use self::runner::{Ran, Runner};
use crate::cli::{Global, Verify};
use crate::commands::lock::print;
use crate::commands::open::{Open, folder_and_image};
use crate::failure::Failure;
use crate::report::Told;

/// Runs the command.
///
/// # Errors
/// [`Failure`].
pub fn run(global: &Global, options: &Verify, reporter: &dyn Told) -> Result<ExitCode, Failure> {
    if options.list {
        return list(global);
    }
    let chosen: Vec<Perturbation> = Perturbation::ALL
        .into_iter()
        .filter(|one| options.only.is_empty() || options.only.contains(one))
        .filter(|one| !options.skip.contains(one))
        .collect();
    let open = Open {
        project: &options.project,
        derive: &options.derive,
        purpose: Purpose::Build,
        keyring: None,
        locked: options.locked,
        keep_failed: false,
    };
    let (session, files) = open.open(global, reporter)?;
    let platforms = platforms(options, &files)?;
    let interruption = Interruption::listen().map_err(BuildError::Deliver)?;
    if let Some(names) = &options.cache_check {
        let check = cache_check::CacheCheck { global, session, files: &files, reporter };
        return check.run(options, names, &chosen, &platforms, &interruption);
    }
    let request = BuildRequest { target: Target::Nowhere, platforms: platforms.clone() };
    let built = build(&session, &files, &request)?;
    reporter.finish();
    let (_, image) = folder_and_image(&options.project);
    let here = Here::look(&files);
    let mut runner = Runner {
        global,
        session: &session,
        files: &files,
        image: image.filter(|_| files.derived.is_none()),
        platforms: &platforms,
        here: &here,
        baseline: Digests::of(&built),
        inventories: OnceLock::new(),
        interruption: &interruption,
        details: BTreeMap::new(),
        builds: 0,
    };
    let report = verify(&mut runner, &session, &built, &chosen, options.each)?;
    let code = report.exit_code(options.strict);
    report.print(global)?;
    Ok(code)
}

fn platforms(options: &Verify, files: &ProjectFiles) -> Result<Vec<Platform>, Failure> {
    if options.platform.is_empty() {
        return Ok(files.manifest.image.platforms.clone());
    }
    let parsed: Result<Vec<Platform>, _> = options.platform.iter().map(|platform| platform.parse()).collect();
    parsed.map_err(|error| Failure::input(error.to_string(), None))
}

/// Says which perturbations there are.
fn list(global: &Global) -> Result<ExitCode, Failure> {
    if global.json {
        let all = Perturbation::ALL
            .map(|one| serde_json::json!({"name": one.name(), "description": one.describe()}));
        return print(&format!("{}\n", serde_json::Value::from(all.to_vec())));
    }
    let lines = Perturbation::ALL.map(|one| format!("{:<16} {}\n", one.name(), one.describe()));
    print(&lines.concat())
}

/// Builds under the perturbations that can be tried here, and finds out which change what.
fn verify(
    runner: &mut Runner<'_>,
    session: &Session<'_>,
    built: &Built,
    chosen: &[Perturbation],
    each: bool,
) -> Result<Report, Failure> {
    let mut verdicts: BTreeMap<Perturbation, Verdict> = BTreeMap::new();
    for (one, why) in untried(runner, session, chosen)? {
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
                Ok::<_, Failure>(differing(runner.run(some)?)?.difference(&anyway).cloned().collect())
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
        several: runner.platforms.len() > 1,
        tried: tried.collect(),
        changed,
        anyway,
        details: std::mem::take(&mut runner.details),
        moments: Moments { first: session.now, second: session.now + AHEAD },
        builds: runner.builds,
    })
}

/// What a build differs in that was created in this place before, so that it cannot be refused any more.
fn differing(ran: Ran) -> Result<BTreeSet<Finding>, Failure> {
    match ran {
        Ran::Differs(findings) => Ok(findings),
        Ran::Refused(why) => Err(Failure::input(format!("it can no longer be run: {why}"), None)),
    }
}

/// The perturbations that the first differences look like.
fn likely(runner: &Runner<'_>, findings: &BTreeSet<Finding>) -> Vec<Perturbation> {
    let moments = Moments { first: runner.session.now, second: runner.session.now + AHEAD };
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
fn untried(
    runner: &Runner<'_>,
    session: &Session<'_>,
    chosen: &[Perturbation],
) -> Result<Vec<(Perturbation, String)>, Failure> {
    let sandboxes = runs_commands(runner.files, runner.platforms)?;
    let nothing_runs =
        "nothing in this project runs in the sandbox, and Invar itself is not affected".to_owned();
    let illusions = match sandboxes {
        true => invar_sandbox::illusions_available(&session.programs.sandbox).err(),
        false => None,
    };
    let mut all = Vec::new();
    for &one in chosen {
        let why = match one {
            Perturbation::User | Perturbation::HostName => runner.refusal(&[one], sandboxes)?,
            Perturbation::Path => outside(runner.files).map(|path| {
                format!("uv.lock refers to {path}, which a copy of the project directory would not contain")
            }),
            Perturbation::Clock | Perturbation::DirectoryOrder if illusions.is_some() => {
                illusions.as_ref().map(ToString::to_string)
            }
            Perturbation::Clock | Perturbation::CpuModel => (!sandboxes).then(|| nothing_runs.clone()),
            Perturbation::CpuCount => {
                (runner.here.cpus < 2).then(|| "this machine has only one CPU".to_owned())
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
