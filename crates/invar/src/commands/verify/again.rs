//! The other end: this program, started by `invar verify` as if on another machine, builds and answers.
use std::io::{BufRead as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use invar_build::{BuildRequest, Target, build};
use invar_checkout::{CheckoutError, ProjectFiles};
use invar_project::{DerivedSource, Platform, Purpose};
use invar_store::Store;

use super::order::{Answer, Digests, Order, Rebuild};
use crate::failure::Failure;
use crate::machine;
use crate::report::{Style, reporter, say};

/// The name that this program is started under to build again. No user can type it by accident.
pub const NAME: &str = "invar-verify:build";

/// The longest order that is read, in bytes.
const LONGEST: u64 = 1 << 20;

/// If this process was started to build again, does so and returns its exit code.
pub fn build_if_asked() -> Option<ExitCode> {
    if std::env::args_os().next()? != NAME {
        return None;
    }
    let mut line = String::new();
    let mut input = std::io::BufReader::new(std::io::Read::take(std::io::stdin(), LONGEST));
    let order = match input.read_line(&mut line) {
        Ok(_) => serde_json::from_str(&line),
        Err(_) => return Some(ExitCode::FAILURE),
    };
    std::thread::spawn(move || {
        // Whoever ordered this holds the other end, so it closes however that process ends.
        let _ = std::io::copy(&mut input, &mut std::io::sink());
        std::process::exit(130);
    });
    let answer = match order {
        Ok(Order::Sandboxes) => match invar_sandbox::available(Path::new("/proc/self/exe")) {
            Ok(()) => Answer::Possible,
            Err(error) => Answer::Failed { message: error.to_string() },
        },
        Ok(Order::Build(order)) => match rebuild(&order) {
            Ok(digests) => Answer::Built(digests),
            Err(failure) => Answer::Failed { message: failure.message().to_owned() },
        },
        Err(error) => Answer::Failed { message: format!("the order cannot be read: {error}") },
    };
    let json = serde_json::to_string(&answer).expect("texts can always be written");
    match writeln!(std::io::stdout(), "{json}") {
        Ok(()) => Some(ExitCode::SUCCESS),
        Err(error) => {
            say(&format!("cannot answer: {error}"));
            Some(ExitCode::FAILURE)
        }
    }
}

fn rebuild(order: &Rebuild) -> Result<Digests, Failure> {
    let reporter = reporter(Style { quiet: false, json: true });
    let files = match &order.derived {
        None => ProjectFiles::read(&order.project)?,
        Some((file, output)) => {
            let source = DerivedSource { file: file.clone(), output: output.clone() };
            let recorded = ProjectFiles::recorded(&order.project, &source, Purpose::Build)?;
            let path = order.project.join("invar.lock");
            let recorded = recorded.ok_or(CheckoutError::NoInvarLock { path })?;
            ProjectFiles::read_derived(&order.project, recorded.manifest)?
        }
    };
    let mut session = machine::session(&order.global, &files.manifest, &*reporter)?;
    session.sources.lender = Some(Store::open(&order.downloads)?);
    machine::perturb(&mut session, &order.perturbation);
    let files = match &order.image {
        Some(image) => files.image(image)?,
        None => files,
    };
    let platforms: Result<Vec<Platform>, _> =
        order.platforms.iter().map(|platform| platform.parse()).collect();
    let platforms = platforms.map_err(|error| Failure::input(error.to_string(), None))?;
    let built = build(&session, &files, &BuildRequest { target: Target::Nowhere, platforms })?;
    Ok(Digests::of(&built))
}
