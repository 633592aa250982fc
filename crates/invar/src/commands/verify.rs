//! `invar verify`
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::ExitCode;

use invar_build::{BuildError, BuildRequest, Target, build};
use invar_checkout::ProjectFiles;
use invar_project::{Platform, Purpose};
use invar_realise::Silent;
use invar_store::Store;
use invar_verify::{
    CacheCheck, Conclusion, Host, Interruption, Perturbation, Program, RebuildReporter, Verification,
};

use crate::cli::{Global, Verify};
use crate::failure::{DIFFERENT, Failure, INTERRUPTED, NOT_TRIED};
use crate::machine;
use crate::manifest::folder_and_image;
use crate::open::Open;
use crate::output::say;
use crate::report::{CliReporter, print};

/// Runs the command.
///
/// # Errors
/// [`Failure`].
pub fn run(global: &Global, options: &Verify, reporter: &dyn CliReporter) -> Result<ExitCode, Failure> {
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
        locking: options.locking,
        keep_failed: false,
    };
    let (session, files) = open.open(global, reporter)?;
    let platforms = platforms(options, &files)?;
    let interruption = listen().map_err(BuildError::Deliver)?;
    let host = Host::look(&files, machine::environment(), machine::cpus(), machine::now());
    if let Some(names) = &options.cache_check {
        let (files, platforms) = (&files, platforms.as_slice());
        let check = CacheCheck { session, files, host: &host, platforms, interruption: &interruption };
        let report = check.run(names, &chosen)?;
        reporter.finish();
        if global.json {
            print(&format!("{}\n", report.to_json()))?;
        } else {
            print(&report.text(global.quiet))?;
            report.warning().iter().for_each(|warning| reporter.line(warning));
            report.note().filter(|_| !global.quiet).iter().for_each(|note| reporter.line(note));
        }
        return Ok(code(report.conclusion(), options.strict));
    }
    let request = BuildRequest { target: Target::Nowhere, platforms: platforms.clone() };
    let built = build(&session, &files, &request)?;
    reporter.finish();
    let (_, image) = folder_and_image(&options.project);
    let settings = |store: &Path, jobs: Option<NonZeroUsize>| {
        let mut global = global.clone();
        global.store = Some(store.to_owned());
        global.jobs = jobs.or(global.jobs);
        serde_json::to_value(&global)
    };
    let again = |store: Store| {
        machine::session_over(store, global, &files.manifest, &Silent)
            .expect("the first build had a session from the same settings")
    };
    let verification = Verification {
        session: &session,
        files: &files,
        image: image.filter(|_| files.derived.is_none()),
        platforms: &platforms,
        host: &host,
        program: Program { path: Path::new(machine::PROGRAM), settings: &settings, session: &again },
        interruption: &interruption,
        reporter: &Rebuilds { global, reporter },
    };
    let report = verification.run(&built, &chosen, options.each)?;
    reporter.finish();
    if global.json {
        print(&format!("{}\n", report.to_json()))?;
    } else {
        print(&report.text(global.quiet))?;
        if !global.quiet {
            say(&report.summary());
        }
        report.warning().iter().for_each(|warning| reporter.line(warning));
    }
    Ok(code(report.conclusion(), options.strict))
}

fn code(conclusion: Conclusion, strict: bool) -> ExitCode {
    match conclusion {
        Conclusion::Differs => DIFFERENT.into(),
        Conclusion::Incomplete if strict => NOT_TRIED.into(),
        Conclusion::Incomplete | Conclusion::Same => ExitCode::SUCCESS,
    }
}

/// Begins to listen for signals.
fn listen() -> std::io::Result<Interruption> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let interruption = Interruption::default();
    let mut signals = signal_hook::iterator::Signals::new([SIGHUP, SIGINT, SIGTERM])?;
    let listener = interruption.clone();
    std::thread::spawn(move || {
        for _ in signals.forever() {
            if !listener.interrupt() {
                std::process::exit(INTERRUPTED.into());
            }
        }
    });
    Ok(interruption)
}

/// Says what is built again.
struct Rebuilds<'a> {
    global: &'a Global,
    reporter: &'a dyn CliReporter,
}

impl RebuildReporter for Rebuilds<'_> {
    fn started(&self, build: usize, under: &[Perturbation]) {
        if self.global.quiet {
            return;
        }
        let names: Vec<&str> = under.iter().map(|one| one.name()).collect();
        if self.global.json {
            let event = serde_json::json!({"event": "rebuild", "build": build, "variations": names});
            return say(&event.to_string());
        }
        let sentence = match names.as_slice() {
            [] => "Rebuilding without variations".to_owned(),
            names => format!("Rebuilding under {}", names.join(", ")),
        };
        self.reporter.line(&sentence);
        self.reporter.working("Rebuilding");
    }

    fn event(&self, build: usize, mut event: serde_json::Value) {
        if self.global.quiet {
            return;
        }
        if self.global.json {
            event["build"] = build.into();
            say(&event.to_string());
        } else if event["event"] == "step-started" {
            let label = event["label"].as_str().unwrap_or_default();
            self.reporter.line(&format!("  Building {label}"));
            self.reporter.working(&format!("Rebuilding {label}"));
        }
    }
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
