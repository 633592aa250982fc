//! This program, started by `invar verify` as if on another machine, builds and answers.
use std::io::{BufReader, Write as _};
use std::path::Path;
use std::process::ExitCode;

use invar_verify::{Answer, Digests, Order, REBUILD, Rebuild, read_order, sandboxes};

use crate::cli::Global;
use crate::failure::{Failure, INTERRUPTED};
use crate::machine;
use crate::output::{Style, say};
use crate::report::reporter;

/// If this process was started to build again, does so and returns its exit code.
pub fn build_if_asked() -> Option<ExitCode> {
    if std::env::args_os().next()? != REBUILD {
        return None;
    }
    let mut input = BufReader::new(std::io::stdin());
    let Ok(order) = read_order(&mut input) else { return Some(ExitCode::FAILURE) };
    std::thread::spawn(move || {
        // Whoever ordered this holds the other end, so it closes however that process ends.
        let _ = std::io::copy(&mut input, &mut std::io::sink());
        std::process::exit(INTERRUPTED.into());
    });
    let answer = match order {
        Ok(Order::Sandboxes) => sandboxes(Path::new(machine::PROGRAM)),
        Ok(Order::Build(order)) => match rebuild(&order) {
            Ok(digests) => Answer::Built(digests),
            Err(failure) => Answer::Failed { message: failure.message().to_owned() },
        },
        Err(answer) => answer,
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
    let reporter = reporter(Style { quiet: false, verbose: false, json: true, colored: false });
    let files = order.files()?;
    let global: Global = serde_json::from_value(order.settings.clone())
        .map_err(|error| Failure::input(format!("cannot read the request: {error}"), None))?;
    let session = machine::session(&global, &files.manifest, &*reporter)?;
    Ok(order.build(session, files)?)
}
